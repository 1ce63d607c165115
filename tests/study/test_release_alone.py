"""A release works alone: with the package and the released folder, and no course, a learner is answered."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment import course as course_module
from autograder.assignment.course import Course
from autograder.assignment.key import own_panel
from autograder.assignment.release import make_release, write_release
from autograder.assignment.release_file import RELEASE_FILE, Release, kept_file, read_release_file
from autograder.cli import main
from autograder.errors import CourseError
from autograder.student import check, load_panel, progress, reveal
from autograder.tutor import tutor as tutor_module
from autograder.tutor.tutor import tutor_in

Capture = pytest.CaptureFixture[str]
WITHHELD = ("icc_reading", "unchanged")


def quarterly(folder: Path, into: Path, *, study: bool) -> Course:
    """A course that is installed nowhere: ours with another assignment's name and another item's, released."""
    shutil.copytree(folder / "practice", into / "quarterly", ignore=shutil.ignore_patterns("releases"))
    for path in (into / "quarterly").iterdir():
        path.write_text(re.sub(r"\bvar_store\b", "store_variance", path.read_text("utf-8")), "utf-8")
    lines = ('title = "Quarter"', 'assignments = ["quarterly"]', f"study = {str(study).lower()}")
    (into / "course.toml").write_text("\n".join(lines), encoding="utf-8")
    course = Course(into)
    write_release(course, make_release(course, course.rubric("quarterly")))
    return course


@pytest.fixture(scope="module")
def exam(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course whose author does not say that it is for study."""
    return quarterly(course.root, tmp_path_factory.mktemp("exam"), study=False)


@pytest.fixture(scope="module")
def for_study(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    return quarterly(course.root, tmp_path_factory.mktemp("study"), study=True)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Course], Path]:
    """Give a learner, who has no course installed, what a course released."""

    def none_installed() -> Course:
        raise CourseError("no course is installed")

    monkeypatch.setattr(course_module, "installed_course", none_installed)
    monkeypatch.setattr(tutor_module, "installed_course", none_installed)
    monkeypatch.delenv("MLM_LANGUAGE", raising=False)

    def give(course: Course) -> Path:
        folder = tmp_path / "homework"
        shutil.copytree(course.release("quarterly"), folder)
        monkeypatch.chdir(folder)
        return folder

    return give


def said(capsys: Capture, *calls: Callable[[], None]) -> str:
    capsys.readouterr()
    for call in calls:
        call()
    return capsys.readouterr().out


