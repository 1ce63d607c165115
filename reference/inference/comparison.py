"""Comparing nested models by likelihood, and variances found in another way with the optimum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from reference.arrays import Floats, Integers, block_slices
from reference.errors import ComparisonError
from reference.estimates import Estimates

# Relative: of a criterion, and of a column that lies in the span of others.
_ROUNDING = 1e-8


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio test of a smaller against a larger model.

    Parameters
    ----------
    statistic : float
        Twice the gain in log-likelihood, not negative.
    df : int
        Parameters the larger model adds.
    p : float
        From chi² on ``df``, as most software prints; conservative where a variance is tested, which lies on the
        boundary then.
    p_boundary : float
        From the mixture that is right on the boundary; equal to ``p`` when no variance is tested, and ``nan`` where
        several effects are tested at once, for which there is no simple law: bootstrap the test then.
    aic_gain, bic_gain : float
        The smaller model's criterion less the larger's; positive speaks for the larger.
    variances : int
        How many variances the larger model adds.
    """

    statistic: float
    df: int
    p: float
    p_boundary: float
    aic_gain: float
    bic_gain: float
    variances: int


def compare_nested(smaller: Estimates, larger: Estimates) -> LikelihoodRatio:
    """Return the likelihood-ratio test of two ML fits, one nested in the other.

    Parameters
    ----------
    smaller, larger : Estimates
        Fitted by ML to the same rows.

    Raises
    ------
    ComparisonError
        If a fit is REML, the data differ, or the models are not nested or are the same; or if the larger model fits
        worse, which means that its fit is not its optimum.
    DesignError
        If a fit kept no rows.

    References
    ----------
    Stram & Lee (1994), Biometrics 50(4), 1171-1177: adding a random effect to q others gives half chi² on q
    and half on q + 1.
    """
    _check(smaller, larger)
    statistic = max(0.0, smaller.criterion - larger.criterion)
    df = larger.n_parameters - smaller.n_parameters
    tail = float(chdtrc(df, statistic))
    added = larger.optimum.scales.size - smaller.optimum.scales.size
    if not added:
        mixture = tail
    elif added == 1 and larger.coefficients.size == smaller.coefficients.size:
        mixture = 0.5 * (float(chdtrc(df - 1, statistic)) if df > 1 else float(statistic <= 0.0)) + 0.5 * tail
    else:
        mixture = float("nan")
    return LikelihoodRatio(statistic, df, tail, mixture, smaller.aic - larger.aic, smaller.bic - larger.bic, added)


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
    for term, part in zip(fit.terms, block_slices(surface.sizes), strict=True):
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
    log_variance = math.log(residual_variance) - 2.0 * math.log(fit.design.units.scale)
    return float(point.criterion - fit.optimum.point.criterion + point.excess(log_variance))


def _check(smaller: Estimates, larger: Estimates) -> None:
    if smaller.reml or larger.reml:
        raise ComparisonError("a likelihood-ratio test needs ML fits; refit both models with reml=False.")
    few, many = smaller.design.matrices, larger.design.matrices
    if not np.array_equal(few.response, many.response):
        raise ComparisonError(
            "the two fits saw different rows, responses, weights or offsets; refit both on the same table."
        )
    if not _nested(smaller, larger):
        raise _not_nested(smaller, larger)
    if larger.n_parameters <= smaller.n_parameters:
        raise ComparisonError("the two models are the same; compare models that differ in at least one term.")
    if smaller.criterion < larger.criterion - _ROUNDING * max(1.0, abs(larger.criterion)):
        raise ComparisonError(
            f"{larger.model.name!r} contains {smaller.model.name!r} but fits worse, so its fit stopped at a local "
            "optimum; do not use it, and look for a group that differs wildly from the others."
        )


def _not_nested(smaller: Estimates, larger: Estimates) -> ComparisonError:
    said = f"{smaller.model.name!r} is not nested in {larger.model.name!r}"
    if _nested(larger, smaller):
        return ComparisonError(f"{said}, but contains it; give the model with fewer terms first.")
    if not smaller.design.rows.equals(larger.design.rows):
        return ComparisonError(
            f"{said}, or the fits saw different tables; give the model with fewer terms first, and refit both on the "
            "same table."
        )
    return ComparisonError(
        f"{said}, nor that in it: each has what the other lacks, so that no likelihood-ratio test compares them; "
        "compare their AIC or BIC, which mlm fit prints with --ml, or each with a model that has the terms of both."
    )


def _nested(smaller: Estimates, larger: Estimates) -> bool:
    """Return whether all columns of X, and of each Z for the same groups, are combinations of the larger model's."""
    few, many = smaller.design.matrices, larger.design.matrices
    return _spans(many.fixed, few.fixed) and all(
        any(
            _same_groups(many.codes[other], few.codes[one]) and _spans(others, effects)
            for other, others in zip(many.encoding.owners, many.random, strict=True)
        )
        for one, effects in zip(few.encoding.owners, few.random, strict=True)
    )


def _same_groups(one: Integers, other: Integers) -> bool:
    """Return whether two codings of rows (n,) make the same groups of them, whatever these are called."""
    pairs = np.unique(one * (int(other.max()) + 1) + other).size
    return pairs == int(one.max()) + 1 == int(other.max()) + 1


def _spans(larger: Floats, smaller: Floats) -> bool:
    """Return whether the columns of one matrix are combinations of another's."""
    basis, _ = np.linalg.qr(larger)
    rest = smaller - basis @ (basis.T @ smaller)
    spread = np.linalg.norm(smaller - smaller.mean(axis=0), axis=0)
    # A constant column has no spread to compare with, only a size.
    size = np.where(spread > 0, spread, np.linalg.norm(smaller, axis=0))
    return bool((np.linalg.norm(rest, axis=0) <= _ROUNDING * size).all())
