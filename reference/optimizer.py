"""The optimum of the profiled criterion: trust-region Newton in the factor, boundary included.

The criterion is even in each column of the factor, so a variance of zero is a stationary point of an
unconstrained problem. Before each step the factor is turned to U·diag(s), s descending, and only its lower
triangle in that basis moves: there a second-order stationary point is a stationary point over all covariance
matrices, whatever its rank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from reference.design import Blocks
from reference.errors import ConvergenceError
from reference.likelihood import Derivatives, Profile, derivatives, profile
from reference.panel import Floats
from reference.starts import Start, choose_starts

_MAX_ITERATIONS = 200
_MAX_POLISH = 30
_MAX_SECULAR = 30
# A step is taken when it gains this share of what was predicted.
_ACCEPT = 1e-4
# Predicted gains, on the criterion's scale: close to an optimum, done with a descent, certified, nothing left.
_NEAR = 1e-2
_PROMISE = 1e-6
_DECREMENT = 1e-10
_NOTHING = 1e-22
# Curvature, relative to the largest: none, and downhill beyond rounding.
_FLAT = 1e-11
_DESCENDING = 1e-9
# Scales that may turn out to be zero, and how much higher the criterion may be when they are.
_SNAP = 0.1
_NOISE = 1e-9
# Criteria of one and the same optimum, after two descents.
_SAME_OPTIMUM = 2e-6
# A descent that promises to gain this much, and so to end this close to a known optimum, is not followed further.
_MERGE = 0.1
_SAME_PREDICTION = 1e-3
# A start this much above the lowest end is not followed (plus twice what the first start was above its own).
_HOPELESS = 12.0


@dataclass(frozen=True)
class Step:
    """One iteration: criterion before it, largest gradient entry, trust radius, whether it was taken."""

    criterion: float
    gradient: float
    radius: float
    accepted: bool


@dataclass(frozen=True)
class Descent:
    """The log of one start: its steps, where it ended, and what a further step promised to gain."""

    start: str
    steps: tuple[Step, ...]
    criterion: float
    promise: float


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where the criterion is lowest, in orthonormal units.

    Parameters
    ----------
    rotation : (q, q), scales : (q,)
        The factor is rotation · diag(scales); scales descend and are exactly zero beyond the rank.
    point : Profile
        The criterion there.
    decrement : float
        What a further Newton step promised to gain, on the criterion's scale.
    descents : tuple of Descent
        One log per start; ``chosen`` is the position of the one that won.
    """

    rotation: Floats
    scales: Floats
    point: Profile
    decrement: float
    descents: tuple[Descent, ...]
    chosen: int

    @property
    def factor(self) -> Floats:
        """The (q, q) relative covariance factor, orthonormal units."""
        return self.rotation * self.scales

    @property
    def rank(self) -> int:
        """The number of directions in which the random effects vary."""
        return int(np.count_nonzero(self.scales))

    @property
    def active_directions(self) -> Floats:
        """The (k, q, q) directions in which the factor can move at its rank."""
        return _directions(self.rotation, self.rank)

    def active(self, *, reml: bool) -> Derivatives:
        """Return the derivatives along the active directions."""
        return derivatives(self.factor, self.active_directions, self.point, reml=reml)


def find_optimum(blocks: Blocks, *, reml: bool) -> Optimum:
    """Return the lowest optimum over all starts, its rank settled and its digits polished.

    The starts are those of :func:`~reference.starts.choose_starts`, fewer where some are hopelessly high.

    Raises
    ------
    ConvergenceError
        If the lowest start did not end at an optimum.
    """
    starts = choose_starts(blocks, reml=reml)
    ends = [_descend(starts[0], np.inf, blocks, reml=reml)]
    ceiling = ends[0][0].criterion + _HOPELESS + 2.0 * (starts[0].criterion - ends[0][0].criterion)
    for start in starts[1:]:
        if start.criterion <= ceiling:
            ends.append(_descend(start, min(end[0].criterion for end in ends), blocks, reml=reml))
    descents = tuple(descent for descent, _ in ends)
    lowest = min(descent.criterion for descent in descents)
    chosen = next(k for k, descent in enumerate(descents) if descent.criterion <= lowest + _SAME_OPTIMUM)
    optimum = _settle(ends[chosen][1], blocks, reml=reml)
    if not optimum.decrement <= _DECREMENT:
        raise ConvergenceError(
            f"the best of {len(ends)} starts stopped after {len(descents[chosen].steps)} steps where the "
            f"criterion could still fall by {optimum.decrement:.1e}; look for a store or a row that differs "
            "wildly from the others, or fit the random-intercept model."
        )
    return replace(optimum, descents=descents, chosen=chosen)


