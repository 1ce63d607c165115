"""Whether a panel tells right answers from wrong ones under a rubric, and the search for one that does."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from autograder.assignment.key import Keyed, expected, hidden_panel
from autograder.assignment.rubric import Item, Rubric
from autograder.errors import KeyUnavailable
from autograder.kinds.finding import Expected
from autograder.kinds.registry import distance
from autograder.records.grading import Verdict
from autograder.sandbox.wire import key_value
from autograder.scoring.one_answer import judge_value, scale_of

#: Tolerances that must lie between a right answer and each known mistake, and between two mistakes.
FROM_RIGHT = 5.0
FROM_EACH_OTHER = 2.0
#: What a right answer is called in a confusion table.
RIGHT_ANSWER = "right"

MOST_TRIES = 100
# Far from any seed a person would choose, so that the panels of neighbouring seeds do not share tries.
_STRIDE = 1_000_003
# Two values nearer than this are the same on this panel, as when a mistake is right by chance.
_SAME = 1e-6


@dataclass(frozen=True)
class Pair:
    """Two answers to an item, and how many tolerances lie between them."""

    item: str
    one: str
    other: str
    margin: float


@dataclass(frozen=True)
class Examination:
    """How a rubric fares on one panel.

    Parameters
    ----------
    problems : tuple of str
        Why the panel or the rubric will not do; empty if they will.
    closest : Pair
        The two answers that are nearest to each other.
    confusion : mapping
        For each (item, answer that was given) what it was taken for.
    """

    problems: tuple[str, ...]
    closest: Pair
    confusion: Mapping[tuple[str, str], str]


def examine(rubric: Rubric, keyed: Keyed) -> Examination:
    """Return whether right answers and known mistakes are told apart on a panel, each item alone.

    Raises
    ------
    KeyUnavailable
        If the reference does not know the answer to an item.
    """
    problems: list[str] = []
    pairs: list[Pair] = []
    confusion: dict[tuple[str, str], str] = {}
    for item in rubric.items:
        if item.answer_kind.by_person:
            continue
        answers = _known_answers(item, keyed)
        problems += _tolerance_problems(item)
        for name, value in answers.items():
            taken = _taken_for(rubric, item, value, keyed)
            if taken in answers and _are_one(rubric, item, (name, taken), answers, keyed):
                taken = name
            confusion[item.id, name] = taken
            if taken != name:
                problems.append(f"{item.id}: the answer {name!r} is taken for {taken!r}")
        problems += _swap_problems(rubric, item, answers[RIGHT_ANSWER], keyed)
        for pair in _pairs(rubric, item, answers, keyed):
            pairs.append(pair)
            least = FROM_RIGHT if RIGHT_ANSWER in (pair.one, pair.other) else FROM_EACH_OTHER
            if pair.margin < least:
                problems.append(f"{item.id}: {pair.one!r} and {pair.other!r} are {pair.margin:.1f} tolerances apart")
    closest = min(pairs, key=lambda pair: pair.margin, default=Pair("", "", "", math.inf))
    return Examination(tuple(problems), closest, confusion)


@dataclass(frozen=True)
class Drawn:
    """A panel on which the rubric tells right from wrong, how it fares there, and which try of its seed gave it."""

    keyed: Keyed
    examination: Examination
    attempt: int


def checked_panel(rubric: Rubric, seed: int) -> Keyed:
    """Return the first panel of a seed on which the rubric tells right from wrong.

    Raises
    ------
    KeyUnavailable
        If there is none in a hundred tries: then the rubric is at fault.
    """
    return draw(rubric, seed).keyed


def draw(rubric: Rubric, seed: int, known: int | None = None) -> Drawn:
    """Return the first panel of a seed on which the rubric tells right from wrong.

    ``known`` is the try that gave it before: it is made first, and the others only if its panel will not do.

    Raises
    ------
    KeyUnavailable
        If there is none in a hundred tries: then the rubric is at fault.
    """
    said: Counter[str] = Counter()
    for attempt in [*([] if known is None else [known]), *range(MOST_TRIES)]:
        keyed = hidden_panel(rubric, seed + attempt * _STRIDE)
        examination = examine(rubric, keyed)
        if not examination.problems:
            return Drawn(keyed, examination, attempt)
        said.update(examination.problems[:1])
    raise KeyUnavailable(
        f"Of {MOST_TRIES} panels of the seed {seed} none tells the answers of {rubric.assignment!r} apart; most "
        f"often: {said.most_common(1)[0][0]}."
    )


def distance_of(item: Item, one: Expected, other: Expected, keyed: Keyed) -> float:
    """Return how many tolerances lie between two answers to an item."""
    scale = scale_of(item, keyed.answers)
    return min(distance(item.kind, one, other, scale), distance(item.kind, other, one, scale))


def _known_answers(item: Item, keyed: Keyed) -> dict[str, Expected]:
    return {RIGHT_ANSWER: expected(item, keyed.answers), **keyed.answers.mistakes.get(item.id, {})}


def _taken_for(rubric: Rubric, item: Item, value: Expected, keyed: Keyed) -> str:
    judged = judge_value(rubric, item, key_value(value), keyed.answers)
    if judged.finding.verdict is Verdict.CORRECT:
        return RIGHT_ANSWER
    return judged.mistake or str(judged.finding.verdict)


def _tolerance_problems(item: Item) -> Iterator[str]:
    least = item.answer_kind.finest
    if least is not None and item.tolerance is not None and item.tolerance < least:
        yield f"{item.id}: a tolerance of {item.tolerance:g} is finer than good software agrees ({least:g})"


def _swap_problems(rubric: Rubric, item: Item, right: Expected, keyed: Keyed) -> Iterator[str]:
    """Say which neighbours of a ranking may swap: on a panel to be graded on, no two are that close."""
    for places, swapped in item.answer_kind.swaps(right) if item.answer_kind.swaps else ():
        if judge_value(rubric, item, key_value(swapped), keyed.answers).finding.verdict is Verdict.CORRECT:
            yield f"{item.id}: {places} are taken for each other"


def _pairs(rubric: Rubric, item: Item, answers: Mapping[str, Expected], keyed: Keyed) -> Iterator[Pair]:
    for one, other in combinations(answers, 2):
        if not _are_one(rubric, item, (one, other), answers, keyed):
            yield Pair(item.id, one, other, distance_of(item, answers[one], answers[other], keyed))


def _are_one(rubric: Rubric, item: Item, names: tuple[str, str], answers: Mapping[str, Expected], keyed: Keyed) -> bool:
    """Return whether two mistakes need not be told apart: the same words, or the same answer on this panel."""
    if RIGHT_ANSWER in names:
        return False
    hints = {rubric.hint(item, name) for name in names}
    if len(hints) == 1 and hints != {None}:
        return True
    one, other = names
    return distance_of(item, answers[one], answers[other], keyed) <= _SAME
