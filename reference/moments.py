"""One pass over the data: a triangular root of each group's cross-products, whatever the number of rows.

A table that fits into one piece is reduced by a QR factorisation per group. A longer one is read piece by piece; of
each group its count, means and cross-products around the means are kept and pieces are merged by the formula of Chan,
Golub & LeVeque (1983), Am. Stat. 37(3), so that no large sums are ever subtracted; then a Cholesky factor of each
group that tolerates groups of fewer rows than columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg.blas import dnrm2

from reference.columns import Level, stack_groups
from reference.encoding import Encoding, Matrices
from reference.formula import INTERCEPT
from reference.panel import Floats, Integers

# Pivots of a semidefinite Cholesky factor below this share of the diagonal are rounding.
_EPSILON = float(np.finfo(np.float64).eps)
_ROUNDING = 64 * _EPSILON
# Groups whose matrices are factorised at once, so that copies of them take little memory.
GROUPS_AT_ONCE = 512
# Roots that are factorised as one matrix.
_TOGETHER = 16
# How many times more groups there is room for when it has run out.
_GROWTH = 1.25
# One group may be this many times longer than the average before padding costs more than summing.
_PADDING = 4


@dataclass(frozen=True, eq=False)
class Columns:
    """The distinct columns of a model: a one, those of X and all Z, and y last; each less ``shift``, over ``scale``.

    ``sources`` says in which matrix (X, then every Z) and where each is found. Shift and scale, (k,), are in the
    units of the data; a shift is zero unless X has an intercept.
    """

    names: tuple[str, ...]
    sources: tuple[tuple[int, int], ...]
    shift: Floats
    scale: Floats

    def standardised(self, matrices: Matrices) -> Floats:
        """Return a one, the distinct columns and the response, shifted and scaled, (n, k)."""
        parts = (matrices.fixed, *matrices.random)
        columns = np.empty((matrices.response.size, len(self.names)), order="F")
        columns[:, 0] = 1.0
        for position, (part, column) in enumerate(self.sources, start=1):
            columns[:, position] = parts[part][:, column]
        columns[:, -1] = matrices.response
        columns[:, 1:] -= self.shift[1:]
        columns[:, 1:] /= self.scale[1:]
        return columns


@dataclass(frozen=True, eq=False)
class Moments:
    """Cross-products of standardised columns by group, as roots.

    Parameters
    ----------
    columns : Columns
        The k columns.
    roots : iterable of (J', m, k)
        F_j, with F_jᵀ F_j the cross-products of the group's rows, some groups at a time. May be gone through again.
    counts : (J,)
        Rows per group.
    levels : tuple
        Ids of the groups, ascending.
    """

    columns: Columns
    roots: Iterable[Floats]
    counts: Integers
    levels: tuple[Level, ...]

    @property
    def n_observations(self) -> int:
        """The number of rows."""
        return int(self.counts.sum())


def choose_columns(encoding: Encoding, matrices: Matrices) -> Columns:
    """Return the distinct columns of a model, at the mean and spread they have in the rows given.

    Without an intercept in X nothing is shifted, as a shift would leave the span of X.
    """
    sources: dict[str, tuple[int, int]] = {}
    for part, names in enumerate((encoding.fixed.names, *(part.names for part in encoding.random))):
        for column, name in enumerate(names):
            if name != INTERCEPT:
                sources.setdefault(name, (part, column))
    parts = (matrices.fixed, *matrices.random)
    values = [*(parts[part][:, column] for part, column in sources.values()), matrices.response]
    shift = [float(column.mean()) if encoding.fixed.has_intercept else 0.0 for column in values]
    # BLAS's norm squares no number that is too small for it.
    scale = [float(dnrm2(column - mean)) / np.sqrt(column.size) for column, mean in zip(values, shift, strict=True)]
    return Columns(
        names=(INTERCEPT, *sources, "(response)"),
        sources=tuple(sources.values()),
        shift=np.array([0.0, *shift]),
        # A column that does not vary is refused later, by name.
        scale=np.array([1.0, *(size if size > 0 else 1.0 for size in scale)]),
    )


def reduce_rows(columns: Columns, matrices: Matrices) -> Moments:
    """Return the moments of a table in one piece, for a model with one grouping factor."""
    codes, levels = matrices.codes[0], matrices.levels[0]
    rows = columns.standardised(matrices)
    counts = np.bincount(codes, minlength=len(levels))
    if len(levels) * int(counts.max()) > _PADDING * (codes.size + rows.shape[1]):
        return sum_pieces(columns, [matrices])
    roots = triangular_factor(stack_groups(rows, codes, len(levels)))
    parts = [roots[start : start + GROUPS_AT_ONCE] for start in range(0, len(roots), GROUPS_AT_ONCE)]
    return Moments(columns, parts, counts, levels)


def sum_pieces(columns: Columns, pieces: Iterable[Matrices]) -> Moments:
    """Return the moments of a table that comes in pieces, at least one, for a model with one grouping factor."""
    tally = _Tally(len(columns.names) - 1)
    for matrices in pieces:
        # The column of ones has its moments by definition.
        rows, codes, levels = columns.standardised(matrices)[:, 1:], matrices.codes[0], matrices.levels[0]
        # Let go of at once, as the next piece is read before the name is taken again.
        del matrices
        tally.add(rows, codes, levels)
        del rows, codes
    return tally.moments(columns)


class _Tally:
    """Counts, k means and k(k+1)/2 cross-products around them of k columns, each (J,), by group, to be added to.

    ``places`` says where each group is; behind the last one there is room for more. Each is an array of its own, so
    that only one at a time is in memory twice when room is made.
    """

    def __init__(self, width: int) -> None:
        self.places: dict[Level, int] = {}
        self.counts = np.zeros(0, dtype=np.int64)
        self.means = [np.zeros(0) for _ in range(width)]
        self.products = [np.zeros(0) for _ in _pairs(width)]

    def add(self, rows: Floats, codes: Integers, levels: Sequence[Level]) -> None:
        """Add rows (n, k) whose groups are ``levels[codes]``; every level occurs, and the rows are centred in place."""
        known = self.places
        places = np.array([known.setdefault(level, len(known)) for level in levels], dtype=np.int64)
        self._make_room()
        counts = np.bincount(codes, minlength=len(levels))
        held = self.counts[places]
        total = held + counts
        pull, share = held * (counts / total), counts / total
        columns, changes = rows.T, []
        for column, means in zip(columns, self.means, strict=True):
            mean = np.bincount(codes, weights=column) / counts
            column -= mean[codes]
            changes.append(mean - means[places])
            means[places] += share * changes[-1]
        for (i, j), products in zip(_pairs(len(columns)), self.products, strict=True):
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

    def moments(self, columns: Columns) -> Moments:
        """Return the moments of all rows added, groups ascending; nothing can be added afterwards."""
        levels = list(self.places)
        order = np.asarray(pd.Index(levels).argsort())
        self._take_roots()
        roots = _Roots(self.counts, self.means, self.products, order)
        return Moments(columns, roots, self.counts[order], tuple(levels[place] for place in order))

    def _take_roots(self) -> None:
        """Put the triangular root of each group's cross-products in their place."""
        width = len(self.means)
        for start in range(0, len(self.places), GROUPS_AT_ONCE):
            some = slice(start, start + GROUPS_AT_ONCE)
            noise = [(8 * _EPSILON * np.sqrt(self.counts[some]) * held[some]) ** 2 for held in self.means]
            products = np.empty((noise[0].size, width, width))
            for (i, j), held in zip(_pairs(width), self.products, strict=True):
                products[:, i, j] = products[:, j, i] = held[some]
            roots = semidefinite_root(products, np.column_stack(noise))
            for (i, j), held in zip(_pairs(width), self.products, strict=True):
                held[some] = roots[:, i, j]


@dataclass(frozen=True, eq=False)
class _Roots:
    """The roots of the groups of a tally at the places ``order``: their upper triangles, unfolded a few at a time."""

    counts: Integers
    means: Sequence[Floats]
    triangles: Sequence[Floats]
    order: Integers

    def __iter__(self) -> Iterator[Floats]:
        """Yield roots (J', k + 1, k + 1), the column of ones first."""
        width = len(self.means)
        for start in range(0, self.order.size, GROUPS_AT_ONCE):
            some = self.order[start : start + GROUPS_AT_ONCE]
            roots = np.zeros((some.size, width + 1, width + 1))
            roots[:, 0, 0] = np.sqrt(self.counts[some])
            for position, held in enumerate(self.means, start=1):
                roots[:, 0, position] = roots[:, 0, 0] * held[some]
            for (i, j), held in zip(_pairs(width), self.triangles, strict=True):
                roots[:, i + 1, j + 1] = held[some]
            yield roots


def _pairs(width: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(width) for j in range(i, width)]


def combined_factor(roots: Iterable[Floats], width: int) -> Floats:
    """Return the upper triangular factor (k, k) of all roots (J', m, k) under each other, k being the width.

    Some are factorised together, then some of the results, and so on: matrices of a few rows only, as threads of BLAS
    wait for each other longer than a tall matrix takes.
    """
    factor = np.zeros((width, width))
    for some in roots:
        while len(some) > 1:
            short = -len(some) % _TOGETHER
            padded = np.concatenate([some, np.zeros((short, *some.shape[1:]))])
            some = triangular_factor(padded.reshape(-1, _TOGETHER * some.shape[1], width))
        factor = triangular_factor(np.concatenate([factor, *some]))
    return factor


def triangular_factor(matrices: Floats) -> Floats:
    """Return the upper triangular factor of each matrix of a stack (..., m, k), (..., min(m, k), k)."""
    factors: Any = np.linalg.qr(matrices, mode="r")
    return np.asarray(factors, dtype=np.float64)


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
