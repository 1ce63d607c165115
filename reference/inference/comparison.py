"""Comparing nested models by likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from reference.arrays import Floats, Integers
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
        From chi² on ``df``, as most software prints; conservative, since the variance tested lies on the
        boundary.
    p_boundary : float
        From the mixture that is right on the boundary; equal to ``p`` when no variance is tested, and ``nan`` where
        several effects are tested at once, for which there is no simple law: bootstrap the test then.
    aic_gain, bic_gain : float
        The smaller model's criterion less the larger's; positive speaks for the larger.
    """

    statistic: float
    df: int
    p: float
    p_boundary: float
    aic_gain: float
    bic_gain: float


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
    return LikelihoodRatio(statistic, df, tail, mixture, smaller.aic - larger.aic, smaller.bic - larger.bic)


def _check(smaller: Estimates, larger: Estimates) -> None:
    if smaller.reml or larger.reml:
        raise ComparisonError("a likelihood-ratio test needs ML fits; refit both models with reml=False.")
    few, many = smaller.design.matrices, larger.design.matrices
    if not np.array_equal(few.response, many.response):
        raise ComparisonError("the two fits saw different rows or responses; refit both on the same table.")
    if not _nested(smaller, larger):
        raise ComparisonError(
            f"{smaller.model.name!r} is not nested in {larger.model.name!r}, or the fits saw different tables; "
            "give the model with fewer terms first, and refit both on the same table."
        )
    if larger.n_parameters <= smaller.n_parameters:
        raise ComparisonError("the two models are the same; compare models that differ in at least one term.")
    if smaller.criterion < larger.criterion - _ROUNDING * max(1.0, abs(larger.criterion)):
        raise ComparisonError(
            f"{larger.model.name!r} contains {smaller.model.name!r} but fits worse, so its fit stopped at a local "
            "optimum; do not use it, and look for a group that differs wildly from the others."
        )


def _nested(smaller: Estimates, larger: Estimates) -> bool:
    """Return whether all columns of X, and of each Z for the same groups, are combinations of the larger model's."""
    few, many = smaller.design, larger.design
    if not _spans(many.fixed, few.fixed):
        return False
    for term, effects in zip(few.terms, few.matrices.random, strict=True):
        codes = few.matrices.codes[term.factor]
        if not any(
            _same_groups(many.matrices.codes[other.factor], codes) and _spans(others, effects)
            for other, others in zip(many.terms, many.matrices.random, strict=True)
        ):
            return False
    return True


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
