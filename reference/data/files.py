"""Tables in files as people have them: with commas, semicolons, tabs or blanks between columns, packed, from Excel.

What could be read in two ways stays as it is written, and is refused by name where a model needs it.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pandas as pd

from reference.data.columns import LINE, row_name
from reference.data.encoding import column_names
from reference.data.formula import MixedModel
from reference.errors import TableError

Decimal: TypeAlias = Literal[".", ","]

_TEXT = (".csv", ".tsv", ".tab", ".txt")
_SHEETS = (".xlsx", ".xlsm")
_PACKED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_SEPARATORS = ("\t", ";", ",", " ")
# Cells that are gaps wherever they stand, and those that are gaps among numbers but may be the name of a level.
_GAPS = ("", "NA", "N/A", "n/a", "#N/A")
_GAPS_IN_NUMBERS = ("None", "NaN", "nan", "NULL", "null", "<NA>", ".")
# Numbers with a point or a comma as the decimal mark, and the other one between thousands, which no 0 begins.
_NUMBERS = {
    mark: re.compile(rf"\s*([-+]?(?:[1-9]\d{{,2}}(?:\{other}\d{{3}})+|\d+)?(?:\{mark}\d*)?(?:[eE][-+]?\d+)?)\s*")
    for mark, other in ((".", ","), (",", "."))
}
# With points that stand, or seem to stand, between thousands.
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+")
_MARKS = {".": "point", ",": "comma"}
_ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")


def read_file(path: Path, models: Sequence[MixedModel], decimal: Decimal | None = None) -> pd.DataFrame | None:
    """Return the table in a file, fit for the models, indexed by its lines; None if its name is none of such a file.

    Its name ends in ``.csv``, ``.tsv``, ``.tab``, ``.txt``, packed (``.csv.gz``) or not, or is that of a sheet; a dash
    is the standard input. Text is UTF-8, or else Latin-1 as Windows has it. Columns that the models group by hold ids,
    which stay as they are written. ``decimal`` is the decimal mark, the other one being between thousands; without it
    a number with a comma in it stays a text. A TableError says that the file cannot be read, or would be read in
    another way than it was meant.
    """
    name = path.name.lower()
    ids = {name: str for model in models for group in model.groups for name in group}
    try:
        if path.suffix.lower() in _SHEETS:
            frame = _read_sheet(path, models, ids, decimal)
        elif str(path) == "-" or Path(name.removesuffix(path.suffix.lower())).suffix in _TEXT or name.endswith(_TEXT):
            frame = _read_text(path, models, ids, decimal)
        else:
            return None
    except ImportError as error:
        raise TableError(
            f"{path} is a sheet, which needs {error.name or 'openpyxl'}; install it or save as CSV."
        ) from error
    except (OSError, ValueError, zipfile.BadZipFile, pd.errors.ParserError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(
            f"{path} cannot be read ({' '.join(str(error).split())}); check the path and format."
        ) from error
    frame.index.name = LINE
    for column in _names(models, list(frame.columns)):
        if column in frame.columns:
            frame[column] = _as_ids(frame[column]) if column in ids else _as_numbers(frame[column], decimal, path)
    return frame


def _names(models: Sequence[MixedModel], known: Sequence[object]) -> list[str]:
    return list(dict.fromkeys(name for model in models for name in column_names(model.spelled_out(known))))


def _content(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read()
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            if len(archive.namelist()) != 1:
                raise TableError(f"{path} holds several files; unpack it and name one of them.")
            return archive.read(archive.namelist()[0])
    with _PACKED.get(path.suffix.lower(), open)(path, "rb") as opened:
        content: bytes = opened.read()
        return content


def _read_sheet(
    path: Path, models: Sequence[MixedModel], ids: dict[str, type[str]], decimal: Decimal | None
) -> pd.DataFrame:
    """Return the table in the first sheet of a file."""
    with pd.ExcelFile(path, engine="openpyxl") as book:
        heading = pd.read_excel(book, header=None, nrows=1, dtype=str, keep_default_na=False)
        header = [cell.strip() for row in heading.to_numpy() for cell in row]
        # Named by their places meanwhile, as pandas would give the second of two the same name another one.
        kept = dict.fromkeys(_names(models, header), object) if decimal else {}
        types: Any = {place: (kept | ids)[name] for place, name in enumerate(header) if name in kept | ids}
        options: Any = {"names": range(len(header)), "dtype": types, "keep_default_na": False, "na_values": [*_GAPS]}
        frame: pd.DataFrame = pd.read_excel(book, header=None, skiprows=1, **options)
    frame.columns = pd.Index(header)
    _check_layout(path, header, frame, _names(models, header))
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame


def _read_text(
    path: Path, models: Sequence[MixedModel], ids: dict[str, type[str]], decimal: Decimal | None
) -> pd.DataFrame:
    content = _content(path)
    codes = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else _ENCODINGS
    head = content[: 2**20].decode(codes[0], errors="replace").lstrip("\ufeff\r\n").splitlines()
    separator, header = _split_header(head[0] if head else "", models)
    types: Any = dict.fromkeys(_names(models, header), str) | ids if decimal else ids
    for code in codes:
        try:
            frame = pd.read_csv(
                io.BytesIO(content),
                sep=r"\s+" if separator == " " else separator,
                encoding=code,
                dtype=types,
                keep_default_na=False,
                na_values=list(_GAPS),
                skipinitialspace=True,
                # In one go, as in parts a column of codes could be numbers in one and text in another.
                low_memory=False,
            )
            break
        except UnicodeDecodeError:
            continue
    frame.columns = [name.strip() if isinstance(name, str) else name for name in frame.columns]
    _check_layout(path, header, frame, _names(models, header))
    frame.index = _lines(content, code, separator, len(frame))
    return frame


def _split_header(line: str, models: Sequence[MixedModel]) -> tuple[str, list[str]]:
    """Return what separates the columns: the first mark that makes all of the models' names, or else most names."""
    found = []
    for separator in _SEPARATORS:
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]
        if len(cells) > 1 and set(_names(models, cells)) <= set(cells):
            return separator, cells
        found.append((separator, cells))
    return max((one for one in found if one[0] != " " or len(found[2][1]) < 2), key=lambda one: len(one[1]))


