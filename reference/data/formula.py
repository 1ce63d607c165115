"""The formula of a mixed model: what varies, with what, and between which groups.

The fixed part and the effects inside a random term are read by formulaic, whose grammar is R's; this module splits
off the random terms, ``(effects | groups)``, which formulaic does not know.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from formulaic import Formula
from formulaic.errors import FormulaicError
from formulaic.parser.algos.tokenize import tokenize
from formulaic.parser.types import Token

from reference.data.idioms import has_dot, respell, spell_out
from reference.errors import FormulaError

INTERCEPT = "Intercept"
_PLAIN = re.compile(r"[^\W\d][\w.]*")
# Runs of blanks, but for those in a name between backticks.
_BLANKS = re.compile(r"(`[^`]*`)|\s+")
_EXAMPLE = "such as 'score ~ hours + (1 + hours | school)'"


@dataclass(frozen=True)
class RandomTerm:
    """Effects that vary between groups, correlated with each other and with no other term's.

    ``effects`` is a formula's right-hand side, ``group`` the columns whose combinations are the groups.
    """

    effects: str
    group: tuple[str, ...]

    @property
    def label(self) -> str:
        """The grouping factor's name: the columns, joined by a colon."""
        return ":".join(self.group)


@dataclass(frozen=True)
class MixedModel:
    """A linear mixed model, apart from any data. Build one with :func:`parse_formula`.

    ``fixed`` is a formula's right-hand side; ``name`` is how messages call the model. ``offset`` is what is added to
    the fixed part with a coefficient of one, and ``weights`` the column by which the residual variance is divided; they
    are empty where there is none.
    """

    response: str
    fixed: str
    terms: tuple[RandomTerm, ...]
    name: str
    offset: str = ""
    weights: str = ""

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The distinct grouping factors, in the order of the terms."""
        return tuple(dict.fromkeys(term.group for term in self.terms))

    @property
    def formula(self) -> str:
        """The model as a formula, ``||`` and ``/`` written out."""
        random = (
            f"({term.effects} | {':'.join(_quoted(name, 'LOOKUP') for name in term.group)})" for term in self.terms
        )
        offset = [f"offset({self.offset})"] if self.offset else []
        return f"{self.response} ~ {' + '.join((self.fixed, *offset, *random))}"

    @property
    def parts(self) -> tuple[str, ...]:
        """The right-hand sides that are evaluated on a table: response, fixed part, effects of each term, offset."""
        offset = [f"0 + {self.offset}"] if self.offset else []
        return (f"0 + {self.response}", self.fixed, *(term.effects for term in self.terms), *offset)

    def spelled_out(self, columns: Iterable[object]) -> MixedModel:
        """Return the model with the columns of a table that it does not name otherwise in place of a dot, as in R."""
        if not has_dot(self.fixed):
            return self
        grouped = {name for term in self.terms for name in term.group}
        taken = grouped | {self.weights} | variables(self.parts[0]) | variables(f"0 + {self.offset or 1}")
        return replace(self, fixed=spell_out(self.fixed, [str(name) for name in columns if name not in taken]))


def parse_formula(formula: str, name: str = "") -> MixedModel:
    """Return the model a formula says.

    Parameters
    ----------
    formula : str
        ``response ~ fixed + (effects | groups) + ...``, as in lme4: ``(1 | g)``, ``(x | g)``, ``(0 + x | g)``,
        ``(1 + x || g)`` for uncorrelated effects, ``(1 | a/b)`` for b within a, ``(1 | a:b)`` for combinations,
        several terms for crossed factors; ``offset(x)``; and a dot for all columns not named otherwise.
    name : str
        How messages call the model; else the formula itself.

    Raises
    ------
    FormulaError
        If a term is not understood, or there is no random term; the message names the term.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 2.1 and table 2.

    Examples
    --------
    >>> from reference import parse_formula
    >>> for term in parse_formula("score ~ hours + (1 + hours || school/room)").terms:
    ...     print(term.effects, "|", term.label)
    1 | school
    0 + hours | school
    1 | school:room
    0 + hours | school:room
    """
    called, formula = name or " ".join(formula.split()), respell(formula)
    marks = _marks(formula)
    tildes = [place for place, mark in enumerate(marks) if mark.text == "~"]
    if len(tildes) != 1 or tildes == [0]:
        raise FormulaError(f"the formula {formula!r} needs one '~' with the response before it, {_EXAMPLE}.")
    for one, following in pairwise(marks[tildes[0] :]):
        if following.text == "/" and (digits := formula[one.start : one.stop].strip()).isdigit():
            raise FormulaError(f"{digits}/ in the formula {formula!r} is no division; write what is computed in I().")
    fixed: list[str] = []
    offsets: list[str] = []
    terms: list[RandomTerm] = []
    for sign, part in _opened(_summands(marks[tildes[0] + 1 :], formula), formula):
        text = _text(part, formula)
        if sign == "+" and (offset := re.fullmatch(r"offset\((.*)\)", text)):
            plain = _PLAIN.fullmatch(offset[1]) or offset[1].startswith(("`", "I("))
            offsets.append(offset[1] if plain else f"I({offset[1]})")
        elif not any(mark.text in ("|", "||") for mark in part):
            fixed.append(f"{sign} {text}")
        elif sign == "+" and (part[0].text, part[-1].text) == ("(", ")"):
            terms.extend(_random_terms(part[1:-1], text, formula))
        else:
            raise FormulaError(
                f"the term {sign + text!r} is not understood; write a random term as + (effects | group)."
            )
    if not terms:
        named = re.search(r"\w+\(([^()|]+\|[^()|]+)\)", formula) or re.search(r"\bError\(([^()]+)\)", formula)
        term = named and (named[1] if "|" in named[1] else f"1 | {named[1]}")
        instead = f"write ({term})" if term else f"add one, {_EXAMPLE}"
        raise FormulaError(f"the formula {formula!r} has no random term; {instead}.")
    if len(set(terms)) != len(terms):
        raise FormulaError(f"the formula {formula!r} has a random term twice; keep one of the two.")
    right = " ".join(fixed).removeprefix("+ ") or "1"
    if not has_dot(right):
        effects(right)
    response = _text(marks[: tildes[0]], formula)
    if any(mark.text and mark.text not in "()" for mark in marks[: tildes[0]]):
        raise FormulaError(f"the response {response!r} is computed; write I({response}), or name one column.")
    return MixedModel(response, right, tuple(terms), called, " + ".join(offsets))


@lru_cache(maxsize=256)
def effects(part: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Return the terms of a right-hand side, each as its factors: what they say, and how formulaic reads them.

    The second of each pair is ``LITERAL`` (a number), ``LOOKUP`` (a column) or ``PYTHON`` (an expression). A
    FormulaError says what formulaic cannot read.
    """
    try:
        terms = Formula(part)
        if not isinstance(terms, list | tuple) and not hasattr(terms, "__iter__"):
            raise FormulaError(f"{part!r} has several parts; write one right-hand side.")
        return tuple(tuple((factor.expr, factor.eval_method.name) for factor in term.factors) for term in terms)
    except (FormulaicError, SyntaxError) as error:
        raise FormulaError(
            f"the term {part.removeprefix('0 + ')!r} is not understood ({plain_reason(error)}); write columns joined "
            "by +, * or :, a name that is no single word in backticks, and what is computed in I()."
        ) from error


