"""The optima of many responses of one design, found side by side by the method of :mod:`~reference.optimum.optimiser`.

What that does for one response by branching is done here for all of them at every step. Where the end is not certified,
or another start leads lower, the response is left to the optimiser for one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.arrays import Floats, Integers, block_slices
from reference.likelihood.many_responses import Lanes, ManyResponses
from reference.optimum.optimiser import (
    DECREMENT,
    DESCENDING,
    HOPELESS,
    MAX_POLISH,
    MERGE,
    NEAR,
    POLISHED,
    PROMISE,
    SAME_OPTIMUM,
    SAME_PREDICTION,
    SNAP,
    turn_factor,
)
from reference.optimum.starts import FEW_GROUPS, are_near, most_starts, scan_factors, start_places
from reference.optimum.trust_region import ACCEPT, FLAT, MAX_SECULAR

_MAX_STEPS = 60


def find_optima(surfaces: ManyResponses, factor: Floats, weight: float) -> tuple[Lanes, Any]:
    """Return a lane for each response at its optimum, (m,), and which of them are certified, (m,) booleans.

    Starts are those of the scan and the factor (Q, Q) given, thinned as for one response; ``weight`` is the number of
    rows of an average group.
    """
    n_groups, everyone = surfaces.roots.shape[2], np.arange(len(surfaces.responses))
    factors = np.concatenate([factor[None], scan_factors(surfaces.sizes, thorough=n_groups <= FEW_GROUPS)])
    # A lane that leaves what floats hold becomes nan, and is not certified.
    with np.errstate(all="ignore"):
        values = surfaces.criteria(factors)
        starts = _choose(start_places(factors, weight), values, most_starts(n_groups))
        ends, _ = _descended(surfaces, everyone, factors[starts[:, 0]], np.full(everyone.size, np.inf), NEAR)
        best, certified = _settled(surfaces, ends)
        # From the lowest of the scan, as for one response: the factor given is close, and would rule out all others.
        ceiling = best.criterion + HOPELESS + 2.0 * (values[:, 1:].min(axis=1) - best.criterion)
        tall = values[everyone[:, None], starts] > ceiling[:, None]
        responses, places = np.nonzero((starts >= 0) & ~tall & certified[:, None] & (np.arange(starts.shape[1]) > 0))
        if responses.size:
            known = best.criterion[responses]
            rivals, gains = _descended(surfaces, responses, factors[starts[responses, places]], known, 0.0)
            above = (rivals.criterion >= known - SAME_OPTIMUM) & (rivals.criterion - gains >= known - SAME_PREDICTION)
            certified[responses[~above]] = False
    return best, certified


def _choose(places: Floats, values: Floats, most: int) -> Integers:
    """Return the positions of each response's starts, lowest first, (m, most), -1 where there are fewer."""
    near, left, rows = are_near(places[:, None], places), values.copy(), np.arange(len(values))
    chosen = np.full((len(values), most), -1)
    for place in range(most):
        lowest = left.argmin(axis=1)
        chosen[:, place] = np.where(np.isfinite(left[rows, lowest]), lowest, -1)
        left[near[lowest]] = np.inf
    return chosen


def _descended(
    surfaces: ManyResponses, responses: Integers, factors: Floats, known: Floats, near: float
) -> tuple[Lanes, Floats]:
    """Follow starts to where little is left to gain or a known criterion (L,) is about to be reached; and that gain.

    One close to the boundary that gains no more than ``near`` is not followed further.
    """
    here = surfaces.at(responses, *turn_factor(factors, surfaces.sizes))
    ends, gains, left = here[np.arange(len(factors))], np.full(len(factors), np.inf), np.arange(len(factors))
    radius = np.maximum(1.0, here.scales.max(axis=1))
    for _ in range(_MAX_STEPS):
        moves, gain = _steps(here, radius)
        ends.put(left, here)
        gains[left] = gain
        merging = (gain <= MERGE) & (np.abs(here.criterion - gain - known[left]) <= SAME_PREDICTION)
        done = merging | (gain <= PROMISE) | ((gain <= near) & (here.scales.min(axis=1) <= SNAP))
        going = np.flatnonzero(~done)
        if not going.size:
            break
        left, here, moves, gain, radius = left[going], here[going], moves[going], gain[going], radius[going]
        trial = surfaces.at(here.response, *_moved(here, moves, surfaces))
        ratio = np.nan_to_num((here.criterion - trial.criterion) / gain, nan=-np.inf)
        length = np.sqrt((moves**2).sum(axis=1))
        wider = (ratio > 0.75) & (length > 0.9 * radius)
        radius = np.where(ratio < 0.25, length / 4.0, np.where(wider, 3.0 * radius, radius))
        taken = np.flatnonzero(ratio > ACCEPT)
        here.put(taken, trial[taken])
    return ends, gains


