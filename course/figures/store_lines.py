"""Figure 4: what YouTube brings in each store."""

from __future__ import annotations

import numpy as np

from course.figures.style import GREY, INK, ORANGE, PALE, Picture, canvas, styled
from course.live import names, number
from reference.panels import TOP
from reference.tutorial import Tutorial


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
    axes.set(xlabel="YouTube, 1,000 dollars", ylabel="sales, 1,000 units", xlim=(0, ends[1]))
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
