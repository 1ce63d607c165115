"""Kinds whose answer is one number, each with a tolerance in the unit in which an analyst would call two equal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from autograder.kinds.finding import RIGHT, Expected, Finding, Scale, close, slipped, wrong
from autograder.kinds.forms import read_number
from autograder.kinds.kind import Kind
from autograder.kinds.refusals import malformed
from autograder.records.values import NotFinite, Number, Value

# A correlation this close to one counts as one where the reference's is.
_BOUNDARY = 0.005
# A variance is compared as if it were at least this share of its natural size.
_SMALL = 0.01
# Two numbers that differ by less than this share of them were computed alike; a per cent is often rounded.
_ALIKE, _PER_CENT = 1e-3, 0.02
# What a computer makes of zero.
_ROUNDING = 1e-9

#: From a number that is not right, and the right one, to the sentence that says why it cannot be, if there is one.
_Why = Callable[[float, float], str | None]


def _by_unit(
    unit: Callable[[float, Scale], float], tolerated: str, finest: float, why: _Why = lambda number, right: None
) -> Kind:
    """Return a kind of number that is right within the tolerance times a unit."""

    def compare(value: Value, expected: Expected, scale: Scale) -> Finding:
        if not isinstance(value, Number):
            return malformed("number", value)
        right = _expected_number(expected)
        slack = scale.tolerance * unit(right, scale)
        found = close(value.value, right, slack, scale)
        return found or wrong(why(value.value, right) or slipped([(value.value, right)], slack) or "wrong_number")

    def distance(one: Expected, other: Expected, scale: Scale) -> float | None:
        if not isinstance(one, (int, float)) or not isinstance(other, (int, float)):
            return None
        apart = abs(float(one) - float(other)) / unit(float(other), scale)
        return apart / scale.tolerance

    return Kind(compare, tolerated, distance, finest, read_number)


def _expected_number(expected: Expected) -> float:
    if not isinstance(expected, (int, float)):
        raise TypeError(f"The reference must give a number here, not {type(expected).__name__}.")
    return float(expected)


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


def _why_no_variance(number: float, right: float) -> str | None:
    if abs(number) <= _ROUNDING:
        return "slip_zero_variance"
    return "slip_no_variance" if number < 0.0 else None


def _is_per_cent(number: float, right: float) -> bool:
    """Return whether a number above one stands for 100 times the right one, rounded or not."""
    return abs(number) > 1.0 and close(number, 100.0 * right, _PER_CENT * abs(100.0 * right), Scale(0.0)) is not None


def _why_no_share(number: float, right: float) -> str | None:
    if _is_per_cent(number, right):
        return "slip_per_cent"
    if math.isclose(1.0 - number, right, rel_tol=_ALIKE):
        return "slip_other_share"
    if math.isclose(number, right * (1.0 + number), rel_tol=_ALIKE):
        return "slip_ratio"
    return None if 0.0 <= number <= 1.0 else "slip_no_share"


def _why_no_correlation(number: float, right: float) -> str | None:
    if _is_per_cent(number, right):
        return "slip_per_cent"
    return None if abs(number) <= 1.0 else "slip_no_correlation"


ESTIMATE = _by_unit(
    _standard_error,
    "`tolerance` standard errors of the reference",
    1e-3,
    lambda number, right: "slip_zero_estimate" if abs(number) <= _ROUNDING else None,
)
VARIANCE = _by_unit(
    _value_or_small,
    "`tolerance` times the reference's value; near zero, of a hundredth of its natural size",
    1e-4,
    _why_no_variance,
)
PROPORTION = _by_unit(_one, "`tolerance`", 5e-5, _why_no_share)
LOG_LIKELIHOOD = replace(_by_unit(_one, "`tolerance`", 1e-3), is_maximised=True)
STATISTIC = _by_unit(_value_or_one, "`tolerance` times the reference's value, or `tolerance` below 1", 1e-4)

# Away from the boundary a correlation is compared as any number between bounds is.
_PLAIN = _by_unit(_one, "`tolerance`; at the boundary 1 and 0.995 are the same", 1e-4, _why_no_correlation)


def _correlation(value: Value, expected: Expected, scale: Scale) -> Finding:
    if isinstance(value, NotFinite) and value.text == "nan":
        return wrong("nan_correlation")
    if isinstance(value, Number) and isinstance(expected, float) and abs(expected) >= 1.0 - _BOUNDARY / 10.0:
        if abs(value.value - expected) <= max(_BOUNDARY, scale.tolerance):
            return RIGHT
        return wrong(_why_no_correlation(value.value, expected) or "wrong_number")
    return _PLAIN.compare(value, expected, scale)


CORRELATION = replace(_PLAIN, compare=_correlation)


def _p_value(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(value, Number):
        return malformed("number", value)
    number, right = value.value, _expected_number(expected)
    if _log_distance(number, right) <= scale.tolerance:
        return RIGHT
    if not 0.0 <= number <= 1.0:
        return wrong("no_probability")
    found = close(number, right, scale.tolerance * right, scale)
    return found or wrong(_why_no_p(number, right, scale) or "wrong_number")


def _why_no_p(number: float, right: float, scale: Scale) -> str | None:
    for said, factor in (("slip_half_p", 0.5), ("slip_twice_p", 2.0), ("slip_per_cent", 100.0)):
        if _log_distance(number, factor * right) <= scale.tolerance:
            return said
    return None if number else "slip_zero_p"


def _log_distance(number: float, expected: float) -> float:
    if not 0.0 <= number <= 1.0:
        return math.inf
    smallest = 1e-300
    return abs(math.log(max(number, smallest)) - math.log(max(expected, smallest)))


def _p_distance(one: Expected, other: Expected, scale: Scale) -> float | None:
    if not isinstance(one, (int, float)) or not isinstance(other, (int, float)):
        return None
    return _log_distance(float(one), float(other)) / scale.tolerance


# 0.001 and 0.002 are as far apart as 0.1 and 0.2.
P_VALUE = Kind(_p_value, "`tolerance` on the log scale", _p_distance, 1e-3, read_number)


def _count(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(value, Number):
        return malformed("whole_number", value)
    if value.value == expected:
        return RIGHT
    return wrong("wrong_number" if value.value.is_integer() and value.value >= 0 else "no_count")


COUNT = Kind(_count, "nothing", read=read_number, exact=True)
