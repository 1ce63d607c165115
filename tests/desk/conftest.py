"""Grades that nothing was run for, and gradebooks to keep them in: files of SQLite, and a server of PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from postgresql_server import Server, server

from autograder.assignment.course import Course
from autograder.assignment.key import own_panel
from autograder.assignment.release import read_release
from autograder.assignment.rubric import Rubric
from autograder.grading.pipeline import Grading
from autograder.language.catalogue import Sentence
from autograder.records.grading import (
    Ending,
    Grade,
    ItemResult,
    NotebookGrade,
    NotebookRun,
    SubmittedNotebook,
    Verdict,
)
from autograder.records.values import Number
from autograder.results.gradebook import Gradebook


@pytest.fixture(scope="session")
def grading(course: Course, rubric: Rubric) -> Grading:
    """What a grading of the practice assignment needs, but for a hidden panel: nothing is run here."""
    return Grading(rubric, read_release(course, rubric), (own_panel(rubric),))


@pytest.fixture
def grade_of(grading: Grading) -> Callable[..., Grade]:
    """Return a function that gives a learner's grade: everything right and the memo to be read, or else as told."""

    def made(student: str, *, wrong: tuple[str, ...] = (), shown: str = "", **more: object) -> Grade:
        notebooks = []
        for entry, released in zip(grading.rubric.notebook, grading.release, strict=True):
            items = []
            for item in entry.item:
                if item.answer_kind.by_person:
                    waiting = Sentence("scoring.for_a_person")
                    items.append(ItemResult(item.id, Verdict.NEEDS_PERSON, 0.0, item.points, waiting))
                elif item.id in wrong:
                    why = Sentence("scoring.elsewhere")
                    items.append(ItemResult(item.id, Verdict.WRONG, 0.0, item.points, why, "a_mistake", "A hint."))
                else:
                    right = Sentence("comparison.right")
                    items.append(ItemResult(item.id, Verdict.CORRECT, item.points, item.points, right))
            answers = {item.item: Number(0.25) for item in items if item.verdict is not Verdict.NEEDS_PERSON}
            run = NotebookRun(entry.name, Ending.FINISHED, answers=answers)
            notebooks.append(NotebookGrade(SubmittedNotebook(entry.name, released.cells), run, tuple(items)))
        return Grade(student, grading.rubric.assignment, tuple(notebooks), shown=shown or student, **more)  # type: ignore[arg-type]

    return made


def changed(grade: Grade, **of_items: dict[str, object]) -> Grade:
    """Return a grade with other results for some items."""

    def result(one: ItemResult) -> ItemResult:
        return replace(one, **of_items[one.item]) if one.item in of_items else one  # type: ignore[arg-type]

    notebooks = (replace(one, items=tuple(map(result, one.items))) for one in grade.notebooks)
    return replace(grade, notebooks=tuple(notebooks))


@pytest.fixture
def class_of(grade_of: Callable[..., Grade]) -> Callable[[int], list[Grade]]:
    """Return a function that gives the grades of so many learners, some of them with something to tell."""

    def made(count: int) -> list[Grade]:
        rng = np.random.default_rng(3)
        names = [item.item for item in grade_of("x").items if item.item != "memo"]
        able, hard = rng.normal(size=count), rng.normal(size=len(names))
        grades = []
        for place in range(count):
            lost = [n for n, h in zip(names, hard, strict=True) if able[place] + rng.normal() < h]
            plain = {name: {"mistake": None, "reason": Sentence("comparison.wrong_number")} for name in lost}
            grades.append(changed(grade_of(f"learner{place}@x.org", wrong=tuple(lost), shown=f"L. {place}"), **plain))
        slip = {"icc": {"verdict": Verdict.WRONG, "score": 0.0, "mistake": "from_standard_deviations"}}
        grades[0], grades[1] = changed(grades[0], **slip), changed(grades[1], **slip)
        elsewhere = {"verdict": Verdict.WRONG, "score": 0.0, "reason": Sentence("scoring.elsewhere"), "mistake": None}
        for place in (2, 3):
            grades[place] = changed(grades[place], var_store=elsewhere, lrt_p=elsewhere)
        first, *others = grades[4].notebooks
        ended = replace(first, run=replace(first.run, ending=Ending.TIMED_OUT))
        grades[4] = replace(grades[4], notebooks=(ended, *others))
        edited = Sentence("attention.note", notebook="task1-icc", note=Sentence("submission.edited", cells="icc"))
        failed = Sentence("attention.left_out", notebook="task1-icc", statements="line 1 of the cell fit_icc")
        grades[5] = replace(grades[5], look_at=(edited, failed))
        return grades

    return made


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server that is there for this run of the tests."""
    with server() as started:
        yield started


@pytest.fixture(scope="session")
def empty_file(grading: Grading, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gradebook without learners in a file, to be copied: nbgrader takes seconds to make one."""
    path = tmp_path_factory.mktemp("empty") / "gradebook.db"
    with Gradebook(path) as book:
        book.prepare("practice", grading.release)
    return path


@pytest.fixture(scope="session")
def class_database(postgresql: Server, grading: Grading) -> Callable[[str], str]:
    """Return a function that makes a gradebook without learners in PostgreSQL, and gives its address."""
    with Gradebook(postgresql.database("empty")) as book:
        book.prepare("practice", grading.release)
    return lambda name: postgresql.database(name, "empty")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a gradebook without learners is, in each of the databases."""
    if request.param == "postgresql":
        made: str = request.getfixturevalue("class_database")(f"t{abs(hash(tmp_path.name)) % 10**12}")
        return made
    return Path(shutil.copy(request.getfixturevalue("empty_file"), tmp_path))
