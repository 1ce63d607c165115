"""What decides a grade: whatever it is computed from, wherever it lies, and as it was read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.assignment.course import Course
from autograder.assignment.rubric import Rubric
from autograder.grading.policies import ClassPolicies
from autograder.grading.submission import SubmissionFolder, find_submissions
from autograder.grading.unchanged import decides
from autograder.results.folder import Asked


@pytest.fixture
def essays(root: Path, tmp_path: Path) -> Course:
    """The course of essays, its table in a folder beside the assignment's."""
    home = Path(shutil.copytree(root / "tests" / "courses" / "essays", tmp_path / "course"))
    (home / "shared").mkdir()
    table = next((home / "marking").glob("*.csv"))
    table.rename(home / "shared" / table.name)
    declared = home / "marking" / "assignment.toml"
    text = declared.read_text(encoding="utf-8")
    declared.write_text(text.replace(f'data = "{table.name}"', f'data = "../shared/{table.name}"'), encoding="utf-8")
    return Course(home)


@pytest.fixture
def ada(tmp_path: Path) -> tuple[SubmissionFolder, ...]:
    (tmp_path / "submitted" / "ada").mkdir(parents=True)
    (tmp_path / "submitted" / "ada" / "notes.txt").write_text("x", encoding="utf-8")
    return find_submissions(tmp_path / "submitted", "marking")[0]


def digest(course: Course, rubric: Rubric, ada: tuple[SubmissionFolder, ...]) -> str:
    return decides(course, rubric, Asked(), 1, ada, ClassPolicies())["ada"]


def test_a_table_beside_the_assignment_decides_too(essays: Course, ada: tuple[SubmissionFolder, ...]) -> None:
    before = digest(essays, essays.rubric("marking"), ada)
    assert digest(essays, essays.rubric("marking"), ada) == before
    (table,) = (essays.root / "shared").iterdir()
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join(lines[:-1]), encoding="utf-8")
    assert digest(essays, essays.rubric("marking"), ada) != before


def test_what_was_read_decides_where_the_file_was_changed_since(
    essays: Course, ada: tuple[SubmissionFolder, ...]
) -> None:
    read = essays.rubric("marking")
    declared = essays.root / "marking" / "assignment.toml"
    declared.write_text(declared.read_text(encoding="utf-8").replace("points = 1", "points = 9", 1), encoding="utf-8")
    again = essays.rubric("marking")
    assert sum(item.points for item in again.items) > sum(item.points for item in read.items)
    assert digest(essays, again, ada) != digest(essays, read, ada)
