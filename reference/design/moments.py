"""A table that comes in pieces, reduced to a root of each group's cross-products, whatever the number of rows.

Of each group its count, means and cross-products around the means are kept and pieces are merged by the formula of
Chan, Golub & LeVeque (1983), Am. Stat. 37(3), so that no large sums are ever subtracted; then a Cholesky factor of
each group that tolerates groups of fewer rows than columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd

from reference.arrays import Floats, Integers
from reference.data.encoding import Matrices
from reference.data.groups import Id
from reference.design.elimination import Elimination
from reference.design.standardised import Columns
from reference.errors import DesignError

# Pivots of a semidefinite Cholesky factor below this share of the diagonal are rounding.
_EPSILON = float(np.finfo(np.float64).eps)
_ROUNDING = 64 * _EPSILON
# Groups whose matrices are unfolded at once, so that they take little memory.
_UNFOLDED_AT_ONCE = 512
# How many times more groups there is room for when it has run out.
_GROWTH = 1.25


def sum_pieces(columns: Columns, label: str, pieces: Iterable[Matrices]) -> GroupMoments:
    """Return the sums over a table that comes in pieces, at least one, for one grouping factor, called ``label``."""
    moments = GroupMoments(columns, label)
    for matrices in pieces:
        rows, codes, levels = columns.standardised(matrices.columns), matrices.codes[0], matrices.levels[0]
        # Let go of at once, as the next piece is read before the name is taken again.
        del matrices
        moments.add(rows, codes, levels)
        del rows, codes
    return moments


class GroupMoments:
    """Counts, w means and w(w+1)/2 cross-products around them of w columns, each (J,), by group, to be added to.

    The columns are all but that of ones, which has its moments by definition. ``places`` says where each group is;
    behind the last one there is room for more. Each is an array of its own, so that only one at a time is in memory
    twice when room is made.
    """

    def __init__(self, columns: Columns, label: str) -> None:
        """Set the columns and what the grouping factor is called; no rows are added yet."""
        self.columns, self.label = columns, label
        self.others = [place for place in range(len(columns.sources)) if place != columns.one]
        width = len(self.others)
        self.pairs = [*combinations_with_replacement(range(width), 2)]
        self.places: dict[Id, int] = {}
        self.counts = np.zeros(0, dtype=np.int64)
        self.means = [np.zeros(0) for _ in range(width)]
        self.products = [np.zeros(0) for _ in self.pairs]

    def add(self, rows: Floats, codes: Integers, levels: Sequence[Id]) -> None:
        """Add rows (n, k) whose groups are ``levels[codes]``; every level occurs, and the rows are centred in place."""
        known = self.places
        places = np.array([known.setdefault(level, len(known)) for level in levels], dtype=np.int64)
        self._make_room()
        counts = np.bincount(codes, minlength=len(levels))
        held = self.counts[places]
        total = held + counts
        pull, share = held * (counts / total), counts / total
        columns, changes = [rows[:, place] for place in self.others], []
        for column, means in zip(columns, self.means, strict=True):
            mean = np.bincount(codes, weights=column) / counts
            column -= mean[codes]
            changes.append(mean - means[places])
            means[places] += share * changes[-1]
        for (i, j), products in zip(self.pairs, self.products, strict=True):
            within = np.bincount(codes, weights=columns[i] * columns[j])
            products[places] += within + pull * changes[i] * changes[j]
        self.counts[places] = total

    def _make_room(self) -> None:
        """Make more room when it is used up, so that groups are moved a few times only, however many come."""
        room = self.counts.size
        if len(self.places) > room:
            more = max(len(self.places), int(_GROWTH * room)) - room
            self.counts = np.pad(self.counts, (0, more))
            for sums in (self.means, self.products):
                for position, held in enumerate(sums):
                    sums[position] = np.pad(held, (0, more))

    @property
    def order(self) -> Integers:
        """The places of the groups, ascending by id, (J,); a DesignError if some ids are numbers and some are text."""
        try:
            return np.asarray(pd.Index(list(self.places)).argsort())
        except TypeError as error:
            raise DesignError(
                f"column {self.label!r} holds numbers in one piece of the table and text in another; "
                "make it text in all."
            ) from error

    @property
    def levels(self) -> Any:
        """Ids of the groups, ascending, (J,)."""
        return pd.Index(list(self.places), dtype=object)[self.order]

    def elimination(self) -> Elimination:
        """Return the elimination of all rows added, groups ascending; nothing can be added afterwards."""
        self._take_roots()
        width, order = len(self.others), self.order
        elimination = self.columns.elimination(order.size)
        for start in range(0, order.size, _UNFOLDED_AT_ONCE):
            some = order[start : start + _UNFOLDED_AT_ONCE]
            roots = np.zeros((some.size, width + 1, len(self.columns.sources)))
            sizes = np.sqrt(self.counts[some])
            if self.columns.one is not None:
                roots[:, 0, self.columns.one] = sizes
            for place, held in zip(self.others, self.means, strict=True):
                roots[:, 0, place] = sizes * held[some]
            for (i, j), held in zip(self.pairs, self.products, strict=True):
                roots[:, i + 1, self.others[j]] = held[some]
            elimination.add(np.arange(start, start + some.size), roots)
        return elimination

    def _take_roots(self) -> None:
        """Put the triangular root of each group's cross-products in their place."""
        width = len(self.means)
        for start in range(0, len(self.places), _UNFOLDED_AT_ONCE):
            some = slice(start, start + _UNFOLDED_AT_ONCE)
            noise = [(8 * _EPSILON * np.sqrt(self.counts[some]) * held[some]) ** 2 for held in self.means]
            products = np.empty((noise[0].size, width, width))
            for (i, j), held in zip(self.pairs, self.products, strict=True):
                products[:, i, j] = products[:, j, i] = held[some]
            roots = semidefinite_root(products, np.column_stack(noise))
            for (i, j), held in zip(self.pairs, self.products, strict=True):
                held[some] = roots[:, i, j]


def semidefinite_root(products: Floats, noise: Floats) -> Floats:
    """Return upper triangular roots (J, k, k) of cross-products (J, k, k), a row of zeros for each lost rank.

    Squares (J, k) up to ``noise`` count as none.
    """
    left = products.copy()
    roots = np.zeros_like(products)
    least = np.maximum(_ROUNDING * np.diagonal(products, axis1=1, axis2=2), noise)
    for position in range(products.shape[1]):
        pivot = left[:, position, position]
        sound = pivot > least[:, position]
        inverse = np.where(sound, 1.0 / np.sqrt(np.where(sound, pivot, 1.0)), 0.0)
        row = left[:, position, position:] * inverse[:, None]
        roots[:, position, position:] = row
        left[:, position:, position:] -= row[:, :, None] * row[:, None, :]
    return roots
