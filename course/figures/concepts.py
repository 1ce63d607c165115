"""The primer's figures, of which some show made-up stores.

A: weeks belong to stores, and stores to the company. B: what can differ between two stores, the height of the line or
its steepness. C: where zero is after centring, at the grand mean or at each store's own. D: the covariance of the
random effects, and what it says about two weeks of one store. E: one line through all rows, where every store has its
own. F: the lines of stores whose levels and slopes are correlated, or not.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.figures.style import (
    BLUE,
    DIVERGING,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    Floats,
    Picture,
    canvas,
    panels,
    styled,
)
from course.live import number, significant
from reference import MixedFit
from reference.panels import Panel

_CENTRES = (0.17, 0.5, 0.83)
_SPENDERS = ((BLUE, "o", "low spender"), (ORANGE, "s", "middle"), (GREEN, "^", "high spender"))
_POINTS = 73


@styled
def nested_tree(panel: Panel) -> Picture:
    """Return the two levels of a panel as a tree: the company, its stores, and each store's weeks."""
    figure, axes = canvas(height=3.4)
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    stores, weeks = len(panel.stores), len(panel) // len(panel.stores)
    labels = (f"store {panel.stores[0]}", "…", f"store {panel.stores[-1]}")
    _box(axes, 0.5, 0.88, "the company", INK)
    for centre, label in zip(_CENTRES, labels, strict=True):
        axes.plot([0.5, centre], [0.82, 0.62], color=GREY, linewidth=1.2, zorder=1)
        _box(axes, centre, 0.56, label, BLUE)
        for step, week in zip((-0.11, 0.0, 0.11), ("week\n1", "…", f"week\n{weeks}"), strict=True):
            axes.plot([centre, centre + step], [0.5, 0.3], color=GREY, linewidth=1.2, zorder=1)
            axes.text(centre + step, 0.23, week, ha="center", va="center", color=INK, fontsize=9.5)
    axes.text(0.0, 0.72, "level 2", color=BLUE, fontsize=10, weight="bold")
    axes.text(
        0.0, 0.06, "level 1: one row of the table for each store and week", color=ORANGE, fontsize=10, weight="bold"
    )
    caption = (
        f"A nested structure. Each of the {stores} stores is seen in {weeks} weeks; every week's figures belong to one "
        "store and to no other."
    )
    alt = (
        f"A tree with three storeys. At the top the company; below it {stores} stores, of which the first and the last "
        f"are drawn; below each store its own {weeks} weeks. The weeks are level 1, the stores level 2."
    )
    return Picture("A", figure, caption, alt)


def _box(axes: Axes, x: float, y: float, label: str, colour: str) -> None:
    style = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": colour, "linewidth": 1.6}
    axes.text(x, y, label, ha="center", va="center", bbox=style, color=INK, zorder=2)


@styled
def intercept_or_slope() -> Picture:
    """Return two stores that differ in their intercept alone, and two that differ in their slope as well."""
    figure, grid = panels(1, 2, height=3.1, sharey=True)
    spend = np.linspace(0.0, 10.0, 2)
    # Made up, without units: two stores and the line between them.
    levels, steepnesses = (3.0, 1.0), (0.9, 0.3)
    middle, steepness = float(np.mean(levels)), float(np.mean(steepnesses))
    common = (steepness, steepness)
    for axes, title, slopes in zip(grid[0], ("Random intercept", "Random slope"), (common, steepnesses), strict=True):
        axes.plot(spend, middle + steepness * spend, color=GREY, linestyle=":", label="average store")
        looks = (("store 1", ORANGE, "-"), ("store 2", BLUE, "--"))
        for (label, colour, dashes), level, slope in zip(looks, levels, slopes, strict=True):
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


@styled
def centring() -> Picture:
    """Return the same points centred at the grand mean and at their stores' means."""
    figure, grid = panels(1, 2, height=3.3, sharey=True, sharex=True)
    rng = np.random.default_rng(3)
    # Made up: three stores that spend little, something and a lot, on one line each.
    spends = np.array([[2.0], [5.0], [8.0]]) + np.linspace(-1.4, 1.4, 7)
    sales = np.array([[9.4], [5.4], [1.4]]) + 0.8 * spends + 0.35 * rng.standard_normal(spends.shape)
    _scatter(grid[0, 0], spends - spends.mean(), sales, "Grand mean")
    _scatter(grid[0, 1], spends - spends.mean(axis=1, keepdims=True), sales, "Group mean")
    grid[0, 0].set_ylabel("sales")
    grid[0, 0].set_xlabel("spend − mean of all rows")
    grid[0, 1].set_xlabel("spend − own store's mean")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, handletextpad=0.2)
    caption = (
        "Centring at the grand mean moves the zero and nothing else. Centring at the group mean moves every store to "
        "the same place: the predictor no longer shows that stores which spend more sell less."
    )
    alt = (
        "Two panels of sales against centred spend for three stores that each slope upwards. Left, centred at the "
        "grand mean: the three clouds lie side by side as before, the zero line in the middle of all. Right, centred "
        "at the group mean: all three clouds lie on the zero line, one above the other."
    )
    return Picture("C", figure, caption, alt)


def _scatter(axes: Axes, spends: Floats, sales: Floats, title: str) -> None:
    axes.axvline(0.0, color=GREY, linestyle=":", linewidth=1.4)
    for (colour, marker, label), x, y in zip(_SPENDERS, spends, sales, strict=True):
        axes.scatter(x, y, s=26, color=colour, marker=marker, label=label)
    axes.set(title=title, yticks=[], xticks=[0.0], xticklabels=["0"])


