"""The distinct columns of a model, standardised, and rows in memory reduced to what the fit needs of each group.

One pass, a piece at a time, by a QR factorisation of each group's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.linalg.blas import dnrm2

from reference.arrays import Floats, Integers
from reference.data.encoding import Encoding, Matrices
from reference.data.formula import INTERCEPT
from reference.design.elimination import Elimination, stacked_factors

# Columns, (n,) each, of X, of every Z, and y.
Parts: TypeAlias = tuple[Sequence[Floats], ...]


@dataclass(frozen=True, eq=False)
class Columns:
    """The k distinct columns of a model: first those of all Z, then the others of X, and y; less shift, over scale.

    ``sources`` says where each is found: the matrix (0 for X, then every Z, and y) and the column there; ``places``
    the positions of the columns of X, and of those of every Z; ``leading``, d, how many are columns of a Z, and
    ``one`` the position of the column of ones. ``shift`` and ``scale``, (k,), are in the units of the data; a shift is
    zero unless X has an intercept, and for a column of Z unless a Z has one. If ``weighted``, rows are multiplied by
    roots of weights, and what is shifted is by as many times the first column of X.
    """

    sources: tuple[tuple[int, int], ...]
    places: tuple[tuple[int, ...], ...]
    leading: int
    one: int | None
    shift: Floats
    scale: Floats
    weighted: bool = False

    def standardised(self, parts: Parts) -> Floats:
        """Return the columns, shifted and scaled, (n, k)."""
        columns = np.empty((parts[-1][0].size, len(self.sources)), order="F")
        for position, (part, column) in enumerate(self.sources):
            shift = self.shift[position]
            moved = shift * parts[0][0] if self.weighted and shift else shift
            np.subtract(parts[part][column], moved, out=columns[:, position])
        columns /= self.scale
        return columns

    def elimination(self, n_groups: int) -> Elimination:
        """Return what takes the columns of every Z out of the rows of J groups, none added yet."""
        return Elimination(n_groups, self.leading, len(self.sources))


def choose_columns(encoding: Encoding, parts: Parts) -> Columns:
    """Return the distinct columns of a model, at the mean and spread they have in the rows given.

    Without an intercept in X nothing is shifted, as a shift would leave the span of X; nor, if no Z has one, a
    column of Z, which then is another than that of X of the same name.
    """
    centred = encoding.fixed.has_intercept
    together = centred and any(part.has_intercept for part in encoding.random)
    found: dict[tuple[str, bool], tuple[int, int]] = {}
    places: list[tuple[int, ...]] = []
    # X comes last, so that its columns follow those of the Zs.
    for number, part in (*enumerate(encoding.random, start=1), (0, encoding.fixed)):
        shifted = together if number else centred
        keys = [(name, shifted and name != INTERCEPT) for name in part.names]
        for column, key in enumerate(keys):
            found.setdefault(key, (number, column))
        order = list(found)
        places.append(tuple(order.index(key) for key in keys))
    leading = len({place for part in places[:-1] for place in part})
    sources = (*found.values(), (len(parts) - 1, 0))
    values = [parts[part][column] for part, column in sources]
    moved = (*(shifted for _, shifted in found), centred)
    weighted = bool(encoding.model.weights)
    # What a column is shifted by times: ones, or with weights their roots.
    one: Any = parts[0][0] if weighted and centred else 1.0
    shift = [_mean(column, one) if move else 0.0 for column, move in zip(values, moved, strict=True)]
    # BLAS's norm squares no number that is too small for it.
    sizes = (float(dnrm2(column - mean * one)) for column, mean in zip(values, shift, strict=True))
    scale = [size / np.sqrt(values[-1].size) for size in sizes]
    for place in (place for place, (name, _) in enumerate(found) if name == INTERCEPT):
        scale[place] = 1.0
    return Columns(
        sources=sources,
        places=(places[-1], *places[:-1]),
        leading=leading,
        one=next((place for place, (name, _) in enumerate(found) if name == INTERCEPT), None),
        shift=np.array(shift),
        # A column that does not vary is refused later, by name.
        scale=np.array([size if size > 0 else 1.0 for size in scale]),
        weighted=weighted,
    )


def _mean(column: Floats, one: Any) -> float:
    return float((column @ one) / (one @ one) if np.ndim(one) else column.mean())


def reduce_rows(columns: Columns, matrices: Matrices, counts: Integers) -> Elimination:
    """Return the elimination of a table in one piece, of a model with one grouping factor, J groups of ``counts``."""
    rows, codes = columns.standardised(matrices.columns), matrices.codes[0]
    if (codes[1:] < codes[:-1]).any():
        rows = rows[np.argsort(codes, kind="stable")]
    elimination = columns.elimination(counts.size)
    elimination.add_rows(0, rows, counts)
    return elimination


def reduce_pieces(columns: Columns, pieces: Iterable[Parts], starts: Integers) -> Elimination:
    """Return the elimination of a table whose pieces hold its rows in the order of the groups, ascending.

    ``starts``, (J + 1,), says where in that order each group starts, and where the last one stops. A group that
    the next piece goes on with is carried over to it as its triangular factor.
    """
    elimination = columns.elimination(starts.size - 1)
    start, carried = 0, np.empty((0, len(columns.sources)))
    for parts in pieces:
        rows = columns.standardised(parts)
        # Let go of at once, as the next piece is read before the name is taken again.
        del parts
        stop = start + len(rows)
        first, last = int(np.searchsorted(starts, start, "right")) - 1, int(np.searchsorted(starts, stop))
        edges = np.clip(starts[first : last + 1], start, stop)
        sizes = edges[1:] - edges[:-1]
        if len(carried):
            rows, sizes[0] = np.concatenate([carried, rows]), sizes[0] + len(carried)
        whole = len(rows) if starts[last] == stop else len(rows) - sizes[-1]
        carried = stacked_factors(rows[None, whole:])[0]
        elimination.add_rows(first, rows[:whole], sizes[: len(sizes) - (whole < len(rows))])
        del rows
        start = stop
    return elimination
