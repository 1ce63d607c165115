"""Marks in the teacher's own files: one column changes and no other byte, or a sentence says why not."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exports import CANVAS, MOODLE, MOODLE_DE, roster_of

from autograder.errors import CourseError
from autograder.grading.giving_back import fill, known_learners, moodle_folders, tidy
from autograder.grading.roster import read_roster
from autograder.records.grading import Grade, Verdict

Make = Callable[..., Grade]


def read_by_a_person(grade: Grade, score: float) -> Grade:
    """Return a grade in which a person gave the memo a score."""
    notebooks = []
    for one in grade.notebooks:
        items = (
            replace(item, verdict=Verdict.PARTIAL, score=score) if item.verdict is Verdict.NEEDS_PERSON else item
            for item in one.items
        )
        notebooks.append(replace(one, items=tuple(items)))
    return replace(grade, notebooks=tuple(notebooks))


@pytest.fixture
def known(tmp_path: Path, grade_of: Make) -> Any:
    """Return a function that gives the grades and learners of a class whose roster is a text."""

    def made(text: str, encoding: str = "utf-8", score: float = 5.25) -> Any:
        learners = read_roster(roster_of(tmp_path, text, encoding)).learners
        grades = {one.student: read_by_a_person(grade_of(one.student), score) for one in learners[:1]}
        return grades, known_learners({one.student: one.details for one in learners}, grades)

    return made


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_canvas_comes_back_changed_in_one_cell(tmp_path: Path, known: Any, encoding: str, ends: str) -> None:
    grades, learners = known(CANVAS)
    path = tmp_path / "export.csv"
    path.write_bytes(CANVAS.replace("\n", ends).encode(encoding))
    done = fill(path, ("Practice",), grades, learners, None, so_far=False)
    before, after = path.read_bytes().decode(encoding), done.content.decode(encoding)
    assert after == before.replace('"Group ""A""",,12', '"Group ""A""",49.25,12')
    assert done.content[:2] == path.read_bytes()[:2]
    assert done.filled == ("Ada Lovelace",)
    assert done.without == ("Jürgen Müller", '"Bo" Søren O\'Neill')


