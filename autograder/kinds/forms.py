"""The forms that an answer may come in, each taken for what it plainly is, and what is said of all others.

A reader takes an answer and returns it in the one form that its kind compares: a number, names with numbers, a list of
names, a text. What cannot be taken comes back as it is, and `malformed` says what it is and what to do. No reader looks
at the right answer, so that no form makes a wrong answer right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from autograder.kinds.finding import label
from autograder.records.values import (
    ListValue,
    MappingValue,
    NotFinite,
    Number,
    Scalar,
    Table,
    Text,
    Truth,
    Value,
)

Read: TypeAlias = Callable[[Value], Value]

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")
_NOT_FINITE = ("nan", "inf", "-inf")


def as_it_is(value: Value) -> Value:
    """Return an answer as it came."""
    return value


def number_of(entry: Scalar) -> float | None:
    """Return a number, or the number that a text is: "0.123", " -1e-3 ".

    A text with a decimal comma, a unit or a per cent sign is none: what "1,234" and "6.4 %" stand for depends on who
    reads them.
    """
    if type(entry) is float:
        return entry
    if isinstance(entry, str):
        text = entry.strip().replace("\N{MINUS SIGN}", "-")
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
        return number if math.isfinite(number) else None
    return None


def is_name(entry: Scalar) -> bool:
    """Return whether an entry can be a name: a text, or a whole number."""
    number = number_of(entry)
    return isinstance(entry, str) if number is None else number.is_integer()


def are_names(entries: Sequence[Scalar]) -> bool:
    """Return whether entries can be names, each of them another one."""
    return all(map(is_name, entries)) and len(set(map(label, entries))) == len(entries)


def only_entry(value: Value) -> Scalar:
    """Return the one thing in an answer, whatever it is wrapped in; None where there are none or several."""
    match value:
        case Number(only) | Text(only) | Truth(only) | ListValue(items=(only,)) | MappingValue(values=(only,)):
            return only
        case Table(rows=((only,),)):
            return only
        case _:
            return None


def read_number(value: Value) -> Value:
    """Return the one number in an answer."""
    only = only_entry(value)
    number = number_of(only)
    if number is not None:
        return Number(number)
    return NotFinite(only) if isinstance(only, str) and only in _NOT_FINITE and not isinstance(value, Text) else value


def read_word(value: Value) -> Value:
    """Return the one text, number or truth value in an answer."""
    match only_entry(value):
        case str(text):
            return Text(text)
        case bool(is_true):
            return Truth(is_true)
        case float(number):
            return Number(number)
        case _:
            return value


def read_numbers_by_name(value: Value) -> Value:
    """Return names with one number each: of a mapping, a table of one column or one row, or a table of pairs."""
    pairs = pairs_of(value)
    if pairs is None or len({label(name) for name, _ in pairs}) < len(pairs):
        return value
    numbers = [number_of(entry) for _, entry in pairs]
    return value if None in numbers else MappingValue(tuple(name for name, _ in pairs), tuple(numbers))


def pairs_of(value: Value) -> list[tuple[Scalar, Scalar]] | None:
    """Return names and entries in pairs; None where it is not plain which entry belongs to which name."""
    match value:
        case MappingValue(keys, values):
            return list(zip(keys, values, strict=True))
        case Table(columns, index, rows) if len(columns) == 1:
            return [(name, row[0]) for name, row in zip(index, rows, strict=True)]
        case Table(columns, _, (row,)):
            return list(zip(columns, row, strict=True))
        case Table(columns, _, rows) if len(columns) == 2 and are_names([row[0] for row in rows]):
            return [(row[0], row[1]) for row in rows]
        case _:
            return None


def read_filled(value: Value) -> Value:
    """Return names with what was filled in for each."""
    pairs = pairs_of(value)
    return MappingValue(*map(tuple, zip(*pairs, strict=True))) if pairs else value


def read_names(value: Value) -> Value:
    """Return names in their order: the entries of a list, or of what else lists names.

    In a Series or a table, the names are in the one column that holds names; where all columns hold other numbers, as
    after ``nlargest``, the labels are the names.
    """
    match value:
        case MappingValue(keys, values):
            names = _names_beside(keys, [values])
        case Table(columns, index, rows):
            names = _names_beside(index, [[row[place] for row in rows] for place in range(len(columns))])
        case _:
            return value
    return value if names is None else ListValue(tuple(names))


def _names_beside(labels: Sequence[Scalar], columns: Sequence[Sequence[Scalar]]) -> Sequence[Scalar] | None:
    """Return the names among labels and columns; None where it could be either."""
    naming = [column for column in columns if are_names(column)]
    if len(naming) == 1 and (_is_count(labels) or not _is_count(sorted(naming[0], key=label_order))):
        return naming[0]
    if are_names(labels) and not _is_count(labels) and all(_is_count(column) for column in naming):
        return labels
    return None


def label_order(entry: Scalar) -> tuple[float, str]:
    """Return what names are sorted by: numbers by size, then texts."""
    number = number_of(entry)
    return (math.inf if number is None else number, str(entry))


def _is_count(entries: Sequence[Scalar]) -> bool:
    """Return whether entries count from zero or one, as rows and ranks do."""
    numbers = [number_of(entry) for entry in entries]
    return bool(numbers) and numbers in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))


def read_chosen(value: Value) -> Value:
    """Return chosen texts: those of a list, and in a mapping of truth values those that are True."""
    if isinstance(value, MappingValue) and value.values and all(isinstance(entry, bool) for entry in value.values):
        return ListValue(tuple(key for key, chosen in zip(value.keys, value.values, strict=True) if chosen))
    return read_names(value)


def folded(text: object) -> str:
    """Return a text as words are compared: case, spaces, hyphens, underscores and a plural's last letter do not count.

    "Random_slopes" and "random slope" are the same choice.
    """
    return "".join(folded_words(text))


def folded_words(text: object) -> list[str]:
    """Return the words of a text, each without its case and a plural's last letter."""
    words = re.findall(r"[^\W_]+", label(text))
    return [word.removesuffix("s") if len(word) > 3 else word for word in words]
