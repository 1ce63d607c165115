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

_MAX_ITERATIONS = 200
_MAX_POLISH = 8
_ACCEPT = 1e-4
_NEAR = 1e-2
_PROMISE = 1e-6
_DECREMENT = 1e-10
_NOTHING = 1e-22
_FLAT = 1e-11
_SNAP = 0.1
_NOISE = 1e-9
_DESCENDING = 1e-9
_SAME_OPTIMUM = 2e-6
_FEW_GROUPS = 12


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

    A moment estimate and a fixed start are followed; with few groups, where local optima occur, seven more.

    Raises
    ------
    ConvergenceError
        If the lowest start did not end at an optimum.
    """
    ends = [_descend(name, factor, blocks, reml=reml) for name, factor in _starts(blocks, reml=reml)]
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


def _starts(blocks: Blocks, *, reml: bool) -> list[tuple[str, Floats]]:
    q = blocks.n_random
    sizes = [0.3]
    if blocks.roots.shape[0] <= _FEW_GROUPS:
        sizes += [10.0, 2.0, 0.03]
    starts = [("moments", _moment_factor(blocks, reml=reml))]
    starts += [(f"{size:g} x identity", size * np.eye(q)) for size in sizes]
    if blocks.roots.shape[0] <= _FEW_GROUPS and q > 1:
        for slant in (-1.0, 0.0, 1.0, np.inf):
            line = np.zeros((q, q))
            line[:, 0] = 1.0 if np.isfinite(slant) else 0.0
            line[-1, 0] = slant if np.isfinite(slant) else 1.0
            starts.append((f"line of slope {slant:g}", line + 0.01 * np.eye(q)))
    return starts


def _moment_factor(blocks: Blocks, *, reml: bool) -> Floats:
    """Return a factor of the covariance one scoring step gives: a moment estimate weighted at factor 1/2."""
    q = blocks.n_random
    start = 0.25 * np.eye(q)
    point = profile(np.sqrt(start), blocks, reml=reml)
    pull = point.reach @ point.contrast
    score = pull.T @ pull / point.residual_variance - point.leverage.sum(axis=0)
    flat = point.leverage.reshape(-1, q * q)
    information = (flat.T @ flat).reshape(q, q, q, q).transpose(0, 2, 1, 3).reshape(q * q, q * q)
    move = np.linalg.lstsq(information, score.ravel(), rcond=None)[0].reshape(q, q)
    values, vectors = np.linalg.eigh(start + (move + move.T) / 2.0)
    factor: Floats = vectors * np.sqrt(np.maximum(values, 1e-4))
    return factor


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


def _descend(name: str, factor: Floats, blocks: Blocks, *, reml: bool) -> tuple[Descent, Floats]:
    """Follow one start down to where little is left to gain; return its log and the factor there.

    Where a scale shrinks towards zero, Newton's steps may close in by a constant factor only, so the boundary
    is tried at once.
    """
    rotation, scales = _turn(factor)
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
        if predicted <= _NEAR and untried and scales[-1] <= _SNAP:
            untried = False
            cut = _cut(rotation, scales, point.criterion, blocks, reml=reml)
            if cut is not None:
                rotation, scales, point, predicted = cut.rotation, cut.scales, cut.point, cut.decrement
                break
        trial = rotation * scales + np.tensordot(move, directions, 1)
        candidate = profile(trial, blocks, reml=reml)
        ratio = (point.criterion - candidate.criterion) / predicted
        length = float(np.linalg.norm(move))
        steps.append(Step(point.criterion, float(np.abs(local.gradient).max()), radius, ratio > _ACCEPT))
        if ratio < 0.25:
            radius = length / 4.0
        elif ratio > 0.75 and length > 0.9 * radius:
            radius *= 3.0
        if ratio > _ACCEPT:
            rotation, scales = _turn(trial)
            point = candidate
    return Descent(name, tuple(steps), point.criterion, predicted), rotation * scales


def _settle(factor: Floats, blocks: Blocks, *, reml: bool) -> Optimum:
    """Return the polished optimum at the lowest rank that costs nothing, curvature across it included."""
    rotation, scales = _turn(factor)
    ceiling = profile(factor, blocks, reml=reml).criterion + _PROMISE
    cut = _cut(rotation, scales, ceiling, blocks, reml=reml)
    if cut is not None:
        return cut
    best = _polish(rotation, scales, scales.size, blocks, reml=reml)
    cut = _cut(best.rotation, best.scales, best.point.criterion + _NOISE, blocks, reml=reml)
    return best if cut is None else cut


def _cut(rotation: Floats, scales: Floats, ceiling: float, blocks: Blocks, *, reml: bool) -> Optimum | None:
    """Return the optimum of the lowest rank near a factor whose last scales are negligible, if there is one.

    It must not lie above the ceiling, nor may the criterion fall when a lost direction returns.
    """
    for rank in range(int(np.count_nonzero(scales > _SNAP)), scales.size):
        cut = _polish(rotation, scales, rank, blocks, reml=reml)
        full = derivatives(cut.factor, _directions(cut.rotation, scales.size), cut.point, reml=reml)
        curvature = np.linalg.eigvalsh(full.hessian)
        if cut.point.criterion <= ceiling and curvature[0] >= -_DESCENDING * max(1.0, curvature[-1]):
            return cut
    return None


def _polish(rotation: Floats, scales: Floats, rank: int, blocks: Blocks, *, reml: bool) -> Optimum:
    """Take plain Newton steps at a fixed rank until the gain they promise stops falling."""
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
        if gain <= _NOTHING:
            break
        rotation, scales = _turn(rotation * scales - np.tensordot(vectors @ newton, directions, 1))
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
    floor = _FLAT * max(1.0, float(np.abs(values).max()))
    shift = max(0.0, floor - float(values[0]))
    move = -slope / (values + shift)
    length = float(np.linalg.norm(move))
    if length > radius:
        move = -slope / (values + _shift_for(values, slope, shift, radius))
    elif values[0] < -floor:
        move[0] += np.copysign(np.sqrt(radius**2 - length**2), -slope[0])
    predicted = -float(slope @ move + 0.5 * values @ move**2)
    return vectors @ move, predicted


def _shift_for(values: Floats, slope: Floats, low: float, radius: float) -> float:
    """Return the shift at which the step's length is the radius, by bisection on a decreasing function."""
    high = low + float(np.linalg.norm(slope)) / radius
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float(np.linalg.norm(slope / (values + middle))) > radius:
            low = middle
        else:
            high = middle
    return high
