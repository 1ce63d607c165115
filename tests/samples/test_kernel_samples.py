"""Cells behave in the box as in Jupyter: our own samples run in a real kernel outside it, and answer and show the same.

The kernel is run by nbclient, with nothing of the box but the module that notebooks import. That is for samples of ours
alone: in a kernel outside the box a learner's notebook could do anything.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.assignment.course import Course
from autograder.assignment.samples import build_sample, read_sample
from autograder.grading.pipeline import Grading
from autograder.grading.submission import SubmissionFolder, read_submission
from autograder.records.grading import Ending
from autograder.records.values import Value
from autograder.sandbox import bubblewrap, policy
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.policy import Limits
from autograder.sandbox.run_record import Record

SAMPLES = Path(__file__).resolve().parents[1] / "submissions"
CASES = sorted(path.parent.name for path in SAMPLES.glob("*/submission.toml"))

#: The same choice in every run, so that a failure can be repeated.
SEED = 5

#: An endless loop ends soon.
LIMITS = Limits(cpu_seconds=20, wall_seconds=180.0)

#: Runs first in the kernel: what notebooks import, with answers written to a file, and a bound on memory as in the box.
SET_UP = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({memory},) * 2)
sys.path.append({ours!r})
from inside import student
sys.path.remove({ours!r})
ours = student.Student({name!r}, os.open({answers!r}, os.O_WRONLY | os.O_CREAT), {panel!r})
"""

#: What a cell may show, in all the ways that differ inside IPython.
SHOWING = (
    "import sys; print('out'); print('err', file=sys.stderr)",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
    "await __import__('asyncio').sleep(0)\n1 + 1",
    "1 / 0",
    "from IPython.display import display\nhandle = display(1, display_id=True); handle.update(2)",
    "from autograder.student import check, load_panel\ncheck('shape', load_panel().shape)\nload_panel().head()",
    "this is no Python",
    "%%capture kept\nprint('not shown')",
    "kept.stdout, _",
)

#: The answers by name, and by cell what it showed: each output's type, its stream's or error's name, its MIME types.
Shown = tuple[Mapping[str, Value], dict[int, set[tuple[str, str, tuple[str, ...]]]]]


def run_in_a_kernel(name: str, cells: Sequence[str | None], panel: bytes, folder: Path) -> Shown:
    folder.mkdir()
    (folder / "panel.csv").write_bytes(panel)
    answers = folder / "answers.jsonl"
    places = {"ours": str(bubblewrap.INSIDE.parent), "panel": str(folder / "panel.csv"), "answers": str(answers)}
    sources = [SET_UP.format(name=name, memory=LIMITS.memory_bytes, **places), *cells]
    run = [
        nbformat.v4.new_code_cell(source) if source is not None else nbformat.v4.new_raw_cell() for source in sources
    ]
    # Sums come out the same to the last digit by as many threads as in the box.
    threads = {name: value for name, value in policy.ENVIRONMENT.items() if name.endswith("_THREADS")}
    client = NotebookClient(nbformat.v4.new_notebook(cells=run), allow_errors=True, timeout=300, kernel_name="python3")
    client.resources = {"metadata": {"path": str(folder)}}
    executed = client.execute(env={**os.environ, **threads}).cells
    assert executed[0].outputs == []
    record = Record(name, len(cells))
    for line in answers.read_bytes().splitlines():
        record.take(line)
    return record.finish(Ending.FINISHED).answers, {
        place: {_kind(output) for output in cell.outputs}
        for place, cell in enumerate(executed[1:])
        if cell.cell_type == "code"
    }


def _kind(output: Any) -> tuple[str, str, tuple[str, ...]]:
    entry = dict(output)
    return entry["output_type"], entry.get("name", entry.get("ename", "")), tuple(sorted(entry.get("data", ())))


def assert_same(notebooks: Mapping[str, tuple[str | None, ...]], panel: bytes, folder: Path) -> int:
    """Compare the notebooks that come to their end in the box; return how many answers there were.

    As in a kernel, the first error ends its cell.
    """
    with Boxes() as boxes:
        runs = {n: boxes.run(Job(n, cells, panel, LIMITS, error_ends_cell=True)) for n, cells in notebooks.items()}
    count = 0
    for name, run in runs.items():
        if run.ending is Ending.FINISHED:
            answers, shown = run_in_a_kernel(name, notebooks[name], panel, folder / name)
            here = {
                cell.index: {(o.output_type, o.name or o.ename, tuple(sorted(o.data))) for o in cell.outputs}
                for cell in run.cells
            }
            assert (run.answers, here) == (answers, shown), name
            count += len(answers)
    return count


def test_cells_answer_and_show_what_they_do_in_a_kernel(gradings: dict[str, Grading], tmp_path: Path) -> None:
    panel = gradings["practice"].panels[0].panel.to_csv_bytes()
    assert assert_same({"task": (*SHOWING, None, "check('last', 1.5)")}, panel, tmp_path) == 2


def test_samples_answer_and_show_what_they_do_in_a_kernel(
    course: Course, gradings: dict[str, Grading], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """All samples run by both with ``--kernel-samples 100``."""
    wanted = min(pytestconfig.getoption("kernel_samples"), len(CASES))
    for case in random.Random(SEED).sample(CASES, wanted):
        grading = gradings[read_sample(SAMPLES / case).assignment or "practice"]
        build_sample(SAMPLES / case, course, grading.rubric, tmp_path / case)
        submission = read_submission(SubmissionFolder(case, tmp_path / case), grading.release)
        notebooks = {
            notebook.name: tuple(cell.source if cell.cell_type == "code" else None for cell in notebook.cells)
            for notebook in submission.notebooks
            if notebook.problem is None
        }
        (tmp_path / f"{case}-run").mkdir()
        assert_same(notebooks, grading.panels[0].panel.to_csv_bytes(), tmp_path / f"{case}-run")
