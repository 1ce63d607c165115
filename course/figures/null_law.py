"""Figure 6: what the likelihood ratio looks like when there is nothing to find."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from course.figures.style import BLUE, GREY, INK, ORANGE, Picture, canvas, styled
from course.live import number, percent
from reference import BootstrapTest


@styled
def null_law(test: BootstrapTest) -> Picture:
    """Return the share of simulated statistics beyond each value, beside chi² and the boundary mixture."""
    figure, axes = canvas()
    draws = test.statistics.size
    observed, df = test.test.statistic, test.test.df
    grid = np.linspace(0.01, 1.12 * observed, 200)
    beyond = 1.0 - np.arange(1, draws + 1) / draws
    axes.step(test.statistics, beyond, where="post", color=BLUE, label=f"{draws} simulated panels", linewidth=2.2)
    axes.plot(
        grid, 0.5 * (chi2.sf(grid, df - 1) + chi2.sf(grid, df)), color=ORANGE, linestyle="--", label="boundary mixture"
    )
    axes.plot(grid, chi2.sf(grid, df), color=GREY, linestyle=":", label=f"chi² on {df} df")
    axes.axvline(observed, color=INK, linewidth=1.2)
    axes.annotate("our panel", (observed, 0.3), xytext=(-5, 0), textcoords="offset points", ha="right")
    axes.set(yscale="log", ylim=(5e-4, 1.1), xlim=(0, grid[-1]))
    axes.set(xlabel="likelihood-ratio statistic", ylabel="share of panels beyond it")
    axes.legend(loc="lower left")
    caption = (
        "How often chance alone gives a statistic that large, when stores differ in level only. The textbook chi² "
        "law lies above what really happens, so its p-values are too large."
    )
    alt = (
        f"Three falling curves on a logarithmic scale: the share of {draws} simulated panels beyond each statistic, "
        f"the boundary mixture somewhat above it, and the chi² law on {df} degrees of freedom above both. A vertical "
        f"line marks our panel's {number(observed, 1)}, far out where less than {percent(0.01)} of simulations reach."
    )
    return Picture("6", figure, caption, alt)
