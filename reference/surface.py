"""The criterion as a function of the relative factor alone: one surface for one grouping factor, one for several."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

import numpy as np

from reference.likelihood import Blocks, Derivatives, Profile, criteria, derivatives, profile
from reference.panel import Floats
from reference.staged import StagedProfile, staged_conditional_covariance, staged_modes, staged_profile
from reference.staged_derivatives import staged_derivatives
from reference.stages import Stages


class Surface(Protocol):
    """What the optimiser climbs down: a criterion over block-diagonal factors (Q, Q).

    ``sizes`` are the orders of the blocks, one per random term; ``cost`` the number of groups of all grouping
    factors, to which one evaluation is proportional.
    """

    @property
    def sizes(self) -> tuple[int, ...]:
        """The order of each block."""

    @property
    def cost(self) -> int:
        """The number of groups of all grouping factors."""

    @property
    def weight(self) -> float:
        """The rows of an average group."""

    def profile(self, factor: Floats) -> Any:
        """Return the criterion at a factor, and what profiling left behind."""

    def criteria(self, factors: Floats) -> Floats:
        """Return the criterion at each of m factors (m, Q, Q), as (m,)."""

    def derivatives(self, factor: Floats, directions: Floats, point: Any) -> Derivatives:
        """Return the derivatives at a factor along directions (k, Q, Q)."""

    def modes(self, factor: Floats, point: Any) -> tuple[Floats, ...]:
        """Return the conditional modes of each term, (J, q)."""

    def conditional_covariance(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the covariance of each term's modes given the data, (J, q, q), over the residual variance."""


@dataclass(frozen=True, eq=False)
class OneFactor:
    """The surface of a model whose random terms share one grouping factor."""

    blocks: Blocks
    sizes: tuple[int, ...]
    reml: bool

    @property
    def cost(self) -> int:
        """The number of groups."""
        return self.blocks.n_groups

    @property
    def weight(self) -> float:
        """The rows of an average group."""
        return self.blocks.n_observations / self.blocks.n_groups

    def profile(self, factor: Floats) -> Profile:
        """Return the criterion at a factor, and what profiling left behind."""
        return profile(factor, self.blocks, reml=self.reml)

    def criteria(self, factors: Floats) -> Floats:
        """Return the criterion at each of m factors (m, Q, Q), as (m,)."""
        return criteria(factors, self.blocks, reml=self.reml)

    def derivatives(self, factor: Floats, directions: Floats, point: Profile) -> Derivatives:
        """Return the derivatives at a factor along directions (k, Q, Q)."""
        return derivatives(factor, directions, point, reml=self.reml)

    def modes(self, factor: Floats, point: Profile) -> tuple[Floats, ...]:
        """Return the conditional modes of each term, (J, q)."""
        modes = point.pull @ (factor @ factor.T)
        return tuple(modes[:, part] for part in block_slices(self.sizes))

    def joint_covariance(self, factor: Floats) -> Floats:
        """Return the covariance of a group's effects given the data, (J, Q, Q), over the residual variance."""
        spread = self.blocks.roots @ factor
        eye = np.eye(spread.shape[-1])
        whitened = np.linalg.solve(np.linalg.cholesky(eye + spread.swapaxes(1, 2) @ spread), eye) @ factor.T
        return np.asarray(whitened.swapaxes(1, 2) @ whitened, dtype=np.float64)

    def conditional_covariance(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the covariance of each term's modes given the data, (J, q, q), over the residual variance."""
        covariance = self.joint_covariance(factor)
        return tuple(covariance[:, part, part] for part in block_slices(self.sizes))


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


def block_slices(sizes: tuple[int, ...]) -> list[slice]:
    """Return the rows of each block of a block-diagonal matrix."""
    return [slice(stop - size, stop) for size, stop in zip(sizes, accumulate(sizes), strict=True)]
