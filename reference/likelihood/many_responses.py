"""The criterion of one design for many responses, each at a factor of its own, with exact derivatives. Arrays only.

The mathematics is that of :mod:`~reference.likelihood.one_factor`. Here a response has a lane, and groups come last in
every array, so that numpy works along them; only what depends on the response or on its factor is kept by lane. A
factor is U diag(s), and the directions in which it moves are U e_i e_jᵀ: in the basis U Λ then moves by
s_j (e_i e_jᵀ + e_j e_iᵀ), and no products with directions are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.arrays import Floats, Integers
from reference.likelihood.surface import profiled_criterion, profiled_weights


@dataclass(frozen=True, eq=False)
class Lanes:
    """L places on the surfaces of responses: the criterion, and its derivatives along the k directions U e_i e_jᵀ.

    ``response``, (L,), says which response by its position; ``rotation``, (L, Q, Q), and ``scales``, (L, Q), are the
    factor. ``criterion``, (L,), ``gradient``, (L, k), and ``hessian``, (L, k, k), are those of the -2 log-likelihood
    (ML) or its REML counterpart; nan where it cannot be computed. ``inverse``, (L, p + 1, p + 1), is T⁻¹ of
    :class:`~reference.likelihood.surface.Point`.
    """

    response: Integers
    rotation: Floats
    scales: Floats
    criterion: Floats
    gradient: Floats
    hessian: Floats
    inverse: Floats

    def __getitem__(self, which: Any) -> Lanes:
        """Return some of the lanes."""
        return Lanes(*(values[which] for values in vars(self).values()))

    def put(self, which: Integers, other: Lanes) -> None:
        """Put other lanes in the place of some of these."""
        for own, new in zip(vars(self).values(), vars(other).values(), strict=True):
            own[which] = new


@dataclass(frozen=True, eq=False)
class ManyResponses:
    """What :class:`~reference.likelihood.blocks.Blocks` are of one response, of m responses of one design.

    Of the rows kept ``roots``, (d, Q, J), are R_j, ``heads``, (d, p, J), the part of X in the span of Z_j, and
    ``responses``, (m, d, J), that of y; ``rest``, (m, p + 1, p + 1), are cross-products of what is left. ``sizes`` are
    the orders of the blocks of a factor, ``pairs``, (k, 2), the (i, j) of the directions; ``denominator`` is n under
    ML, n - p under REML.
    """

    roots: Floats
    heads: Floats
    responses: Floats
    rest: Floats
    sizes: tuple[int, ...]
    denominator: int
    reml: bool
    pairs: Integers

    def criteria(self, factors: Floats) -> Floats:
        """Return the criterion of every response at each of f factors (f, Q, Q), as (m, f)."""
        depth, p, n_groups = self.heads.shape
        right = np.concatenate([self.heads.transpose(2, 0, 1), self.responses.transpose(2, 1, 0)], axis=2)
        found = np.empty((len(self.responses), len(factors)))
        fixed, cross, squares = self.rest[0, :-1, :-1], self.rest[:, :-1, -1].T, self.rest[:, -1, -1]
        for column, factor in enumerate(factors):
            spread = self.roots.transpose(2, 0, 1) @ factor
            lower = np.linalg.cholesky(np.eye(depth) + spread @ spread.swapaxes(1, 2))
            solved = (np.linalg.inv(lower) @ right).reshape(n_groups * depth, -1)
            x, y = solved[:, :p], solved[:, p:]
            triangle = np.linalg.cholesky(fixed + x.T @ x)
            explained = np.linalg.solve(triangle, cross + x.T @ y)
            rest = squares + np.einsum("im,im->m", y, y) - np.einsum("pm,pm->m", explained, explained)
            pivots = np.log(np.diagonal(triangle)).sum() if self.reml else 0.0
            logarithm = 2.0 * (np.log(np.diagonal(lower, axis1=1, axis2=2)).sum() + pivots)
            found[:, column] = logarithm + self.denominator * np.log(rest)
        found += self.denominator * (1.0 + np.log(2.0 * np.pi / self.denominator))
        return found

    def at(self, response: Integers, rotation: Floats, scales: Floats) -> Lanes:
        """Return the lanes of some responses (L,) at factors rotation (L, Q, Q) · diag(scales), (L, Q)."""
        logarithm, rows = self._whitened(response, rotation, scales)
        q, width = scales.shape[1], self.rest.shape[1]
        heads = rows[:, :, q:]
        triangle = _cholesky(self.rest[response] + (heads @ heads.swapaxes(2, 3)).sum(axis=0))
        inverse = _inverse(triangle)
        products = np.einsum("dlij,dlcj->licj", rows[:, :, :q], rows)
        leverage, reach = products[:, :, :q], inverse[:, None] @ products[:, :, q:]
        criterion = profiled_criterion(logarithm, triangle, self.denominator, reml=self.reml)
        weights, pairs = profiled_weights(width, self.denominator, reml=self.reml)
        counted = reach[:, :, weights > 0]
        spent = np.einsum("livj,lkvj->likj", counted * weights[weights > 0, None], counted)
        flat = reach.reshape(len(response), q * width, -1)
        crossed = (flat @ flat.swapaxes(1, 2)).reshape(-1, q, width, q, width).swapaxes(2, 3)
        shape = (len(response), q * q, -1)
        coupled = leverage.reshape(shape) @ (2.0 * spent - leverage).reshape(shape).swapaxes(1, 2)
        gap = (leverage - spent).sum(axis=3)
        gradient, hessian = self._derivatives(scales, crossed, coupled.reshape(-1, q, q, q, q), gap, pairs)
        return Lanes(response, rotation, scales, criterion, gradient, hessian, inverse)

    def _whitened(self, response: Integers, rotation: Floats, scales: Floats) -> tuple[Floats, Floats]:
        """Return Σ log det W_j, (L,), and C_j⁻¹ [R_j U, P_j], (d, L, Q + p + 1, J)."""
        turned = rotation.swapaxes(1, 2) @ self.roots[:, None]
        depth, lanes, q, n_groups = turned.shape
        rows = np.empty((depth, lanes, q + self.rest.shape[1], n_groups))
        rows[:, :, :q], rows[:, :, q:-1] = turned, self.heads[:, None]
        rows[:, :, -1] = self.responses[response].swapaxes(0, 1)
        spread = turned * scales[:, :, None]
        lower = np.empty((depth, depth, lanes, n_groups))
        for i in range(depth):
            for k in range(i + 1):
                entry = (spread[i] * spread[k]).sum(axis=1) + (i == k) - (lower[i, :k] * lower[k, :k]).sum(axis=0)
                lower[i, k] = np.sqrt(entry) if i == k else entry / lower[k, k]
                if k < i:
                    rows[i] -= lower[i, k, :, None] * rows[k]
            rows[i] /= lower[i, i, :, None]
        pivots = np.prod([lower[i, i] for i in range(depth)], axis=0)
        return 2.0 * np.log(pivots).sum(axis=1), rows

    def _derivatives(
        self, scales: Floats, crossed: Floats, coupled: Floats, gap: Floats, pairs: Floats
    ) -> tuple[Floats, Floats]:
        """Return gradient and Hessian, given the sums over groups of one_factor's derivatives, in the basis U."""
        i, j = self.pairs.T
        k, m, own = i[None], j[None], scales[:, j]
        i, j = i[:, None], j[:, None]
        of_pairs = coupled[:, j, k, m, i] + coupled[:, j, m, k, i] + coupled[:, i, k, m, j] + coupled[:, i, m, k, j]
        change = crossed[:, i[:, 0], j[:, 0]]
        change = (change + change.swapaxes(2, 3)) * own[:, :, None, None]
        flat = change.reshape(*change.shape[:2], -1)
        hessian = 2.0 * gap[:, i, k] * (j == m) + of_pairs * own[:, :, None] * own[:, None]
        hessian -= (flat * pairs.ravel()) @ flat.swapaxes(1, 2)
        return 2.0 * own * gap[:, i[:, 0], j[:, 0]], (hessian + hessian.swapaxes(1, 2)) / 2.0


def _cholesky(matrices: Floats) -> Floats:
    """Return the Cholesky factors of matrices (L, w, w), all lanes at once; nan where there is none."""
    lower = np.zeros_like(matrices)
    for k in range(matrices.shape[1]):
        column = matrices[:, k:, k] - np.einsum("lik,lk->li", lower[:, k:, :k], lower[:, k, :k])
        lower[:, k:, k] = column / np.sqrt(column[:, :1])
    return lower


def _inverse(lower: Floats) -> Floats:
    """Return the inverses of triangular matrices (L, w, w), all lanes at once."""
    inverse = np.zeros_like(lower)
    for i in range(lower.shape[1]):
        inverse[:, i] = -np.einsum("lk,lkj->lj", lower[:, i, :i], inverse[:, :i])
        inverse[:, i, i] += 1.0
        inverse[:, i] /= lower[:, i, i, None]
    return inverse
