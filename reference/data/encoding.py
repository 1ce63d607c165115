"""From a table to the matrices of a model: columns as they are, factors as contrasts, groups as positions."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpec, model_matrix
from formulaic.errors import DataMismatchWarning

from reference.arrays import Floats, Integers
from reference.data.columns import check_cells, holds_numbers, is_number, read_column, require_column, row_name
from reference.data.formula import INTERCEPT, MixedModel, effects, variables
from reference.data.groups import Id, read_groups
from reference.data.idioms import FUNCTIONS
from reference.data.remarks import coding_notes, explained
from reference.errors import DesignError, FormulaError

# Relative size of what columns before it leave of a column, below which it is a combination of them.
DEPENDENT = 1e-9


class UnknownLevelError(DesignError):
    """A column holds a level that it did not hold where the model was read."""


@dataclass(frozen=True, eq=False)
class Matrices:
    """What a model makes of a table of n rows, in the units of the data.

    ``response`` is y, (n,), ``fixed`` X, (n, p), the intercept first if there is one, ``random`` one Z, (n, q), per
    random term. Of each grouping factor ``codes``, (n,), are the rows' positions among the ids of its groups,
    ``levels``, ascending. ``offset`` is what the model adds with a coefficient of one; it is taken off the response.
    ``root_weights``, (n,), are the roots of the weights, where there are any. Response, X and Z are multiplied by
    them, so that every row has the same residual variance.
    """

    encoding: Encoding
    response: Floats
    fixed: Floats
    random: tuple[Floats, ...]
    codes: tuple[Integers, ...]
    levels: tuple[tuple[Id, ...], ...]
    offset: Floats | float = 0.0
    root_weights: Floats | None = None

    @cached_property
    def columns(self) -> tuple[Sequence[Floats], ...]:
        """The columns, (n,) each, of X, of every Z, and y."""
        return ([*self.fixed.T], *([*effects.T] for effects in self.random), [self.response])

    def unweighted(self, values: Floats) -> Floats:
        """Return rows (n,) or (n, k) without the weights' roots."""
        return values if self.root_weights is None else (values.T / self.root_weights).T


@dataclass(frozen=True, eq=False)
class Part:
    """One right-hand side, ready to be evaluated on any rows: the names of its columns, and how factors are coded.

    ``has_intercept`` says whether the first column is a one. ``spec`` is None where every column is taken as it is;
    ``factors`` holds the levels of each column that is coded, and ``kept`` which columns of the spec are taken; empty,
    all are.
    """

    text: str
    names: tuple[str, ...]
    has_intercept: bool
    spec: ModelSpec | None = None
    factors: Mapping[str, Any] = field(default_factory=dict)
    kept: tuple[int, ...] = ()

    def columns(self, data: pd.DataFrame) -> Sequence[Floats]:
        """Return the k columns, (n,) each, one that the table holds as floats not copied.

        A DesignError says that a column is missing, empty or not finite somewhere, or holds a level not seen before.
        """
        if self.spec is None:
            ones = [np.ones(len(data))] if self.has_intercept else []
            return [*ones, *(read_column(data, name) for name in self.names[len(ones) :])]
        _check_variables(self.text, data, self.factors)
        with explained(self.text, data), warnings.catch_warnings():
            warnings.simplefilter("error", DataMismatchWarning)
            matrix = self.spec.get_model_matrix(exact_columns(self.text, data, self.factors), context=FUNCTIONS)
            values = np.asarray(matrix, dtype=np.float64).T
        for name, column in zip(self.spec.column_names, values, strict=True):
            check_cells(column, name, data.index)
        return [values[place] for place in self.kept] if self.kept else list(values)

    def matrix(self, data: pd.DataFrame) -> Floats:
        """Return the columns side by side, (n, k), or raise what :meth:`columns` raises."""
        columns = self.columns(data)
        return np.column_stack(columns) if columns else np.empty((len(data), 0))


