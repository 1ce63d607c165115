"""Practice on fresh panels, what counts as mastered, and the summary to keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from autograder.assignment.course import Course
from autograder.assignment.key import expected
from autograder.assignment.rubric import Rubric, Says
from autograder.student import another, check, load_panel, progress, reveal, summary
from autograder.tutor.study import copy_exercises
from autograder.tutor.tutor import Tutor, tutor_in
from reference import fit

Capture = pytest.CaptureFixture[str]
MODEL = "sales ~ week + youtube + facebook + newspaper + (1 | store_id)"


@pytest.fixture
def studying(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the first assignment, as `mlm study` leaves it, on the task's own panel."""
    copy_exercises(course, tmp_path / "my course")
    monkeypatch.chdir(tmp_path / "my course" / "practice")
    monkeypatch.delenv("MLM_LANGUAGE", raising=False)
    load_panel()
    return Path.cwd()


def icc_of(panel: pd.DataFrame) -> float:
    model = fit(MODEL, panel)
    between = float(model.terms[0].covariance[0, 0])
    return between / (between + model.sigma**2)


def said(capsys: Capture, *calls: Callable[[], object]) -> str:
    capsys.readouterr()
    for call in calls:
        call()
    return capsys.readouterr().out


def test_right_on_two_panels_and_on_the_second_without_a_hint_is_mastered(studying: Path, capsys: Capture) -> None:
    own = load_panel()
    assert "✓" in said(capsys, lambda: check("icc", icc_of(own)))
    fresh = another("icc")
    assert fresh is not None
    assert list(fresh.columns) == list(own.columns)
    assert set(fresh["store_id"]).isdisjoint(own["store_id"])
    answered = said(capsys, lambda: check("icc", icc_of(fresh)))
    assert "Mastered" in answered
    assert "points stay as they are" in answered
    assert tutor_in(studying).notes.read("task1-icc").mastered == {"icc"}
    load_panel()
    assert "4 of 10 points" in said(capsys, lambda: check("icc", icc_of(own)))


def test_with_a_hint_it_is_not_mastered_and_another_panel_is_a_new_chance(studying: Path, capsys: Capture) -> None:
    check("icc", icc_of(load_panel()))
    first = another("icc")
    assert "Ask yourself" in said(capsys, lambda: check("icc", 0.9))
    assert "Right, with a hint" in said(capsys, lambda: check("icc", icc_of(first)))
    assert not tutor_in(studying).notes.read("task1-icc").mastered
    second = another("icc")
    assert not second.equals(first)
    assert "Mastered" in said(capsys, lambda: check("icc", icc_of(second)))


def test_a_fresh_panel_alone_masters_nothing(studying: Path, capsys: Capture) -> None:
    fresh = another("icc")
    assert "on the task's own panel, too" in said(capsys, lambda: check("icc", icc_of(fresh)))
    assert not tutor_in(studying).notes.read("task1-icc").mastered


def test_what_was_shown_on_either_panel_is_not_mastered(studying: Path, capsys: Capture) -> None:
    check("icc", icc_of(load_panel()))
    fresh = another("icc")
    reveal("icc")
    check("icc", icc_of(fresh))
    assert not tutor_in(studying).notes.read("task1-icc").mastered
    load_panel()
    reveal("var_store")
    check("var_store", expected_of(studying, "var_store"))
    fresh = another("var_store")
    check("var_store", float(fit(MODEL, fresh).terms[0].covariance[0, 0]))
    assert "var_store" not in tutor_in(studying).notes.read("task1-icc").mastered


def expected_of(folder: Path, name: str) -> object:
    tutor = tutor_in(folder)
    rubric, _, item = tutor.find(name) or pytest.fail(name)
    return expected(item, tutor.key(rubric).answers)


def test_a_wrong_answer_on_a_fresh_panel_costs_nothing(studying: Path, capsys: Capture) -> None:
    check("icc", icc_of(load_panel()))
    another("icc")
    check("icc", 0.9)
    assert "4 of 10 points" in said(capsys, progress)


@pytest.mark.parametrize("assignment", Course(Path(__file__).resolve().parents[2] / "solutions").assignments)
def test_every_answer_a_machine_judges_can_be_practised(
    course: Course, assignment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    copy_exercises(course, tmp_path)
    monkeypatch.chdir(tmp_path / assignment)
    monkeypatch.delenv("MLM_LANGUAGE", raising=False)
    base = tutor_in(Path.cwd())
    rubric = base.rubrics[0]
    assert another(rubric.items[0].id) is not None
    fresh: Tutor = base.on_fresh_panel(1)
    for item in rubric.items:
        if not item.answer_kind.by_person:
            right = expected(item, fresh.key(rubric).answers)
            answer = dict(right) if hasattr(right, "items") else right
            assert "✓" in said(capsys, lambda item=item, answer=answer: check(item.id, answer)), item.id
    load_panel(assignment)


@pytest.mark.parametrize(("name", "why"), [("memo", "A person reads"), ("icq", "Did you mean icc?")])
def test_what_cannot_be_practised_is_said(studying: Path, name: str, why: str, capsys: Capture) -> None:
    assert another(name) is None
    assert why in capsys.readouterr().out


def test_only_who_studies_alone_gets_fresh_panels_and_a_summary(
    handed_out: Callable[[Says], Path], capsys: Capture
) -> None:
    handed_out("everything")
    assert another("icc") is None
    summary()
    assert capsys.readouterr().out.count("in a folder that mlm study made") == 2
    assert not Path("summary.html").exists()


def test_the_summary_is_a_page_that_needs_nothing_else(studying: Path, rubric: Rubric, capsys: Capture) -> None:
    assert "Nothing is right yet" in said(capsys, summary)
    first = rubric.notebook[0]
    for item in first.item:
        check(item.id, expected_of(studying, item.id))
    check("icc", icc_of(another("icc")))
    shown = said(capsys, summary)
    page = BeautifulSoup(Path("summary.html").read_text(encoding="utf-8"), "html.parser")
    for goal in first.goals:
        assert goal in shown
        assert goal in page.get_text()
    for text in (shown, page.get_text()):
        assert "(icc), mastered on two panels" in text
        assert "(var_store), mastered" not in text
    assert not page.select("a, script, img, link")
    load_panel()


def test_the_summary_is_in_the_learners_language(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_exercises(course, tmp_path, "de")
    monkeypatch.chdir(tmp_path / "practice")
    monkeypatch.delenv("MLM_LANGUAGE", raising=False)
    for item in course.rubric("practice").notebook[0].item:
        check(item.id, expected_of(tmp_path / "practice", item.id))
    summary()
    page = Path("summary.html").read_text(encoding="utf-8")
    assert 'lang="de"' in page
    assert "eine ICC aus zwei Varianzen berechnen." in page
    assert "You can" not in page