@styled
def correlations() -> Picture:
    """Return the lines of made-up stores for a negative, no, and a positive correlation of intercepts and slopes."""
    figure, grid = panels(1, 3, height=2.9, sharey=True)
    # Made up: exactly uncorrelated, of variance one, and then mixed.
    drawn = np.random.default_rng(4).standard_normal((9, 2))
    drawn -= drawn.mean(axis=0)
    levels, others = np.linalg.solve(np.linalg.cholesky(np.cov(drawn.T)), drawn.T)
    spend, highest = np.linspace(0.0, 1.0, 2), int(np.argmax(levels))
    for axes, (title, rho) in zip(grid[0], (("Negative", -0.9), ("None", 0.0), ("Positive", 0.9)), strict=True):
        slopes = 4.0 + 0.8 * (rho * levels + np.sqrt(1.0 - rho**2) * others)
        lines = 5.0 + levels[:, None] + slopes[:, None] * spend
        axes.plot(spend, lines.T, color=GREY, linewidth=1.1)
        axes.plot(spend, lines[highest], color=ORANGE, linewidth=2.4, label="highest at zero")
        axes.plot(spend, lines.mean(axis=0), color=INK, linestyle="--", label="average store")
        axes.set(title=title, xlabel="spend", xticks=[0.0], xticklabels=["0"], yticks=[])
    grid[0, 0].set_ylabel("sales")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, handlelength=2.6)
    caption = (
        "Made-up stores. With a negative correlation, who starts high gains less and the lines close up; with a "
        "positive one, who starts high gains more and they spread; with none, the start tells nothing about the slope."
    )
    alt = (
        "Three panels of sales against spend, each with the lines of nine stores, the average store dashed and the "
        "store that is highest at zero spend thick. Left, negative correlation: the lines draw together to the right "
        "and the thick line is flatter than the average. Middle, none: steep and flat lines start at any height. "
        "Right, positive: they spread out to the right and the thick line is the steepest of the top ones."
    )
    return Picture("F", figure, caption, alt)


@styled
def covariance(fit: MixedFit, panel: Panel) -> Picture:
    """Return the correlations of intercept and slope, with their covariances, and the covariance implied for weeks.

    Parameters
    ----------
    fit : MixedFit
        With a random intercept and a random slope on YouTube.
    panel : Panel
        What was fitted, for the range of spends.
    """
    figure, grid = panels(2, 1, height=6.4, height_ratios=(1.0, 1.7))
    covariances = fit.term.covariance
    _matrix(figure, grid[0, 0], covariances)
    spends = np.linspace(0.0, float(panel.youtube.max()), _POINTS)
    effects = np.column_stack([np.ones(_POINTS), spends])
    _implied(figure, grid[1, 0], effects @ covariances @ effects.T, float(spends[-1]))
    crossing = -float(covariances[0, 1] / covariances[1, 1])
    caption = (
        "Above, how intercepts and slopes vary together over the stores: colour is the correlation, numbers are "
        "variances and the covariance. Below, what that implies for the sales of one store in two weeks, by what was "
        "spent in each."
    )
    alt = (
        f"Two heat maps. Above, two by two cells: the variance of intercepts {significant(covariances[0, 0], 3)}, "
        f"that of slopes {significant(covariances[1, 1], 3)}, and off the diagonal the covariance "
        f"{significant(covariances[0, 1], 3)} in the colour of a correlation of minus one. Below, the covariance of "
        "two weeks by their spends: positive where both spends are low or both high, negative where one is low and "
        f"one high, and zero where either is near {number(crossing, 0)}."
    )
    return Picture("D", figure, caption, alt)


def _matrix(figure: Figure, axes: Axes, covariances: Floats) -> None:
    deviations = np.sqrt(np.diagonal(covariances))
    image = axes.imshow(covariances / np.outer(deviations, deviations), cmap=DIVERGING, vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(covariances):
        # Both ends of the colour scale are dark.
        text = significant(value, 3)
        axes.text(column, row, text, ha="center", va="center", color="white", fontsize=10, weight="bold")
    ticks = {"xticks": [0, 1], "yticks": [0, 1]}
    axes.set(**ticks, xticklabels=["intercept", "slope"], yticklabels=["intercept", "slope"], title="Random effects")
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label="correlation", ticks=[-1, 0, 1])


def _implied(figure: Figure, axes: Axes, implied: Floats, most: float) -> None:
    largest = float(np.abs(implied).max())
    image = axes.imshow(
        implied, cmap=DIVERGING, vmin=-largest, vmax=largest, origin="lower", extent=(0.0, most, 0.0, most)
    )
    axes.contour(implied, levels=[0.0], colors=INK, linewidths=1.2, extent=(0.0, most, 0.0, most))
    axes.set(title="Two weeks of one store", xlabel="YouTube in one week", ylabel="YouTube in another")
    figure.colorbar(image, ax=axes, label="covariance of sales")


@styled
def pooled_wrong() -> Picture:
    """Return four stores in which spend helps, and the pooled line which says that it harms."""
    figure, axes = canvas(height=3.5)
    rng = np.random.default_rng(5)
    # Made up: stores with poor sites advertise most.
    spends = np.array([[2.0], [4.0], [6.0], [8.0]]) + np.linspace(-1.5, 1.5, 8)
    sales = np.array([[8.6], [6.2], [3.6], [1.0]]) + 0.7 * spends + 0.35 * rng.standard_normal(spends.shape)
    looks = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"))
    for (colour, marker), x, y in zip(looks, spends, sales, strict=True):
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
