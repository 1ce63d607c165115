"""From a model and a table to the arrays the likelihood needs, in units in which nothing is badly scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reference.errors import DesignError, SaturationError
from reference.panel import Floats, Integers, Panel

INTERCEPT = "Intercept"
_CONSTANT = 1e-12
_COLLINEAR = 1e-9
_EXACT_FIT = 1e-14


@dataclass(frozen=True)
class MixedModel:
    """A two-level linear model with one grouping factor; both parts start with an intercept.

    ``random`` names the predictors whose slope varies between groups; an empty tuple is the random-intercept
    model.
    """

    name: str
    fixed: tuple[str, ...] = ("week", "youtube", "facebook", "newspaper")
    random: tuple[str, ...] = ()
    response: str = "sales"
    group: str = "store_id"


RANDOM_INTERCEPT = MixedModel("random intercept")
RANDOM_SLOPE = MixedModel("random slope", random=("youtube",))
NULL_MODEL = MixedModel("null", fixed=())


@dataclass(frozen=True, eq=False)
class Blocks:
    """What the profiled likelihood needs of the data: one triangular block per group.

    The triangular factor of a group's ``[Z X y]`` splits into ``roots`` and ``heads`` (its first q rows) and
    a rest that no random effect touches. Sums of squares only are ever added, so a large variance ratio
    cancels nothing.

    Parameters
    ----------
    roots : (J, q, q)
        R_j with R_jᵀ R_j = Z_jᵀ Z_j.
    heads : (J, q, p + 1)
        The rows of ``[X y]`` in the span of Z_j, response last.
    rest : (p + 1, p + 1)
        Cross-products of what is left, summed over groups.
    n_observations : int
        Rows of the table.
    """

    roots: Floats
    heads: Floats
    rest: Floats
    n_observations: int

    @property
    def n_fixed(self) -> int:
        """The number of fixed effects, p."""
        return int(self.rest.shape[0]) - 1

    @property
    def n_random(self) -> int:
        """The number of random effects per group, q."""
        return int(self.roots.shape[-1])


@dataclass(frozen=True, eq=False)
class Design:
    """A model met with a table: raw matrices, their orthonormal version, and the blocks of the latter.

    With columns of X and Z made orthonormal (the intercept first, so that a predictor's origin drops out) and
    the response replaced by its scaled OLS residual, neither the unit nor the centring of a predictor can
    change the optimiser's path.

    Parameters
    ----------
    fixed : (n, p), random : (n, q), response : (n,)
        X, Z and y in the units of the data.
    codes : (n,)
        The row's position in ``groups``.
    groups : tuple of int
        Ids, ascending.
    fixed_root : (p, p), random_root : (q, q)
        Upper triangular: raw X = orthonormal X · fixed_root, raw Z = orthonormal Z · random_root.
    ols : (p,)
        Coefficients of pooled least squares, raw units.
    scale : float
        The root mean square of its residuals, in units of the response.
    blocks : Blocks
        Of the orthonormal X and Z and the scaled residual.
    """

    model: MixedModel
    fixed: Floats
    random: Floats
    response: Floats
    codes: Integers
    groups: tuple[int, ...]
    fixed_root: Floats
    random_root: Floats
    ols: Floats
    scale: float
    blocks: Blocks

    @property
    def fixed_names(self) -> tuple[str, ...]:
        """Names of the fixed effects, in the order of X's columns."""
        return (INTERCEPT, *self.model.fixed)

    @property
    def random_names(self) -> tuple[str, ...]:
        """Names of the random effects, in the order of Z's columns."""
        return (INTERCEPT, *self.model.random)

    @property
    def n_observations(self) -> int:
        """The number of rows."""
        return self.blocks.n_observations

    @property
    def residual_df(self) -> int:
        """Rows less fixed effects, n - p."""
        return self.n_observations - self.blocks.n_fixed


def build_design(data: Panel | pd.DataFrame, model: MixedModel) -> Design:
    """Return the design of a model on a table.

    Parameters
    ----------
    data : Panel or pandas.DataFrame
        Holds the response, the predictors and the grouping column of whole numbers.
    model : MixedModel
        What to build.

    Raises
    ------
    DesignError
        If a column is missing or not finite, is constant, or depends on the others; or if there is one group
        only or nothing left for the residual.
    SaturationError
        If the random effects of all groups leave no residual degree of freedom.
    """
    response = _column(data, model.response)
    codes, groups = _groups(data, model.group)
    fixed = predictor_matrix(data, model.fixed)
    random = predictor_matrix(data, model.random)
    _check_size(codes, len(groups), fixed.shape[1], random.shape[1])
    basis, fixed_root = _orthonormal(fixed, model.fixed)
    random_basis, random_root = _orthonormal(random, model.random)
    projection = basis.T @ response
    residual = response - basis @ projection
    residual -= basis @ (basis.T @ residual)
    scale = float(np.sqrt(residual @ residual / residual.size))
    if scale <= _EXACT_FIT * float(np.sqrt(response @ response / residual.size)):
        raise DesignError(f"{model.response!r} is an exact function of the predictors; there is no error to model.")
    rows = np.column_stack([random_basis * np.sqrt(response.size), basis, residual / scale])
    return Design(
        model=model,
        fixed=fixed,
        random=random,
        response=response,
        codes=codes,
        groups=groups,
        fixed_root=fixed_root,
        random_root=random_root / np.sqrt(response.size),
        ols=np.asarray(np.linalg.solve(fixed_root, projection), dtype=np.float64),
        scale=scale,
        blocks=_blocks(rows, codes, len(groups), random.shape[1]),
    )


def predictor_matrix(data: Panel | pd.DataFrame, names: Sequence[str]) -> Floats:
    """Return the intercept and the named predictors side by side, (n, 1 + names), unchecked for rank.

    Raises
    ------
    DesignError
        If a column is missing or not finite.
    """
    return _with_intercept([_column(data, name) for name in names], len(data))


def design_matrix(data: Panel | pd.DataFrame, model: MixedModel) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Return the response (n,), the fixed part X (n, p) and the names of its columns, all in raw units.

    Raises
    ------
    DesignError
        If a column is missing, not finite, constant, or depends on the others.
    """
    response = _column(data, model.response)
    fixed = predictor_matrix(data, model.fixed)
    _orthonormal(fixed, model.fixed)
    return response, fixed, (INTERCEPT, *model.fixed)


def _column(data: Panel | pd.DataFrame, name: str) -> Floats:
    if isinstance(data, Panel):
        values = getattr(data, name, None)
        if isinstance(values, np.ndarray):
            return values.astype(np.float64)
    elif name in data.columns:
        column = data[name].to_numpy(dtype=np.float64)
        broken = np.flatnonzero(~np.isfinite(column))
        if broken.size:
            raise DesignError(f"column {name!r}, row {int(broken[0])} is not finite; fill it in or drop the row.")
        return column
    raise DesignError(f"the model needs column {name!r}, which the table does not have; add it or change the model.")


def _groups(data: Panel | pd.DataFrame, name: str) -> tuple[Integers, tuple[int, ...]]:
    labels = _column(data, name)
    if np.any(labels != np.round(labels)):
        raise DesignError(f"the grouping column {name!r} must hold whole numbers; recode it.")
    groups, codes = np.unique(labels.astype(np.int64), return_inverse=True)
    return codes.astype(np.int64), tuple(int(group) for group in groups)


def _with_intercept(columns: Sequence[Floats], n: int) -> Floats:
    return np.column_stack([np.ones(n), *columns])


def _check_size(codes: Integers, n_groups: int, n_fixed: int, n_random: int) -> None:
    if n_groups < 2:
        raise DesignError("there is one group only; a multilevel model needs at least two, so fit OLS instead.")
    effects = int(np.minimum(np.bincount(codes), n_random).sum())
    if codes.size <= n_fixed:
        raise DesignError(f"{codes.size} rows cannot carry {n_fixed} fixed effects; drop predictors or add rows.")
    if codes.size <= effects + n_fixed:
        raise SaturationError(
            f"{codes.size} rows carry {effects} random and {n_fixed} fixed effects, so nothing is left "
            "for the residual; "
            "add weeks per store or drop a random slope."
        )


def triangular_factor(matrices: Floats) -> Floats:
    """Return the upper triangular factor of each matrix of a stack (..., m, k), (..., min(m, k), k)."""
    factors: Any = np.linalg.qr(matrices, mode="r")
    return np.asarray(factors, dtype=np.float64)


def _orthonormal(matrix: Floats, names: Sequence[str]) -> tuple[Floats, Floats]:
    basis, root = np.linalg.qr(matrix)
    signs = np.where(np.diagonal(root) < 0, -1.0, 1.0)
    for position, name in enumerate(names, start=1):
        column = matrix[:, position]
        spread = float(np.linalg.norm(column - column.mean()))
        if spread <= _CONSTANT * float(np.linalg.norm(column)):
            raise DesignError(f"column {name!r} does not vary, so it repeats the intercept; drop it from the model.")
        if abs(root[position, position]) <= _COLLINEAR * spread:
            raise DesignError(f"column {name!r} is a combination of the columns before it; drop one of them.")
    return basis * signs, root * signs[:, None]


def _blocks(rows: Floats, codes: Integers, n_groups: int, n_random: int) -> Blocks:
    """Return the blocks of ``[Z X y]``, groups padded with zero rows so that one call factors them all."""
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=n_groups)
    place = np.arange(codes.size) - np.repeat(np.cumsum(counts) - counts, counts)
    width = rows.shape[1]
    stacked = np.zeros((n_groups, max(int(counts.max()), width), width))
    stacked[codes[order], place] = rows[order]
    factors = triangular_factor(stacked)
    tails = factors[:, n_random:, n_random:].reshape(-1, width - n_random)
    return Blocks(
        roots=np.ascontiguousarray(factors[:, :n_random, :n_random]),
        heads=np.ascontiguousarray(factors[:, :n_random, n_random:]),
        rest=tails.T @ tails,
        n_observations=int(codes.size),
    )
