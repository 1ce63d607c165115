"""Reading columns from a data frame, with an error that names the column when that is not possible."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from reference.arrays import Floats
from reference.errors import DesignError

Level: TypeAlias = int | str

# Beyond this, or below one over it, squares come close to the end of what floats hold.
FARTHEST = 1e140

# What pandas calls columns of dates and of lengths of time.
_TIMES = {"datetime", "datetime64", "date", "period", "timedelta", "timedelta64"}


def require_column(data: pd.DataFrame, name: str) -> Any:
    """Return a column as it is.

    Raises
    ------
    DesignError
        If it is missing, comes twice, or holds a missing value.
    """
    column = _find_column(data, name)
    if not _is_whole(column):
        _check_filled(np.asarray(column.isna()), name)
    return column


def is_number(data: pd.DataFrame, name: str) -> bool:
    """Return whether a column holds numbers, so that it enters a model as it is.

    Raises
    ------
    DesignError
        If the column is missing or comes twice, or one of text holds a missing value, or is mostly numbers, so that
        a stray cell would turn it into a factor; or if it holds dates.
    """
    if holds_numbers(_find_column(data, name)):
        return True
    column = require_column(data, name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    # The first rows are enough to see what a column is meant to be.
    first = column.iloc[:1000]
    if pd.api.types.infer_dtype(first) in _TIMES:
        raise DesignError(
            f"column {name!r} holds dates or lengths of time, not numbers; add a column that counts the days or "
            f"weeks since a start, such as (pandas.to_datetime(frame[{name!r}]) - start).dt.days, and fit that."
        )
    strays = pd.to_numeric(first.astype(object), errors="coerce").isna().to_numpy()
    if 2 * strays.sum() < strays.size:
        where = f", row {int(strays.argmax())} holds {column.iloc[strays.argmax()]!r}" if strays.any() else ""
        raise DesignError(f"column {name!r} holds numbers as text{where}; convert it with pandas.to_numeric first.")
    return False


def holds_numbers(column: Any) -> bool:
    """Return whether a column of a frame is of a type of numbers; true and false are one and zero."""
    return bool(pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column.dtype))


def read_column(data: pd.DataFrame, name: str) -> Floats:
    """Return a column as floats, (n,), in the units of the data.

    Raises
    ------
    DesignError
        If the column is missing, comes twice, is not numeric, or holds a value that is missing, not finite, or beyond
        1e140.
    """
    column = _find_column(data, name)
    if not holds_numbers(column) or pd.api.types.is_complex_dtype(column):
        raise DesignError(f"column {name!r} holds {column.dtype}, not numbers; convert or recode it first.")
    if isinstance(column.dtype, np.dtype):
        # Not copied where it holds floats.
        values: Floats = np.asarray(column, dtype=np.float64)
    else:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    # The largest and smallest tell in most cases that all is well, and take no memory.
    if values.size and not max(values.max(), -values.min()) <= FARTHEST:
        _check_filled(np.isnan(values), name)
        check_cells(values, name)
    return values


def _find_column(data: pd.DataFrame, name: str) -> Any:
    names = data.columns
    if name not in names:
        known = ", ".join(map(str, names))
        raise DesignError(f"column {name!r} is not in the table, which has {known}; add it or name another one.")
    column = data[name]
    if isinstance(column, pd.DataFrame):
        raise DesignError(f"column {name!r} comes twice; keep one of the two.")
    return column


def check_numbers(data: pd.DataFrame, name: str) -> None:
    """Raise what :func:`read_column` raises, without a copy of a column that holds whole numbers."""
    if not _is_whole(_find_column(data, name)):
        read_column(data, name)


def _is_whole(column: Any) -> bool:
    """Return whether a column is of plain whole numbers, of which none can be missing or infinite."""
    return isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu"


def _check_filled(missing: Any, name: str) -> None:
    if missing.any():
        raise DesignError(f"column {name!r}, row {int(missing.argmax())} is empty; fill it in or drop the row.")


def check_cells(values: Floats, name: str) -> None:
    """Raise a DesignError that names the column and the first row that is not finite or too large to be squared."""
    broken = np.flatnonzero(~np.isfinite(values))
    if broken.size:
        raise DesignError(f"column {name!r}, row {int(broken[0])} is not finite; fill it in or drop the row.")
    beyond = np.flatnonzero(np.abs(values) > FARTHEST)
    if beyond.size:
        raise DesignError(
            f"column {name!r}, row {int(beyond[0])} holds {values[beyond[0]]:.0e}, too large to be squared; correct "
            "it, or divide the column by a power of ten."
        )