@lru_cache(maxsize=256)
def variables(part: str) -> frozenset[str]:
    """Return the names that a right-hand side takes from a table, those inside of expressions too."""
    factors = [factor for term in effects(part) for factor in term]
    found = {text for text, method in factors if method == "LOOKUP"}
    for text in (text for text, method in factors if method == "PYTHON"):
        found |= set(re.findall("`([^`]*)`", text))
        nodes = [*ast.walk(ast.parse(re.sub("`[^`]*`", "_", text).strip(), mode="eval"))]
        # What is called, and what a function is taken from, is no column.
        others = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        others |= {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        found |= {node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in others} - {"_"}
    return frozenset(found)


def quoted(name: str) -> str:
    """Return a column's name as a formula has it: in backticks where it is no single word."""
    return name if _PLAIN.fullmatch(name) else f"`{name}`"


def plain_reason(error: Exception) -> str:
    """Return the first line of what formulaic says, without its colours and names of its own."""
    said = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]| \(<unknown>, line \d+\)| \(tip:.*\)", "", str(error)).splitlines()[0]
    said = re.sub(r"Unable to evaluate factor `.*`\. \[(?:\w+: )?(.*)\]", r"\1", said)
    return re.sub(r"name ('.*') is not defined", r"\1 is no column of the table and no function known here", said)


class _Mark(NamedTuple):
    """A sign, a bracket, a name without its backticks, or another operand, whose ``text`` is empty, and its place."""

    text: str
    name: str
    start: int
    stop: int


@lru_cache(maxsize=256)
def _marks(formula: str) -> tuple[_Mark, ...]:
    """Return what formulaic's tokenizer finds in a formula, operators that stand side by side one by one."""
    found: list[tuple[str, str, int]] = []
    try:
        for token in tokenize(formula):
            start, kind = token.source_start or 0, token.kind
            if kind is Token.Kind.OPERATOR:
                signs = re.finditer(r"\|\||\S", formula[start : (token.source_end or 0) + 1])
                found += [(sign[0], "", start + sign.start()) for sign in signs]
            else:
                text = token.token if kind is Token.Kind.CONTEXT else ""
                found.append((text, token.token if kind is Token.Kind.NAME else "", start))
    except FormulaicError as error:
        raise FormulaError(f"the formula {formula!r} is not understood ({plain_reason(error)}).") from error
    stops = [*(start for _, _, start in found[1:]), len(formula)]
    return tuple(_Mark(*one, stop) for one, stop in zip(found, stops, strict=False))


