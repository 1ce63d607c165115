"""Where the optimiser starts: a moment estimate and a coarse scan of all covariances, thinned to distinct points.

A random-slope criterion can have several local optima, with few groups and with many: of 6,000 hard panels (3 to 40
groups, heavy tails, perfect correlations) 22 had one that neither a moment estimate nor one fixed start led to, and
12 of these had 13 groups or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from reference.arrays import Floats, block_slices
from reference.likelihood.surface import Surface

_SCALES = (0.1, 0.3, 1.0, 3.0, 10.0)
# For effects that vary much more than the residual.
_LARGE = (50.0, 300.0)
_FLATNESS = (0.05, 0.3)
# One random effect is a search along a line, which a fine scan settles.
_FINE_SCALES = tuple(np.geomspace(0.02, 50.0, 18).tolist())
_MOST = 5
# With so few groups a low optimum can hide behind several others, and a descent takes no time.
_HIDING = 10
_MOST_HIDDEN = 12
_APART = 1.0
# Groups times factors evaluated in one call, so that a large table does not fill the memory.
EVALUATED_AT_ONCE = 1_000
# With more groups than this of one factor, a scan of every so manieth of them finds the same valleys.
SAMPLE = 500
# With more groups than this, of several factors, an evaluation is too dear for a wide scan.
FEW_GROUPS = 1_000


@dataclass(frozen=True, eq=False)
class Start:
    """A (Q, Q) factor to start from, in orthonormal units, and the criterion there."""

    name: str
    factor: Floats
    criterion: float


def choose_starts(surface: Surface) -> list[Start]:
    """Return a few starts, lowest criterion first, no two of which are nearly the same covariance."""
    factors = scan_factors(surface.sizes, thorough=surface.cost <= FEW_GROUPS)
    moment = surface.moment_factor()
    if moment is not None:
        factors = np.concatenate([moment[None], factors])
    sample = surface.sample(SAMPLE)
    at_once = max(1, EVALUATED_AT_ONCE // sample.cost)
    values = np.concatenate([sample.criteria(factors[k : k + at_once]) for k in range(0, len(factors), at_once)])
    single = surface.sizes == (1,)
    chosen = _valleys(factors, values) if single else _apart(factors, values, surface.weight, most_starts(surface.cost))
    if sample is not surface:
        values[chosen] = [surface.profile(factors[k]).criterion for k in chosen]
        chosen.sort(key=lambda k: float(values[k]))
    return [Start(f"scan point {k}", factors[k], float(values[k])) for k in chosen]


@cache
def scan_factors(sizes: tuple[int, ...], *, thorough: bool) -> Floats:
    """Return the factors of the scan, (m, Q, Q), block-diagonal.

    For one block those of :func:`block_factors`. For several, every combination of a few scales, all blocks round;
    then the shapes of each larger block with the others at one scale. Unless ``thorough``, few.
    """
    if len(sizes) == 1:
        return block_factors(sizes[0])
    slices = block_slices(sizes)
    wide = _SCALES + _LARGE if len(sizes) == 2 else _SCALES
    levels = (wide if len(sizes) <= 3 else wide[::2]) if thorough else (1.0,)
    if not thorough or len(sizes) > 5:
        grid = [(scale,) * len(sizes) for scale in _SCALES[::2]]
    else:
        grid = list(product(levels, repeat=len(sizes)))
    scan = [np.diag(np.repeat(scales, sizes)) for scales in grid]
    for part, size in zip(slices, sizes, strict=True):
        for block in block_factors(size) if size > 1 and thorough else ():
            factor = np.eye(sum(sizes))
            factor[part, part] = block
            scan.append(factor)
    stacked = np.array(scan)
    stacked.setflags(write=False)
    return stacked


@cache
def block_factors(n_random: int) -> Floats:
    """Return the factors of one block's scan, (m, q, q): isotropic ones, and lines with a little of the rest.

    The lines run along the axes and the diagonals between two of them, q² in all; symmetric square factors
    scale · (u uᵀ + flatness · (I - u uᵀ)).
    """
    eye = np.eye(n_random)
    if n_random == 1:
        scan = np.array(_FINE_SCALES)[:, None, None] * eye
    else:
        pairs = [(i, j) for i in range(n_random) for j in range(i)]
        diagonals = [(eye[i] + sign * eye[j]) / np.sqrt(2.0) for i, j in pairs for sign in (1.0, -1.0)]
        lines = [np.outer(unit, unit) for unit in (*eye, *diagonals)]
        shapes = [eye, *(line + flatness * (eye - line) for line in lines for flatness in _FLATNESS)]
        scan = np.array([scale * shape for scale in _SCALES + _LARGE for shape in shapes])
    scan.setflags(write=False)
    return scan


def _valleys(factors: Floats, values: Floats) -> list[int]:
    """Return the positions that are lower than their neighbours along the line, lowest first."""
    order = np.argsort(np.abs(factors[:, 0, 0]))
    walled = np.concatenate([[np.inf], values[order], [np.inf]])
    valleys = order[(walled[1:-1] < walled[:-2]) & (walled[1:-1] <= walled[2:])]
    return [int(k) for k in valleys[np.argsort(values[valleys])][:_MOST]]


def most_starts(cost: int) -> int:
    """Return how many starts are followed at most, given the number of groups."""
    return _MOST_HIDDEN if cost <= _HIDING else _MOST


def _apart(factors: Floats, values: Floats, weight: float, most: int) -> list[int]:
    """Return the lowest position, then the lowest far enough from those before, and so on, at most so many."""
    places = start_places(factors, weight)
    chosen: list[int] = []
    left = values.copy()
    while len(chosen) < most and np.isfinite(left).any():
        chosen.append(int(left.argmin()))
        left[are_near(places, places[chosen[-1]])] = np.inf
    return chosen


def start_places(factors: Floats, weight: float) -> Floats:
    """Return where covariances are, (m, Q²), so that starts can be told apart: the logarithm of I + weight Λ.

    That is the factor by which a group of average size (the weight being its rows) sharpens what is known of its
    effects: all negligible covariances are one place, and 1 and 2 as different as 10 and 20.
    """
    gains, vectors = np.linalg.eigh(factors @ factors.swapaxes(1, 2))
    sharper = np.log1p(weight * np.maximum(gains, 0.0))
    return np.asarray(((vectors * sharper[:, None, :]) @ vectors.swapaxes(1, 2)).reshape(len(factors), -1))


def are_near(places: Floats, other: Floats) -> Any:
    """Return which places (..., Q²) are the same start as another."""
    return ((places - other) ** 2).sum(axis=-1) <= _APART**2
