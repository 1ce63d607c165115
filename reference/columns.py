"""Reading columns from a panel or a data frame, with an error that names the column when that is not possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reference.errors import DesignError
from reference.panel import COLUMNS, LARGEST_INTEGER, Floats, Integers, Panel


def read_column(data: Panel | pd.DataFrame, name: str) -> Floats:
    """Return a column as floats, (n,), in the units of the data.

    Raises
    ------
    DesignError
        If the column is missing, comes twice, is not numeric, or holds a value that is not finite.
    """
    names = COLUMNS if isinstance(data, Panel) else tuple(map(str, data.columns))
    if name not in names:
        raise DesignError(
            f"column {name!r} is not in the table, which has {', '.join(names)}; add it or name another one."
        )
    if isinstance(data, Panel):
        return np.asarray(getattr(data, name), dtype=np.float64)
    if names.count(name) > 1:
        raise DesignError(f"column {name!r} comes twice; keep one of the two.")
    column = data[name]
    if not pd.api.types.is_numeric_dtype(column):
        raise DesignError(f"column {name!r} holds {column.dtype}, not numbers; convert or recode it first.")
    values: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
    broken = np.flatnonzero(~np.isfinite(values))
    if broken.size:
        raise DesignError(f"column {name!r}, row {int(broken[0])} is not finite; fill it in or drop the row.")
    return values


def read_groups(data: Panel | pd.DataFrame, name: str) -> tuple[Integers, tuple[int, ...]]:
    """Return the position of each row's group, (n,), and the ids of the groups, ascending.

    Raises
    ------
    DesignError
        As for :func:`read_column`, or if an id is not a whole number that a float holds exactly.
    """
    labels = read_column(data, name)
    if np.any(labels != np.round(labels)) or np.any(np.abs(labels) >= LARGEST_INTEGER):
        raise DesignError(f"the grouping column {name!r} must hold whole numbers below 2**53; recode it.")
    groups, codes = np.unique(labels.astype(np.int64), return_inverse=True)
    return codes.astype(np.int64), tuple(groups.tolist())


def predictor_matrix(data: Panel | pd.DataFrame, names: Sequence[str]) -> Floats:
    """Return a column of ones and the named predictors side by side, (n, 1 + names), unchecked for rank.

    Raises
    ------
    DesignError
        As for :func:`read_column`.
    """
    return np.column_stack([np.ones(len(data)), *(read_column(data, name) for name in names)])


def stack_groups(rows: Floats, codes: Integers, n_groups: int, *, least: int = 0) -> Floats:
    """Return the rows (n, k) by group, (J, m, k), padded with rows of zeros to one length m, at least ``least``.

    So that one call of a matrix routine serves all groups; rows of zeros change no cross-product.
    """
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=n_groups)
    place = np.arange(codes.size) - np.repeat(np.cumsum(counts) - counts, counts)
    stacked = np.zeros((n_groups, max(int(counts.max()), least), rows.shape[1]))
    stacked[codes[order], place] = rows[order]
    return stacked
