"""The surface of a model whose random terms share one grouping factor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from reference.arrays import Floats
from reference.likelihood.block_elimination import BlockPoint, criteria, profile
from reference.likelihood.blocks import Blocks

_SMALLEST_VARIANCE = 1e-4


@dataclass(frozen=True, eq=False)
class OneFactor:
    """A :class:`~reference.likelihood.surface.Surface` over blocks, one per group; ``sizes`` are those of the terms."""

    blocks: Blocks
    sizes: tuple[int, ...]
    reml: bool

    @property
    def n_observations(self) -> int:
        """Rows of the table."""
        return self.blocks.n_observations

    @property
    def cost(self) -> int:
        """The number of groups."""
        return self.blocks.n_groups

    @property
    def weight(self) -> float:
        """The rows of an average group."""
        return self.n_observations / self.cost

    def profile(self, factor: Floats) -> BlockPoint:
        """Return the point at a factor."""
        return profile(factor, self.blocks, reml=self.reml)

    def criteria(self, factors: Floats) -> Floats:
        """Return the criterion at each of m factors (m, Q, Q), as (m,)."""
        return criteria(factors, self.blocks, reml=self.reml)

    def using(self, *, reml: bool) -> OneFactor:
        """Return the surface of the other criterion."""
        return replace(self, reml=reml)

    def mapped(self, mapping: Floats) -> OneFactor:
        """Return the surface with ``[X y]`` mapped."""
        return replace(self, blocks=self.blocks.mapped(mapping))

    def sample(self, most: int) -> OneFactor:
        """Return the surface of every so manieth group."""
        return self if self.cost <= most else replace(self, blocks=self.blocks.sample(most))

    def moment_factor(self) -> Floats | None:
        """Return, for one term, a factor of the covariance that one scoring step gives from the factor 1/2."""
        if len(self.sizes) > 1:
            return None
        q = self.blocks.n_random
        start = 0.25 * np.eye(q)
        point = self.profile(np.sqrt(start))
        score, products = np.zeros((q, q)), np.zeros((q * q, q * q))
        for part in point.slices():
            # The pull over sigma.
            pull = part.reach[:, :, -1] * np.sqrt(point.denominator)
            flat = part.leverage.reshape(-1, q * q)
            score += pull.T @ pull - part.leverage.sum(axis=0)
            products += flat.T @ flat
        information = products.reshape(q, q, q, q).transpose(0, 2, 1, 3).reshape(q * q, q * q)
        move = np.linalg.lstsq(information, score.ravel(), rcond=None)[0].reshape(q, q)
        values, vectors = np.linalg.eigh(start + (move + move.T) / 2.0)
        factor: Floats = vectors * np.sqrt(np.maximum(values, _SMALLEST_VARIANCE))
        return factor