def _turn(factor: Floats) -> tuple[Floats, Floats]:
    rotation, scales, _ = np.linalg.svd(factor)
    return rotation, scales


def _directions(rotation: Floats, rank: int) -> Floats:
    """Return E = U e_i e_jᵀ for i >= j, j < rank."""
    q = rotation.shape[0]
    pairs = [(i, j) for j in range(rank) for i in range(j, q)]
    directions = np.zeros((len(pairs), q, q))
    for position, (i, j) in enumerate(pairs):
        directions[position, :, j] = rotation[:, i]
    return directions


def _combine(weights: Floats, directions: Floats) -> Floats:
    combined: Floats = (weights @ directions.reshape(weights.size, -1)).reshape(directions.shape[1:])
    return combined


def _descend(start: Start, known: float, blocks: Blocks, *, reml: bool) -> tuple[Descent, Optimum]:
    """Follow one start down to where little is left to gain; return its log and the end.

    Where a scale shrinks towards zero, Newton's steps may close in by a constant factor only, so the boundary
    is tried at once. A descent about to reach the criterion of a known optimum ends there.
    """
    rotation, scales = _turn(start.factor)
    point = profile(rotation * scales, blocks, reml=reml)
    radius = max(1.0, float(scales[0]))
    predicted, untried = np.inf, True
    steps: list[Step] = []
    while len(steps) < _MAX_ITERATIONS:
        directions = _directions(rotation, scales.size)
        local = derivatives(rotation * scales, directions, point, reml=reml)
        move, predicted = _trust_region_step(local, radius)
        if predicted <= _PROMISE:
            break
        if _heads_for(known, point.criterion, predicted):
            break
        if predicted <= _NEAR and untried and scales[-1] <= _SNAP:
            untried = False
            cut = _cut(rotation, scales, point.criterion, blocks, known, reml=reml)
            if cut is not None:
                return Descent(start.name, tuple(steps), cut.point.criterion, cut.decrement), cut
        trial = rotation * scales + _combine(move, directions)
        candidate = profile(trial, blocks, reml=reml)
        ratio = (point.criterion - candidate.criterion) / predicted
        length = float(move @ move) ** 0.5
        steps.append(Step(point.criterion, float(np.abs(local.gradient).max()), radius, ratio > _ACCEPT))
        if ratio < 0.25:
            radius = length / 4.0
        elif ratio > 0.75 and length > 0.9 * radius:
            radius *= 3.0
        if ratio > _ACCEPT:
            rotation, scales = _turn(trial)
            point = candidate
    end = Optimum(rotation, scales, point, predicted, (), 0)
    return Descent(start.name, tuple(steps), point.criterion, predicted), end


def _heads_for(known: float, criterion: float, gain: float) -> bool:
    """Return whether the small gain promised leads to the criterion of an optimum already known."""
    return gain <= _MERGE and abs(criterion - gain - known) <= _SAME_PREDICTION


def _settle(end: Optimum, blocks: Blocks, *, reml: bool) -> Optimum:
    """Return the polished optimum at the lowest rank that costs nothing, curvature across it included."""
    if end.rank < end.scales.size:
        # A descent leaves exact zeros only where it has already done all of this.
        return end
    cut = _cut(end.rotation, end.scales, end.point.criterion + _PROMISE, blocks, reml=reml)
    if cut is not None:
        return cut
    best = _polish(end.rotation, end.scales, end.scales.size, blocks, reml=reml)
    cut = _cut(best.rotation, best.scales, best.point.criterion + _NOISE, blocks, reml=reml)
    return best if cut is None else cut


