"""What the random effects can reach, taken out of the rows group by group by orthogonal transformations.

Of a group's standardised columns, those of the Zs come first. A QR factorisation of the group's rows leaves one row
for each of these, kept by group, and below them rows without them, which no random effect touches: of all groups
together a triangle is kept. Neither depends on the units, so that these are chosen afterwards, from the triangle
of everything, and the rows kept stay as they are. Cross-products of a group's rows are never formed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference.arrays import Floats, Integers, triangular_factor
from reference.likelihood.blocks import Blocks

# Groups whose matrices are factorised at once, so that copies of them take little memory.
_FACTORISED_AT_ONCE = 256
# Triangles that are factorised as one matrix, of more than so many rows.
_TOGETHER = 16
_SHORT = 256
# Rows of a matrix above which it is factorised in parts, of so many rows.
_TALL = 512


class Elimination:
    """The rows of J groups, of which the first ``leading`` of ``width`` columns are eliminated; each is added once."""

    def __init__(self, n_groups: int, leading: int, width: int) -> None:
        """Set the shapes; no group is added yet."""
        self._kept = np.zeros((n_groups, leading, width))
        self._tail = np.zeros((width - leading, width - leading))

    def add(self, groups: Integers, stack: Floats) -> None:
        """Add groups (J',) whose rows are stacked (J', m, k), a group of fewer than m rows with zeros below them.

        Any matrices with the same cross-products will do.
        """
        leading = self._kept.shape[1]
        for start in range(0, len(stack), _FACTORISED_AT_ONCE):
            factors = stacked_factors(stack[start : start + _FACTORISED_AT_ONCE])
            kept = factors[:, :leading]
            self._kept[groups[start : start + _FACTORISED_AT_ONCE], : kept.shape[1]] = kept
            self._tail = combined_factor(self._tail, factors[:, leading:, leading:])

    def add_rows(self, first: int, rows: Floats, sizes: Integers) -> None:
        """Add groups from the position ``first`` on, whose rows (n, k) follow each other, ``sizes`` of them each."""
        for groups, stack in row_stacks(rows, sizes):
            self.add(first + groups, stack)

    @property
    def root(self) -> Floats:
        """A root (k, k) of the cross-products of all rows."""
        root = np.pad(self._tail, ((0, 0), (self._kept.shape[1], 0)))
        for start in range(0, len(self._kept), _FACTORISED_AT_ONCE):
            root = combined_factor(root, self._kept[start : start + _FACTORISED_AT_ONCE])
        return root

    def blocks(self, combination: Floats, n_random: int, n_observations: int) -> Blocks:
        """Return the blocks of ``[Z X y]``, the columns times ``combination`` (k, q + p + 1).

        Of the first q columns none may reach beyond the leading ones.
        """
        tail = self._tail @ combination[self._kept.shape[1] :, n_random:]
        return Blocks(self._kept, combination, tail.T @ tail, n_observations)


def row_stacks(rows: Floats, sizes: Integers) -> Iterator[tuple[Integers, Floats]]:
    """Yield the positions of groups (J',) and their rows (J', m, k), at most half of which is padding."""
    if not sizes.size:
        return
    if (sizes == sizes[0]).all():
        yield np.arange(sizes.size), rows.reshape(sizes.size, -1, rows.shape[1])
        return
    starts, lengths = np.cumsum(sizes) - sizes, np.frexp(sizes)[1]
    for length in np.unique(lengths):
        groups = np.flatnonzero(lengths == length)
        within = np.arange(sizes[groups].max())
        stack = rows[np.minimum(starts[groups, None] + within, len(rows) - 1)]
        stack[within >= sizes[groups, None]] = 0.0
        yield groups, stack


def combined_factor(factor: Floats, stack: Floats) -> Floats:
    """Return the upper triangular factor (k, k) of a matrix (m, k) and those of a stack (J, m', k) under each other.

    Of many rows some are factorised together, then some of the results, and so on, as threads of BLAS wait for each
    other longer than a tall matrix takes.
    """
    width = stack.shape[2]
    while len(stack) * stack.shape[1] > _SHORT and len(stack) > 1:
        short = -len(stack) % _TOGETHER
        padded = np.concatenate([stack, np.zeros((short, *stack.shape[1:]))]) if short else stack
        stack = triangular_factor(padded.reshape(-1, _TOGETHER * stack.shape[1], width))
    return triangular_factor(np.concatenate([factor, stack.reshape(-1, width)]))


def stacked_factors(stack: Floats) -> Floats:
    """Return the upper triangular factors (J, min(m, k), k) of a stack (J, m, k), of tall matrices a part at a time.

    Threads of BLAS wait for each other longer than that takes.
    """
    # Parts at least twice as tall as wide, so that every turn leaves half the rows or fewer.
    tall = max(_TALL, 2 * stack.shape[2])
    while stack.shape[1] > tall:
        short = -stack.shape[1] % tall
        padded = np.pad(stack, ((0, 0), (0, short), (0, 0))) if short else stack
        parts = padded.reshape(len(stack), -1, tall, stack.shape[2])
        stack = triangular_factor(parts).reshape(len(stack), -1, stack.shape[2])
    return triangular_factor(stack)
