"""Figures of the fit and what can be asked of it.

5: how well the model can fit at each correlation of intercepts and slopes. 6: what the likelihood ratio looks like when
there is nothing to find. 9: how far from the optimum statsmodels stops, by how it is called. 10: what the model leaves
over. 12: the likelihood ratio with the stores' labels shuffled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtri
from scipy.stats import chi2, rankdata

from course.evidence import ShuffleTest
from course.figures.style import BLUE, GREY, INK, ORANGE, Floats, Picture, canvas, panels, styled
from course.live import number, percent, significant
from course.statsmodels_fits import ARRIVED, Attempt
from reference import BootstrapTest, MixedFit, criterion_at
from reference.panels import RANDOM_SLOPE, Panel

# Close together where the curve bends.
_CORRELATIONS = np.sin(0.5 * np.pi * np.linspace(-1.0, 1.0, 19))
# The 95 % quantile of chi² on 1 df: what a profile interval leaves out lies above it.
_CUTOFF = 3.841458820694124
_LEAST = 1e-6
# Scaled residuals farther out than this are marked.
_FAR = 3.0


@styled
def profile(fit: MixedFit, panel: Panel) -> Picture:
    """Return the REML criterion, as low as it gets at each correlation, above its minimum.

    Parameters
    ----------
    fit : MixedFit
        The random-slope model by REML, on the panel.
    panel : Panel
        What was fitted.
    """
    figure, axes = canvas()
    covariance = fit.term.covariance
    own = float(np.clip(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]), -1.0, 1.0))
    correlations = np.union1d(_CORRELATIONS, own)
    excess = profile_of_correlation(fit, panel, correlations)
    axes.plot(correlations, excess, color=BLUE, marker="o", markersize=4)
    axes.plot([own], [0.0], color=ORANGE, marker="D", markersize=9, linestyle="none", label="the optimum")
    axes.axhline(_CUTOFF, color=GREY, linestyle=":", label="beyond this, a 95 % interval leaves it out")
    axes.set(xlabel="correlation of intercepts and slopes", ylabel="criterion above its minimum")
    axes.set(xticks=[-1, -0.5, 0, 0.5, 1])
    axes.set_ylim(bottom=-0.5)
    axes.legend(loc="center right")
    inside = correlations[excess <= _CUTOFF]
    wall = "It falls all the way to the wall: the best value allowed is the wall itself." if fit.singular else ""
    caption = f"The REML criterion at each correlation, with everything else at its best for it. {wall}".rstrip()
    alt = (
        f"A curve of the criterion against the correlation. It is lowest at {number(own, 1)}, and rises to "
        f"{number(float(excess[0]), 1)} at minus one and {number(float(excess[-1]), 1)} at plus one. Of the points "
        f"drawn, those from {number(float(inside.min()), 1)} to {number(float(inside.max()), 1)} lie under the line "
        "that a 95 % interval draws."
    )
    return Picture("5", figure, caption, alt)


def profile_of_correlation(fit: MixedFit, panel: Panel, correlations: Floats) -> Floats:
    """Return the lowest REML criterion at each correlation, (m,), less that of the fit."""
    deviations = np.sqrt(np.diagonal(fit.term.covariance)) / fit.sigma
    start = np.log(deviations)
    lowest = []
    for correlation in correlations.tolist():
        beside = np.sqrt(1.0 - correlation**2)

        def criterion(logs: Floats, along: float = correlation, across: float = float(beside)) -> float:
            first, second = np.exp(logs)
            theta = np.array([first, along * second, across * second])
            return criterion_at(panel.frame, RANDOM_SLOPE, theta, reml=True)

        found = minimize(criterion, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-4})
        lowest.append(float(found.fun))
    return np.array(lowest) - fit.criterion


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
        "How often chance alone gives a statistic that large, when stores differ in level only and all else in the "
        "model is right. The chi² law then lies above what happens, so its p-values are too large."
    )
    alt = (
        f"Three falling curves on a logarithmic scale: the share of {draws} simulated panels beyond each statistic, "
        f"the boundary mixture somewhat above it, and the chi² law on {df} degrees of freedom above both. A vertical "
        f"line marks our panel's {number(observed, 1)}, far out where less than {percent(0.01)} of simulations reach."
    )
    return Picture("6", figure, caption, alt)


@styled
def shuffled_law(shuffled: ShuffleTest, simulated: BootstrapTest) -> Picture:
    """Return the share of shuffled panels beyond each statistic, beside simulated panels and chi²."""
    figure, axes = canvas()
    observed, df = shuffled.test.statistic, shuffled.test.df
    end = 1.05 * max(observed, float(shuffled.statistics[-1]))
    grid = np.linspace(0.01, end, 200)
    for statistics, colour, dashes, label in (
        (shuffled.statistics, BLUE, "-", "our panel, labels shuffled"),
        (simulated.statistics, ORANGE, "--", "panels simulated from the model"),
    ):
        beyond = 1.0 - np.arange(1, statistics.size + 1) / statistics.size
        places = np.concatenate(([0.0], statistics, [end]))
        axes.step(
            places, np.concatenate(([1.0], beyond, [0.0])), where="post", color=colour, linestyle=dashes, label=label
        )
    axes.plot(grid, chi2.sf(grid, df), color=GREY, linestyle=":", label=f"chi² on {df} df")
    axes.axvline(observed, color=INK, linewidth=1.2)
    axes.annotate("our panel", (observed, 0.55), xytext=(5, 0), textcoords="offset points")
    axes.set(xlabel="likelihood-ratio statistic", ylabel="share of panels beyond it", xlim=(0, end), ylim=(0, 1.02))
    axes.legend(loc="upper right")
    cutoff, reached = float(chi2.isf(0.05, df)), percent(shuffled.reached / shuffled.statistics.size)
    caption = (
        "How often the statistic gets that large when the rows of our panel are given to stores at random, and how "
        "often if the model were right. The laws that trust the model are far too narrow for this panel."
    )
    alt = (
        f"Three falling curves. Of {shuffled.statistics.size} panels with shuffled labels "
        f"{percent(shuffled.share_beyond(cutoff))} lie beyond {number(cutoff)}, where the chi² law has 5 % and "
        f"{percent(float(np.mean(simulated.statistics > cutoff)))} of the simulated panels lie. A vertical line marks "
        f"our panel's {number(observed, 1)}: {reached} of the shuffled panels reach it."
    )
    return Picture("12", figure, caption, alt)


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


@styled
def residuals(fit: MixedFit) -> Picture:
    """Return the scaled residuals against the fitted values, and against the quantiles of a normal law."""
    figure, grid = panels(2, 1, height=6.2)
    scaled = fit.scaled_residuals
    far = np.abs(scaled) > _FAR
    scores = ndtri((rankdata(scaled) - 0.5) / scaled.size)
    for axes, across in ((grid[0, 0], fit.fitted), (grid[1, 0], scores)):
        axes.scatter(across[~far], scaled[~far], s=14, color=BLUE)
        axes.scatter(across[far], scaled[far], s=34, color=ORANGE, marker="D", label=f"beyond {number(_FAR, 0)}")
        axes.set_ylabel("scaled residual")
    grid[0, 0].axhline(0.0, color=GREY, linestyle=":")
    grid[0, 0].set(xlabel="fitted sales, 1,000 pieces", title="Against the fit")
    ends = np.array([-3.0, 3.0])
    grid[1, 0].plot(ends, ends, color=GREY, linestyle=":")
    grid[1, 0].set(xlabel="normal quantile", title="Against a normal law")
    grid[0, 0].legend(loc="lower right")
    cuts = np.quantile(fit.fitted, [0.2, 0.8])
    means = [float(scaled[np.digitize(fit.fitted, cuts) == part].mean()) for part in range(3)]
    low, high = float(scaled.min()), float(scaled.max())
    caption = (
        "Residuals in units of the residual standard deviation. A few weeks fall far below what the model expects, and "
        "the curve over the fitted values says that the effects are not quite linear."
    )
    alt = (
        "Two scatter plots of the scaled residuals. Above, against the fitted values: their mean is "
        f"{number(means[0], 1)} in the lowest fifth, {number(means[1], 1)} between and {number(means[2], 1)} in the "
        "highest fifth. Below, against normal quantiles: close to the straight line, but for the lower tail. They "
        f"reach from {number(low, 1)} to {number(high, 1)}; those beyond {number(_FAR, 0)} number {int(far.sum())}."
    )
    return Picture("10", figure, caption, alt)
