"""What a comparison found, what a tolerance is measured with, and what all kinds have in common.

A number that was rounded is right if it has as many decimals as were asked for, and half right with fewer. A
comparison never mentions the right value: its sentence is shown to the learner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import pstdev
from typing import TypeAlias

from autograder.language.catalogue import Sentence
from autograder.records.grading import Verdict

Named: TypeAlias = Mapping[str, float] | Mapping[int, float] | Mapping[int | str, float]

#: What the reference expects: see `reference.questions.Value`; the rubric adds choices and slots.
Expected = (
    float
    | int
    | str
    | tuple[int, ...]
    | tuple[str, ...]
    | tuple[int | str, ...]
    | Named
    | Mapping[str, str | float]
    | Mapping[str, Named]
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
COARSE = Finding(Verdict.WRONG, 0.0, Sentence("comparison.coarse"))

# A rounded number must still hold this share of the value: 0.06 may stand for 0.064, and 0.1 may not.
_COARSEST = 0.1
# What right numbers are multiplied by in a slip, by the sentence for it.
_SLIPS = (("slip_sign", -1.0), *(("slip_decimal_point", 10.0**power) for power in (1, 2, 3, -1, -2, -3)))
# A value this many slacks from zero is told from zero, so that a slip of its size shows.
_CLEAR = 10.0


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
    options : tuple of str
        The texts to choose from, where the rubric names them.
    synonyms : mapping
        Other names of options.
    """

    tolerance: float
    standard_error: float | None = None
    size: float | None = None
    decimals: int | None = None
    scores: Named | None = None
    options: tuple[str, ...] = ()
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def wrong(sentence: str, **gaps: object) -> Finding:
    """Return the finding for a wrong answer; ``sentence`` is a name in the words' section "comparison"."""
    return Finding(Verdict.WRONG, 0.0, Sentence(f"comparison.{sentence}", **gaps))


def close(number: float, expected: float, slack: float, scale: Scale) -> Finding | None:
    """Return whether a number is right within a slack, or would be if it had been rounded less; None if not.

    `COARSE` is one that was rounded so much that it could stand for a wrong one too.
    """
    if abs(number - expected) <= slack:
        return RIGHT
    written = max(0, -int(Decimal(repr(number)).normalize().as_tuple().exponent))
    half = 0.5 * 10.0**-written
    # A little more than a half, for numbers that lie halfway between two decimals.
    if not number or abs(number - expected) > half * (1.0 + 1e-9) + slack:
        return None
    if half > _COARSEST * abs(expected):
        return COARSE
    return ROUNDED if scale.decimals is not None and written >= scale.decimals else TOO_FEW


def slipped(pairs: Sequence[tuple[float, float]], slack: float) -> str | None:
    """Return the sentence for given and wanted numbers that differ by one slip, the same in all; None for others."""
    if max(abs(wanted) for _, wanted in pairs) <= _CLEAR * slack:
        return None
    return next(
        (
            said
            for said, factor in _SLIPS
            if all(abs(given - factor * wanted) <= slack * abs(factor) for given, wanted in pairs)
        ),
        None,
    )


def label(name: object) -> str:
    """Return a name as it is compared: 14, 14.0, "14", "14.0" and "014" are the same store."""
    if isinstance(name, float) and name.is_integer():
        return str(int(name))
    text = str(name).strip().casefold()
    whole, _, decimals = text.partition(".")
    is_whole = whole.isdecimal() and decimals.strip("0") == ""
    return (whole.lstrip("0") or "0") if is_whole else text


def spread(numbers: Iterable[float]) -> float:
    """Return the standard deviation of values; their size where they do not vary."""
    # With fewer than three values there is no spread to speak of; their size stands for it.
    values = list(numbers)
    return pstdev(values) or max(map(abs, values)) or 1.0
