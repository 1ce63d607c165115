"""The extension's key: lme4's numbers on the panel of cities, statsmodels' on drawn ones, and what is a mistake."""

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
import statsmodels.formula.api as smf
from scipy.optimize import minimize_scalar

from autograder.assignment.course import Course
from reference import DesignError, criterion_at, fit, predict_conditional, predict_new_groups
from reference.questions import (
    LIBRARY,
    AnswerKey,
    Dataset,
    Objective,
    answer_key,
    coincide,
    comparisons,
    contextual,
    faults,
    known_groups,
    usable_draw,
)

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = Course(ROOT / "solutions").rubric("extension")
ORACLE = Path(__file__).parents[1] / "oracles" / "extension.json"
NESTED = "sales ~ week + youtube + facebook + newspaper + (1 | city_id/store_id)"


@pytest.fixture(scope="module")
def cities() -> Dataset:
    return Dataset.from_csv(EXTENSION.data)


def extension_key(table: Dataset) -> AnswerKey:
    return answer_key(EXTENSION.setting, EXTENSION.asked, LIBRARY, table)


@pytest.fixture(scope="module")
def key(cities: Dataset) -> AnswerKey:
    return extension_key(cities)


@pytest.fixture(scope="module", params=[0, 1])
def simulated(request: pytest.FixtureRequest, cities: Dataset) -> Dataset:
    asked = (EXTENSION.setting, EXTENSION.panels, EXTENSION.asked, LIBRARY)
    return usable_draw(*asked, cities, request.param)[0]


def test_the_key_agrees_with_lme4(key: AnswerKey) -> None:
    oracle = json.loads(ORACLE.read_text(encoding="utf-8"))
    assert oracle.keys() == {"provenance", "answers", "errors"}
    assert oracle["provenance"]["md5"] == hashlib.md5(EXTENSION.data).hexdigest()
    # As near as lme4's own search comes to the optimum.
    for item, value in oracle["answers"].items():
        assert key.values[item] == pytest.approx(float(value), rel=1e-7), item
    for item, value in oracle["errors"].items():
        assert key.answers[item].standard_error == pytest.approx(float(value), rel=1e-7), item


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


def test_variances_are_held_against_the_criterion(cities: Dataset, key: AnswerKey) -> None:
    objective = key.answers["var_city"].objective
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


def test_the_learners_panel_is_usable(cities: Dataset) -> None:
    assert faults(EXTENSION.setting, EXTENSION.asked, LIBRARY, cities, EXTENSION.panels)[0] == ()


def test_no_mistake_is_the_right_answer(key: AnswerKey, simulated: Dataset) -> None:
    for case in (key, extension_key(simulated)):
        named = [(item, name) for item, mistakes in case.mistakes.items() for name in mistakes]
        assert len(named) >= 70
        assert len({name for _, name in named}) >= 30
        for item, name in named:
            assert not coincide(case.values[item], case.mistakes[item][name]), (item, name)


def test_a_learner_with_statsmodels_reaches_the_same_answers(simulated: Dataset) -> None:
    values: Mapping[str, Any] = extension_key(simulated).values
    frame = simulated.frame.assign(youtube_100=simulated.frame["youtube"] / 100)
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
    simulated: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparisons, "LARGEST_P", -1.0)
    monkeypatch.setattr(contextual, "SMALLEST_BETWEEN", 100.0)
    monkeypatch.setattr(known_groups, "SMALLEST_LEAD", 100.0)
    said = " ".join(extension_key(simulated).faults)
    for part in ("contextual_p: the likelihood-ratio test has p", "contextual_effect: ", "expected_known: "):
        assert part in said


def test_a_new_group_is_less_certain_than_the_average(cities: Dataset) -> None:
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


def test_the_known_store_is_predicted_as_the_library_does(cities: Dataset, key: AnswerKey) -> None:
    nested = fit(NESTED, cities.frame)
    frame = cities.frame
    best = frame.groupby("store_id")["sales"].mean().idxmax()
    media = {name: frame[name].mean() for name in ("youtube", "facebook", "newspaper")}
    row = frame[frame["store_id"] == best].iloc[:1].assign(week=frame["week"].max(), **media)
    assert predict_conditional(nested, row)[0] == pytest.approx(key.values["expected_known"], rel=1e-12)
