"""What the cards say of wrong answers, as learners give them: each was read by a person, and is kept in `cards/`.

A file there is a list of answers to the items of one assignment. ``answer`` is Python, with ``right`` for the item's
right answer, ``of`` for all right answers by item, ``mistake`` for its known mistakes, ``panel``, ``np``, ``pd``, and
``plain_fit``, statsmodels' fit as it comes; ``before`` has answers to other items given first. ``names`` is a word
that the card must say, where the answer has a plain cause. After a change that is meant,

    python -m pytest tests/study/test_cards.py --rewrite-cards

writes the cards anew: read the difference as a learner would.
"""

from __future__ import annotations

import math
import re
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from autograder.assignment.course import Course
from autograder.assignment.key import expected
from autograder.assignment.rubric import Item, Rubric
from autograder.tutor.cards import Card
from autograder.tutor.checking import card_for
from autograder.tutor.progress import Progress, Study, write_study
from autograder.tutor.tutor import Tutor, tutor_in

HERE = Path(__file__).resolve().parent
FILES = {path.stem: path for path in sorted((HERE / "cards").glob("*.toml"))}
COURSES = {"marking": "essays", "attainment": "schools", "pain": "recovery"}
#: A learner's own names, code, titles of sections, and statistical terms are the same in every language.
SAME = re.compile(
    r'"[^"]*"|“[^”]*”|„[^“]*“|\b\w+_\w+\b|\w+=\w+|\w+[.(]\w*\)?|\{[^}]*\}|\[[^\]]*\]|\b\w*[Ll]og-Likelihoods?\b'
    r"|Maximum[ -]Likelihood|Likelihood-Quotienten|Dictionary|store \d+"
)
ENGLISH = re.compile(
    r"\b(?:the|is|are|this|these|and|with|not|of|it|which|your|right|wrong|for|to|from|by|on|give|take|model|store)\b",
    re.IGNORECASE,
)


def read(assignment: str) -> list[dict[str, Any]]:
    return tomllib.loads(FILES[assignment].read_text(encoding="utf-8"))["given"]


