"""The seam of the engine: what a likelihood offers to those that look for its lowest point and to those that read it.

A likelihood is a :class:`Surface`, the criterion as a function of the relative covariance factor alone; at a factor it
gives a :class:`Point`. There are two: :mod:`~reference.likelihood.one_factor` and
:mod:`~reference.likelihood.many_factors`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cache
from typing import Self

import numpy as np

from reference.arrays import Floats, Integers
from reference.likelihood.blocks import Blocks
from reference.likelihood.fronts import Fronts

# A log ratio of variances beyond which its exponential would overflow.
_MOST = 600.0


@dataclass(frozen=True, eq=False)
class Point(ABC):
    """A place on a surface: the criterion at one factor, the fixed effects and the residual variance at their best.

    Its methods take any factor of the same covariance as the one it was computed at.

    Parameters
    ----------
    criterion : float
        -2 log-likelihood (ML) or its REML counterpart, constants included.
    inverse : (p + 1, p + 1)
        T⁻¹, lower triangular, of T Tᵀ = ``[X y]'V⁻¹[X y]``.
    denominator : int
        What the residual sum of squares is divided by for the residual variance: n under ML, n - p under REML.
    reml : bool
        Whether the criterion is the REML one.
    """

    criterion: float
    inverse: Floats
    denominator: int
    reml: bool

    @property
    def beta(self) -> Floats:
        """The generalised least squares coefficients, (p,)."""
        return np.asarray(-self.inverse[-1, :-1] / self.inverse[-1, -1])

    @property
    def inverse_root(self) -> Floats:
        """N, (p, p), lower triangular, with Nᵀ N = (X'V⁻¹X)⁻¹."""
        return self.inverse[:-1, :-1]

    @property
    def residual_sum(self) -> float:
        """The profiled residual sum of squares."""
        return 1.0 / float(self.inverse[-1, -1]) ** 2

    @property
    def residual_variance(self) -> float:
        """The profiled residual variance."""
        return self.residual_sum / self.denominator

    @property
    def inverse_information(self) -> Floats:
        """(X'V⁻¹X)⁻¹, (p, p); times the residual variance it is the covariance of ``beta``."""
        return self.inverse_root.T @ self.inverse_root

    def log_ratio(self, log_variance: float) -> float:
        """Return u, the logarithm of the profiled residual variance less that of another one."""
        return min(float(np.log(self.residual_variance)) - log_variance, _MOST)

    def excess(self, log_variance: float) -> float:
        """Return how much the criterion rises at another residual variance, nu (e^u - 1 - u); nu is the denominator."""
        ratio = self.log_ratio(log_variance)
        return self.denominator * float(np.expm1(ratio) - ratio)

    def weights(self) -> tuple[Floats, Floats]:
        """Return w (p + 1,): the criterion is log det W + Σ w_i log (T_ii)² up to constants; and its pairs' maxima.

        The denominator for the last column (the residual); for the others 1 under REML and 0 under ML.
        """
        return profiled_weights(len(self.inverse), self.denominator, reml=self.reml)

    @abstractmethod
    def derivatives(self, factor: Floats, directions: Floats) -> Derivatives:
        """Return the exact derivatives of the criterion at a factor along directions (k, Q, Q)."""

    @abstractmethod
    def modes(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the conditional modes of each grouping factor's effects, (J, q)."""

    @abstractmethod
    def conditional_covariance(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the covariance of each factor's effects given the data, (J, q, q), over the residual variance."""

    @abstractmethod
    def leverage(self, factor: Floats) -> Leverage | None:
        """Return the leverage of the groups; None if that takes the rows of the table."""


@cache
def profiled_weights(width: int, denominator: int, *, reml: bool) -> tuple[Floats, Floats]:
    """Return the weights of :meth:`Point.weights` for T of an order."""
    weights = np.full(width, 1.0 if reml else 0.0)
    weights[-1] = denominator
    pairs = np.maximum.outer(weights, weights)
    weights.setflags(write=False)
    pairs.setflags(write=False)
    return weights, pairs


def profiled_criterion(log_determinant: Floats | float, triangle: Floats, count: int, *, reml: bool) -> Floats:
    """Return the criterion (...,), given log det W (...,), T (..., p + 1, p + 1) and the denominator."""
    pivots = np.log(np.diagonal(triangle, axis1=-2, axis2=-1))
    value = log_determinant + count * (1.0 + np.log(2.0 * np.pi / count) + 2.0 * pivots[..., -1])
    return np.asarray(value + 2.0 * pivots[..., :-1].sum(axis=-1) if reml else value)


@dataclass(frozen=True, eq=False)
class Derivatives:
    """First and second derivatives of the criterion along k directions of the factor.

    Parameters
    ----------
    gradient : (k,), hessian : (k, k)
        Of the criterion.
    log_residual : (k,)
        Of the logarithm of the profiled residual variance.
    information : (k, p, p)
        Of X'V⁻¹X, between N and Nᵀ (``inverse_root``).
    """

    gradient: Floats
    hessian: Floats
    log_residual: Floats
    information: Floats


@dataclass(frozen=True, eq=False)
class Leverage:
    """Products of Z and X over V = I + Z Λ Z', for K clusters of m effects each.

    Parameters
    ----------
    places : tuple of (L,)
        For each of the Q random effects of the model, where in a cluster its L levels are.
    effects : (K, m, m)
        Z'V⁻¹Z.
    fixed : (K, m, p)
        Z'V⁻¹X.
    relative : (m, m)
        Λ.
    conditional : (K, m, m)
        Λ - Λ Z'V⁻¹Z Λ: the covariance of the effects given the data, over the residual variance.
    """

    places: tuple[Integers, ...]
    effects: Floats
    fixed: Floats
    relative: Floats
    conditional: Floats


@dataclass(frozen=True, eq=False)
class Surface(ABC):
    """The criterion over block-diagonal factors (Q, Q), one block per random term.

    Parameters
    ----------
    data : Blocks or Fronts
        What it needs of the data, in whatever units; the criterion is that of the matrices they came from.
    sizes : tuple of int
        The order of each block.
    reml : bool
        True for the REML criterion.
    """

    data: Blocks | Fronts
    sizes: tuple[int, ...]
    reml: bool

    @property
    def n_observations(self) -> int:
        """Rows of the table."""
        return self.data.n_observations

    @property
    def cost(self) -> int:
        """The number of groups of all grouping factors, to which one evaluation is proportional."""
        return sum(self.data.n_levels)

    @property
    def weight(self) -> float:
        """The rows of an average group."""
        return self.n_observations * len(self.data.n_levels) / self.cost

    @property
    def denominator(self) -> int:
        """What a residual sum of squares is divided by: n under ML, n - p under REML."""
        return self.n_observations - (self.data.n_fixed if self.reml else 0)

    @abstractmethod
    def profile(self, factor: Floats) -> Point:
        """Return the profiled deviance (ML) or REML criterion at a factor, with what the data left behind.

        Parameters
        ----------
        factor : (Q, Q), unit-free
            The effects of a group have covariance sigma² · factor · factorᵀ. Any square blocks will do; one of lower
            rank is the boundary, not an error.

        Returns
        -------
        Point
            Its ``criterion`` is on the -2 log-likelihood scale, constants included, comparable with lme4's
            ``deviance()`` and ``REMLcrit()``.

        Raises
        ------
        numpy.linalg.LinAlgError
            If X is rank deficient.

        References
        ----------
        Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 3.
        """

    def criteria(self, factors: Floats) -> Floats:
        """Return the criterion at each of m factors (m, Q, Q), as (m,)."""
        return np.array([self.profile(factor).criterion for factor in factors])

    def using(self, *, reml: bool) -> Self:
        """Return the surface of the ML or the REML criterion of the same data."""
        return replace(self, reml=reml)

    def mapped(self, mapping: Floats) -> Self:
        """Return the surface with ``[X y]`` replaced by ``[X y]`` times a mapping whose first column is zero.

        In place of the column lost comes one that is orthogonal to everything and of length one, which leaves the ML
        criterion as it is without that column.

        Parameters
        ----------
        mapping : (p + 1, p + 1)
            Its first column zero.
        """
        return replace(self, data=self.data.mapped(mapping))

    def sample(self, most: int) -> Self:
        """Return a surface with the same valleys that takes about ``most`` groups, or this one."""
        return self

    def moment_factor(self) -> Floats | None:
        """Return a factor (Q, Q) that a moment estimate gives, where there is one."""
        return None
