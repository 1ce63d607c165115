"""Every question on formulas and tables of every kind: an answer with words for each mistake, or a sentence why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reference.errors import MultilevelError
from reference.questions import LIBRARY, Asked, Column, Dataset, Items, Setting, answer_key, mistake_words

FORMULAS = {
    "plain": ("score ~ hours + (1 | school)", "score ~ hours + (1 + hours | school)"),
    "a transformed response": ("log(score) ~ hours + (1 | school)", "log(score) ~ hours + (1 + hours | school)"),
    "texts and a product": ("score ~ hours + sex + (1 | school)", "score ~ hours*sex + (1 + hours | school)"),
    "an expression": ("score ~ log(hours + 10) + (1 | school)", "score ~ log(hours + 10) + (1 + hours || school)"),
    "nested": ("score ~ hours + (1 | school/room)", "score ~ hours + (1 + hours | school) + (1 | school:room)"),
    "crossed": ("score ~ hours + (1 | school) + (1 | item)", "score ~ hours + (1 + hours | school) + (1 | item)"),
    "no intercept": ("score ~ 0 + hours + (1 | school)", "score ~ 0 + hours + (1 + hours | school)"),
    "no predictor": ("score ~ 1 + (1 | school)", "score ~ hours + (1 | school)"),
    "slopes of a text": ("score ~ hours + sex + (1 | school)", "score ~ hours + sex + (1 + sex | school)"),
}
#: Questions that follow from items, which this asks one by one.
FOLLOWING = {"contextual", "decision", "direction", "expression", "lrt_p", "multiple"}


@pytest.fixture(scope="module")
def data() -> Dataset:
    rng = np.random.default_rng(3)
    school, room, item = np.repeat(np.arange(20), 12), np.repeat(np.arange(60), 4), np.arange(240) % 12
    hours, sex = rng.normal(5.0, 2.0, 240).round(2), rng.choice(["f", "m"], 240)
    score = 30.0 + rng.normal(0.0, 2.0, 20)[school] + rng.normal(0.0, 1.5, 60)[room] + rng.normal(0.0, 1.5, 12)[item]
    score += (1.0 + rng.normal(0.0, 0.5, 20))[school] * hours + (sex == "f") + rng.normal(0.0, 1.5, 240)
    frame = pd.DataFrame({"hours": hours, "sex": sex, "score": score.round(2), "room": room + 100})
    return Dataset(frame.assign(school=[f"{one:03d}" for one in school], item=[f"i{one}" for one in item]), "a table")


def setting_of(smaller: str, larger: str) -> Setting:
    response, random = smaller.split("~")[0], smaller[smaller.index("(1") :]
    return Setting(
        columns={
            "school": Column(group=True),
            "room": Column(group=True, within="school"),
            "item": Column(group=True),
            "hours": Column(rescaled=100.0),
        },
        derive={"usual": "mean(hours, school)", "apart": "hours - usual"},
        models={"one": smaller, "two": larger, "split": f"{response}~ apart + usual + {random}"},
    )


def asked() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield questions with parameters that suit some of the formulas, and some that suit none."""
    levels, effects, centre = ("school", "room", "item", "residual"), ("Intercept", "hours", "sex[T.m]"), ("hours",)
    for model in ("one", "two"):
        for level in levels:
            yield "variance", {"model": model, "level": level}
            yield "icc", {"model": model, "level": level}
            yield "correlation", {"model": model, "same": level}
            for effect in effects:
                yield "group_values", {"model": model, "effect": effect, "level": level}
                yield "ranking", {"model": model, "effect": effect, "level": level, "top": 3}
            yield "expected_known", {"model": model, "level": level}
            yield "expected_in_upper", {"model": model, "level": level}
        for at in ("grand", "school"):
            yield "variance", {"model": model, "level": "school", "centre": centre, "at": at}
            yield "log_likelihood_change", {"model": model, "centre": centre, "at": at}
            for term in (*effects, "nobody"):
                yield "coefficient", {"model": model, "term": term, "centre": centre, "at": at}
        for term in effects:
            yield "coefficient", {"model": model, "term": term}
            yield "interval", {"model": model, "term": term}
        for place in ({}, {"hours": "last"}, {"sex": "m"}, {"hours": 3, "sex": "f"}, {"nobody": 1}):
            for question in ("expected", "expected_error", "deviation", "prediction_interval", "expected_known"):
                yield question, {"model": model, "at": place}
        for which in ("marginal", "conditional"):
            yield "r_squared", {"model": model, "which": which}
        yield "log_likelihood", {"model": model}
        yield "effects_correlation", {"model": model, "level": "school", "effects": ("Intercept", "hours")}
    for question in ("lrt", "lrt_df", "aic_gain"):
        yield question, {"smaller": "one", "larger": "two"}
        yield question, {"smaller": "two", "larger": "one"}
    for question in ("within_slope", "between_slope"):
        yield question, {"model": "split", "within": "apart", "between": "usual", "blend": "one", "level": "school"}
    yield "means", {"columns": ("hours", "score")}
    yield "means", {"columns": ("sex",)}
    for group in ("school", "room", "nobody"):
        yield "group_means", {"column": "hours", "group": group}


def test_no_question_is_left_out() -> None:
    computed = {name for name, question in LIBRARY.items() if question.answer is not None}
    assert {question for question, _ in asked()} == computed - FOLLOWING


@pytest.mark.parametrize("formulas", FORMULAS.values(), ids=list(FORMULAS))
def test_it_answers_or_says_why_not(data: Dataset, formulas: tuple[str, str]) -> None:
    setting, answered = setting_of(*formulas), set()
    for name, parameters in asked():
        one = Asked("one", name, LIBRARY[name].read(parameters))
        try:
            key = answer_key(setting, Items((one,)), LIBRARY, data)
        except MultilevelError:
            continue
        answered.add(name)
        mistakes = key.mistakes["one"]
        for language in ("en", "de"):
            assert mistakes.keys() <= mistake_words(LIBRARY[name], setting, one, language).keys(), (name, parameters)
        for value in (key.values["one"], *mistakes.values()):
            numbers = list(value.values()) if isinstance(value, Mapping) else [value]
            assert all(np.isfinite(number) for number in numbers if isinstance(number, float)), (name, parameters)
    assert len(answered) >= 15


def test_a_transformed_response_is_met_as_the_formula_has_it(data: Dataset) -> None:
    formula = "log(score) ~ hours + (1 | school)"
    plain = Dataset(data.frame.assign(score=np.log(data.frame["score"])), "logarithms")
    for name, parameters in (
        ("icc", {"model": "m", "level": "school"}),
        ("expected_known", {"model": "m"}),
        ("ranking", {"model": "m", "top": 3}),
    ):
        items = Items((Asked("one", name, LIBRARY[name].read(parameters)),))
        here, there = (
            answer_key(Setting(models={"m": one}), items, LIBRARY, table)
            for one, table in ((formula, data), (formula.replace("log(score)", "score"), plain))
        )
        assert (
            here.values["one"] == pytest.approx(there.values["one"])
            if name != "ranking"
            else (here.values["one"] == there.values["one"])
        )
        assert len(here.mistakes["one"]) == len(there.mistakes["one"])
