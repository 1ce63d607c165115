"""What the data say about the random effects of a fit: Z'V⁻¹Z, Z'V⁻¹X and what they leave open, by clusters of rows.

In orthonormal units, with the columns of X combined so that X'V⁻¹X is the identity. Of a model with one grouping factor
each group is a cluster, which costs nothing beyond the fit; one with several is a single cluster, dense.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import block_diag
from scipy.sparse import coo_array, csr_array, hstack

from reference.arrays import Floats, Integers, block_slices
from reference.errors import DesignError
from reference.estimates import Estimates
from reference.likelihood.surface import Leverage

# The order of the largest dense cluster: three matrices of it fit into a quarter of a gigabyte.
_MOST_EFFECTS = 3_000


def read_leverage(fit: Estimates, instead: str) -> Leverage:
    """Return the leverage of a fit.

    A DesignError says that several grouping factors have more than 3,000 random effects, and what to do ``instead``.
    """
    found = fit.optimum.point.leverage(fit.optimum.factor)
    return _dense(fit, instead) if found is None else found


def _dense(fit: Estimates, instead: str) -> Leverage:
    design, optimum = fit.design, fit.optimum
    sizes = [term.modes.size for term in fit.terms]
    if sum(sizes) > _MOST_EFFECTS:
        raise DesignError(
            f"the model {fit.model.name!r} has {sum(sizes)} random effects of several grouping factors, and this needs "
            f"a dense matrix of them; at most {_MOST_EFFECTS:,} are possible. Leave out a random term with "
            f"many groups, or {instead}."
        )
    parts: list[coo_array] = []
    places: list[Integers] = []
    roots: list[Floats] = []
    start = 0
    slices = block_slices(optimum.surface.sizes)
    for term, part, raw, size in zip(design.terms, slices, design.matrices.random, sizes, strict=True):
        parts.append(_spread(raw @ np.linalg.inv(term.root), design.matrices.codes[term.factor], len(term.ids)))
        width = len(term.effects)
        places.extend(np.arange(start + effect, start + size, width) for effect in range(width))
        roots.append(np.kron(np.eye(len(term.ids)), optimum.factor[part, part]).astype(float, copy=False))
        start += size
    z = csr_array(hstack(parts))
    x = design.matrices.fixed @ np.linalg.inv(design.units.fixed.root) @ optimum.point.inverse_root.T
    root = np.asarray(block_diag(*roots), dtype=np.float64)
    gram, cross = (z.T @ z).toarray(), z.T @ x
    inner = np.linalg.cholesky(np.eye(start) + root.T @ gram @ root)
    half = np.linalg.solve(inner, root.T @ np.column_stack([gram, cross]))
    effects = gram - half[:, :start].T @ half[:, :start]
    fixed = cross - half[:, :start].T @ half[:, start:]
    open_ways = np.linalg.solve(inner, root.T)
    return Leverage(tuple(places), effects[None], fixed[None], root @ root.T, (open_ways.T @ open_ways)[None])


def _spread(effects: Floats, codes: Integers, n_levels: int) -> coo_array:
    """Return Z with one column per level and effect, level by level."""
    n, width = effects.shape
    rows = np.repeat(np.arange(n), width)
    columns = (codes[:, None] * width + np.arange(width)).ravel()
    return coo_array((effects.ravel(), (rows, columns)), shape=(n, n_levels * width))