def mlm(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def released(course: Course) -> Release:
    release = read_release_file(course.release("quarterly") / RELEASE_FILE)
    assert release is not None
    return release


def numbers_in(value: object) -> Iterator[float]:
    match value:
        case bool():
            pass
        case int() | float():
            yield float(value)
        case Mapping():
            for one in value.values():
                yield from numbers_in(one)
        case tuple() | list():
            for one in value:
                yield from numbers_in(one)


def test_a_release_tells_no_answer_no_scheme_and_nothing_of_hidden_panels(exam: Course) -> None:
    text = (exam.release("quarterly") / RELEASE_FILE).read_text(encoding="utf-8")
    release = released(exam)
    kept = kept_file(exam.source("quarterly"), release.id).read_text(encoding="utf-8")
    assert release.contents.withheld == WITHHELD
    for secret in ('"right"', '"slots"', '"scheme"', '"panels"', "seed", "BEGIN SOLUTION"):
        assert secret not in text
    for whole in ('"right"', '"slots"', '"scheme"', '"panels"'):
        assert whole in kept, "the course keeps all of it"
    rubric = release.rubric(Path(RELEASE_FILE))
    assert [item.options for item in rubric.items if item.id == "unchanged"] == [tuple("ABCDEFGH")]


def test_a_release_holds_no_number_that_was_computed(exam: Course) -> None:
    document = json.loads((exam.release("quarterly") / RELEASE_FILE).read_text(encoding="utf-8"))
    table = document["contents"].pop("table")
    written = {float(number) for number in re.findall(r"\d+\.\d+(?:e-?\d+)?", json.dumps(document))}
    key = own_panel(exam.rubric("quarterly")).answers
    parts = (part for one in key.answers.values() for part in (one.value, one.mistakes, one.scores))
    computed = [number for part in parts for number in numbers_in(part)]
    telling = {abs(number) for number in computed if number != round(number, 2)}
    assert len(telling) > 100
    shown = {round(number, digits) for number in telling for digits in (3, 4, 6)}
    # A tolerance or a factor such as 0.003 is no answer, wherever one rounds to it.
    assert {number for number in written & shown if number != round(number, 3)} == set()
    assert table.startswith("store_id,")


@pytest.mark.parametrize("language", [None, "de"])
def test_the_rubric_of_a_whole_release_is_that_of_the_folder(exam: Course, language: str | None) -> None:
    release = read_release_file(kept_file(exam.source("quarterly"), released(exam).id))
    assert release is not None
    assert release.rubric(Path("kept.json"), language) == exam.rubric("quarterly", language)


def test_a_learner_without_the_course_is_answered(exam: Course, given: Any, capsys: Capture) -> None:
    given(exam)
    right = own_panel(exam.rubric("quarterly")).answers.values
    assert len(load_panel()) == len(load_panel("quarterly")) > 100
    assert said(capsys, lambda: check("store_variance", right["store_variance"])).startswith("✓")
    wrong = said(capsys, lambda: check("store_variance", right["store_variance"] ** 0.5))
    assert wrong.startswith("✗")
    assert "standard deviation" in wrong


def test_what_the_author_keeps_back_is_recorded_and_never_wrong(exam: Course, given: Any, capsys: Capture) -> None:
    folder = given(exam)
    for answer in (["A", "C", "E", "G", "H"], ["B"]):
        card = said(capsys, lambda answer=answer: check("unchanged", answer))
        assert "Noted as" in card
        assert "It is compared when it is handed in." in card
    check("icc_reading", {"percent": 6.0, "of": "all", "lies": "between stores"})
    shown = said(capsys, progress, lambda: reveal("unchanged"))
    assert "2 of the points are for what is compared when it is handed in" in shown
    assert "Next: store_variance" in shown
    key = own_panel(exam.rubric("quarterly")).answers.values
    tutor = tutor_in(folder)
    for item in tutor.rubrics[0].items:
        if item.id in key:
            check(item.id, key[item.id])
    assert "Everything that a machine can judge is right." in said(capsys, progress)


def test_for_study_it_is_told(for_study: Course, given: Any, capsys: Capture) -> None:
    given(for_study)
    assert released(for_study).contents.withheld == ()
    key = own_panel(for_study.rubric("quarterly")).answers.values
    for name in ("intercept_centred", "var_intercept_centred", "youtube_slope_centred", "store_slopes"):
        check(name, key[name])
    assert said(capsys, lambda: check("unchanged", ["A", "C", "E", "G", "H"])).startswith("✓")
    assert said(capsys, lambda: check("unchanged", ["B", "C"])).startswith("✗")


def test_an_own_table_comes_first(exam: Course, given: Any) -> None:
    folder = given(exam)
    (folder / "panel.csv").write_text("store_id,week\na,1\n", encoding="utf-8")
    assert list(load_panel("quarterly").columns) == ["store_id", "week"]


ALONE = """
import os, sys
import autograder; print(autograder.__file__)
from autograder.student import load_panel, check, progress
panel = load_panel("quarterly"); print(len(panel), "rows")
check("store_variance", 1e6); check("unchanged", ["A"]); progress()
from autograder.cli import main
main(["check", "task1-icc.ipynb"])
"""


@pytest.mark.slow
def test_the_wheel_alone_answers_on_another_course(wheel: Path, course: Course, exam: Course, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    shutil.rmtree(site / "autograder" / "shipped")
    folder = tmp_path / "homework"
    shutil.copytree(exam.release("quarterly"), folder)
    shutil.copy(exam.source("quarterly") / "task1-icc.ipynb", folder)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    environment.pop("MLM_LANGUAGE", None)
    ran = subprocess.run([sys.executable, "-c", ALONE], cwd=folder, env=environment, capture_output=True, text=True)
    assert ran.stdout.startswith(str(site)), ran.stderr
    assert "store_variance: wrong" in ran.stdout
    assert "unchanged: noted" in ran.stdout
    assert "✓ icc " in ran.stdout, ran.stderr
    assert "icc_reading" in ran.stdout
    # Everything is right, and the sentence is compared when it is handed in.
    assert ran.returncode == 0
