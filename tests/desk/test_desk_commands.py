"""What the commands of the desk leave behind: a learner forgotten whole, a zip of pages that says who is missing."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from exports import MOODLE

from autograder.assignment.course import Course
from autograder.commands import desk
from autograder.errors import CourseError
from autograder.grading.page_files import write_pages
from autograder.grading.pipeline import Grading
from autograder.records.grading import Grade
from autograder.results.gradebook import Gradebook
from autograder.results.marks import Basis


@pytest.fixture
def into(tmp_path: Path, grading: Grading, empty_file: Path, grade_of: Callable[..., Grade], course: Course) -> Path:
    """Return a results folder with the grades and pages of two learners."""
    (tmp_path / "grading").mkdir()
    (tmp_path / "grading" / "gradebook.db").write_bytes(empty_file.read_bytes())
    with Gradebook(tmp_path / "grading" / "gradebook.db") as book:
        for student in ("ada@x.org", "juergen@x.org"):
            book.write(grade_of(student), Basis("mlm grade"))
    desk.feedback(course, "practice", tmp_path / "grading", None, None)
    return tmp_path / "grading"


@pytest.mark.parametrize("name", ["", ".", "..", "/", "*", "../feedback", "ada", "a" * 400, "x/ada@x.org", "\n\x1b"])
def test_an_odd_name_is_nobodys_and_nothing_is_removed(into: Path, course: Course, name: str) -> None:
    before = sorted(into.rglob("*"))
    with pytest.raises(CourseError, match=r"nobody here is filed under this name\. There are: ada@x\.org, juerge"):
        desk.forget(course, name, into, None)
    assert sorted(into.rglob("*")) == before


def test_forgetting_goes_on_where_it_was_interrupted_until_nobody_is_left(into: Path, course: Course) -> None:
    with Gradebook(into / "gradebook.db") as book:
        book.forget("ada@x.org")  # and then the run was killed
    assert "ada@x.org" in (into / "practice.html").read_text(encoding="utf-8")
    desk.marks(course, "practice", into, None, desk.GivenBack())
    own = into / "practice-roster.csv"
    own.write_text("a file that a teacher put there\n", encoding="utf-8")
    for student in ("ada@x.org", "juergen@x.org"):
        desk.forget(course, student, into, None)
        left = [path for path in into.rglob("*") if path.is_file() and student.encode() in path.read_bytes()]
        assert left == []
        assert not list(into.glob(f"*/{student}"))
        assert not (into / "marks").exists()
    assert own.is_file()


def test_a_zip_of_pages_says_who_is_not_in_it(into: Path, course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    worksheet = into.parent / "worksheet.csv"
    worksheet.write_text("".join(MOODLE.splitlines(keepends=True)[:2]), encoding="utf-8")
    assert desk.marks(course, "practice", into, None, desk.GivenBack(worksheet=worksheet)) == 1
    assert "Graded, and without a page in it: juergen@x.org." in " ".join(capsys.readouterr().out.split())
    with zipfile.ZipFile(into / "marks" / "practice-feedback.zip") as made:
        assert made.namelist() == ["Ada Lovelace_7_assignsubmission_file_/feedback.html"]
    for asked in (desk.GivenBack(worksheet=worksheet, to=worksheet), desk.GivenBack(fill=worksheet, to=worksheet)):
        with pytest.raises(CourseError, match="this is the file that is read"):
            desk.marks(course, "practice", into, None, asked)
    with pytest.raises(CourseError, match="give the command once with each"):
        desk.marks(course, "practice", into, None, desk.GivenBack(fill=worksheet, worksheet=worksheet))


def test_pages_written_anew_show_what_was_given_and_go_into_the_zip_with_the_notebooks(
    into: Path, course: Course, grading: Grading, grade_of: Callable[..., Grade]
) -> None:
    write_pages(grading.rubric, grading.release, grade_of("ada@x.org"), into)
    folder = into / "feedback" / "ada@x.org" / "practice"
    before = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    desk.feedback(course, "practice", into, None, None)
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == before
    assert "You gave:" in before["index.html"]
    report = (into / "practice-report.html").read_text(encoding="utf-8")
    assert "there are 2 learners with 22 scored items" in report
    worksheet = into.parent / "worksheet.csv"
    worksheet.write_text(MOODLE, encoding="utf-8")
    desk.marks(course, "practice", into, None, desk.GivenBack(worksheet=worksheet))
    notebooks = [f"{entry.name}-executed.html" for entry in grading.rubric.notebook]
    with zipfile.ZipFile(into / "marks" / "practice-feedback.zip") as made:
        names = [name.split("/")[1] for name in made.namelist() if name.startswith("Ada Lovelace_7_")]
    assert names == ["feedback.html", *notebooks]
    assert all(f'href="{name}"' in before["index.html"] for name in notebooks)
