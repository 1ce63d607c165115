"""Turn an answer into plain, tagged data: what leaves the box is numbers, texts, lists and small tables.

Learners wrap what they mean: a number in a list in an array is that number, and a list of lists is a table. What one
thing is wrapped in is taken off here; what several things mean is for the kind of answer to say, outside the box.
"""

from __future__ import annotations

from collections import abc
from itertools import islice
from numbers import Number
from typing import Any

MOST = 20_000
# So many wrappings are taken off one thing; what holds itself has no last one.
_DEEPEST = 8


class TooLarge(ValueError):
    """There is more in an answer than in any that is asked for."""


def plain(value: Any) -> dict[str, Any]:
    """Return a value as plain, tagged data, or the name of its type where it is not plain data."""
    try:
        return tagged(value)
    except TooLarge:
        return {"kind": "other", "type": "an answer that is too large"}
    except (TypeError, ValueError, ArithmeticError, RecursionError):
        return {"kind": "other", "type": f"{type(value).__name__}"[:80]}


def tagged(value: Any) -> dict[str, Any]:
    """Return a value with the tag of its kind; TypeError for what is not plain."""
    import pandas

    if isinstance(value, pandas.DataFrame):
        rows = value.itertuples(index=False, name=None)
        return table("frame", value.index.tolist(), value.columns.tolist(), rows)
    if value is pandas.NA:
        return {"kind": "not_finite", "text": "NA"}
    names, entries = opened(value)
    if entries is None:
        return tagged_scalar(scalar(value))
    entries = [bare(entry) for entry in entries]
    if names is None and len(entries) == 1 and holds_several(entries[0]):
        return tagged(entries[0])
    if any(map(holds_several, entries)):
        return table_of_rows(names, entries)
    items = [scalar(entry) for entry in entries]
    if names is None:
        return {"kind": "sequence", "items": items}
    return {"kind": "mapping", "keys": [scalar(name) for name in names], "values": items}


def table_of_rows(names: list[Any] | None, entries: list[Any]) -> dict[str, Any]:
    """Return lists or mappings, one for each name or simply one after the other, as the rows of a table."""
    rows = [opened(entry) for entry in entries]
    columns, first = rows[0]
    if any(cells is None or other != columns for other, cells in rows):
        raise TypeError("entries of several kinds")
    form, index = ("array", list(range(len(rows)))) if names is None else ("nested", names)
    columns = list(range(len(first or ()))) if columns is None else columns
    return table(form, index, columns, (cells or [] for _, cells in rows))


def table(form: str, index: list[Any], columns: list[Any], rows: abc.Iterable[abc.Iterable[Any]]) -> dict[str, Any]:
    """Return a table: a DataFrame, what is nested in a mapping, or an array with as many cells in each row."""
    if (1 + len(index)) * (1 + len(columns)) > 2 * MOST:
        raise TooLarge
    cells = [[scalar(bare(cell)) for cell in row] for _, row in zip(index, rows, strict=True)]
    if any(len(row) != len(columns) for row in cells):
        raise TypeError("rows of several lengths")
    columns, index = [scalar(name) for name in columns], [scalar(name) for name in index]
    return {"kind": "table", "form": form, "columns": columns, "index": index, "rows": cells}


def opened(value: Any) -> tuple[list[Any] | None, list[Any] | None]:
    """Return the names and the entries of what holds things: no names for a list, and no entries for a plain thing."""
    import numpy
    import pandas

    if isinstance(value, pandas.Series):
        return value.index.tolist(), bounded(value.tolist())
    if isinstance(value, abc.Mapping):
        names = bounded(value)
        return names, [entry for _, entry in zip(names, value.values(), strict=True)]
    if isinstance(value, (numpy.ndarray, pandas.Index, pandas.api.extensions.ExtensionArray)):
        if isinstance(value, numpy.ndarray) and value.dtype.kind in "mM":
            raise TypeError("times are no numbers")
        value = value.tolist()  # what is masked becomes None
    if isinstance(value, (abc.KeysView, abc.ItemsView, abc.ValuesView)):
        return None, bounded(value)
    if isinstance(value, abc.Set):
        return None, sorted(bounded(value))
    if isinstance(value, abc.Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview)):
        return None, bounded(value)
    return None, None


def holds_several(value: Any) -> bool:
    """Return whether a value is no plain thing, once what one thing is wrapped in was taken off."""
    import pandas

    return isinstance(value, pandas.DataFrame) or opened(value)[1] is not None


def bare(value: Any) -> Any:
    """Return the one thing that is in a list, an array, a mapping or a table; else the value as it is."""
    import pandas

    for _ in range(_DEEPEST):
        _, entries = opened(value)
        if isinstance(value, pandas.DataFrame):
            entries = bounded(cell for row in value.itertuples(index=False, name=None) for cell in row)
        if entries is None or len(entries) != 1:
            return value
        (value,) = entries
    raise TypeError("nothing at the bottom")


def bounded(values: abc.Iterable[Any]) -> list[Any]:
    """Return values as a list, unless there are more than any answer has."""
    kept = list(islice(values, MOST + 1))
    if len(kept) > MOST:
        raise TooLarge
    return kept


def tagged_scalar(value: Any) -> dict[str, Any]:
    """Tag a scalar with its kind."""
    if value is None:
        return {"kind": "nothing"}
    if isinstance(value, bool):
        return {"kind": "truth", "value": value}
    if isinstance(value, str):
        not_finite = value in ("nan", "inf", "-inf") and isinstance(value, NameOfNumber)
        return {"kind": "not_finite", "text": str(value)} if not_finite else {"kind": "text", "value": value}
    return {"kind": "number", "value": value}


class NameOfNumber(str):
    """The name of a number that JSON cannot write."""


def scalar(value: Any) -> Any:
    """Return a Python scalar that JSON can carry; TypeError for what is not a scalar."""
    import numpy

    # To numpy a duration is a whole number.
    if isinstance(value, (numpy.datetime64, numpy.timedelta64)):
        raise TypeError("times are no numbers")
    if isinstance(value, numpy.generic) or (isinstance(value, numpy.ndarray) and value.ndim == 0):
        value = value.tolist()  # what is masked becomes None
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)[:100_000].encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, complex) and value.imag == 0:
        value = value.real
    if isinstance(value, Number):
        number = float(value)  # type: ignore[arg-type]
        return number if number - number == 0 else NameOfNumber(repr(number))
    raise TypeError(type(value).__name__)
