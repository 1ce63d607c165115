"""Where the optimiser starts: a moment estimate and a coarse scan of all covariances, thinned to distinct points.

A random-slope criterion can have several local optima, with few groups and with many: of 6,000 hard panels (3 to 40
groups, heavy tails, perfect correlations) 22 had one that neither a moment estimate nor one fixed start led to, and
12 of these had 13 groups or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from reference.design import Blocks
from reference.likelihood import criteria, profile
from reference.panel import Floats

_SCALES = (0.1, 0.3, 1.0, 3.0, 10.0)
_FLATNESS = (0.05, 0.3)
# One random effect is a search along a line, which a fine scan settles.
_FINE_SCALES = tuple(np.geomspace(0.02, 50.0, 18).tolist())
_MOST = 5
_APART = 1.0
_SMALLEST_VARIANCE = 1e-4
# Groups times factors evaluated in one call, so that a large table does not fill the memory.
_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class Start:
    """A (q, q) factor to start from, in orthonormal units, and the criterion there."""

    name: str
    factor: Floats
    criterion: float


def choose_starts(blocks: Blocks, *, reml: bool) -> list[Start]:
    """Return up to five starts, lowest criterion first, no two of which are nearly the same covariance."""
    factors = np.concatenate([moment_factor(blocks, reml=reml)[None], scan_factors(blocks.n_random)])
    pieces = np.array_split(factors, -(-len(factors) * blocks.n_groups // _AT_ONCE))
    values = np.concatenate([criteria(piece, blocks, reml=reml) for piece in pieces])
    chosen = _valleys(factors, values) if blocks.n_random == 1 else _apart(factors, values, blocks)
    return [Start(f"scan point {k}" if k else "moments", factors[k], float(values[k])) for k in chosen]


@cache
def scan_factors(n_random: int) -> Floats:
    """Return the factors of the scan, (m, q, q): isotropic ones, and lines with a little of the rest.

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
        scan = np.array([scale * shape for scale in _SCALES for shape in shapes])
    scan.setflags(write=False)
    return scan


def moment_factor(blocks: Blocks, *, reml: bool) -> Floats:
    """Return a factor of the covariance one scoring step gives: a moment estimate weighted at factor 1/2."""
    q = blocks.n_random
    start = 0.25 * np.eye(q)
    point = profile(np.sqrt(start), blocks, reml=reml)
    score = point.pull.T @ point.pull / point.residual_variance - point.leverage.sum(axis=0)
    flat = point.leverage.reshape(-1, q * q)
    information = (flat.T @ flat).reshape(q, q, q, q).transpose(0, 2, 1, 3).reshape(q * q, q * q)
    move = np.linalg.lstsq(information, score.ravel(), rcond=None)[0].reshape(q, q)
    values, vectors = np.linalg.eigh(start + (move + move.T) / 2.0)
    factor: Floats = vectors * np.sqrt(np.maximum(values, _SMALLEST_VARIANCE))
    return factor


def _valleys(factors: Floats, values: Floats) -> list[int]:
    """Return the positions that are lower than their neighbours along the line, lowest first."""
    order = np.argsort(np.abs(factors[:, 0, 0]))
    walled = np.concatenate([[np.inf], values[order], [np.inf]])
    valleys = order[(walled[1:-1] < walled[:-2]) & (walled[1:-1] <= walled[2:])]
    return [int(k) for k in valleys[np.argsort(values[valleys])][:_MOST]]


def _apart(factors: Floats, values: Floats, blocks: Blocks) -> list[int]:
    """Return the lowest position, then the lowest far enough from those before, and so on.

    Two covariances are compared by the logarithm of I + (n / J) Λ, the factor by which a group of average size
    sharpens what is known of its effects: that makes all negligible covariances one start, and 1 and 2 as
    different as 10 and 20.
    """
    gains, vectors = np.linalg.eigh(factors @ factors.swapaxes(1, 2))
    sharper = np.log1p(blocks.n_observations / blocks.n_groups * np.maximum(gains, 0.0))
    places = ((vectors * sharper[:, None, :]) @ vectors.swapaxes(1, 2)).reshape(len(factors), -1)
    chosen: list[int] = []
    left = values.copy()
    while len(chosen) < _MOST and np.isfinite(left).any():
        chosen.append(int(left.argmin()))
        left[((places - places[chosen[-1]]) ** 2).sum(axis=1) <= _APART**2] = np.inf
    return chosen
