"""The profiled ML and REML criterion of a two-level model, with its exact gradient and Hessian. Arrays only.

Notation: L is the relative factor, Λ = L Lᵀ, R_j the roots and P_j the heads of :class:`Blocks`.
Per group W_j = I + R_j Λ R_jᵀ; over all groups M = rest + Σ P_jᵀ W_j⁻¹ P_j = T Tᵀ with T lower triangular. The
leading block of M is X'V⁻¹X, and the last entry of T squared is the profiled residual sum of squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from reference.panel import Floats


@dataclass(frozen=True, eq=False)
class Blocks:
    """What the profiled likelihood needs of the data: one triangular block per group.

    The triangular factor of a group's ``[Z X y]`` splits into its first q rows, ``rows``, and a rest that no
    random effect touches. Sums of squares only are ever added, so a large variance ratio cancels nothing.

    Parameters
    ----------
    rows : (J, q, q + p + 1)
        ``[R_j P_j]``: the roots R_j, with R_jᵀ R_j = Z_jᵀ Z_j, and the heads P_j, the part of ``[X y]`` in the
        span of Z_j, response last.
    rest : (p + 1, p + 1)
        Cross-products of what is left, summed over groups.
    n_observations : int
        Rows of the table.
    """

    rows: Floats
    rest: Floats
    n_observations: int

    @property
    def roots(self) -> Floats:
        """R_j, (J, q, q)."""
        return self.rows[:, :, : self.n_random]

    @property
    def n_groups(self) -> int:
        """The number of groups, J."""
        return int(self.rows.shape[0])

    @property
    def n_fixed(self) -> int:
        """The number of fixed effects, p."""
        return int(self.rest.shape[0]) - 1

    @property
    def n_random(self) -> int:
        """The number of random effects per group, q."""
        return int(self.rows.shape[1])


@dataclass(frozen=True, eq=False)
class Profile:
    """The criterion at one factor, and what profiling left behind.

    Parameters
    ----------
    criterion : float
        -2 log-likelihood (ML) or its REML counterpart, constants included.
    beta : (p,)
        Generalised least squares coefficients.
    inverse_root : (p, p)
        N, lower triangular, with Nᵀ N = (X'V⁻¹X)⁻¹.
    residual_sum : float
        Profiled residual sum of squares.
    denominator : int
        What it is divided by for the residual variance: n under ML, n - p under REML.
    leverage : (J, q, q)
        R_jᵀ W_j⁻¹ R_j.
    reach : (J, q, p + 1)
        R_jᵀ W_j⁻¹ P_j T⁻ᵀ: the columns of ``[X y]`` combined so that M becomes the identity.
    """

    criterion: float
    beta: Floats
    inverse_root: Floats
    residual_sum: float
    denominator: int
    leverage: Floats
    reach: Floats

    @property
    def residual_variance(self) -> float:
        """The profiled residual variance."""
        return self.residual_sum / self.denominator

    @property
    def inverse_information(self) -> Floats:
        """(X'V⁻¹X)⁻¹, (p, p); times the residual variance it is the covariance of ``beta``."""
        return self.inverse_root.T @ self.inverse_root

    @property
    def pull(self) -> Floats:
        """Z_jᵀ V_j⁻¹ (y_j - X_j beta), (J, q); Λ times it is the conditional mode of a group."""
        return self.reach[:, :, -1] * float(np.sqrt(self.residual_sum))


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


def profile(factor: Floats, blocks: Blocks, *, reml: bool) -> Profile:
    """Return the profiled deviance (ML) or REML criterion of a two-level model, with what it left behind.

    Parameters
    ----------
    factor : (q, q), unit-free
        Cov(b) = sigma² · factor · factorᵀ. Any square factor will do; one of lower rank is the boundary, not
        an error.
    blocks : Blocks
        In whatever units; the criterion is that of the matrices the blocks came from.
    reml : bool
        True for the REML criterion.

    Returns
    -------
    Profile
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
    p, q = blocks.n_fixed, blocks.n_random
    lower, whitened, triangle = _eliminate(factor, blocks)
    inverse = np.asarray(np.linalg.inv(triangle), dtype=np.float64)
    products = whitened[:, :, :q].swapaxes(1, 2) @ whitened
    return Profile(
        criterion=float(_criterion(lower, triangle, blocks, reml=reml)),
        beta=-inverse[p, :p] * triangle[p, p],
        inverse_root=inverse[:p, :p],
        residual_sum=float(triangle[p, p]) ** 2,
        denominator=_denominator(blocks, reml=reml),
        leverage=products[:, :, :q],
        reach=products[:, :, q:] @ inverse.T,
    )


def criteria(factors: Floats, blocks: Blocks, *, reml: bool) -> Floats:
    """Return the criterion of :func:`profile` at each of m factors (m, q, q), as (m,)."""
    lower, _, triangle = _eliminate(factors, blocks)
    return _criterion(lower, triangle, blocks, reml=reml)


def derivatives(factor: Floats, directions: Floats, point: Profile, *, reml: bool) -> Derivatives:
    """Return the exact derivatives of the criterion at a factor.

    Parameters
    ----------
    factor : (q, q)
        Where ``point`` was computed.
    directions : (k, q, q)
        The k ways the factor may move.
    point : Profile
        ``profile(factor, ...)``.
    reml : bool
        As for ``point``.

    Notes
    -----
    By the chain rule through Λ = L Lᵀ: along directions a and b, Λ moves by D_a = E_a Lᵀ + L E_aᵀ and bends
    by D_ab = E_a E_bᵀ + E_b E_aᵀ. With A_j the leverage and C_j the reach of a group, log det W_j moves by
    tr(D_a A_j), A_j by -A_j D_a A_j, and T⁻¹ M T⁻ᵀ by F_a = -Σ C_jᵀ D_a C_j. The criterion is
    Σ log det W_j + Σ_i w_i log (T_ii)² up to constants, where w is the denominator for the last column (the
    residual) and, for the others, 1 under REML and 0 under ML.
    """
    k, q = directions.shape[:2]
    width = point.reach.shape[2]
    moved = directions @ factor.T
    moved = (moved + moved.swapaxes(1, 2)).reshape(k, q * q)
    stacked = directions.reshape(k * q, q)
    bent = (stacked @ stacked.T).reshape(k, q, k, q).transpose(0, 2, 1, 3).reshape(k, k, q * q)

    flat = point.reach.reshape(-1, q * width)
    crossed = (flat.T @ flat).reshape(q, width, q, width).transpose(0, 2, 1, 3).reshape(q * q, width * width)
    change = -moved @ crossed
    weights, pairs = _weights(width, point.denominator, reml=reml)

    leverage = point.leverage.reshape(-1, q * q)
    spent = ((point.reach * weights) @ point.reach.swapaxes(1, 2)).reshape(-1, q * q)
    gap = (leverage - spent).sum(axis=0)
    coupled = (leverage.T @ (2.0 * spent - leverage)).reshape(q, q, q, q).transpose(3, 0, 1, 2).reshape(q * q, q * q)
    hessian = 2.0 * bent @ gap + moved @ coupled @ moved.T - (change * pairs) @ change.T
    change = change.reshape(k, width, width)
    return Derivatives(moved @ gap, (hessian + hessian.T) / 2.0, change[:, -1, -1], change[:, :-1, :-1])


def _eliminate(factor: Floats, blocks: Blocks) -> tuple[Floats, Floats, Floats]:
    """Return the Cholesky factor C_j of each W_j, C_j⁻¹ [R_j P_j], and T; for one factor or a stack of them."""
    p, q = blocks.n_fixed, blocks.n_random
    # One product for all groups, and a transpose in memory of its own, are what BLAS is quick with.
    spread = (blocks.roots.reshape(-1, q) @ factor).reshape(*factor.shape[:-2], -1, q, q)
    lower = _cholesky(np.eye(q) + spread @ np.ascontiguousarray(spread.swapaxes(-1, -2)))
    rows = blocks.rows if factor.ndim == 2 else blocks.rows[None]
    whitened = _substitute(lower, rows)
    heads = whitened[..., q:].reshape(*factor.shape[:-2], -1, p + 1)
    return lower, whitened, _cholesky(blocks.rest + heads.swapaxes(-1, -2) @ heads)


def _substitute(lower: Floats, rows: Floats) -> Floats:
    """Return the solution of lower · x = rows for stacks (..., J, q, q) and (..., J, q, k), row by row for all groups.

    A call of LAPACK for every small matrix costs ten times as much.
    """
    solved = np.empty(np.broadcast_shapes(lower.shape[:-1], rows.shape[:-1]) + rows.shape[-1:])
    for i in range(lower.shape[-1]):
        row = solved[..., i, :]
        row[...] = rows[..., i, :]
        for k in range(i):
            row -= lower[..., i, k, None] * solved[..., k, :]
        row /= lower[..., i, i, None]
    return solved


def _cholesky(matrices: Floats) -> Floats:
    return np.asarray(np.linalg.cholesky(matrices), dtype=np.float64)


def _criterion(lower: Floats, triangle: Floats, blocks: Blocks, *, reml: bool) -> Floats:
    count, p = _denominator(blocks, reml=reml), blocks.n_fixed
    pivots = np.log(np.diagonal(triangle, axis1=-2, axis2=-1))
    value = 2.0 * np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum(axis=(-2, -1))
    value = value + count * (1.0 + np.log(2.0 * np.pi / count) + 2.0 * pivots[..., p])
    return np.asarray(value + 2.0 * pivots[..., :p].sum(axis=-1) if reml else value)


def _denominator(blocks: Blocks, *, reml: bool) -> int:
    return blocks.n_observations - (blocks.n_fixed if reml else 0)


@cache
def _weights(width: int, denominator: int, *, reml: bool) -> tuple[Floats, Floats]:
    """Return the weight of each column of the reach (p + 1,), and of each entry of F_a · F_b ((p + 1)²,)."""
    weights = np.full(width, 1.0 if reml else 0.0)
    weights[-1] = denominator
    pairs = np.maximum.outer(weights, weights).ravel()
    weights.setflags(write=False)
    pairs.setflags(write=False)
    return weights, pairs
