"""The vocabulary of answers: the plain values that a learner may give, and what a cell shows."""

from __future__ import annotations

import sys
from typing import Literal

import msgspec

from autograder.language.catalogue import Sentence

#: A number, a text, a truth value, or nothing: the only things that containers may hold.
Scalar = float | str | bool | None


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="number"):
    """A finite number; integers and NumPy scalars arrive as this too."""

    value: float


class NotFinite(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="not_finite"):
    """Not-a-number or an infinity, by name: JSON has no word for them."""

    text: str


class Truth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="truth"):
    """True or False."""

    value: bool


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="text"):
    """A string."""

    value: str


class ListValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="sequence"):
    """A list, tuple, set, or one-dimensional array."""

    items: tuple[Scalar, ...]


class MappingValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="mapping"):
    """A dictionary or a Series: keys and values in step."""

    keys: tuple[Scalar, ...]
    values: tuple[Scalar, ...]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="table"):
    """A DataFrame: column names, index, and rows."""

    columns: tuple[Scalar, ...]
    index: tuple[Scalar, ...]
    rows: tuple[tuple[Scalar, ...], ...]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="nothing"):
    """None."""


class Other(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="other"):
    """Something that is not plain data; only the name of its type came out."""

    type: str


Value = Number | NotFinite | Truth | Text | ListValue | MappingValue | Table | Nothing | Other


#: What stands for an answer that is larger than any the course asks for.
TOO_LARGE = Other("an answer that is too large")


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One output of a cell, with the fields of its kind; `autograder.results.safe_outputs` decides what is shown."""

    output_type: Literal["stream", "error", "execute_result", "display_data"]
    name: str = ""
    text: str = ""
    data: dict[str, str] = {}
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()


def size(kept: Value | Output) -> int:
    """Return about how many bytes of memory an answer or an output takes."""
    total, waiting = 0, [getattr(kept, name) for name in kept.__struct_fields__]
    while waiting:
        part = waiting.pop()
        total += sys.getsizeof(part) + 8
        if isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, tuple):
            waiting += part
    return total


def python_value(value: Value) -> object:
    """Return an answer as a number, a text, a tuple or a dictionary; None where it is none of these."""
    match value:
        case Number(number):
            return number
        case Text(text):
            return text
        case ListValue(items):
            return items
        case MappingValue(keys, values):
            return dict(zip(keys, values, strict=True))
        case _:
            return None


def describe(value: Value) -> str:
    """Return the kind of a value in a learner's words, as in "a text" or "a list of 5"."""
    match value:
        case Number():
            return Sentence("values.number")
        case NotFinite(text):
            return text if text in ("nan", "inf", "-inf") else Sentence("values.not_finite")
        case Truth():
            return Sentence("values.truth")
        case Text():
            return Sentence("values.text")
        case ListValue(items):
            return Sentence("values.sequence", count=len(items))
        case MappingValue(keys, _):
            return Sentence("values.mapping", count=len(keys))
        case Table(columns, _, rows):
            return Sentence("values.table", rows=len(rows), columns=len(columns))
        case Nothing():
            return Sentence("values.nothing")
        case Other(name):
            # The name of a type is the learner's, and may hold anything.
            harmless = name.isascii() and name.isidentifier() and len(name) <= 40
            return Sentence("values.other", type=name) if harmless else Sentence("values.unknown")
