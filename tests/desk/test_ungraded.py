"""Newer work that could not be graded: its learner is named, and no mark of earlier work is given back in its place."""

from __future__ import annotations

import csv
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from exports import CANVAS, MOODLE, roster_of

from autograder.assignment.course import Course
from autograder.commands import desk
from autograder.commands.autograde import _no_mark_if_it_fails
from autograder.errors import BoxBroken, OurFault
from autograder.grading import page_files
from autograder.grading.pipeline import Grading, grade_class, grade_without_work
from autograder.grading.roster import read_roster
from autograder.grading.submission import find_submissions
from autograder.records.grading import Ending, Grade, NotebookRun, Verdict
from autograder.results.database import address_of
from autograder.results.folder import Asked, keep_database
from autograder.results.gradebook import Gradebook
from autograder.results.marks import Basis
from autograder.results.stored import NOTHING_GIVEN, decided, to_be_kept

Make = Callable[..., Grade]


class Desk:
    """Ada and Jürgen with everything right but a memo that nobody read, and Bo, who handed in nothing."""

    def __init__(self, place: Path | str, folder: Path, course: Course, grading: Grading, grade_of: Make) -> None:
        self.into, self.course, self.grading, self.place = folder, course, grading, place
        self.roster, self.grade_of = roster_of(folder, CANVAS), grade_of
        if isinstance(place, str):
            keep_database(folder, place)
        with self.book() as book:
            book.enter_learners({one.student: one.details for one in read_roster(self.roster).learners})
        for student in ("ada", "juergen"):
            self.graded(student)
        assert desk.feedback(course, "practice", folder, None, None) == 1

    def book(self) -> Gradebook:
        return Gradebook(self.place)

    def graded(self, student: str) -> None:
        """File a grade of a learner."""
        grade = self.grade_of(student, decided_by=decided("a digest", NOTHING_GIVEN))
        with self.book() as book:
            book.write(to_be_kept(self.grading.rubric, grade), Basis("test"))

    def fails_in_nbgrader(self, student: str, fault: BaseException) -> None:
        """Let `nbgrader autograde` fail at the work of a learner whom it has entered."""
        address = address_of(self.place).render_as_string(hide_password=False)
        with (
            pytest.raises(type(fault)),
            _no_mark_if_it_fails({"db_url": address, "assignment": "practice", "student": student}),
        ):
            raise fault

    def filled(self, *, so_far: bool = True) -> tuple[int, str]:
        """Fill the marks into the file of the class; return the exit code and what is in it then."""
        asked = desk.GivenBack(fill=self.roster, column="Practice", to=self.into / "filled.csv", so_far=so_far)
        return self.marks(asked), (self.into / "filled.csv").read_text(encoding="utf-8")

    def marks(self, asked: desk.GivenBack) -> int:
        return desk.marks(self.course, "practice", self.into, None, asked)


@pytest.fixture
def a_class(
    place: Path | str, tmp_path: Path, course: Course, grading: Grading, grade_of: Make, capsys: Any
) -> Iterator[Desk]:
    made = Desk(place, tmp_path, course, grading, grade_of)
    capsys.readouterr()
    return made


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


NAMED = (
    "Not graded: juergen. The box ended early. No mark of earlier work is given back, and pages of it stay as they "
    "were. Grade again: juergen."
)


