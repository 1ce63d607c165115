"""Figure 7: from every store's own regression to what the model believes of it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from course.figures.style import BLUE, GREY, INK, ORANGE, Floats, Picture, panels, styled
from course.live import number
from reference.tutorial import Tutorial

_OTHERS = ("week", "facebook", "newspaper")


@styled
def shrinkage(results: Tutorial) -> Picture:
    """Return each store's line by its own regression and by the random-slope model: slopes, then levels and slopes."""
    figure, grid = panels(2, 1, height=8.6, height_ratios=(1.5, 1.0))
    fit = results.slope.fit
    average = np.array([fit.fixed_effects["Intercept"], fit.fixed_effects["youtube"]])
    before, after = own_lines(results), average + fit.term.modes
    _slopes(grid[0, 0], fit.term.levels, before[:, 1], after[:, 1], float(average[1]))
    _plane(grid[1, 0], before, after, average)
    caption = (
        "Shrinkage. Above, the slope of a store's own regression (circle) and what the model makes of it (diamond). "
        "Below, level and slope together: the model's stores all lie on one line, because the fit is singular."
    )
    spread = before[:, 1].std(ddof=1), after[:, 1].std(ddof=1)
    alt = (
        f"Above, for each of {len(after)} stores a circle for the slope of its own regression and a diamond for that "
        "of the model, joined by a line. The diamonds are closer together: the standard deviation of the slopes "
        f"falls from {number(spread[0], 4)} to {number(spread[1], 4)} around the average of "
        f"{number(float(average[1]), 3)}. Below, slope against level: arrows lead from a cloud of circles to diamonds "
        "that all lie on one falling line."
    )
    return Picture("7", figure, caption, alt)


def own_lines(results: Tutorial) -> Floats:
    """Return each store's intercept and slope (J, 2) by least squares on its own rows, stores ascending.

    The effects of the week and the other media are taken off first, as the random-slope model has them: a store's few
    rows could not carry all of them.
    """
    panel, effects = results.panel, results.slope.fit.fixed_effects
    left = panel.sales - sum(effects[name] * getattr(panel, name) for name in _OTHERS)
    lines = [np.polyfit(panel.youtube[rows], left[rows], 1)[::-1] for rows in _rows(panel.store_id, panel.stores)]
    return np.array(lines)


def _rows(store_id: np.ndarray, stores: tuple[int, ...]) -> list[np.ndarray]:
    return [store_id == store for store in stores]


def _slopes(axes: Axes, stores: tuple[str | int, ...], before: Floats, after: Floats, average: float) -> None:
    order, places = np.argsort(before), np.arange(len(before))
    axes.axvline(average, color=INK, linestyle="--", linewidth=1.2, label="average store")
    axes.hlines(places, before[order], after[order], color=GREY, linewidth=1.2)
    axes.scatter(before[order], places, s=38, facecolor="white", edgecolor=BLUE, label="own regression", zorder=3)
    axes.scatter(after[order], places, s=34, color=ORANGE, marker="D", label="the model", zorder=3)
    axes.set(yticks=places, yticklabels=[f"{stores[place]}" for place in order], ylabel="store")
    axes.set_xlabel("sales per unit of YouTube")
    axes.legend(loc="lower right")


def _plane(axes: Axes, before: Floats, after: Floats, average: Floats) -> None:
    for start, end in zip(before, after, strict=True):
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 1.0})
    axes.scatter(before[:, 0], before[:, 1], s=38, facecolor="white", edgecolor=BLUE, zorder=3)
    axes.scatter(after[:, 0], after[:, 1], s=34, color=ORANGE, marker="D", zorder=3)
    axes.scatter(average[0], average[1], s=90, color=INK, marker="+", zorder=4)
    axes.set(xlabel="level: sales at no YouTube", ylabel="slope")
