"""Comparing nested models by likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from reference.design import column_spread
from reference.errors import ComparisonError
from reference.mixed import MixedFit
from reference.panel import Floats

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
        From the mixture that is right on the boundary; equal to ``p`` when no variance is tested.
    aic_gain, bic_gain : float
        The smaller model's criterion less the larger's; positive speaks for the larger.
    """

    statistic: float
    df: int
    p: float
    p_boundary: float
    aic_gain: float
    bic_gain: float


def compare_nested(smaller: MixedFit, larger: MixedFit) -> LikelihoodRatio:
    """Return the likelihood-ratio test of two ML fits, one nested in the other.

    Parameters
    ----------
    smaller, larger : MixedFit
        Fitted by ML to the same rows.

    Raises
    ------
    ComparisonError
        If a fit is REML, the data differ, the models are not nested or are the same, or the boundary law is
        not known; or if the larger model fits worse, which means that its fit is not its optimum.

    References
    ----------
    Stram & Lee (1994), Biometrics 50(4), 1171-1177: adding a random effect to q others gives half chi² on q
    and half on q + 1.
    """
    _check(smaller, larger)
    statistic = max(0.0, smaller.criterion - larger.criterion)
    df = larger.n_parameters - smaller.n_parameters
    tail = float(chdtrc(df, statistic))
    added = len(larger.model.random) - len(smaller.model.random)
    mixture = 0.5 * (float(chdtrc(df - 1, statistic)) + tail) if added else tail
    return LikelihoodRatio(statistic, df, tail, mixture, smaller.aic - larger.aic, smaller.bic - larger.bic)


def _check(smaller: MixedFit, larger: MixedFit) -> None:
    if smaller.reml or larger.reml:
        raise ComparisonError("a likelihood-ratio test needs ML fits; refit both models with reml=False.")
    same_rows = np.array_equal(smaller.design.response, larger.design.response)
    if not same_rows or not np.array_equal(smaller.design.codes, larger.design.codes):
        raise ComparisonError("the two fits saw different rows or responses; refit both on the same table.")
    fixed = set(smaller.model.fixed), set(larger.model.fixed)
    random = set(smaller.model.random), set(larger.model.random)
    if not (fixed[0] <= fixed[1] and random[0] <= random[1]):
        raise ComparisonError(
            f"{smaller.model.name!r} is not nested in {larger.model.name!r}; give the model with fewer terms first."
        )
    if fixed[0] == fixed[1] and random[0] == random[1]:
        raise ComparisonError("the two models are the same; compare models that differ in at least one term.")
    if not (_spans(larger.design.fixed, smaller.design.fixed) and _spans(larger.design.random, smaller.design.random)):
        raise ComparisonError("the predictors of the two fits hold different values; refit both on the same table.")
    if len(random[1] - random[0]) > 1 or (fixed[0] != fixed[1] and random[0] != random[1]):
        raise ComparisonError(
            "the models differ in a random slope and in another term, for which no simple boundary law "
            "holds; compare in two steps."
        )
    if smaller.criterion < larger.criterion - _ROUNDING * max(1.0, abs(larger.criterion)):
        raise ComparisonError(
            f"{larger.model.name!r} contains {smaller.model.name!r} but fits worse, so its fit stopped at a local "
            "optimum; do not use it, and look for a group that differs wildly from the others."
        )


def _spans(larger: Floats, smaller: Floats) -> bool:
    """Return whether the columns of one matrix are combinations of another's, the intercept first in both."""
    basis, _ = np.linalg.qr(larger)
    rest = smaller - basis @ (basis.T @ smaller)
    spread = column_spread(smaller)
    spread[0] = np.sqrt(len(smaller))
    return bool((np.linalg.norm(rest, axis=0) <= _ROUNDING * spread).all())