def _cut(
    rotation: Floats, scales: Floats, ceiling: float, blocks: Blocks, known: float = np.inf, *, reml: bool
) -> Optimum | None:
    """Return the optimum of the lowest rank near a factor whose last scales are negligible, if there is one.

    It must not lie above the ceiling, nor may the criterion fall when a lost direction returns.
    """
    for rank in range(int(np.count_nonzero(scales > _SNAP)), scales.size):
        cut = _polish(rotation, scales, rank, blocks, known, reml=reml)
        full = derivatives(cut.factor, _directions(cut.rotation, scales.size), cut.point, reml=reml)
        curvature = np.linalg.eigvalsh(full.hessian)
        if cut.point.criterion <= ceiling and curvature[0] >= -_DESCENDING * max(1.0, curvature[-1]):
            return cut
    return None


def _polish(
    rotation: Floats, scales: Floats, rank: int, blocks: Blocks, known: float = np.inf, *, reml: bool
) -> Optimum:
    """Take plain Newton steps at a fixed rank until the gain they promise stops falling.

    Or, as in a descent, until they are about to reach a known optimum.
    """
    scales = np.where(np.arange(scales.size) < rank, scales, 0.0)
    kept = Optimum(rotation, scales, profile(rotation * scales, blocks, reml=reml), np.inf if rank else 0.0, (), 0)
    point = kept.point
    for _ in range(_MAX_POLISH if rank else 0):
        directions = _directions(rotation, rank)
        local = derivatives(rotation * scales, directions, point, reml=reml)
        values, vectors = np.linalg.eigh(local.hessian)
        slope = vectors.T @ local.gradient
        usable = np.abs(values) > _FLAT * max(1.0, values[-1])
        newton = np.where(usable, slope / np.where(usable, values, 1.0), 0.0)
        gain = 0.5 * float(np.abs(slope) @ np.abs(newton))
        if gain >= kept.decrement:
            break
        kept = Optimum(rotation, scales, point, gain, (), 0)
        if gain <= _NOTHING or _heads_for(known, point.criterion, gain):
            break
        rotation, scales = _turn(rotation * scales - _combine(vectors @ newton, directions))
        scales = np.where(np.arange(scales.size) < rank, scales, 0.0)
        point = profile(rotation * scales, blocks, reml=reml)
    return kept


def _trust_region_step(local: Derivatives, radius: float) -> tuple[Floats, float]:
    """Return the minimiser of the quadratic model within the radius, and the decrease it predicts.

    Moré & Sorensen (1983), SIAM J. Sci. Stat. Comput. 4(3), 553-572, in the eigenbasis; at an exact saddle
    the step leaves along the most negative curvature (their hard case).
    """
    values, vectors = np.linalg.eigh(local.hessian)
    slope = vectors.T @ local.gradient
    lowest = float(values[0])
    floor = _FLAT * max(1.0, -lowest, float(values[-1]))
    shift = max(0.0, floor - lowest)
    move = -slope / (values + shift)
    square = float(move @ move)
    if square > radius**2:
        move = -slope / (values + _shift_for(values, slope, shift, radius))
    elif lowest < -floor:
        move[0] += np.copysign(np.sqrt(radius**2 - square), -slope[0])
    return vectors @ move, -float((slope + 0.5 * values * move) @ move)


def _shift_for(values: Floats, slope: Floats, low: float, radius: float) -> float:
    """Return a shift at which the step's length is the radius, up to 10 % more.

    Newton's method on 1 / length, which is concave in the shift, so that from below it climbs to the root.
    """
    shift = low
    for _ in range(_MAX_SECULAR):
        move = slope / (values + shift)
        square = float(move @ move)
        excess = square**0.5 / radius - 1.0
        if excess <= 0.1:
            break
        shift += excess * square / float(move @ (move / (values + shift)))
    return shift
