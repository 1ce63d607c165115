"""Figure 9: how far from the optimum statsmodels stops, by how it is called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course.figures.style import BLUE, GREY, ORANGE, Picture, canvas, styled
from course.live import number, significant
from course.statsmodels_fits import ARRIVED, Attempt

_LEAST = 1e-6


@styled
def gaps(attempts: Sequence[Attempt]) -> Picture:
    """Return each attempt's distance from the optimum, and whether it warned."""
    figure, axes = canvas(height=0.42 * len(attempts) + 1.5)
    places = np.arange(len(attempts))[::-1]
    looks = ((True, ORANGE, "X", "warned"), (False, BLUE, "o", "said nothing"))
    for warned, colour, marker, label in looks:
        rows = [(place, a.gap) for place, a in zip(places, attempts, strict=True) if a.warned == warned]
        across = [max(gap, _LEAST) for _, gap in rows]
        axes.scatter(across, [place for place, _ in rows], color=colour, marker=marker, s=56, label=label, zorder=3)
    axes.hlines(places, _LEAST, [max(a.gap, _LEAST) for a in attempts], color=GREY, linewidth=1.0)
    axes.axvline(ARRIVED, color=GREY, linestyle=":")
    axes.annotate("has arrived", (ARRIVED, len(attempts) - 0.4), xytext=(-4, 0), textcoords="offset points", ha="right")
    axes.set(xscale="log", xlim=(_LEAST / 2, 1e4), ylim=(-0.6, len(attempts) + 0.2))
    axes.set(yticks=places, yticklabels=[a.name for a in attempts], xlabel="criterion above the optimum")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.17), ncols=2)
    worst, best = max(attempts, key=lambda a: a.gap), min(attempts, key=lambda a: a.gap)
    caption = (
        "One model, one panel, one answer, and where statsmodels stops on the way to it. Left of the dotted line a "
        "fit has arrived for every practical purpose."
    )
    alt = (
        f"{len(attempts)} calls of statsmodels by their distance from the optimum on a logarithmic scale. The nearest "
        f"is {best.name}, off by {significant(best.gap, 1)}; the farthest {worst.name}, off by "
        f"{number(worst.gap, 0)}. {sum(a.gap <= ARRIVED for a in attempts)} of them arrived; "
        f"{sum(a.warned for a in attempts)} warned."
    )
    return Picture("9", figure, caption, alt)