@cache
def plain_fit(formula: str, groups: str, re_formula: str | None = None, **more: Any) -> Any:
    """Return what statsmodels gives without any help, warnings and all; ``table`` is the panel."""
    options = {key: more.pop(key) for key in ("reml", "method") if key in more}
    table = PANELS[more.pop("assignment", "practice")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return smf.mixedlm(formula, table, groups=groups, re_formula=re_formula, **more).fit(**options)


PANELS: dict[str, pd.DataFrame] = {}


class Desk:
    """A learner who studies one assignment alone."""

    def __init__(self, assignment: str, course: Course, folder: Path) -> None:
        write_study(folder / assignment, Study(assignment))
        self.tutor: Tutor = tutor_in(folder / assignment, course=course)
        self.german: Tutor = tutor_in(folder / assignment, "de", course)
        self.rubric: Rubric = self.tutor.rubrics[0]
        self.key = self.tutor.key(self.rubric).answers
        self.of = {item.id: self._right(item) for item in self.rubric.items if item.kind != "manual"}
        PANELS[assignment] = self.panel = self.tutor.key(self.rubric).panel.frame

    def _right(self, item: Item) -> Any:
        right = expected(item, self.key)
        return dict(right) if isinstance(right, Mapping) else right

    def item(self, name: str) -> Item:
        return next(item for item in self.rubric.items if item.id == name)

    def value(self, item: str, answer: str) -> Any:
        known = {
            "right": self.of.get(item),
            "of": self.of,
            "mistake": self.key.mistakes.get(item, {}),
            "panel": self.panel,
        }
        return eval(answer, {**known, "np": np, "pd": pd, "math": math, "plain_fit": plain_fit})

    def card(self, given: Mapping[str, Any], language: str = "en") -> Card:
        tutor = self.tutor if language == "en" else self.german
        for notebook in self.rubric.notebook:
            tutor.notes.write(notebook.name, Progress())
        for other, answer in given.get("before", {}).items():
            card_for(tutor, other, self.value(other, answer))
        return replace(card_for(tutor, given["item"], self.value(given["item"], given["answer"])), foot=None)


@pytest.fixture(scope="module")
def desks(root: Path, course: Course, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Desk]:
    home = tmp_path_factory.mktemp("desks")
    courses = {name: Course(root / "tests" / "courses" / folder) for name, folder in COURSES.items()}
    return {name: Desk(name, courses.get(name, course), home) for name in FILES}


def written(assignment: str, cards: list[tuple[dict[str, Any], str]]) -> str:
    def entries() -> Iterator[str]:
        yield f"# Wrong answers to the items of {assignment}, and what their cards say; see ../test_cards.py."
        for given, card in cards:
            yield "\n[[given]]"
            for key, value in given.items():
                if key == "before":
                    yield "before = { " + ", ".join(f"{name} = {literal(text)}" for name, text in value.items()) + " }"
                elif key != "card":
                    yield f"{key} = {literal(value)}"
            yield f"card = '''\n{card}\n'''"

    return "\n".join(entries()) + "\n"


def literal(text: str) -> str:
    quote = next(quote for quote in ("'", '"', "'''") if quote not in text)
    return f"{quote}{text}{quote}"


@pytest.mark.parametrize("assignment", FILES)
def test_cards_are_those_that_were_read(
    assignment: str, desks: dict[str, Desk], request: pytest.FixtureRequest
) -> None:
    desk = desks[assignment]
    cards = [(given, desk.card(given).as_text()) for given in read(assignment)]
    if request.config.getoption("--rewrite-cards"):
        FILES[assignment].write_text(written(assignment, cards), encoding="utf-8")
        pytest.skip("written anew")
    for given, card in cards:
        assert rounded(card) == rounded(read_card(given)), (given["item"], given["answer"])


def rounded(card: str) -> str:
    """Return a card without the last digits of long numbers, in which processors differ."""
    return re.sub(r"\d+\.\d{8,}", lambda number: f"{float(number[0]):.6g}", card)


def read_card(given: Mapping[str, Any]) -> str:
    return str(given["card"]).removesuffix("\n")


def test_there_are_150_and_some_for_every_item(desks: dict[str, Desk]) -> None:
    given = {name: read(name) for name in FILES}
    assert sum(map(len, given.values())) >= 150
    for name in ("practice", "extension"):
        assert {item.id for item in desks[name].rubric.items} == {one["item"] for one in given[name]}


@pytest.mark.parametrize("assignment", FILES)
def test_a_plain_cause_is_named(assignment: str) -> None:
    for given in read(assignment):
        assert given.get("names", "").casefold() in given["card"].casefold(), (given["item"], given["answer"])


@pytest.mark.parametrize("assignment", FILES)
def test_no_card_has_the_value_in_it(assignment: str, desks: dict[str, Desk]) -> None:
    desk = desks[assignment]
    for given in read(assignment):
        right, card = desk.of.get(given["item"]), given["card"].partition("\n")[2]
        told = set(re.findall(r"(?<![\w.,])-?\d+(?:\.\d+)?(?![\w.])", card))
        if isinstance(right, float) and right:
            assert not [number for number in told if math.isclose(float(number), right, rel_tol=0.01)], given
        elif isinstance(right, tuple) and given["item"] not in ("unchanged",):
            assert not set(map(str, right)) <= told, given
        elif isinstance(right, str):
            others = [option for option in desk.item(given["item"]).options if option != right]
            assert f'"{right}"' not in card or any(f'"{other}"' in card for other in others), given


@pytest.mark.parametrize("assignment", ["practice", "extension"])
def test_no_english_is_left_in_a_german_card(assignment: str, desks: dict[str, Desk]) -> None:
    desk = desks[assignment]
    for given in read(assignment):
        text = desk.card(given, "de").as_text()
        gaps = "|".join(desk.item(given["item"]).slots)
        assert ENGLISH.findall(re.sub(rf"\b(?:{gaps})\b" if gaps else "$^", "", SAME.sub("", text))) == [], text
        assert text != given["card"].removesuffix("\n")


@pytest.mark.parametrize("assignment", ["practice", "extension"])
def test_every_word_of_an_item_is_german(assignment: str, desks: dict[str, Desk]) -> None:
    english, german = desks[assignment].rubric, desks[assignment].german.rubrics[0]
    for before, after in zip(english.items, german.items, strict=True):
        words = {"title": after.title, "question": after.question, "advice": after.advice, **after.hints}
        words |= dict(enumerate(after.memo.scheme if after.memo else ()))
        for name, text in words.items():
            assert ENGLISH.findall(SAME.sub("", text)) == [], (after.id, name, text)
        assert after.title != before.title
