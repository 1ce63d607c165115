"""Whether a panel tells right answers from wrong ones under a rubric, and the search for one that does."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from autograder.assignment.key import Keyed, expected, hidden_panel, scale_of
from autograder.assignment.rubric import Item, Rubric
from autograder.errors import KeyUnavailable
from autograder.kinds.finding import Expected
from autograder.kinds.registry import distance
from autograder.records.grading import Verdict
from autograder.sandbox.wire import key_value
from autograder.scoring.one_answer import judge_value

#: Tolerances that must lie between a right answer and each known mistake, and between two mistakes.
FROM_RIGHT = 5.0
FROM_EACH_OTHER = 2.0
#: What a right answer is called in a confusion table.
RIGHT_ANSWER = "right"

MOST_TRIES = 100
#: After so many tries without a panel the search ends, if one reason speaks against this share of them.
EARLY_TRIES, EARLY_SHARE = 20, 0.9
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
class Problem:
    """Why a panel or a rubric will not do.

    Parameters
    ----------
    item : str
        Whose answers are at fault.
    said : str
        What is wrong, in words.
    answers : tuple of str
        The two answers that cannot be told apart; empty where it is not that.
    margin : float
        How many tolerances lie between them; infinite where it is not that.
    """

    item: str
    said: str
    answers: tuple[str, ...] = ()
    margin: float = math.inf

    def __str__(self) -> str:
        """Return the item and what is wrong."""
        return f"{self.item}: {self.said}"

    @property
    def mistakes(self) -> tuple[str, ...]:
        """The known mistakes of which one has to go for the problem to go."""
        return tuple(name for name in self.answers if name != RIGHT_ANSWER)


@dataclass(frozen=True)
class Examination:
    """How a rubric fares on one panel.

    Parameters
    ----------
    problems : tuple of Problem
        Why the panel or the rubric will not do; empty if they will.
    closest : Pair
        The two answers that are nearest to each other.
    confusion : mapping
        For each (item, answer that was given) what it was taken for.
    """

    problems: tuple[Problem, ...]
    closest: Pair
    confusion: Mapping[tuple[str, str], str]


def examine(rubric: Rubric, keyed: Keyed) -> Examination:
    """Return whether right answers and known mistakes are told apart on a panel, each item alone.

    Raises
    ------
    KeyUnavailable
        If the reference does not know the answer to an item.
    """
    problems: list[Problem] = []
    pairs: list[Pair] = []
    confusion: dict[tuple[str, str], str] = {}
    for item in rubric.items:
        if item.answer_kind.by_person:
            continue
        answers = {RIGHT_ANSWER: expected(item, keyed.answers), **keyed.answers.mistakes.get(item.id, {})}
        problems += _tolerance_problems(item)
        for name, value in answers.items():
            taken = _taken_for(rubric, item, value, keyed)
            if taken in answers and _are_one(item, (name, taken), answers, keyed):
                taken = name
            confusion[item.id, name] = taken
            if taken != name:
                known = (name, taken) if taken in answers else (name,)
                problems.append(Problem(item.id, f"the answer {name!r} is taken for {taken!r}", known, 0.0))
        problems += _swap_problems(rubric, item, answers[RIGHT_ANSWER], keyed)
        for pair in _pairs(item, answers, keyed):
            pairs.append(pair)
            least = FROM_RIGHT if RIGHT_ANSWER in (pair.one, pair.other) else FROM_EACH_OTHER
            if pair.margin < least:
                said = f"{pair.one!r} and {pair.other!r} are {pair.margin:.1f} tolerances apart"
                problems.append(Problem(item.id, said, (pair.one, pair.other), pair.margin))
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


def tries_of(rubric: Rubric, seed: int) -> Iterator[Keyed]:
    """Yield the panels of a seed's first tries, whether or not the rubric tells right from wrong on them."""
    for attempt in range(EARLY_TRIES):
        yield hidden_panel(rubric, seed + attempt * _STRIDE)


