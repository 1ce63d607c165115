"""The table every model of the course is fitted to, weeks within stores, and the models.

The figures of the tutorial's panel are the 200 markets of ``Advertising`` in James, Witten, Hastie & Tibshirani (2013),
*An Introduction to Statistical Learning*, Springer (``advertising.csv``: tv, radio, newspaper in thousands of dollars,
sales in thousands of units). The R package datarium's ``marketing`` is these figures times 1.2, rounded to 2 decimals,
with tv called youtube and radio facebook. The tutorial reads its rows in order as stores 1 to 20 with weeks 1 to 10
each; the panel structure is the tutorial's invention.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from reference.arrays import LARGEST_INTEGER, Floats, Integers
from reference.data.formula import parse_formula
from reference.errors import TableError

MEDIA = ("youtube", "facebook", "newspaper")
COLUMNS = ("store_id", "week", *MEDIA, "sales")
_INTEGER_COLUMNS = ("store_id", "week")

_STORES, _WEEKS, _SCALE = 20, 10, 1.2
_FIGURES = {"youtube": "tv", "facebook": "radio", "newspaper": "newspaper", "sales": "sales"}

_PREDICTORS = "week + youtube + facebook + newspaper"
NULL_MODEL = parse_formula("sales ~ 1 + (1 | store_id)", name="null")
RANDOM_INTERCEPT = parse_formula(f"sales ~ {_PREDICTORS} + (1 | store_id)", name="random intercept")
RANDOM_SLOPE = parse_formula(f"sales ~ {_PREDICTORS} + (1 + youtube | store_id)", name="random slope")
#: How many stores the course calls the top.
TOP = 5


class PanelError(TableError):
    """The table is not a panel; the message names the column and the row."""


@dataclass(frozen=True, eq=False)
class Panel:
    """A validated, immutable panel: one row per store and week.

    Build one with :meth:`from_frame`; the constructor itself checks nothing.

    Parameters
    ----------
    store_id, week : (n,) integers
        A store's weeks are consecutive; rows may come in any order and keep it.
    youtube, facebook, newspaper : (n,) floats
        Media spend, in thousands of dollars.
    sales : (n,) floats
        Sales, in thousands of units.
    source : str
        Where the figures came from, for messages.
    """

    store_id: Integers
    week: Integers
    youtube: Floats
    facebook: Floats
    newspaper: Floats
    sales: Floats
    source: str

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, source: str = "the table") -> Panel:
        """Return the panel in ``frame``, or say which column and row keeps it from being one.

        Parameters
        ----------
        frame : pandas.DataFrame
            Exactly the columns of ``COLUMNS`` in any order.
        source : str
            How messages call the table.

        Raises
        ------
        PanelError
            If a column is missing, unknown or not numeric, a value is not finite, a store and week come
            twice, or a store's weeks have a gap.
        """
        _check_columns(frame, source)
        integers = {name: _integer_column(frame[name], source) for name in _INTEGER_COLUMNS}
        floats = {name: _float_column(frame[name], source) for name in (*MEDIA, "sales")}
        columns: dict[str, Any] = {**integers, **floats}
        _check_weeks(integers["store_id"], integers["week"], source)
        for column in columns.values():
            column.setflags(write=False)
        return cls(**columns, source=source)

    @property
    def frame(self) -> pd.DataFrame:
        """A fresh data frame with these columns; changing it does not change the panel."""
        return pd.DataFrame({name: getattr(self, name).copy() for name in COLUMNS})

    @property
    def stores(self) -> tuple[int, ...]:
        """The store ids, ascending."""
        return tuple(int(store) for store in np.unique(self.store_id))

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.sales.size)


def tutorial_panel() -> Panel:
    """Return the tutorial's panel, read and validated afresh: 20 stores by 10 weeks, in the file's order."""
    with (resources.files("reference.panels") / "advertising.csv").open("rb") as lines:
        figures = pd.read_csv(lines)
    columns = {name: (figures[column] * _SCALE).round(2) for name, column in _FIGURES.items()}
    stores, weeks = np.repeat(np.arange(1, _STORES + 1), _WEEKS), np.tile(np.arange(1, _WEEKS + 1), _STORES)
    return Panel.from_frame(pd.DataFrame({"store_id": stores, "week": weeks, **columns}), "the tutorial's panel")


def _check_columns(frame: pd.DataFrame, source: str) -> None:
    names = [str(name) for name in frame.columns]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise PanelError(f"{source}: column {missing[0]!r} is missing; a panel needs {', '.join(COLUMNS)}.")
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise PanelError(f"{source}: column {unknown[0]!r} is not part of a panel; drop it or rename it.")
    if len(names) != len(set(names)):
        raise PanelError(f"{source}: a column comes twice; keep one column of each name.")
    if frame.empty:
        raise PanelError(f"{source}: there are no rows; give one row per store and week.")


def _float_column(column: pd.Series, source: str) -> Floats:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise PanelError(f"{source}: column {column.name!r} holds {column.dtype}, not numbers; convert it first.")
    values: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    broken = np.flatnonzero(~np.isfinite(values))
    if broken.size:
        row = int(broken[0])
        raise PanelError(
            f"{source}: column {column.name!r}, row {row} holds {values[row]}; fill it in or drop the row's store."
        )
    return values


def _integer_column(column: pd.Series, source: str) -> Integers:
    values = _float_column(column, source)
    broken = np.flatnonzero((values != np.round(values)) | (np.abs(values) >= LARGEST_INTEGER))
    if broken.size:
        row = int(broken[0])
        raise PanelError(
            f"{source}: column {column.name!r}, row {row} holds {values[row]}, not a whole number; recode it."
        )
    return values.astype(np.int64)


def _check_weeks(store_id: Integers, week: Integers, source: str) -> None:
    order = np.lexsort((week, store_id))
    same_store = np.diff(store_id[order]) == 0
    step = np.diff(week[order])
    for position in np.flatnonzero(same_store & (step != 1)):
        row = int(order[position + 1])
        store, this_week = int(store_id[row]), int(week[row])
        if step[position] == 0:
            raise PanelError(
                f"{source}: column 'week', row {row}: store {store} has week {this_week} twice; keep one row of it."
            )
        raise PanelError(
            f"{source}: column 'week', row {row}: store {store} jumps from week "
            f"{int(week[order[position]])} to {this_week}; add the weeks between."
        )
