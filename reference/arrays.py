"""Arrays and what every part does with them."""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

# From here on neighbouring whole numbers are one and the same float.
LARGEST_INTEGER = 2**53


def block_slices(sizes: tuple[int, ...]) -> list[slice]:
    """Return the rows of each block of a block-diagonal matrix."""
    return [slice(stop - size, stop) for size, stop in zip(sizes, accumulate(sizes), strict=True)]


@cache
def entry_pairs(sizes: tuple[int, ...], ranks: tuple[int, ...]) -> Integers:
    """Return the places (i, j), i >= j, of the lower triangles of blocks, up to the columns of their ranks, (k, 2)."""
    blocks = zip(block_slices(sizes), ranks, strict=True)
    pairs = [
        (i, part.start + j) for part, rank in blocks for j in range(rank) for i in range(part.start + j, part.stop)
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def triangular_factor(matrices: Floats) -> Floats:
    """Return the upper triangular factor of each matrix of a stack (..., m, k), (..., min(m, k), k)."""
    factors: Any = np.linalg.qr(matrices, mode="r")
    return np.asarray(factors, dtype=np.float64)