def _check_layout(path: Path, header: list[str], frame: pd.DataFrame, names: list[str]) -> None:
    """Refuse what pandas would read in another way than it was meant."""
    for name in names:
        if header.count(name) > 1:
            raise TableError(f"column {name!r} comes twice in the header of {path}; rename or drop one of the two.")
    if frame.empty:
        raise TableError(f"{path} has a header but no rows; add some.")
    # pandas takes more cells than names for names of the rows, in front.
    if not isinstance(frame.index, pd.RangeIndex) and frame.iloc[:, -1].isna().all():
        raise TableError(f"the rows of {path} have more cells than its header; drop the commas at their ends.")


def _lines(content: bytes, encoding: str, separator: str, count: int) -> pd.Index:
    """Return the line that each row begins in: blank lines are no rows, and a quoted cell may hold line breaks."""
    plain = pd.RangeIndex(2, count + 2)
    if content.rstrip().count(b"\n") == count:
        return plain
    text = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    reader, starts, last = csv.reader(text, delimiter=separator), list[int](), 0
    for row in reader:
        if len(row) > 1 or any(map(str.strip, row)):
            starts.append(last + 1)
        last = reader.line_num
    return pd.Index(starts[1:]) if len(starts) == count + 1 else plain


def _as_ids(ids: pd.Series) -> pd.Series:
    """Return ids as whole numbers where that is how they are written, so that 2 comes before 10."""
    ids = ids.str.strip()
    if ids.notna().all() and ids.str.fullmatch(r"-?(0|[1-9]\d{0,15})").all():
        return ids.astype("int64")
    return ids


def _as_numbers(cells: pd.Series, decimal: Decimal | None, path: Path) -> pd.Series:
    """Return a column as numbers where all of its cells are, gaps apart; else without blanks around its texts."""
    if not (pd.api.types.is_object_dtype(cells) or pd.api.types.is_string_dtype(cells)):
        return cells
    cells = cells.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    filled = cells[cells.notna() & ~cells.isin(_GAPS_IN_NUMBERS)]
    if decimal:
        filled = _with_points(filled, decimal, path)
    numbers = pd.to_numeric(filled.astype(str), errors="coerce")
    return numbers.reindex(cells.index) if len(numbers) and numbers.notna().all() else cells


def _with_points(cells: pd.Series, decimal: Decimal, path: Path) -> pd.Series:
    """Return cells with points for decimal marks and nothing between thousands, where all of them are numbers.

    A TableError names a cell that is a number by the other mark alone, where a point in others might stand between
    thousands. Where none might, a column of plain numbers beside such with commas is what it looks like.
    """
    # The numbers of a sheet are not as they are written.
    written = cells.map(lambda cell: isinstance(cell, str)).astype(bool)
    texts, other = cells[written].astype(str), "." if decimal == "," else ","
    read = texts.str.fullmatch(_NUMBERS[decimal]).to_numpy(dtype=bool)
    if read.all():
        return cells.where(~written, texts.str.replace(other, "").str.replace(",", "."))
    numbers = read | texts.str.fullmatch(_NUMBERS[other]).to_numpy(dtype=bool)
    if numbers.all() and (other == "," or texts.str.fullmatch(_THOUSANDS).any()):
        place = int(read.argmin())
        raise TableError(
            f"column {cells.name!r}, {row_name(texts.index, place)} of {path} holds {texts.iloc[place]!r}, whose "
            f"{_MARKS[other]} cannot stand between thousands, as --decimal {decimal} says; write all numbers with one "
            "decimal mark, those of new rows too, and give that one by --decimal."
        )
    return cells
