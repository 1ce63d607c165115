"""Kinds whose answer is a number for each of several names: one column of them, or a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import pstdev
from typing import Any

from autograder.kinds.finding import (
    COARSE,
    RIGHT,
    ROUNDED,
    TOO_FEW,
    Expected,
    Finding,
    Scale,
    close,
    label,
    slipped,
    spread,
    wrong,
)
from autograder.kinds.forms import number_of, read_numbers_by_name
from autograder.kinds.kind import Kind
from autograder.kinds.refusals import malformed, unlike_names
from autograder.language.catalogue import Sentence
from autograder.records.grading import Verdict
from autograder.records.values import MappingValue, Table, Value


def _columns(table: Mapping[Any, Any]) -> dict[str, dict[str, float]]:
    """Return numbers by column and row; values by name are a table of one column."""
    if all(isinstance(entry, Mapping) for entry in table.values()):
        return {label(name): _columns(entry)[""] for name, entry in table.items() if isinstance(entry, Mapping)}
    return {"": {label(row): float(number) for row, number in table.items() if isinstance(number, (int, float))}}


def _all_of(pairs: list[tuple[float, float]], slack: float, scale: Scale, column: str | None = None) -> Finding:
    """Return what pairs of given and wanted numbers come to together, of a column if there are several."""
    found = [close(given, wanted, slack, scale) for given, wanted in pairs]
    if None in found:
        right = sum(finding is not None and finding.share > 0.0 for finding in found)
        given, wanted = map(sorted, zip(*pairs, strict=True))
        if all(abs(one - other) <= slack for one, other in zip(given, wanted, strict=True)):
            return wrong("other_names")
        if slip := slipped(pairs, slack):
            return wrong(slip)
        if column is None:
            return wrong("values_right", right=right, total=len(pairs))
        return wrong("column_right", right=right, total=len(pairs), column=repr(column))
    return next((finding for finding in (COARSE, TOO_FEW, ROUNDED) if finding in found), RIGHT)


def _by_name(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, Mapping):
        raise TypeError("The reference must give values by name here.")
    given = _named_values(value)
    (wanted,) = _columns(expected).values()
    if isinstance(value, Table) and set(map(label, value.columns)) == wanted.keys():
        return Finding(Verdict.MALFORMED, 0.0, Sentence("comparison.several_for_each", rows=len(value.rows)))
    if given is None:
        return malformed("by_name", value)
    if given.keys() != wanted.keys():
        return Finding(Verdict.WRONG, 0.0, unlike_names(list(wanted), list(given)))
    pairs = [(given[name], number) for name, number in wanted.items()]
    return _all_of(pairs, scale.tolerance * spread(wanted.values()), scale)


def _named_values(value: Value) -> dict[str, float] | None:
    """Return numbers by label, of an answer in the form that is compared."""
    if not isinstance(value, MappingValue):
        return None
    named = {
        label(name): number for name, number in zip(value.keys, value.values, strict=True) if type(number) is float
    }
    return named if len(named) == len(value.keys) else None


def _tells_names_apart(value: Value, expected: Expected) -> bool:
    """Return whether values by name are nearer to the right ones, in squares, than any one number for all names.

    An estimate for each name is, even by a search that stopped early. A guess of the right size is not.
    """
    given = _named_values(value)
    if given is None or not isinstance(expected, Mapping):
        return False
    (wanted,) = _columns(expected).values()
    if given.keys() != wanted.keys():
        return False
    apart = math.dist([given[name] for name in wanted], list(wanted.values()))
    return apart < math.sqrt(len(wanted)) * pstdev(wanted.values())


def _table(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, Mapping):
        raise TypeError("The reference must give a table here.")
    if not isinstance(value, Table):
        return malformed("table", value)
    wanted = _columns(expected)
    value = _upright(value, wanted)
    places = {label(name): place for place, name in enumerate(value.columns)}
    lacking = [name for name in wanted if name not in places]
    if lacking:
        return wrong("no_column", column=repr(lacking[0]))
    keys = set(next(iter(wanted.values())))
    labels = [[label(name) for name in value.index]]
    labels += [[label(row[place]) for row in value.rows] for name, place in places.items() if name not in wanted]
    rows = next((names for names in labels if set(names) == keys and len(names) == len(keys)), None)
    if rows is None:
        return wrong("rows", total=len(keys))
    findings = []
    for name, column in wanted.items():
        cells = {row: cell[places[name]] for row, cell in zip(rows, value.rows, strict=True)}
        numbers = {row: number_of(cell) for row, cell in cells.items()}
        pairs = [(number, column[row]) for row, number in numbers.items() if number is not None]
        if len(pairs) < len(numbers):
            return wrong("column_numbers", column=repr(name))
        findings.append(_all_of(pairs, scale.tolerance * spread(column.values()), scale, name))
    return min(findings, key=lambda finding: finding.share)


def _upright(table: Table, wanted: Mapping[str, object]) -> Table:
    """Return a table with the wanted columns as columns, where they were its rows, as in a mapping of mappings."""
    if wanted.keys() <= set(map(label, table.columns)) or not wanted.keys() <= set(map(label, table.index)):
        return table
    return Table(table.index, table.columns, tuple(zip(*table.rows, strict=True)))


def _distance(one: Expected, other: Expected, scale: Scale) -> float | None:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return None
    given, wanted = _columns(one), _columns(other)
    if any(given.get(name, {}).keys() != column.keys() for name, column in wanted.items()):
        return math.inf
    return max(
        max(abs(given[name][row] - number) for row, number in column.items())
        / (scale.tolerance * spread(column.values()))
        for name, column in wanted.items()
    )


BY_NAME = Kind(
    _by_name,
    "`tolerance` times the spread of the reference's values, for each name",
    _distance,
    finest=1e-3,
    read=read_numbers_by_name,
    tells_apart=_tells_names_apart,
)
TABLE = Kind(_table, "the same for every column, for rows in any order", _distance, finest=1e-3)
