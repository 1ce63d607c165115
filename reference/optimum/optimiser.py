"""The optimum of the profiled criterion: trust-region Newton in the factor, boundary included.

The criterion is even in each column of the factor, so a variance of zero is a stationary point of an
unconstrained problem. Before each step every block of the factor (one per random term) is turned to U·diag(s), s
descending, and only its lower triangle in that basis moves: there a second-order stationary point is a stationary
point over all covariance matrices, whatever their rank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference.arrays import Floats, block_slices, entry_pairs
from reference.errors import ConvergenceError
from reference.likelihood.surface import Derivatives, Point, Surface
from reference.optimum.starts import Start, choose_starts
from reference.optimum.trust_region import FLAT, descend

_MAX_ITERATIONS = 200
MAX_POLISH = 30
# Predicted gains, on the criterion's scale: close to an optimum, done with a descent, certified, nothing left.
NEAR = 1e-2
PROMISE = 1e-6
DECREMENT = 1e-10
POLISHED = 1e-22
# Curvature, relative to the largest: downhill beyond rounding.
DESCENDING = 1e-9
# Scales that may turn out to be zero, and how much higher the criterion may be when they are.
SNAP = 0.1
_NOISE = 1e-9
# Criteria of one and the same optimum, after two descents.
SAME_OPTIMUM = 2e-6
# A descent that promises to gain this much, and so to end this close to a known optimum, is not followed further.
MERGE = 0.1
SAME_PREDICTION = 1e-3
# A start this much above the lowest end is not followed (plus twice what the first start was above its own).
HOPELESS = 12.0


@dataclass(frozen=True)
class Descent:
    """The log of one start: how many steps it took, where it ended, and what a further step promised to gain."""

    start: str
    steps: int
    criterion: float
    promise: float


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where the criterion is lowest, or a place on the way there, in orthonormal units.

    The factor is ``rotation``, (Q, Q), times the diagonal of ``scales``, (Q,), block by block; in each block scales
    descend and are exactly zero beyond its rank. ``decrement`` is what a further Newton step promised to gain, on the
    criterion's scale. There is one log per start in ``descents``; ``chosen`` is the position of the one that won.
    ``gradient`` is the largest entry of the gradient along the directions that keep the ranks, and ``curvature`` the
    smallest eigenvalue of the Hessian along all directions, lost ones included: negative if the criterion fell there.
    """

    surface: Surface
    rotation: Floats
    scales: Floats
    point: Point
    decrement: float = float("inf")
    descents: tuple[Descent, ...] = ()
    chosen: int = 0
    gradient: float = float("nan")
    curvature: float = float("nan")

    @classmethod
    def at(cls, surface: Surface, factor: Floats) -> Optimum:
        """Return the place at a factor (Q, Q), from where the way begins."""
        rotation, scales = turn_factor(factor, surface.sizes)
        return cls(surface, rotation, scales, surface.profile(rotation * scales))

    @property
    def factor(self) -> Floats:
        """The (Q, Q) relative covariance factor, orthonormal units."""
        return self.rotation * self.scales

    @property
    def criterion(self) -> float:
        """The criterion there."""
        return self.point.criterion

    @property
    def directions(self) -> Floats:
        """The (k, Q, Q) directions in which the factor can move."""
        return factor_directions(self.rotation, self.surface.sizes, self.surface.sizes)

    def derivatives(self) -> Derivatives:
        """Return the derivatives along these."""
        return self.point.derivatives(self.factor, self.directions)

    def moved(self, move: Floats) -> Optimum:
        """Return where a step (k,) along these leads to."""
        trial = self.factor + combine(move, self.directions)
        return Optimum(self.surface, *turn_factor(trial, self.surface.sizes), self.surface.profile(trial))

    @property
    def ranks(self) -> tuple[int, ...]:
        """For each random term, the number of directions in which its effects vary."""
        return tuple(int(np.count_nonzero(self.scales[part])) for part in block_slices(self.surface.sizes))

    @property
    def rank(self) -> int:
        """The number of directions in which the random effects vary."""
        return int(np.count_nonzero(self.scales))

    @property
    def active_directions(self) -> Floats:
        """The (k, Q, Q) directions in which the factor can move at its ranks."""
        return factor_directions(self.rotation, self.surface.sizes, self.ranks)

    @property
    def active(self) -> Derivatives:
        """The derivatives along the active directions."""
        return self.point.derivatives(self.factor, self.active_directions)

    @property
    def agreeing(self) -> int:
        """How many starts led to this criterion."""
        ends = [descent.criterion - descent.promise for descent in self.descents]
        return sum(abs(end - self.criterion) <= SAME_PREDICTION for end in ends)


