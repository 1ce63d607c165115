"""How far variances found in another way are from the optimum."""

from __future__ import annotations

import math

import numpy as np

from reference.arrays import Floats, block_slices
from reference.estimates import Estimates


def deficit_at(fit: Estimates, covariance: Floats, residual_variance: float) -> float:
    """Return how much higher the criterion is at given variances than at the fit, the fixed effects at their best.

    Parameters
    ----------
    fit : Estimates
        With q random effects, those of all its terms.
    covariance : (q, q)
        Of the effects, units of the data; between terms it is not looked at.
    residual_variance : float
        In squared units of the response.

    Returns
    -------
    float
        Not negative up to rounding; infinite where a variance is negative or the residual variance is not positive.
    """
    if not residual_variance > 0 or not np.isfinite(covariance).all() or not math.isfinite(residual_variance):
        return math.inf
    surface = fit.optimum.surface
    root = np.zeros_like(covariance, dtype=np.float64)
    for term, part in zip(fit.design.terms, block_slices(surface.sizes), strict=True):
        values, vectors = np.linalg.eigh(covariance[part, part])
        if values[0] < 0:
            return math.inf
        with np.errstate(over="ignore", invalid="ignore"):
            root[part, part] = term.root @ (vectors * np.sqrt(values / residual_variance))
    if not np.isfinite(root).all():
        return math.inf
    try:
        point = surface.profile(root)
    except np.linalg.LinAlgError:
        # Variances so far apart that sums lose the smaller ones.
        return math.inf
    log_variance = math.log(residual_variance) - 2.0 * math.log(fit.design.scale)
    return float(point.criterion - fit.optimum.point.criterion + point.excess(log_variance))
