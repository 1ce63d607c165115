"""Figure 3: what an average store with ordinary budgets should sell, week by week."""

from __future__ import annotations

import numpy as np

from course.figures.style import BLUE, INK, ORANGE, Picture, canvas, styled
from course.live import number
from reference.panels import MEDIA
from reference.tutorial import Tutorial

# Of a normal law, in standard errors: 95 % to both sides.
_REACH = 1.959963984540054


@styled
def weekly_prediction(results: Tutorial) -> Picture:
    """Return the random-intercept model's prediction at mean media with its 95 % band, and the observed weekly "
    "means."""
    figure, axes = canvas()
    fit, means = results.intercept.fit, results.description.means
    weeks = np.array(list(results.by_week))
    predicted = np.array(list(results.by_week.values()))
    values = {"Intercept": 1.0, **{name: means[name] for name in MEDIA}}
    rows = np.array([[float(week) if n == "week" else values[n] for n in fit.fixed_effects] for week in weeks])
    errors = np.sqrt(np.einsum("ip,pq,iq->i", rows, fit.covariance, rows))
    axes.fill_between(
        weeks, predicted - _REACH * errors, predicted + _REACH * errors, color=BLUE, alpha=0.2, linewidth=0
    )
    axes.plot(weeks, predicted, color=BLUE, label="average store, ordinary budgets")
    observed = [w.mean for w in results.weeks]
    axes.plot(weeks, observed, color=ORANGE, marker="o", linestyle="none", label="observed mean of the week")
    axes.set(xlabel="week", ylabel="sales, 1,000 units", xticks=weeks)
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
