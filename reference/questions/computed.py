"""Questions whose answer is computed from those to others: a multiple, or any expression."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from reference.questions.answers import Answer, Step, Value
from reference.questions.coefficients import coefficient_of
from reference.questions.expressions import evaluate, names_in
from reference.questions.fits import Fits
from reference.questions.question import ItemName, question
from reference.questions.setting import Asked, Items, QuestionError


def number_asked(fits: Fits, item: str) -> tuple[float, Answer]:
    """Return the answer to another item, which must be a number, and all that is known of it."""
    answer = fits.answer(item)
    if not isinstance(answer.value, int | float):
        raise QuestionError(f"{item!r} is no number; name an item that is one.")
    return float(answer.value), answer


@question(
    kind="estimate",
    tolerance=0.03,
    decimals=4,
    words="""
[en]
title = "{times} times {of}"
task = "{times} times {of}; where that is a value for each group, of the largest one"
question = "How many units are there, and what does one of them bring?"
advice = "It is {times} times {of}, before any rounding; where that is a value for each group, take the largest. Has the fit behind it arrived?"
[en.mistakes]
one_unit = "This is for one unit. The question is about {times}."
ols = "This rests on the slope of the pooled regression. Take that of the mixed model."
deviation = "This is only the deviation of the best group from the average. The whole of it includes the average."
average = "This is the average over groups. In the best one its own deviation from the average comes on top."
average_twice = "Here the average is in it twice. A random effect is a deviation from the average; add the average once."
[de]
title = "Das {times}-fache von {of}"
task = "das {times}-fache von {of}; hat das je Gruppe einen Wert, dann vom größten"
question = "Um wie viele Einheiten geht es, und was bringt eine davon?"
advice = "Es ist das {times}-fache von {of}, bevor etwas gerundet wird; hat das je Gruppe einen Wert, nimm den größten. Ist die Schätzung dahinter angekommen?"
[de.mistakes]
one_unit = "Das gilt für eine Einheit. Gefragt ist nach {times}."
ols = "Das beruht auf der Steigung der gepoolten Regression. Nimm die des gemischten Modells."
deviation = "Das ist nur die Abweichung der besten Gruppe vom Mittel. Zum Ganzen gehört auch das Mittel."
average = "Das ist das Mittel über die Gruppen. In der besten kommt ihre eigene Abweichung vom Mittel dazu."
average_twice = "Das Mittel steckt hier zweimal darin. Ein zufälliger Effekt ist eine Abweichung vom Mittel; addiere das Mittel einmal."
""",
)
def multiple(fits: Fits, *, of: ItemName, times: float) -> Answer:
    """A multiple of another answer: of the largest one, where that has a value for each group (``group_values``)."""
    asked = fits.items[of]
    if asked.question == "group_values":
        return _multiple_of_best(fits, asked, times)
    value, answer = number_asked(fits, of)
    mistakes: dict[str, Value] = {"one_unit": value}
    pooled = answer.mistakes.get("ols")
    if isinstance(pooled, float):
        mistakes["ols"] = times * pooled
    error = answer.standard_error
    return Answer(times * value, mistakes, standard_error=None if error is None else abs(times) * error)


def _multiple_of_best(fits: Fits, asked: Asked, times: float) -> Answer:
    values = fits.answer(asked.item).value
    assert isinstance(values, Mapping)
    best = max(values.values())
    average = coefficient_of(fits.mixed(str(asked.parameters["model"])), str(asked.parameters["effect"]))
    return Answer(
        times * best,
        {
            "one_unit": best,
            "deviation": times * (best - average),
            "average": times * average,
            "average_twice": times * (best + average),
        },
    )


def _computed(text: str, names: Mapping[str, Any]) -> float | None:
    """Return what an expression comes to; None where that is no finite number."""
    try:
        with np.errstate(all="ignore"):
            found = float(evaluate(text, names))
    except (TypeError, ValueError, ArithmeticError):
        return None
    return found if math.isfinite(found) else None


def _expression_step(items: Items, *, value: str) -> Step | None:
    inputs = names_in(value)
    return Step(inputs, lambda *given: _computed(value, dict(zip(inputs, given, strict=True)))) if inputs else None


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=4,
    carried=0.5,
    step=_expression_step,
    words="""
[en]
title = "A number from your answers"
task = "{value}"
question = "From which of your answers is it made, and how?"
advice = "Compute it from your answers before any rounding: {value}."
[de]
title = "Eine Zahl aus deinen Antworten"
task = "{value}"
question = "Aus welchen deiner Antworten entsteht sie, und wie?"
advice = "Berechne sie aus deinen Antworten, bevor etwas gerundet wird: {value}."
""",
)
def expression(fits: Fits, *, value: str) -> Answer:
    """A number computed from other answers, such as ``value = "slope / error"``."""
    found = _computed(value, {name: fits.answer(name).value for name in names_in(value)})
    if found is None:
        raise QuestionError(f"{value!r} comes to no finite number here; name items that are numbers.")
    return Answer(found)
