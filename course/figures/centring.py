"""Figure C: where zero is after centring, at the grand mean or at each store's own."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from course.figures.style import BLUE, GREEN, GREY, ORANGE, Floats, Picture, panels, styled

# Made up: three stores that spend little, something and a lot, on one line each.
_SPENDS = (2.0, 5.0, 8.0)
_LEVELS = (9.4, 5.4, 1.4)
_SLOPE = 0.8
_LOOKS = ((BLUE, "o", "low spender"), (ORANGE, "s", "middle"), (GREEN, "^", "high spender"))


@styled
def centring() -> Picture:
    """Return the same points centred at the grand mean and at their stores' means."""
    figure, grid = panels(1, 2, height=3.3, sharey=True, sharex=True)
    rng = np.random.default_rng(3)
    spends = np.array(_SPENDS)[:, None] + np.linspace(-1.4, 1.4, 7)
    sales = np.array(_LEVELS)[:, None] + _SLOPE * spends + 0.35 * rng.standard_normal(spends.shape)
    _scatter(grid[0, 0], spends - spends.mean(), sales, "Grand mean")
    _scatter(grid[0, 1], spends - spends.mean(axis=1, keepdims=True), sales, "Group mean")
    grid[0, 0].set_ylabel("sales")
    grid[0, 0].set_xlabel("spend − mean of all rows")
    grid[0, 1].set_xlabel("spend − own store's mean")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, handletextpad=0.2)
    caption = (
        "Centring at the grand mean moves the zero and nothing else. Centring at the group mean moves every store to "
        "the same place: that who spends more sells less is no longer to be seen in the predictor."
    )
    alt = (
        "Two panels of sales against centred spend for three stores that each slope upwards. Left, centred at the "
        "grand mean: the three clouds lie side by side as before, the zero line in the middle of all. Right, centred "
        "at the group mean: all three clouds lie on the zero line, one above the other."
    )
    return Picture("C", figure, caption, alt)


def _scatter(axes: Axes, spends: Floats, sales: Floats, title: str) -> None:
    axes.axvline(0.0, color=GREY, linestyle=":", linewidth=1.4)
    for (colour, marker, label), x, y in zip(_LOOKS, spends, sales, strict=True):
        axes.scatter(x, y, s=26, color=colour, marker=marker, label=label)
    axes.set(title=title, yticks=[], xticks=[0.0], xticklabels=["0"])
