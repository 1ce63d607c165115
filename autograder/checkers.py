"""Pure comparisons of an answer with the right one, by kind of quantity.

Each kind has a tolerance in the unit in which an analyst would call two results the same:

=============== =============================================================================
kind            an answer is right if it differs from the reference by at most
=============== =============================================================================
count           nothing
estimate        ``tolerance`` standard errors of the reference's estimate
variance        ``tolerance`` times the reference's value (a variance component)
proportion      ``tolerance`` (ICC and R² live between 0 and 1)
log_likelihood  ``tolerance`` (an absolute difference: what a likelihood-ratio test is made of)
statistic       ``tolerance`` times the reference's value, or ``tolerance`` where that is below 1
p_value         ``tolerance`` on the log scale: 0.001 and 0.002 are as far apart as 0.1 and 0.2
by_name         ``tolerance`` times the spread of the reference's values, for every name
ranking         nothing: the same names in the same order
choice(s)       nothing: letter case and surrounding spaces do not count
=============== =============================================================================

A comparison never mentions the right value: its sentence is shown to the learner.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import pstdev

from autograder import answers
from autograder.answers import Value
from autograder.records import Verdict

#: What the reference expects: see `reference.answers.Value`; choices add a tuple of strings.
Expected = float | int | str | tuple[int, ...] | tuple[str, ...] | Mapping[str, float] | Mapping[int, float]


@dataclass(frozen=True)
class Finding:
    """What a comparison found: a verdict, the share of the points, and a sentence."""

    verdict: Verdict
    share: float
    sentence: str


RIGHT = Finding(Verdict.CORRECT, 1.0, "Right.")


@dataclass(frozen=True)
class Scale:
    """What a tolerance is measured with: the item's tolerance, and the reference's standard error if it has one."""

    tolerance: float
    standard_error: float | None = None


def compare(kind: str, value: Value, expected: Expected, scale: Scale) -> Finding:
    """Return how an answer compares with the right one.

    Parameters
    ----------
    kind : str
        A kind of the table above.
    value : Value
        The answer, as it came out of the box.
    expected : Expected
        The right answer, or a known wrong one to be recognised.
    scale : Scale
        The unit of the tolerance.

    Returns
    -------
    Finding
        MALFORMED if the answer is not of the kind that was asked; else CORRECT, PARTIAL or WRONG.

    Raises
    ------
    KeyError
        If there is no such kind: a rubric is checked for that when it is read.
    """
    return _CHECKERS[kind](value, expected, scale)


def _malformed(wanted: str, value: Value) -> Finding:
    return Finding(Verdict.MALFORMED, 0.0, f"This must be {wanted}, but it is {answers.describe(value)}.")


def _wrong(sentence: str) -> Finding:
    return Finding(Verdict.WRONG, 0.0, sentence)


def _number(value: Value) -> float | None:
    """Return the number in an answer; a one-element list or Series is taken for its element."""
    match value:
        case answers.Number(number):
            return number
        case answers.Sequence(items=(float() as number,)) | answers.Mapping(values=(float() as number,)):
            return number
        case _:
            return None


def _within(distance: Callable[[float, float, Scale], float]) -> Callable[[Value, Expected, Scale], Finding]:
    """Return a checker for one number, right where a distance is at most the tolerance."""

    def checker(value: Value, expected: Expected, scale: Scale) -> Finding:
        number = _number(value)
        if number is None:
            return _malformed("one number", value)
        if not isinstance(expected, (int, float)):
            raise TypeError(f"The reference must give a number here, not {type(expected).__name__}.")
        if distance(number, float(expected), scale) <= scale.tolerance:
            return RIGHT
        return _wrong("The number is not right.")

    return checker


def _in_standard_errors(number: float, expected: float, scale: Scale) -> float:
    if not scale.standard_error:
        raise ValueError("An estimate is compared in standard errors, and the reference gave none for it.")
    return abs(number - expected) / scale.standard_error


def _relative(number: float, expected: float, scale: Scale) -> float:
    # A variance at the boundary is 0 up to where an optimiser stops.
    return abs(number - expected) / max(abs(expected), 1e-8)


def _absolute(number: float, expected: float, scale: Scale) -> float:
    return abs(number - expected)


def _as_statistic(number: float, expected: float, scale: Scale) -> float:
    return abs(number - expected) / max(abs(expected), 1.0)


def _on_log_scale(number: float, expected: float, scale: Scale) -> float:
    if not 0.0 <= number <= 1.0:
        return math.inf
    smallest = 1e-300
    return abs(math.log(max(number, smallest)) - math.log(max(expected, smallest)))


def _count(value: Value, expected: Expected, scale: Scale) -> Finding:
    number = _number(value)
    if number is None:
        return _malformed("one whole number", value)
    return RIGHT if number == expected else _wrong("The number is not right.")


def _label(name: object) -> str:
    """Return a name as it is compared: 14, 14.0 and "14" are the same store."""
    if isinstance(name, float) and name.is_integer():
        return str(int(name))
    return str(name).strip().casefold()


def _by_name(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, Mapping):
        raise TypeError("The reference must give values by name here.")
    given = _named_values(value)
    if given is None:
        return _malformed("a value for each name: a dictionary or a Series", value)
    wanted = {_label(name): number for name, number in expected.items()}
    lacking, unknown = wanted.keys() - given.keys(), given.keys() - wanted.keys()
    if lacking or unknown:
        return _wrong(
            f"Of the {len(wanted)} names asked for, {len(lacking)} have no value, and {len(unknown)} other names do."
        )
    # With fewer than three values there is no spread to speak of; their size stands for it.
    numbers = list(wanted.values())
    spread = pstdev(numbers) or max(map(abs, numbers)) or 1.0
    right = sum(abs(given[name] - number) <= scale.tolerance * spread for name, number in wanted.items())
    return RIGHT if right == len(wanted) else _wrong(f"{right} of the {len(wanted)} values are right.")


def _named_values(value: Value) -> dict[str, float] | None:
    match value:
        case answers.Mapping(keys, values):
            pairs = list(zip(keys, values, strict=True))
        case answers.Table(columns, index, rows) if len(columns) == 1:
            pairs = [(label, row[0]) for label, row in zip(index, rows, strict=True)]
        case answers.Table(_, _, rows) if all(len(row) == 2 for row in rows):
            pairs = [(row[0], row[1]) for row in rows]
        case _:
            return None
    named = {_label(name): number for name, number in pairs if type(number) is float}
    return named if len(named) == len(pairs) else None


def _ranking(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, tuple):
        raise TypeError("The reference must give a ranking here.")
    if not isinstance(value, answers.Sequence):
        return _malformed("a list, best first", value)
    given, wanted = [_label(item) for item in value.items], [_label(item) for item in expected]
    if given == wanted:
        return RIGHT
    if len(given) != len(wanted):
        return _wrong(f"The list must name {len(wanted)}, and it names {len(given)}.")
    if sorted(given) == sorted(wanted):
        return Finding(Verdict.PARTIAL, 0.5, "These are the right ones, but not in the right order.")
    return _wrong("These are not the right ones.")


def _choice(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(value, answers.Text):
        return _malformed("one of the given texts", value)
    return RIGHT if _label(value.value) == _label(expected) else _wrong("Another choice fits better.")


def _choices(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, tuple):
        raise TypeError("The rubric must give the right choices here.")
    if not isinstance(value, answers.Sequence) or not all(isinstance(item, str) for item in value.items):
        return _malformed("a list of the given texts", value)
    given, wanted = {_label(item) for item in value.items}, {_label(item) for item in expected}
    if given == wanted:
        return RIGHT
    too_many, too_few = len(given - wanted), len(wanted - given)
    if too_many and too_few:
        return _wrong("Some of these do not belong here, and some that do are not named.")
    return _wrong("Some of these do not belong here." if too_many else "These belong here, but they are not all.")


_CHECKERS: Mapping[str, Callable[[Value, Expected, Scale], Finding]] = {
    "count": _count,
    "estimate": _within(_in_standard_errors),
    "variance": _within(_relative),
    "proportion": _within(_absolute),
    "log_likelihood": _within(_absolute),
    "statistic": _within(_as_statistic),
    "p_value": _within(_on_log_scale),
    "by_name": _by_name,
    "ranking": _ranking,
    "choice": _choice,
    "choices": _choices,
}
