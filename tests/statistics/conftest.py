"""Fixtures of the statistics tests: the tutorial's results, computed once, and panels drawn for a test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reference.panels import Panel, tutorial_panel
from reference.tutorial import Tutorial, run_tutorial


@pytest.fixture(scope="session")
def panel() -> Panel:
    return tutorial_panel()


@pytest.fixture(scope="session")
def results(panel: Panel) -> Tutorial:
    return run_tutorial(panel)


@pytest.fixture(scope="session")
def drawn_frame():
    """Draw an unbalanced frame with the columns of a panel; the slope may be the same in every store."""

    def draw(seed: int, *, stores: int = 14, slope_sd: float = 0.02, level_sd: float = 1.5) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        weeks = rng.integers(5, 12, stores)
        store = np.repeat(np.arange(1, stores + 1), weeks)
        n = store.size
        youtube = rng.uniform(0, 300, n)
        facebook, newspaper = rng.uniform(0, 60, n), rng.gamma(2.0, 15.0, n)
        level, slope = level_sd * rng.standard_normal(stores), slope_sd * rng.standard_normal(stores)
        week = np.concatenate([np.arange(1, count + 1) for count in weeks])
        sales = 5 + level[store - 1] + 0.1 * week + (0.05 + slope[store - 1]) * youtube + 0.2 * facebook
        columns = {"youtube": youtube, "facebook": facebook, "newspaper": newspaper}
        return pd.DataFrame({"store_id": store, "week": week, **columns, "sales": sales + 2.0 * rng.standard_normal(n)})

    return draw
