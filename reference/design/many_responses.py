"""Many responses of one design, reduced together: what groups can reach of X is the same for all of them."""

from __future__ import annotations

import numpy as np

from reference.arrays import Floats, Integers, entry_pairs
from reference.design.design import Design, design_rows
from reference.design.elimination import row_stacks
from reference.design.standardised import choose_columns
from reference.likelihood.blocks import Blocks
from reference.likelihood.many_responses import ManyResponses


def reduce_responses(design: Design, responses: Floats, *, reml: bool) -> tuple[ManyResponses, Floats, Floats]:
    """Return the surfaces of responses (m, n) in orthonormal units, their OLS coefficients (m, p) and scales (m,).

    The coefficients are those of the orthonormal X; the scale is the root mean square of a response's residuals. For a
    design with one grouping factor.

    Raises
    ------
    DesignError
        If the design kept no rows.
    """
    matrices = design.matrices
    # Of all rows at once, as a design read in pieces standardised its columns by the first of them.
    blocks = design_rows(matrices, None).likelihood.data
    assert isinstance(blocks, Blocks)
    n, q, codes = matrices.response.size, blocks.n_random, matrices.codes[0]
    columns = choose_columns(design.encoding, matrices.columns)
    whitened = columns.standardised(matrices.columns) @ blocks.combination[:, :-1]
    fixed = whitened[:, q:]
    ols = responses @ fixed
    left = responses - ols @ fixed.T
    left -= (left @ fixed) @ fixed.T
    scales = np.sqrt(np.einsum("mn,mn->m", left, left) / n)
    rows = np.column_stack([whitened, (left / scales[:, None]).T])[np.argsort(codes, kind="stable")]
    kept, rest = _reduced(rows, np.bincount(codes), q, fixed.shape[1])
    sizes = tuple(len(term.effects) for term in design.terms)
    denominator = n - (fixed.shape[1] if reml else 0)
    parts = (
        np.ascontiguousarray(kept[:, q : whitened.shape[1]]),
        np.ascontiguousarray(kept[:, whitened.shape[1] :].swapaxes(0, 1)),
    )
    surfaces = ManyResponses(
        np.ascontiguousarray(kept[:, :q]), *parts, rest, sizes, denominator, reml, entry_pairs(sizes, sizes)
    )
    return surfaces, ols, scales


def _reduced(rows: Floats, sizes: Integers, q: int, p: int) -> tuple[Floats, Floats]:
    """Return q rows per group that hold all its random effects can reach, (q, k, J), and what is left by response."""
    width, start = rows.shape[1], q + p
    kept = np.zeros((q, width, sizes.size))
    fixed, cross, squares = np.zeros((p, p)), np.zeros((p, width - start)), np.zeros(width - start)
    for groups, stack in row_stacks(rows, sizes):
        basis = np.linalg.qr(stack[:, :, :q])[0]
        heads = basis.swapaxes(1, 2) @ stack
        kept[: heads.shape[1], :, groups] = heads.transpose(1, 2, 0)
        left = (stack - basis @ heads)[:, :, q:].reshape(-1, width - q)
        fixed += left[:, :p].T @ left[:, :p]
        cross += left[:, :p].T @ left[:, p:]
        squares += np.einsum("nm,nm->m", left[:, p:], left[:, p:])
    rest = np.empty((width - start, p + 1, p + 1))
    rest[:, :p, :p], rest[:, :p, p], rest[:, p, :p], rest[:, p, p] = fixed, cross.T, cross.T, squares
    return kept, rest
