"""Figure 10: what the model leaves over."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from course.figures.style import BLUE, GREY, ORANGE, Picture, panels, styled
from course.live import number
from reference import MixedFit

# Scaled residuals farther out than this are marked.
_FAR = 3.0


@styled
def residuals(fit: MixedFit) -> Picture:
    """Return the scaled residuals against the fitted values, and against the quantiles of a normal law."""
    figure, grid = panels(2, 1, height=6.2)
    scaled = fit.scaled_residuals
    far = np.abs(scaled) > _FAR
    for axes, across in ((grid[0, 0], fit.fitted), (grid[1, 0], _normal_scores(scaled))):
        axes.scatter(across[~far], scaled[~far], s=14, color=BLUE)
        axes.scatter(across[far], scaled[far], s=34, color=ORANGE, marker="D", label=f"beyond {number(_FAR, 0)}")
        axes.set_ylabel("scaled residual")
    grid[0, 0].axhline(0.0, color=GREY, linestyle=":")
    grid[0, 0].set(xlabel="fitted sales, 1,000 units", title="Against the fit")
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


def _normal_scores(values: np.ndarray) -> np.ndarray:
    ranks = np.argsort(np.argsort(values))
    scores: np.ndarray = ndtri((ranks + 0.5) / values.size)
    return scores
