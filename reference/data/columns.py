"""Reading columns from a data frame, with an error that names the column when that is not possible."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from reference.arrays import LARGEST_INTEGER, Floats
from reference.data.formula import quoted
from reference.errors import DesignError

Level: TypeAlias = int | str

# Beyond this, or below one over it, squares come close to the end of what floats hold.
FARTHEST = 1e140

# What pandas calls columns of dates and of lengths of time.
_TIMES = {"datetime", "datetime64", "date", "period", "timedelta", "timedelta64"}
# A date as text, a time of day behind it or not: 2024-01-31, 31.1.24, 2024-01, 2024-W05, 31 Jan 2024, January 31, 2024.
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez)[a-zä]*\.?"
_DATES = (
    r"\d{1,4}[-/.]\s?\d{1,2}[-/.]\s?\d{1,4}",
    r"\d{4}[-/](?:\d{2}|w\d{2}|q\d)|\d{4}q\d|\d{1,2}:\d{2}(?::\d{2})?",
    rf"\d{{1,2}}\.?[-/ ]?{_MONTH}[-/, ]*\d{{2,4}}",
    rf"(?:\d{{4}}[-/ ])?{_MONTH}[-/ ]?\d{{1,2}}(?:,? \d{{4}})?",
    rf"{_MONTH}[-/ ]\d{{4}}",
)
_DATE = re.compile(rf"\s*(?:{'|'.join(_DATES)})(?:[t ,]\s*\d{{1,2}}:\d{{2}}.*)?\s*", re.IGNORECASE)
# A number with a decimal comma, thousands apart, or a sign of a unit: 1,5, 1.234,5, 1 234, 12 %, €9.
_MARKED = r"\s*[-+−]?\s*[€$£]?\s*\d+(?:[.,\u00a0\u202f' ]\d+)*\s*[%€$£]?\s*"
# Of the names of a table so many characters are shown.
_LONGEST = 500
# How the index is called of a table that was read from a file: it holds the lines.
LINE = "line"


def row_name(index: Any, position: int) -> str:
    """Return how messages call a row: by its label in the index, or by its line where the table is from a file."""
    return f"{LINE if index.name == LINE else 'row'} {index[position]}"


def require_column(data: pd.DataFrame, name: str) -> Any:
    """Return a column as it is; a DesignError if it is missing, comes twice, or has an empty cell or several in one."""
    column = _find_column(data, name)
    if not _is_whole(column):
        _check_filled(np.asarray(column.isna()), name, data.index)
    if column.dtype == object and pd.api.types.infer_dtype(column).startswith("mixed"):
        several = column.map(pd.api.types.is_list_like)
        if several.any():
            where = row_name(data.index, int(several.argmax()))
            raise DesignError(f"column {name!r}, {where} holds several values; give it one in each row.")
    return column


def is_number(data: pd.DataFrame, name: str) -> bool:
    """Return whether a column holds numbers, so that it enters a model as it is.

    A DesignError says that the column is missing or comes twice, that one of text holds a missing value, or is mostly
    numbers, so that a stray cell would turn it into a factor; or that it holds dates.
    """
    if holds_numbers(_find_column(data, name)):
        return True
    column = require_column(data, name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    # The first rows are enough to see what a column is meant to be.
    first = column.iloc[:1000].astype(object)
    dates = sum(isinstance(cell, str) and bool(_DATE.fullmatch(cell)) for cell in first)
    if pd.api.types.infer_dtype(first) in _TIMES or 2 * dates > first.size:
        raise DesignError(
            f"column {name!r} holds dates or lengths of time, not numbers; add a column that counts the days or weeks "
            f"since a start, such as (pandas.to_datetime(frame[{name!r}]) - start).dt.days, and fit that; or write "
            f"C({quoted(name)}) if each is a level of its own."
        )
    if 2 * _strays(first)[0].sum() < first.size:
        _refuse_text(column, name)
    return False


def _strays(cells: Any) -> tuple[Any, Any]:
    """Return which cells of text are neither numbers nor numbers with marks, and which are the latter."""
    unread = pd.to_numeric(cells, errors="coerce").isna().to_numpy()
    marked = cells.astype(str).str.fullmatch(_MARKED).to_numpy(dtype=bool) & unread
    return unread & ~marked, marked


def _refuse_text(column: Any, name: str) -> None:
    """Say that a column of text is one of numbers, and which cell keeps it from being read as such."""
    strays, marked = _strays(column.astype(object))
    found = marked if marked.any() else strays
    place = int(found.argmax())
    where = f", {row_name(column.index, place)} holds {column.iloc[place]!r}" if found.any() else ""
    if marked.any():
        where += (
            ", which can be read in two ways; write plain numbers, without per cent and other signs, or of a file say "
            "which mark is the decimal one, --decimal , or --decimal ."
        )
    else:
        where += "; convert it with pandas.to_numeric first"
    kind = "text" if column.map(type).eq(str).any() else "objects"
    raise DesignError(
        f"column {name!r} holds numbers as {kind}{where}; if these are codes of levels, write C({quoted(name)})."
    )


def holds_numbers(column: Any) -> bool:
    """Return whether a column of a frame is of a type of numbers; true and false are one and zero."""
    return bool(pd.api.types.is_numeric_dtype(column)) or is_true_or_false(column)


def is_true_or_false(column: Any) -> bool:
    """Return whether a column holds true and false, gaps apart: as objects, too, where pandas met a gap."""
    if column.dtype == object:
        return pd.api.types.infer_dtype(column, skipna=True) == "boolean"
    return bool(pd.api.types.is_bool_dtype(column.dtype))


def read_column(data: pd.DataFrame, name: str) -> Floats:
    """Return a column as floats, (n,), in the units of the data.

    A DesignError says that it is missing, comes twice, is not numeric, or holds a value that is missing, not finite,
    or beyond 1e140.
    """
    column = _find_column(data, name)
    # A cell that keeps a column of text from being one of numbers is named.
    if pd.api.types.is_complex_dtype(column) or not is_number(data, name):
        raise DesignError(f"column {name!r} holds {column.dtype}, not numbers; convert or recode it first.")
    if isinstance(column.dtype, np.dtype) and column.dtype != object:
        # Not copied where it holds floats.
        values: Floats = np.asarray(column, dtype=np.float64)
    else:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    # The largest and smallest tell in most cases that all is well, and take no memory.
    largest = max(values.max(), -values.min()) if values.size else 0.0
    if not largest <= FARTHEST:
        _check_filled(np.isnan(values), name, data.index)
        check_cells(values, name, data.index)
    elif largest >= LARGEST_INTEGER and pd.api.types.is_integer_dtype(column):
        _check_digits(column, values, name)
    return values


def _find_column(data: pd.DataFrame, name: str) -> Any:
    if not isinstance(data, pd.DataFrame):
        raise DesignError(
            f"the table is a {type(data).__name__}; give a data frame with the columns of the model, such as "
            f"pandas.DataFrame({{{name!r}: [...]}})."
        )
    names = data.columns
    if name not in names:
        known = [one for one in names if isinstance(one, str)]
        # A minus, or a blank, ends a name that stands in no backticks.
        like = [one for one in known if one.strip().casefold() == name.strip().casefold()]
        like += [one for one in known if re.match(rf"{re.escape(name)}\W", one)]
        word = like and re.fullmatch(r"[\w.]+", like[0])
        instead = f"write {like[0]}" if word else f"write `{like[0]}` in backticks" if like else "name another one"
        shown = ", ".join(map(str, names))
        shown = shown if len(shown) < _LONGEST else f"{shown[:_LONGEST]}..."
        raise DesignError(f"column {name!r} is not in the table, which has {shown}; add it or {instead}.")
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


def _check_filled(missing: Any, name: str, index: Any) -> None:
    if missing.any():
        where = row_name(index, int(missing.argmax()))
        raise DesignError(f"column {name!r}, {where} is empty; fill it in or drop the row.")


def _check_digits(column: Any, values: Floats, name: str) -> None:
    """Refuse whole numbers whose differences a float does not hold."""
    exact = column.astype(object) - int(column.iloc[0])
    if np.abs(values - values[0] - exact.to_numpy(dtype=np.float64)).max() > 1e-9 * np.abs(exact).max():
        raise DesignError(
            f"column {name!r} holds whole numbers such as {column.iloc[0]}, whose differences a float does not hold; "
            f"take a round number off the column, or write C({quoted(name)}) if these are codes."
        )


def check_cells(values: Floats, name: str, index: Any) -> None:
    """Raise a DesignError that names the column and the first row that is not finite or too large to be squared."""
    broken = np.flatnonzero(~np.isfinite(values))
    if broken.size:
        where = row_name(index, int(broken[0]))
        raise DesignError(f"column {name!r}, {where} is not finite; fill it in or drop the row.")
    beyond = np.flatnonzero(np.abs(values) > FARTHEST)
    if beyond.size:
        raise DesignError(
            f"column {name!r}, {row_name(index, int(beyond[0]))} holds {values[beyond[0]]:.0e}, too large to be "
            "squared; correct it, or divide the column by a power of ten."
        )
