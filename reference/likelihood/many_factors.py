"""The surface of a model with several grouping factors, nested or crossed."""

from __future__ import annotations

from dataclasses import dataclass

from reference.arrays import Floats
from reference.likelihood.front_derivatives import front_derivatives
from reference.likelihood.front_elimination import front_covariance, front_modes, front_profile
from reference.likelihood.fronts import Fronts
from reference.likelihood.surface import Derivatives, Point, Surface


@dataclass(frozen=True, eq=False)
class FrontPoint(Point):
    """A point of :class:`ManyFactors`."""

    surface: ManyFactors

    def derivatives(self, factor: Floats, directions: Floats) -> Derivatives:
        """Return the exact derivatives of the criterion at a factor along directions (k, Q, Q)."""
        ordered = self.surface.ordered
        return front_derivatives(ordered(factor), ordered(directions), self.surface.data, self)

    def modes(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the conditional modes of each grouping factor's effects, (J, q)."""
        return front_modes(self.surface.ordered(factor), self.surface.data, self)

    def conditional_covariance(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the covariance of each factor's effects given the data, (J, q, q), over the residual variance."""
        return front_covariance(self.surface.ordered(factor), self.surface.data)

    def leverage(self, factor: Floats) -> None:
        """Return None: all effects hang together, and their products take the rows."""


@dataclass(frozen=True, eq=False)
class ManyFactors(Surface):
    """A surface over fronts; which groups hang together is not kept by a sample of them, and no moments are estimated.

    ``order`` has the rows of a factor, terms of one grouping factor side by side.
    """

    data: Fronts
    order: tuple[int, ...]

    def ordered(self, matrices: Floats) -> Floats:
        """Return matrices (..., Q, Q), terms of one grouping factor side by side."""
        order = list(self.order)
        return matrices[..., order, :][..., order]

    def profile(self, factor: Floats) -> FrontPoint:
        """Return the point at a factor."""
        found = front_profile(self.ordered(factor), self.data, reml=self.reml)
        return FrontPoint(found.criterion, found.inverse, found.denominator, self.reml, self)
