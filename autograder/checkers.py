"""Pure comparisons of an answer with the right one, by kind of quantity.

Each kind has a tolerance in the unit in which an analyst would call two results the same:

=============== =============================================================================
kind            an answer is right if it differs from the reference by at most
=============== =============================================================================
count           nothing
estimate        ``tolerance`` standard errors of the reference's estimate
variance        ``tolerance`` times the reference's value; near zero, of a hundredth of its natural size
correlation     ``tolerance``; at the boundary 1 and 0.995 are the same
proportion      ``tolerance`` (ICC and R² live between 0 and 1)
log_likelihood  ``tolerance`` (an absolute difference: what a likelihood-ratio test is made of)
statistic       ``tolerance`` times the reference's value, or ``tolerance`` where that is below 1
p_value         ``tolerance`` on the log scale: 0.001 and 0.002 are as far apart as 0.1 and 0.2
by_name         ``tolerance`` times the spread of the reference's values, for every name
table           the same for every column; columns by name, rows by key, in any order
ranking         nothing, but names whose scores lie within ``tolerance`` spreads may swap
choice(s), text nothing: spaces do not count, nor letter case in a choice
slots           every slot of a sentence: a word as given, a number as rounded
=============== =============================================================================

A number that was rounded is right if it has as many decimals as were asked for, and half right with fewer. A
comparison never mentions the right value: its sentence is shown to the learner.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import pstdev
from typing import TypeAlias

from autograder import answers
from autograder.answers import Value
from autograder.catalogue import Sentence
from autograder.records import Verdict

Named: TypeAlias = Mapping[str, float] | Mapping[int, float]

#: What the reference expects: see `reference.answers.Value`; the rubric adds choices and slots.
Expected = (
    float | int | str | tuple[int, ...] | tuple[str, ...] | Named | Mapping[str, str | float] | Mapping[str, Named]
)


@dataclass(frozen=True)
class Finding:
    """What a comparison found: a verdict, the share of the points, and a sentence of the catalogue."""

    verdict: Verdict
    share: float
    sentence: str


RIGHT = Finding(Verdict.CORRECT, 1.0, Sentence("comparison.right"))
ROUNDED = Finding(Verdict.CORRECT, 1.0, Sentence("comparison.rounded"))
TOO_FEW = Finding(Verdict.PARTIAL, 0.5, Sentence("comparison.too_few_digits"))

# A rounded number must still hold this share of the value: 0.06 may stand for 0.064, and 0.1 may not.
_COARSEST = 0.1
# A correlation this close to one counts as one where the reference's is.
_BOUNDARY = 0.005
# A variance is compared as if it were at least this share of its natural size.
_SMALL = 0.01
_NUMBER_IN_A_SENTENCE = 0.01


@dataclass(frozen=True)
class Scale:
    """What a tolerance is measured with.

    Parameters
    ----------
    tolerance : float
        The item's.
    standard_error : float or None
        The reference's, for an estimate.
    size : float or None
        Of a variance: one that would matter, for instance the residual variance.
    decimals : int or None
        How many the task asks for; None if it asks for numbers as they are.
    scores : mapping or None
        What a ranking ranks by, for every name that could be in it.
    """

    tolerance: float
    standard_error: float | None = None
    size: float | None = None
    decimals: int | None = None
    scores: Named | None = None


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


def distance(kind: str, one: Expected, other: Expected, scale: Scale) -> float:
    """Return how many tolerances lie between two answers, seen from the second; infinite where nothing is tolerated."""
    if kind in _UNITS and isinstance(one, (int, float)) and isinstance(other, (int, float)):
        apart = abs(float(one) - float(other)) / _UNITS[kind](float(other), scale)
        return apart / scale.tolerance
    if kind == "p_value" and isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return _log_distance(float(one), float(other)) / scale.tolerance
    if kind in ("by_name", "table") and isinstance(one, Mapping) and isinstance(other, Mapping):
        columns = _columns(one), _columns(other)
        if any(columns[0].get(name, {}).keys() != wanted.keys() for name, wanted in columns[1].items()):
            return math.inf
        return max(
            abs(columns[0][name][row] - number) / (scale.tolerance * _spread(wanted.values()))
            for name, wanted in columns[1].items()
            for row, number in wanted.items()
        )
    same = compare(kind, answers.key_value(one), other, replace(scale, scores=None)).verdict is Verdict.CORRECT
    return 0.0 if same else math.inf


def _malformed(wanted: str, value: Value, **gaps: str) -> Finding:
    found = answers.describe(value)
    sentence = Sentence("comparison.malformed", wanted=Sentence(f"wanted.{wanted}", **gaps), found=found)
    return Finding(Verdict.MALFORMED, 0.0, sentence)


def _wrong(sentence: str, **gaps: object) -> Finding:
    return Finding(Verdict.WRONG, 0.0, Sentence(f"comparison.{sentence}", **gaps))


def _number(value: Value) -> float | None:
    """Return the number in an answer; a one-element list or Series is taken for its element."""
    match value:
        case answers.Number(number):
            return number
        case answers.Sequence(items=(float() as number,)) | answers.Mapping(values=(float() as number,)):
            return number
        case _:
            return None


def _close(number: float, expected: float, slack: float, scale: Scale) -> Finding | None:
    """Return whether a number is right within a slack, or would be if it had been rounded less; None if not."""
    if abs(number - expected) <= slack:
        return RIGHT
    written = max(0, -int(Decimal(repr(number)).normalize().as_tuple().exponent))
    half = 0.5 * 10.0**-written
    # A little more than a half, for numbers that lie halfway between two decimals.
    if not number or half > _COARSEST * abs(expected) or abs(number - expected) > half * (1.0 + 1e-9) + slack:
        return None
    return ROUNDED if scale.decimals is not None and written >= scale.decimals else TOO_FEW


def _by_unit(unit: Callable[[float, Scale], float]) -> Callable[[Value, Expected, Scale], Finding]:
    """Return a checker for one number, right within the tolerance times a unit."""

    def checker(value: Value, expected: Expected, scale: Scale) -> Finding:
        number = _number(value)
        if number is None:
            return _malformed("number", value)
        if not isinstance(expected, (int, float)):
            raise TypeError(f"The reference must give a number here, not {type(expected).__name__}.")
        slack = scale.tolerance * unit(float(expected), scale)
        return _close(number, float(expected), slack, scale) or _wrong("wrong_number")

    return checker


def _standard_error(expected: float, scale: Scale) -> float:
    if not scale.standard_error:
        raise ValueError("An estimate is compared in standard errors, and the reference gave none for it.")
    return scale.standard_error


def _value_or_small(expected: float, scale: Scale) -> float:
    # A variance at the boundary is 0 up to where an optimiser stops.
    return max(abs(expected), _SMALL * (scale.size or 0.0), 1e-8)


def _value_or_one(expected: float, scale: Scale) -> float:
    return max(abs(expected), 1.0)


def _one(expected: float, scale: Scale) -> float:
    return 1.0


_UNITS: Mapping[str, Callable[[float, Scale], float]] = {
    "estimate": _standard_error,
    "variance": _value_or_small,
    "correlation": _one,
    "proportion": _one,
    "log_likelihood": _one,
    "statistic": _value_or_one,
}


def _correlation(value: Value, expected: Expected, scale: Scale) -> Finding:
    number = _number(value)
    if isinstance(value, answers.NotFinite) and value.text == "nan":
        return _wrong("nan_correlation")
    if number is not None and isinstance(expected, float) and abs(expected) >= 1.0 - _BOUNDARY / 10.0:
        if abs(number - expected) <= max(_BOUNDARY, scale.tolerance):
            return RIGHT
        return _wrong("wrong_number")
    return _by_unit(_one)(value, expected, scale)


def _log_distance(number: float, expected: float) -> float:
    if not 0.0 <= number <= 1.0:
        return math.inf
    smallest = 1e-300
    return abs(math.log(max(number, smallest)) - math.log(max(expected, smallest)))


def _p_value(value: Value, expected: Expected, scale: Scale) -> Finding:
    number = _number(value)
    if number is None:
        return _malformed("number", value)
    if not isinstance(expected, (int, float)):
        raise TypeError(f"The reference must give a number here, not {type(expected).__name__}.")
    if _log_distance(number, float(expected)) <= scale.tolerance:
        return RIGHT
    if not 0.0 <= number <= 1.0:
        return _wrong("no_probability")
    return _close(number, float(expected), scale.tolerance * expected, scale) or _wrong("wrong_number")


def _count(value: Value, expected: Expected, scale: Scale) -> Finding:
    number = _number(value)
    if number is None:
        return _malformed("whole_number", value)
    return RIGHT if number == expected else _wrong("wrong_number")


def label(name: object) -> str:
    """Return a name as it is compared: 14, 14.0 and "14" are the same store."""
    if isinstance(name, float) and name.is_integer():
        return str(int(name))
    return str(name).strip().casefold()


def _spread(numbers: Iterable[float]) -> float:
    # With fewer than three values there is no spread to speak of; their size stands for it.
    values = list(numbers)
    return pstdev(values) or max(map(abs, values)) or 1.0


def _columns(table: Mapping[str, object] | Mapping[int, object]) -> dict[str, dict[str, float]]:
    """Return numbers by column and row; values by name are a table of one column."""
    if all(isinstance(entry, Mapping) for entry in table.values()):
        return {label(name): _columns(entry)[""] for name, entry in table.items() if isinstance(entry, Mapping)}
    return {"": {label(row): float(number) for row, number in table.items() if isinstance(number, (int, float))}}


def _all_of(pairs: list[tuple[float, float]], slack: float, scale: Scale, column: str | None = None) -> Finding:
    """Return what pairs of given and wanted numbers come to together, of a column if there are several."""
    found = [_close(given, wanted, slack, scale) for given, wanted in pairs]
    if None in found:
        right = sum(finding is not None for finding in found)
        if column is None:
            return _wrong("values_right", right=right, total=len(pairs))
        return _wrong("column_right", right=right, total=len(pairs), column=repr(column))
    return next((finding for finding in (TOO_FEW, ROUNDED) if finding in found), RIGHT)


def _by_name(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, Mapping):
        raise TypeError("The reference must give values by name here.")
    given = _named_values(value)
    if given is None:
        return _malformed("by_name", value)
    (wanted,) = _columns(expected).values()
    lacking, unknown = wanted.keys() - given.keys(), given.keys() - wanted.keys()
    if lacking or unknown:
        return _wrong("names", total=len(wanted), lacking=len(lacking), unknown=len(unknown))
    pairs = [(given[name], number) for name, number in wanted.items()]
    return _all_of(pairs, scale.tolerance * _spread(wanted.values()), scale)


def _named_values(value: Value) -> dict[str, float] | None:
    match value:
        case answers.Mapping(keys, values):
            pairs = list(zip(keys, values, strict=True))
        case answers.Table(columns, index, rows) if len(columns) == 1:
            pairs = [(name, row[0]) for name, row in zip(index, rows, strict=True)]
        case answers.Table(_, _, rows) if all(len(row) == 2 for row in rows):
            pairs = [(row[0], row[1]) for row in rows]
        case _:
            return None
    named = {label(name): number for name, number in pairs if type(number) is float}
    return named if len(named) == len(pairs) else None


def _table(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, Mapping):
        raise TypeError("The reference must give a table here.")
    if not isinstance(value, answers.Table):
        return _malformed("table", value)
    wanted = _columns(expected)
    places = {label(name): place for place, name in enumerate(value.columns)}
    lacking = [name for name in wanted if name not in places]
    if lacking:
        return _wrong("no_column", column=repr(lacking[0]))
    keys = set(next(iter(wanted.values())))
    labels = [[label(name) for name in value.index]]
    labels += [[label(row[place]) for row in value.rows] for name, place in places.items() if name not in wanted]
    rows = next((names for names in labels if set(names) == keys and len(names) == len(keys)), None)
    if rows is None:
        return _wrong("rows", total=len(keys))
    findings = []
    for name, column in wanted.items():
        cells = {row: cell[places[name]] for row, cell in zip(rows, value.rows, strict=True)}
        if not all(type(cell) is float for cell in cells.values()):
            return _wrong("column_numbers", column=repr(name))
        pairs = [(float(cell), column[row]) for row, cell in cells.items() if isinstance(cell, float)]
        findings.append(_all_of(pairs, scale.tolerance * _spread(column.values()), scale, name))
    return min(findings, key=lambda finding: finding.share)


def _ranking(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, tuple):
        raise TypeError("The reference must give a ranking here.")
    names = _listed(value)
    if names is None:
        return _malformed("ranking", value)
    given, wanted = [label(name) for name in names], [label(name) for name in expected]
    if given == wanted or _near_ties(given, wanted, scale):
        return RIGHT
    if len(given) != len(wanted):
        return _wrong("length", wanted=len(wanted), given=len(given))
    if sorted(given) == sorted(wanted):
        return Finding(Verdict.PARTIAL, 0.5, Sentence("comparison.order"))
    return _wrong("other_ones")


def _listed(value: Value) -> tuple[answers.Scalar, ...] | None:
    """Return the entries of a list, or of a Series that is one: its labels count from zero."""
    match value:
        case answers.Sequence(items):
            return items
        case answers.Mapping(keys, values) if keys == tuple(map(float, range(len(keys)))):
            return values
        case _:
            return None


def _near_ties(given: list[str], wanted: list[str], scale: Scale) -> bool:
    """Return whether a ranking differs from the right one by swaps of names that an optimiser cannot tell apart."""
    if not scale.scores or len(given) != len(wanted) or len(set(given)) != len(given):
        return False
    scores = {label(name): score for name, score in scale.scores.items()}
    if not scores.keys() >= set(given):
        return False
    noise = scale.tolerance * _spread(scores.values())
    ordered = [scores[name] for name in given]
    left_out = [score for name, score in scores.items() if name not in given]
    in_order = all(earlier >= later - noise for place, earlier in enumerate(ordered) for later in ordered[place + 1 :])
    return in_order and min(ordered) >= max(left_out, default=-math.inf) - noise


def _choice(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(value, answers.Text):
        return _malformed("choice", value)
    return RIGHT if label(value.value) == label(expected) else _wrong("other_choice")


def _choices(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, tuple):
        raise TypeError("The rubric must give the right choices here.")
    if not isinstance(value, answers.Sequence) or not all(isinstance(item, str) for item in value.items):
        return _malformed("choices", value)
    given, wanted = {label(item) for item in value.items}, {label(item) for item in expected}
    if given == wanted:
        return RIGHT
    too_many, too_few = len(given - wanted), len(wanted - given)
    if too_many and too_few:
        return _wrong("too_many_and_too_few")
    return _wrong("too_many" if too_many else "too_few")


def _text(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(value, answers.Text):
        return _malformed("text", value)
    return RIGHT if value.value.split() == str(expected).split() else _wrong("other_text")


def _slots(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, Mapping):
        raise TypeError("The rubric must give a word or a number for each slot here.")
    wanted = {label(name): filling for name, filling in expected.items()}
    if not isinstance(value, answers.Mapping):
        return _malformed("slots", value, slots=", ".join(wanted))
    given = {label(name): filling for name, filling in zip(value.keys, value.values, strict=True)}
    wrong = [name for name, filling in wanted.items() if not _fits(given.get(name), filling)]
    if not wrong:
        return RIGHT
    share = 1.0 - len(wrong) / len(wanted)
    return replace(
        _wrong("gaps", gaps=", ".join(wrong)), verdict=Verdict.PARTIAL if share else Verdict.WRONG, share=share
    )


def _fits(given: answers.Scalar, wanted: object) -> bool:
    if isinstance(wanted, str):
        return isinstance(given, str) and label(given) == label(wanted)
    if type(given) is not float or not isinstance(wanted, (int, float)):
        return False
    return _close(given, float(wanted), _NUMBER_IN_A_SENTENCE * abs(wanted), Scale(0.0)) is not None


_CHECKERS: Mapping[str, Callable[[Value, Expected, Scale], Finding]] = {
    "count": _count,
    **{kind: _by_unit(unit) for kind, unit in _UNITS.items()},
    "correlation": _correlation,
    "p_value": _p_value,
    "by_name": _by_name,
    "table": _table,
    "ranking": _ranking,
    "choice": _choice,
    "choices": _choices,
    "text": _text,
    "slots": _slots,
}