def test_excused_and_waiting_learners_are_left_as_they_are(tmp_path: Path, known: Any, grade_of: Make) -> None:
    grades, learners = known(CANVAS)
    grades |= {"bo": read_by_a_person(grade_of("bo"), 6.0), "juergen": grade_of("juergen"), "eve": grade_of("eve")}
    path = roster_of(tmp_path, CANVAS)
    learners = known_learners({one.student: one.details for one in learners.learners}, grades)
    done = fill(path, ("Practice",), grades, learners, None, so_far=False)
    assert len(done.excused) == len(done.waiting) == len(done.filled) == 1
    assert done.not_there == ("eve",)
    assert done.content.decode() == CANVAS.replace('"Group ""A""",,12', '"Group ""A""",49.25,12')
    so_far = fill(path, ("Practice",), grades, learners, None, so_far=True)
    assert so_far.content.decode() == done.content.decode().replace("juergen,Group B,,", "juergen,Group B,44,")


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (MOODLE, "Submitted,,50.00", "Submitted,49.25,50.00"),
        (MOODLE_DE, "Abgegeben;;50,00", "Abgegeben;49,25;50,00"),
        (MOODLE_DE.replace(";", ",").replace("50,00", '"50,00"'), 'Abgegeben,,"50', 'Abgegeben,"49,25","50'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_a_worksheet_of_moodle_comes_back_changed_in_one_cell(
    tmp_path: Path, known: Any, text: str, old: str, new: str, encoding: str
) -> None:
    grades, learners = known(text)
    path = roster_of(tmp_path, text, encoding)
    done = fill(path, ("Practice",), grades, learners, None, so_far=False)
    assert done.content.decode(encoding) == path.read_bytes().decode(encoding).replace(old, new)
    assert moodle_folders(path, learners)["ada@x.org"] == "Ada Lovelace_7_assignsubmission_file_"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Practice (4711)", "Essay (12)", r"line 1: there is no column for 'Practice'. It has: 'Essay \(12\)'"),
        (",50,(read", ",100,(read", r"line 2: this file counts 100 points, and the assignment 50"),
        ("101,S1,ada", "201,S9,zoe", r"nobody in it has a grade here. Is it the file of another course"),
        ("Final Score", "Practice (99)", r"line 1: 2 columns may be meant by 'Practice': 'Practice \(4711\)', 'Pr"),
        ("102,S2,juergen", "101,S2,juergen", r"line 4: 'juergen' is .*Jürgen.*'101' is .*Ada"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_line(tmp_path: Path, known: Any, old: str, new: str, said: str) -> None:
    grades, learners = known(CANVAS)
    path = tmp_path / "export.csv"
    text = CANVAS.replace("Lovelace, Ada", "Zoe").replace(old, new) if "zoe" in new else CANVAS.replace(old, new)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=rf"export\.csv.*{said}"):
        fill(path, ("Practice",), grades, learners, None, so_far=False)


@pytest.mark.parametrize("column", ["ID", "Student", "SIS Login ID"])
def test_a_column_that_says_who_it_is_about_is_not_filled(tmp_path: Path, known: Any, column: str) -> None:
    grades, learners = known(CANVAS)
    with pytest.raises(CourseError, match=r"roster\.csv, line 1: .* says who a row is about"):
        fill(roster_of(tmp_path, CANVAS), (), grades, learners, column, so_far=False)


def test_rows_that_are_too_short_are_named_and_change_nothing(tmp_path: Path, known: Any) -> None:
    grades, learners = known(CANVAS)
    path = tmp_path / "export.csv"
    path.write_text("ID,SIS Login ID,Student,Practice (1)\n101,ada,A,\n7\n,x\n")
    done = fill(path, ("Practice",), grades, learners, None, so_far=False)
    assert done.content.decode() == path.read_text().replace("ada,A,", "ada,A,49.25")
    assert done.without == ("7", "line 4")


def test_a_worksheet_with_a_heading_that_canvas_has_too_is_of_this_class(tmp_path: Path, known: Any) -> None:
    grades, learners = known(CANVAS)
    path = tmp_path / "worksheet.csv"
    path.write_text(MOODLE_DE, encoding="utf-8")
    assert fill(path, ("Practice",), grades, learners, None, so_far=False).filled == ("Ada Lovelace",)
    path.write_text(MOODLE.replace("Participant 7", ""), encoding="utf-8")
    assert list(moodle_folders(path, learners)) == ["juergen"]


def test_a_column_can_be_named(tmp_path: Path, known: Any) -> None:
    grades, learners = known(CANVAS)
    path = roster_of(tmp_path, CANVAS)
    for name in ("Practice", "Practice (4711)"):
        assert b"49.25" in fill(path, ("Something else",), grades, learners, name, so_far=False).content


def test_the_table_of_all_marks_can_be_read_and_computes_nothing(known: Any, grade_of: Make) -> None:
    grades, learners = known("login,Full name\nada,=1+1\n")
    rows = list(csv.DictReader(io.StringIO(tidy(grades, [], learners))))
    assert {row["name"] for row in rows} == {"'=1+1"}
    assert sum(float(row["score"]) for row in rows) == grades["ada"].score
    assert len(rows) == len(grades["ada"].items)


def test_a_namesake_of_another_course_gets_no_mark(tmp_path: Path, known: Any) -> None:
    grades, learners = known(CANVAS)
    path = tmp_path / "export.csv"
    path.write_text(CANVAS.replace("101,S1,ada", "201,S9,ada.l"), encoding="utf-8")
    with pytest.raises(CourseError, match="nobody in it has a grade here"):
        fill(path, ("Practice",), grades, learners, None, so_far=False)


def test_learners_who_were_graded_without_a_roster_are_known_by_their_folders(tmp_path: Path, grade_of: Make) -> None:
    for student in ("ada", "101", "Ada Lovelace", "S1"):
        grades = {student: grade_of(student)}
        path = roster_of(tmp_path, CANVAS)
        done = fill(path, ("Practice",), grades, known_learners({}, grades), None, so_far=True)
        assert done.content.decode() == CANVAS.replace('A""",,12', 'A""",44,12'), student
