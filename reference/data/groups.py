"""The groups of a table's rows: which there are, each row's place among them, and the order that puts each together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from reference.arrays import LARGEST_INTEGER, Integers
from reference.data.columns import Level, require_column
from reference.errors import DesignError

# What a group is known by: an id, or of a group of several columns one of each.
Id: TypeAlias = Level | tuple[Level, ...]

# Rows are looked up a share at a time, within limits, so that what is computed of them takes little memory.
_SHARE = 64
FEWEST_ROWS, _MOST_ROWS = 2**12, 2**16
# How many times as many numbers as rows may lie between the lowest id and the highest to be looked up in a plain list.
_DENSE = 2


@dataclass(frozen=True, eq=False)
class Grouping:
    """The order of a table's n rows in which groups ascend and each one's rows lie side by side.

    ``order``, (n,), has the rows' positions in the table, those of a group ascending; None if the table has this
    order. ``starts``, (J + 1,), says where in that order each group starts, and n; ``levels``, (J,), are the ids,
    ascending.
    """

    order: Any
    starts: Integers
    levels: Any


def read_grouping(data: pd.DataFrame, names: Sequence[str], longest: float = np.inf) -> Grouping | None:
    """Return the order of the rows by group; None if they are scattered and ``longest`` or more in an average group.

    It raises what :func:`read_groups` raises.
    """
    labels = _whole_numbers(data, names[0]) if len(names) == 1 else None
    if labels is None:
        labels, levels = _read_codes(data, names)
        rank: Callable[[Any], Any] = np.asarray
    elif _ascend(labels):
        starts = np.flatnonzero(_first(labels))
        return Grouping(None, np.append(starts, labels.size), labels[starts])
    else:
        levels, rank = _ranking(labels)
    scattered = not _ascend(labels)
    if scattered and labels.size >= longest * len(levels):
        return None
    starts = np.zeros(len(levels) + 1, dtype=np.int64)
    for part in _parts(labels):
        np.add.at(starts[1:], rank(part), 1)
    np.cumsum(starts, out=starts)
    return Grouping(_order(map(rank, _parts(labels)), starts) if scattered else None, starts, levels)


def _order(parts: Iterable[Any], starts: Integers) -> Any:
    """Return the order of the rows by group, (n,), by counting, given each row's group, in parts."""
    order = np.empty(starts[-1], dtype=np.min_scalar_type(starts[-1]))
    free, start = starts.copy(), 0
    for codes in parts:
        sort = np.argsort(codes, kind="stable")
        codes = codes[sort]
        first = np.flatnonzero(_first(codes))
        groups, counts = codes[first], np.diff(np.append(first, codes.size))
        order[np.repeat(free[groups] - first, counts) + np.arange(codes.size)] = start + sort
        free[groups] += counts
        start += codes.size
    return order


def read_groups(data: pd.DataFrame, names: Sequence[str]) -> tuple[Integers, tuple[Id, ...]]:
    """Return the position of each row's group, (n,), and the groups' ids, ascending: whole numbers, or texts.

    Several columns make a group of each combination that occurs, and its id is a tuple. A DesignError says that a
    column is missing or empty somewhere, or an id a number with a fraction or beyond 2**53.
    """
    codes, levels = _read_codes(data, names)
    return codes, tuple(levels.tolist())


def group_names(ids: Any) -> tuple[Level, ...]:
    """Return what groups (J,) are called: by their ids, those of several columns joined with a colon."""
    plain = ids if isinstance(ids, tuple) else ids.tolist()
    return tuple(":".join(map(str, one)) if isinstance(one, tuple) else one for one in plain)


def check_names(ids: Any, label: str) -> None:
    """Raise a DesignError if two groups of several columns go by one name."""
    if ":" in label:
        names = pd.Index(group_names(ids))
        twice = names[names.duplicated()]
        if twice.size:
            raise DesignError(f"two groups of {label!r} are both called {twice[0]!r}; take the colons out of the ids.")


