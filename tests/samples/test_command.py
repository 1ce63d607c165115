"""The command `mlm`, as a person types it: what it prints, how it ends, and what it leaves behind."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook as NbgraderGradebook

from autograder.assignment.course import Course
from autograder.assignment.rubric import Rubric
from autograder.assignment.samples import build_sample
from autograder.cli import main
from autograder.errors import BoxBroken
from autograder.grading import page_files, pipeline
from autograder.grading.pipeline import Grading, grade_class
from autograder.grading.submission import find_submissions
from autograder.results.folder import Asked
from autograder.results.gradebook import Gradebook
from autograder.sandbox.boxes import Boxes

SAMPLES = Path(__file__).resolve().parents[1] / "submissions"


def mlm(*arguments: object) -> int:
    """Run the command in this process and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def own_course(course: Course, tmp_path: Path) -> Course:
    """A copy of the course that a test may break."""
    for name in ("solutions", "exercises"):
        shutil.copytree(course.root.parent / name, tmp_path / "course" / name)
    return Course(tmp_path / "course" / "solutions")


@pytest.fixture
def quick_class(course: Course, tmp_path: Path) -> Path:
    """Three learners who each handed in one notebook: quick to grade."""
    for name in ("anna", "ben", "carla"):
        folder = tmp_path / "submitted" / name
        folder.mkdir(parents=True)
        source = course.source("practice") if name != "ben" else course.release("practice")
        shutil.copy(source / "task1-icc.ipynb", folder)
    return tmp_path / "submitted"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


COMMANDS = "grade status feedback regrade marks forget release new handout study check certificate doctor demo panels"


@pytest.mark.parametrize("command", ["", *COMMANDS.split(), "fit", "predict", "compare", "panels check"])
def test_help_shows_an_example_and_the_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert mlm(*command.split(), "--help") == 0
    assert ("Example: mlm" if command else "Exit codes") in capsys.readouterr().out


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert mlm("--version") == 0
    assert capsys.readouterr().out == f"mlm {version('mlm-course')}\n"


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert mlm("grade", "--speed", "11") == 2
    assert "--speed" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["check", "certify"])
