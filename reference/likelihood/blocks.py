"""The form a model with one grouping factor is kept in: what is left of each group's rows. Arrays only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from reference.arrays import Floats

# So many groups are one slice, whose gains are kept; more are taken in slices of fewer.
ONE_SLICE = 1_024
SLICE = 512
# What keeps the cross-products of X positive where a rare level is in no group of a sample.
_RIDGE = 1e-6


@dataclass(frozen=True, eq=False)
class Blocks:
    """What the profiled likelihood needs of the data: one block of d rows per group.

    An orthogonal transformation of a group's rows of ``[Z X y]`` leaves d of them, ``[R_j P_j]``, and a rest that no
    random effect touches: roots R_j, with R_jᵀ R_j = Z_jᵀ Z_j, and heads P_j, the part of ``[X y]`` in the span of
    Z_j. Sums of squares only are ever added, so a large variance ratio cancels nothing.

    Parameters
    ----------
    kept : (J, d, k)
        Such rows of the distinct columns, from which those of ``[Z X y]`` are made when wanted, as they are more.
    combination : (k, q + p + 1)
        Maps the one to the other, the response last.
    rest : (p + 1, p + 1)
        Cross-products of what is left, summed over groups.
    n_observations : int
        Rows of the table.
    """

    kept: Floats
    combination: Floats
    rest: Floats
    n_observations: int

    @property
    def roots(self) -> Floats:
        """R_j, (J, d, q)."""
        return self.kept @ self.combination[:, : self.n_random]

    @property
    def n_groups(self) -> int:
        """The number of groups, J."""
        return int(self.kept.shape[0])

    @property
    def n_levels(self) -> tuple[int, ...]:
        """The numbers of groups by grouping factor, of which there is one."""
        return (self.n_groups,)

    @property
    def n_fixed(self) -> int:
        """The number of fixed effects, p."""
        return int(self.rest.shape[0]) - 1

    @property
    def n_random(self) -> int:
        """The number of random effects per group, q."""
        return int(self.combination.shape[1] - self.rest.shape[0])

    @property
    def few(self) -> bool:
        """Whether all groups are one slice."""
        return self.n_groups <= ONE_SLICE

    def slices(self) -> Iterator[Floats]:
        """Yield ``[R_j P_j]``, (J', d, q + p + 1), a slice of groups at a time."""
        if self.few:
            yield self._all
        else:
            for start in range(0, self.n_groups, SLICE):
                yield _combined(self.kept[start : start + SLICE], self.combination)

    def mapped(self, mapping: Floats) -> Blocks:
        """Return the blocks with ``[X y]`` mapped: see :class:`~reference.likelihood.surface.Surface`."""
        combination, q = self.combination.copy(), self.n_random
        combination[:, q:] = combination[:, q:] @ mapping
        rest = mapping.T @ self.rest @ mapping
        rest[0, 0] += 1.0
        return replace(self, combination=combination, rest=rest)

    def sample(self, most: int) -> Blocks:
        """Return every so manieth group, about ``most`` of them, with its share of what no random effect touches."""
        kept = np.ascontiguousarray(self.kept[:: -(-self.n_groups // most)])
        share = len(kept) / self.n_groups
        rest = share * (self.rest + _RIDGE * np.diag([*np.ones(self.n_fixed), 0.0]))
        count = max(1 + self.n_fixed, round(share * self.n_observations))
        return Blocks(kept, self.combination, rest, count)

    @cached_property
    def _all(self) -> Floats:
        return _combined(self.kept, self.combination)


def _combined(kept: Floats, combination: Floats) -> Floats:
    # One product for all groups, which BLAS is quick with.
    return (kept.reshape(-1, len(combination)) @ combination).reshape(*kept.shape[:2], -1)
