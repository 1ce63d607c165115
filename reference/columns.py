"""Reading columns from a panel or a data frame, with an error that names the column when that is not possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from reference.errors import DesignError
from reference.panel import LARGEST_INTEGER, Floats, Integers, Panel

Level: TypeAlias = int | str

# Rows that are looked up at once.
_AT_ONCE = 2**14
# How many times as many numbers as rows may lie between the lowest id and the highest to be looked up in a plain list.
_DENSE = 2


def require_column(data: Panel | pd.DataFrame, name: str) -> Any:
    """Return a column as it is.

    Raises
    ------
    DesignError
        If it is missing, comes twice, or holds a missing value.
    """
    column = _find_column(data, name)
    if not isinstance(data, Panel):
        _check_filled(np.asarray(column.isna()), name)
    return column


def is_number(data: Panel | pd.DataFrame, name: str) -> bool:
    """Return whether a column holds numbers, so that it enters a model as it is.

    Raises
    ------
    DesignError
        If the column is missing or comes twice, or one of text holds a missing value, or is mostly numbers, so that
        a stray cell would turn it into a factor.
    """
    if isinstance(data, Panel) or pd.api.types.is_numeric_dtype(_find_column(data, name)):
        return True
    column = require_column(data, name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    # The first rows are enough to see what a column is meant to be.
    strays = pd.to_numeric(column.iloc[:1000], errors="coerce").isna().to_numpy()
    if 2 * strays.sum() < strays.size:
        where = f", row {int(np.flatnonzero(strays)[0])} holds {column.iloc[strays.argmax()]!r}" if strays.any() else ""
        raise DesignError(f"column {name!r} holds numbers as text{where}; convert it with pandas.to_numeric first.")
    return False


def read_column(data: Panel | pd.DataFrame, name: str) -> Floats:
    """Return a column as floats, (n,), in the units of the data.

    Raises
    ------
    DesignError
        If the column is missing, comes twice, is not numeric, or holds a value that is missing or not finite.
    """
    column = _find_column(data, name)
    if isinstance(data, Panel):
        return np.asarray(column, dtype=np.float64)
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_complex_dtype(column):
        raise DesignError(f"column {name!r} holds {column.dtype}, not numbers; convert or recode it first.")
    values: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
    # One sum tells in most cases that all is well, and is quicker than a look at every value.
    if not np.isfinite(values.sum()):
        _check_filled(np.isnan(values), name)
        check_finite(values, name)
    return values


def _find_column(data: Panel | pd.DataFrame, name: str) -> Any:
    names = data.columns
    if name not in names:
        known = ", ".join(map(str, names))
        raise DesignError(f"column {name!r} is not in the table, which has {known}; add it or name another one.")
    if isinstance(data, Panel):
        return getattr(data, name)
    column = data[name]
    if isinstance(column, pd.DataFrame):
        raise DesignError(f"column {name!r} comes twice; keep one of the two.")
    return column


def _check_filled(missing: Any, name: str) -> None:
    if missing.any():
        raise DesignError(f"column {name!r}, row {int(missing.argmax())} is empty; fill it in or drop the row.")


def check_finite(values: Floats, name: str) -> None:
    """Raise a DesignError that names the column and the first row that is not finite."""
    broken = np.flatnonzero(~np.isfinite(values))
    if broken.size:
        raise DesignError(f"column {name!r}, row {int(broken[0])} is not finite; fill it in or drop the row.")


@dataclass(frozen=True, eq=False)
class Grouping:
    """The order of a table's n rows in which groups ascend and each one's rows lie side by side.

    Parameters
    ----------
    order : (n,) or None
        The rows' positions in the table; None if they are in this order there. A group's rows stay as they follow.
    starts : (J + 1,)
        Where in that order each group starts, and n.
    levels : (J,)
        Ids of the groups, ascending.
    """

    order: Any
    starts: Integers
    levels: Any


def read_grouping(data: Panel | pd.DataFrame, names: Sequence[str]) -> Grouping:
    """Return the order of the rows by group.

    Raises
    ------
    DesignError
        As for :func:`read_groups`.
    """
    labels = _whole_numbers(data, names[0]) if len(names) == 1 else None
    if labels is not None and _ascend(labels):
        starts = np.flatnonzero(_starts(labels))
        return Grouping(None, np.append(starts, labels.size), labels[starts])
    codes, levels = _read_codes(data, names)
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(levels)))])
    if _ascend(codes):
        return Grouping(None, starts, levels)
    n = codes.size
    # A sparse matrix with one cell per row is sorted by counting, which argsort is not, and in small numbers.
    codes = codes.astype(np.int32)
    cells = csr_array((np.empty(n, dtype=np.int8), (codes, np.arange(n, dtype=np.int32))), shape=(len(levels), n))
    return Grouping(cells.indices, starts, levels)


def read_groups(data: Panel | pd.DataFrame, names: Sequence[str]) -> tuple[Integers, tuple[Level, ...]]:
    """Return the position of each row's group, (n,), and the levels: ids ascending, or texts in their order.

    Several columns make a group of each combination that occurs, called by the ids joined with a colon.

    Raises
    ------
    DesignError
        If a column is missing or empty somewhere, or an id is a number with a fraction or beyond 2**53.
    """
    codes, levels = _read_codes(data, names)
    return codes, tuple(levels.tolist())


def _read_codes(data: Panel | pd.DataFrame, names: Sequence[str]) -> tuple[Integers, Any]:
    codes, levels = _read_levels(data, names[0])
    for name in names[1:]:
        inner, inner_levels = _read_levels(data, name)
        pairs, codes = np.unique(codes * len(inner_levels) + inner, return_inverse=True)
        outer, within = np.divmod(pairs, max(1, len(inner_levels)))
        ids = [f"{levels[a]}:{inner_levels[b]}" for a, b in zip(outer.tolist(), within.tolist(), strict=True)]
        levels = np.array(ids, dtype=object)
    return codes, levels


def _read_levels(data: Panel | pd.DataFrame, name: str) -> tuple[Integers, Any]:
    labels = _whole_numbers(data, name)
    if labels is None:
        codes, levels = pd.factorize(_find_column(data, name).astype(str), sort=True)
        return np.asarray(codes, dtype=np.int64), levels
    return _rank(labels)


def _rank(labels: Integers) -> tuple[Integers, Integers]:
    """Return the position of each label (n,) among those that occur, and these, ascending.

    As pandas.factorize does when it sorts, whose table of hashes is larger than the column.
    """
    if _ascend(labels):
        first = _starts(labels)
        return np.cumsum(first) - 1, labels[first]
    lowest, span = labels.min(), int(labels.max()) - int(labels.min()) + 1
    if span <= _DENSE * labels.size and np.can_cast(labels.dtype, np.int64):
        seen = np.zeros(span, dtype=bool)
        for part in _parts(labels):
            seen[np.subtract(part, lowest, dtype=np.int64)] = True
        levels, rank = np.flatnonzero(seen) + int(lowest), np.cumsum(seen) - 1
        places = (rank[np.subtract(part, lowest, dtype=np.int64)] for part in _parts(labels))
    else:
        levels = np.unique(labels)
        index: Any = pd.Index(levels)
        places = (index.get_indexer(part) for part in _parts(labels))
    codes = np.empty(labels.size, dtype=np.int64)
    for part, place in zip(_parts(codes), places, strict=True):
        part[...] = place
    return codes, levels


def _parts(numbers: Integers) -> Iterator[Integers]:
    """Yield views of some numbers at a time, so that what is computed of them takes little memory."""
    return (numbers[start : start + _AT_ONCE] for start in range(0, numbers.size, _AT_ONCE))


def _whole_numbers(data: Panel | pd.DataFrame, name: str) -> Integers | None:
    """Return a grouping column of whole numbers, (n,), or None for one of text."""
    column = require_column(data, name)
    if not isinstance(data, Panel) and (
        not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column.dtype)
    ):
        return None
    labels = np.asarray(column)
    if np.issubdtype(labels.dtype, np.integer):
        return labels
    labels = np.asarray(labels, dtype=np.float64)
    if np.any(labels != np.round(labels)) or np.any(np.abs(labels) >= LARGEST_INTEGER):
        raise DesignError(f"the grouping column {name!r} must hold whole numbers below 2**53 or text; recode it.")
    return labels.astype(np.int64)


def _ascend(numbers: Integers) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())


def _starts(labels: Integers) -> Any:
    """Return whether each of ascending labels (n,) is the first of its kind, (n,)."""
    first = np.ones(labels.size, dtype=bool)
    np.not_equal(labels[1:], labels[:-1], out=first[1:])
    return first


def stack_groups(rows: Floats, codes: Integers, n_groups: int) -> Floats:
    """Return the rows (n, k) by group, (J, m, k), padded with rows of zeros to the length m of the longest.

    So that one call of a matrix routine serves all groups; rows of zeros change no cross-product.
    """
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=n_groups)
    place = np.arange(codes.size) - np.repeat(np.cumsum(counts) - counts, counts)
    stacked = np.zeros((n_groups, int(counts.max()), rows.shape[1]))
    stacked[codes[order], place] = rows[order]
    return stacked