def _text(marks: Sequence[_Mark], formula: str) -> str:
    """Return what marks that follow each other say, as it is written."""
    if not marks:
        return ""
    return _BLANKS.sub(lambda blank: blank[1] or " ", formula[marks[0].start : marks[-1].stop]).strip()


def _summands(marks: Sequence[_Mark], formula: str) -> list[tuple[str, list[_Mark]]]:
    """Split at the plus and minus signs outside all brackets; return (sign, term) pairs."""
    pieces: list[tuple[str, list[_Mark]]] = []
    depth, sign, part = 0, "+", list[_Mark]()
    for mark in marks:
        depth += (mark.text in ("(", "[")) - (mark.text in (")", "]"))
        if depth < 0:
            break
        if depth or mark.text not in ("+", "-"):
            part.append(mark)
            continue
        if part:
            pieces.append((sign, part))
        elif pieces:
            raise FormulaError(f"the formula {formula!r} has two signs in a row; write one between two terms.")
        sign, part = mark.text, []
    if depth:
        raise FormulaError(f"the formula {formula!r} has brackets that do not match; close each one you open.")
    return [*pieces, (sign, part)] if part else pieces


def _opened(pieces: Iterable[tuple[str, list[_Mark]]], formula: str) -> Iterator[tuple[str, list[_Mark]]]:
    """Yield the pieces, in place of one in brackets around others with random terms these others."""
    for sign, part in pieces:
        depth, bars = 0, list[int]()
        for mark in part[1:-1]:
            depth += (mark.text == "(") - (mark.text == ")")
            bars += [depth] if mark.text in ("|", "||") else []
        if sign == "+" and (part[0].text, part[-1].text) == ("(", ")") and bars and min(bars) > 0:
            yield from _opened(_summands(part[1:-1], formula), formula)
        else:
            yield sign, part


def _random_terms(marks: Sequence[_Mark], text: str, formula: str) -> list[RandomTerm]:
    bars = [place for place, mark in enumerate(marks) if mark.text in ("|", "||")]
    if len(bars) != 1 or not 0 < bars[0] < len(marks) - 1:
        raise FormulaError(f"the random term {text!r} is not understood; write (effects | group) with one bar, or ||.")
    left, groups = _text(marks[: bars[0]], formula), _groups(marks[bars[0] + 1 :], text, formula)
    if has_dot(left):
        raise FormulaError(f"the random term {text!r} has a dot for other columns; write which of them vary.")
    names = effects(left)
    if not names:
        raise FormulaError(f"the random term {text!r} lets nothing vary; write (1 | group) or (0 + x | group).")
    if marks[bars[0]].text == "|":
        return [RandomTerm(left, group) for group in groups]
    single = [":".join(_quoted(*factor) for factor in term) for term in names]
    lone = ["1" if term == "1" else f"0 + {term}" for term in single]
    return [RandomTerm(effect, group) for group in groups for effect in lone]


def _groups(marks: Sequence[_Mark], term: str, formula: str) -> list[tuple[str, ...]]:
    """Return the grouping factors: ``a/b`` is a, then a:b."""
    nested: list[tuple[str, ...]] = []
    for piece in _split(marks, "/"):
        names: list[str] = []
        for column in _split(piece, ":"):
            # Groups are levels, whatever they are called by.
            wrapped = re.fullmatch(r"C\(`?([^`(),]+)`?\)", _text(column, formula))
            if len(column) != 1 or not (column[0].name or wrapped):
                crossed = " + ".join(f"(1 | {one})" for one in re.split(r"\s*[*+]\s*", _text(marks, formula)))
                instead = f"; for crossed factors write {crossed}" if re.search(r"[*+]", _text(marks, formula)) else ""
                raise FormulaError(
                    f"the random term {term!r} groups by {_text(column, formula)!r}, which is not a column's name; "
                    f"write a column, a/b for b within a, or a:b for their combinations{instead}."
                )
            names.append(column[0].name or (wrapped[1] if wrapped else ""))
        nested.append((*nested[-1], *names) if nested else tuple(names))
    return nested


def _split(marks: Sequence[_Mark], sign: str) -> list[list[_Mark]]:
    parts: list[list[_Mark]] = [[]]
    for mark in marks:
        if mark.text == sign:
            parts.append([])
        else:
            parts[-1].append(mark)
    return parts


def _quoted(expression: str, method: str) -> str:
    return quoted(expression) if method == "LOOKUP" else expression
