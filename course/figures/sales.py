"""Figures of what is sold and what the first model expects.

1: how sales move from week to week, over all stores. 2: sales against YouTube, store by store. 2b: the same with all
stores in one pair of axes. 3: what an average store with ordinary budgets should sell, week by week.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from course.figures.style import BLUE, GREY, INK, ORANGE, PALE, Floats, Picture, canvas, panels, styled
from course.live import number
from reference import predict_new_groups
from reference.data.columns import Level
from reference.panels import MEDIA, Panel
from reference.tutorial import Tutorial

_COLUMNS = 4
# Of a normal law, in standard errors: 95 % to both sides.
_REACH = 1.959963984540054


@styled
def sales_by_week(results: Tutorial) -> Picture:
    """Return the mean of sales in each week, with its standard error, and the mean of all rows."""
    figure, axes = canvas()
    weeks, overall = results.weeks, results.description.means["sales"]
    axes.axhline(overall, color=GREY, linestyle=":", label=f"mean of all rows, {number(overall, 1)}")
    places, means, errors = zip(*((w.week, w.mean, w.standard_error) for w in weeks), strict=True)
    label = "mean over stores, ± 1 standard error"
    axes.errorbar(places, means, yerr=errors, color=BLUE, marker="o", capsize=3, linewidth=1.6, label=label)
    axes.set(xlabel="week", ylabel="sales, 1,000 pieces", xticks=places)
    top = max(w.mean + w.standard_error for w in weeks)
    axes.set_ylim(top=top + 0.3 * (top - axes.get_ylim()[0]))
    axes.legend(loc="upper left")
    best, worst = max(weeks, key=lambda w: w.mean), min(weeks, key=lambda w: w.mean)
    caption = (
        "Mean sales by week. The bars are one standard error: most of the ups and downs are within reach of chance."
    )
    alt = (
        f"Mean sales over the stores for weeks {weeks[0].week} to {weeks[-1].week} with bars of one standard error. "
        f"They go up and down around {number(overall, 1)} without a trend, lowest in week {worst.week} at "
        f"{number(worst.mean, 1)}, highest in week {best.week} at {number(best.mean, 1)}."
    )
    return Picture("1", figure, caption, alt)


@styled
def sales_by_store(panel: Panel) -> Picture:
    """Return a small panel per store: its weeks, its own line, and the line of all stores."""
    lines = _lines(panel)
    common = np.polyval(np.polyfit(panel.youtube, panel.sales, 1), [0.0, panel.youtube.max()])
    figure = small_multiples(panel, panel.sales, common, {store: line[1:] for store, line in lines.items()})
    caption = (
        "Sales against YouTube spend by store: points are weeks, the solid line is the store's own, the dotted one "
        "that of all stores. Nothing else is held fixed here yet."
    )
    alt = (
        f"A small scatter plot for each of {len(lines)} stores, sales against YouTube spend. Of the stores' lines "
        f"{sum(line[0] > 0 for line in lines.values())} rise; {_extremes(lines)}. With few points each, the lines "
        "scatter around the common one."
    )
    return Picture("2", figure, caption, alt)


@styled
def sales_together(panel: Panel) -> Picture:
    """Return all weeks and every store's own line in one pair of axes, the steepest and the flattest store marked."""
    figure, axes = canvas(height=4.2)
    axes.scatter(panel.youtube, panel.sales, s=9, color=PALE)
    lines = _lines(panel)
    flat, *between, steep = sorted(lines, key=lines.__getitem__)
    for store in between:
        axes.plot(*lines[store][1:], color=GREY, linewidth=1.0)
    axes.plot(*lines[steep][1:], color=ORANGE, label=f"store {steep}, the steepest", linewidth=2.6)
    axes.plot(*lines[flat][1:], color=BLUE, linestyle="--", label=f"store {flat}, the flattest", linewidth=2.6)
    axes.set(xlabel="YouTube, 1,000 dollars", ylabel="sales, 1,000 pieces")
    axes.legend(loc="upper left")
    caption = (
        "The same lines in one picture, each as long as its store's weeks reach. Good for seeing how far lines "
        "differ as a whole; for a single store look at its own panel."
    )
    alt = (
        f"Sales against YouTube spend with a regression line for each of {len(lines)} stores, over a cloud of "
        f"{len(panel)} pale points. Of the lines, {_extremes(lines)}; the others lie in a bundle between them."
    )
    return Picture("2b", figure, caption, alt)


