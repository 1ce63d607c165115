"""Where the variance is: components, intraclass correlation, and R²."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.arrays import Floats, triangular_factor
from reference.design.design import Design
from reference.estimates import Estimates, FittedTerm

# The shares that are reported, of those of a VarianceShares.
SHARES = ("icc_adjusted", "icc_unadjusted", "r2_marginal", "r2_conditional")


@dataclass(frozen=True)
class VarianceComponent:
    """One line of the random part: a variance (``second`` empty) or covariance, and its sd or correlation.

    ``value`` is in squared units of the response, over the units of the predictors named; ``group`` is the
    random term's name, or ``Residual``.
    """

    group: str
    first: str
    second: str
    value: float
    sd_or_correlation: float


@dataclass(frozen=True)
class VarianceShares:
    """Variances in squared units of the response, and their shares.

    Parameters
    ----------
    fixed : float
        Sample variance (n - 1) of the fixed part of the fitted values.
    random : float
        Mean over rows of the variance the random effects give a row (Johnson 2014).
    residual : float
        sigma²; with weights the mean over rows of sigma² over the row's weight.
    """

    fixed: float
    random: float
    residual: float

    @property
    def icc_adjusted(self) -> float:
        """random / (random + residual): the share of what the predictors leave that lies between groups."""
        return self.random / (self.random + self.residual)

    @property
    def icc_unadjusted(self) -> float:
        """random / (fixed + random + residual): the same, as a share of all variance."""
        return self.random / (self.fixed + self.random + self.residual)

    @property
    def r2_marginal(self) -> float:
        """fixed / (fixed + random + residual)."""
        return self.fixed / (self.fixed + self.random + self.residual)

    @property
    def r2_conditional(self) -> float:
        """(fixed + random) / (fixed + random + residual)."""
        return (self.fixed + self.random) / (self.fixed + self.random + self.residual)


def variance_components(fit: Estimates) -> tuple[VarianceComponent, ...]:
    """Return variances, covariances and the residual, in the order of lme4's ``VarCorr``.

    A correlation is ``nan`` where one of the two variances is zero.
    """
    lines = [line for term in fit.terms for line in _components(term)]
    return (*lines, VarianceComponent("Residual", "", "", fit.sigma**2, fit.sigma))


def _components(term: FittedTerm) -> list[VarianceComponent]:
    names, covariance = term.effects, term.covariance
    deviations = np.sqrt(np.diagonal(covariance))
    lines = [
        VarianceComponent(term.name, name, "", float(covariance[k, k]), float(deviations[k]))
        for k, name in enumerate(names)
    ]
    for j in range(len(names)):
        for i in range(j):
            product = float(deviations[i] * deviations[j])
            # Clipped because rounding can carry a correlation of one past it.
            correlation = float(np.clip(covariance[i, j] / product, -1.0, 1.0)) if product > 0 else float("nan")
            lines.append(VarianceComponent(term.name, names[i], names[j], float(covariance[i, j]), correlation))
    return lines


def variance_shares(fit: Estimates) -> VarianceShares:
    """Return the variances behind the ICC and R², defined for singular fits too.

    References
    ----------
    Nakagawa & Schielzeth (2013), Methods in Ecology and Evolution 4(2), 133-142, for R²; Johnson (2014),
    ibid. 5(9), 944-946, for random slopes; Nakagawa, Johnson & Schielzeth (2017), J. R. Soc. Interface
    14:20170213, for the two ICCs.
    """
    of_fixed, of_random, of_residual = share_roots(fit.design)
    fixed = float(((of_fixed @ fit.coefficients) ** 2).sum())
    spreads = [root @ term.relative_factor for root, term in zip(of_random, fit.terms, strict=True)]
    random = fit.sigma**2 * float(sum((spread**2).sum() for spread in spreads))
    return VarianceShares(fixed, random, fit.sigma**2 * of_residual)


def share_roots(design: Design) -> tuple[Floats, tuple[Floats, ...], float]:
    """Return what turns fixed effects, factors of the effects' covariances, and sigma² into the variances of shares.

    Roots, (k, p) and one (q, q) per term: the sum of squares of their products with the fixed effects and with the
    factors are variances over rows of which each counts once, whatever its weight. And the mean of the inverse
    weights. It takes the rows of a model that has no intercept or is weighted.
    """
    n = design.n_observations
    if design.encoding.fixed.has_intercept and not design.model.weights:
        # The first orthonormal column is constant, so the others carry all the variation of X beta.
        return design.units.fixed.root[1:] / np.sqrt(n - 1), tuple(term.root for term in design.terms), 1.0
    matrices = design.matrices
    fixed = matrices.unweighted(matrices.fixed)
    inverse_roots = matrices.unweighted(np.ones(n))
    return (
        triangular_factor(fixed - fixed.mean(axis=0)) / np.sqrt(n - 1),
        tuple(triangular_factor(matrices.unweighted(effects)) / np.sqrt(n) for effects in matrices.random),
        float((inverse_roots**2).mean()),
    )
