"""The surface of a model with several grouping factors, nested or crossed, with its exact gradient and Hessian.

These take one pass forwards, and one backwards. The notation is that of :mod:`reference.likelihood.front_elimination`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.arrays import Floats
from reference.likelihood.front_elimination import (
    FrontGains,
    Reduced,
    front_covariance,
    front_gains,
    front_modes,
    leaf_gains,
    on_each,
    reduce_fronts,
    spent_part,
)
from reference.likelihood.fronts import Batch, Fronts, join_columns
from reference.likelihood.surface import Derivatives, Point, Surface, profiled_criterion


@dataclass(frozen=True, eq=False)
class _Moves:
    """The directions that move one factor: their numbers (w,), themselves (w, q, q), and D_a (w, q, q)."""

    ways: list[int]
    directions: Floats
    moved: Floats

    @classmethod
    def of(cls, relative: Floats, directions: Floats) -> _Moves:
        ways = np.flatnonzero(directions.any(axis=(1, 2)))
        moved = directions[ways] @ relative.T
        return cls(ways.tolist(), directions[ways], moved + moved.swapaxes(1, 2))


def _move_forward(
    reduced: Reduced, moves: list[_Moves], fronts: Fronts
) -> tuple[list[tuple[Floats, Floats]], list[list[FrontGains]], list[dict[int, Floats]]]:
    """Return the gains of the leaves and of each stage, and its storage differentiated along what moves it."""
    leaves = [leaf_gains(whitened) for whitened in reduced.whitened]
    tangents = [{way: np.zeros_like(fronts.storage[0]) for way in moves[0].ways}]
    for leaf, (_, pull) in zip(fronts.leaves, leaves, strict=True):
        for way, moved in zip(moves[0].ways, moves[0].moved, strict=True):
            leaf.batch.add(tangents[0][way], -join_columns(pull).swapaxes(1, 2) @ join_columns(moved @ pull))
    gains: list[list[FrontGains]] = []
    for stage, (batches, move) in enumerate(zip(fronts.batches, moves[1:], strict=True)):
        ways = sorted({*tangents[stage], *move.ways})
        tangents.append({way: np.zeros_like(fronts.storage[stage + 1]) for way in ways})
        gains.append([front_gains(*pair, reduced, stage) for pair in zip(batches, reduced.lowers[stage], strict=True)])
        for batch, gain in zip(batches, gains[-1], strict=True):
            own = batch.own.shape[1]
            for way, flat in tangents[stage].items():
                front = batch.front(flat)
                across = front[:, own:, :own] @ gain.reach
                met = gain.reach.swapaxes(1, 2) @ front[:, :own, :own] @ gain.reach
                batch.add(tangents[-1][way], front[:, own:, own:] + across + across.swapaxes(1, 2) + met)
            for way, moved in zip(move.ways, move.moved, strict=True):
                batch.add(tangents[-1][way], -gain.pull.swapaxes(1, 2) @ on_each(moved, gain.pull))
    return leaves, gains, tangents


def _curve(move: _Moves, leverage: Floats, spent: Floats, gap: Floats, gradient: Floats, hessian: Floats) -> None:
    """Add what directions of the factor eliminated contribute, alone and with each other.

    Blocks A and V Φ Vᵀ (..., q, q) of every pair of levels of a component, and the sum ``gap`` of A - V Φ Vᵀ over
    single levels. The criterion moves by tr(D_a gap) and bends by tr(D_ab gap) + Σ tr(D_a A D_b (2 V Φ Vᵀ - A)).
    """
    q, count = gap.shape[0], len(move.ways)
    gradient[move.ways] += np.einsum("aij,ij->a", move.moved, gap)
    coupled = leverage.reshape(-1, q * q).T @ (2.0 * spent - leverage).reshape(-1, q * q)
    coupled = coupled.reshape(q, q, q, q).transpose(2, 0, 1, 3).reshape(q * q, q * q)
    moved, directions = move.moved.reshape(count, q * q), move.directions.reshape(count, q * q)
    bent = 2.0 * directions @ (gap @ move.directions).reshape(count, q * q).T
    hessian[np.ix_(move.ways, move.ways)] += bent + moved @ coupled @ moved.T


def _curve_front(
    batch: Batch,
    gain: FrontGains,
    phi: Floats,
    move: _Moves,
    tangents: dict[int, Floats],
    gradient: Floats,
    hessian: Floats,
) -> None:
    """Add what a batch of fronts contributes to the gradient and the Hessian.

    With X_a the own rows of dS_a [K; I], two directions of factors eliminated before add
    -tr(B dG_a B dG_b) - 2 tr(Φ X_aᵀ B X_b), and one of these with one of the front's own adds
    tr(D_b (N dG_a Nᵀ - 2 N X_a Φ Vᵀ)).
    """
    q, (count, own) = gain.prior.shape[0], batch.own.shape
    spread = gain.pull @ phi
    if move.ways:
        shape = (count, own // q, q, own // q, q)
        leverage = gain.leverage.reshape(shape).transpose(0, 1, 3, 2, 4)
        spent = (spread @ gain.pull.swapaxes(1, 2)).reshape(shape).transpose(0, 1, 3, 2, 4)
        gap = np.einsum("ussij->ij", leverage - spent)
        _curve(move, leverage, spent, gap, gradient, hessian)
    early = list(tangents)
    shrunk, turned, reached, bowed = [], [], [], []
    for way, flat in tangents.items():
        front = batch.front(flat)[:, :own]
        inner = gain.shrink @ front[:, :, :own]
        met = front[:, :, :own] @ gain.reach + front[:, :, own:]
        outer = gain.shrink @ met
        mixed = _by_level(inner, gain.shrink, q) - 2.0 * _by_level(outer, spread, q)
        crossed = np.einsum("bij,ij->b", move.moved, mixed)
        hessian[way, move.ways] += crossed
        hessian[move.ways, way] += crossed
        # B = Λ N, block by block.
        shrunk.append(on_each(gain.prior, inner).ravel())
        turned.append(on_each(gain.prior, inner).swapaxes(1, 2).ravel())
        reached.append((met @ phi).ravel())
        bowed.append(on_each(gain.prior, outer).ravel())
    if early:
        bends = np.array(shrunk) @ np.array(turned).T + 2.0 * np.array(reached) @ np.array(bowed).T
        hessian[np.ix_(early, early)] -= bends


def _by_level(left: Floats, right: Floats, q: int) -> Floats:
    """Return the sum over levels of left · rightᵀ, (q, q), from rows (U, s q, k) of both."""
    shape = (left.shape[0], -1, q, left.shape[2])
    ours, theirs = (part.reshape(shape).transpose(2, 0, 1, 3).reshape(q, -1) for part in (left, right))
    return np.asarray(ours @ theirs.T, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class FrontPoint(Point):
    """A point of :class:`ManyFactors`."""

    surface: ManyFactors

    def derivatives(self, factor: Floats, directions: Floats) -> Derivatives:
        """Return the exact derivatives of the criterion at a factor along block-diagonal directions (k, Q, Q).

        Notes
        -----
        With D_a the first derivative of Λ, a front hands on [K; I]ᵀ dS_a [K; I] - Vᵀ D_a V. What the way back adds to
        gradient and Hessian is in :func:`_curve` and :func:`_curve_front`. At the end F_a = T⁻¹ dM_a T⁻ᵀ is what it is
        in :meth:`~reference.likelihood.one_factor.BlockPoint.derivatives`.
        """
        ordered, fronts = self.surface.ordered, self.surface.data
        reduced, width = reduce_fronts(ordered(factor), fronts), fronts.n_fixed + 1
        moves = [
            _Moves.of(block, ways)
            for block, ways in zip(reduced.factors, fronts.split(ordered(directions)), strict=True)
        ]
        leaves, gains, tangents = _move_forward(reduced, moves, fronts)
        inverse = np.linalg.inv(reduced.triangle)
        change = np.zeros((len(directions), width, width))
        for way, flat in tangents[-1].items():
            change[way] = inverse @ flat.reshape(width, width) @ inverse.T
        weights, pairs = self.weights()
        gradient, hessian = np.zeros(len(directions)), -np.einsum("aij,bij->ab", change * pairs, change)
        adjoint = ((inverse.T * weights) @ inverse).ravel()
        for stage in reversed(range(len(fronts.batches))):
            below = np.zeros_like(fronts.storage[stage])
            for batch, gain in zip(fronts.batches[stage], gains[stage], strict=True):
                phi = batch.gather(adjoint)
                batch.front(below)[:] = gain.adjoint(phi)
                _curve_front(batch, gain, phi, moves[stage + 1], tangents[stage], gradient, hessian)
            adjoint = below
        for leaf, (leverage, pull) in zip(fronts.leaves, leaves, strict=True):
            spent = spent_part(pull, leaf.batch.gather(adjoint))
            _curve(moves[0], leverage, spent, (leverage - spent).sum(axis=(0, 1)), gradient, hessian)
        return Derivatives(gradient, (hessian + hessian.T) / 2.0, change[:, -1, -1], change[:, :-1, :-1])

    def modes(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the conditional modes of each grouping factor's effects, (J, q)."""
        return front_modes(self.surface.ordered(factor), self.surface.data, self.beta)

    def conditional_covariance(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the covariance of each factor's effects given the data, (J, q, q), over the residual variance."""
        return front_covariance(self.surface.ordered(factor), self.surface.data)

    def leverage(self, factor: Floats) -> None:
        """Return None: all effects hang together, and their products take the rows."""


@dataclass(frozen=True, eq=False)
class ManyFactors(Surface):
    """A surface over fronts; which groups hang together is not kept by a sample of them, and no moments are estimated.

    ``order`` has the rows of a factor, terms of one grouping factor side by side.
    """

    data: Fronts
    order: tuple[int, ...]

    def ordered(self, matrices: Floats) -> Floats:
        """Return matrices (..., Q, Q), terms of one grouping factor side by side."""
        order = list(self.order)
        return matrices[..., order, :][..., order]

    def profile(self, factor: Floats) -> FrontPoint:
        """Return the point at a factor."""
        reduced, denominator = reduce_fronts(self.ordered(factor), self.data), self.denominator
        criterion = profiled_criterion(reduced.log_determinant, reduced.triangle, denominator, reml=self.reml)
        inverse = np.tril(np.linalg.inv(reduced.triangle)).astype(np.float64)
        return FrontPoint(float(criterion), inverse, denominator, self.reml, self)
