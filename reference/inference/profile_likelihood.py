"""The profiled ML deviance: its minimum with one parameter held at a value.

A covariance in which a standard deviation or a correlation has a given value is F Fᵀ with a lower triangular F once
the effects concerned come first: its first row is then (s, 0, ...), or its first two are a (1, 0, ...) and
b (ρ, √(1 - ρ²), 0, ...) with a, b >= 0. So the minimum is an unconstrained one, over the other entries of F, √a, √b and
log sigma, and Newton's method with exact derivatives finds it on the boundary too. A fixed effect is held by taking
its column out of X and its share out of y.

With c the profiled deviance and r the profiled residual variance at the relative factor F / sigma, the deviance at
any sigma is D = c + n (e^u - 1 - u), u = log(r / sigma²). Doubling n in c adds n log r, which gives the derivatives
of log r.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from scipy.linalg import block_diag

from reference.arrays import Floats, block_slices
from reference.errors import ConvergenceError
from reference.estimates import Estimates, lower_factor
from reference.likelihood.surface import Derivatives, Point, Surface
from reference.optimum.optimiser import Optimum, find_optimum, optimum_from
from reference.optimum.trust_region import descend

_MAX_STEPS = 300
# A predicted gain that is none; the smallest trust radius.
_SETTLED = 1e-9
_SHORTEST = 1e-10


@dataclass(frozen=True, eq=False)
class Place:
    """Where the deviance is lowest at one value of a parameter.

    ``excess`` is the deviance there less that of the ML fit; ``factor``, (Q, Q), and ``log_sigma`` are the relative
    factor and log sigma in orthonormal units: where to start from at a neighbouring value.
    """

    value: float
    excess: float
    factor: Floats
    log_sigma: float


def place_of(fit: Estimates, value: float, optimum: Optimum) -> Place:
    """Return an optimum, the ML fit's or one with a fixed effect held, as a place on a profile."""
    excess = optimum.point.criterion - fit.optimum.point.criterion
    return Place(value, excess, optimum.factor, 0.5 * float(np.log(optimum.point.residual_variance)))


@dataclass(frozen=True)
class VarianceParameter:
    """A standard deviation (one effect), a correlation (two), or sigma (none) of the random terms.

    ``term`` is the term's position in ``fit.terms``, ``effects`` positions in its effects, higher first.
    """

    name: str
    term: int
    effects: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _Family:
    """The factors F = base + Σ y_a moves_a of covariances with one parameter held, y_a = x_a or, if ``squared``, x_a².

    The last coordinate of x is log sigma.
    """

    base: Floats
    moves: Floats
    squared: Any

    def unpack(self, x: Floats) -> tuple[Floats, float]:
        """Return F and log sigma."""
        weights = np.where(self.squared, x**2, x)[:-1]
        return self.base + np.tensordot(weights, self.moves, axes=1), float(x[-1])


@dataclass(frozen=True, eq=False)
class VarianceSlice:
    """The deviance of an ML fit profiled along a variance parameter.

    Values are in units of the data: a standard deviation, a correlation, or the logarithm of sigma. ``starts`` are
    relative factors (Q, Q) from which to look for a lower minimum.
    """

    fit: Estimates
    parameter: VarianceParameter
    starts: tuple[Floats, ...] = ()

    def lowest(self, value: float, near: Place) -> Place:
        """Return the minimum at a value, descending from a neighbour's, or raise a ConvergenceError."""
        start = np.asarray(float(np.exp(near.log_sigma)) * np.linalg.solve(self._to_orthonormal, near.factor))
        log_sigma = near.log_sigma if self.parameter.effects else value - float(np.log(self.fit.design.units.scale))
        return self._descend(value, *self._family(value, start, log_sigma))

    def anywhere(self, value: float, near: Place) -> Place:
        """Return the lowest minimum at a value over several starts."""
        starts = [near, *(replace(near, factor=factor) for factor in self.starts)]
        return min((self.lowest(value, start) for start in starts), key=lambda place: place.excess)

    @cached_property
    def _lengths(self) -> Floats:
        """The root mean square of each column of Z, (Q,), over the unit of y: what makes raw effects comparable."""
        design = self.fit.design
        return np.concatenate([np.linalg.norm(term.root, axis=0) for term in design.terms]) / design.units.scale

    @cached_property
    def _to_orthonormal(self) -> Floats:
        """What maps F, whose rows are raw effects times their lengths, to orthonormal units, (Q, Q)."""
        roots = [term.root for term in self.fit.design.terms]
        return np.asarray(block_diag(*roots) / self._lengths / self.fit.design.units.scale, dtype=np.float64)

    def _family(self, value: float, factor: Floats, log_sigma: float) -> tuple[_Family, Floats]:
        """Return the family with the parameter held at a value, and the coordinates of the point closest to a place.

        Below and right of what is held, the factor is turned to U·diag(s), as the optimiser turns it.
        """
        effects = self.parameter.effects
        base, moves, squared, x = np.zeros_like(factor), [], [], []
        for position, part in enumerate(block_slices(self.fit.optimum.surface.sizes)):
            held = effects if position == self.parameter.term else ()
            order = sorted(range(part.stop - part.start), key=lambda k: k not in held)
            rows, first, count = part.start + np.array(order), part.start, len(held)
            lower = lower_factor(factor[rows, part], len(rows))
            if count == 1:
                base[rows[0], first] = value * self._lengths[rows[0]]
            elif held:
                turned = [value, float(np.sqrt(max(0.0, 1.0 - value**2)))]
                moves += [_part(base, rows[0], first, 1.0), _part(base, rows[1], [first, first + 1], turned)]
                x += np.sqrt(np.linalg.norm(lower[:2], axis=1)).tolist()
                squared += [True, True]
            rotation, scales, _ = np.linalg.svd(lower[count:, count:])
            for j in range(len(rows)):
                axes = rotation if j >= count else np.eye(len(rows) - count)
                for i in range(max(0, j - count), len(axes)):
                    moves.append(_part(base, rows[count:], first + j, axes[:, i]))
                    x.append(float(lower[count + i, j]) if j < count else float(scales[i]) * (i == j - count))
                    squared.append(False)
        stacked = np.array(moves).reshape(-1, *base.shape)
        return _Family(base, stacked, np.array([*squared, False])), np.array([*x, log_sigma])

    def _descend(self, value: float, family: _Family, x: Floats) -> Place:
        """Return where a trust-region Newton method ends."""
        for here in islice(descend(_State.at(self, value, family, x), 1.0), _MAX_STEPS):
            if here.predicted <= _SETTLED or here.radius < _SHORTEST:
                relative, log_sigma = here.state.relative
                return Place(value, here.state.criterion - self.fit.optimum.point.criterion, relative, log_sigma)
        raise ConvergenceError(
            f"the profile of {self.parameter.name!r} did not converge in {_MAX_STEPS} steps; centre predictors "
            "that are far from zero, or use wald_intervals."
        )


