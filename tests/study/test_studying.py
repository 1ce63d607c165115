"""`mlm study`: from a checkout and from a wheel, never at the cost of a learner's work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from autograder.assignment.course import Course
from autograder.assignment.key import expected
from autograder.assignment.rubric import Says
from autograder.assignment.translations import in_these_words, read_words
from autograder.cli import main
from autograder.errors import CourseError
from autograder.grading import pipeline
from autograder.grading.submission import SubmissionFolder, read_submission
from autograder.records.grading import Grade, Submission
from autograder.sandbox.boxes import Run
from autograder.tutor import study
from autograder.tutor.checking import card_for
from autograder.tutor.progress import read_study
from autograder.tutor.study_page import study_page
from autograder.tutor.tutor import tutor_in

Capture = pytest.CaptureFixture[str]


def mlm(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_exercises_are_copied_and_said_to_be(course: Course, tmp_path: Path, capsys: Capture) -> None:
    assert mlm("study", tmp_path / "mine", "--copy-only") == 0
    for assignment in course.assignments:
        copied = {path.name: path.read_bytes() for path in (tmp_path / "mine" / assignment).glob("[!.]*")}
        assert copied == {path.name: path.read_bytes() for path in course.release(assignment).glob("[!.]*")}
        assert "release.json" in copied
        chosen = read_study(tmp_path / "mine" / assignment)
        assert (chosen.assignment, chosen.language) == (assignment, None)
    assert "files copied" in capsys.readouterr().out


def test_tasks_are_copied_in_another_language_and_nothing_else_differs(course: Course, tmp_path: Path) -> None:
    study.copy_exercises(course, tmp_path, "de")
    for assignment in course.assignments:
        assert read_study(tmp_path / assignment).language == "de"
        for path in course.release(assignment).glob("*.ipynb"):
            ours, released = (nbformat.read(one, 4).cells for one in (tmp_path / assignment / path.name, path))
            nbformat.validate(nbformat.read(tmp_path / assignment / path.name, 4))
            for cell, before in zip(ours, released, strict=True):
                said = before.cell_type == "markdown" and not before.metadata.get("nbgrader", {}).get("solution")
                assert (cell.source != before.source) == said, cell.id
                assert names_in(cell.source) == names_in(before.source), cell.id
                assert {**cell, "source": ""} == {**before, "source": ""}


def names_in(text: str) -> set[str]:
    """Return what is written as code in a text: names of answers, calls, and what a gap may be filled with."""
    return set(re.findall(r"`([^`]+)`", text))


def test_a_translated_notebook_is_graded_as_the_one_that_was_released(
    course: Course, grading: pipeline.Grading, tmp_path: Path
) -> None:
    texts = read_words(course.source("practice"))["de"]["cells"]
    for path in course.source("practice").glob("*.ipynb"):
        (tmp_path / path.name).write_text(in_these_words(path.read_text(encoding="utf-8"), texts[path.stem]))
    ours, released = (
        read_submission(SubmissionFolder("solution", folder), grading.release)
        for folder in (tmp_path, course.source("practice"))
    )
    for one, other in zip(ours.notebooks, released.notebooks, strict=True):
        assert (one.problem, one.untouched) == (other.problem, other.untouched)
        assert [cell.source for cell in one.cells if cell.cell_type == "code"] == [
            cell.source for cell in other.cells if cell.cell_type == "code"
        ]
        assert one.notes == other.notes


def test_a_learners_work_is_never_overwritten(course: Course, tmp_path: Path, capsys: Capture) -> None:
    first = study.copy_exercises(course, tmp_path)
    work = tmp_path / "practice" / "task1-icc.ipynb"
    work.write_text("my work", encoding="utf-8")
    (tmp_path / "practice" / "task2-random-slope.ipynb").unlink()
    assert mlm("study", tmp_path, "--copy-only") == 0
    assert work.read_text(encoding="utf-8") == "my work"
    printed = capsys.readouterr().out
    assert "1 files copied" in printed
    assert f"{len(first.new) - 1} were there before and are as you left them" in printed
    assert str(work) in printed


def test_a_dangling_link_is_not_written_through(course: Course, tmp_path: Path) -> None:
    (tmp_path / "practice").mkdir()
    (tmp_path / "practice" / "task1-icc.ipynb").symlink_to(tmp_path / "elsewhere")
    study.copy_exercises(course, tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_an_earlier_choice_of_language_stays(course: Course, tmp_path: Path) -> None:
    study.copy_exercises(course, tmp_path, "de")
    study.copy_exercises(course, tmp_path)
    chosen = read_study(tmp_path / "practice")
    assert study is not None
    assert chosen.language == "de"


def test_a_folder_that_cannot_be_used_is_a_usage_error(course: Course, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").touch()
    assert mlm("study", tmp_path / "file", "--copy-only") == 2
    assert "Name another folder" in capsys.readouterr().err
    assert mlm("study", tmp_path / "new", "--copy-only", "--language", "fr") == 2
    assert "There are: de, en." in capsys.readouterr().err
    shutil.copytree(course.root, tmp_path / "solutions")
    with pytest.raises(CourseError, match="mlm release"):
        study.copy_exercises(Course(tmp_path / "solutions"), tmp_path / "new")


def test_the_first_task_of_the_course_comes_first(course: Course, tmp_path: Path, capsys: Capture) -> None:
    assert study.copy_exercises(course, tmp_path).first == tmp_path / "practice" / "task1-icc.ipynb"
    assert course.assignments == ("practice", "extension"), "by name the other one would be first"
    assert mlm("study", tmp_path, "--copy-only") == 0
    assert "Open " + str(tmp_path / "practice" / "task1-icc.ipynb") in capsys.readouterr().out


def test_what_a_learner_chose_becomes_jupyterlabs_options() -> None:
    assert study.options(port=9999, browser=False, more=["--allow-root"]) == [
        "--no-browser",
        "--port=9999",
        "--allow-root",
    ]
    assert study.options(port=None, browser=True, more=[]) == []


def test_the_start_page_says_where_one_is_and_what_comes_next(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my course"
    study.copy_exercises(course, folder)
    page = BeautifulSoup(study_page(folder, lab="/lab/tree", site="/course"), "html.parser")
    titles = [node.get_text() for node in page.select("h2")]
    assert titles == [course.rubric(name).title for name in course.assignments]
    for name in course.assignments:
        for notebook in course.rubric(name).notebook:
            assert notebook.goals
            assert notebook.minutes
            for goal in notebook.goals:
                assert goal in page.get_text()
    assert page.select_one("a.next")["href"] == "/lab/tree/practice/task1-icc.ipynb"
    for link in page.select("section.task h3 a"):
        assert (folder / link["href"].removeprefix("/lab/tree/")).is_file()
    tutor = tutor_in(folder / "practice")
    rubric = tutor.rubrics[0]
    for item in rubric.notebook[0].item:
        card_for(tutor, item.id, expected(item, tutor.key(rubric).answers))
    later = BeautifulSoup(study_page(folder, lab="/lab/tree", site=None), "html.parser")
    assert later.select_one("a.next")["href"] == "/lab/tree/practice/task2-random-slope.ipynb"
    first = later.select_one("section.task").get_text()
    assert "10 of 10 points" in first
    assert "You can now" in first
    assert "/course" not in str(later)
    with pytest.raises(CourseError, match="mlm study"):
        study_page(tmp_path, lab="/lab/tree", site=None)


@pytest.fixture(scope="module")
def ran() -> dict[str, Grade]:
    """The one run of a notebook, by its name: what is said of it differs, and the run does not."""
    return {}


@pytest.mark.parametrize(
    ("says", "code", "expected", "unexpected"),
    [
        ("everything", 1, "square roots", "Noted"),
        ("right or wrong", 1, "Not right.", "square roots"),
        ("recorded", 0, "It is compared when it is handed in.", "square roots"),
    ],
)
def test_the_command_says_what_the_cards_say(
    course: Course,
    handed_out: Callable[[Says], Path],
    says: Says,
    code: int,
    expected: str,
    unexpected: str,
    ran: dict[str, Grade],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    in_the_box = pipeline.grade_submission

    def once(grading: pipeline.Grading, submission: Submission, run: Run) -> Grade:
        name = submission.notebooks[0].name
        if name not in ran:
            ran[name] = in_the_box(grading, submission, run)
        return ran[name]

    monkeypatch.setattr(pipeline, "grade_submission", once)
    folder = handed_out(says)
    text = (course.source("practice") / "task1-icc.ipynb").read_text(encoding="utf-8")
    right = "icc = var_store / (var_store + var_residual)"
    assert text.count(right) == 1
    wrong = "icc = var_store**0.5 / (var_store**0.5 + var_residual**0.5)"
    (folder / "task1-icc.ipynb").write_text(text.replace(right, wrong), encoding="utf-8")
    assert mlm("check", folder / "task1-icc.ipynb") == code
    printed = capsys.readouterr().out
    assert expected in printed
    assert unexpected not in printed


def test_the_wheel_holds_releases_rubrics_words_and_the_solutions_that_are_opened_after_an_attempt(
    course: Course, wheel: Path
) -> None:
    files = set(zipfile.ZipFile(wheel).namelist())
    shipped = {name.removeprefix("autograder/shipped/") for name in files if name.startswith("autograder/shipped/")}
    home = course.root.parent
    released = (path for assignment in course.assignments for path in (home / "exercises" / assignment).glob("*.*"))
    asked = ("course.toml", "*/assignment.toml", "*/panel.csv", "*/words.*.toml", "*/*.ipynb")
    asking = (path for pattern in asked for path in course.root.glob(pattern))
    played = {f"play/{path.name}" for path in (home / "course" / "play").iterdir()}
    assert shipped == {path.relative_to(home).as_posix() for path in (*released, *asking)} | played
    assert {"autograder/language/words/de.toml", "autograder/results/templates/card.html"} <= files


def test_an_installed_wheel_answers_without_a_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import autograder; from autograder.cli import main; print(autograder.__file__)\n"
        "try: main(['study', 'mine', '--copy-only'])\n"
        "except SystemExit: pass\n"
        "import os; os.chdir('mine/practice')\n"
        "from autograder.student import check; check('icc', 0.41)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    environment.pop("MLM_LANGUAGE", None)
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert str(tmp_path / "site") in run.stdout.splitlines()[0]
    assert "✗ Intraclass correlation, icc: wrong" in run.stdout
