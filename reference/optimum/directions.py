"""How a block-diagonal factor (Q, Q) is turned before a step, and the directions in which it can move."""

from __future__ import annotations

from functools import cache

import numpy as np

from reference.arrays import Floats, Integers, block_slices


def turn_factor(factor: Floats, sizes: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return the rotation and the scales of each block."""
    if len(sizes) == 1:
        rotation, scales, _ = np.linalg.svd(factor)
        return rotation, scales
    rotation, scales = np.zeros_like(factor), np.zeros(factor.shape[0])
    for part in block_slices(sizes):
        rotation[part, part], scales[part], _ = np.linalg.svd(factor[part, part])
    return rotation, scales


@cache
def entry_pairs(sizes: tuple[int, ...], ranks: tuple[int, ...]) -> Integers:
    """Return the (i, j) of the directions E = U e_i e_jᵀ, i >= j, j below the rank of their block, (k, 2)."""
    slices = block_slices(sizes)
    pairs = [
        (part.start + i, part.start + j)
        for part, size, rank in zip(slices, sizes, ranks, strict=True)
        for j in range(rank)
        for i in range(j, size)
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def factor_directions(rotation: Floats, sizes: tuple[int, ...], ranks: tuple[int, ...]) -> Floats:
    """Return the directions in which a factor can move at the ranks given, (k, Q, Q)."""
    rows, columns = entry_pairs(sizes, ranks).T
    directions = np.zeros((rows.size, *rotation.shape))
    directions[np.arange(rows.size), :, columns] = rotation[:, rows].T
    return directions


def combine(weights: Floats, directions: Floats) -> Floats:
    """Return the sum of directions (k, Q, Q), weighted (k,)."""
    combined: Floats = (weights @ directions.reshape(weights.size, -1)).reshape(directions.shape[1:])
    return combined