def _steps(here: Lanes, radius: Floats) -> tuple[Floats, Floats]:
    """Return the steps (L, k) within the radii (L,), and the gains they promise: as ``trust_region_step``."""
    values, vectors = _eigen(here.hessian)
    slope = (here.gradient[:, None] @ vectors)[:, 0]
    lowest = values[:, 0]
    floor = FLAT * np.maximum(1.0, np.maximum(-lowest, values[:, -1]))
    shift = np.maximum(0.0, floor - lowest)
    move = -slope / (values + shift[:, None])
    square = (move**2).sum(axis=1)
    saddle = (square <= radius**2) & (lowest < -floor)
    move[:, 0] += np.where(saddle, np.copysign(np.sqrt(np.maximum(radius**2 - square, 0.0)), -slope[:, 0]), 0.0)
    long = np.flatnonzero(square > radius**2)
    for _ in range(MAX_SECULAR if long.size else 0):
        excess = np.sqrt(square[long]) / radius[long] - 1.0
        long, excess = long[excess > 0.1], excess[excess > 0.1]
        if not long.size:
            break
        step = move[long]
        shift[long] += excess * square[long] / (step * step / (values[long] + shift[long, None])).sum(axis=1)
        move[long] = -slope[long] / (values[long] + shift[long, None])
        square[long] = (move[long] ** 2).sum(axis=1)
    return (vectors @ move[:, :, None])[:, :, 0], -((slope + 0.5 * values * move) * move).sum(axis=1)


def _settled(surfaces: ManyResponses, ends: Lanes) -> tuple[Lanes, Any]:
    """Return the ends polished at the lowest ranks that cost nothing, and which of them are certified."""
    best, certified = ends[np.arange(len(ends.response))], np.zeros(len(ends.response), dtype=bool)
    small = (ends.scales <= SNAP).sum(axis=1)
    for lost in range(int(small.max()), -1, -1):
        tried = np.flatnonzero(~certified & (small >= lost))
        if not tried.size:
            continue
        near = ends[tried]
        kept = near.scales > 0
        np.put_along_axis(kept, np.argsort(near.scales, axis=1, kind="stable")[:, :lost], False, axis=1)
        cut, decrement = _polished(surfaces, near, kept)
        values = _eigen(cut.hessian)[0]
        level = values[:, 0] >= -DESCENDING * np.maximum(1.0, values[:, -1])
        good = level & (decrement <= DECREMENT) & (cut.criterion <= near.criterion + PROMISE)
        best.put(tried[good], cut[good])
        certified[tried[good]] = True
    return best, certified


def _polished(surfaces: ManyResponses, near: Lanes, kept: Any) -> tuple[Lanes, Floats]:
    """Take plain Newton steps at the ranks of ``kept`` (L, Q) until the gain they promise, returned, stops falling."""
    for part in block_slices(surfaces.sizes):
        kept[:, part] = np.arange(part.stop - part.start) < kept[:, part].sum(axis=1)[:, None]
    here = surfaces.at(near.response, near.rotation, np.where(kept, near.scales, 0.0))
    best, decrement = here[np.arange(len(kept))], np.where(kept.any(axis=1), np.inf, 0.0)
    left = np.flatnonzero(kept.any(axis=1))
    here = here[left]
    for _ in range(MAX_POLISH):
        active = kept[left][:, surfaces.pairs[:, 1]]
        hessian = np.where(active[:, None] & active[:, :, None], here.hessian, np.eye(active.shape[1]))
        values, vectors = _eigen(hessian)
        slope = (np.where(active, here.gradient, 0.0)[:, None] @ vectors)[:, 0]
        usable = np.abs(values) > FLAT * np.maximum(1.0, values[:, -1:])
        newton = np.where(usable, slope / np.where(usable, values, 1.0), 0.0)
        gain = 0.5 * (np.abs(slope) * np.abs(newton)).sum(axis=1)
        better = np.flatnonzero(gain < decrement[left])
        best.put(left[better], here[better])
        decrement[left[better]] = gain[better]
        going = better[gain[better] > POLISHED]
        if not going.size:
            break
        left, here = left[going], here[going]
        rotation, scales = _moved(here, -(vectors[going] @ newton[going, :, None])[:, :, 0], surfaces)
        here = surfaces.at(here.response, rotation, np.where(kept[left], scales, 0.0))
    return best, decrement


def _moved(here: Lanes, moves: Floats, surfaces: ManyResponses) -> tuple[Floats, Floats]:
    inner = here.scales[:, :, None] * np.eye(here.scales.shape[1])
    inner[:, surfaces.pairs[:, 0], surfaces.pairs[:, 1]] += moves
    return turn_factor(np.nan_to_num(here.rotation @ inner), surfaces.sizes)


def _eigen(matrices: Floats) -> tuple[Floats, Floats]:
    values, vectors = np.linalg.eigh(np.nan_to_num(matrices))
    return values, vectors
