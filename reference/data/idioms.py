"""What readers of R write in a formula: taken as it is meant, or answered by the spelling that works here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

import numpy as np
from formulaic.errors import FormulaicError
from formulaic.parser.algos.tokenize import tokenize
from formulaic.parser.types import Token

from reference.errors import FormulaError

# Functions of R that formulaic does not bring, as expressions of a formula find them.
_OF_NUMPY = ("sqrt", "log1p", "expm1", "floor", "sin", "cos", "tan", "pi")
FUNCTIONS: dict[str, Any] = {name: getattr(np, name) for name in _OF_NUMPY}
FUNCTIONS |= {"c": lambda *each: [*each]}
FUNCTIONS |= {"pmin": lambda *each: reduce(np.minimum, each), "pmax": lambda *each: reduce(np.maximum, each)}

# What is written in another way here, as a pattern of its beginning; the rest of the call follows as it is.
_RESPELT = (
    (r"\b(?:as\.)?factor\(", "C("),
    (r"(\bC\([^()]*,)\s*(?:contr(?:asts)?\s*=\s*)?(sum|treatment|helmert|poly)\s*\)", r"\1 contr.\2)"),
    (r"\^", "**"),
    (r"\bTRUE\b", "True"),
    (r"\bFALSE\b", "False"),
)
# A column whose name is no word, as patsy quotes it.
_PATSY = re.compile(r"""\bQ\(\s*(["'])([^"'`]*)\1\s*\)""")
# What no reader of R should wait for, and what to write; {0} is what stands in the brackets, {1} and {2} its two parts.
_ELSEWHERE = {
    "relevel": "C({1}, contr.treatment({2}))",
    "ordered": "C({0}, contr.poly)",
    "as.ordered": "C({0}, contr.poly)",
    "ns": "cr({1}, df={2}, constraints='center')",
    "ifelse": "np.where({0})",
    "interaction": "{1}:{2}",
    "as.numeric": "{0}, as a column of numbers",
    "as.integer": "{0}, as a column of numbers",
    "cut": "the classes as a column of their own, made with pandas.cut",
    "s": "bs({1}, df=5)",
    "dummy": "I({1} == {2})",
}
# A text in quotes or backticks, in which nothing is written in another way.
_QUOTED = re.compile(r"(\"[^\"]*\"|'[^']*'|`[^`]*`)")


def respell(formula: str) -> str:
    """Return a formula with R's expressions as formulaic takes them; a FormulaError says what has another name here."""
    # What R's %in% adds is the combinations alone.
    nested = _outside_quotes(formula, (("%in%", ":"),))
    return _replaced(nested, lambda token: token.kind is Token.Kind.PYTHON, _expression)


def spell_out(part: str, names: Iterable[str]) -> str:
    """Return a right-hand side with these columns in place of a dot."""
    everything = " + ".join(f"`{name}`" for name in names) or "1"
    return _replaced(part, is_dot, lambda _: f"({everything})")


def has_dot(part: str) -> bool:
    """Return whether a right-hand side holds a dot, which stands for all other columns."""
    return "." in part and any(map(is_dot, tokenize(part)))


def is_dot(token: Token) -> bool:
    """Return whether a token is a dot alone."""
    return token.kind is Token.Kind.VALUE and token.token == "."


def _replaced(text: str, chosen: Callable[[Token], bool], change: Callable[[str], str]) -> str:
    try:
        tokens = [token for token in tokenize(text) if chosen(token)]
    except FormulaicError:
        # What cannot be read is refused where the formula is taken apart.
        return text
    for token in reversed(tokens):
        start, stop = token.source_start or 0, (token.source_end or 0) + 1
        text = text[:start] + change(text[start:stop]) + text[stop:]
    return text


def _expression(text: str) -> str:
    text = _PATSY.sub(r"`\2`", text)
    called = re.match(r"([\w.]+)\s*\((.*)\)$", text, re.DOTALL)
    if called and called[1] in _ELSEWHERE:
        first, _, rest = called[2].partition(",")
        rest = re.sub(r"^\s*\w+\s*=\s*", "", rest).strip()
        rest = rest or ("3" if called[1] == "ns" else "'a level'")
        instead = _ELSEWHERE[called[1]].format(called[2].strip(), first.strip(), rest)
        raise FormulaError(f"the term {text!r} is R's; write {instead} instead.")
    return _outside_quotes(text, _RESPELT)


def _outside_quotes(text: str, changes: Iterable[tuple[str, str]]) -> str:
    pieces = _QUOTED.split(text)
    for pattern, instead in changes:
        pieces[::2] = [re.sub(pattern, instead, piece) for piece in pieces[::2]]
    return "".join(pieces)
