"""Units in which nothing is badly scaled: orthonormal columns of X and of each Z, and the scaled OLS residual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reference.arrays import Floats, triangular_factor
from reference.data.columns import FARTHEST
from reference.data.encoding import DEPENDENT, Encoding, Matrices, Part
from reference.design.standardised import Columns, choose_columns
from reference.errors import DesignError

# Relative sizes below which a column is constant or a combination of others, and a response is fitted exactly.
_CONSTANT = 1e-12
_EXACT_FIT = 1e-13


@dataclass(frozen=True, eq=False)
class Basis:
    """Orthonormal columns for one part: ``raw = orthonormal · root`` (upper triangular, its diagonal positive)
    and ``orthonormal = standardised · whitening``.
    """

    root: Floats
    whitening: Floats

    @classmethod
    def of(cls, part: Part, columns: Columns, places: Sequence[int], root: Floats) -> Basis:
        """Return the orthonormal basis of a part, columns at ``places``, given a root (k, k) of the products of all.

        A DesignError says that a column is constant or depends on the others.
        """
        places = list(places)
        shift, scale = columns.shift[places], columns.scale[places]
        chosen, mapping = np.zeros((len(columns.sources), len(places))), np.diag(scale)
        chosen[places, range(len(places))] = 1.0
        if part.has_intercept:
            mapping[0, 1:] = shift[1:]
        elif shift.any():
            chosen *= scale
            chosen[columns.one] += shift
            mapping = np.eye(len(places))
        upper = triangular_factor(root @ chosen)
        _check_rank(part, upper, shift, scale)
        upper *= np.where(np.diagonal(upper) < 0, -1.0, 1.0)[:, None]
        return cls(upper @ mapping, chosen @ np.linalg.inv(upper))


def _check_rank(part: Part, upper: Floats, shift: Floats, scale: Floats) -> None:
    first = int(part.has_intercept)
    for position in range(first, len(part.names)):
        name = part.names[position]
        spread = float(np.linalg.norm(upper[first:, position]))
        whole = spread if not first else float(np.hypot(spread, upper[0, position]))
        origin = float(abs(shift[position] / scale[position]) * abs(upper[0, 0])) if first else 0.0
        if spread <= _CONSTANT * max(whole, origin) or spread == 0.0:
            what = "does not vary, so it repeats the intercept" if first else "is zero throughout"
            raise DesignError(f"column {name!r} {what}; {_way_out(part, name)}.")
        if abs(upper[position, position]) <= DEPENDENT * spread:
            way = _way_out(part, name, "drop one of them")
            raise DesignError(f"column {name!r} is a combination of the columns before it; {way}.")


def _way_out(part: Part, name: str, otherwise: str = "drop it from the model") -> str:
    if ":" not in name or part.spec is None:
        return otherwise
    return (
        "some combination of levels has no rows, so that the interaction cannot be estimated in full; leave out what "
        "is not determined with collinear='drop', in a command --collinear drop, or write + in place of *"
    )


@dataclass(frozen=True, eq=False)
class Units:
    """The orthonormal units of a model.

    ``fixed`` is the basis of X, ``random`` that of the Z of each random term. ``whitening``, (k, Q + p + 1), maps
    standardised columns to ``[Z X y]``: every Z's columns of length √n, those of X of length one, and y the OLS
    residual over its root mean square, ``scale``, in units of the response. ``ols``, (p,), are the coefficients of
    pooled least squares in raw units.
    """

    fixed: Basis
    random: tuple[Basis, ...]
    whitening: Floats
    ols: Floats
    scale: float


def choose_units(encoding: Encoding, columns: Columns, root: Floats, n_observations: int) -> Units:
    """Return the units of a model, given a root (k, k) of the products of all standardised columns.

    A DesignError says that a column is constant or depends on the others, there are not more rows than columns of X,
    the response is fitted exactly, or the unit of a column is one in which variances are beyond what a float holds.
    """
    _check_rows(n_observations, len(encoding.fixed.names))
    parts = (encoding.fixed, *encoding.random)
    fixed, *random = (Basis.of(part, columns, places, root) for part, places in zip(parts, columns.places, strict=True))
    _check_sizes(encoding, columns)
    basis, response = root @ fixed.whitening, root[:, -1]
    projection = basis.T @ response
    projection += basis.T @ (response - basis @ projection)
    residual = response - basis @ projection
    rms = float(np.linalg.norm(residual)) / float(np.sqrt(n_observations))
    shift, scale = float(columns.shift[-1]), float(columns.scale[-1])
    origin = 0.0 if columns.one is None else shift / scale * float(np.linalg.norm(root[:, columns.one]))
    size = float(np.hypot(origin, np.linalg.norm(response))) / float(np.sqrt(n_observations))
    if rms <= _EXACT_FIT * size:
        raise DesignError(
            f"column {encoding.model.response!r} is an exact function of the predictors, so there is no error to "
            "model; take a response that was measured, or drop the predictor it was computed from."
        )
    target = -fixed.whitening @ projection
    target[-1] += 1.0
    whitening = np.column_stack(
        [*(basis.whitening * np.sqrt(n_observations) for basis in random), fixed.whitening, target / rms]
    )
    ols = np.asarray(np.linalg.solve(fixed.root, scale * projection), dtype=np.float64)
    if encoding.fixed.has_intercept:
        ols[0] += shift
    return Units(fixed, tuple(random), whitening, ols, rms * scale)


def check_fixed_part(matrices: Matrices) -> Floats:
    """Return R (p, p), upper triangular with a positive diagonal, of X = Q R.

    A DesignError says that a column is constant or depends on the others, or that there are not more rows than
    columns.
    """
    _check_rows(*matrices.fixed.shape)
    columns = choose_columns(matrices.encoding, matrices.columns)
    root = triangular_factor(columns.standardised(matrices.columns))
    return Basis.of(matrices.encoding.fixed, columns, columns.places[0], root).root


def _check_sizes(encoding: Encoding, columns: Columns) -> None:
    """Refuse units in which a variance, that of a slope included, would come close to the end of what floats hold."""
    own, response = float(columns.scale[-1]), encoding.model.response
    scales = {response: own}
    for part, places in zip((encoding.fixed, *encoding.random), columns.places, strict=True):
        scales |= {name: float(columns.scale[place]) for name, place in zip(part.names, places, strict=True)}
    for name, scale in scales.items():
        if not 1 / FARTHEST <= min(scale, own / scale) <= max(scale, own / scale) <= FARTHEST:
            size, which = max((scale, name), (own, response), key=lambda pair: abs(math.log10(pair[0])))
            raise DesignError(
                f"column {which!r} varies by about {size:.0e}, so that variances would be too small or too large for a "
                f"float; divide the column by 1e{round(math.log10(size)):+d}."
            )


def _check_rows(n: int, p: int) -> None:
    if n <= p:
        raise DesignError(f"{n} rows cannot carry {p} fixed effects; drop predictors or add rows.")
