"""Where the variance is: components, intraclass correlation, and R²."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.estimates import Estimates, FittedTerm


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
    design = fit.design
    if design.model.weights:
        return _weighted_shares(fit)
    if design.encoding.fixed.has_intercept:
        # The first orthonormal column is constant, so the others carry all the variation of X beta.
        fixed = float(((design.fixed_root @ fit.coefficients)[1:] ** 2).sum()) / (design.n_observations - 1)
    else:
        fixed = float(np.var(design.matrices.fixed @ fit.coefficients, ddof=1))
    spreads = [met.root @ term.relative_factor for met, term in zip(design.terms, fit.terms, strict=True)]
    random = fit.sigma**2 * float(sum((spread**2).sum() for spread in spreads))
    return VarianceShares(fixed, random, fit.sigma**2)


def _weighted_shares(fit: Estimates) -> VarianceShares:
    """Return the variances over rows of which each counts once, whatever its weight."""
    matrices = fit.design.matrices
    fixed = float(np.var(matrices.unweighted(matrices.fixed) @ fit.coefficients, ddof=1))
    random = sum(
        float(np.einsum("iq,qr,ir->i", effects, term.covariance, effects).mean())
        for effects, term in zip(map(matrices.unweighted, matrices.random), fit.terms, strict=True)
    )
    inverse_roots = matrices.unweighted(np.ones(matrices.response.size))
    return VarianceShares(fixed, random, fit.sigma**2 * float((inverse_roots**2).mean()))
