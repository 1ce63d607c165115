"""How much of a likelihood ratio is owed to the stores: the same test with the stores' labels shuffled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reference import LikelihoodRatio, compare_nested, fit
from reference.arrays import Floats

PLAIN = "week + youtube + facebook + newspaper"
JOINT = "week + youtube * facebook + newspaper"
# A statistic counts as reached if it falls short by no more than fits agree.
_SAME = 1e-7


@dataclass(frozen=True, eq=False)
class ShuffleTest:
    """The test of random slopes, and its statistics (m,) with the labels of the rows shuffled, ascending."""

    test: LikelihoodRatio
    statistics: Floats

    @property
    def reached(self) -> int:
        """How many shuffles have a statistic at least as large as that of the data."""
        return int(np.count_nonzero(self.statistics >= self.test.statistic - _SAME))

    @property
    def p(self) -> float:
        """(1 + reached) / (1 + m): the data are one of the orders that shuffling could give."""
        return (1 + self.reached) / (1 + self.statistics.size)

    def share_beyond(self, value: float) -> float:
        """Return the share of shuffles with a statistic above a value."""
        return float(np.mean(self.statistics > value))


def slopes_test(frame: pd.DataFrame, fixed: str = PLAIN) -> LikelihoodRatio:
    """Return the likelihood-ratio test of a random YouTube slope beside a random intercept, by ML."""
    smaller = fit(f"sales ~ {fixed} + (1 | store_id)", frame, reml=False)
    return compare_nested(smaller, fit(f"sales ~ {fixed} + (1 + youtube | store_id)", frame, reml=False))


def shuffle_test(frame: pd.DataFrame, fixed: str = PLAIN, *, draws: int, seed: int) -> ShuffleTest:
    """Return the test of random slopes with its law when the labels say nothing.

    Every row keeps its sales, its week and its media; only the column ``store_id`` is put in a random order. That
    breaks whatever ties rows to stores, levels as well as slopes, and leaves all else, also what the model has wrong
    within stores.

    Parameters
    ----------
    frame : pandas.DataFrame
        A panel's columns.
    fixed : str
        The fixed part, as a formula.
    draws, seed : int
        How many orders, and where the random numbers start.

    References
    ----------
    Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9(1), article 39, for p.
    """
    rng = np.random.default_rng(seed)
    labels = frame["store_id"].to_numpy()
    shuffled = (slopes_test(frame.assign(store_id=rng.permutation(labels)), fixed) for _ in range(draws))
    return ShuffleTest(slopes_test(frame, fixed), np.sort([test.statistic for test in shuffled]))
