"""A CSV file as a spreadsheet or a learning management system wrote it: its cells, and each cell's place in the text.

What is written back differs in the cells that were to change, and in no other byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError
from autograder.grading.files import encoding_of

#: No list of a class is larger.
_MOST_BYTES = 32 * 1024**2


@dataclass(frozen=True)
class Cell:
    """A cell: what it says, and where it stands in the text, quotes included."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class TableFile:
    """A table: its rows, each with the number of its first line, the heading first; ``mark`` parts the cells."""

    path: Path
    text: str
    encoding: str
    mark: str
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]

    @property
    def heading(self) -> list[str]:
        """The names of the columns."""
        return [cell.text for cell in self.rows[0][1]] if self.rows else []

    def with_cells(self, changed: Mapping[Cell, str]) -> bytes:
        """Return the file with other texts in some cells."""
        parts, at = [], 0
        for cell in sorted(changed, key=lambda cell: cell.start):
            quoted = self.text[cell.start : cell.end].lstrip().startswith('"')
            new = f'"{changed[cell]}"' if quoted or self.mark in changed[cell] else changed[cell]
            parts += [self.text[at : cell.start], new]
            at = cell.end
        return "".join([*parts, self.text[at:]]).encode(self.encoding)


def read_table(path: Path) -> TableFile:
    """Return a CSV file, with commas, semicolons or tabs, in the encodings that programs save in.

    Raises
    ------
    CourseError
        If it cannot be read, or a quote in it is not closed.
    """
    try:
        content = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else None
    except OSError as error:
        raise CourseError(f"{path}: this list cannot be read ({error.strerror}). Name a CSV file.") from None
    if content is None or content.startswith(b"PK\3\4"):
        raise CourseError(f"{path}: this is not a CSV file. Save or export the list as CSV.")
    encoding = encoding_of(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise CourseError(f"{path}: the end of this list is cut off. Export it again.") from None
    first = text.partition("\n")[0]
    mark = max(",;\t", key=lambda mark: re.sub(r'"[^"]*"', "", first).count(mark))
    return TableFile(path, text, encoding, mark, _rows(text, mark, path))


def _rows(text: str, mark: str, path: Path) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    cell = re.compile(rf'[ ]*"(?P<quoted>(?:[^"]|"")*)"[ ]*(?=[{mark}\r\n]|\Z)|(?P<plain>[^{mark}\r\n]*)')
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    row: list[Cell] = []
    # Excel may be told the mark in a line of its own.
    told = re.match(r"\ufeff?(sep=.\r?\n)?", text)
    position = told.end() if told else 0
    line = begun = 1 + _line_ends(text[:position])
    while position <= len(text):
        found = cell.match(text, position)
        assert found is not None
        if found["quoted"] is None and found["plain"].startswith('"'):
            raise CourseError(f"{path}, line {line}: a quote is not closed. Export the list again.")
        said = found["plain"] if found["quoted"] is None else found["quoted"].replace('""', '"')
        row.append(Cell(said.strip(), position, found.end()))
        line += _line_ends(found[0])
        position = found.end()
        if text[position : position + 1] == mark:
            position += 1
            continue
        if any(one.text for one in row) or len(row) > 1:
            rows.append((begun, tuple(row)))
        row = []
        position += 2 if text.startswith("\r\n", position) else 1
        line += 1
        begun = line
    return tuple(rows)


def _line_ends(text: str) -> int:
    return len(re.findall("\r\n|\r|\n", text))
