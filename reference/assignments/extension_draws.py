"""Seeded panels of stores within cities on which the extension assignment has one clear answer to every question."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reference.arrays import Floats
from reference.assignments.extension_fits import ExtensionFits, fit_extension
from reference.assignments.extension_key import key_from_extension
from reference.assignments.practice_draws import coincidences, usable_draw
from reference.panels import Panel

SMALLEST_SCALED_SD = 0.35
LARGEST_P = 1e-3
SMALLEST_LEAD = 0.02
SMALLEST_BETWEEN = 0.15


def simulate_cities(seed: int) -> Panel:
    """Return a usable panel drawn from a seed: 12 to 16 cities with 4 to 6 stores each, over 6 to 9 weeks.

    Draws are repeated, each from ``(seed, try)``, until :func:`cities_faults` finds none, so a seed always gives
    the same panel. What a store usually spends on YouTube goes with higher or with lower sales than its weeks among
    each other promise: with which of the two depends on the seed.

    Parameters
    ----------
    seed : int
        Not negative.

    Raises
    ------
    SimulationError
        If the seed is negative or no draw was usable.
    """
    return usable_draw(seed, _draw, cities_faults)


def cities_faults(panel: Panel) -> tuple[str, ...]:
    """Return why the extension's answers are not well defined on a panel, or not distinct from the known mistakes.

    Checked: every fit well away from the boundary, so that a learner's software arrives too, a clear
    contextual effect, a slope between stores that can be told from zero in a sentence, one store that clearly sells
    most, and every known mistake apart from the right answer.
    """
    fits = fit_extension(panel)
    return (*_fit_reasons(fits), *coincidences(key_from_extension(fits)))


def _fit_reasons(fits: ExtensionFits) -> list[str]:
    named = {
        "REML": fits.nested,
        "ML": fits.nested_ml,
        "REML within and between": fits.context,
        "ML within and between": fits.context_ml,
    }
    reasons = [
        f"the {name} fit has a level with sd only {fit.optimum.scales.min():.2f} of the residual's"
        for name, fit in named.items()
        if fit.singular or float(fit.optimum.scales.min()) < SMALLEST_SCALED_SD
    ]
    if fits.test.p > LARGEST_P:
        reasons.append(f"the test of the contextual effect has p = {fits.test.p:.2g}")
    within, between = fits.slopes
    if abs(between) < SMALLEST_BETWEEN * abs(within):
        # Nobody could say it in a sentence: rounded it would be zero.
        reasons.append(f"the slope between stores is only {between / within:.2f} of that within them")
    best, second = np.sort(fits.panel.frame.groupby("store_id")["sales"].mean().to_numpy())[:-3:-1]
    if best - second < SMALLEST_LEAD * float(np.std(fits.panel.sales)):
        reasons.append(f"the two stores that sell most are only {best - second:.3f} apart")
    return reasons


def _draw(rng: np.random.Generator, source: str) -> Panel:
    """Return one panel, not yet examined; figures have two decimals, and spend is not negative."""
    cities, weeks = int(rng.integers(12, 17)), int(rng.integers(6, 10))
    city = np.repeat(np.arange(cities), rng.integers(4, 7, cities))
    stores = city.size
    store, week = np.repeat(np.arange(stores), weeks), np.tile(np.arange(1, weeks + 1), stores)
    usual = rng.uniform(150.0, 220.0) + rng.uniform(30.0, 40.0) * rng.standard_normal(stores)
    media = _draw_media(rng, usual[store])
    own = pd.Series(media["youtube"]).groupby(store).transform("mean").to_numpy()
    contextual = rng.choice([-1.0, 1.0]) * rng.uniform(0.030, 0.045)
    sales = (
        rng.uniform(7.0, 10.0)
        + rng.uniform(1.5, 2.4) * rng.standard_normal(cities)[city[store]]
        + rng.uniform(1.2, 1.8) * rng.standard_normal(stores)[store]
        + rng.choice([-1.0, 1.0]) * rng.uniform(0.10, 0.25) * week
        + rng.uniform(0.040, 0.060) * media["youtube"]
        + contextual * (own - own.mean())
        + rng.uniform(0.10, 0.22) * media["facebook"]
        + rng.uniform(0.01, 0.04) * media["newspaper"]
        + rng.uniform(1.4, 2.0) * rng.standard_normal(store.size)
    )
    ids = np.sort(rng.choice(np.arange(101, 1000), size=stores, replace=False))
    towns = np.sort(rng.choice(np.arange(11, 100), size=cities, replace=False))
    columns = {"city_id": towns[city[store]], "store_id": ids[store], "week": week, **media}
    return Panel.from_frame(pd.DataFrame({**columns, "sales": np.maximum(sales, 0.5).round(2)}), source)


def _draw_media(rng: np.random.Generator, usual: Floats) -> dict[str, Floats]:
    """Return the media of each row; ``usual`` is what its store usually spends on YouTube."""
    n = usual.size
    facebook = rng.uniform(20.0, 40.0) * rng.uniform(0.0, 2.0, n)
    return {
        "youtube": np.maximum(usual + rng.uniform(-90.0, 90.0, n), 0.0).round(2),
        "facebook": facebook.round(2),
        "newspaper": (0.3 * facebook + rng.gamma(2.0, rng.uniform(10.0, 18.0), n)).round(2),
    }
