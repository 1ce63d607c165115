"""What simulated responses tell: a likelihood-ratio test that the boundary does not bother, intervals of shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from reference.arrays import Floats
from reference.errors import ComparisonError
from reference.estimates import Estimates
from reference.inference.comparison import LikelihoodRatio, compare_nested
from reference.inference.intervals import Interval, normal_quantile
from reference.inference.refits import Progress, refit_simulated
from reference.inference.variance import SHARES, VarianceShares, share_roots, variance_shares

# Criteria closer than this are the same: both models have the same optimum, usually on the boundary.
_SAME = 1e-7


@dataclass(frozen=True, eq=False)
class BootstrapTest:
    """A likelihood-ratio test with the statistics that the smaller model itself produces.

    Parameters
    ----------
    test : LikelihoodRatio
        Of the data, with the p-values of chi² and of the boundary mixture.
    statistics : (m,)
        Of m responses simulated from the smaller fit, ascending.
    """

    test: LikelihoodRatio
    statistics: Floats

    @property
    def p(self) -> float:
        """The share of statistics at least as large as that of the data, which itself counts as one of them."""
        reached = int(np.count_nonzero(self.statistics >= self.test.statistic - _SAME))
        return (1 + reached) / (1 + self.statistics.size)

    @property
    def standard_error(self) -> float:
        """How far chance in the simulation may carry p: the standard error of a share of m."""
        return float(np.sqrt(self.p * (1.0 - self.p) / self.statistics.size))

    @property
    def share_at_zero(self) -> float:
        """The share of statistics that are zero: what the boundary takes out of the chi² law."""
        return float(np.mean(self.statistics <= _SAME))


def bootstrap_test(
    smaller: Estimates,
    larger: Estimates,
    *,
    draws: int = 1000,
    seed: int = 0,
    progress: Progress = iter,
) -> BootstrapTest:
    """Return the likelihood-ratio test of two nested ML fits by parametric bootstrap.

    Responses are drawn from the smaller fit, new random effects and new residuals each time, and both models are
    fitted to each.

    Parameters
    ----------
    smaller, larger : Estimates
        As for :func:`~reference.inference.comparison.compare_nested`.
    draws : int
        How many responses.
    seed : int
        Of the random numbers; the same seed gives the same test.
    progress : callable
        Wraps the iterable of draws, for instance ``rich.progress.track``.

    Raises
    ------
    ComparisonError, DesignError
        As for :func:`~reference.inference.comparison.compare_nested`, or if there are no draws.
    ConvergenceError, SaturationError
        If the fit to a simulated response cannot be certified, or is refused.

    References
    ----------
    Davison & Hinkley (1997), Bootstrap Methods and their Application, section 4.2.3, for p; Halekoh & Højsgaard (2014),
    J. Stat. Softw. 59(9), section 4, for mixed models.
    """
    test = compare_nested(smaller, larger)
    _check_draws(draws)
    few, many = refit_simulated((smaller, larger), smaller, draws, seed, progress)
    return BootstrapTest(test, np.sort(np.maximum(0.0, few.criteria - many.criteria)))


def bootstrap_shares(
    fit: Estimates,
    level: float = 0.95,
    *,
    draws: int = 1000,
    seed: int = 0,
    progress: Progress = iter,
) -> tuple[Interval, ...]:
    """Return intervals of the two ICCs and of the marginal and the conditional R² by parametric bootstrap.

    Responses are drawn from the fit, the model is fitted to each, and the limits are quantiles of its shares.

    Parameters
    ----------
    fit : Estimates
        ML or REML.
    level : float
        Of confidence, between 0 and 1.
    draws, seed, progress
        As for :func:`bootstrap_test`.

    Raises
    ------
    ComparisonError
        If there are no draws.
    DesignError
        If the level is not between 0 and 1, or the fit kept no rows.
    ConvergenceError, SaturationError
        If the fit to a simulated response cannot be certified, or is refused.

    References
    ----------
    Nakagawa, Johnson & Schielzeth (2017), J. R. Soc. Interface 14:20170213, for the shares; Davison & Hinkley (1997),
    Bootstrap Methods and their Application, section 5.3, for the limits.
    """
    normal_quantile(level)
    _check_draws(draws)
    (found,) = refit_simulated((fit,), fit, draws, seed, progress)
    shares = variance_shares(fit)
    of_fixed, of_random, of_residual = share_roots(fit.design)
    fixed = ((found.coefficients @ of_fixed.T) ** 2).sum(axis=1)
    # The factors are in orthonormal units.
    raw = [root @ np.linalg.inv(term.root) for root, term in zip(of_random, fit.terms, strict=True)]
    random = found.sigmas**2 * ((block_diag(*raw) @ found.factors) ** 2).sum(axis=(1, 2))
    residual: Any = found.sigmas**2 * of_residual
    tails = (1.0 - level) / 2.0, (1.0 + level) / 2.0
    simulated = VarianceShares(fixed, random, residual)
    limits = {name: np.quantile(getattr(simulated, name), tails).tolist() for name in SHARES}
    return tuple(Interval(name, getattr(shares, name), *limits[name]) for name in SHARES)


def _check_draws(draws: int) -> None:
    if draws < 1:
        raise ComparisonError(f"a bootstrap needs at least one draw; got {draws}.")
