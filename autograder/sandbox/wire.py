"""What comes out of a box: from the bytes that it wrote to plain values, parsed as hostile input.

The box writes one JSON object per line. Nothing else leaves it, and a line is believed only if it has exactly one of
the shapes below: no pickle, no code, no score. Whoever controls the box can write any of these lines, and gains by it
no more than the right to state an answer.
"""

from __future__ import annotations

import json
import math
from collections import abc
from typing import Annotated

import msgspec

from autograder.records.grading import CellRun
from autograder.records.values import TOO_LARGE, CellError, ListValue, MappingValue, Number, Output, Table, Text, Value
from autograder.sandbox.inside.plain import plain
from autograder.sandbox.inside.recording import MOST_ERRORS

#: No answer of the course is near these sizes; a longer one is refused rather than compared.
MAX_ELEMENTS = 20_000
MAX_TEXT = 100_000
MAX_OUTPUTS = 1_001

#: What may be taken apart of one line, in bytes that it may take: a value, a cell's outputs and errors, the rest. Small
#: brackets become large objects, so these are asked before; a long text is there up to three times while it is read.
_MOST_VALUE, _MOST_OUTPUTS, _MOST_ERRORS, _MOST_REST = 1024**2, 8 * 1024**2, 128 * 1024, 32 * 1024
_MOST_STRINGS = 50_000


class CellDone(msgspec.Struct, frozen=True):
    """A cell has run; ``left_out`` of its run says, too, that there were more outputs than are taken apart."""

    notebook: str
    run: CellRun


class Answer(msgspec.Struct, frozen=True):
    """`check(name, value)` was called."""

    notebook: str
    name: str
    value: Value


Event = CellDone | Answer


class _CellLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="cell"):
    """A line of a cell, of which nothing was taken apart yet; and below one of an answer."""

    notebook: msgspec.Raw
    cell: msgspec.Raw
    outputs: msgspec.Raw
    errors: msgspec.Raw = msgspec.Raw(b"[]")


class _AnswerLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="answer"):
    notebook: msgspec.Raw
    name: msgspec.Raw
    value: msgspec.Raw


_LINE: msgspec.json.Decoder[_CellLine | _AnswerLine] = msgspec.json.Decoder(_CellLine | _AnswerLine)
_TEXT = msgspec.json.Decoder(str)
_INDEX = msgspec.json.Decoder(int)
_VALUE: msgspec.json.Decoder[Value] = msgspec.json.Decoder(Value)
_ERRORS: msgspec.json.Decoder[tuple[CellError, ...]] = msgspec.json.Decoder(
    Annotated[tuple[CellError, ...], msgspec.Meta(max_length=MOST_ERRORS)]
)
_OUTPUTS: msgspec.json.Decoder[tuple[Output, ...]] = msgspec.json.Decoder(
    Annotated[tuple[Output, ...], msgspec.Meta(max_length=MAX_OUTPUTS)]
)


def parse_event(line: bytes | bytearray, asked: abc.Set[str] | None = None, *, outputs: bool = True) -> Event | None:
    """Return the event that a line of the box states, already bounded in length by the reader.

    None for anything that is not exactly one of the shapes of this module: broken JSON, unknown or missing fields,
    nesting without end, numbers beyond a double, lone surrogates. Of what is oversized, the event says only that.
    ``asked`` are the names of the answers that are wanted, or all are: others are not taken apart, and state none.
    ``outputs`` says whether the outputs of cells are wanted.
    """
    try:
        found = _LINE.decode(line)
        if isinstance(found, _AnswerLine):
            return _answer(found, asked)
        return _cell(found, line, outputs=outputs)
    except (msgspec.DecodeError, RecursionError, UnicodeError, ValueError):
        return None


def _answer(found: _AnswerLine, asked: abc.Set[str] | None) -> Answer | None:
    if len(found.notebook) + len(found.name) > _MOST_REST:
        return None
    notebook, name = _TEXT.decode(found.notebook), _TEXT.decode(found.name)
    if asked is not None and name not in asked:
        return None
    if len(found.value) > _MOST_VALUE:
        return Answer(notebook, name, TOO_LARGE)
    value = _VALUE.decode(found.value)
    return Answer(notebook, name, value if _is_bounded(value) else TOO_LARGE)


def _cell(found: _CellLine, line: bytes | bytearray, *, outputs: bool) -> CellDone | None:
    if len(found.notebook) + len(found.cell) > _MOST_REST or len(found.errors) > _MOST_ERRORS:
        return None
    # One character beyond Latin-1 makes each character of its text take four bytes.
    is_narrow = line.isascii() and line.count(b"\\u") == line.count(b"\\u00")
    size = len(found.outputs) * (1 if is_narrow else 4)
    strings = (line.count(b'"') - line.count(b'\\"')) // 2
    fits = size <= _MOST_OUTPUTS and strings <= _MOST_STRINGS and line.count(b'"output_type"') <= MAX_OUTPUTS
    shown = _OUTPUTS.decode(found.outputs) if outputs and fits else ()
    run = CellRun(_INDEX.decode(found.cell), shown, _ERRORS.decode(found.errors), left_out=not (outputs and fits))
    return CellDone(_TEXT.decode(found.notebook), run)


def _is_bounded(value: Value) -> bool:
    match value:
        case Number(number):
            return math.isfinite(number)
        case Text(text):
            return len(text) <= MAX_TEXT
        case ListValue(items):
            return len(items) <= MAX_ELEMENTS
        case MappingValue(keys, values):
            return len(keys) == len(values) <= MAX_ELEMENTS
        case Table(columns, index, rows):
            # The names of rows and of columns are there where no cell is, too.
            cells = (1 + len(rows)) * (1 + len(columns))
            return (
                cells <= 2 * MAX_ELEMENTS and len(rows) == len(index) and all(len(row) == len(columns) for row in rows)
            )
        case _:
            return True


def plain_value(value: object) -> Value:
    """Return a Python object as it would come out of the box: the same conversion, without the box."""
    event = {"event": "answer", "notebook": "", "name": "", "value": plain(value)}
    parsed = parse_event(json.dumps(event, allow_nan=False).encode("ascii"))
    assert isinstance(parsed, Answer), "what the box's own conversion writes can be read"
    return parsed.value


def key_value(value: object) -> Value:
    """Return an answer of the reference as a learner would give it; a mapping of mappings is a table, by column."""
    if isinstance(value, abc.Mapping) and value and all(isinstance(column, abc.Mapping) for column in value.values()):
        rows = list(next(iter(value.values())))
        return Table(tuple(value), tuple(rows), tuple(tuple(column[row] for column in value.values()) for row in rows))
    return plain_value(dict(value) if isinstance(value, abc.Mapping) else value)
