"""The surface of a model with several grouping factors, nested or crossed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.arrays import Floats, block_slices
from reference.likelihood.front_derivatives import staged_derivatives
from reference.likelihood.front_elimination import (
    StagedProfile,
    staged_conditional_covariance,
    staged_modes,
    staged_profile,
)
from reference.likelihood.fronts import Stages
from reference.likelihood.surface import Derivatives


@dataclass(frozen=True, eq=False)
class ManyFactors:
    """The surface of a model with several grouping factors, nested or crossed.

    ``owners`` names the grouping factor of each term; the stages want the terms of one factor side by side.
    """

    stages: Stages
    sizes: tuple[int, ...]
    owners: tuple[int, ...]
    reml: bool

    @property
    def cost(self) -> int:
        """The number of groups of all grouping factors."""
        return sum(self.stages.n_levels)

    @property
    def weight(self) -> float:
        """The rows of an average group."""
        return self.stages.n_observations * len(self.stages.n_levels) / self.cost

    @property
    def order(self) -> list[int]:
        """The rows of the factor in the order of the stages."""
        slices = block_slices(self.sizes)
        chosen = sorted(range(len(self.sizes)), key=lambda term: self.owners[term])
        return [row for term in chosen for row in range(slices[term].start, slices[term].stop)]

    def profile(self, factor: Floats) -> StagedProfile:
        """Return the criterion at a factor, and what profiling left behind."""
        order = self.order
        return staged_profile(factor[np.ix_(order, order)], self.stages, reml=self.reml)

    def criteria(self, factors: Floats) -> Floats:
        """Return the criterion at each of m factors (m, Q, Q), as (m,)."""
        return np.array([self.profile(factor).criterion for factor in factors])

    def derivatives(self, factor: Floats, directions: Floats, point: StagedProfile) -> Derivatives:
        """Return the derivatives at a factor along directions (k, Q, Q)."""
        order = self.order
        turned = directions[:, order][:, :, order]
        return staged_derivatives(factor[np.ix_(order, order)], turned, self.stages, reml=self.reml)

    def modes(self, factor: Floats, point: StagedProfile) -> tuple[Floats, ...]:
        """Return the conditional modes of each term, (J, q)."""
        order = self.order
        modes = staged_modes(factor[np.ix_(order, order)], self.stages, point)
        return tuple(modes[owner][:, part] for owner, part in zip(self.owners, self._places(), strict=True))

    def conditional_covariance(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the covariance of each term's modes given the data, (J, q, q), over the residual variance."""
        order = self.order
        spread = staged_conditional_covariance(factor[np.ix_(order, order)], self.stages)
        return tuple(spread[owner][:, part, part] for owner, part in zip(self.owners, self._places(), strict=True))

    def _places(self) -> list[slice]:
        """Return each term's columns among those of its grouping factor."""
        used = dict.fromkeys(self.owners, 0)
        places = []
        for owner, size in zip(self.owners, self.sizes, strict=True):
            places.append(slice(used[owner], used[owner] + size))
            used[owner] += size
        return places
