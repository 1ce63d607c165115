"""The elimination of several grouping factors, nested or crossed, from which their criterion follows. Arrays only.

The factors are eliminated one after the other, the one with the most levels first: given the others its levels are
independent. What is left of each *component* (at first the levels; then whatever levels of the next factor they tie
together) is a small dense matrix over the later levels it touches and [X y], its *front*, handed on to the one
component of the next factor that contains it. Nested factors keep every component small, so that the cost is linear in
the number of levels; crossed ones end in one dense front of the order of all but the largest factor. This is the
multifrontal form of a sparse Cholesky factorisation, with components of similar size batched: the elimination tree of a
mixed model is no deeper than its factors are many, so numpy on stacks of matrices does what CHOLMOD would, its
derivatives need dense products anyway, and no compiled dependency is added. The price is that a dense remainder is
refused beyond 6,000 effects.

Notation, per component: its front S = [[G, H], [Hᵀ, E]], own effects first; Λ = L Lᵀ repeated for each own level. Then
B = L (I + LᵀGL)⁻¹ Lᵀ is the covariance of its effects given the rest, N = I - G B, the leverage A = N G, the pull
V = N H, the reach K = -B H, and E - HᵀBH is handed on. At the first factor A = RᵀW⁻¹R and V = RᵀW⁻¹P come from the
root R and the heads P of each level, W = I + R Λ Rᵀ, so that only sums of squares are added.

Derivatives run forwards through the stages to first order, one tangent per direction; an adjoint Φ of every front
then runs backwards, and picks up the gradient and the Hessian.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from reference.arrays import Floats
from reference.likelihood.fronts import Batch, Fronts, join_columns


def front_modes(factor: Floats, fronts: Fronts, beta: Floats) -> tuple[Floats, ...]:
    """Return the conditional modes of the effects of each grouping factor, (J_f, q_f), given the best beta (p,)."""
    reduced, offsets = reduce_fronts(factor, fronts), fronts.offsets
    values = np.concatenate([np.zeros(offsets[-1]), beta, [-1.0, 0.0]])
    for stage in reversed(range(len(fronts.batches))):
        for batch, lower in zip(fronts.batches[stage], reduced.lowers[stage], strict=True):
            reach = front_gains(batch, lower, reduced, stage).reach
            values[batch.own] = (reach @ values[batch.out][:, :, None])[:, :, 0]
            values[-1] = 0.0
    relative, q = reduced.factors[0], fronts.sizes[fronts.order[0]]
    modes = [values[start:stop] for start, stop in pairwise(offsets)]
    first = np.zeros((fronts.n_levels[fronts.order[0]] + 1, q))
    for leaf, whitened in zip(fronts.leaves, reduced.whitened, strict=True):
        _, pull = leaf_gains(whitened)
        first[leaf.levels] = -(pull @ values[leaf.batch.out][:, None, :, None])[..., 0] @ relative @ relative.T
    modes[0] = first[:-1]
    return tuple(modes[fronts.order.index(f)].reshape(-1, fronts.sizes[f]) for f in range(len(fronts.sizes)))


def front_covariance(factor: Floats, fronts: Fronts) -> tuple[Floats, ...]:
    """Return the covariance of each level's effects given the data and beta, over the residual variance.

    The diagonal blocks (J_f, q_f, q_f) of Λ^½ (Λ^½ᵀ Z'Z Λ^½ + I)⁻¹ Λ^½ᵀ for each grouping factor; times the residual
    variance they are lme4's ``condVar``.
    """
    reduced = reduce_fronts(factor, fronts)
    found = [np.zeros((fronts.n_levels[f] + 1, fronts.sizes[f], fronts.sizes[f])) for f in fronts.order]
    adjoint = np.zeros_like(fronts.storage[-1])
    for stage in reversed(range(len(fronts.batches))):
        below, q = np.zeros_like(fronts.storage[stage]), fronts.sizes[fronts.order[stage + 1]]
        for batch, lower in zip(fronts.batches[stage], reduced.lowers[stage], strict=True):
            front = batch.front(below)
            front[:] = front_gains(batch, lower, reduced, stage).adjoint(batch.gather(adjoint))
            count, own = batch.own.shape
            blocks = front[:, :own, :own].reshape(count, own // q, q, own // q, q)
            levels = np.minimum((batch.own[:, ::q] - fronts.offsets[stage + 1]) // q, len(found[stage + 1]) - 1)
            found[stage + 1][levels] = np.diagonal(blocks, axis1=1, axis2=3).transpose(0, 3, 1, 2)
        adjoint = below
    relative = reduced.factors[0]
    reach, eye = relative @ relative.T, np.eye(len(relative))
    for leaf, whitened in zip(fronts.leaves, reduced.whitened, strict=True):
        spread = leaf.rows[..., : len(relative)] @ relative
        prior = relative @ np.linalg.inv(eye + spread.swapaxes(-1, -2) @ spread) @ relative.T
        pull = leaf_gains(whitened)[1]
        found[0][leaf.levels] = prior + reach @ spent_part(pull, leaf.batch.gather(adjoint)) @ reach
    return tuple(found[fronts.order.index(f)][:-1] for f in range(len(fronts.sizes)))


@dataclass(frozen=True, eq=False)
class Reduced:
    """One evaluation: blocks of the factor, log det I + Λ½ᵀZ'ZΛ½, T, and per stage what derivatives are made of."""

    factors: list[Floats]
    log_determinant: float
    triangle: Floats
    whitened: list[Floats]
    lowers: list[list[Floats]]
    storage: list[Floats]


def reduce_fronts(factor: Floats, fronts: Fronts) -> Reduced:
    """Eliminate one grouping factor after the other.

    ``factor`` (Q, Q) has one block L_f per grouping factor, in the order given to :func:`build_fronts`; the effects of
    a level of factor f have covariance sigma² · L_f · L_fᵀ.
    """
    factors, storage = fronts.split(factor), [start.copy() for start in fronts.storage]
    whitened: list[Floats] = []
    lowers: list[list[Floats]] = []
    q, total = len(factors[0]), 0.0
    for leaf in fronts.leaves:
        spread = leaf.rows[..., :q] @ factors[0]
        lower: Any = np.linalg.cholesky(np.eye(q) + spread @ spread.swapaxes(-1, -2))
        whitened.append(np.linalg.solve(lower, leaf.rows))
        half = join_columns(whitened[-1][..., q:])
        leaf.batch.add(storage[0], half.swapaxes(1, 2) @ half)
        total += _log_pivots(lower)
    for stage, (batches, relative) in enumerate(zip(fronts.batches, factors[1:], strict=True)):
        lowers.append([])
        for batch in batches:
            own, front = batch.own.shape[1], batch.front(storage[stage])
            spread = on_each(relative.T, front[:, :own])
            middle = on_each(relative.T, spread[:, :, :own].swapaxes(1, 2))
            lower = np.linalg.cholesky(np.eye(own) + middle)
            half = np.linalg.solve(lower, spread[:, :, own:])
            batch.add(storage[stage + 1], front[:, own:, own:] - half.swapaxes(1, 2) @ half)
            lowers[-1].append(lower)
            total += _log_pivots(lower)
    width = fronts.n_fixed + 1
    triangle: Any = np.linalg.cholesky(storage[-1].reshape(width, width))
    return Reduced(factors, total, triangle, whitened, lowers, storage)


def _log_pivots(lower: Any) -> float:
    return 2.0 * float(np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum())


def on_each(small: Floats, stacked: Floats) -> Floats:
    """Return (I ⊗ small) times each matrix of a stack: ``small`` (q, q) on each q rows."""
    rows = stacked.reshape(*stacked.shape[:-2], -1, small.shape[0], stacked.shape[-1])
    return np.asarray((small @ rows).reshape(stacked.shape), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class FrontGains:
    """B, N, A, V and K of a batch; see the notation of this module."""

    covariance: Floats
    shrink: Floats
    leverage: Floats
    pull: Floats
    reach: Floats
    prior: Floats

    def adjoint(self, phi: Floats) -> Floats:
        """Return the adjoint of the fronts, given that (U, r, r) of what they hand on."""
        across = self.reach @ phi
        own = self.covariance + across @ self.reach.swapaxes(1, 2)
        return np.block([[own, across], [across.swapaxes(1, 2), phi]])


def front_gains(batch: Batch, lower: Floats, reduced: Reduced, stage: int) -> FrontGains:
    """Return the gains of a batch of fronts, given the Cholesky factors (U, o, o) of its eliminated blocks."""
    relative, own, front = reduced.factors[stage + 1], batch.own.shape[1], batch.front(reduced.storage[stage])
    half = np.linalg.solve(lower, on_each(relative.T, np.broadcast_to(np.eye(own), lower.shape)))
    covariance = half.swapaxes(1, 2) @ half
    inner, outer = front[:, :own, :own], front[:, :own, own:]
    shrink = np.eye(own) - inner @ covariance
    reach = -covariance @ outer
    return FrontGains(covariance, shrink, shrink @ inner, outer + inner @ reach, reach, relative @ relative.T)


def leaf_gains(whitened: Floats) -> tuple[Floats, Floats]:
    """Return A (U, c, q, q) and V (U, c, q, r)."""
    q = whitened.shape[2]
    products = whitened[..., :q].swapaxes(-1, -2) @ whitened
    return products[..., :q], products[..., q:]


def spent_part(pull: Floats, phi: Floats) -> Floats:
    """Return V Φ Vᵀ of each level (U, c, q, q), from V (U, c, q, r) and Φ (U, r, r)."""
    weighted = (join_columns(pull) @ phi).reshape(pull.shape)
    return np.asarray(weighted @ pull.swapaxes(-1, -2), dtype=np.float64)
