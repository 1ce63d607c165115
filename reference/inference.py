"""What is uncertain: standard errors, Satterthwaite degrees of freedom, t tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import stdtr

from reference.mixed import MixedFit
from reference.panel import Floats


@dataclass(frozen=True)
class Coefficient:
    """One fixed effect, in units of the response per unit of the predictor, and its t test on ``df``."""

    name: str
    estimate: float
    standard_error: float
    df: float
    t: float
    p: float


def standard_errors(fit: MixedFit) -> Mapping[str, float]:
    """Return the standard error of each fixed effect, given the estimated variances."""
    errors = np.sqrt(np.diagonal(fit.covariance)).tolist()
    return MappingProxyType(dict(zip(fit.design.fixed_names, errors, strict=True)))


def satterthwaite_df(fit: MixedFit, contrast: Floats) -> float:
    """Return the degrees of freedom of a combination of fixed effects.

    With r the derivative of log var(contrast) along the factor, H the Hessian of the profiled criterion and
    nu = n - p (REML) or n (ML): 1 / (rᵀ H⁻¹ r + 1 / nu). At a singular fit the criterion is even in the lost
    directions, so they drop out and the value is that of the model of lower rank; with no random variance
    left it is nu.

    Parameters
    ----------
    fit : MixedFit
        ML or REML.
    contrast : (p,)
        Weights of the fixed effects, in raw units.

    References
    ----------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 2.2, with exact derivatives.
    """
    point = fit.optimum.point
    if not fit.rank:
        return float(point.denominator)
    local = fit.optimum.active(reml=fit.reml)
    weights = point.inverse_information @ np.linalg.solve(fit.design.fixed_root.T, contrast)
    size = float(contrast @ fit.covariance @ contrast) / fit.sigma**2
    rate = local.log_residual - (local.information @ weights) @ weights / size
    return 1.0 / (float(rate @ np.linalg.solve(local.hessian, rate)) + 1.0 / point.denominator)


def coefficient_table(fit: MixedFit) -> tuple[Coefficient, ...]:
    """Return the two-sided t test of each fixed effect against zero, with Satterthwaite df."""
    table = []
    for position, name in enumerate(fit.design.fixed_names):
        contrast = np.eye(fit.coefficients.size)[position]
        estimate = float(fit.coefficients[position])
        error = float(np.sqrt(fit.covariance[position, position]))
        df = satterthwaite_df(fit, contrast)
        t = estimate / error
        table.append(Coefficient(name, estimate, error, df, t, 2.0 * float(stdtr(df, -abs(t)))))
    return tuple(table)


def variance_standard_errors(fit: MixedFit) -> Mapping[str, float]:
    """Return asymptotic standard errors of the variance components, by random effect and ``Residual``.

    From the inverse Hessian of the criterion over the factor and the residual variance, by the delta method,
    in squared units of the data. A singular fit has only ``Residual``: on the boundary the others have no
    normal approximation.

    References
    ----------
    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 2.4.3.
    """
    point, optimum = fit.optimum.point, fit.optimum
    variances = {"Residual": fit.sigma**2}
    rates: dict[str, Floats] = {}
    if not fit.rank:
        return MappingProxyType({"Residual": variances["Residual"] * float(np.sqrt(2.0 / point.denominator))})
    local = optimum.active(reml=fit.reml)
    rates["Residual"] = local.log_residual
    if not fit.singular:
        back = np.linalg.inv(fit.design.random_root)
        factor, directions = back @ optimum.factor, back @ optimum.active_directions
        for row, name in enumerate(fit.design.random_names):
            size = float(factor[row] @ factor[row])
            rates[name] = local.log_residual + 2.0 * directions[:, row] @ factor[row] / size
            variances[name] = float(fit.random_covariance[row, row])
    relative = {
        name: float(np.sqrt(2.0 * rate @ np.linalg.solve(local.hessian, rate) + 2.0 / point.denominator))
        for name, rate in rates.items()
    }
    return MappingProxyType({name: variances[name] * error for name, error in relative.items()})
