"""Figure 1: how sales move from week to week, over all stores."""

from __future__ import annotations

from course.figures.style import BLUE, GREY, Picture, canvas, styled
from course.live import number
from reference.tutorial import Tutorial


@styled
def sales_by_week(results: Tutorial) -> Picture:
    """Return the mean of sales in each week, with its standard error, and the mean of all rows."""
    figure, axes = canvas()
    weeks, overall = results.weeks, results.description.means["sales"]
    axes.axhline(overall, color=GREY, linestyle=":", label=f"mean of all rows, {number(overall, 1)}")
    axes.errorbar(
        [w.week for w in weeks],
        [w.mean for w in weeks],
        yerr=[w.standard_error for w in weeks],
        color=BLUE,
        marker="o",
        capsize=3,
        linewidth=1.6,
        label="mean over stores, ± 1 standard error",
    )
    axes.set(xlabel="week", ylabel="sales, 1,000 units", xticks=[w.week for w in weeks])
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