@dataclass(frozen=True, eq=False)
class Encoding:
    """A model whose columns are known by name: what :func:`read_encoding` found in a table.

    ``groups`` are the labels of the grouping factors, ``owners`` the grouping factor of each random term, and ``notes``
    what a reader should know of the coding, in sentences.
    """

    model: MixedModel
    response: Part
    fixed: Part
    random: tuple[Part, ...]
    groups: tuple[str, ...]
    owners: tuple[int, ...]
    offset: Part | None = None
    notes: tuple[str, ...] = ()

    def columns(self, data: pd.DataFrame) -> tuple[Sequence[Floats], ...]:
        """Return the columns, (n,) each, of X, of every Z, and y, or raise what :meth:`Part.columns` raises."""
        return (*(part.columns(data) for part in (self.fixed, *self.random)), [self._response(data)])

    def _response(self, data: pd.DataFrame) -> Floats:
        response = self.response.columns(data)[0]
        return response - self.offset_of(data) if self.offset else response

    def offset_of(self, data: pd.DataFrame) -> Floats | float:
        """Return the offset of each row, (n,), zero for a model without one."""
        return self.offset.matrix(data).sum(axis=1) if self.offset else 0.0

    def matrices(self, data: pd.DataFrame) -> Matrices:
        """Return what the model makes of a table with the same columns, or raise what :meth:`Part.columns` raises."""
        groups = [read_groups(data, group) for group in self.model.groups]
        root = self._root_weights(data)
        plain = Matrices(
            encoding=self,
            response=self._response(data),
            fixed=self.fixed.matrix(data),
            random=tuple(part.matrix(data) for part in self.random),
            codes=tuple(codes for codes, _ in groups),
            levels=tuple(levels for _, levels in groups),
            offset=self.offset_of(data),
        )
        if root is None:
            return plain
        random = tuple(root[:, None] * effects for effects in plain.random)
        fixed = root[:, None] * plain.fixed
        return replace(plain, response=root * plain.response, fixed=fixed, random=random, root_weights=root)

    def _root_weights(self, data: pd.DataFrame) -> Floats | None:
        name = self.model.weights
        if not name:
            return None
        weights = read_column(data, name)
        if not weights.min() > 0:
            place = int(weights.argmin())
            raise DesignError(
                f"column {name!r}, {row_name(data.index, place)} holds {weights[place]:g}, and a weight must be above "
                "zero, as it divides the residual variance; leave the row out."
            )
        return np.sqrt(weights)


def read_encoding(model: MixedModel, data: pd.DataFrame) -> Encoding:
    """Return the encoding of a model on a table: which columns are factors, and their levels.

    A column of text or of categories is a factor, coded by treatment contrasts with its first level as the reference;
    all others enter as they are. A FormulaError says that an expression cannot be evaluated; a DesignError that a
    column is missing, empty or not finite somewhere, or that an effect varies twice between the same groups.
    """
    response = _read_part(f"0 + {model.response}", data)
    if len(response.names) != 1:
        raise DesignError(f"the response {model.response!r} must be one column of numbers; recode it.")
    fixed = _read_part(model.fixed, data)
    random = tuple(_read_part(term.effects, data) for term in model.terms)
    varying: set[tuple[str, str]] = set()
    for term, part in zip(model.terms, random, strict=True):
        if not part.names:
            raise FormulaError(f"the random term ({term.effects} | {term.label}) lets nothing vary; write (1 | group).")
        for name in part.names:
            if (term.label, name) in varying:
                raise DesignError(
                    f"{name} varies by {term.label} in two terms, whose variances no data can tell apart; leave it out "
                    "of one, with a 0 in place of the 1 if it is the intercept."
                )
            varying.add((term.label, name))
    owners = tuple(model.groups.index(term.group) for term in model.terms)
    offset = _read_part(f"0 + {model.offset}", data) if model.offset else None
    if offset and (offset.factors or not offset.names):
        raise FormulaError(f"the offset {model.offset!r} must be columns of numbers, as it is added to the fixed part.")
    labels = tuple(map(":".join, model.groups))
    notes = coding_notes([part.text for part in (fixed, *random)], data)
    return Encoding(model, response, fixed, random, labels, owners, offset, notes)


def without_dependent(encoding: Encoding, data: pd.DataFrame) -> Encoding:
    """Return the encoding without the columns of X that depend on those before them, with a note that names them.

    As lme4 leaves them out, but for its tolerance: an interaction in which a combination of levels has no rows.
    """
    fixed, kept, basis = encoding.fixed, list[int](), np.empty((len(data), 0))
    for place, column in enumerate(fixed.columns(data)):
        # Twice, so that nothing of the columns before is left.
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)
        spread = np.linalg.norm(column - column.mean()) if place and fixed.has_intercept else np.linalg.norm(column)
        if np.linalg.norm(rest) > DEPENDENT * spread:
            kept.append(place)
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
    lost = [name for place, name in enumerate(fixed.names) if place not in kept]
    if not lost:
        return encoding
    note = f"left out of the fixed effects, as the columns before them say the same: {', '.join(lost)}."
    names = tuple(fixed.names[place] for place in kept)
    fixed = replace(fixed, names=names, kept=() if fixed.spec is None else tuple(kept))
    return replace(encoding, fixed=fixed, notes=(*encoding.notes, note))


