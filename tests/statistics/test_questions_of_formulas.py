"""Questions on formulas with products, powers, factors and names of any kind: what they take, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from reference import parse_formula, predict_population
from reference.errors import MultilevelError
from reference.questions import LIBRARY, Asked, Column, Dataset, Fits, Items, QuestionError, Setting, answer_key
from reference.questions.formulas import factors_in, predictors_in


@pytest.fixture(scope="module")
def data() -> Dataset:
    rng = np.random.default_rng(8)
    patient = np.repeat(np.arange(24), 8)
    frame = pd.DataFrame({"patient": patient + 1, "week": np.tile(np.arange(8), 24), "sector": patient % 3 + 1})
    frame["arm"] = np.where(patient % 2, "drug", "control")
    frame["day"] = np.where(rng.random(len(frame)) < 0.5, "am", "pm")
    slope = rng.normal(2.0, 0.8, 24)[patient] + 1.5 * (frame["arm"] == "drug")
    frame["dose given"] = rng.normal(100.0, 20.0, len(frame)).round(1)
    slope += rng.normal(0.0, 1.0, 24)[patient] * (frame["day"] == "pm")
    score = 50 + rng.normal(0.0, 4.0, 24)[patient] + slope * frame["week"] + 0.05 * frame["dose given"]
    frame["score"] = (score + rng.normal(size=len(frame))).round(2)
    return Dataset(frame, "the visits")


def answer(data: Dataset, formula: str, ask: str, **parameters: Any) -> Any:
    setting = Setting(columns={"dose given": Column(rescaled=100.0)}, models={"m": formula})
    items = Items((Asked("one", ask, LIBRARY[ask].read({"model": "m", **parameters})),))
    return answer_key(setting, items, LIBRARY, data)


@pytest.mark.parametrize("ask", ["group_values", "ranking"])
@pytest.mark.parametrize(
    ("formula", "effect", "beside"),
    [
        ("score ~ week * arm + (1 + week | patient)", "week", "week:arm"),
        ("score ~ week + I(week ** 2) + (1 + week | patient)", "week", "I(week ** 2)"),
        ("score ~ log(week + 1) + (1 + week | patient)", "week", "log(week + 1)"),
        ("score ~ week + day + (0 + day | patient)", "day[am]", "day"),
        ("score ~ 0 + day + week + (1 + day | patient)", "day[T.pm]", "day"),
        ("score ~ `dose given` * week + (1 + `dose given` | patient)", "dose given", "dose given:week"),
    ],
)
def test_a_slope_that_stands_in_other_terms_is_not_a_groups_own(
    data: Dataset, ask: str, formula: str, effect: str, beside: str
) -> None:
    with pytest.raises(MultilevelError) as caught:
        answer(data, formula, ask, effect=effect)
    assert f"also has {beside} in its fixed part" in str(caught.value)
    assert f"ask it of a model without {beside}, or ask for the 'variance' of {effect}" in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "effect"),
    [
        ("score ~ week + arm + (1 + week | patient)", "week"),
        ("score ~ week + sector:arm + (1 + week | patient)", "week"),
        ("score ~ week * arm + (1 + week | patient)", "Intercept"),
        ("score ~ arm + (1 + week | patient)", "week"),
        ("score ~ I(week / 7) + (1 + I(week / 7) | patient)", "I(week / 7)"),
    ],
)
def test_a_slope_that_stands_in_one_term_is_asked(data: Dataset, formula: str, effect: str) -> None:
    key = answer(data, formula, "group_values", effect=effect)
    assert len(key.values["one"]) == 24


def test_the_columns_of_a_formula_are_those_that_it_takes() -> None:
    model = parse_formula(
        "score ~ class.size + np.log(`a b`) + C(sector, contr.sum) + factor(`a c`) + (1 + w:x | class)"
    )
    assert predictors_in(model) == {"class.size", "a b", "sector", "a c", "w", "x"}
    assert factors_in(model) == {"sector", "a c"}


def test_a_factor_of_numbers_is_at_one_of_its_levels(data: Dataset) -> None:
    formula = "score ~ week + factor(sector) + (1 | patient)"
    for at in ({}, {"sector": 1.5}):
        with pytest.raises(QuestionError, match=r"'sector' stands as a factor, .* say which of 1, 2, 3"):
            answer(data, formula, "expected", at=at)
    fit = Fits(data, Setting(models={"m": formula}), Items(())).mixed("m")
    for given, level in ((2, 2), ("last", 3)):
        row = pd.DataFrame({"week": [data.frame["week"].mean()], "sector": [level]})
        found = answer(data, formula, "expected", at={"sector": given}).values["one"]
        assert found == pytest.approx(predict_population(fit, row)[0])


def test_a_predictor_with_a_blank_in_its_name_may_be_rescaled(data: Dataset) -> None:
    key = answer(data, "score ~ `dose given` + (1 | patient)", "coefficient", term="dose given")
    assert key.mistakes["one"]["per_hundred"] == pytest.approx(100 * key.values["one"], rel=1e-4)


def test_an_empty_cell_of_an_assignments_table_is_named_by_its_line(data: Dataset) -> None:
    table = Dataset(data.frame.assign(score=data.frame["score"].where(data.frame.index != 4)), "the visits")
    with pytest.raises(MultilevelError, match="column 'score', line 6 is empty"):
        answer(table, "score ~ week + (1 | patient)", "icc", level="patient")
