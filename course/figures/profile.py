"""Figure 5: how well the model can fit at each correlation of intercepts and slopes."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from course.figures.style import BLUE, GREY, ORANGE, Floats, Picture, canvas, styled
from course.live import number
from reference import MixedFit, criterion_at
from reference.panels import RANDOM_SLOPE, Panel

# Close together where the curve bends.
_CORRELATIONS = np.sin(0.5 * np.pi * np.linspace(-1.0, 1.0, 19))
# The 95 % quantile of chi² on 1 df: what a profile interval leaves out lies above it.
_CUTOFF = 3.841458820694124


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
