"""What the page on decisions says of an experiment's power holds in the simulation."""

from __future__ import annotations

import pytest

from course.experiments import AFTER, BOTH, CHANGES, LEVEL, ROWS, Experiment, Share, found
from reference import MixedFit, fit_mixed
from reference.panels import RANDOM_SLOPE, tutorial_panel

PROMISED = 0.8
# Standard errors of the simulation within which a share may fall by chance.
CHANCE = 2.0
PLANNED = Experiment(pairs=6, weeks=8, usual=float(tutorial_panel().youtube.mean()), extra=25.0)


@pytest.fixture(scope="module")
def model() -> MixedFit:
    return fit_mixed(tutorial_panel().frame, RANDOM_SLOPE)


@pytest.fixture(scope="module")
def power(model: MixedFit) -> dict[str, Share]:
    effect = PLANNED.extra * model.fixed_effects["youtube"]
    return found(model, PLANNED, effect=effect, draws=400, seed=7)


def test_six_pairs_are_too_few_for_the_power_promised(power: dict[str, Share]) -> None:
    assert all(power[name].value + CHANCE * power[name].standard_error < PROMISED for name in (AFTER, CHANGES, BOTH))
    assert power[CHANGES].value < power[AFTER].value < power[BOTH].value < power[ROWS].value


def test_only_rows_taken_as_independent_raise_too_many_alarms(model: MixedFit) -> None:
    rows = found(model, PLANNED, effect=0.0, draws=4000, seed=3, analyses=(ROWS,))[ROWS]
    levels = found(model, PLANNED, effect=0.0, draws=1000, seed=3, analyses=(AFTER, CHANGES, BOTH))
    assert rows.value - CHANCE * rows.standard_error > LEVEL
    assert all(share.value - CHANCE * share.standard_error < LEVEL for share in levels.values())


def test_more_stores_reach_the_power_promised(model: MixedFit) -> None:
    effect = PLANNED.extra * model.fixed_effects["youtube"]
    larger = Experiment(pairs=10, weeks=8, usual=PLANNED.usual, extra=PLANNED.extra)
    power = found(model, larger, effect=effect, draws=200, seed=7, analyses=(AFTER, BOTH))
    assert all(share.value > PROMISED for share in power.values())


def test_the_same_seed_gives_the_same_shares(model: MixedFit) -> None:
    first, again, other = (
        found(model, PLANNED, effect=1.0, draws=50, seed=seed, analyses=(ROWS,))[ROWS].value for seed in (1, 1, 2)
    )
    assert first == again != other
