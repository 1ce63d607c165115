"""The formula of a mixed model: what varies, with what, and between which groups.

The fixed part and the effects inside a random term are read by formulaic, whose grammar is R's; this module splits
off the random terms, ``(effects | groups)``, which formulaic does not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from formulaic import Formula
from formulaic.errors import FormulaicError

from reference.errors import FormulaError

INTERCEPT = "Intercept"
_GROUP = re.compile(r"[^\W\d][\w.]*|`[^`]+`")
_NAME = re.compile("`[^`]*`")
# What has a meaning in a formula but none in a name between backticks, and the private characters it is hidden behind.
_MARKS = re.compile(r"[-+~|()\[\]{}:/ \t\r\n]")
_HIDDEN = re.compile("[\ue000-\ue0ff]")
_FIRST_HIDDEN = 0xE000
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

    ``fixed`` is a formula's right-hand side; ``name`` is how messages call the model.
    """

    response: str
    fixed: str
    terms: tuple[RandomTerm, ...]
    name: str

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
        return f"{self.response} ~ {' + '.join((self.fixed, *random))}"


def parse_formula(formula: str, name: str = "") -> MixedModel:
    """Return the model a formula says.

    Parameters
    ----------
    formula : str
        ``response ~ fixed + (effects | groups) + ...``, as in lme4: ``(1 | g)``, ``(x | g)``, ``(0 + x | g)``,
        ``(1 + x || g)`` for uncorrelated effects, ``(1 | a/b)`` for b within a, ``(1 | a:b)`` for combinations,
        several terms for crossed factors.
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
    response, tilde, right = _hide(formula).partition("~")
    if not tilde or "~" in right or not response.strip():
        raise FormulaError(f"the formula {formula!r} needs one '~' with the response before it, {_EXAMPLE}.")
    fixed: list[str] = []
    terms: list[RandomTerm] = []
    for sign, text in _summands(right, formula):
        inside = text[1:-1] if text.startswith("(") and text.endswith(")") else ""
        if "|" in inside and sign == "+":
            terms.extend(_random_terms(text, inside))
        elif "|" in text:
            raise FormulaError(
                f"the term {sign + _show(text)!r} is not understood; write a random term as + (effects | group)."
            )
        else:
            fixed.append(f"{sign} {_show(text)}")
    if not terms:
        raise FormulaError(f"the formula {formula!r} has no random term; add one, {_EXAMPLE}.")
    if len(set(terms)) != len(terms):
        raise FormulaError(f"the formula {formula!r} has a random term twice; keep one of the two.")
    part = " ".join(fixed).removeprefix("+ ") or "1"
    effects(part)
    return MixedModel(_show(response.strip()), part, tuple(terms), name or " ".join(formula.split()))


@lru_cache(maxsize=256)
def effects(part: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Return the terms of a right-hand side, each as its factors: what they say, and how formulaic reads them.

    The second of each pair is ``LITERAL`` (a number), ``LOOKUP`` (a column) or ``PYTHON`` (an expression).

    Raises
    ------
    FormulaError
        If formulaic cannot read it.
    """
    try:
        terms = Formula(part)
        if not isinstance(terms, list | tuple) and not hasattr(terms, "__iter__"):
            raise FormulaError(f"{part!r} has several parts; write one right-hand side.")
        return tuple(tuple((factor.expr, factor.eval_method.name) for factor in term.factors) for term in terms)
    except (FormulaicError, SyntaxError) as error:
        plain = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]", "", str(error)).splitlines()[0]
        raise FormulaError(
            f"the term {part!r} is not understood ({plain}); write columns joined by +, * or :."
        ) from error


def _summands(text: str, formula: str) -> list[tuple[str, str]]:
    """Split at the plus and minus signs outside all brackets; return (sign, term) pairs."""
    pieces, depth, start, sign = [], 0, 0, "+"
    for position, character in enumerate(text + "+"):
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            break
        if depth == 0 and character in "+-":
            if text[start:position].strip():
                pieces.append((sign, text[start:position].strip()))
            elif position < len(text) and pieces:
                raise FormulaError(f"the formula {formula!r} has two signs in a row; write one between two terms.")
            sign, start = character, position + 1
    if depth:
        raise FormulaError(f"the formula {formula!r} has brackets that do not match; close each one you open.")
    return pieces


def _hide(formula: str) -> str:
    """Return a formula whose names in backticks hold no mark that would split it."""
    return _NAME.sub(
        lambda name: _MARKS.sub(lambda mark: chr(_FIRST_HIDDEN + ord(mark[0])), name[0]),
        formula,
    )


def _show(text: str) -> str:
    """Return what :func:`_hide` hid."""
    return _HIDDEN.sub(lambda mark: chr(ord(mark[0]) - _FIRST_HIDDEN), text)


def _random_terms(text: str, inside: str) -> list[RandomTerm]:
    left, bar, right = inside.partition("||" if "||" in inside else "|")
    text, left = _show(text), _show(" ".join(left.split()))
    if "|" in right or not left.strip() or not right.strip():
        raise FormulaError(f"the random term {text!r} is not understood; write (effects | group) with one bar, or ||.")
    groups = _groups(right.strip(), text)
    names = effects(left)
    if not names:
        raise FormulaError(f"the random term {text!r} lets nothing vary; write (1 | group) or (0 + x | group).")
    if bar == "|":
        return [RandomTerm(left, group) for group in groups]
    single = [":".join(_quoted(*factor) for factor in term) for term in names]
    lone = ["1" if term == "1" else f"0 + {term}" for term in single]
    return [RandomTerm(effect, group) for group in groups for effect in lone]


def _groups(text: str, term: str) -> list[tuple[str, ...]]:
    """Return the grouping factors: ``a/b`` is a, then a:b."""
    nested: list[tuple[str, ...]] = []
    for piece in text.split("/"):
        names = tuple(name.strip() for name in piece.split(":"))
        for name in names:
            if not _GROUP.fullmatch(name):
                raise FormulaError(
                    f"the random term {term!r} groups by {_show(name)!r}, which is not a column's name; "
                    "write a column, a/b for b within a, or a:b for their combinations."
                )
        names = tuple(_show(name.strip("`")) for name in names)
        nested.append((*nested[-1], *names) if nested else names)
    return nested


def _quoted(expression: str, method: str) -> str:
    plain = method != "LOOKUP" or _GROUP.fullmatch(expression)
    return expression if plain else f"`{expression}`"