def draw(
    rubric: Rubric, seed: int, known: int | None = None, tried: Callable[[int], None] = lambda tries: None
) -> Drawn:
    """Return the first panel of a seed on which the rubric tells right from wrong.

    ``known`` is the try that gave it before: it is made first, and the others only if its panel will not do. ``tried``
    is told before each draw how many there were.

    Raises
    ------
    KeyUnavailable
        If there is none in a hundred tries, or one reason speaks against nearly all of the first twenty: then the
        rubric is at fault. The message counts the reasons.
    """
    met: list[tuple[Problem, ...]] = []
    drawn = itertools.count()
    for attempt in [*([] if known is None else [known]), *range(MOST_TRIES)]:
        keyed = hidden_panel(rubric, seed + attempt * _STRIDE, tried=lambda _: tried(next(drawn)))
        examination = examine(rubric, keyed)
        if not examination.problems:
            return Drawn(keyed, examination, attempt)
        met.append(examination.problems)
        if len(met) == EARLY_TRIES and reasons(met)[0].times >= EARLY_SHARE * EARLY_TRIES:
            break
    raise KeyUnavailable(
        f"Of {len(met)} panels of the seed {seed} none tells the answers of {rubric.assignment!r} apart. Most often: "
        f"{'; '.join(map(str, reasons(met)[:3]))}."
    )


@dataclass(frozen=True)
class Reason(Problem):
    """What keeps panels from being used: a problem that some of them have.

    ``margin`` is the median of the tolerances between the answers; ``times`` says on how many of ``panels`` it was so.
    """

    times: int = 0
    panels: int = 0

    def __str__(self) -> str:
        """Return it with its count and what to do."""
        often = f"on {self.times} of {self.panels} panels"
        if not self.answers:
            return f"{self.item}: {self.said} {often}"
        if len(self.answers) == 1:
            return f"{self.item}: {self.said} {often}: leave it out by `without`"
        (one, other), apart = reversed(self.answers), f"{self.margin:.1f} tolerances"
        return (
            f"{self.item}: {one!r} lies {apart} from {other!r} {often}: make the tolerance smaller, ask for more "
            "decimals, or leave one out by `without`"
        )


def reasons(met: Sequence[tuple[Problem, ...]]) -> list[Reason]:
    """Return the reasons against panels, of each of which the problems are given, most frequent first."""
    alike: defaultdict[tuple[str, tuple[str, ...], str], list[float]] = defaultdict(list)
    for problems in met:
        # Of one pair on one panel several things may be said.
        nearest: dict[tuple[str, tuple[str, ...], str], float] = {}
        for one in problems:
            key = (one.item, tuple(sorted(one.answers, key=RIGHT_ANSWER.__ne__)), "" if one.answers[1:] else one.said)
            nearest[key] = min(one.margin, nearest.get(key, math.inf))
        for key, margin in nearest.items():
            alike[key].append(margin)
    found = [
        Reason(item, said, answers, median(margins), len(margins), len(met))
        for (item, answers, said), margins in alike.items()
    ]
    return sorted(found, key=lambda reason: -reason.times)


def distance_of(item: Item, one: Expected, other: Expected, keyed: Keyed) -> float:
    """Return how many tolerances lie between two answers to an item."""
    scale = scale_of(item, keyed.answers)
    return min(distance(item.kind, one, other, scale), distance(item.kind, other, one, scale))


def _taken_for(rubric: Rubric, item: Item, value: Expected, keyed: Keyed) -> str:
    judged = judge_value(rubric, item, key_value(value), keyed.answers)
    if judged.finding.verdict is Verdict.CORRECT:
        return RIGHT_ANSWER
    return judged.mistake or str(judged.finding.verdict)


def _tolerance_problems(item: Item) -> Iterator[Problem]:
    least = item.answer_kind.finest
    if least is not None and item.tolerance is not None and item.tolerance < least:
        yield Problem(item.id, f"a tolerance of {item.tolerance:g} is finer than good software agrees ({least:g})")


def _swap_problems(rubric: Rubric, item: Item, right: Expected, keyed: Keyed) -> Iterator[Problem]:
    """Say which neighbours of a ranking may swap: on a panel to be graded on, no two are that close."""
    for places, swapped in item.answer_kind.swaps(right) if item.answer_kind.swaps else ():
        if judge_value(rubric, item, key_value(swapped), keyed.answers).finding.verdict is Verdict.CORRECT:
            yield Problem(item.id, f"{places} are taken for each other")


def _pairs(item: Item, answers: Mapping[str, Expected], keyed: Keyed) -> Iterator[Pair]:
    for one, other in combinations(answers, 2):
        if not _are_one(item, (one, other), answers, keyed):
            yield Pair(item.id, one, other, distance_of(item, answers[one], answers[other], keyed))


def _are_one(item: Item, names: tuple[str, str], answers: Mapping[str, Expected], keyed: Keyed) -> bool:
    """Return whether two mistakes need not be told apart: the same words, or the same answer on this panel."""
    if RIGHT_ANSWER in names:
        return False
    one, other = names
    if item.hints.get(one) and item.hints.get(one) == item.hints.get(other):
        return True
    return distance_of(item, answers[one], answers[other], keyed) <= _SAME
