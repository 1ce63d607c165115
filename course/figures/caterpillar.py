"""Figure 8: the stores' slopes in order, each with what is not known about it."""

from __future__ import annotations

import numpy as np

from course.figures.style import BLUE, GREY, INK, ORANGE, Picture, canvas, styled
from course.live import names, number
from reference.tutorial import Tutorial

_LOOKS = {"above": (ORANGE, "D"), "unclear": (GREY, "o"), "below": (BLUE, "s")}


@styled
def caterpillar(results: Tutorial) -> Picture:
    """Return the stores' YouTube slopes, steepest on top, with 95 % intervals and their tier against the average."""
    figure, axes = canvas(height=5.6)
    rows = results.slopes[::-1]
    average = results.slope.fit.fixed_effects["youtube"]
    axes.axvline(average, color=INK, linestyle="--", linewidth=1.2, label="average store")
    for tier, (colour, marker) in _LOOKS.items():
        chosen = [(place, row) for place, row in enumerate(rows) if row.tier == tier]
        if not chosen:
            continue
        places = [place for place, _ in chosen]
        axes.hlines(
            places, [row.lower for _, row in chosen], [row.upper for _, row in chosen], color=colour, linewidth=2
        )
        label = {"above": "surely above", "unclear": "cannot be told", "below": "surely below"}[tier]
        axes.scatter([row.slope for _, row in chosen], places, color=colour, marker=marker, s=34, label=label, zorder=3)
    axes.set(yticks=np.arange(len(rows)), yticklabels=[f"{row.group}" for row in rows], ylabel="store")
    axes.set_xlabel("sales per unit of YouTube, with 95 % interval")
    axes.legend(loc="lower right")
    above = [row.group for row in results.slopes if row.tier == "above"]
    caption = (
        "The caterpillar: stores by slope, with 95 % intervals. Few stores can be told from the average; the order "
        "in the middle is mostly chance."
    )
    alt = (
        f"{len(rows)} stores from the steepest, store {results.slopes[0].group} at "
        f"{number(results.slopes[0].slope, 3)}, to the flattest, store {results.slopes[-1].group} at "
        f"{number(results.slopes[-1].slope, 3)}, each with a 95 % interval about as wide as the whole range. Stores "
        f"{names(above)} are surely above the average of {number(average, 3)}; for the other {len(rows) - len(above)} "
        "it cannot be told."
    )
    return Picture("8", figure, caption, alt)
