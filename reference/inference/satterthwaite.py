"""What is uncertain: standard errors, Satterthwaite degrees of freedom, t tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import stdtr

from reference.arrays import Floats
from reference.errors import DesignError
from reference.estimates import Estimates


@dataclass(frozen=True)
class Coefficient:
    """One fixed effect, in units of the response per unit of the predictor, and its t test on ``df``."""

    name: str
    estimate: float
    standard_error: float
    df: float
    t: float
    p: float


def standard_errors(fit: Estimates) -> Mapping[str, float]:
    """Return the standard error of each fixed effect, given the estimated variances."""
    errors = np.sqrt(np.diagonal(fit.covariance)).tolist()
    return MappingProxyType(dict(zip(fit.design.fixed_names, errors, strict=True)))


def satterthwaite_df(fit: Estimates, contrast: Floats) -> float:
    """Return the degrees of freedom of a combination of fixed effects.

    With r the derivative of log var(contrast) along the factor, H the Hessian of the profiled criterion and
    nu = n - p (REML) or n (ML): 1 / (rᵀ H⁻¹ r + 1 / nu). At a singular fit the criterion is even in the lost
    directions, so they drop out and the value is that of the model of lower rank; with no random variance
    left it is nu.

    Parameters
    ----------
    fit : Estimates
        ML or REML.
    contrast : (p,)
        Weights of the fixed effects, in raw units.

    Returns
    -------
    float
        Positive, at most nu.

    Raises
    ------
    DesignError
        If the contrast has the wrong length, is not finite, or is zero.

    References
    ----------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 2.2, with exact derivatives.
    """
    check_contrast(fit, contrast)
    return float(satterthwaite_freedoms(fit, np.asarray(contrast, dtype=np.float64)[None])[0])


def check_contrast(fit: Estimates, contrast: Floats) -> None:
    """Raise a DesignError unless a contrast is one finite weight for each fixed effect, (p,), not all zero."""
    if np.shape(contrast) != (fit.coefficients.size,) or not np.isfinite(contrast).all() or not np.any(contrast):
        raise DesignError(f"a contrast must be {fit.coefficients.size} finite weights, not all zero; got {contrast}.")


def coefficient_tests(fit: Estimates) -> tuple[Coefficient, ...]:
    """Return the two-sided t test of each fixed effect against zero, with Satterthwaite df."""
    errors = np.sqrt(np.diagonal(fit.covariance))
    return t_tests(fit, errors, satterthwaite_freedoms(fit, np.eye(errors.size)))


def t_tests(fit: Estimates, errors: Floats, freedoms: Floats) -> tuple[Coefficient, ...]:
    """Return the two-sided t tests of the fixed effects, given their standard errors and degrees of freedom, (p,)."""
    ratios = fit.coefficients / errors
    tails = 2.0 * stdtr(freedoms, -np.abs(ratios))
    columns = (values.tolist() for values in (fit.coefficients, errors, freedoms, ratios, tails))
    return tuple(map(Coefficient, fit.design.fixed_names, *columns))


def satterthwaite_freedoms(fit: Estimates, contrasts: Floats) -> Floats:
    """Return the degrees of freedom, (m,), of contrasts (m, p)."""
    point = fit.optimum.point
    if not fit.optimum.rank:
        return np.full(len(contrasts), float(point.denominator))
    local = fit.optimum.active
    weights = point.inverse_root @ np.linalg.solve(fit.design.units.fixed.root.T, contrasts.T)
    change = ((local.information @ weights) * weights).sum(axis=1) / (weights**2).sum(axis=0)
    rates = local.log_residual[:, None] - change
    return np.asarray(1.0 / ((rates * np.linalg.solve(local.hessian, rates)).sum(axis=0) + 1.0 / point.denominator))
