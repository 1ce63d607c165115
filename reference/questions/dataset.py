"""The table that learners work on: any columns, read so that numbers keep their last digit and text ids stay text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from reference.data.columns import LINE
from reference.errors import TableError

#: Digits that are a name and no number: "007".
_ZEROS_FIRST = re.compile(r"[+-]?0\d+")


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table with its origin, for messages. Build one with :meth:`from_csv`.

    Parameters
    ----------
    frame : pandas.DataFrame
        Whole numbers, floats, and texts; an empty cell of a column of numbers is nan.
    source : str
        Where the rows came from.
    """

    frame: pd.DataFrame
    source: str

    @classmethod
    def from_csv(cls, file: Path | bytes, source: str | None = None) -> Dataset:
        """Return the table in a CSV file (a path, or its bytes), in UTF-8.

        Raises
        ------
        TableError
            If it cannot be read, a column has no name or comes twice, a row is too long or too short, or there are no
            rows.
        """
        name = source if source is not None else (str(file) if isinstance(file, Path) else "the table")
        try:
            text = (file.read_bytes() if isinstance(file, Path) else file).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise TableError(f"{name} is not in UTF-8; save it as CSV UTF-8, which spreadsheets offer.") from None
        except OSError as error:
            raise TableError(f"{name} cannot be read ({error.strerror}); check the path.") from None
        try:
            reader = csv.reader(io.StringIO(text), strict=True)
            lines = [(reader.line_num, row) for row in reader if row]
        except csv.Error as error:
            raise TableError(f"{name} cannot be read as CSV ({error}); check the format.") from None
        header = [title.strip() for title in lines[0][1]] if lines else []
        for mark, called in ((";", "semicolons"), ("\t", "tabulators")):
            if len(header) == 1 and mark in header[0]:
                raise TableError(f"{name} has {called} between its columns; save it with commas, as CSV UTF-8.")
        if len(lines) < 2:
            raise TableError(f"{name} has no rows; give a line with the names of the columns, and rows below it.")
        for title in header:
            if not title or header.count(title) > 1:
                raise TableError(f"{name}: the column {title!r} has no name or comes twice; name each column once.")
        for line, row in lines[1:]:
            if len(row) != len(header):
                raise TableError(f"{name}, line {line}: {len(row)} cells, but there are {len(header)} columns.")
        columns = zip(header, zip(*(row for _, row in lines[1:]), strict=True), strict=True)
        return cls(pd.DataFrame({title: _typed(cells) for title, cells in columns}), name)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.frame)

    def empty_line(self, column: str) -> int | None:
        """Return the line of the first row whose cell in a column is empty, the header being line 1; None if none is."""
        cells = self.frame[column]
        empty = np.flatnonzero(cells.isna() | (cells.astype(str).str.strip() == ""))
        return int(empty[0]) + 2 if empty.size else None

    def to_csv_bytes(self) -> bytes:
        """Return the table as CSV that :meth:`from_csv` reads back to the same bits."""
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(self.frame.columns)
        columns = [["" if value != value else value for value in self.frame[name].tolist()] for name in self.frame]
        writer.writerows(zip(*columns, strict=True))
        return lines.getvalue().encode("utf-8")


def by_line(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the line that each row has in its file for an index, so that messages name the line."""
    return frame.set_axis(pd.RangeIndex(2, len(frame) + 2, name=LINE))


def _typed(cells: Sequence[str]) -> pd.Series:
    """Return the cells as whole numbers or floats where all are; Python's own conversion is exact, pandas' is not."""
    # Python takes 1_000 for a number; a table means a name by it.
    if any(_ZEROS_FIRST.fullmatch(cell.strip()) or "_" in cell for cell in cells):
        return pd.Series(cells, dtype=object)
    try:
        numbers = [float(cell) if cell.strip() else float("nan") for cell in cells]
    except ValueError:
        return pd.Series(cells, dtype=object)
    if all(cell.strip().lstrip("+-").isdecimal() for cell in cells) and max(map(abs, numbers)) < 2**53:
        return pd.Series([int(cell) for cell in cells], dtype=np.int64)
    return pd.Series(numbers, dtype=np.float64)
