"""Turn an answer into plain, tagged data: what leaves the box is numbers, texts, lists and small tables."""

from __future__ import annotations

from typing import Any

MOST = 20_000


def plain(value: Any) -> dict[str, Any]:
    """Return a value as plain, tagged data, or the name of its type where it is not plain data."""
    import numpy
    import pandas

    try:
        if isinstance(value, pandas.DataFrame):
            return plain_table(value)
        if isinstance(value, pandas.Series):
            value = dict(zip(value.index.tolist(), value.tolist(), strict=True))
        if isinstance(value, (numpy.ndarray, pandas.Index)):
            value = value.tolist()
        if isinstance(value, dict):
            keys, values = [scalar(k) for k in value], [scalar(v) for v in value.values()]
            return {"kind": "mapping", "keys": keys, "values": values}
        if isinstance(value, (set, frozenset)):
            value = sorted(value)
        if isinstance(value, (list, tuple)) and len(value) <= MOST:
            return {"kind": "sequence", "items": [scalar(item) for item in value]}
        return plain_scalar(scalar(value))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return {"kind": "other", "type": f"{type(value).__name__}"[:80]}


def plain_table(frame: Any) -> dict[str, Any]:
    """Return a DataFrame as columns, index and rows."""
    if (1 + len(frame)) * (1 + len(frame.columns)) > 2 * MOST:
        raise ValueError("too large")
    rows = [[scalar(cell) for cell in row] for row in frame.itertuples(index=False, name=None)]
    columns, index = [scalar(column) for column in frame.columns], [scalar(label) for label in frame.index]
    return {"kind": "table", "columns": columns, "index": index, "rows": rows}


def plain_scalar(value: Any) -> dict[str, Any]:
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

    if isinstance(value, numpy.generic) or (isinstance(value, numpy.ndarray) and value.ndim == 0):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)[:100_000].encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, (int, float)):
        number = float(value)
        return number if number - number == 0 else NameOfNumber(repr(number))
    raise TypeError(type(value).__name__)