def turn_factor(factor: Floats, sizes: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return the rotation (..., Q, Q) and the scales (..., Q) of a factor or a stack of them, block by block."""
    if len(sizes) == 1:
        rotation, scales, _ = np.linalg.svd(factor)
        return rotation, scales
    rotation, scales = np.zeros_like(factor), np.zeros(factor.shape[:-1])
    for part in block_slices(sizes):
        rotation[..., part, part], scales[..., part], _ = np.linalg.svd(factor[..., part, part])
    return rotation, scales


def factor_directions(rotation: Floats, sizes: tuple[int, ...], ranks: tuple[int, ...]) -> Floats:
    """Return the directions in which a factor can move at the ranks given, (k, Q, Q)."""
    rows, columns = entry_pairs(sizes, ranks).T
    directions = np.zeros((rows.size, *rotation.shape))
    directions[np.arange(rows.size), :, columns] = rotation[:, rows].T
    return directions


def combine(weights: Floats, directions: Floats) -> Floats:
    """Return the sum of directions (k, Q, Q), weighted (k,)."""
    combined: Floats = (weights @ directions.reshape(weights.size, -1)).reshape(directions.shape[1:])
    return combined


def find_optimum(surface: Surface) -> Optimum:
    """Return the lowest optimum over all starts, its ranks settled, its digits polished, and certified.

    The starts are those of :func:`~reference.optimum.starts.choose_starts`, fewer where some are hopelessly high. A
    ConvergenceError says that the lowest end is not certified: a step could still gain, or the criterion falls in some
    direction.
    """
    starts = choose_starts(surface)
    ends = [_descend(starts[0], np.inf, surface)]
    ceiling = ends[0][0].criterion + HOPELESS + 2.0 * (starts[0].criterion - ends[0][0].criterion)
    for start in starts[1:]:
        if start.criterion <= ceiling:
            ends.append(_descend(start, min(end[0].criterion for end in ends), surface))
    descents = tuple(descent for descent, _ in ends)
    lowest = min(descent.criterion for descent in descents)
    chosen = next(k for k, descent in enumerate(descents) if descent.criterion <= lowest + SAME_OPTIMUM)
    best = _settle(ends[chosen][1])
    own = replace(descents[chosen], criterion=float(best.criterion), promise=best.decrement)
    return _certified(replace(best, descents=(*descents[:chosen], own, *descents[chosen + 1 :]), chosen=chosen))


def optimum_from(surface: Surface, factor: Floats) -> Optimum:
    """Return the optimum that the descent from one factor (Q, Q) leads to, settled, and certified as by `find_optimum`.

    For a surface close to one whose optimum is known; another start may lead lower.
    """
    descent, end = _descend(Start("given factor", factor, float(surface.profile(factor).criterion)), np.inf, surface)
    return _certified(replace(_settle(end), descents=(descent,)))


def _certified(optimum: Optimum) -> Optimum:
    sizes, everywhere = optimum.surface.sizes, optimum.derivatives()
    kept = np.array([optimum.scales[column] > 0 for _, column in entry_pairs(sizes, sizes)])
    curvature = np.linalg.eigvalsh(everywhere.hessian)
    if not (optimum.decrement <= DECREMENT and curvature[0] >= -DESCENDING * max(1.0, float(curvature[-1]))):
        raise ConvergenceError(
            f"the best of {len(optimum.descents)} starts stopped after {optimum.descents[optimum.chosen].steps} steps "
            "at a point that is not a certified optimum: the criterion could still fall by "
            f"{optimum.decrement:.1e}, and its smallest curvature is {curvature[0]:.1e}; look for a group or a row "
            "that differs wildly from the others, or fit a model with fewer random effects."
        )
    gradient = float(np.abs(everywhere.gradient[kept]).max(initial=0.0))
    return replace(optimum, gradient=gradient, curvature=float(curvature[0]))


def _descend(start: Start, known: float, surface: Surface, enough: float = PROMISE) -> tuple[Descent, Optimum]:
    """Follow one start down to where no more than ``enough`` is left to gain; return its log and the end.

    Where a scale shrinks towards zero, Newton's steps may close in by a constant factor only, so the boundary
    is tried at once. A descent about to reach the criterion of a known optimum ends there.
    """
    state, gain, untried = Optimum.at(surface, start.factor), np.inf, True
    for steps, here in enumerate(descend(state, max(1.0, float(state.scales.max())))):
        state, gain = here.state, here.predicted
        if gain <= enough or steps == _MAX_ITERATIONS or _heads_for(known, state.criterion, gain):
            break
        if gain <= NEAR and untried and state.scales.min() <= SNAP:
            untried = False
            cut = _cut(replace(state, decrement=gain), state.criterion, known)
            if cut is not None:
                return Descent(start.name, steps, cut.criterion, cut.decrement), cut
    return Descent(start.name, steps, state.criterion, gain), replace(state, decrement=gain)


def _heads_for(known: float, criterion: float, gain: float) -> bool:
    """Return whether the small gain promised leads to the criterion of an optimum already known."""
    return gain <= MERGE and abs(criterion - gain - known) <= SAME_PREDICTION


def _settle(end: Optimum) -> Optimum:
    """Return the polished optimum at the lowest ranks that cost nothing, curvature across them included."""
    if end.rank < end.scales.size and end.decrement <= DECREMENT and not _doubtful(end):
        # The descent has already done all of this.
        return end
    best = _cut(end, end.criterion + PROMISE)
    if best is None:
        best = _polish(end, end.scales > 0)
    if best.decrement > DECREMENT:
        # In a valley so flat that Newton's steps overshoot, those of a trust region lead on.
        start = Start("valley", best.factor, float(best.criterion))
        end = _descend(start, np.inf, best.surface, DECREMENT)[1]
        best = _polish(end, end.scales > 0)
    cut = _cut(best, best.criterion + _NOISE) if _doubtful(best) else None
    return best if cut is None else cut


def _doubtful(end: Optimum) -> bool:
    """Return whether a scale may turn out to be zero."""
    return bool(((end.scales > 0) & (end.scales <= SNAP)).any())


def _cut(near: Optimum, ceiling: float, known: float = np.inf) -> Optimum | None:
    """Return the optimum of the lowest rank near a factor whose last scales are negligible, if there is one.

    It must not lie above the ceiling, nor may the criterion fall when a lost direction returns.
    """
    order = np.argsort(near.scales, kind="stable")
    for lost in range(int(np.count_nonzero(near.scales <= SNAP)), 0, -1):
        kept = np.ones(near.scales.size, dtype=bool)
        kept[order[:lost]] = False
        cut = _polish(near, kept, known)
        curvature = np.linalg.eigvalsh(cut.derivatives().hessian)
        level = curvature[0] >= -DESCENDING * max(1.0, curvature[-1])
        arrived = cut.decrement <= DECREMENT or _heads_for(known, cut.criterion, cut.decrement)
        if cut.criterion <= ceiling and level and arrived:
            return cut
    return None


def _polish(near: Optimum, kept: Any, known: float = np.inf) -> Optimum:
    """Take plain Newton steps at fixed ranks until the gain they promise stops falling.

    Or, as in a descent, until they are about to reach a known optimum.
    """
    surface, sizes = near.surface, near.surface.sizes
    ranks = tuple(int(np.count_nonzero(kept[part])) for part in block_slices(sizes))
    within = np.concatenate([np.arange(size) < rank for size, rank in zip(sizes, ranks, strict=True)])
    rotation, scales = near.rotation, np.where(within, near.scales, 0.0)
    point = surface.profile(rotation * scales)
    best = Optimum(surface, rotation, scales, point, np.inf if any(ranks) else 0.0)
    for _ in range(MAX_POLISH if any(ranks) else 0):
        directions = factor_directions(rotation, sizes, ranks)
        local = point.derivatives(rotation * scales, directions)
        values, vectors = np.linalg.eigh(local.hessian)
        slope = vectors.T @ local.gradient
        usable = np.abs(values) > FLAT * max(1.0, values[-1])
        newton = np.where(usable, slope / np.where(usable, values, 1.0), 0.0)
        gain = 0.5 * float(np.abs(slope) @ np.abs(newton))
        if gain >= best.decrement:
            break
        best = Optimum(surface, rotation, scales, point, gain)
        if gain <= POLISHED or _heads_for(known, point.criterion, gain):
            break
        rotation, scales = turn_factor(rotation * scales - combine(vectors @ newton, directions), sizes)
        scales = np.where(within, scales, 0.0)
        point = surface.profile(rotation * scales)
    return best
