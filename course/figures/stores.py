"""Figures of the stores and their slopes.

4: what YouTube brings in each store. 4b: the same store by store, with its weeks. 7: from every store's own regression
to what the model believes of it. 8: the stores' slopes in order, each with what is not known about it. 11: how probable
it is that each store is among the steepest five.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from course.figures.sales import small_multiples
from course.figures.style import BLUE, GREY, INK, ORANGE, PALE, Floats, Picture, canvas, panels, styled
from course.live import names, number
from reference import MixedFit
from reference.panels import TOP, Panel
from reference.tutorial import Tutorial

_OTHERS = ("week", "facebook", "newspaper")
_LOOKS = {"above": (ORANGE, "D"), "unclear": (GREY, "o"), "below": (BLUE, "s")}
_SHOWN = 10


@styled
def store_lines(results: Tutorial) -> Picture:
    """Return each store's line of the random-slope model at mean week and other media, the steepest named."""
    figure, axes = canvas(height=4.4)
    fit, panel, means = results.slope.fit, results.panel, results.description.means
    effects = fit.fixed_effects
    fixed = {"week": float(panel.week.mean()), "facebook": means["facebook"], "newspaper": means["newspaper"]}
    level = effects["Intercept"] + sum(effects[name] * value for name, value in fixed.items())
    ends = np.array([0.0, float(panel.youtube.max())])
    modes = dict(zip(fit.term.levels, fit.term.modes, strict=True))
    top = [row.group for row in results.ranking[:TOP]]
    for store, (intercept, slope) in sorted(modes.items(), key=lambda pair: pair[0] in top):
        sales = level + intercept + (effects["youtube"] + slope) * ends
        chosen = store in top
        axes.plot(ends, sales, color=ORANGE if chosen else PALE, linewidth=1.8 if chosen else 1.1)
    lead = top[0]
    sales = level + modes[lead][0] + (effects["youtube"] + modes[lead][1]) * ends
    axes.annotate(
        f"store {lead}", (ends[1], sales[1]), xytext=(-4, -2), textcoords="offset points", ha="right", va="bottom"
    )
    axes.plot(ends, level + effects["youtube"] * ends, color=INK, linestyle="--", label="average store")
    axes.plot([], [], color=ORANGE, label=f"the {TOP} steepest: {', '.join(map(str, top))}")
    axes.plot([], [], color=PALE, label="the other stores")
    axes.set(xlabel="YouTube, 1,000 dollars", ylabel="sales, 1,000 pieces", xlim=(0, ends[1]))
    axes.legend(loc="upper left")
    crossing = -float(fit.term.covariance[0, 1] / fit.term.covariance[1, 1])
    axes.axvline(crossing, color=GREY, linestyle=":", linewidth=1.2)
    axes.annotate(
        f"all meet at {number(crossing, 0)}", (crossing, axes.get_ylim()[0]), xytext=(5, 6), textcoords="offset points"
    )
    caption = (
        "Sales against YouTube spend in each store by the random-slope model, week and other media at their means. The "
        "steepest lines are where an extra dollar brings most."
    )
    alt = (
        f"{len(modes)} straight lines of sales against YouTube spend that fan out to both sides of a spend of "
        f"{number(crossing, 0)}, where all of them meet. The steepest belong to stores {names(top)}, drawn thicker; "
        f"they start lowest at no spend and end highest at {number(ends[1], 0)}. The average store is dashed."
    )
    return Picture("4", figure, caption, alt)


@styled
def store_fits(results: Tutorial) -> Picture:
    """Return a small panel per store: its weeks at mean week and other media, its line and the average store's."""
    fit, panel = results.slope.fit, results.panel
    effects, ends = fit.fixed_effects, np.array([0.0, float(panel.youtube.max())])
    others = sum(effects[name] * getattr(panel, name) for name in _OTHERS)
    level = effects["Intercept"] + float(np.mean(others))
    adjusted = panel.sales - others + np.mean(others)
    lines = {
        store: (ends, level + intercept + (effects["youtube"] + slope) * ends)
        for store, (intercept, slope) in zip(fit.term.levels, fit.term.modes, strict=True)
    }
    figure = small_multiples(panel, adjusted, level + effects["youtube"] * ends, lines)
    caption = (
        "The random-slope model store by store: the solid line is the store's, the dotted one the average store's. "
        "Points are weeks, with week and other media brought to their means."
    )
    alt = (
        f"A small scatter plot for each of {len(lines)} stores, sales against YouTube spend, with the store's line "
        "by the model and that of the average store. Points lie nearer to the lines than in Figure 2, since week and "
        f"other media are held fixed: they scatter with a standard deviation of {number(fit.sigma, 1)}."
    )
    return Picture("4b", figure, caption, alt)


