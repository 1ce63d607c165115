"""From the bytes of a submitted file to its cells, whatever program has saved them.

Read is what a notebook of any Jupyter holds, also where another program has changed its encoding, its line ends, or
left numbers in it that JSON does not know. Outputs are thrown away unread, and nothing else is taken apart either that
is not asked for, since small brackets can become large objects.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from autograder.grading.files import Unreadable, encoding_of
from autograder.records.grading import Cell
from autograder.scoring.left_out import shorten

#: Bounds with room for a long notebook with pictures pasted into its texts.
MAX_CELLS, MAX_CODE, MAX_TEXT = 1_000, 1_000_000, 100_000

#: So many brackets, or texts and numbers that have to be written anew, are taken apart at most.
_MOST_PARTS = 600_000


@dataclass(frozen=True)
class NotebookFile:
    """A notebook as it was submitted: its cells, and the id of the release that it says it was made from."""

    cells: tuple[Cell, ...]
    release: str | None = None


class _Mlm(msgspec.Struct, frozen=True):
    release: str | None = None


class _OfNotebook(msgspec.Struct, frozen=True):
    mlm: _Mlm = _Mlm()


class _Nbgrader(msgspec.Struct, frozen=True):
    grade_id: str | None = None


class _OfCell(msgspec.Struct, frozen=True):
    nbgrader: _Nbgrader = _Nbgrader()


class _Cell(msgspec.Struct):
    """A cell, taken apart no further; ``input`` is the source of code in notebooks of format 3."""

    cell_type: msgspec.Raw
    source: msgspec.Raw = msgspec.Raw(b"null")
    input: msgspec.Raw = msgspec.Raw(b"null")
    id: msgspec.Raw = msgspec.Raw(b"null")
    metadata: msgspec.Raw = msgspec.Raw(b"null")


class _Worksheet(msgspec.Struct):
    cells: list[_Cell] = []


class _Notebook(msgspec.Struct):
    cells: list[_Cell] | None = None
    worksheets: list[_Worksheet] = []
    metadata: msgspec.Raw = msgspec.Raw(b"null")


def parse_notebook(content: bytes) -> NotebookFile:
    """Return the cells of a notebook, and the release that it names.

    Raises
    ------
    Unreadable
        If this is not a notebook, or one that is too large; it says what it is instead.
    """
    if not content:
        raise Unreadable("empty")
    # A disk that was full, or a slow copy, leaves zeros behind a whole file.
    text = as_utf8(content).rstrip(b"\0 \t\r\n")
    if text.count(b"{") > _MOST_PARTS:
        raise Unreadable("too_many_parts")
    notebook = _decode(text)
    cells = (
        [cell for sheet in notebook.worksheets for cell in sheet.cells] if notebook.cells is None else notebook.cells
    )
    if notebook.cells is None and not notebook.worksheets:
        raise Unreadable("no_cells")
    if len(cells) > MAX_CELLS:
        raise Unreadable("too_many_cells", limit=MAX_CELLS)
    release = _known(notebook.metadata, _OfNotebook).mlm.release
    is_id = release is not None and re.fullmatch(r"[0-9a-f]{1,64}", release)
    return NotebookFile(tuple(_bounded(map(_read_cell, cells))), release if is_id else None)


def as_utf8(content: bytes) -> bytes:
    """Return a text as UTF-8 without a byte-order mark, by the encodings that programs save in."""
    content = content.removeprefix(codecs.BOM_UTF8)
    encoding = encoding_of(content)
    if encoding == "utf-8":
        return content
    # In Latin-1 no byte is lost, but quotes are; here a byte that is no character may be.
    text = content.decode("cp1252" if encoding == "latin-1" else encoding, "replace")
    return text.removeprefix("\ufeff").encode()


def _decode(text: bytes) -> _Notebook:
    try:
        return msgspec.json.decode(text, type=_Notebook)
    except msgspec.ValidationError as error:
        # The error may quote the file, at any length.
        raise Unreadable("not_saved_by_jupyter", why=shorten(str(error))) from None
    except (msgspec.DecodeError, RecursionError):
        pass
    if text.count(b'"') // 2 + text.count(b"NaN") + text.count(b"Infinity") > _MOST_PARTS:
        raise Unreadable("too_many_parts")
    try:
        return msgspec.json.decode(_NO_JSON.sub(_as_json, text), type=_Notebook)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unreadable(_instead(text, str(error))) from None


#: Strings, and numbers that Python writes into JSON although JSON has none.
_NO_JSON = re.compile(rb'"(?:[^"\\]|\\.)*+"|-?\bInfinity\b|\bNaN\b', re.DOTALL)
#: What a backslash begins: whole characters of two halves, halves, and the rest.
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


def _as_json(found: re.Match[bytes]) -> bytes:
    if not found[0].startswith(b'"'):
        return b"null"
    return _ESCAPE.sub(lambda escape: b"\\ufffd" if escape[1] else escape[0], found[0])


_MERGE_MARK = re.compile(rb"^(?:<{7} |>{7} )", re.MULTILINE)


def _instead(text: bytes, error: str) -> str:
    """Return the name of the sentence that says what a file is instead of a notebook."""
    start = text[:1_000].lstrip().lower()
    if not text:
        return "only_zeros"
    if start.startswith(b"{") and _MERGE_MARK.search(text):
        return "merge_marks"
    if start.startswith(b"{") and ("truncated" in error or b"\0" in text):
        return "cut_off"
    return "web_page" if start.startswith((b"<!doctype", b"<html", b"<?xml")) else "not_a_notebook"


_TYPES = {"code": "code", "markdown": "markdown", "heading": "markdown", "html": "markdown"}


def _read_cell(cell: _Cell) -> Cell:
    cell_type = _TYPES.get(_text(cell.cell_type), "raw")
    source = _text(cell.source) or _text(cell.input)
    grade_id = _known(cell.metadata, _OfCell).nbgrader.grade_id
    return Cell(cell_type, source, grade_id, cell_id=_text(cell.id)[:100] or None)


_Known = TypeVar("_Known", _OfNotebook, _OfCell)


def _known(metadata: msgspec.Raw, kind: type[_Known]) -> _Known:
    """Return what is known of metadata; of what is neither nbgrader's nor ours nothing is."""
    try:
        return msgspec.json.decode(metadata, type=kind)
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError):
        return kind()


def _text(raw: msgspec.Raw) -> str:
    """Return a text, or the lines of one; nothing where there is anything else in its place."""
    if len(raw) > 8 * MAX_CODE:
        return ""
    try:
        found = json.loads(bytes(raw), strict=False)  # which knows half characters, too
    except (ValueError, RecursionError):
        return ""
    lines = found if isinstance(found, list) else [found]
    text = "".join(line for line in lines if isinstance(line, str))
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\r\n", "\n").replace("\r", "\n")


def _bounded(cells: Iterable[Cell]) -> Iterable[Cell]:
    """Yield cells whose code is not too long, and texts cut to what a person reads."""
    left = MAX_CODE
    for cell in cells:
        if cell.cell_type == "code":
            left -= len(cell.source)
            if left < 0:
                raise Unreadable("too_much_text", limit=f"{MAX_CODE:,}")
            yield cell
        else:
            yield replace(cell, source=cell.source[:MAX_TEXT])
