"""Figure B: what can differ between two stores, the height of the line or its steepness."""

from __future__ import annotations

import numpy as np

from course.figures.style import BLUE, GREY, INK, ORANGE, Picture, panels, styled

# Made up, without units: two stores and the line between them.
_LEVELS = (3.0, 1.0)
_SLOPES = (0.9, 0.3)


@styled
def intercept_or_slope() -> Picture:
    """Return two stores that differ in their intercept alone, and two that differ in their slope as well."""
    figure, grid = panels(1, 2, height=3.1, sharey=True)
    spend = np.linspace(0.0, 10.0, 2)
    middle, steepness = float(np.mean(_LEVELS)), float(np.mean(_SLOPES))
    common = (steepness, steepness)
    for axes, title, slopes in zip(grid[0], ("Random intercept", "Random slope"), (common, _SLOPES), strict=True):
        axes.plot(spend, middle + steepness * spend, color=GREY, linestyle=":", label="average store")
        looks = (("store 1", ORANGE, "-"), ("store 2", BLUE, "--"))
        for (label, colour, dashes), level, slope in zip(looks, _LEVELS, slopes, strict=True):
            axes.plot(spend, level + slope * spend, color=colour, linestyle=dashes, label=label)
        axes.set(title=title, xlabel="spend", xticks=[], yticks=[], xlim=(0, 10), ylim=(0, 13))
    grid[0, 0].set_ylabel("sales", color=INK)
    grid[0, 0].legend(loc="upper left", handlelength=2.6)
    caption = (
        "Left, the stores differ in their level: one more unit of spend brings both the same. Right, they differ in "
        "what spend brings, too."
    )
    alt = (
        "Two panels of sales against spend, each with a line for store 1, one for store 2, and a dotted one for the "
        "average store. Left, the three lines are parallel, store 1 highest. Right, store 1 rises steeply and store 2 "
        "gently, so that the gap between them opens as spend grows."
    )
    return Picture("B", figure, caption, alt)
