"""Figure D: the covariance of the random effects, and what it says about two weeks of one store."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.figures.style import DIVERGING, INK, Floats, Picture, panels, styled
from course.live import number, significant
from reference import MixedFit
from reference.panels import Panel

_POINTS = 73


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
    for row in range(2):
        for column in range(2):
            # Both ends of the colour scale are dark.
            text = significant(float(covariances[row, column]), 3)
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
