"""One pass over the data: a triangular root of each group's cross-products, whatever the number of rows.

A table that fits into one piece is reduced by a QR factorisation per group. A longer one is read piece by piece and
its cross-products summed, columns shifted and scaled by those of the first piece, so that nothing cancels; then a
Cholesky factor of each group that tolerates groups of fewer rows than columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reference.columns import Level, stack_groups
from reference.encoding import Encoding, Matrices
from reference.formula import INTERCEPT
from reference.panel import Floats, Integers

# Pivots of a semidefinite Cholesky factor below this share of the diagonal are rounding.
_ROUNDING = 64 * np.finfo(np.float64).eps
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
    roots : (J, m, k)
        F_j, with F_jᵀ F_j the cross-products of the group's rows.
    counts : (J,)
        Rows per group.
    levels : tuple
        Ids of the groups, ascending.
    """

    columns: Columns
    roots: Floats
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
    scale = [float(np.sqrt(np.mean((column - mean) ** 2))) for column, mean in zip(values, shift, strict=True)]
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
    if len(levels) * int(counts.max()) <= _PADDING * (codes.size + rows.shape[1]):
        roots = triangular_factor(stack_groups(rows, codes, len(levels)))
    else:
        roots = semidefinite_root(_unfold(_products(rows, codes, len(levels)), rows.shape[1]))
    return Moments(columns, roots, counts, levels)


def sum_pieces(columns: Columns, pieces: Iterable[Matrices]) -> Moments:
    """Return the moments of a table that comes in pieces, at least one, for a model with one grouping factor."""
    known: pd.Index[Any] | None = None
    width = len(columns.names)
    sums = np.zeros((width * (width + 1) // 2, 0))
    counts = np.zeros(0, dtype=np.int64)
    for matrices in pieces:
        levels: pd.Index[Any] = pd.Index(matrices.levels[0])
        known = levels if known is None else known.append(levels[~levels.isin(known)])
        grown = len(known) - counts.size
        sums, counts = np.pad(sums, ((0, 0), (0, grown))), np.pad(counts, (0, grown))
        codes = known.get_indexer(levels)[matrices.codes[0]]
        counts += np.bincount(codes, minlength=len(known))
        sums += _products(columns.standardised(matrices), codes, len(known))
    assert known is not None  # an empty table was refused when it was opened
    order = known.argsort()
    roots = semidefinite_root(_unfold(sums[:, order], width))
    return Moments(columns, roots, counts[order], tuple(known[order].tolist()))


def triangular_factor(matrices: Floats) -> Floats:
    """Return the upper triangular factor of each matrix of a stack (..., m, k), (..., min(m, k), k)."""
    factors: Any = np.linalg.qr(matrices, mode="r")
    return np.asarray(factors, dtype=np.float64)


def semidefinite_root(products: Floats) -> Floats:
    """Return upper triangular roots (J, k, k) of cross-products (J, k, k), a row of zeros for each lost rank."""
    left = products.copy()
    roots = np.zeros_like(products)
    least = _ROUNDING * np.diagonal(products, axis1=1, axis2=2)
    for position in range(products.shape[1]):
        pivot = left[:, position, position]
        sound = pivot > least[:, position]
        inverse = np.where(sound, 1.0 / np.sqrt(np.where(sound, pivot, 1.0)), 0.0)
        row = left[:, position, position:] * inverse[:, None]
        roots[:, position, position:] = row
        left[:, position:, position:] -= row[:, :, None] * row[:, None, :]
    return roots


def _products(rows: Floats, codes: Integers, n_groups: int) -> Floats:
    """Return sums by group of the products of every two columns, (k(k+1)/2, J)."""
    width = rows.shape[1]
    pairs = [(i, j) for i in range(width) for j in range(i, width)]
    sums = np.empty((len(pairs), n_groups))
    for position, (i, j) in enumerate(pairs):
        sums[position] = np.bincount(codes, weights=rows[:, i] * rows[:, j], minlength=n_groups)
    return sums


def _unfold(sums: Floats, width: int) -> Floats:
    products = np.empty((sums.shape[1], width, width))
    rows, columns = np.triu_indices(width)
    products[:, rows, columns] = sums.T
    products[:, columns, rows] = sums.T
    return products
