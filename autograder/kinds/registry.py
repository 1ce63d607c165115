"""All kinds of answers by the name that a rubric gives them, and comparisons by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from autograder.kinds import numbers, rankings, tables, words
from autograder.kinds.finding import Expected, Finding, Scale
from autograder.kinds.kind import Kind
from autograder.records.grading import Verdict
from autograder.records.values import Value
from autograder.sandbox.wire import key_value

#: In the order of the authors' guide.
KINDS: Mapping[str, Kind] = {
    "count": numbers.COUNT,
    "estimate": numbers.ESTIMATE,
    "variance": numbers.VARIANCE,
    "correlation": numbers.CORRELATION,
    "proportion": numbers.PROPORTION,
    "log_likelihood": numbers.LOG_LIKELIHOOD,
    "statistic": numbers.STATISTIC,
    "p_value": numbers.P_VALUE,
    "by_name": tables.BY_NAME,
    "table": tables.TABLE,
    "ranking": rankings.RANKING,
    "choice": words.CHOICE,
    "choices": words.CHOICES,
    "text": words.TEXT,
    "slots": words.SLOTS,
    "manual": words.MANUAL,
}


def taken(kind: str, value: Value) -> Value:
    """Return an answer in the form that its kind compares; as it is where it cannot be taken for that."""
    return KINDS[kind].read(value)


def compare(kind: str, value: Value, expected: Expected, scale: Scale) -> Finding:
    """Return how an answer compares with the right one.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    value : Value
        The answer, as it came out of the box or as it was taken.
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
    return KINDS[kind].compare(taken(kind, value), expected, scale)


def distance(kind: str, one: Expected, other: Expected, scale: Scale) -> float:
    """Return how many tolerances lie between two answers, seen from the second; infinite where nothing is tolerated."""
    measure = KINDS[kind].distance
    apart = measure(one, other, scale) if measure else None
    if apart is not None:
        return apart
    same = compare(kind, key_value(one), other, replace(scale, scores=None)).verdict is Verdict.CORRECT
    return 0.0 if same else math.inf
