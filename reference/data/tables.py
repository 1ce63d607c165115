"""What a model can be fitted to: a data frame, or a table that comes in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from reference.data.columns import check_numbers, is_number, require_column
from reference.data.encoding import column_names, needs_all_rows
from reference.data.formula import MixedModel
from reference.data.groups import Grouping, read_grouping
from reference.errors import DesignError

# What becomes of a row with a gap in a column of the model.
Missing: TypeAlias = Literal["drop", "raise"]

# A Dask data frame is one too: it is known by its partitions, so that dask need not be installed.
Table: TypeAlias = pd.DataFrame | Path | str | Iterable[pd.DataFrame]

# A table of at most so many rows is one piece, and of a longer one in memory a piece is this share, within limits: so
# that a piece takes little beside the table, Python's overhead is lost in it, and a processor's cache helps.
WHOLE = 2**14
PIECE = 2**16
_SMALLEST_PIECE = 2**11
_SHARE = 64
# Rows of an average group from which scattered rows are summed as they come: fetching them from afar takes longer.
LONG_GROUP = 1_000


@dataclass(frozen=True)
class LeftOut:
    """How many rows of a table had a gap in a column of the model and were left out, and the gaps of each column."""

    rows: int
    of: int
    by_column: Mapping[str, int]

    def __str__(self) -> str:
        """Return this as a sentence's beginning: ``3 of 48 rows left out: y 2, x 1``; empty if there are none."""
        gaps = ", ".join(f"{name} {count}" for name, count in self.by_column.items())
        return f"{self.rows} of {self.of} rows left out: {gaps}" if self.rows else ""


class CompleteRows:
    """Takes the rows without a gap in some columns out of a table, piece by piece; others are counted or refused."""

    def __init__(self, names: Sequence[str], missing: Missing = "drop") -> None:
        """Set the columns; no piece is seen yet."""
        if missing not in ("drop", "raise"):
            raise DesignError(
                f"missing={missing!r} is not understood; write 'drop' to leave rows with gaps out, or 'raise'."
            )
        self._names, self._missing = names, missing
        self._seen = self._lost = 0
        self._gaps = dict.fromkeys(names, 0)

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the complete rows of a piece, which is not copied if all are."""
        self._seen += len(frame)
        complete: Any = True
        for name in self._names:
            # A column that is not there, or comes twice, is refused where it is read.
            if list(frame.columns).count(name) == 1 and (gaps := frame[name].isna().to_numpy()).any():
                if self._missing == "raise":
                    require_column(frame, name)
                self._gaps[name] += int(gaps.sum())
                complete = complete & ~gaps
        if complete is True:
            return frame
        self._lost += len(frame) - int(complete.sum())
        kept: pd.DataFrame = frame.loc[complete]
        return kept

    @property
    def left_out(self) -> LeftOut:
        """What was left out of the pieces seen so far."""
        gaps = {name: count for name, count in self._gaps.items() if count}
        return LeftOut(self._lost, self._seen, gaps)


@dataclass(frozen=True, eq=False)
class Pieces:
    """A table as a model reads it: its first piece, the others, and the whole where it is in memory.

    ``rest`` is None for a table that is one piece, and ``grouping`` that by which rows in memory were put into pieces.
    ``complete`` knows which rows are not there, as soon as all pieces are read.
    """

    complete: CompleteRows
    first: pd.DataFrame
    rest: Iterator[pd.DataFrame] | None = None
    whole: pd.DataFrame | None = None
    grouping: Grouping | None = None


def open_table(data: Table, model: MixedModel, missing: Missing = "drop") -> Pieces:
    """Return the table in pieces, only the model's columns where that saves reading.

    A path is a Parquet file or a folder of them, read with pyarrow; a Dask data frame counts as an iterable. A model
    with several grouping factors, weights, or expressions in its formula, needs all rows in memory. Rows with a gap in
    a column of the model are left out and counted, or an error. A DesignError says that there are no rows, or that the
    model cannot be fitted piece by piece.
    """
    complete = CompleteRows(column_names(model), missing)
    if isinstance(data, pd.DataFrame):
        whole = _used(complete.of(data), model)
        if not len(whole) and complete.left_out.rows:
            raise DesignError(f"no row has a value in every column of the model: {complete.left_out}; fill some in.")
        if len(whole) <= WHOLE or needs_all_rows(model):
            return Pieces(complete, whole, whole=whole)
        whole = _checked(whole, model)
        grouping = read_grouping(whole, model.groups[0], LONG_GROUP)
        if grouping is None:
            step = _step(whole)
            rows: Iterator[pd.DataFrame] = (whole.iloc[start : start + step] for start in range(0, len(whole), step))
        else:
            rows = _in_order(whole, grouping, column_names(model, grouped=False))
        return Pieces(complete, next(rows), rows, whole, grouping)
    if needs_all_rows(model):
        raise DesignError(
            f"the model {model.name!r} cannot be fitted piece by piece, as it has several grouping factors, weights or "
            "an expression in its formula; give one data frame."
        )
    pieces = (piece for piece in map(complete.of, _pieces(data, model)) if len(piece))
    first = next(pieces, None)
    if first is None:
        raise DesignError("the table has no rows; give at least one piece that has some.")
    return Pieces(complete, first, pieces)


def _step(frame: pd.DataFrame) -> int:
    return min(PIECE, max(_SMALLEST_PIECE, len(frame) // _SHARE))


def _in_order(frame: pd.DataFrame, grouping: Grouping, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Yield the rows in the order of their groups, and no group in two pieces that one could hold."""
    step, starts, start = _step(frame), grouping.starts, 0
    while start < len(frame):
        stop = int(starts[np.searchsorted(starts, start + step, "right") - 1])
        if stop <= start:
            stop = min(start + step, len(frame))
        if grouping.order is None:
            yield frame.iloc[start:stop]
        else:
            rows = grouping.order[start:stop]
            yield pd.DataFrame({name: frame[name].array.take(rows) for name in names}, copy=False)
        start = stop