def test_panels_are_checked_under_the_old_name_too(
    name: str, course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mlm("panels", name, 2, "--first", 0, "--confusion", "--course", course.root) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^[12] of 2 seeds give a panel that can be graded on\.", printed, re.MULTILINE)
    assert "Taken for" in printed


def test_grading_ends_with_one_where_a_memo_waits(
    course: Course, rubric: Rubric, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_sample(SAMPLES / "solution", course, rubric, tmp_path / "submitted" / "anna")
    (tmp_path / "submitted" / "notes.txt").touch()
    arguments = ("grade", "practice", "--submitted", tmp_path / "submitted", "--into", tmp_path / "into")
    assert mlm(*arguments, "--course", course.root, "--hidden-seed", 5) == 1
    printed = capsys.readouterr()
    assert "44 / 44        6  22 / 23" in printed.out
    assert "1 of 1 submissions have something that a person must read." in printed.out
    assert "Not graded: notes.txt: not a folder" in printed.out
    assert "Grading practice" in printed.err
    assert (tmp_path / "into").stat().st_mode & 0o777 == 0o700, "the page for who grades by hand names answers"

    # A person grades the memo; grading again keeps that, and nothing is left to do.
    with NbgraderGradebook(f"sqlite:///{tmp_path / 'into' / 'gradebook.db'}", course_id="mlm-course") as book:
        memo = book.find_grade("memo", "task5-memo", "practice", "anna")
        memo.manual_score, memo.needs_manual_grade = 5.0, False
        book.db.commit()
    assert mlm(*arguments, "--course", course.root, "--hidden-seed", 5) == 0
    assert "49 / 50" in capsys.readouterr().out
    page = (tmp_path / "into" / "feedback" / "anna" / "practice" / "index.html").read_text(encoding="utf-8")
    assert "A person graded this." in page


def test_a_whole_class_without_memos_ends_with_zero(course: Course, quick_class: Path, tmp_path: Path) -> None:
    shutil.rmtree(quick_class / "ben")
    into = tmp_path / "into"
    assert mlm("grade", "practice", "--submitted", quick_class, "--into", into, "--course", course.root) == 0
    seed = (into / "hidden-seed.txt").read_text(encoding="utf-8")
    assert (into / "hidden-seed.txt").stat().st_mode & 0o077 == 0
    before = dump(into)
    assert mlm("grade", "practice", "--submitted", quick_class, "--into", into, "--course", course.root) == 0
    assert (into / "hidden-seed.txt").read_text(encoding="utf-8") == seed
    assert dump(into) == before


def test_every_learner_to_look_at_is_named_and_a_person_is_needed(
    course: Course, quick_class: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (quick_class / "ben").rename(quick_class / "-rf")
    for name in ("AD\\ada", "dora", "emil", "fay"):
        (quick_class / name).mkdir()
    shutil.copy(quick_class / "anna" / "task1-icc.ipynb", quick_class / "AD\\ada" / "mine.ipynb")
    (quick_class / "emil" / "task1-icc.ipynb").write_bytes(b"\0" * 100)
    (quick_class / "fay" / "report.html").write_bytes(b"<html>")
    (quick_class / "link").symlink_to(quick_class / "anna")
    (quick_class / ".DS_Store").touch()
    (quick_class / "roster.csv").touch()
    arguments = ("grade", "practice", "--submitted", quick_class, "--into", tmp_path / "into", "--language", "de")
    assert mlm(*arguments, "--course", course.root) == 1
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split(maxsplit=1)[1].rstrip() for line in printed.splitlines() if "  " in line}
    assert rows["AD\\ada"].startswith("10 / 50")
    assert rows["dora"] == rows["fay"] == "– nothing handed in"
    assert rows["link"] == "! not graded"
    assert rows["emil"].startswith("0 / 40       10")
    for line in (
        "Look at -rf: task1-icc was handed in and has 0 points.",
        "Look at dora: no notebook was handed in.",
        "Look at emil: not graded, task1-icc.ipynb: nothing is in the file but zeros",
        "Look at fay: no notebook was handed in; Other files that were handed in, and were not used: report.html.",
        "Not graded: roster.csv: not a",
        "Not graded: link: a link could lead",
    ):
        assert line in printed, line
    assert ".DS_Store" not in printed
    page = (tmp_path / "into" / "practice.html").read_text(encoding="utf-8")
    assert page.count("nichts abgegeben") == 2
    assert "8 Lernende" in page
    assert "roster.csv" not in page
    feedback = (tmp_path / "into" / "feedback" / "emil" / "practice" / "index.html").read_text(encoding="utf-8")
    assert "nicht bewertet: task1-icc.ipynb: In der Datei stehen nur Nullen" in feedback
    assert "10 liest noch ein Mensch" in feedback
    report = (tmp_path / "into" / "practice-report.html").read_text(encoding="utf-8")
    assert "emil</bdi></a>: nicht bewertet, task1-icc.ipynb: In der Datei stehen nur Nullen" in report
    assert [path.name for path in (tmp_path / "into" / "feedback").iterdir() if path.name.startswith("AD_ada-")]


def test_what_could_not_be_read_or_was_not_handed_in_is_no_zero_in_the_gradebook(
    course: Course, quick_class: Path, tmp_path: Path
) -> None:
    (quick_class / "dora").mkdir()
    (quick_class / "ben" / "task1-icc.ipynb").write_text('{"cells": [{"cell_type": "co', encoding="utf-8")
    into = tmp_path / "into"
    assert mlm("grade", "practice", "--submitted", quick_class, "--into", into, "--course", course.root) == 1
    with NbgraderGradebook(f"sqlite:///{into / 'gradebook.db'}", course_id="mlm-course") as book:
        assert {student.id for student in book.students} == {"anna", "ben", "carla"}
        grade = book.find_grade("icc", "task1-icc", "practice", "ben")
        assert grade.auto_score is None
        assert grade.needs_manual_grade
        assert book.find_grade("icc", "task1-icc", "practice", "anna").auto_score == 4.0
        # A person decides, and what a person decided stays.
        grade.manual_score, grade.needs_manual_grade = 3.0, False
        book.db.commit()
    assert mlm("grade", "practice", "--submitted", quick_class, "--into", into, "--course", course.root) == 1
    assert "3 / 44<br>6 to be read" in (into / "practice.html").read_text(encoding="utf-8")


def bad_submitted(course: Course, tmp_path: Path) -> tuple[str, Path]:
    return "practice", tmp_path / "nowhere"


def bad_assignment(course: Course, tmp_path: Path) -> tuple[str, Path]:
    return "practise", tmp_path / "submitted"


def assignment_with(course: Course, old: str, new: str) -> None:
    path = course.source("practice") / "assignment.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def unknown_key(course: Course, tmp_path: Path) -> tuple[str, Path]:
    assignment_with(course, "points = 2", "points = 2\nweight = 3")
    return "practice", tmp_path / "submitted"


def unknown_item(course: Course, tmp_path: Path) -> tuple[str, Path]:
    assignment_with(course, 'needs = ["icc"]', 'needs = ["icq"]')
    return "practice", tmp_path / "submitted"


def cyclic(course: Course, tmp_path: Path) -> tuple[str, Path]:
    assignment_with(course, 'id = "var_store"', 'id = "var_store"\nneeds = ["icc"]')
    return "practice", tmp_path / "submitted"


def not_a_gradebook(course: Course, tmp_path: Path) -> tuple[str, Path]:
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "gradebook.db").write_text("a shopping list")
    return "practice", tmp_path / "submitted"


def another_database(course: Course, tmp_path: Path) -> tuple[str, Path]:
    (tmp_path / "into").mkdir()
    with sqlite3.connect(tmp_path / "into" / "gradebook.db") as connection:
        connection.execute("create table shopping (item text)")
    connection.close()
    return "practice", tmp_path / "submitted"


def into_is_a_file(course: Course, tmp_path: Path) -> tuple[str, Path]:
    (tmp_path / "into").touch()
    return "practice", tmp_path / "submitted"


def course_among_submissions(course: Course, tmp_path: Path) -> tuple[str, Path]:
    return "practice", tmp_path


def not_released(course: Course, tmp_path: Path) -> tuple[str, Path]:
    (course.release("practice") / "task1-icc.ipynb").unlink()
    return "practice", tmp_path / "submitted"


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (bad_submitted, "There is no folder"),
        (bad_assignment, "has no assignment 'practise'"),
        (unknown_key, "item 'var_store': there is no key 'weight'"),
        (unknown_item, "item 'icc_reading', key 'needs': there is no item 'icq'"),
        (cyclic, "items need each other in a circle"),
        (not_a_gradebook, "this is not a gradebook"),
        (another_database, "this is a database, but not a gradebook of nbgrader"),
        (into_is_a_file, "is not a folder"),
        (not_released, "this notebook is missing"),
        (course_among_submissions, "lies in the folder of the submissions, where learners' files are"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_two_and_writes_nothing(
    breaks: Any,
    said: str,
    own_course: Course,
    quick_class: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assignment, submitted = breaks(own_course, tmp_path)
    before = tree(tmp_path)
    ended = mlm("grade", assignment, "--submitted", submitted, "--into", tmp_path / "into", "--course", own_course.root)
    assert ended == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("mlm: ")
    assert said in message
    assert tree(tmp_path) == before


def test_a_folder_outside_any_course_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mlm("release", "practice", "--course", tmp_path) == 2
    assert "is not a course" in capsys.readouterr().err


def dump(into: Path) -> list[tuple[object, ...]]:
    """Return what a gradebook says, without the random keys of its rows."""
    query = """
        select a.name, sa.student_id, n.name, c.name, g.auto_score, g.manual_score, g.needs_manual_grade
        from grade g join base_cell c on c.id = g.cell_id join submitted_notebook sn on sn.id = g.notebook_id
        join notebook n on n.id = sn.notebook_id join submitted_assignment sa on sa.id = sn.assignment_id
        join assignment a on a.id = sa.assignment_id order by 1, 2, 3, 4"""
    with sqlite3.connect(into / "gradebook.db") as connection:
        rows = connection.execute(query).fetchall()
        cells = connection.execute("select name, type from base_cell order by 1, 2").fetchall()
        sources = connection.execute("select name, source, checksum from source_cell order by 1").fetchall()
        students = connection.execute("select id from student order by 1").fetchall()
    connection.close()
    return [*rows, *cells, *sources, *students]


def test_our_failure_is_said_costs_no_mark_and_stops_nobody_else(
    grading: Grading, quick_class: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = pipeline.read_submission

    def fails_for_ben(folder: Any, release: Any) -> Any:
        if folder.student == "ben":
            raise BoxBroken("the box ended early")
        if folder.student == "carla":
            raise RuntimeError("a bug")
        return honest(folder, release)

    monkeypatch.setattr(pipeline, "read_submission", fails_for_ben)
    folders, _ = find_submissions(quick_class, "practice")
    with Boxes() as boxes:
        grades = {one.student: one for one in grade_class(grading, folders, tmp_path / "into", boxes, Asked())}
    assert {student: grade.is_ungraded for student, grade in grades.items()} == {
        "anna": False,
        "ben": True,
        "carla": True,
    }
    assert "the box ended early" in grades["ben"].items[0].reason
    assert "RuntimeError: a bug" in grades["carla"].items[0].reason
    students = {row[0] for row in dump(tmp_path / "into") if len(row) == 1}
    assert students == {"anna"}


def test_a_page_that_cannot_be_made_stops_nobody_else(
    grading: Grading, quick_class: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = page_files.executed_notebook

    def fails_for_ben(grade: Any, *rest: Any) -> str:
        if grade.notebook.untouched:  # the release, which ben handed in as it was
            raise ValueError("this cannot be rendered")
        return honest(grade, *rest)

    monkeypatch.setattr(page_files, "executed_notebook", fails_for_ben)
    folders, _ = find_submissions(quick_class, "practice")
    with Boxes() as boxes:
        grades = {one.student: one for one in grade_class(grading, folders, tmp_path / "into", boxes, Asked())}
    assert {student for student, grade in grades.items() if grade.is_ungraded} == {"ben"}
    assert {row[0] for row in dump(tmp_path / "into") if len(row) == 1} == {"anna", "carla"}


def test_an_unsafe_box_grades_nothing(
    course: Course,
    quick_class: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    arguments = ("grade", "practice", "--submitted", quick_class, "--into", tmp_path / "into")
    assert mlm(*arguments, "--course", course.root) == 3
    assert "bwrap was not found" in capsys.readouterr().err
    assert not (tmp_path / "into" / "gradebook.db").exists()
    assert mlm("doctor", "--course", course.root) == 3


def test_grades_of_another_release_are_not_mixed(grading: Grading, quick_class: Path, tmp_path: Path) -> None:
    folders, _ = find_submissions(quick_class, "practice")
    with Boxes() as boxes:
        list(grade_class(grading, folders[:1], tmp_path, boxes, Asked()))
    with Gradebook(tmp_path / "gradebook.db") as book:
        with pytest.raises(Exception, match="grades of 'practice' with other cells than the release has") as refused:
            book.prepare("practice", grading.release[:1])
        assert "--into" in str(refused.value)


def test_check_tells_a_learner_how_each_answer_fares(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(course.source("practice") / "task1-icc.ipynb", tmp_path)
    assert mlm("check", tmp_path / "task1-icc.ipynb", "--course", course.root) == 0
    assert "✓ icc" in capsys.readouterr().out
    assert mlm("check", course.release("practice") / "task1-icc.ipynb") == 1
    assert "still as it was handed out" in capsys.readouterr().out
    shutil.copy(tmp_path / "task1-icc.ipynb", tmp_path / "mine (1).ipynb")
    assert mlm("check", tmp_path / "mine (1).ipynb", "--course", course.root) == 0
    assert "✓ icc" in capsys.readouterr().out
    (tmp_path / "other.ipynb").write_text('{"cells": []}', encoding="utf-8")
    assert mlm("check", tmp_path / "other.ipynb", "--course", course.root) == 2
    assert "other.ipynb has no cell of an assignment in it" in capsys.readouterr().err
    assert mlm("check", tmp_path / "task5-memo.ipynb", "--course", course.root) == 2
    assert "There is no notebook" in capsys.readouterr().err


def test_release_writes_what_is_committed(own_course: Course, course: Course) -> None:
    shutil.rmtree(own_course.release("practice"))
    assert mlm("release", "practice", "--panels", 1, "--course", own_course.root) == 0
    assert tree(own_course.release("practice")) == tree(course.release("practice"))


def test_nbgrader_makes_the_same_release_and_keeps_the_rubric_back(own_course: Course, course: Course) -> None:
    shutil.copy(course.root.parent / "nbgrader_config.py", own_course.root.parent)
    shutil.rmtree(own_course.release("practice"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    line = ["nbgrader", "generate_assignment", "practice", "--create"]
    subprocess.run(line, cwd=own_course.root.parent, env=environment, capture_output=True, check=True)
    made, ours = own_course.release("practice"), course.release("practice")
    assert sorted(path.name for path in made.iterdir()) == sorted(path.name for path in ours.glob("*.ipynb"))
    for path in made.iterdir():
        assert nbformat.read(path, as_version=4).cells == nbformat.read(ours / path.name, as_version=4).cells


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"points": 4', '"points": 5', "5 points here, 4 in the rubric"),
        ('"grade_id": "icc"', '"grade_id": "icq"', "it is graded, but the rubric has no such item"),
        ('"cells"', '"cels"', "not a valid notebook"),
    ],
)
def test_a_source_that_disagrees_with_the_rubric_is_not_released(
    own_course: Course, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    path = own_course.source("practice") / "task1-icc.ipynb"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    before = tree(own_course.release("practice"))
    assert mlm("release", "practice", "--course", own_course.root) == 2
    message = capsys.readouterr().err
    assert said in message
    assert "task1-icc.ipynb" in message
    assert tree(own_course.release("practice")) == before
