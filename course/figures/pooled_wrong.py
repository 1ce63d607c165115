"""Figure E: one line through all rows, where every store has its own."""

from __future__ import annotations

import numpy as np

from course.figures.style import BLUE, GREEN, INK, ORANGE, PURPLE, Picture, canvas, styled

# Made up: stores with poor sites advertise most.
_SPENDS = (2.0, 4.0, 6.0, 8.0)
_LEVELS = (8.6, 6.2, 3.6, 1.0)
_SLOPE = 0.7
_LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"))


@styled
def pooled_wrong() -> Picture:
    """Return four stores in which spend helps, and the pooled line which says that it harms."""
    figure, axes = canvas(height=3.5)
    rng = np.random.default_rng(5)
    spends = np.array(_SPENDS)[:, None] + np.linspace(-1.5, 1.5, 8)
    sales = np.array(_LEVELS)[:, None] + _SLOPE * spends + 0.35 * rng.standard_normal(spends.shape)
    for (colour, marker), x, y in zip(_LOOKS, spends, sales, strict=True):
        axes.scatter(x, y, s=24, color=colour, marker=marker)
        axes.plot(x, np.polyval(np.polyfit(x, y, 1), x), color=colour)
    slope, level = np.polyfit(spends.ravel(), sales.ravel(), 1)
    ends = np.array([spends.min(), spends.max()])
    axes.plot(ends, level + slope * ends, color=INK, linestyle="--")
    middle = float(ends @ (0.72, 0.28))
    axes.annotate(
        "one regression\nfor all rows",
        (middle, level + slope * middle),
        xytext=(0.04, 0.12),
        textcoords="axes fraction",
        arrowprops={"arrowstyle": "->", "color": INK},
    )
    axes.set(xlabel="spend", ylabel="sales", xticks=[], yticks=[])
    caption = (
        "Four made-up stores. In each of them more spend goes with more sales; the stores with weak sites spend "
        "most, so one regression through all rows slopes down."
    )
    alt = (
        "Sales against spend for four stores, each a cloud of its own marker with a rising line. The clouds descend "
        "from upper left to lower right, so the dashed line fitted to all points together falls."
    )
    return Picture("E", figure, caption, alt)
