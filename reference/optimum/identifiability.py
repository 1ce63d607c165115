"""Whether the data determine the variances at all.

A model in which some variances can be traded for others, or for fixed effects, has a whole line of optima, and where
on it an optimiser stops says nothing. Along such a line the criterion is the same from wherever one starts, so that
one point tells: there its second derivatives along the entries of the relative covariances are singular.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reference.arrays import Floats, entry_pairs
from reference.errors import ConvergenceError, DesignError, SaturationError
from reference.likelihood.surface import Derivatives, Surface
from reference.optimum.optimiser import Optimum, find_optimum

# Relative to the largest curvature, and to what one group has: nothing but rounding.
_ROUNDING = 1e-12
# The share of a direction from which on a variance is part of it.
_SHARE = 0.1
# Random effects so many times as large as at an optimum are those of a residual variance of zero. Criteria closer than
# the second are the same.
_FAR, _SAME = 1e4, 1e-6


def check_identified(surface: Surface, labels: Sequence[str]) -> None:
    """Refuse a model whose criterion is the same along a whole line of covariances, so that no data determine them.

    ``labels`` are the names of its effects, in the order of the factor.
    """
    pairs = entry_pairs(surface.sizes, surface.sizes)
    i, j = pairs.T
    order = sum(surface.sizes)
    directions = np.zeros((len(pairs), order, order))
    directions[range(len(pairs)), i, j] = directions[range(len(pairs)), j, i] = 1.0
    identity = np.eye(order)
    local = surface.profile(identity).derivatives(identity, directions)
    # A factor I + S stands for the covariance I + 2 S + S², so that the square's share is taken off.
    gradient = np.zeros((order, order))
    gradient[i, j] = gradient[j, i] = local.gradient / (1.0 + (i != j))
    squares = np.einsum("aij,bjk,ki->ab", directions, directions, gradient)
    information = _with_residual(local, local.hessian - squares, 0.5 * (i == j), surface)
    values, vectors = np.linalg.eigh(information)
    flat = np.abs(values) <= _ROUNDING * max(1.0, float(np.abs(values).max()))
    if flat.any():
        shares = np.abs(vectors[:-1, flat]).max(axis=1)
        names = ", ".join(dict.fromkeys(labels[k] for k in np.unique(pairs[shares > _SHARE * shares.max()])))
        # Those of a factor behind two bars.
        levels = "Intercept by" in names and "[" in names
        twice = "; of a factor f, (f || g) has an intercept and all levels, which say it twice: write (f | g)"
        raise DesignError(
            f"the data cannot tell the variances apart: a whole line of them has the same likelihood, of {names}, with "
            "each other, the residual variance, or what the fixed effects say; drop a random term that repeats another "
            "or has a group for every row, or fixed effects that already say everything about the groups"
            f"{twice if levels else ''}."
        )


def _with_residual(local: Derivatives, curved: Floats, start: Floats, surface: Surface) -> Floats:
    """Return the second derivatives (k + 1, k + 1) along the covariances and the residual variance, at its best.

    Where some covariances can be traded for the residual variance these lines are parallel, and the matrix is singular
    at every point; over relative covariances they are not. ``curved`` (k, k) holds the second derivatives along these,
    which are at ``start``; the last row and column are in units in which the residual variance's own is about one.
    """
    nu = surface.denominator
    rates = local.log_residual
    own = curved + nu * np.outer(rates, rates)
    across = -(own @ start + nu * rates + local.gradient) / np.sqrt(nu)
    corner = (start @ own @ start + 2.0 * start @ (nu * rates + local.gradient) + nu) / nu
    return np.block([[own, across[:, None]], [across[None], np.array([[corner]])]])


def find_inner_optimum(surface: Surface, labels: Sequence[str]) -> Optimum:
    """Return the optimum of a model that fits every row exactly, if its residual variance is not zero.

    As that goes to zero the criterion tends to an end that may lie below every optimum: then a SaturationError says
    that the data cannot tell the residual variance from zero.
    """
    try:
        optimum = find_optimum(surface)
    except ConvergenceError:
        optimum = None
    if optimum is not None:
        far = [_FAR * np.eye(optimum.scales.size), *([_FAR * optimum.factor] if optimum.rank else [])]
        if min(surface.profile(factor).criterion for factor in far) > optimum.criterion + _SAME:
            return optimum
    raise SaturationError(
        f"the fixed effects and those of the groups fit all {surface.n_observations} rows exactly, and the likelihood "
        "is highest where the residual variance is zero: the data cannot tell it from the variances of "
        f"{', '.join(labels)}; add rows to the groups or drop a random effect."
    )
