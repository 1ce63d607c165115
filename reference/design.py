"""From a model and a table to the arrays the likelihood needs, in units in which nothing is badly scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reference.columns import predictor_matrix, read_column, read_groups, stack_groups
from reference.errors import DesignError, SaturationError
from reference.panel import Floats, Integers, Panel

INTERCEPT = "Intercept"
# Relative sizes below which a column is constant or a combination of others, and a response is fitted exactly:
# by least squares (what rounding leaves), and within groups (below which sigma's digits are lost to rounding).
_CONSTANT = 1e-12
_COLLINEAR = 1e-9
_EXACT_FIT = 1e-13
_EXACT_WITHIN = 1e-6


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

    The triangular factor of a group's ``[Z X y]`` splits into its first q rows, ``rows``, and a rest that no
    random effect touches. Sums of squares only are ever added, so a large variance ratio cancels nothing.

    Parameters
    ----------
    rows : (J, q, q + p + 1)
        ``[R_j P_j]``: the roots R_j, with R_jᵀ R_j = Z_jᵀ Z_j, and the heads P_j, the part of ``[X y]`` in the
        span of Z_j, response last.
    rest : (p + 1, p + 1)
        Cross-products of what is left, summed over groups.
    n_observations : int
        Rows of the table.
    """

    rows: Floats
    rest: Floats
    n_observations: int

    @property
    def roots(self) -> Floats:
        """R_j, (J, q, q)."""
        return self.rows[:, :, : self.n_random]

    @property
    def n_groups(self) -> int:
        """The number of groups, J."""
        return int(self.rows.shape[0])

    @property
    def n_fixed(self) -> int:
        """The number of fixed effects, p."""
        return int(self.rest.shape[0]) - 1

    @property
    def n_random(self) -> int:
        """The number of random effects per group, q."""
        return int(self.rows.shape[1])


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
        If a column is missing, not numeric or not finite, is constant, or depends on the others; or if there is
        one group only or nothing left to explain.
    SaturationError
        If the random effects of all groups leave no residual degree of freedom.
    """
    codes, groups = read_groups(data, model.group)
    _check_groups(codes, len(groups), model)
    response, fixed, basis, fixed_root = fixed_part(data, model)
    random = predictor_matrix(data, model.random)
    random_basis, random_root = _orthonormal(random, model.random)
    projection = basis.T @ response
    residual = response - basis @ projection
    residual -= basis @ (basis.T @ residual)
    scale = float(np.sqrt(residual @ residual / residual.size))
    if scale <= _EXACT_FIT * float(np.sqrt(response @ response / residual.size)):
        raise DesignError(
            f"column {model.response!r} is an exact function of the predictors, so there is no error to model; "
            "take a response that was measured, or drop the predictor it was computed from."
        )
    rows = np.column_stack([random_basis * np.sqrt(response.size), basis, residual / scale])
    blocks = _blocks(rows, codes, len(groups), random.shape[1])
    _check_residual(blocks, model)
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
        blocks=blocks,
    )


def fixed_part(data: Panel | pd.DataFrame, model: MixedModel) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the response (n,), X (n, p), an orthonormal basis Q (n, p) of X, and R (p, p) with X = Q R.

    R is upper triangular with a positive diagonal.

    Raises
    ------
    DesignError
        If a column is missing, not numeric, not finite, constant, or depends on the others, or if there are not
        more rows than columns of X.
    """
    response = read_column(data, model.response)
    fixed = predictor_matrix(data, model.fixed)
    n, p = fixed.shape
    if n <= p:
        raise DesignError(f"{n} rows cannot carry {p} fixed effects; drop predictors or add rows.")
    return response, fixed, *_orthonormal(fixed, model.fixed)


def column_spread(matrix: Floats) -> Floats:
    """Return the norm of each column's deviations from its mean, (k,)."""
    return np.asarray(np.linalg.norm(matrix - matrix.mean(axis=0), axis=0), dtype=np.float64)


def triangular_factor(matrices: Floats) -> Floats:
    """Return the upper triangular factor of each matrix of a stack (..., m, k), (..., min(m, k), k)."""
    factors: Any = np.linalg.qr(matrices, mode="r")
    return np.asarray(factors, dtype=np.float64)


def _check_groups(codes: Integers, n_groups: int, model: MixedModel) -> None:
    if n_groups < 2:
        raise DesignError(
            f"column {model.group!r} holds {'one group only' if n_groups else 'no rows'}; "
            "a multilevel model needs at least two groups, so add some or fit OLS instead."
        )
    n_fixed, n_random = 1 + len(model.fixed), 1 + len(model.random)
    effects = int(np.minimum(np.bincount(codes), n_random).sum())
    if codes.size <= effects + n_fixed:
        raise SaturationError(
            f"{codes.size} rows carry {effects} random and {n_fixed} fixed effects, so nothing is left "
            f"for the residual; add rows to the groups of {model.group!r} or drop a random slope."
        )


def _check_residual(blocks: Blocks, model: MixedModel) -> None:
    """Refuse a response that the predictors and every group's own effects explain: sigma would run to zero."""
    p = blocks.n_fixed
    explained = np.linalg.lstsq(blocks.rest[:p, :p], blocks.rest[:p, p], rcond=_COLLINEAR)[0]
    if blocks.rest[p, p] - blocks.rest[:p, p] @ explained <= _EXACT_WITHIN**2 * blocks.n_observations:
        raise DesignError(
            f"column {model.response!r} is an exact function of the predictors within each group of "
            f"{model.group!r}, so there is no error to model; take a response that was measured row by row."
        )


def _orthonormal(matrix: Floats, names: Sequence[str]) -> tuple[Floats, Floats]:
    basis, root = np.linalg.qr(matrix)
    diagonal, spread = np.diagonal(root), column_spread(matrix)
    constant = spread <= _CONSTANT * np.linalg.norm(matrix, axis=0)
    for position, name in enumerate(names, start=1):
        if constant[position]:
            raise DesignError(f"column {name!r} does not vary, so it repeats the intercept; drop it from the model.")
        if abs(diagonal[position]) <= _COLLINEAR * spread[position]:
            raise DesignError(f"column {name!r} is a combination of the columns before it; drop one of them.")
    signs = np.where(diagonal < 0, -1.0, 1.0)
    return basis * signs, root * signs[:, None]


def _blocks(rows: Floats, codes: Integers, n_groups: int, n_random: int) -> Blocks:
    """Return the blocks of ``[Z X y]``; its first ``n_random`` columns are Z."""
    width = rows.shape[1]
    factors = triangular_factor(stack_groups(rows, codes, n_groups, least=width))
    tails = factors[:, n_random:, n_random:].reshape(-1, width - n_random)
    return Blocks(np.ascontiguousarray(factors[:, :n_random]), tails.T @ tails, int(codes.size))
