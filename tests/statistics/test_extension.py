"""The extension's key: lme4's numbers on the panel of cities, statsmodels' on simulated ones, and what is a mistake."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import reference.assignments.extension_draws as simulation
import statsmodels.formula.api as smf
from reference.assignments import AnswerKey, Objective, cities_faults, extension_key, practice_key, simulate_cities
from reference.assignments.answer_key import coincide
from scipy.optimize import minimize_scalar

from reference import DesignError, criterion_at, fit, predict_conditional, predict_new_groups
from reference.panels import PANEL_FILE, Panel, PanelError, cities_panel, panel_in, tutorial_panel
from reference.panels.datasets import CITIES_SEED

ORACLE = Path(__file__).parents[1] / "oracles" / "extension.json"
NESTED = "sales ~ week + youtube + facebook + newspaper + (1 | city_id/store_id)"


@pytest.fixture(scope="module")
def cities() -> Panel:
    return cities_panel()


@pytest.fixture(scope="module")
def key(cities: Panel) -> AnswerKey:
    return extension_key(cities)


@pytest.fixture(scope="module", params=[0, 1])
def simulated(request: pytest.FixtureRequest) -> Panel:
    return simulate_cities(request.param)


def test_the_key_agrees_with_lme4(key: AnswerKey) -> None:
    oracle = json.loads(ORACLE.read_text(encoding="utf-8"))
    assert oracle.keys() == {"provenance", "answers", "errors"}
    data = Path(simulation.__file__).parents[1] / "panels" / "cities.csv"
    assert oracle["provenance"]["md5"] == hashlib.md5(data.read_bytes()).hexdigest()
    # As near as lme4's own search comes to the optimum.
    for item, value in oracle["answers"].items():
        assert key.values[item] == pytest.approx(float(value), rel=1e-7), item
    for item, value in oracle["errors"].items():
        assert key.standard_errors[item] == pytest.approx(float(value), rel=1e-7), item


def test_the_other_answers_follow_from_those(key: AnswerKey) -> None:
    values: Mapping[str, Any] = key.values
    city, store, week = (values[name] for name in ("var_city", "var_store_in_city", "var_within_store"))
    assert values["share_city"] == values["corr_same_city"] == city / (city + store + week)
    assert values["corr_same_store"] == pytest.approx(values["share_city"] + values["share_store"])
    assert values["sd_new"] ** 2 == pytest.approx(city + store + week + values["se_expected"] ** 2)
    low, high = values["interval_new"]["low"], values["interval_new"]["high"]
    assert (low + high) / 2 == pytest.approx(values["expected_new"])
    assert (high - low) / 2 == pytest.approx(1.96 * values["sd_new"])
    for item, step in key.steps.items():
        follows = step.compute(*(values[name] for name in step.inputs))
        assert follows == values[item] if isinstance(follows, str) else coincide(values[item], follows, 1e-12), item


def test_nothing_follows_from_what_is_trivial(key: AnswerKey) -> None:
    assert key.steps["share_city"].compute(0.0, 1.0, 1.0) is None
    assert key.steps["contextual_effect"].compute(0.5, 0.5) is None
    assert key.steps["contextual_p"].compute(-1.0) is None
    assert key.steps["context_direction"].compute(0.0) is None
    assert key.steps["context_direction"].compute(-0.1) == "less"
    assert key.steps["interval_new"].compute(20.0, 0.0) is None


def least_deficit(objective: Objective, city: float, store: float) -> float:
    """Return the least deficit for two variances as multiples of the residual variance."""

    def at(log: float) -> float:
        return objective.deficit(city * np.exp(log), store * np.exp(log), np.exp(log))

    return float(minimize_scalar(at, bracket=(1.0, 1.5)).fun)


def test_variances_are_held_against_the_criterion(cities: Panel, key: AnswerKey) -> None:
    objective = key.objectives["three_levels"]
    best = [key.values[name] for name in objective.inputs]
    assert objective.deficit(*best) == pytest.approx(0.0, abs=1e-9)
    nested = fit(NESTED, cities.frame)
    for change in ((1.1, 1.0, 1.0), (1.0, 0.8, 1.0), (0.5, 2.0, 1.0), (0.0, 1.0, 1.0)):
        city, store, week = (value * factor for value, factor in zip(best, change, strict=True))
        deficit = objective.deficit(city, store, week)
        at = criterion_at(cities.frame, nested.model, np.sqrt(np.array([city, store]) / week), reml=True)
        # That criterion takes the residual variance that is best for these ratios, so it is the lower of the two.
        assert 0.0 < at - nested.criterion <= deficit
        assert at - nested.criterion == pytest.approx(least_deficit(objective, city / week, store / week), rel=1e-6)
    assert objective.deficit(-1.0, best[1], best[2]) == np.inf
    for extreme in ((1e100, 100.0, 1e-9), (1e-300, 1e300, 1e-300), (1e308, 1e308, 1e-308), (5e-324, 0.0, 5e-324)):
        assert objective.deficit(*extreme) > 1_000
    assert objective.deficit(best[0], best[1], 0.0) == np.inf


def test_the_learners_panel_is_the_draw_of_its_seed_and_usable(cities: Panel) -> None:
    assert simulate_cities(CITIES_SEED).to_csv_bytes() == cities.to_csv_bytes()
    assert cities_faults(cities) == ()
    assert panel_in(Path("nowhere"), "extension").to_csv_bytes() == cities.to_csv_bytes()
    with pytest.raises(PanelError, match="there is no panel 'extra'; take one of 'practice', 'extension'"):
        panel_in(Path("nowhere"), "extra")


def test_a_panel_of_ones_own_comes_first(tmp_path: Path, simulated: Panel) -> None:
    (tmp_path / PANEL_FILE).write_bytes(simulated.to_csv_bytes())
    assert panel_in(tmp_path, "extension").to_csv_bytes() == simulated.to_csv_bytes()


def test_no_mistake_is_the_right_answer(key: AnswerKey, simulated: Panel) -> None:
    for case in (key, extension_key(simulated)):
        named = [(item, name) for item, mistakes in case.mistakes.items() for name in mistakes]
        assert len(named) >= 70
        assert len({name for _, name in named}) >= 30
        for item, name in named:
            assert not coincide(case.values[item], case.mistakes[item][name]), (item, name)


def test_a_learner_with_statsmodels_reaches_the_same_answers(simulated: Panel) -> None:
    values: Mapping[str, Any] = extension_key(simulated).values
    frame = simulated.frame.assign(youtube_100=simulated.youtube / 100)
    model = smf.mixedlm(
        "sales ~ week + youtube_100 + facebook + newspaper",
        frame,
        groups="city_id",
        re_formula="1",
        vc_formula={"store": "0 + C(store_id)"},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learned = model.fit(method=["lbfgs"])
    found = [learned.cov_re.iloc[0, 0], learned.vcomp[0], learned.scale]
    wanted = [values[name] for name in ("var_city", "var_store_in_city", "var_within_store")]
    np.testing.assert_allclose(found, wanted, rtol=2e-3)


def test_what_was_drawn_cannot_be_graded_on_if_its_effects_are_not_visible(
    simulated: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "LARGEST_P", -1.0)
    monkeypatch.setattr(simulation, "SMALLEST_SCALED_SD", 100.0)
    monkeypatch.setattr(simulation, "SMALLEST_BETWEEN", 100.0)
    monkeypatch.setattr(simulation, "SMALLEST_LEAD", 100.0)
    said = " ".join(cities_faults(simulated))
    for part in (
        "has a level with sd only",
        "contextual effect has p",
        "slope between stores is only",
        "sell most are",
    ):
        assert part in said


def test_the_extension_needs_cities() -> None:
    with pytest.raises(PanelError, match="the tutorial's panel has no column 'city_id'; the extension needs a panel"):
        extension_key(tutorial_panel())


def test_practice_answers_do_not_depend_on_cities(cities: Panel) -> None:
    without = Panel.from_frame(cities.frame.drop(columns="city_id"))
    assert practice_key(cities).values["icc"] == practice_key(without).values["icc"]


def test_a_panel_with_cities_comes_back_from_csv(cities: Panel) -> None:
    again = Panel.from_csv(cities.to_csv_bytes())
    assert list(again.frame.columns) == ["city_id", "store_id", "week", "youtube", "facebook", "newspaper", "sales"]
    pd.testing.assert_frame_equal(again.frame, cities.frame)
    with pytest.raises(ValueError, match="read-only"):
        cities.city_id[0] = 1


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (99, "column 'city_id', row 1: store 115 lies in more than one city; give each store one city"),
        (0.5, "column 'city_id', row 0 holds 0.5, not a whole number"),
    ],
)
def test_a_store_lies_in_one_city(cities: Panel, value: float, said: str) -> None:
    frame = cities.frame.astype({"city_id": float})
    frame.loc[0, "city_id"] = value
    with pytest.raises(PanelError, match=said):
        Panel.from_frame(frame)


def test_a_new_group_is_less_certain_than_the_average(cities: Panel) -> None:
    slopes = fit("sales ~ week + youtube + (1 + youtube | store_id)", cities.frame)
    row = pd.DataFrame({"week": [3.0, 3.0], "youtube": [0.0, 200.0]})
    new = predict_new_groups(slopes, row)
    for place, spend in enumerate(row["youtube"]):
        x, z = np.array([1.0, 3.0, spend]), np.array([1.0, spend])
        assert new.expected[place] == pytest.approx(x @ slopes.coefficients)
        assert new.standard_error[place] ** 2 == pytest.approx(x @ slopes.covariance @ x)
        between = z @ slopes.term.covariance @ z
        assert new.deviation[place] ** 2 == pytest.approx(x @ slopes.covariance @ x + between + slopes.sigma**2)
    with pytest.raises(DesignError, match="youtube"):
        predict_new_groups(slopes, row[["week"]])


def test_the_known_store_is_predicted_as_the_library_does(cities: Panel, key: AnswerKey) -> None:
    nested = fit(NESTED, cities.frame)
    frame = cities.frame
    best = frame.groupby("store_id")["sales"].mean().idxmax()
    media = {name: frame[name].mean() for name in ("youtube", "facebook", "newspaper")}
    row = frame[frame["store_id"] == best].iloc[:1].assign(week=frame["week"].max(), **media)
    assert predict_conditional(nested, row)[0] == pytest.approx(key.values["expected_known"], rel=1e-12)
