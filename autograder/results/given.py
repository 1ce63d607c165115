"""What a learner gave, as the learner's page shows it: shortened, and nothing but the answer itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.assignment.rubric import Item
from autograder.records.values import ListValue, MappingValue, Number, Scalar, Table, Text, Truth, Value, describe
from autograder.results.pictures import Dots, dots
from autograder.scoring.left_out import shorten

#: So many characters of a text, rows of a table, columns and entries are shown.
_CHARACTERS, _ROWS, _COLUMNS, _ENTRIES = 300, 10, 6, 40
_ENTRY_CHARACTERS = 60
#: Fewer numbers are read at a glance.
_FEWEST_DOTS = 5


@dataclass(frozen=True)
class Given:
    """An answer: ``text``, or ``names``, or ``rows`` below ``columns``; ``more`` are not shown.

    ``in_order`` is True where the order of the names is a part of the answer.

    Where a row is one name and one number of many, ``dots`` are these numbers, marked by their ``mean``.
    """

    text: str = ""
    names: tuple[str, ...] = ()
    in_order: bool = False
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    more: int = 0
    dots: Dots | None = None
    mean: str = ""


def given(item: Item, value: Value) -> Given:
    """Return an answer as it is shown; numbers by name in their order, the largest first."""
    if item.kind == "by_name":
        value = item.answer_kind.read(value)
    match value:
        case Number(number):
            return Given(_said(number))
        case Truth(value=is_true):
            return Given(str(is_true))
        case Text(text):
            return Given(shorten(text, _CHARACTERS))
        case ListValue(items):
            in_order = item.answer_kind.swaps is not None
            return Given(names=_each(items[:_ENTRIES]), in_order=in_order, more=max(len(items) - _ENTRIES, 0))
        case MappingValue(keys, values):
            return _by_name(keys, values, in_order=item.kind == "by_name")
        case Table(columns, index, rows, form):
            shown = [_each(row[:_COLUMNS]) for row in rows[:_ROWS]]
            heads = _each(columns[:_COLUMNS]) if form != "array" else ()
            labels = _each(index[:_ROWS]) if form != "array" else ()
            body = [(label, *row) for label, row in zip(labels, shown, strict=True)] if labels else shown
            return Given(describe(value), columns=heads, rows=tuple(body), more=max(len(rows) - _ROWS, 0))
        case _:
            return Given(describe(value))


def _by_name(keys: Sequence[Scalar], values: Sequence[Scalar], *, in_order: bool) -> Given:
    pairs = list(zip(keys, values, strict=True))
    numbers = [value for value in values if isinstance(value, float) and math.isfinite(value)]
    drawn = in_order and len(numbers) == len(values) >= _FEWEST_DOTS
    if drawn:
        pairs.sort(key=lambda pair: -float(pair[1] or 0.0))
    rows = tuple((_short(key), _short(value)) for key, value in pairs[:_ENTRIES])
    more = max(len(pairs) - _ENTRIES, 0)
    if not drawn:
        return Given(rows=rows, more=more)
    mean = math.fsum(number / len(numbers) for number in numbers)
    shown = sorted(numbers, reverse=True)[:_ENTRIES]
    return Given(rows=rows, more=more, dots=dots(shown, mark=mean), mean=_said(mean))


def _each(entries: Sequence[Scalar]) -> tuple[str, ...]:
    return tuple(map(_short, entries))


def _short(entry: Scalar) -> str:
    if isinstance(entry, (int, float)) and not isinstance(entry, bool):
        return _said(entry)
    return shorten(str(entry), _ENTRY_CHARACTERS)


def _said(number: float) -> str:
    """Return a number in digits that can be read; whole ones whole."""
    return f"{number:.0f}" if float(number).is_integer() and abs(number) < 1e15 else f"{number:.6g}"