def test_work_that_nbgrader_could_not_grade_gets_no_mark_of_earlier_work(
    a_class: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    ada_alone = CANVAS.replace('"Group ""A""",,12', '"Group ""A""",44,12')
    both = ada_alone.replace("juergen,Group B,,", "juergen,Group B,44,")
    assert a_class.filled() == (0, both)
    assert "Not graded" not in said(capsys)
    a_class.fails_in_nbgrader("juergen", OurFault("The box ended early."))
    with a_class.book() as book:
        assert book._nbgrader.find_submission("practice", "juergen").needs_manual_grade
        assert book.ungraded("practice") == {"juergen": "The box ended early."}
        assert {name: one.is_ungraded for name, one in book.grades("practice").items()} == {
            "ada": False,
            "juergen": True,
        }
        assert list(book.unchanged("practice", dict.fromkeys(("ada", "juergen"), "a digest"))) == ["ada"]

    assert a_class.filled() == (1, ada_alone)
    told = said(capsys)
    assert NAMED in told
    assert "Not graded, and left as they were in the file: Jürgen Müller." in told
    a_class.graded("juergen")
    assert a_class.filled() == (0, both)
    assert "Not graded" not in said(capsys)


def test_the_table_and_the_pages_give_no_mark_of_earlier_work(
    a_class: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    page = a_class.into / "feedback" / "juergen" / "practice" / "index.html"
    page.write_text("as it was", encoding="utf-8")
    a_class.fails_in_nbgrader("juergen", OurFault("The box ended early."))
    with a_class.book() as book, book._transaction() as nbgrader:
        nbgrader.update_or_create_submission("practice", "bo")
    a_class.fails_in_nbgrader("bo", RuntimeError("a bug"))  # nothing of Bo was graded before

    assert desk.feedback(a_class.course, "practice", a_class.into, None, None) == 1
    told = said(capsys)
    assert "Pages of 1 learners are written anew" in told
    assert "Not graded: juergen. The box ended early." in told
    assert 'Not graded: "Bo" Søren O\'Neill. RuntimeError: a bug' in told
    assert "Still to be read by a person: ada." in told
    assert page.read_text(encoding="utf-8") == "as it was"
    for shown in ("practice.html", "practice-report.html"):
        text = (a_class.into / shown).read_text(encoding="utf-8")
        assert "The box ended early" in text
        assert "a bug" in text
        assert "nothing handed in" not in text

    assert a_class.marks(desk.GivenBack()) == 1
    assert "Grade again: " in said(capsys)
    with (a_class.into / "marks" / "practice-marks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["item"], row["score"]) for row in rows if row["student"] == "juergen"] == [("not graded", None)]
    assert len([row for row in rows if row["student"] == "ada"]) == len(a_class.grading.rubric.items)


def test_a_zip_of_pages_has_none_of_earlier_work(a_class: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    with a_class.book() as book:
        book.enter_learners({name: {"email": f"{name}@x.org"} for name in ("ada", "juergen")})
    worksheet = a_class.into / "worksheet.csv"
    worksheet.write_text(MOODLE, encoding="utf-8")
    a_class.fails_in_nbgrader("juergen", OurFault("The box ended early."))
    assert a_class.marks(desk.GivenBack(worksheet=worksheet)) == 1
    told = said(capsys)
    assert NAMED in told
    assert "without a page" not in told
    with zipfile.ZipFile(a_class.into / "marks" / "practice-feedback.zip") as made:
        assert made.namelist() == ["Ada Lovelace_7_assignsubmission_file_/feedback.html"]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (BoxBroken("the box ended early\nand said so"), "the box ended early and said so"),
        (ValueError("x" * 2_000), f"ValueError: {'x' * 987}…"),
        (KeyboardInterrupt(), "The run ended before."),
    ],
)
def test_nbgraders_grading_notes_why_it_failed(a_class: Desk, fault: BaseException, why: str) -> None:
    a_class.fails_in_nbgrader("ada", fault)
    with a_class.book() as book:
        assert book.ungraded("practice") == {"ada": why}


class Boxes:
    """Boxes whose every run ends as told."""

    packages = ""

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault

    def run(self, job: Any) -> NotebookRun:
        if self.fault:
            raise self.fault
        return NotebookRun(job.name, Ending.FINISHED)

    def end_runs(self) -> None:
        pass


@pytest.mark.parametrize("where", ["box", "page"])
def test_work_that_mlm_grade_could_not_grade_gets_no_mark_of_earlier_work(
    a_class: Desk,
    where: str,
    course: Course,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(course.release("practice"), tmp_path / "submitted" / "juergen" / "practice")
    folders, _ = find_submissions(tmp_path / "submitted", "practice")
    asked = Asked(database=a_class.place if isinstance(a_class.place, str) else None)

    def grade(fault: Exception | None) -> Grade:
        (made,) = grade_class(a_class.grading, folders, a_class.into, Boxes(fault), asked)  # type: ignore[arg-type]
        return made

    def fails(*_: object) -> str:
        raise ValueError("this cannot be rendered")

    with monkeypatch.context() as patched:
        if where == "page":
            patched.setattr(page_files, "executed_notebook", fails)
        assert grade(BoxBroken("the box ended early") if where == "box" else None).is_ungraded
    code, content = a_class.filled()
    assert (code, content) == (1, CANVAS.replace('"Group ""A""",,12', '"Group ""A""",44,12'))
    why = "the box ended early" if where == "box" else "ValueError: this cannot be rendered"
    assert f"Not graded: juergen. This could not be graded, and that is not the learner's doing: {why}" in said(capsys)
    assert desk.feedback(course, "practice", a_class.into, None, None) == 1
    assert "Grade again: juergen." in said(capsys)

    assert not grade(None).is_ungraded
    code, content = a_class.filled()
    assert "juergen,Group B,0," in content  # the release, as it was handed out
    assert "Not graded" not in said(capsys)


def test_who_hands_in_nothing_after_that_is_not_given_the_mark_either(a_class: Desk, grading: Grading) -> None:
    a_class.fails_in_nbgrader("juergen", OurFault("The box ended early."))
    with a_class.book() as book:
        book.write(grade_without_work(grading, "juergen", "juergen", Verdict.MISSING, "gone"), Basis("test"))
        assert book.grades("practice")["juergen"].is_ungraded


@pytest.mark.parametrize("first", ["mlm marks", "nbgrader autograde"])
def test_a_gradebook_of_a_version_that_did_not_note_it_is_gone_on_with(a_class: Desk, first: str) -> None:
    with a_class.book() as book, book._nbgrader.engine.begin() as connection:
        connection.exec_driver_sql("drop table mlm_ungraded")
    if first == "mlm marks":
        code, content = a_class.filled()
        assert (code, "juergen,Group B,44," in content) == (0, True)
    a_class.fails_in_nbgrader("juergen", OurFault("The box ended early."))
    with a_class.book() as book:
        assert list(book.ungraded("practice")) == ["juergen"]
    assert a_class.filled()[0] == 1
