"""Every honest learner of the corpus earns what the work is worth, and whoever lost something is named with the reason.

The class is graded once, through the command, as a teacher would. Some cases alone:

    .venv/bin/python -m pytest tests/everyday --everyday zipped,memo-as-a-string
"""

from __future__ import annotations

import random
import re
import sqlite3
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from everyday_corpus import ASSIGNMENT, Case, hand_in, read_cases

from autograder.assignment.course import Course
from autograder.cli import main
from autograder.results.folder import GRADEBOOK

CASES = read_cases()


@dataclass(frozen=True)
class GradedClass:
    """What a teacher has after grading: the exit code, the lines that were printed, and the results."""

    code: int
    printed: str
    into: Path

    def told_of(self, learner: str) -> str:
        """Return what the last lines say of a learner."""
        found = re.search(rf"^Look at {re.escape(learner)}: (.*)$", self.printed, re.MULTILINE)
        return found[1] if found else ""

    def filed(self, learner: str) -> dict[str, tuple[float | None, bool]]:
        """Return what the gradebook has of a learner by item: the points, and whether a person is to give some."""
        with sqlite3.connect(self.into / GRADEBOOK) as book:
            rows = book.execute(
                "select base_cell.name, grade.auto_score, grade.needs_manual_grade from grade"
                " join base_cell on base_cell.id = grade.cell_id"
                " join submitted_notebook on submitted_notebook.id = grade.notebook_id"
                " join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id"
                " where submitted_assignment.student_id = ?",
                (learner,),
            ).fetchall()
        return {name: (score, bool(waits)) for name, score, waits in rows}


@pytest.fixture(scope="module")
def drawn(request: pytest.FixtureRequest) -> frozenset[str]:
    """The cases of this run."""
    wanted = request.config.getoption("--everyday")
    if wanted == "all":
        return frozenset(CASES)
    if not wanted.isdigit():
        return frozenset(wanted.split(","))
    chance = random.Random(request.config.getoption("--draw"))
    return frozenset(chance.sample(sorted(CASES), min(int(wanted), len(CASES))))


@pytest.fixture(scope="module")
def graded(course: Course, drawn: frozenset[str], tmp_path_factory: pytest.TempPathFactory) -> GradedClass:
    home = tmp_path_factory.mktemp("everyday")
    for name in sorted(drawn):
        hand_in(CASES[name], course, home / "submitted" / name / ASSIGNMENT)
    command = [
        "grade",
        ASSIGNMENT,
        "--submitted",
        home / "submitted",
        "--into",
        home / "results",
        "--hidden-seed",
        "20",
    ]
    printed = home / "printed.txt"
    with printed.open("w") as file, redirect_stdout(file), pytest.raises(SystemExit) as ended:
        main([str(word) for word in (*command, "--course", course.root)])
    return GradedClass(int(ended.value.code or 0), printed.read_text(), home / "results")


@pytest.mark.parametrize("name", CASES)
def test_an_honest_learner_earns_what_the_work_is_worth(graded: GradedClass, drawn: frozenset[str], name: str) -> None:
    if name not in drawn:
        pytest.skip("not drawn; --everyday all grades every case")
    case: Case = CASES[name]
    filed = graded.filed(name)
    assert sum(score or 0.0 for score, _ in filed.values()) == case.expect.points
    assert sorted(item for item, (_, waits) in filed.items() if waits) == case.expect.for_a_person


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.expect.told])
def test_the_teacher_is_told_what_may_have_cost_points(graded: GradedClass, drawn: frozenset[str], name: str) -> None:
    if name not in drawn:
        pytest.skip("not drawn; --everyday all grades every case")
    told = graded.told_of(name)
    page = (graded.into / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")
    assert [words for words in CASES[name].expect.told if words not in told] == []
    assert name in page


def test_a_class_with_somebody_to_look_at_does_not_end_as_if_all_was_well(graded: GradedClass) -> None:
    assert graded.code == 1
