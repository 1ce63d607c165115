"""One step of a trust-region Newton method, from exact derivatives."""

from __future__ import annotations

import numpy as np

from reference.arrays import Floats
from reference.likelihood.surface import Derivatives

# Curvature, relative to the largest, that counts as none.
FLAT = 1e-11
_MAX_SECULAR = 30


def trust_region_step(local: Derivatives, radius: float) -> tuple[Floats, float]:
    """Return the minimiser of the quadratic model within the radius, and the decrease it predicts.

    Moré & Sorensen (1983), SIAM J. Sci. Stat. Comput. 4(3), 553-572, in the eigenbasis; at an exact saddle
    the step leaves along the most negative curvature (their hard case).
    """
    values, vectors = np.linalg.eigh(local.hessian)
    slope = vectors.T @ local.gradient
    lowest = float(values[0])
    floor = FLAT * max(1.0, -lowest, float(values[-1]))
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
