"""Kenward and Roger's covariance of the fixed effects, and their degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import fdtrc

from reference.arrays import Floats, entry_pairs
from reference.errors import DesignError
from reference.estimates import Estimates
from reference.inference.leverage import read_leverage
from reference.inference.satterthwaite import Coefficient, check_contrast, t_tests
from reference.likelihood.surface import Leverage

_CONDITION = 1e-10
# Degrees of freedom so close to 2 leave F unscaled, as its expectation is infinite.
_ALMOST_TWO = 1e-2


@dataclass(frozen=True, eq=False)
class KenwardRoger:
    """The adjusted covariance of the fixed effects, and what their degrees of freedom follow from.

    Parameters
    ----------
    fit : Estimates
        The fit adjusted.
    covariance : (p, p)
        Larger than ``fit.covariance`` by what estimating the variances adds, in units of the data.
    weight : (r, r)
        The covariance of the r variance parameters, the residual variance last.
    slopes : (r, p, p)
        X'V⁻¹ G V⁻¹X for the derivative G of V by each parameter, the columns of X combined so that X'V⁻¹X = I.
    """

    fit: Estimates
    covariance: Floats
    weight: Floats
    slopes: Floats

    def df(self, contrast: Floats) -> float:
        """Return the degrees of freedom of a combination of fixed effects, weights (p,) in units of the data.

        Raises
        ------
        DesignError
            If the contrast has the wrong length, is not finite, or is zero.
        """
        check_contrast(self.fit, contrast)
        rates = self._rates(contrast[None])[:, 0, 0]
        return float(2.0 / (rates @ self.weight @ rates))

    def f_test(self, contrasts: Floats) -> tuple[float, float, float]:
        """Return denominator df, scaled F and p of r independent combinations of fixed effects (r, p) being zero."""
        rates, count = self._rates(contrasts), len(contrasts)
        traces = np.trace(rates, axis1=1, axis2=2)
        first = float(traces @ self.weight @ traces)
        second = float(np.einsum("aij,ab,bji->", rates, self.weight, rates))
        spread = (first + 6.0 * second) / (2.0 * count)
        g = ((count + 1) * first - (count + 4) * second) / ((count + 2) * second)
        below = 3.0 * count + 2.0 * (1.0 - g)
        shares = 1.0 + g / below * spread, 1.0 - (count - g) / below * spread, 1.0 - (count + 2 - g) / below * spread
        # 1 over the expectation of F, and half of its variance over that squared.
        inverse = 1.0 - second / count
        relative = (inverse / shares[1]) ** 2 * shares[0] / shares[2] / count
        df = 4.0 + (count + 2) / (count * relative - 1.0)
        estimate = contrasts @ self.fit.coefficients
        wald = float(estimate @ np.linalg.solve(contrasts @ self.covariance @ contrasts.T, estimate)) / count
        f = wald * (df * inverse / (df - 2.0) if abs(df - 2.0) > _ALMOST_TWO else 1.0)
        return float(df), float(f), float(fdtrc(count, df, f))

    def _rates(self, contrasts: Floats) -> Floats:
        """Return the slopes in an orthonormal basis (p, r) of combinations (r, p), (a, r, r)."""
        weights = self.fit.optimum.point.inverse_root @ np.linalg.solve(self.fit.design.units.fixed.root.T, contrasts.T)
        basis = np.linalg.qr(weights)[0]
        return np.asarray(basis.T @ self.slopes @ basis, dtype=np.float64)


def kenward_roger(fit: Estimates) -> KenwardRoger:
    """Return Kenward and Roger's adjustment of a REML fit.

    The variance parameters are the distinct entries of each term's covariance and the residual variance, in which V is
    linear; their covariance comes from the expected information. That is defined on the boundary as well, where no
    direction is left out: a variance estimated as zero is as uncertain as any other. Where the information is singular,
    its pseudoinverse takes the place of the inverse.

    Raises
    ------
    DesignError
        If the fit is an ML one, or a model with several grouping factors has more than 3,000 random effects.

    References
    ----------
    Kenward & Roger (1997), Biometrics 53(3), 983-997; Halekoh & Højsgaard (2014), J. Stat. Softw. 59(9), section 3. For
    one contrast their degrees of freedom simplify to 2 / (rᵀ W r), with r the relative rates of its variance.
    """
    if not fit.reml:
        raise DesignError(
            "Kenward and Roger's adjustment is one of REML fits; refit the model with reml=True, or without --ml."
        )
    leverage = read_leverage(fit, "take the tests by Satterthwaite's method, without --kenward-roger")
    parameters = _parameters(fit)
    slopes = _slopes(leverage, parameters)
    information, middle = _information(leverage, parameters, slopes, fit.design.n_observations)
    weight = _inverse(information) * 2.0
    p = fit.coefficients.size
    excess = middle - np.einsum("apq,bqs->abps", slopes, slopes)
    growth = np.einsum("ab,abps->ps", weight, excess)
    back = np.linalg.inv(fit.design.units.fixed.root) @ fit.optimum.point.inverse_root.T
    adjusted = fit.sigma**2 * back @ (np.eye(p) + growth + growth.T) @ back.T
    return KenwardRoger(fit, (adjusted + adjusted.T) / 2.0, weight, slopes)


def kenward_roger_tests(fit: Estimates) -> tuple[Coefficient, ...]:
    """Return the two-sided t test of each fixed effect against zero, by Kenward and Roger.

    Raises
    ------
    DesignError
        As for :func:`kenward_roger`.
    """
    adjusted = kenward_roger(fit)
    errors = np.sqrt(np.diagonal(adjusted.covariance))
    return t_tests(fit, errors, np.array([adjusted.df(contrast) for contrast in np.eye(errors.size)]))


def _parameters(fit: Estimates) -> list[list[tuple[int, int]]]:
    """Return, for each covariance parameter, the pairs of effects whose covariance it is: one, or two mirrored."""
    sizes = fit.optimum.surface.sizes
    return [[(i, k)] if i == k else [(i, k), (k, i)] for k, i in entry_pairs(sizes, sizes).tolist()]


def _slopes(leverage: Leverage, parameters: list[list[tuple[int, int]]]) -> Floats:
    """Return X'V⁻¹ G V⁻¹X of each parameter, the residual variance last, (r, p, p)."""
    places, fixed = leverage.places, leverage.fixed
    slopes = [
        sum(np.einsum("cjp,cjq->pq", fixed[:, places[i]], fixed[:, places[k]]) for i, k in pairs)
        for pairs in parameters
    ]
    residual = np.eye(fixed.shape[2]) - np.einsum("cmp,mn,cnq->pq", fixed, leverage.relative, fixed, optimize=True)
    return np.array([*slopes, residual], dtype=np.float64)


