"""Where the marks of a picture lie: pages draw them, at any width, as SVG whose places are in per cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: A total lies in one of so many parts of the points.
_BARS = 10


@dataclass(frozen=True)
class Dot:
    """A point and what it may range over, in per cent of the axis."""

    at: float
    low: float
    high: float


@dataclass(frozen=True)
class Dots:
    """Points on one axis, and where a number lies that they are compared with; None for none."""

    dots: tuple[Dot, ...]
    mark: float | None = None


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram: from where to where in the data, how many, and the share of the highest bar."""

    low: float
    high: float
    count: int
    height: float


def dots(
    values: Sequence[float],
    *,
    within: tuple[float, float] | None = None,
    spreads: Sequence[float] = (),
    mark: float | None = None,
) -> Dots:
    """Return points on an axis that reaches over all of them, or that is ``within`` bounds.

    Parameters
    ----------
    values : sequence of float
        Finite, in the units of the axis.
    within : (float, float), optional
        Where the axis begins and ends.
    spreads : sequence of float
        How far each reaches to both sides; nothing where there are none.
    mark : float, optional
        What the points are compared with.
    """
    at, reach = np.asarray(values, dtype=float), np.asarray(spreads or [0.0] * len(values), dtype=float)
    ends = np.array([*(at - reach), *(at + reach), *([] if mark is None else [mark])])
    low, high = within or (float(ends.min()), float(ends.max()))
    # Of numbers that are nearly as large as there can be, the difference is not finite.
    length = high / 2 - low / 2 or 1.0

    def place(number: float) -> float:
        return round(min(max(100.0 * ((number / 2 - low / 2) / length), 0.0), 100.0), 2)

    marks = (Dot(place(a), place(a - r), place(a + r)) for a, r in zip(at, reach, strict=True))
    return Dots(tuple(marks), None if mark is None else place(mark))


def histogram(totals: Sequence[float], points: float) -> tuple[Bar, ...]:
    """Return how many totals lie in each tenth of the points; the last bar holds its upper end, and what is above."""
    edges = np.linspace(0.0, points or 1.0, _BARS + 1)
    counts, _ = np.histogram(np.minimum(totals, edges[-1]), edges)
    most = max(int(counts.max()), 1)
    bars = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    return tuple(Bar(low, high, count, count / most) for low, high, count in bars)
