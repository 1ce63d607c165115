"""What the cards say of wrong answers, as learners give them: each was read by a person, and is kept in `cards/`.

A file there is a list of answers to the items of one assignment. ``answer`` is Python, with ``right`` for the item's
right answer, ``of`` for all right answers by item, ``mistake`` for its known mistakes, ``panel``, ``np``, ``pd``, ``smf``
and ``plain_fit``, statsmodels' fit as it comes; ``before`` has answers to other items given first. ``names`` is a word
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
#: What a learner's own names and code look like; they are the same in every language.
CODE = r'"[^"]*"|\b\w+_\w+\b|\w+=\w+|\w+\.\w+(?:\(\))?|\w+\(…?\)|\{[^}]*\}|\[[^\]]*\]'
ENGLISH = re.compile(r"\b(?:the|is|are|this|these|and|with|not|of|it|which|your|right|wrong|for)\b", re.IGNORECASE)


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
        self.rubric: Rubric = next(one for one in self.tutor.rubrics if one.assignment == assignment)
        self.key = self.tutor.key(self.rubric).answers
        self.of = {item.id: self._right(item) for item in self.rubric.items if item.kind != "manual"}
        PANELS[assignment] = self.panel = self.tutor.key(self.rubric).panel.frame

    def _right(self, item: Item) -> Any:
        right = expected(item, self.key)
        return dict(right) if isinstance(right, Mapping) else right

    def value(self, item: str, answer: str) -> Any:
        known = {"right": self.of.get(item), "of": self.of, "mistake": self.key.mistakes.get(item, {}), "panel": self.panel}
        return eval(answer, {**known, "np": np, "pd": pd, "smf": smf, "math": math, "plain_fit": plain_fit})

    def card(self, given: Mapping[str, Any], tutor: Tutor | None = None, tries: int = 1) -> Card:
        tutor = tutor or self.tutor
        for notebook in self.rubric.notebook:
            tutor.notes.write(notebook.name, Progress())
        for other, answer in given.get("before", {}).items():
            card_for(tutor, other, self.value(other, answer))
        value = self.value(given["item"], given["answer"])
        card = card_for(tutor, given["item"], value)
        return replace(card, foot=None)


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
        assert card == read_card(given), (given["item"], given["answer"])


def read_card(given: Mapping[str, Any]) -> str:
    return str(given["card"]).removesuffix("\n")
