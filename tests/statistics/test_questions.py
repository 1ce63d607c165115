"""The library's answers to the shipped assignments are those of the answer keys that were once written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment.course import Course
from autograder.assignment.rubric import Rubric
from reference.panels import tutorial_panel
from reference.questions import LIBRARY, AnswerKey, Dataset, answer_key, coincide, mistake_words

ROOT = Path(__file__).resolve().parents[2]
KEYS = ROOT / "tests" / "oracles" / "answer_keys"
CASES = [(name, table) for name in ("practice", "extension") for table in ("own", "31")]


def rubric_of(name: str) -> Rubric:
    return Course(ROOT / "solutions").rubric(name)


def key_of(rubric: Rubric, table: bytes) -> AnswerKey:
    return answer_key(rubric.setting, rubric.asked, LIBRARY, Dataset.from_csv(table))


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): float(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def near(one: Any, other: Any) -> bool:
    """Return whether two values are the same, but for what a sum in another order changes."""
    if isinstance(one, float | int) and isinstance(other, float | int):
        return abs(one - other) <= max(1e-7 * abs(other), 1e-9)
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(near(value, other[name]) for name, value in one.items())
    return bool(one == other)


@pytest.mark.parametrize(("name", "table"), CASES)
def test_every_answer_and_every_mistake_is_that_of_the_key_written_by_hand(name: str, table: str) -> None:
    rubric, by_hand = rubric_of(name), json.loads((KEYS / f"{name}-{table}.json").read_text(encoding="utf-8"))
    key = key_of(rubric, rubric.data if table == "own" else (KEYS / f"{name}-{table}.csv").read_bytes())
    assert key.values.keys() == by_hand["values"].keys()
    for item, value in key.values.items():
        assert near(plain(value), by_hand["values"][item]), item
        theirs = by_hand["mistakes"].get(item, {})
        assert key.mistakes[item].keys() == theirs.keys(), item
        for mistake, wrong in key.mistakes[item].items():
            assert near(plain(wrong), theirs[mistake]), (item, mistake)
    for what, kept in (("standard_error", "standard_errors"), ("size", "sizes"), ("scores", "scores")):
        known = {item: getattr(answer, what) for item, answer in key.answers.items()}
        ours, theirs = {item: one for item, one in known.items() if one is not None}, by_hand[kept]
        assert ours.keys() == theirs.keys(), what
        assert all(near(plain(one), theirs[item]) for item, one in ours.items()), what
    assert {item: list(step.inputs) for item, step in key.steps.items()} == by_hand["steps"]


def test_the_table_of_practice_is_the_tutorials_panel() -> None:
    assert Dataset.from_csv(rubric_of("practice").data).frame.equals(tutorial_panel().frame)


@pytest.mark.parametrize(("name", "table"), CASES)
def test_steps_from_right_answers_are_right(name: str, table: str) -> None:
    rubric = rubric_of(name)
    key = key_of(rubric, rubric.data if table == "own" else (KEYS / f"{name}-{table}.csv").read_bytes())
    for item, step in key.steps.items():
        follows = step.compute(*(key.values[one] for one in step.inputs))
        assert (
            follows == key.values[item]
            if isinstance(follows, str | tuple)
            else coincide(key.values[item], follows or 0.0, 1e-9)
        ), item


def test_every_question_has_the_same_words_in_both_languages() -> None:
    for question in LIBRARY.values():
        assert question.words.keys() == {"en", "de"}, question.name
        english, german = question.words["en"], question.words["de"]
        assert english.mistakes.keys() == german.mistakes.keys(), question.name
        for words in (english, german):
            for text in (words.title, words.task, words.question, words.advice):
                assert text, question.name


def test_every_mistake_of_the_shipped_assignments_has_words() -> None:
    for name in ("practice", "extension"):
        rubric = rubric_of(name)
        key = key_of(rubric, rubric.data)
        for asked in rubric.asked:
            for language in ("en", "de"):
                said = mistake_words(LIBRARY[asked.question], rubric.setting, asked, language)
                assert key.mistakes.get(asked.item, {}).keys() <= said.keys(), asked.item
                assert not [text for text in said.values() if "{" in text], asked.item
