"""A release and questions of the author's own: they go along for study alone, and no command of a teacher runs them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from own_course import ASSIGNMENT, cell, make_own_course, solved

from autograder.assignment.course import Course
from autograder.assignment.key import own_panel
from autograder.assignment.release import make_release, write_release
from autograder.assignment.release_file import RELEASE_FILE, kept_file, read_release_file
from autograder.cli import main
from autograder.student import check

Capture = pytest.CaptureFixture[str]
MORE = """,
  { ask = "multiple", id = "twice", of = "range", times = 2.0, points = 1, kind = "statistic", tolerance = 0.001 },
  { ask = "icc", id = "share", model = "levels", level = "school", points = 1 }]"""
#: What a learner could put before the questions of a release.
WRITES = "import pathlib\npathlib.Path('written').write_text('gotcha')\n"


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Course, Path]]:
    """Release a course with an item of its own, one that rests on it, and one that does not; give it to a learner."""

    def make(*, study: bool) -> tuple[Course, Path]:
        source = make_own_course(tmp_path)
        (source / "assignment.toml").write_text(ASSIGNMENT.replace(" }]", f" }}{MORE}"), encoding="utf-8")
        notebook = solved()
        for name in ("twice", "share"):
            notebook.cells.append(cell(name, f'check("{name}", 1.0)', locked=True, grade=True, points=1))
        nbformat.write(notebook, source / "one.ipynb")
        with (tmp_path / "course.toml").open("a", encoding="utf-8") as file:
            file.write(f"study = {str(study).lower()}\n")
        course = Course(tmp_path)
        write_release(course, make_release(course, course.rubric("ex")))
        folder = tmp_path / "homework"
        shutil.copytree(course.release("ex"), folder)
        monkeypatch.chdir(folder)
        return course, folder

    return make


def said(capsys: Capture, name: str, value: object) -> str:
    capsys.readouterr()
    check(name, value)
    return capsys.readouterr().out


def test_an_exam_keeps_them_back_with_what_rests_on_them(release, capsys: Capture) -> None:
    course, folder = release(study=False)
    given = read_release_file(folder / RELEASE_FILE)
    assert given is not None
    assert given.contents.withheld == ("range", "twice")
    assert "mode_range" not in (folder / RELEASE_FILE).read_text(encoding="utf-8")
    assert "mode_range" in kept_file(course.source("ex"), given.id).read_text(encoding="utf-8")
    for name in ("range", "twice"):
        assert "It is compared when it is handed in." in said(capsys, name, 1.0)
    assert said(capsys, "share", own_panel(course.rubric("ex")).answers.values["share"]).startswith("✓")


def test_for_study_a_learners_own_session_answers_and_the_command_runs_nothing(release, capsys: Capture) -> None:
    course, folder = release(study=True)
    values = own_panel(course.rubric("ex")).answers.values
    for name in ("range", "twice"):
        assert said(capsys, name, values[name]).startswith("✓")
        assert said(capsys, name, values[name] + 3).startswith("✗")
    path = folder / RELEASE_FILE
    text = path.read_text(encoding="utf-8")
    assert text.count('"extra": "') == 1
    path.write_text(text.replace('"extra": "', f'"extra": "{WRITES}'.replace("\n", "\\n")), encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["check", str(folder / "one.ipynb")])
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert not (folder / "written").exists()
    assert "share" in printed
    assert "right" not in next(line for line in printed.splitlines() if "range" in line)


def test_an_earlier_release_has_its_own_questions(release) -> None:
    course, _ = release(study=True)
    first = make_release(course, course.rubric("ex"))
    extra = course.source("ex") / "extra.py"
    extra.write_text(
        extra.read_text(encoding="utf-8").replace("found = float(", "found = 2 * float("), encoding="utf-8"
    )
    second = make_release(course, course.rubric("ex"))
    assert first.id != second.id
    values = [own_panel(one.rubric(extra)).answers.values["range"] for one in (first, second)]
    assert values[1] == pytest.approx(2 * values[0])