def needs_all_rows(model: MixedModel) -> bool:
    """Return whether a model must see all rows at once: it has several grouping factors, or terms like ``scale(x)``."""
    methods = (method for part in model.parts for term in effects(part) for _, method in term)
    return len(model.groups) > 1 or bool(model.weights) or "PYTHON" in methods


def column_names(model: MixedModel, *, grouped: bool = True) -> tuple[str, ...]:
    """Return the plain columns a model reads, each once; ``grouped`` says whether those of its groups too."""
    names = [name for part in model.parts for name in (*_variables(part), *sorted(variables(part)))]
    names += [model.weights] if model.weights else []
    return tuple(dict.fromkeys((*names, *(name for group in model.groups for name in group if grouped))))


def _read_part(text: str, data: pd.DataFrame) -> Part:
    if INTERCEPT in _variables(text):
        raise DesignError(f"a column may not be called {INTERCEPT!r}, as the intercept is; rename it.")
    terms = effects(text)
    plain = all(len(term) == 1 and term[0][1] != "PYTHON" for term in terms)
    expressions = [term[0] for term in terms] if plain else []
    columns = [name for name, method in expressions if method == "LOOKUP"]
    if plain and all(is_number(data, name) for name in columns):
        literals = [name for name, method in expressions if method == "LITERAL"]
        if literals in ([], ["1"]):
            return Part(text, (*([INTERCEPT] if literals else []), *columns), bool(literals))
    factors = {name: _levels(data, name) for name in _variables(text) if not is_number(data, name)}
    _check_variables(text, data, factors)
    with explained(text, data):
        matrix = model_matrix(text, exact_columns(text, data, factors), context=FUNCTIONS, na_action="ignore")
    names = tuple(map(str, matrix.model_spec.column_names))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DesignError(f"two columns of {text!r} would be called {twice!r}; rename the table's column.")
    return Part(text, names, names[:1] == (INTERCEPT,), matrix.model_spec, factors)


def _check_variables(text: str, data: pd.DataFrame, factors: Collection[str]) -> None:
    """Name the column that is missing, empty or not finite before formulaic meets it."""
    for name in _variables(text):
        if name in factors:
            require_column(data, name)
        else:
            read_column(data, name)


def exact_columns(text: str, data: pd.DataFrame, factors: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table as formulaic computes with it exactly: numbers as floats, factors as what it takes for them.

    Products of whole numbers would run over, or lose their digits, in the type of their columns. What ``C()`` makes
    levels of stays as it is, as its numbers are names.
    """
    frame = data.copy(deep=False)
    for name in dict.fromkeys(name for name in frame.columns if isinstance(name, str) and name in text):
        column = frame[name]
        if isinstance(column, pd.DataFrame) or re.search(rf"\bC\(\s*{re.escape(name)}\s*[,)]", text):
            continue
        if name in factors:
            frame[name] = _coded(column, name, factors[name])
        elif column.dtype != np.float64 and holds_numbers(column):
            frame[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return frame


def _levels(data: pd.DataFrame, name: str) -> Any:
    levels = require_column(data, name).astype("category").cat.categories
    if levels.size < 2:
        raise DesignError(f"column {name!r} holds one value only, so it repeats the intercept; drop it from the model.")
    return levels


def _coded(column: Any, name: str, levels: Any) -> Any:
    """Return a column as one of categories, these levels, or raise an UnknownLevelError that names the cell."""
    known = column.isin(levels).to_numpy()
    if not known.all():
        row = int(known.argmin())
        raise UnknownLevelError(
            f"column {name!r}, {row_name(column.index, row)} holds {column.tolist()[row]!r}, none of the levels that "
            f"the model knows, {shorten(', '.join(map(repr, levels.tolist())), 80)}; recode it, or leave such rows out."
        )
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.set_categories(levels)
    return pd.Categorical(column, categories=levels)


def _variables(text: str) -> list[str]:
    return [name for term in effects(text) for name, method in term if method == "LOOKUP"]
