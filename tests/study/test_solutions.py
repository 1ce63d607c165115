"""What is left when the hints are used up: a smaller step, the answer with its way, the solution, a text to compare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from autograder.assignment.course import Course
from autograder.assignment.release_file import RELEASE_FILE, as_text, read_release_file
from autograder.assignment.rubric import Rubric, Says
from autograder.student import check, reveal
from autograder.tutor import site
from autograder.tutor.cards import Card
from autograder.tutor.checking import card_for
from autograder.tutor.progress import Study, write_study
from autograder.tutor.progress_cards import reveal_card
from autograder.tutor.tutor import Tutor, tutor_in

Capture = pytest.CaptureFixture[str]


def last_note(tutor: Tutor, item: str, *answers: float) -> str:
    return [card_for(tutor, item, answer) for answer in answers][-1].as_text().splitlines()[-2]


def test_after_the_third_hint_comes_a_smaller_step_and_then_the_answer(tutor: Tutor) -> None:
    assert "Read: " in last_note(tutor, "icc", 0.41, 0.42, 0.43)
    assert "A smaller step: This is made from var_store and var_residual." in last_note(tutor, "icc", 0.44)
    key = tutor.key(tutor.rubrics[0]).answers
    card_for(tutor, "var_store", key.values["var_store"])
    assert "made from var_residual." in last_note(tutor, "icc", 0.45)
    card_for(tutor, "var_residual", key.values["var_residual"])
    assert 'If you are stuck: reveal("icc") shows the answer' in last_note(tutor, "icc", 0.46)


def test_in_a_class_the_way_on_is_a_person(handed_out: Callable[[Says], Path]) -> None:
    tutor = tutor_in(handed_out("everything"))
    assert "whoever teaches you" in last_note(tutor, "var_store", 9.1, 9.2, 9.3, 9.4)


def test_an_answer_is_shown_with_its_reason_its_steps_and_the_code(rubric: Rubric, tutor: Tutor) -> None:
    item = next(item for item in rubric.items if item.id == "icc")
    shown = reveal_card(tutor, "icc").as_text()
    assert item.question in shown
    assert item.advice in shown
    assert "icc = var_store / (var_store + var_residual)" in shown
    assert "<pre" in reveal_card(tutor, "var_store").as_html()
    assert "BEGIN SOLUTION" not in shown


def test_every_revealed_answer_has_code_that_names_it(rubric: Rubric, tutor: Tutor) -> None:
    for item in rubric.items:
        if not item.answer_kind.by_person:
            code = reveal_card(tutor, item.id).notes[-1]
            assert code.label == "In code"
            assert item.id in code.text


def test_the_solution_is_opened_after_an_attempt_at_each_answer(
    course: Course, tutor: Tutor, alone: Path, capsys: Capture
) -> None:
    reveal("task1-icc")
    assert "Try these first" in capsys.readouterr().out
    assert not list(alone.glob("*solution*"))
    key = tutor.key(tutor.rubrics[0]).answers
    check("var_store", key.values["var_store"])
    for name in ("var_residual", "icc"):
        check(name, 0.5)
    check("icc_reading", "no idea")
    capsys.readouterr()
    reveal("task1-icc")
    assert "open task1-icc-solution.ipynb" in capsys.readouterr().out
    opened = json.loads((alone / "task1-icc-solution.ipynb").read_text(encoding="utf-8"))
    assert opened == json.loads((course.source("practice") / "task1-icc.ipynb").read_text(encoding="utf-8"))
    assert tutor.notes.read("task1-icc").revealed == {"var_residual", "icc", "icc_reading"}


def test_a_course_without_solutions_shows_steps_and_says_so(course: Course, tmp_path: Path) -> None:
    release = read_release_file(course.release("practice") / RELEASE_FILE)
    assert release is not None
    text = as_text(msgspec.structs.replace(release, id="0" * 16))
    (tmp_path / RELEASE_FILE).write_text(text, encoding="utf-8")
    assert "only where you study alone" in reveal_card(tutor_in(tmp_path), "task1-icc").as_text()
    write_study(tmp_path, Study("practice"))
    tutor_in.cache_clear()
    tutor = tutor_in(tmp_path)
    assert "handed out without" in reveal_card(tutor, "task1-icc").as_text()
    assert [note.label for note in reveal_card(tutor, "icc").notes] == ["Ask yourself", "How it is done"]


def memo(folder: Path, text: str) -> None:
    cell = {"cell_type": "markdown", "metadata": {"nbgrader": {"grade_id": "memo"}}, "source": [text]}
    (folder / "task5-memo.ipynb").write_text(json.dumps({"cells": [cell]}), encoding="utf-8")


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_memo_has_a_checklist_and_another_to_compare_with_once_it_is_written(
    course: Course, alone: Path, language: str
) -> None:
    tutor = tutor_in(alone, language, course)
    model = "the extra YouTube"
    for before in (None, "Write here.\n\nYOUR ANSWER HERE"):
        if before:
            memo(alone, before)
        card = reveal_card(tutor, "memo")
        assert len(card.notes) == 6
        assert model not in card.as_text()
    memo(alone, "Put the money into stores 14 and 1.")
    card = reveal_card(tutor, "memo")
    assert len(card.notes) == 7
    item = next(item for item in tutor.rubrics[0].items if item.id == "memo")
    assert item.memo is not None
    assert [note.text for note in card.notes[:6]] == list(item.memo.scheme)
    assert ("Vorschlag" in card.as_text()) == (language == "de")
    assert 'reveal("memo")' in card_for(tutor, "memo", "a text").as_text()


def test_read_is_a_link_where_the_site_is_served(tutor: Tutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles = {"A level for each store": [[0, None]], "The intraclass correlation": [[0, "the-icc"]]}
    index = {"docnames": ["tutorial/random-intercept"], "alltitles": titles}
    (tmp_path / "searchindex.js").write_text(f"Search.setIndex({json.dumps(index)})", encoding="utf-8")
    monkeypatch.setattr(site, "site_folder", lambda: tmp_path)
    monkeypatch.delenv(site.ADDRESS, raising=False)
    assert "<a href" not in third_card(tutor).as_html()
    monkeypatch.setenv(site.ADDRESS, "http://localhost:8888/course/")
    card = third_card(tutor)
    assert '<a href="http://localhost:8888/course/tutorial/random-intercept.html#the-icc"' in card.as_html()
    assert "“A level for each store › The intraclass correlation”" in card.as_text()


def third_card(tutor: Tutor) -> Card:
    return [card_for(tutor, "icc", answer) for answer in (0.41, 0.42, 0.43)][-1]
