"""Where the stores' slopes are known, the model finds them as the course says."""

from __future__ import annotations

import numpy as np
import pytest

from course.evidence import shuffle_test
from course.known_panel import KnownPanel, Recovery, known_panel, recover
from reference import fit_mixed
from reference.panels import RANDOM_SLOPE, TOP, tutorial_panel

SPREAD = 0.015


@pytest.fixture(scope="module")
def known() -> tuple[KnownPanel, ...]:
    panel = tutorial_panel()
    fit = fit_mixed(panel.frame, RANDOM_SLOPE)
    return tuple(known_panel(panel, fit, level=1.0, slope=SPREAD, seed=seed) for seed in range(200, 240))


@pytest.fixture(scope="module")
def found(known: tuple[KnownPanel, ...]) -> tuple[Recovery, ...]:
    return tuple(map(recover, known))


def test_the_spread_of_the_slopes_is_found(known: tuple[KnownPanel, ...], found: tuple[Recovery, ...]) -> None:
    truth = np.mean([np.std(list(one.slopes.values()), ddof=1) for one in known])
    assert np.mean([one.spread for one in found]) == pytest.approx(truth, rel=0.1)


def test_shrinkage_comes_nearer_to_the_truth_and_intervals_are_too_short(found: tuple[Recovery, ...]) -> None:
    assert np.mean([one.model_error < one.own_error for one in found]) > 0.75
    covered = np.array([one.covered for one in found])
    assert covered.mean() + 2 * covered.std(ddof=1) / len(found) ** 0.5 < 0.95
    singular = np.array([one.singular for one in found])
    assert covered[singular].mean() < covered[~singular].mean()
    assert 0.75 * TOP < np.mean([one.top_found for one in found]) < TOP


def test_shuffling_finds_stores_that_differ(known: tuple[KnownPanel, ...]) -> None:
    test = shuffle_test(known[0].panel.frame, draws=39, seed=2)
    assert test.reached == 0
    assert test.test.statistic > 2 * test.statistics.max()
