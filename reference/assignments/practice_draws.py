"""Seeded marketing panels on which the practice assignment has one clear answer to every question."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from reference import MixedFit, MultilevelError, fit_mixed, rank_groups
from reference.arrays import Floats
from reference.assignments.answer_key import AnswerKey, coincide
from reference.assignments.practice_fits import PracticeFits, fit_practice
from reference.assignments.practice_key import key_from_practice
from reference.panels import RANDOM_SLOPE, Panel

MAX_TRIES = 200
LARGEST_CORRELATION = 0.85
SMALLEST_SCALED_SD = 0.15
SMALLEST_STORE_SD = 1.15
LARGEST_P = 1e-3
SMALLEST_GAP = 0.02
GAPS_AMONG = 6
DISTINCT = 0.003


class SimulationError(MultilevelError, RuntimeError):
    """No panel with the properties asked for was drawn in the tries allowed."""


def simulate_panel(seed: int) -> Panel:
    """Return a usable panel drawn from a seed: 15 to 30 stores, 8 to 14 weeks, ids of three digits.

    Draws are repeated, each from ``(seed, try)``, until :func:`panel_faults` finds none, so a seed always
    gives the same panel. Spend on YouTube follows (or shuns) strong stores, which is what pooled regression
    gets wrong.

    Parameters
    ----------
    seed : int
        Not negative.

    Raises
    ------
    SimulationError
        If the seed is negative or no draw was usable in ``MAX_TRIES`` tries.
    """
    return usable_draw(seed, _draw, panel_faults)


def usable_draw(
    seed: int,
    draw: Callable[[np.random.Generator, str], Panel],
    faults: Callable[[Panel], tuple[str, ...]],
) -> Panel:
    """Return the first usable panel of a seed, drawn again from ``(seed, try)`` until one is.

    ``draw`` makes a panel from a generator and the panel's name; ``faults`` says what speaks against one, nothing if it
    will do. Seeds and errors are those of :func:`simulate_panel`.
    """
    if seed < 0:
        raise SimulationError(f"seed {seed} is negative; give 0 or more.")
    reasons: tuple[str, ...] = ()
    for attempt in range(MAX_TRIES):
        panel = draw(np.random.default_rng([seed, attempt]), f"the simulated panel of seed {seed}")
        reasons = faults(panel)
        if not reasons:
            return panel
    raise SimulationError(
        f"seed {seed}: none of {MAX_TRIES} draws can be graded on (the last one: {reasons[0]}); take another seed."
    )


def panel_faults(panel: Panel) -> tuple[str, ...]:
    """Return why the practice answers are not well defined on a panel, or not distinct from the known mistakes.

    Checked: fits well away from the boundary, so that a learner's software arrives too, a clear likelihood-ratio test,
    visible gaps between the first six slopes, and every known mistake at least ``DISTINCT`` (relative) away from the
    right answer.
    """
    slope = fit_mixed(panel.frame, RANDOM_SLOPE)
    first = _boundary_reasons("REML random slope", slope) or _gap_reasons(slope)
    if first:
        return tuple(first)
    fits = fit_practice(panel)
    return (*_fit_reasons(fits), *coincidences(key_from_practice(fits)))


def _boundary_reasons(name: str, fit: MixedFit) -> list[str]:
    if fit.singular:
        return [f"the {name} fit is singular"]
    smallest = float(fit.optimum.scales.min())
    reasons = []
    if smallest < SMALLEST_SCALED_SD:
        reasons.append(f"the {name} fit has a direction with sd only {smallest:.2f} of the residual's")
    covariance = fit.term.covariance
    if covariance.shape[0] == 2:
        correlation = float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
        if abs(correlation) > LARGEST_CORRELATION:
            reasons.append(f"the {name} fit has correlation {correlation:.2f}")
    return reasons


def _fit_reasons(fits: PracticeFits) -> list[str]:
    named = {
        "REML random intercept": fits.intercept,
        "ML random intercept": fits.intercept_ml,
        "ML random slope": fits.slope_ml,
        "centred random slope": fits.centred,
    }
    reasons = [reason for name, fit in named.items() for reason in _boundary_reasons(name, fit)]
    store_sd = min(float(fit.optimum.scales[0]) for fit in (fits.intercept, fits.intercept_ml))
    if store_sd < SMALLEST_STORE_SD:
        # From its usual start statsmodels' L-BFGS can then step to a variance of zero and stop with a singular matrix.
        reasons.append(f"the random-intercept fit has a store sd of only {store_sd:.2f} of the residual's")
    if fits.test.p > LARGEST_P:
        reasons.append(f"the likelihood-ratio test has p = {fits.test.p:.2g}")
    return reasons


def _gap_reasons(fit: MixedFit) -> list[str]:
    slopes = np.array([row.slope for row in rank_groups(fit, "youtube")[:GAPS_AMONG]])
    gap = float(-np.diff(slopes).max()) / float(np.sqrt(fit.term.covariance[1, 1]))
    if gap < SMALLEST_GAP:
        return [f"two of the first {GAPS_AMONG} slopes are {gap:.3f} slope sd apart"]
    return []


def coincidences(key: AnswerKey) -> list[str]:
    """Return a sentence for each known mistake that lies within ``DISTINCT`` (relative) of the right answer."""
    return [
        f"{item}: the mistake {name} cannot be told from the right answer"
        for item, named in key.mistakes.items()
        for name, wrong in named.items()
        if coincide(key.values[item], wrong, DISTINCT)
    ]


def _draw(rng: np.random.Generator, source: str) -> Panel:
    """Return one panel, not yet examined; figures have two decimals, and spend is not negative."""
    stores, weeks = int(rng.integers(15, 31)), int(rng.integers(8, 15))
    ids = np.sort(rng.choice(np.arange(101, 1000), size=stores, replace=False))
    store, week = np.repeat(np.arange(stores), weeks), np.tile(np.arange(1, weeks + 1), stores)
    level_sd, slope_sd = rng.uniform(2.2, 3.2), rng.uniform(0.010, 0.016)
    correlation = rng.uniform(-0.5, 0.0)
    level = rng.standard_normal(stores)
    tilt = correlation * level + np.sqrt(1.0 - correlation**2) * rng.standard_normal(stores)
    media = _draw_media(rng, (0.8 * level + 0.6 * tilt)[store])
    sales = (
        rng.uniform(4.0, 8.0)
        + level_sd * level[store]
        + rng.choice([-1.0, 1.0]) * rng.uniform(0.10, 0.25) * week
        + (rng.uniform(0.040, 0.060) + slope_sd * tilt[store]) * media["youtube"]
        + rng.uniform(0.10, 0.22) * media["facebook"]
        + rng.uniform(0.01, 0.04) * media["newspaper"]
        + rng.uniform(1.4, 2.2) * rng.standard_normal(store.size)
    )
    columns = {"store_id": ids[store], "week": week, **media, "sales": np.maximum(sales, 0.5).round(2)}
    return Panel.from_frame(pd.DataFrame(columns), source)


def _draw_media(rng: np.random.Generator, lure: Floats) -> dict[str, Floats]:
    """Return the media of each row; ``lure`` is how much its store draws YouTube spend, in sd."""
    n = lure.size
    youtube = rng.uniform(150.0, 240.0) + rng.choice([-1.0, 1.0]) * 40.0 * lure + rng.uniform(-110.0, 110.0, n)
    facebook = rng.uniform(20.0, 40.0) * rng.uniform(0.0, 2.0, n)
    newspaper = 0.3 * facebook + rng.gamma(2.0, rng.uniform(10.0, 18.0), n)
    return {
        "youtube": np.maximum(youtube, 0.0).round(2),
        "facebook": facebook.round(2),
        "newspaper": newspaper.round(2),
    }