def _read_codes(data: pd.DataFrame, names: Sequence[str]) -> tuple[Integers, Any]:
    codes, levels = _read_levels(data, names[0])
    if len(names) == 1:
        return codes, levels
    columns: list[Any] = [levels]
    places: list[Any] = [np.arange(len(levels))]
    for name in names[1:]:
        inner, inner_levels = _read_levels(data, name)
        pairs, codes = np.unique(codes * len(inner_levels) + inner, return_inverse=True)
        outer, within = np.divmod(pairs, max(1, len(inner_levels)))
        columns, places = [*columns, inner_levels], [*(place[outer] for place in places), within]
    return codes, pd.MultiIndex(levels=columns, codes=places)


def _read_levels(data: pd.DataFrame, name: str) -> tuple[Integers, Any]:
    labels = _whole_numbers(data, name)
    if labels is None:
        found, ids = pd.factorize(require_column(data, name))
        codes, texts = pd.factorize(pd.Index([_text(one) for one in ids], dtype=object), sort=True)
        return np.asarray(codes[found], dtype=np.int64), texts
    if _ascend(labels):
        first = _first(labels)
        return np.cumsum(first) - 1, labels[first]
    levels, rank = _ranking(labels)
    # Wide enough for what is computed with them, such as the codes of two columns together.
    return np.concatenate([*map(rank, _parts(labels))], dtype=np.int64), levels


def _text(one: Any) -> str:
    """Return an id as text that depends on nothing but its value: the same in every piece of a table."""
    if isinstance(one, str):
        return one
    number = isinstance(one, Real | Decimal) and not isinstance(one, bool)
    if number and isfinite(one) and one == int(one):
        return str(int(one))
    # Midnight of a day is the day, and so many whole days are days.
    return str(one).removesuffix(" 00:00:00")


def _ranking(labels: Integers) -> tuple[Integers, Callable[[Any], Any]]:
    """Return which whole numbers there are, ascending, (J,), and what returns the positions of some among these.

    As pandas.factorize does when it sorts, whose table of hashes is larger than the column.
    """
    lowest, highest = int(labels.min()), int(labels.max())
    if highest - lowest >= _DENSE * labels.size or not np.can_cast(labels.dtype, np.int64):
        levels = np.unique(labels)
        index: Any = pd.Index(levels)
        return levels, index.get_indexer

    def offset(part: Any) -> Any:
        return np.subtract(part, lowest, dtype=np.int64)

    seen = np.zeros(highest - lowest + 1, dtype=bool)
    for part in _parts(labels):
        seen[offset(part)] = True
    places = np.cumsum(seen, dtype=np.min_scalar_type(-seen.size - 1))
    places -= 1
    levels = np.flatnonzero(seen)
    levels += lowest
    return levels, lambda part: places[offset(part)]


def _parts(numbers: Integers, overlap: int = 0) -> Iterator[Integers]:
    step = min(_MOST_ROWS, max(FEWEST_ROWS, numbers.size // _SHARE))
    return (numbers[start : start + step + overlap] for start in range(0, numbers.size, step))


def _whole_numbers(data: pd.DataFrame, name: str) -> Integers | None:
    """Return a grouping column of whole numbers, (n,), or None for one of text."""
    column = require_column(data, name)
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column.dtype):
        return None
    labels = np.asarray(column)
    if np.issubdtype(labels.dtype, np.integer):
        return labels.astype(labels.dtype.newbyteorder("="), copy=False)
    if np.iscomplexobj(labels):
        raise DesignError(f"the grouping column {name!r} holds complex numbers; recode it.")
    labels = np.asarray(labels, dtype=np.float64)
    if np.any(labels != np.round(labels)) or np.any(np.abs(labels) >= LARGEST_INTEGER):
        raise DesignError(
            f"the grouping column {name!r} must hold whole numbers below 2**53 or text; recode it, "
            "or write (effects | group), the groups behind the bar."
        )
    return labels.astype(np.int64)


def _ascend(numbers: Integers) -> bool:
    return all((part[1:] >= part[:-1]).all() for part in _parts(numbers, overlap=1))


def _first(labels: Integers) -> Any:
    """Return whether each of ascending labels (n,) is the first of its kind, (n,)."""
    first = np.ones(labels.size, dtype=bool)
    np.not_equal(labels[1:], labels[:-1], out=first[1:])
    return first
