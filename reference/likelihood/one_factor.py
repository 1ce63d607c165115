"""The surface of a model whose random terms share one grouping factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.arrays import Floats, block_slices
from reference.likelihood.block_elimination import Profile, criteria, derivatives, profile
from reference.likelihood.blocks import Blocks
from reference.likelihood.surface import Derivatives


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
