"""What a model can be fitted to: a data frame, or a table that comes in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from reference.data.columns import check_numbers, is_number, require_column
from reference.data.encoding import column_names, needs_all_rows
from reference.data.formula import MixedModel
from reference.data.groups import Grouping, read_grouping
from reference.errors import DesignError

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


@dataclass(frozen=True, eq=False)
class Pieces:
    """A table as a model reads it: its first piece, the others, and the whole where it is in memory.

    ``rest`` is None for a table that is one piece, and ``grouping`` that by which rows in memory were put into pieces.
    """

    first: pd.DataFrame
    rest: Iterator[pd.DataFrame] | None = None
    whole: pd.DataFrame | None = None
    grouping: Grouping | None = None


def open_table(data: Table, model: MixedModel) -> Pieces:
    """Return the table in pieces, only the model's columns where that saves reading.

    Parameters
    ----------
    data : pandas.DataFrame, path, or iterable of pandas.DataFrame
        A path is a Parquet file or a folder of them, read with pyarrow; a Dask data frame counts as an iterable.
    model : MixedModel
        One with several grouping factors, or with expressions in its formula, needs all rows in memory.

    Raises
    ------
    DesignError
        If the path or the iterable holds no rows, or the model cannot be fitted piece by piece.
    """
    if isinstance(data, pd.DataFrame):
        whole = _used(data, model)
        if len(data) <= WHOLE or needs_all_rows(model):
            return Pieces(whole, whole=whole)
        whole = _checked(whole, model)
        grouping = read_grouping(whole, model.groups[0], LONG_GROUP)
        if grouping is None:
            step = _step(whole)
            rows: Iterator[pd.DataFrame] = (whole.iloc[start : start + step] for start in range(0, len(whole), step))
        else:
            rows = _in_order(whole, grouping, column_names(model, grouped=False))
        return Pieces(next(rows), rows, whole, grouping)
    if needs_all_rows(model):
        raise DesignError(
            f"the model {model.name!r} cannot be fitted piece by piece, as it has several grouping factors or an "
            "expression in its formula; give one data frame."
        )
    pieces = (piece for piece in _pieces(data, model) if len(piece))
    first = next(pieces, None)
    if first is None:
        raise DesignError("the table has no rows; give at least one piece that has some.")
    return Pieces(first, pieces)


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
        yield from _read_parquet(Path(data), model)
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
                raise DesignError(f"a piece of the table is a {type(piece).__name__}; give an iterable of data frames.")
            yield piece


def _read_parquet(path: Path, model: MixedModel) -> Iterator[pd.DataFrame]:
    if path.suffix.lower() == ".csv":
        raise DesignError(f"{path} is a CSV file; read it first: frame = pandas.read_csv({str(path)!r}).")
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
    names = list(column_names(model))
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
    """Return the frame with its factors as categories, so that every piece knows all levels.

    A cell that cannot be used is found here, where its row is the table's and not that of a piece.
    """
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
    """Return a shallow copy of a frame, without the categories of its factors that no row has, as R leaves them out.

    pandas copies a column only when either side writes to it.
    """
    frame = frame.copy(deep=False)
    for name in column_names(model, grouped=False):
        if name in frame and isinstance(getattr(frame[name], "dtype", None), pd.CategoricalDtype):
            frame[name] = frame[name].cat.remove_unused_categories()
    return frame


def _require_columns(names: Iterable[str], known: Sequence[object], where: str) -> None:
    for name in names:
        if name not in known:
            raise DesignError(f"column {name!r} is not in {where}, which has {', '.join(map(str, known))}.")
