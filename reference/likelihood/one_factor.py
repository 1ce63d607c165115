"""The profiled ML and REML criterion of a two-level model, with its exact gradient and Hessian. Arrays only.

Notation: L is the relative factor, Λ = L Lᵀ, R_j the roots and P_j the heads of :class:`Blocks`, d rows each.
Per group W_j = I + R_j Λ R_jᵀ; over all groups M = rest + Σ P_jᵀ W_j⁻¹ P_j = T Tᵀ with T lower triangular. The
leading block of M is X'V⁻¹X, and the last entry of T squared is the profiled residual sum of squares.

All of these are sums over groups, taken slice by slice, so that what is computed on the way stays in the processor's
cache. Of more groups than one slice nothing is left behind, as it would be as large as the blocks themselves: to
compute it again where derivatives are wanted takes little longer than to fetch it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from reference.arrays import Floats
from reference.likelihood.blocks import Blocks
from reference.likelihood.surface import Derivatives, Leverage, Point, Surface, profiled_criterion

_SMALLEST_VARIANCE = 1e-4


@dataclass(frozen=True, eq=False)
class BlockPoint(Point):
    """The criterion at one ``factor``, (q, q), L; the leverage and the reach of the groups if these are one slice."""

    factor: Floats
    blocks: Blocks
    gains: tuple[Floats, Floats] | None

    @property
    def pull(self) -> Floats:
        """Z_jᵀ V_j⁻¹ (y_j - X_j beta), (J, q); Λ times it is the conditional mode of a group."""
        pull, start = np.empty((self.blocks.n_groups, self.blocks.n_random)), 0
        for part in self.slices():
            stop = start + len(part[1])
            pull[start:stop] = part[1][:, :, -1]
            start = stop
            del part
        pull *= np.sqrt(self.residual_sum)
        return pull

    def slices(self) -> Iterator[tuple[Floats, Floats]]:
        """Yield the leverage and the reach, a slice of groups at a time."""
        if self.gains is not None:
            yield self.gains
            return
        for rows in self.blocks.slices():
            yield _gains(_whiten(self.factor, rows)[1], self.inverse)

    def derivatives(self, factor: Floats, directions: Floats) -> Derivatives:
        """Return the exact derivatives of the criterion at a factor along directions (k, q, q).

        Notes
        -----
        By the chain rule through Λ = L Lᵀ: along directions a and b, Λ moves by D_a = E_a Lᵀ + L E_aᵀ and bends
        by D_ab = E_a E_bᵀ + E_b E_aᵀ. With A_j the leverage and C_j the reach of a group, log det W_j moves by
        tr(D_a A_j), A_j by -A_j D_a A_j, and T⁻¹ M T⁻ᵀ by F_a = -Σ C_jᵀ D_a C_j. The criterion is
        Σ log det W_j + Σ_i w_i log (T_ii)² up to constants, where w is the denominator for the last column (the
        residual) and, for the others, 1 under REML and 0 under ML.
        """
        k, q = directions.shape[:2]
        width = len(self.inverse)
        moved = directions @ factor.T
        moved = (moved + moved.swapaxes(1, 2)).reshape(k, q * q)
        stacked = directions.reshape(k * q, q)
        bent = (stacked @ stacked.T).reshape(k, q, k, q).transpose(0, 2, 1, 3).reshape(k, k, q * q)

        weights, pairs = self.weights()
        crossed, gap, coupled = _sums(self, weights)
        change = -moved @ crossed
        hessian = 2.0 * bent @ gap + moved @ coupled @ moved.T - (change * pairs.ravel()) @ change.T
        change = change.reshape(k, width, width)
        return Derivatives(moved @ gap, (hessian + hessian.T) / 2.0, change[:, -1, -1], change[:, :-1, :-1])

    def modes(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the conditional modes, (J, q), of the one grouping factor."""
        return (self.pull @ (factor @ factor.T),)

    def conditional_covariance(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the covariance of a group's effects given the data, (J, q, q), over the residual variance."""
        spread = self.blocks.roots @ factor
        eye = np.eye(spread.shape[-1])
        whitened = np.linalg.solve(np.linalg.cholesky(eye + spread.swapaxes(1, 2) @ spread), eye) @ factor.T
        return (np.asarray(whitened.swapaxes(1, 2) @ whitened, dtype=np.float64),)

    def leverage(self, factor: Floats) -> Leverage:
        """Return the leverage, each group a cluster."""
        places = tuple(np.array([effect]) for effect in range(factor.shape[0]))
        effects, reach = map(np.concatenate, zip(*self.slices(), strict=True))
        (conditional,) = self.conditional_covariance(factor)
        return Leverage(places, effects, reach[:, :, :-1], factor @ factor.T, conditional)


def _gains(whitened: Floats, inverse: Floats) -> tuple[Floats, Floats]:
    """Return what the random effects of J groups take up of the columns, given C_j⁻¹ [R_j P_j] of each, and T⁻¹.

    The leverage R_jᵀ W_j⁻¹ R_j, (J, q, q), and the reach R_jᵀ W_j⁻¹ P_j T⁻ᵀ, (J, q, p + 1): the columns of ``[X y]``
    combined so that M becomes the identity.
    """
    q = whitened.shape[2] - len(inverse)
    products = whitened[:, :, :q].swapaxes(1, 2) @ whitened
    reach = products[:, :, q:].reshape(-1, len(inverse)) @ inverse.T
    products[:, :, q:] = reach.reshape(-1, q, len(inverse))
    return products[:, :, :q], products[:, :, q:]


@dataclass(frozen=True, eq=False)
class OneFactor(Surface):
    """The surface of a model whose random terms share one grouping factor: over blocks, one per group."""

    data: Blocks

    def profile(self, factor: Floats) -> BlockPoint:
        """Return the point at a factor."""
        logarithm, triangle, whitened = _eliminate(factor, self.data)
        inverse = np.asarray(np.linalg.inv(triangle), dtype=np.float64)
        criterion = float(profiled_criterion(logarithm, triangle, self.denominator, reml=self.reml))
        gains = None if whitened is None else _gains(whitened, inverse)
        return BlockPoint(criterion, inverse, self.denominator, self.reml, factor, self.data, gains)

    def criteria(self, factors: Floats) -> Floats:
        """Return the criterion at each of m factors (m, Q, Q), as (m,), all at once."""
        logarithm, triangle, _ = _eliminate(factors, self.data)
        return profiled_criterion(logarithm, triangle, self.denominator, reml=self.reml)

    def sample(self, most: int) -> OneFactor:
        """Return the surface of every so manieth group."""
        return self if self.cost <= most else replace(self, data=self.data.sample(most))

    def moment_factor(self) -> Floats | None:
        """Return, for one term, a factor of the covariance that one scoring step gives from the factor 1/2."""
        if len(self.sizes) > 1:
            return None
        q = self.data.n_random
        start = 0.25 * np.eye(q)
        point = self.profile(np.sqrt(start))
        score, products = np.zeros((q, q)), np.zeros((q * q, q * q))
        for leverage, reach in point.slices():
            # The pull over sigma.
            pull = reach[:, :, -1] * np.sqrt(point.denominator)
            flat = leverage.reshape(-1, q * q)
            score += pull.T @ pull - leverage.sum(axis=0)
            products += flat.T @ flat
        information = products.reshape(q, q, q, q).transpose(0, 2, 1, 3).reshape(q * q, q * q)
        move = np.linalg.lstsq(information, score.ravel(), rcond=None)[0].reshape(q, q)
        values, vectors = np.linalg.eigh(start + (move + move.T) / 2.0)
        factor: Floats = vectors * np.sqrt(np.maximum(values, _SMALLEST_VARIANCE))
        return factor


def _sums(point: BlockPoint, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return what the derivatives need of all groups: products of the reach, of the leverage, and the first's gap.

    As (q², (p + 1)²), (q², q²) and (q²,), pairs of effects being the rows.
    """
    width, q = weights.size, len(point.factor)
    crossed, coupled, gap = np.zeros((q * width,) * 2), np.zeros((q * q,) * 2), np.zeros(q * q)
    for leverage, reach in point.slices():
        flat, leverage = reach.reshape(-1, q * width), leverage.reshape(-1, q * q)
        spent = ((reach * weights) @ reach.swapaxes(1, 2)).reshape(-1, q * q)
        crossed += flat.T @ flat
        coupled += leverage.T @ (2.0 * spent - leverage)
        gap += (leverage - spent).sum(axis=0)
        del flat, leverage, reach, spent
    crossed = crossed.reshape(q, width, q, width).transpose(0, 2, 1, 3).reshape(q * q, width * width)
    return crossed, gap, coupled.reshape(q, q, q, q).transpose(3, 0, 1, 2).reshape(q * q, q * q)


def _eliminate(factor: Floats, blocks: Blocks) -> tuple[Floats, Floats, Floats | None]:
    """Return Σ log det W_j, T, and C_j⁻¹ [R_j P_j] of few groups, for one factor or a stack of them."""
    p, q, whitened = blocks.n_fixed, blocks.n_random, None
    logarithm, products = np.zeros(factor.shape[:-2]), blocks.rest
    for rows in blocks.slices():
        lower, solved = _whiten(factor, rows)
        heads = solved[..., q:].reshape(*factor.shape[:-2], -1, p + 1)
        products = products + heads.swapaxes(-1, -2) @ heads
        logarithm = logarithm + 2.0 * np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum(axis=(-2, -1))
        whitened = solved if blocks.few else None
        # Let go of, as the next slice is computed before the names are taken again.
        del rows, lower, solved, heads
    return logarithm, _cholesky(products), whitened


def _whiten(factor: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Return the Cholesky factor C_j of each W_j, and C_j⁻¹ [R_j P_j], of rows ``[R_j P_j]``."""
    q, d = factor.shape[-1], rows.shape[1]
    # One product for all groups, and a transpose in memory of its own, are what BLAS is quick with.
    spread = (rows[:, :, :q].reshape(-1, q) @ factor).reshape(*factor.shape[:-2], -1, d, q)
    lower = _cholesky(np.eye(d) + spread @ np.ascontiguousarray(spread.swapaxes(-1, -2)))
    return lower, _substitute(lower, rows if factor.ndim == 2 else rows[None])


def _substitute(lower: Floats, rows: Floats) -> Floats:
    """Return the solution of lower · x = rows for stacks (..., J, d, d) and (..., J, d, k), row by row for all groups.

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
