"""The form a model with several grouping factors is kept in: small dense fronts; see ``front_elimination``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np

from reference.arrays import Floats, Integers, block_slices


@dataclass(frozen=True, eq=False)
class Batch:
    """Components of one stage, U of them, padded to one shape.

    Parameters
    ----------
    own : (U, o), out : (U, r)
        The effects eliminated, and the later effects and columns of ``[X y]`` they touch, as numbers counted
        through all effects in the order of elimination; the highest number is padding.
    first : int
        Where their fronts (U, o + r, o + r) begin in the storage of the stage.
    start, width : (U,), place : (U, r)
        Where the front each is handed on to begins in the next stage's storage, its order, and the places of
        ``out`` in it; padding is at place 0, where it adds zeros.
    """

    own: Integers
    out: Integers
    first: int
    start: Integers
    width: Integers
    place: Integers

    @property
    def index(self) -> Integers:
        """Where in the next stage's storage the (U, r, r) handed on are added, flat."""
        rows = self.start[:, None] + self.place * self.width[:, None]
        return (rows[:, :, None] + self.place[:, None, :]).ravel()

    def gather(self, storage: Floats) -> Floats:
        """Return what the next stage's storage holds at the places of ``out``, (U, r, r)."""
        return storage[self.index].reshape(*self.out.shape, -1)

    def add(self, storage: Floats, handed: Floats) -> None:
        """Add (U, r, r) to the next stage's storage."""
        np.add.at(storage, self.index, handed.ravel())

    def front(self, storage: Floats) -> Floats:
        """Return the fronts, (U, o + r, o + r): a view."""
        count, order = self.own.shape[0], self.own.shape[1] + self.out.shape[1]
        return storage[self.first : self.first + count * order**2].reshape(count, order, order)


@dataclass(frozen=True, eq=False)
class Leaves:
    """Levels of the first factor in groups that share a front: c levels each, (U, c), the number J being padding.

    ``rows`` (U, c, q, q + r) holds the root and the heads, ``[R P]``, of each.
    """

    batch: Batch
    levels: Integers
    rows: Floats


@dataclass(frozen=True, eq=False)
class Fronts:
    """What the profiled likelihood needs of the data, by the stages of its evaluation.

    Parameters
    ----------
    n_observations, n_fixed : int
        Rows of the table, and fixed effects p.
    sizes, n_levels : tuple of int
        Columns q_f and levels J_f of each factor, as given.
    order : tuple of int
        The factors in the order of elimination.
    leaves : tuple of Leaves
        The first factor.
    batches : tuple of tuple of Batch
        The later factors.
    storage : tuple of arrays
        What each front holds before anything is handed on to it, one flat array for each later factor and, last,
        one for ``[X y]``.
    """

    n_observations: int
    n_fixed: int
    sizes: tuple[int, ...]
    n_levels: tuple[int, ...]
    order: tuple[int, ...]
    leaves: tuple[Leaves, ...]
    batches: tuple[tuple[Batch, ...], ...]
    storage: tuple[Floats, ...]

    @property
    def offsets(self) -> tuple[int, ...]:
        """The number of the first effect of each factor in the order of elimination, then that of X."""
        return (0, *accumulate(self.sizes[f] * self.n_levels[f] for f in self.order))

    def split(self, matrices: Floats) -> list[Floats]:
        """Return the diagonal blocks of (..., Q, Q) in the order of elimination."""
        slices = block_slices(self.sizes)
        return [matrices[..., slices[f], slices[f]] for f in self.order]

    def mapped(self, mapping: Floats) -> Fronts:
        """Return the fronts with ``[X y]`` mapped: see :class:`~reference.likelihood.surface.Surface`."""
        first, storage, leaves = self.offsets[-1], [part.copy() for part in self.storage], []
        for leaf in self.leaves:
            rows = leaf.rows.copy()
            _map_last(rows[..., leaf.rows.shape[2] :], leaf.batch.out, first, mapping)
            leaves.append(replace(leaf, rows=rows))
        for batches, part in zip(self.batches, storage[:-1], strict=True):
            for batch in batches:
                front = batch.front(part)
                numbers = np.concatenate([batch.own, batch.out], axis=1)
                _map_last(front[:, None], numbers, first, mapping)
                _map_last(front.swapaxes(1, 2)[:, None], numbers, first, mapping)
        last = mapping.T @ storage[-1].reshape(mapping.shape) @ mapping
        last[0, 0] += 1.0
        storage[-1] = last.ravel()
        return replace(self, leaves=tuple(leaves), storage=tuple(storage))


def _map_last(rows: Floats, numbers: Any, first: int, mapping: Floats) -> None:
    """Map in place the columns of ``[X y]`` in rows (U, c, m, r), whose columns are the effects ``numbers`` (U, r)."""
    places = np.argmax(numbers[:, None, :] == first + np.arange(len(mapping))[:, None], axis=2)[:, None, None, :]
    np.put_along_axis(rows, places, np.take_along_axis(rows, places, axis=3) @ mapping, axis=3)


def join_columns(rows: Floats) -> Floats:
    """Return the rows (U, c, q, r) of all levels of a group under each other, (U, c q, r)."""
    return rows.reshape(rows.shape[0], -1, rows.shape[3])