@dataclass(frozen=True, eq=False)
class _State:
    """A state of the descent to the minimum with a variance parameter held."""

    along: VarianceSlice
    value: float
    family: _Family
    x: Floats
    criterion: float
    point: Point

    @classmethod
    def at(cls, along: VarianceSlice, value: float, family: _Family, x: Floats) -> _State:
        factor, log_sigma = family.unpack(x)
        point = along.fit.optimum.surface.profile(float(np.exp(-log_sigma)) * (along._to_orthonormal @ factor))
        return cls(along, value, family, x, point.criterion + point.excess(2.0 * log_sigma), point)

    @property
    def relative(self) -> tuple[Floats, float]:
        """The relative factor in orthonormal units, and log sigma."""
        factor, log_sigma = self.family.unpack(self.x)
        return float(np.exp(-log_sigma)) * (self.along._to_orthonormal @ factor), log_sigma

    def moved(self, move: Floats) -> _State:
        there = _State.at(self.along, self.value, self.family, self.x + move)
        family, x = self.along._family(self.value, *self.family.unpack(there.x))
        return replace(there, family=family, x=x)

    def derivatives(self) -> Derivatives:
        """Return the exact gradient and Hessian along the coordinates x."""
        (relative, log_sigma), point, family = self.relative, self.point, self.family
        n, weight = point.denominator, float(np.expm1(point.log_ratio(2.0 * log_sigma)))
        directions = np.concatenate(
            [float(np.exp(-log_sigma)) * (self.along._to_orthonormal @ family.moves), -relative[None]]
        )
        local = point.derivatives(relative, directions)
        double = replace(point, denominator=2 * n).derivatives(relative, directions)
        gradient = local.gradient + weight * (double.gradient - local.gradient)
        hessian = local.hessian + weight * (double.hessian - local.hessian)
        # The relative factor is F / sigma, which bends along log sigma.
        hessian[-1] -= gradient
        hessian[:-1, -1] -= gradient[:-1]
        rate = local.log_residual.copy()
        rate[-1] -= 2.0
        gradient[-1] -= 2.0 * n * weight
        hessian += n * (weight + 1.0) * np.outer(rate, rate)
        if not self.along.parameter.effects:
            # A coordinate that nothing is gained by moving.
            gradient[-1] = hessian[-1] = hessian[:, -1] = 0.0
            hessian[-1, -1] = 1.0
        chain = np.where(family.squared, 2.0 * self.x, 1.0)
        hessian = chain[:, None] * hessian * chain + np.diag(np.where(family.squared, 2.0 * gradient, 0.0))
        return replace(local, gradient=chain * gradient, hessian=hessian)


def _part(like: Floats, rows: Any, columns: Any, values: Any) -> Floats:
    """Return a matrix of zeros with values at rows and columns."""
    matrix = np.zeros_like(like)
    matrix[rows, columns] = values
    return matrix


@dataclass(frozen=True, eq=False)
class EffectSlice:
    """The deviance of an ML fit profiled along a fixed effect, in units of the data."""

    fit: Estimates
    effect: int

    def lowest(self, value: float, near: Place) -> Place:
        """Return the minimum at a value, descending from a neighbour's; from everywhere if that is not certified."""
        surface = self._held(value)
        try:
            optimum = optimum_from(surface, near.factor)
        except ConvergenceError:
            optimum = find_optimum(surface)
        return place_of(self.fit, value, optimum)

    def anywhere(self, value: float, near: Place) -> Place:
        """Return the lowest minimum at a value over several starts."""
        return place_of(self.fit, value, find_optimum(self._held(value)))

    def _held(self, value: float) -> Surface:
        """Return the criterion with the fixed effect held at a value."""
        design, p = self.fit.design, self.fit.coefficients.size
        weights = np.linalg.solve(design.units.fixed.root.T, np.eye(p)[self.effect])
        length = float(np.linalg.norm(weights))
        offset = (value - float(design.units.ols[self.effect])) / (design.units.scale * length)
        # The first column is the direction that moves this effect alone; the others are orthogonal to it.
        basis = np.linalg.qr(np.column_stack([weights / length, np.eye(p)]))[0]
        mapping = np.eye(p + 1)
        mapping[:p, :p] = basis
        mapping[:p, 0] = 0.0
        mapping[:p, p] = -offset * weights / length
        return design.likelihood.mapped(mapping)


#: A parameter along which the deviance of an ML fit is profiled.
Slice: TypeAlias = VarianceSlice | EffectSlice
