"""From a model and a table to the arrays the likelihood needs, in units in which nothing is badly scaled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import pandas as pd

from reference.arrays import Floats, Integers, triangular_factor
from reference.data.encoding import (
    DEPENDENT,
    Encoding,
    Matrices,
    UnknownLevelError,
    read_encoding,
    without_dependent,
)
from reference.data.formula import MixedModel, quoted
from reference.data.groups import check_names
from reference.data.idioms import has_dot
from reference.data.tables import LeftOut, Missing, Pieces, Table, open_table
from reference.design.elimination import Elimination
from reference.design.moments import sum_pieces
from reference.design.orthonormal import Units, choose_units
from reference.design.standardised import Columns, choose_columns, reduce_pieces, reduce_rows
from reference.errors import DesignError, FormulaError
from reference.likelihood.blocks import Blocks
from reference.likelihood.build_fronts import build_fronts
from reference.likelihood.many_factors import ManyFactors
from reference.likelihood.one_factor import OneFactor
from reference.likelihood.surface import Surface

# A share of the residual below which a response counts as explained within groups: sigma's digits are lost to rounding.
_EXACT_WITHIN = 1e-6

_Read = TypeVar("_Read")
Saturated: TypeAlias = Literal["", "both", "random"]


@dataclass(frozen=True, eq=False)
class TermDesign:
    """A random term met with the data: q effects, and a grouping factor with J groups.

    ``group`` is the factor's label, ``factor`` its position among those of the model, ``ids`` (J,) are its groups,
    ascending; ``root`` (q, q) is upper triangular, with raw Z = orthonormal Z · root.
    """

    group: str
    effects: tuple[str, ...]
    factor: int
    ids: Any
    root: Floats


@dataclass(frozen=True, eq=False)
class Design:
    """A model met with a table: what maps raw units to orthonormal ones, and the data in the latter.

    With columns of X and of each Z made orthonormal (the intercept first, so that a predictor's origin drops out) and
    the response replaced by its scaled OLS residual, neither the unit nor the centring of a predictor can change the
    optimiser's path.

    ``units`` are the orthonormal ones: raw X = orthonormal X · ``units.fixed.root``. ``likelihood`` is the ML
    criterion of the orthonormal data. ``table`` holds the rows, if they are in memory, and ``known`` those in raw
    units, if they were computed on the way; ``left_out`` says which had gaps, where that was looked at. ``saturated``
    says whether the random effects of one grouping factor, or both these and the fixed ones, fit every row exactly.
    """

    encoding: Encoding
    terms: tuple[TermDesign, ...]
    units: Units
    likelihood: Surface
    table: pd.DataFrame | None
    known: Matrices | None = None
    left_out: LeftOut | None = None
    saturated: Saturated = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the rows and columns that were fitted, in sentences."""
        left_out = str(self.left_out or "")
        return (*([f"{left_out}."] if left_out else []), *self.encoding.notes)

    @property
    def model(self) -> MixedModel:
        """The model."""
        return self.encoding.model

    @property
    def fixed_names(self) -> tuple[str, ...]:
        """Names of the fixed effects, in the order of X's columns."""
        return self.encoding.fixed.names

    @property
    def n_observations(self) -> int:
        """The number of rows."""
        return self.likelihood.n_observations

    @property
    def rows(self) -> pd.DataFrame:
        """The table; a DesignError if it came in pieces and was not kept."""
        if self.table is None:
            raise DesignError("this fit read its table in pieces and kept no rows; use a data frame for this.")
        return self.table

    @cached_property
    def matrices(self) -> Matrices:
        """The rows in raw units; a DesignError if the table came in pieces and was not kept."""
        return self.encoding.matrices(self.rows) if self.known is None else self.known

    def surface(self, *, reml: bool) -> Surface:
        """Return the criterion as a function of the relative factor, orthonormal units."""
        return self.likelihood.using(reml=reml)

    def by_term(self, values: Sequence[Floats]) -> tuple[tuple[Floats, slice], ...]:
        """Return, for each random term, its grouping factor's values and which effects of these are the term's."""
        used, places = [0] * len(values), []
        for term in self.terms:
            start = used[term.factor]
            used[term.factor] += len(term.effects)
            places.append((values[term.factor], slice(start, used[term.factor])))
        return tuple(places)


def build_design(
    data: Table, model: MixedModel, *, missing: Missing = "drop", collinear: Literal["drop", "raise"] = "raise"
) -> Design:
    """Return the design of a model on a table in long format, any that :func:`~reference.data.tables.open_table` takes.

    ``collinear`` says whether columns of X that depend on those before them are left out and named, or are an error. A
    DesignError says that a column is missing, empty or not finite somewhere, constant, or depends on the others, that
    there is one group only or nothing left to explain; a FormulaError that more effects of a factor vary than there
    are groups, as where effects and groups have changed places.
    """
    if collinear not in ("drop", "raise"):
        raise DesignError(
            f"collinear={collinear!r} is not understood; write 'drop' to leave out what others determine, or 'raise'."
        )
    if isinstance(data, pd.DataFrame):
        model = model.spelled_out(data.columns)
    elif has_dot(model.fixed):
        raise DesignError("a dot in a formula stands for columns of one data frame; of a table in pieces, name them.")
    pieces = open_table(data, model, missing)
    encoding, complete = read_encoding(model, pieces.first), pieces.complete
    if collinear == "drop":
        if pieces.rest is not None and pieces.whole is None:
            raise DesignError("collinear='drop' needs all rows in memory; give one data frame.")
        encoding = without_dependent(encoding, pieces.first if pieces.whole is None else pieces.whole)
    if pieces.rest is None:
        return replace(design_rows(encoding.matrices(pieces.first), pieces.first), left_out=complete.left_out)
    columns, elimination, n_observations, ids = _eliminate(encoding, pieces)
    # The order of the rows is not needed any more.
    table = pieces.whole
    del pieces
    design = _one_factor(encoding, columns, elimination, n_observations, ids, table)
    return replace(design, left_out=complete.left_out)


def _eliminate(encoding: Encoding, pieces: Pieces) -> tuple[Columns, Elimination, int, Any]:
    """Return the columns, the elimination of all rows, their number, and the groups' ids, (J,)."""
    grouping = pieces.grouping
    # The first piece is read twice rather than kept: no piece's columns outlive it.
    columns = choose_columns(encoding, encoding.columns(pieces.first))
    tables = chain([pieces.first], pieces.rest or ())
    if grouping is None:
        moments = sum_pieces(columns, encoding.groups[0], map(partial(_read_piece, encoding.matrices), tables))
        counts = moments.counts[moments.order]
        _check_groups(encoding, [counts])
        return columns, moments.elimination(), int(counts.sum()), moments.levels
    _check_groups(encoding, [np.diff(grouping.starts)])
    elimination = reduce_pieces(columns, map(partial(_read_piece, encoding.columns), tables), grouping.starts)
    return columns, elimination, int(grouping.starts[-1]), grouping.levels


def _read_piece(read: Callable[[pd.DataFrame], _Read], table: pd.DataFrame) -> _Read:
    """Return what is read of a piece of a table, and say what to do where it has a level that the first has not."""
    try:
        return read(table)
    except UnknownLevelError as error:
        raise DesignError(f"{error} Or let the first piece of the table have every level.") from error


def design_rows(matrices: Matrices, table: pd.DataFrame | None) -> Design:
    """Return the design of an encoded model on rows in memory, or raise what :func:`build_design` raises."""
    encoding, counts = matrices.encoding, tuple(np.bincount(codes) for codes in matrices.codes)
    _check_groups(encoding, counts)
    columns = choose_columns(encoding, matrices.columns)
    if len(counts) > 1:
        return _many_factors(columns, matrices, table)
    elimination = reduce_rows(columns, matrices, counts[0])
    return _one_factor(encoding, columns, elimination, matrices.response.size, matrices.levels[0], table, matrices)


def _one_factor(
    encoding: Encoding,
    columns: Columns,
    elimination: Elimination,
    n_observations: int,
    ids: Any,
    table: pd.DataFrame | None,
    known: Matrices | None = None,
) -> Design:
    units = choose_units(encoding, columns, elimination.root, n_observations)
    blocks = elimination.blocks(units.whitening, sum(basis.root.shape[0] for basis in units.random), n_observations)
    saturated = _saturation(blocks)
    if not saturated:
        _check_residual(blocks, encoding.model)
    terms = _terms(encoding, units, (ids,), n_observations)
    likelihood = OneFactor(blocks, tuple(len(term.effects) for term in terms), reml=False)
    return Design(encoding, terms, units, likelihood, table, known, saturated=saturated)


def _terms(encoding: Encoding, units: Units, ids: Sequence[Any], n_observations: int) -> tuple[TermDesign, ...]:
    for label, levels in zip(encoding.groups, ids, strict=True):
        check_names(levels, label)
    return tuple(
        TermDesign(encoding.groups[owner], part.names, owner, ids[owner], basis.root / np.sqrt(n_observations))
        for owner, part, basis in zip(encoding.owners, encoding.random, units.random, strict=True)
    )


def _many_factors(columns: Columns, matrices: Matrices, table: pd.DataFrame | None) -> Design:
    encoding, rows = matrices.encoding, columns.standardised(matrices.columns)
    units = choose_units(encoding, columns, triangular_factor(rows), rows.shape[0])
    whitened = rows @ units.whitening
    sizes = tuple(len(part.names) for part in encoding.random)
    owner = np.repeat(encoding.owners, sizes)
    effects = [whitened[:, np.flatnonzero(owner == factor)] for factor in range(len(matrices.codes))]
    saturated: Saturated = ""
    for code, effect, levels in zip(matrices.codes, effects, matrices.levels, strict=True):
        if len(rows) <= len(levels) * effect.shape[1] + len(encoding.fixed.names):
            one = np.column_stack([effect, whitened[:, owner.size :]])[np.argsort(code, kind="stable")]
            alone = Elimination(len(levels), effect.shape[1], one.shape[1])
            alone.add_rows(0, one, np.bincount(code))
            saturated = _saturation(alone.blocks(np.eye(one.shape[1]), effect.shape[1], len(rows))) or saturated
    fronts = build_fronts(matrices.codes, effects, whitened[:, owner.size :])
    terms = _terms(encoding, units, matrices.levels, len(rows))
    likelihood = ManyFactors(fronts, sizes, reml=False, order=tuple(np.argsort(owner, kind="stable").tolist()))
    return Design(encoding, terms, units, likelihood, table, matrices, saturated=saturated)


def _check_groups(encoding: Encoding, counts: Sequence[Integers]) -> None:
    for factor, (label, sizes) in enumerate(zip(encoding.groups, counts, strict=True)):
        if len(sizes) < 2:
            raise DesignError(
                f"column {label!r} holds {'one group only' if len(sizes) else 'no rows'}; "
                "a multilevel model needs at least two groups, so add some or fit OLS instead."
            )
        for owner, part in zip(encoding.owners, encoding.random, strict=True):
            if owner == factor and part.factors and len(part.names) >= len(sizes):
                named = f"{':'.join(map(quoted, label.split(':')))} | {quoted(min(part.factors))}"
                raise FormulaError(
                    f"({part.text} | {label}) lets {len(part.names)} effects vary between {len(sizes)} groups; the "
                    f"groups stand behind the bar: write (effects | groups), such as ({named})."
                )


def _saturation(blocks: Blocks) -> Saturated:
    """Return what fits every row exactly: see :class:`Design`."""
    n, q = blocks.n_observations, blocks.n_random
    if n > blocks.n_groups * q + blocks.n_fixed:
        return ""
    sizes = np.linalg.svd(blocks.roots, compute_uv=False)
    reached = int((sizes > DEPENDENT * sizes.max(axis=1, initial=0.0, keepdims=True)).sum())
    more = np.linalg.matrix_rank(blocks.rest[:-1, :-1], tol=DEPENDENT, hermitian=True)
    if reached + int(more) < n:
        return ""
    return "both" if reached < n else "random"


def _check_residual(blocks: Blocks, model: MixedModel) -> None:
    """Refuse a response that the predictors and every group's own effects explain: sigma would run to zero."""
    p = blocks.n_fixed
    values, vectors = np.linalg.eigh(blocks.rest[:p, :p])
    # The columns of X are of length one: what is left of those that the groups say is rounding.
    shares = (vectors.T @ blocks.rest[:p, p])[values > DEPENDENT]
    left = blocks.rest[p, p] - (shares**2 / values[values > DEPENDENT]).sum()
    if left <= _EXACT_WITHIN**2 * blocks.n_observations:
        raise DesignError(
            f"column {model.response!r} is an exact function of the predictors within each group of "
            f"{model.terms[0].label!r}, so there is no error to model; take a response that was measured row by row."
        )