@styled
def shrinkage(results: Tutorial) -> Picture:
    """Return each store's line by its own regression and by the random-slope model: slopes, then levels and slopes."""
    figure, grid = panels(2, 1, height=8.6, height_ratios=(1.5, 1.0))
    fit = results.slope.fit
    average = np.array([fit.fixed_effects["Intercept"], fit.fixed_effects["youtube"]])
    before, after = own_lines(results.panel, fit), average + fit.term.modes
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


def own_lines(panel: Panel, fit: MixedFit) -> Floats:
    """Return each store's intercept and slope (J, 2) by least squares on its own rows, stores ascending.

    The effects of the week and the other media are taken off first, as the random-slope model has them: a store's few
    rows could not carry all of them.
    """
    effects = fit.fixed_effects
    left = panel.sales - sum(effects[name] * getattr(panel, name) for name in _OTHERS)
    own = [panel.store_id == store for store in panel.stores]
    return np.array([np.polyfit(panel.youtube[rows], left[rows], 1)[::-1] for rows in own])


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
        label = {"above": "above, 95 % sure", "unclear": "unclear", "below": "below, 95 % sure"}[tier]
        axes.scatter([row.slope for _, row in chosen], places, color=colour, marker=marker, s=34, label=label, zorder=3)
    axes.set(yticks=np.arange(len(rows)), yticklabels=[f"{row.group}" for row in rows], ylabel="store")
    axes.set_xlabel("sales per unit of YouTube, with 95 % interval")
    axes.legend(loc="lower right")
    tiers = [[row.group for row in results.slopes if row.tier == tier] for tier in ("above", "below")]
    above, below = (f"store {names(groups)}" if groups else "none" for groups in tiers)
    caption = (
        "The caterpillar: stores by slope, with 95 % intervals, if the model is right. Few stores stand out from the "
        "average; the order in the middle is mostly chance."
    )
    alt = (
        f"{len(rows)} stores from the steepest, store {results.slopes[0].group} at "
        f"{number(results.slopes[0].slope, 3)}, to the flattest, store {results.slopes[-1].group} at "
        f"{number(results.slopes[-1].slope, 3)}, each with a 95 % interval about as wide as the whole range. Above the "
        f"average of {number(average, 3)} with a probability of 95 %: {above}. Below it: {below}."
    )
    return Picture("8", figure, caption, alt)


@styled
def chances(results: Tutorial) -> Picture:
    """Return the probabilities of the likeliest stores to be among the steepest, the named ones marked."""
    figure, axes = canvas(height=3.8)
    top = {row.group for row in results.ranking[:TOP]}
    likeliest = sorted(results.chances.items(), key=lambda pair: -pair[1])[:_SHOWN]
    places = np.arange(len(likeliest))[::-1]
    for place, (store, chance) in zip(places.tolist(), likeliest, strict=True):
        chosen = store in top
        axes.barh(place, chance, color=ORANGE if chosen else BLUE, hatch="" if chosen else "//", edgecolor="white")
        axes.annotate(
            number(chance), (chance, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=10
        )
    axes.axvline(0.5, color=GREY, linestyle=":", linewidth=1.4)
    axes.set(yticks=places, yticklabels=[f"{store}" for store, _ in likeliest], ylabel="store", xlim=(0, 1.12))
    axes.set(xlabel=f"probability of being among the {TOP} steepest", xticks=[0, 0.25, 0.5, 0.75, 1.0])
    first, *_, last = [pair for pair in likeliest if pair[0] in top]
    caption = (
        f"The {TOP} stores with the steepest estimated slopes (solid) and the next ones (hatched). Naming {TOP} hides "
        "how unequal the evidence for them is."
    )
    alt = (
        f"Bars for the {len(likeliest)} likeliest stores. Store {first[0]} is among the {TOP} steepest with a "
        f"probability of {number(first[1])}, the least sure of the named ones, store {last[0]}, with "
        f"{number(last[1])}; the best of the others has {number(likeliest[TOP][1])}."
    )
    return Picture("11", figure, caption, alt)
