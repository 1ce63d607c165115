"""What a proof of a release keeps: after a changed sentence nothing is run again, after anything else it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from autograder.assignment.course import Course
from autograder.assignment.key import Keyed
from autograder.assignment.release import make_release, parse_release
from autograder.assignment.rubric import Item, Rubric
from autograder.grading import pruning, release_gate
from autograder.grading.release_gate import Proof, prove
from autograder.records.grading import NotebookRun
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.run_store import Store
from autograder.scoring import distinct_answers


class Work:
    """How often panels were drawn and notebooks run, in truth."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.drawn: list[int] = []
        self.runs = 0
        draw, run = distinct_answers.hidden_panel, Boxes.run

        def hidden_panel(rubric: Rubric, seed: int, **asked: Any) -> Keyed:
            self.drawn.append(seed)
            return draw(rubric, seed, **asked)

        def counted(boxes: Boxes, job: Job) -> NotebookRun:
            self.runs += 1
            return run(boxes, job)

        for module in (distinct_answers, pruning):
            monkeypatch.setattr(module, "hidden_panel", hidden_panel)
        monkeypatch.setattr(Boxes, "run", counted)

    def of(self, prove_it: Callable[[], Proof]) -> tuple[Proof, int, int]:
        """Return a proof, and how many panels were drawn and notebooks run for it."""
        self.drawn.clear()
        self.runs = 0
        return prove_it(), len(self.drawn), self.runs


def changed(rubric: Rubric, change: Callable[[Item], Item]) -> Rubric:
    """Return the rubric with a change in the first item that has a tolerance."""
    which = next(item.id for item in rubric.items if item.tolerance)
    notebooks = [
        msgspec.structs.replace(one, item=tuple(change(item) if item.id == which else item for item in one.item))
        for one in rubric.notebook
    ]
    return msgspec.structs.replace(rubric, notebook=tuple(notebooks))


@pytest.fixture(scope="module")
def seed(rubric: Rubric) -> int:
    """The first seed whose first draw will not do."""
    return next(seed for seed in range(7_000, 7_100) if distinct_answers.draw(rubric, seed).attempt)


def test_after_a_changed_sentence_nothing_is_run_again(
    course: Course, rubric: Rubric, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_gate, "FIRST_SEED", seed)
    work, release = Work(monkeypatch), parse_release(make_release(course, rubric))

    def proof(rubric: Rubric) -> tuple[Proof, int, int]:
        return work.of(lambda: prove(course, rubric, release, Store(tmp_path / "runs"), panels=1))

    first, drawn, runs = proof(rubric)
    assert drawn > 1
    # The release, the solution on the learners' own panel, and on the hidden one.
    assert runs == 3 * len(release)
    names = {path.name for path in (tmp_path / "runs").iterdir()}
    said_otherwise = changed(rubric, lambda item: msgspec.structs.replace(item, advice="Read the table once more."))
    assert proof(said_otherwise) == (first, 1, 0)
    assert {path.name for path in (tmp_path / "runs").iterdir()} == names
    stricter = changed(rubric, lambda item: msgspec.structs.replace(item, tolerance=0.9 * (item.tolerance or 0.0)))
    assert proof(stricter)[1:] == (drawn, 0)
    first_notebook = release[0]
    cells = tuple(
        replace(cell, source=f"{cell.source}\n") if cell.cell_type == "code" else cell for cell in first_notebook.cells
    )
    release = (replace(first_notebook, cells=cells), *release[1:])
    assert proof(stricter)[1] == 1
    assert work.runs >= 1


def test_a_draw_that_will_not_do_any_more_is_drawn_again(rubric: Rubric, seed: int) -> None:
    right = distinct_answers.draw(rubric, seed)
    assert right.attempt > 0
    again = distinct_answers.draw(rubric, seed, known=0)
    assert again.attempt == right.attempt
    assert again.examination == right.examination