def _information(
    leverage: Leverage, parameters: list[list[tuple[int, int]]], slopes: Floats, n_observations: int
) -> tuple[Floats, Floats]:
    """Return twice the expected information (r, r), and X'V⁻¹ G V⁻¹ G V⁻¹X for each two parameters (r, r, p, p).

    The residual variance's G is the identity; its products follow from V⁻² = V⁻¹ - V⁻¹ Z Λ Z' V⁻¹.
    """
    places, effects, fixed, relative = leverage.places, leverage.effects, leverage.fixed, leverage.relative
    count, p = len(parameters), fixed.shape[2]
    traces, middle = np.zeros((count + 1, count + 1)), np.zeros((count + 1, count + 1, p, p))
    twice = effects - effects @ relative @ effects
    fixed_twice = fixed - effects @ relative @ fixed
    for a, b in product(range(count), repeat=2):
        for (i, o), (k, q) in product(parameters[a], parameters[b]):
            between = effects[:, places[o]][:, :, places[k]]
            traces[a, b] += float((between * effects[:, places[i]][:, :, places[q]]).sum())
            middle[a, b] += np.einsum(
                "cjp,cjk,ckq->pq", fixed[:, places[i]], between, fixed[:, places[q]], optimize=True
            )
    for a in range(count):
        for i, o in parameters[a]:
            traces[a, -1] += float(twice[:, places[i], places[o]].sum())
            middle[a, -1] += np.einsum("cjp,cjq->pq", fixed[:, places[i]], fixed_twice[:, places[o]])
        traces[-1, a], middle[-1, a] = traces[a, -1], middle[a, -1].T
    spent = float(np.einsum("mn,cnm->", relative, effects + twice))
    traces[-1, -1] = n_observations - spent
    middle[-1, -1] = slopes[-1] - np.einsum("cmp,mn,cnq->pq", fixed_twice, relative, fixed, optimize=True)
    crossed = np.einsum("abpp->ab", middle)
    products = np.einsum("apq,bqp->ab", slopes, slopes)
    return traces - 2.0 * crossed + products, middle


def _inverse(information: Floats) -> Floats:
    """Return the inverse in units in which the diagonal is one; the pseudoinverse if that is singular."""
    size = np.sqrt(np.diagonal(information))
    scaled = information / np.outer(size, size)
    return np.asarray(np.linalg.pinv(scaled, rcond=_CONDITION, hermitian=True) / np.outer(size, size))