def small_multiples(
    panel: Panel, sales: Floats, common: Floats, lines: Mapping[Level, tuple[Floats, Floats]]
) -> Figure:
    """Return a figure of sales (n,) against YouTube with small axes for each store: its weeks, its line, and the common
    one, dotted, whose sales (2,) are at no and at the highest spend."""
    rows = -(-len(lines) // _COLUMNS)
    figure, grid = panels(rows, _COLUMNS, height=1.35 * rows + 0.5, sharex=True, sharey=True)
    for axes in grid.ravel()[len(lines) :]:
        axes.set_axis_off()
    figure.supxlabel("YouTube, 1,000 dollars", fontsize=11)
    figure.supylabel("sales, 1,000 pieces", fontsize=11)
    for axes, (store, line) in zip(grid.ravel(), lines.items(), strict=False):
        own = panel.store_id == store
        axes.set_title(f"store {store}", fontsize=9, weight="normal", pad=2)
        axes.plot([0.0, panel.youtube.max()], common, color=GREY, linestyle=":", linewidth=1.4)
        axes.plot(*line, color=ORANGE, linewidth=1.8)
        axes.scatter(panel.youtube[own], sales[own], s=11, color=BLUE)
    return figure


def _lines(panel: Panel) -> dict[Level, tuple[float, Floats, Floats]]:
    """Return each store's own regression line: its slope, and the spends (2,) and sales (2,) at its ends."""
    lines: dict[Level, tuple[float, Floats, Floats]] = {}
    for store in panel.stores:
        spends, sales = panel.youtube[panel.store_id == store], panel.sales[panel.store_id == store]
        line, reach = np.polyfit(spends, sales, 1), np.array([spends.min(), spends.max()])
        lines[store] = (float(line[0]), reach, np.polyval(line, reach))
    return lines


def _extremes(lines: dict[Level, tuple[float, Floats, Floats]]) -> str:
    (steep, (most, *_)), (flat, (least, *_)) = (pick(lines.items(), key=lambda line: line[1]) for pick in (max, min))
    return (
        f"the steepest is store {steep} at {number(most, 3)} per unit, the flattest store {flat} at {number(least, 3)}"
    )


@styled
def weekly_prediction(results: Tutorial) -> Picture:
    """Return the random-intercept model's prediction at mean media, its 95 % band, and the observed weekly means."""
    figure, axes = canvas()
    fit, means = results.intercept.fit, results.description.means
    weeks = np.array(list(results.by_week))
    predicted = np.array(list(results.by_week.values()))
    places = pd.DataFrame({"week": weeks, **{name: means[name] for name in MEDIA}})
    errors = predict_new_groups(fit, places).standard_error
    axes.fill_between(
        weeks, predicted - _REACH * errors, predicted + _REACH * errors, color=BLUE, alpha=0.2, linewidth=0
    )
    axes.plot(weeks, predicted, color=BLUE, label="average store, ordinary budgets")
    observed = [w.mean for w in results.weeks]
    axes.plot(weeks, observed, color=ORANGE, marker="o", linestyle="none", label="observed mean of the week")
    axes.set(xlabel="week", ylabel="sales, 1,000 pieces", xticks=weeks)
    axes.set_ylim(top=max(observed) + 0.3 * (max(observed) - min(observed)))
    axes.legend(loc="upper left")
    axes.tick_params(labelcolor=INK)
    caption = (
        "What to expect of an average store that spends the usual amounts, with a 95 % band for that average. The "
        "points are what the stores really sold: they differ because budgets did."
    )
    alt = (
        f"Predicted sales by week as a nearly flat line with a band, from {number(predicted[0], 1)} in week "
        f"{weeks[0]} to {number(predicted[-1], 1)} in week {weeks[-1]}, the band about ± "
        f"{number(_REACH * errors[0], 1)} at its ends. The observed means lie between {number(min(observed), 1)} and "
        f"{number(max(observed), 1)}, around the line."
    )
    return Picture("3", figure, caption, alt)
