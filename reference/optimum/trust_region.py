"""A trust-region Newton method, from exact derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from reference.arrays import Floats
from reference.likelihood.surface import Derivatives

# Curvature, relative to the largest, that counts as none.
FLAT = 1e-11
MAX_SECULAR = 30
# A step is taken when it gains this share of what was predicted.
ACCEPT = 1e-4


class State(Protocol):
    """Where a descent is: a value to be lowered, and how to go on from there."""

    @property
    def criterion(self) -> float:
        """The value."""

    def derivatives(self) -> Derivatives:
        """Return the derivatives of the value along the coordinates of this state."""

    def moved(self, move: Floats) -> Self:
        """Return the state a step along these coordinates leads to; a LinAlgError if there is no value there."""


S = TypeVar("S", bound=State)


@dataclass(frozen=True, eq=False)
class Iterate(Generic[S]):
    """A state, the trust radius there, and the gain that the next step promises."""

    state: S
    radius: float
    predicted: float


def descend(state: S, radius: float) -> Iterator[Iterate[S]]:
    """Yield the states of a trust-region descent, one step further whenever the caller asks; it does not end by itself.

    A step that gains too little is not taken: the same state is yielded again, with a smaller radius.
    """
    local = state.derivatives()
    while True:
        move, predicted = trust_region_step(local, radius)
        yield Iterate(state, radius, predicted)
        try:
            trial = state.moved(move)
            ratio = (state.criterion - trial.criterion) / predicted
        except np.linalg.LinAlgError:
            # So far away that rounding leaves no positive definite matrix.
            trial, ratio = state, -np.inf
        length = float(move @ move) ** 0.5
        if ratio < 0.25:
            radius = length / 4.0
        elif ratio > 0.75 and length > 0.9 * radius:
            radius *= 3.0
        if ratio > ACCEPT:
            state, local = trial, trial.derivatives()


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
    for _ in range(MAX_SECULAR):
        move = slope / (values + shift)
        square = float(move @ move)
        excess = square**0.5 / radius - 1.0
        if excess <= 0.1:
            break
        shift += excess * square / float(move @ (move / (values + shift)))
    return shift
