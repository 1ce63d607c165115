"""The vocabulary of answers: the plain values that a learner may give, and what a cell shows."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from autograder.language.catalogue import Sentence

#: A number, a text, a truth value, or nothing: the only things that containers may hold.
Scalar = float | str | bool | None


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="number"):
    """A finite number; integers and NumPy scalars arrive as this too."""

    value: float


class NotFinite(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="not_finite"):
    """Not-a-number, an infinity, or what pandas calls NA, by name: JSON has no word for them."""

    text: str


class Truth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="truth"):
    """True or False."""

    value: bool


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="text"):
    """A string."""

    value: str


class ListValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="sequence"):
    """A list, a tuple, a set, an array with one direction, or the keys of a dictionary."""

    items: tuple[Scalar, ...]


class MappingValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="mapping"):
    """A dictionary or a Series: keys and values in step."""

    keys: tuple[Scalar, ...]
    values: tuple[Scalar, ...]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="table"):
    """Column names, index, and rows of a DataFrame, of lists or Series in a mapping, or of an array."""

    columns: tuple[Scalar, ...]
    index: tuple[Scalar, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    form: Literal["frame", "nested", "array"] = "frame"


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="nothing"):
    """None."""


class Other(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="other"):
    """Something that is not plain data; only the name of its type came out."""

    type: str


Value = Number | NotFinite | Truth | Text | ListValue | MappingValue | Table | Nothing | Other


#: What stands for an answer that is larger than any the course asks for; the box calls it so as well.
TOO_LARGE = Other("an answer that is too large")

#: Types that a learner has another word for, by what they are.
TYPES: Mapping[str, frozenset[str]] = {
    "function": frozenset({"function", "method", "builtin_function_or_method", "ufunc", "type", "partial"}),
    "iterator": frozenset(
        {"generator", "map", "filter", "zip", "enumerate", "reversed", "list_reverseiterator", "list_iterator"}
    ),
    "holding": frozenset(
        {"list", "tuple", "set", "frozenset", "dict", "defaultdict", "ndarray", "Series", "DataFrame", "MultiIndex"}
    ),
    "huge": frozenset({"int", "Fraction"}),
    "complex": frozenset({"complex", "complex128", "complex64"}),
}


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One output of a cell, with the fields of its kind; `autograder.results.safe_outputs` decides what is shown."""

    output_type: Literal["stream", "error", "execute_result", "display_data"]
    name: str = ""
    text: str = ""
    data: dict[str, str] = {}
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()


class CellError(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The exception that ended a statement of a cell, or why Python could not read it, shortened for a reader.

    ``line`` is where the statement begins, counted from 1 in the cell as the learner sees it; ``statement`` its first
    line.
    """

    name: Annotated[str, msgspec.Meta(max_length=100)]
    message: Annotated[str, msgspec.Meta(max_length=500)]
    line: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    statement: Annotated[str, msgspec.Meta(max_length=100)]


def size(kept: Value | Output | CellError) -> int:
    """Return about how many bytes of memory an answer, an output or an error takes."""
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
    """Return what a value is in a learner's words, as in "a text" or "a list with 5 entries"."""
    match value:
        case Number():
            return Sentence("values.number")
        case NotFinite(text):
            return Sentence("values.not_available") if text == "NA" else Sentence("values.not_finite")
        case Truth(value=is_true):
            return str(is_true)
        case Text():
            return Sentence("values.text")
        case ListValue(items):
            return _with_entries("list", len(items))
        case MappingValue(keys, _):
            return _with_entries("mapping", len(keys))
        case Table(columns, _, rows, "nested"):
            size = {"names": _counted("names", len(rows)), "entries": _counted("entries", len(columns))}
            return Sentence("values.nested", **size)
        case Table(columns, _, rows, form):
            size = {"rows": _counted("rows", len(rows)), "columns": _counted("columns", len(columns))}
            return Sentence(f"values.{form}", **size)
        case Nothing():
            return "None"
        case Other(name):
            return _described_by_type(value, name)


def _with_entries(what: str, count: int) -> str:
    return Sentence(f"values.{what}", entries=_counted("entries", count))


def _counted(what: str, count: int) -> str:
    return Sentence(f"counts.one_{what}") if count == 1 else Sentence(f"counts.{what}", count=count)


def _described_by_type(value: Other, name: str) -> str:
    if value == TOO_LARGE:
        return Sentence("values.too_large")
    known = next((what for what, names in TYPES.items() if name in names), None)
    # The name of a type is the learner's, and may hold anything.
    harmless = name.isascii() and name.isidentifier() and len(name) <= 40
    if not harmless:
        return Sentence("values.unknown")
    return Sentence(f"values.{known or 'other'}", type=name)
