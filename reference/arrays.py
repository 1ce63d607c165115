"""Arrays and what every part does with them."""

from __future__ import annotations

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


def triangular_factor(matrices: Floats) -> Floats:
    """Return the upper triangular factor of each matrix of a stack (..., m, k), (..., min(m, k), k)."""
    factors: Any = np.linalg.qr(matrices, mode="r")
    return np.asarray(factors, dtype=np.float64)
