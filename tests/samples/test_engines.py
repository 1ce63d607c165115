"""Both ways to run cells, IPython in the notebook's own process and a real Jupyter kernel, give the same answers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.pipeline import Grading
from autograder.records import Ending, NotebookRun
from autograder.samples import build_sample, read_sample
from autograder.sandbox.bubblewrap import Boxes, Job
from autograder.sandbox.policy import Engine, Limits
from autograder.submission import SubmissionFolder, read_submission

SAMPLES = Path(__file__).resolve().parents[1] / "submissions"
CASES = sorted(path.parent.name for path in SAMPLES.glob("*/submission.toml"))

#: The same choice in every run, so that a failure can be repeated.
SEED = 5


def chosen(pytestconfig: pytest.Config) -> list[str]:
    return random.Random(SEED).sample(CASES, min(pytestconfig.getoption("engine_samples"), len(CASES)))


def runs(engine: Engine, notebooks: Mapping[str, tuple[str | None, ...]], panel: bytes) -> dict[str, NotebookRun]:
    # An endless loop ends soon; what a kernel itself takes must not end it sooner.
    with Boxes(engine) as boxes:
        return boxes.run(Job(notebooks, panel, Limits(cpu_seconds=20, wall_seconds=180.0)))


def test_both_engines_give_the_same_answers(
    course: Course, gradings: dict[str, Grading], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """All samples run by both with ``--engine-samples 100``."""
    for case in chosen(pytestconfig):
        grading = gradings[read_sample(SAMPLES / case).assignment]
        build_sample(SAMPLES / case, course, grading.rubric, tmp_path / case)
        submission = read_submission(SubmissionFolder(case, tmp_path / case), grading.release)
        notebooks = {
            notebook.name: tuple(cell.source if cell.cell_type == "code" else None for cell in notebook.cells)
            for notebook in submission.notebooks
            if notebook.problem is None
        }
        panel = grading.panels[0].panel.to_csv_bytes()
        here, kernel = (runs(engine, notebooks, panel) for engine in Engine)
        for name in notebooks:
            assert here[name].ending is kernel[name].ending, f"{case}, {name}"
            assert here[name].answers == kernel[name].answers, f"{case}, {name}"
            if here[name].ending is Ending.FINISHED:
                errors = [[(cell.index, cell.error) for cell in run[name].cells] for run in (here, kernel)]
                assert errors[0] == errors[1], f"{case}, {name}"
