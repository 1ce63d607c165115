"""Arithmetic written by authors: columns derived from others, and numbers computed from other answers."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from reference.questions.setting import QuestionError


def _power(base: Any, exponent: Any) -> Any:
    """Return a power, of numbers as floats: one of whole numbers can be made too large for any memory."""
    return (float(base) if isinstance(base, int) else base) ** exponent


_SIGNS: Mapping[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"sqrt": np.sqrt, "log": np.log, "exp": np.exp, "abs": np.abs}


def names_in(text: str) -> tuple[str, ...]:
    """Return the names that an expression speaks of, functions left out, in order.

    Raises
    ------
    QuestionError
        If it is not an expression.
    """
    tree = _parsed(text)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called)
    return tuple(dict.fromkeys(found))


def evaluate(text: str, names: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """Return what an expression comes to: names, numbers, ``+ - * / **``, brackets, and functions.

    Raises
    ------
    QuestionError
        If it holds anything else, or speaks of an unknown name.
    """
    known = {**_FUNCTIONS, **(functions or {})}

    def value(node: ast.AST) -> Any:
        match node:
            case ast.Expression(body=body):
                return value(body)
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return number
            case ast.Name(id=name):
                if name not in names:
                    raise QuestionError(f"{text!r} speaks of {name!r}; there is {', '.join(map(str, names))}.")
                return names[name]
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _SIGNS:
                return _SIGNS[type(sign)](value(left), value(right))
            case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _SIGNS:
                return _SIGNS[type(sign)](value(operand))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in known:
                return known[name](*map(value, arguments))
        raise QuestionError(
            f"{text!r} is not understood; write names, numbers, + - * / **, brackets, and {', '.join(known)}."
        )

    try:
        return value(_parsed(text))
    except (OverflowError, RecursionError):
        raise QuestionError(f"{text!r} is too large or too long to compute; write less.") from None


def derived(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return a table with further columns, each computed from those before it.

    Parameters
    ----------
    frame : pandas.DataFrame
        Left as it is.
    columns : mapping
        An expression for each new name: ``mean(x, g)`` is the mean of a column over the rows of each group, ``mean(x)``
        over all rows; else as for :func:`evaluate`.

    Raises
    ------
    QuestionError
        If an expression cannot be computed, or its result is not finite.
    """

    def mean(column: Any, group: Any = None) -> Any:
        return column.mean() if group is None else column.groupby(group).transform("mean")

    for name, text in columns.items():
        try:
            made = evaluate(text, {str(column): frame[column] for column in frame}, {"mean": mean})
        except (TypeError, ZeroDivisionError) as error:
            raise QuestionError(f"column {name!r} = {text!r} cannot be computed: {error}.") from None
        frame = frame.assign(**{name: made})
        if not np.isfinite(np.asarray(frame[name], dtype=np.float64)).all():
            raise QuestionError(f"column {name!r} = {text!r} is not finite in every row.")
    return frame


def _parsed(text: str) -> ast.Expression:
    try:
        return ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise QuestionError(f"{text!r} is not an expression; write one such as 'a / (a + b)'.") from None
