"""The surface of a model with several grouping factors, nested or crossed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from reference.arrays import Floats
from reference.likelihood.front_derivatives import front_derivatives
from reference.likelihood.front_elimination import front_covariance, front_modes, front_profile
from reference.likelihood.fronts import Fronts
from reference.likelihood.surface import Derivatives, Point


@dataclass(frozen=True, eq=False)
class FrontPoint(Point):
    """A point of :class:`ManyFactors`."""

    surface: ManyFactors

    def derivatives(self, factor: Floats, directions: Floats) -> Derivatives:
        """Return the exact derivatives of the criterion at a factor along directions (k, Q, Q)."""
        ordered = self.surface.ordered
        return front_derivatives(ordered(factor), ordered(directions), self.surface.fronts, self)

    def modes(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the conditional modes of each grouping factor's effects, (J, q)."""
        return front_modes(self.surface.ordered(factor), self.surface.fronts, self)

    def conditional_covariance(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the covariance of each factor's effects given the data, (J, q, q), over the residual variance."""
        return front_covariance(self.surface.ordered(factor), self.surface.fronts)

    def leverage(self, factor: Floats) -> None:
        """Return None: all effects hang together, and their products take the rows."""


@dataclass(frozen=True, eq=False)
class ManyFactors:
    """A :class:`~reference.likelihood.surface.Surface` over fronts.

    ``sizes`` are those of the terms, ``order`` the rows of a factor, terms of one grouping factor side by side.
    """

    fronts: Fronts
    sizes: tuple[int, ...]
    order: tuple[int, ...]
    reml: bool

    @property
    def n_observations(self) -> int:
        """Rows of the table."""
        return self.fronts.n_observations

    @property
    def cost(self) -> int:
        """The number of groups of all grouping factors."""
        return sum(self.fronts.n_levels)

    @property
    def weight(self) -> float:
        """The rows of an average group."""
        return self.n_observations * len(self.fronts.n_levels) / self.cost

    def ordered(self, matrices: Floats) -> Floats:
        """Return matrices (..., Q, Q), terms of one grouping factor side by side."""
        order = list(self.order)
        return matrices[..., order, :][..., order]

    def profile(self, factor: Floats) -> FrontPoint:
        """Return the point at a factor."""
        found = front_profile(self.ordered(factor), self.fronts, reml=self.reml)
        return FrontPoint(found.criterion, found.inverse, found.denominator, self.reml, self)

    def criteria(self, factors: Floats) -> Floats:
        """Return the criterion at each of m factors (m, Q, Q), as (m,)."""
        return np.array([self.profile(factor).criterion for factor in factors])

    def using(self, *, reml: bool) -> ManyFactors:
        """Return the surface of the other criterion."""
        return replace(self, reml=reml)

    def mapped(self, mapping: Floats) -> ManyFactors:
        """Return the surface with ``[X y]`` mapped."""
        return replace(self, fronts=self.fronts.mapped(mapping))

    def sample(self, most: int) -> ManyFactors:
        """Return this surface: which groups hang together is not kept by a sample of them."""
        return self

    def moment_factor(self) -> None:
        """Return None: no moment estimate is made."""
