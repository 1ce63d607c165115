"""Whether the data determine the variances at all.

A model in which some variances can be traded for others, or for fixed effects, has a whole line of optima, and where
on it an optimiser stops says nothing. Along such a line the criterion is the same from wherever one starts, so that
one point tells: there its second derivatives along the entries of the relative covariances are singular.
"""

from __future__ import annotations

import numpy as np

from reference.arrays import block_slices
from reference.errors import DesignError
from reference.likelihood.surface import Surface

# Relative to the largest curvature, and to what one group has: nothing but rounding.
_ROUNDING = 1e-12


def check_identified(surface: Surface) -> None:
    """Refuse a model whose variances the data do not determine.

    Raises
    ------
    DesignError
        If the criterion is the same along a whole line of covariances.
    """
    blocks = [range(part.start, part.stop) for part in block_slices(surface.sizes)]
    pairs = [(i, j) for block in blocks for i in block for j in block if j <= i]
    order = sum(surface.sizes)
    directions = np.zeros((len(pairs), order, order))
    for direction, (i, j) in zip(directions, pairs, strict=True):
        direction[i, j] = direction[j, i] = 1.0
    identity = np.eye(order)
    local = surface.profile(identity).derivatives(identity, directions)
    # A factor I + S stands for the covariance I + 2 S + S², so that the square's share is taken off.
    gradient = np.zeros((order, order))
    for (i, j), slope in zip(pairs, local.gradient, strict=True):
        gradient[i, j] = gradient[j, i] = slope / (1.0 + (i != j))
    squares = np.einsum("aij,bjk,ki->ab", directions, directions, gradient)
    curvature = np.abs(np.linalg.eigvalsh(local.hessian - squares))
    if curvature.min() <= _ROUNDING * max(1.0, curvature.max()):
        raise DesignError(
            "the data cannot tell the variances apart: a whole line of them has the same likelihood; drop a random "
            "term that repeats another, or fixed effects that already say everything about the groups."
        )