def _pieces(data: Any, model: MixedModel) -> Iterator[pd.DataFrame]:
    if isinstance(data, Path | str):
        yield from read_parquet(Path(data), column_names(model))
    elif hasattr(data, "partitions"):
        names = list(column_names(model))
        _require_columns(names, list(data.columns), "the Dask data frame")
        for partition in data.partitions:
            yield partition[names].compute()
    elif not isinstance(data, Iterable):
        raise DesignError(f"the table is a {type(data).__name__}; give a data frame, an iterable of them, or a path.")
    else:
        for piece in data:
            if not isinstance(piece, pd.DataFrame):
                raise DesignError(
                    f"the table is a {type(data).__name__} of {type(piece).__name__}; give a data frame, such as "
                    "pandas.DataFrame(table), or an iterable of them."
                )
            yield piece


def read_parquet(path: Path, names: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    """Yield columns of a Parquet file or a folder of them, all if none are named, in pieces.

    A DesignError says that it cannot be read, or that a column is not there.
    """
    reader = {".xlsx": "excel", ".csv": "csv", ".gz": "csv", ".tsv": "table", ".txt": "table"}.get(path.suffix.lower())
    if reader:
        raise DesignError(f"{path} is no Parquet file; read it first: frame = pandas.read_{reader}({str(path)!r}).")
    # Imported here because only tables in Parquet files need it.
    try:
        from pyarrow import ArrowInvalid, dataset
    except ModuleNotFoundError as error:
        raise DesignError("reading Parquet needs pyarrow; install it with: pip install 'mlm-course[large]'") from error
    try:
        # Folders may be named by a column and its value.
        table = dataset.dataset(path, format="parquet", partitioning="hive" if path.is_dir() else None)
    except (OSError, ArrowInvalid) as error:
        raise DesignError(f"{path} cannot be read as Parquet ({error}); check the path and the format.") from error
    names = table.schema.names if names is None else list(names)
    _require_columns(names, table.schema.names, str(path))
    try:
        for batch in table.to_batches(columns=names, batch_size=PIECE):
            # What pandas notes in a file would make a column the index again.
            yield batch.to_pandas(ignore_metadata=True)
    except ArrowInvalid as error:
        raise DesignError(
            f"the files of {path} do not fit together ({error}); write them with the same types."
        ) from error


def _checked(frame: pd.DataFrame, model: MixedModel) -> pd.DataFrame:
    """Return the frame with its factors as categories, so that pieces know all levels; refuse cells by their row."""
    effects = column_names(model, grouped=False)
    for name in column_names(model):
        if name not in effects:
            require_column(frame, name)
        elif is_number(frame, name):
            check_numbers(frame, name)
        else:
            frame[name] = frame[name].astype("category")
    return frame


def _used(frame: pd.DataFrame, model: MixedModel) -> pd.DataFrame:
    """Return a shallow copy of a frame, without the categories of its factors that no row has, as R leaves them out."""
    frame = frame.copy(deep=False)
    for name in column_names(model, grouped=False):
        if name in frame and isinstance(getattr(frame[name], "dtype", None), pd.CategoricalDtype):
            frame[name] = frame[name].cat.remove_unused_categories()
    return frame


def _require_columns(names: Iterable[str], known: Sequence[object], where: str) -> None:
    for name in names:
        if name not in known:
            raise DesignError(f"column {name!r} is not in {where}, which has {', '.join(map(str, known))}.")
