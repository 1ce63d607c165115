"""Questions on what to expect: of a group not seen before, of one that is known, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

import reference as engine
from reference import MixedFit
from reference.arrays import Floats
from reference.data.columns import Level
from reference.data.formula import effects
from reference.questions.answers import Answer, Step, Value
from reference.questions.fits import Fits
from reference.questions.question import ModelName, question
from reference.questions.setting import Items, QuestionError

#: A 95 % interval reaches this many standard deviations to each side.
Z95 = 1.96
#: The two groups with the largest mean response must be this share of its standard deviation apart.
SMALLEST_LEAD = 0.02

#: The value of each predictor: a number, or which of the column's; a predictor that is not named is at its mean.
Place = dict[str, float | str]

_PLACES = {"last": "max", "first": "min", "mean": "mean", "median": "median"}


def row_at(fits: Fits, model: str, at: Mapping[str, float | str]) -> pd.DataFrame:
    """Return one row of predictors: those that are named at their values, the others at their means over all rows.

    Raises
    ------
    QuestionError
        If a column is no predictor of the model, is not numeric, or has a place that is not known.
    """
    whole = fits.model(model)
    parts = [whole.fixed, *(term.effects for term in whole.terms)]
    names = list(dict.fromkeys(name for part in parts for term in effects(part) for name, how in term if how == "LOOKUP"))
    for name in at.keys() - set(names):
        raise QuestionError(f"key 'at': {name!r} is no predictor of the model {model!r}; it has {', '.join(names)}.")
    found: dict[str, list[float]] = {}
    for name in names:
        place, column = at.get(name, "mean"), fits.frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            raise QuestionError(f"key 'at': {name!r} holds texts, so that it has no mean; leave it out of the model.")
        if isinstance(place, str) and place not in _PLACES:
            raise QuestionError(f"key 'at': {name!r} is at {place!r}; give a number, or one of {', '.join(_PLACES)}.")
        found[name] = [float(column.agg(_PLACES[place])) if isinstance(place, str) else float(place)]
    return pd.DataFrame(found, index=[0])


def _fixed_row(fit: MixedFit, row: pd.DataFrame) -> Floats:
    return np.asarray(fit.design.encoding.fixed.matrix(row)[0], dtype=np.float64)


@question(
    kind="estimate",
    tolerance=0.02,
    decimals=3,
    no_fit=("mean_of_{response}",),
    words="""
[en]
title = "Expectation for a new one of the {groups}"
task = "the expected {response} of a new one of the {groups}, from the model {model}"
question = "What is known of a group that is not there yet?"
advice = "It is the fixed part of the model at the values that the task names. No random effect is known for a group that is not there yet."
[en.mistakes]
"{other}_zero" = "The term of {other} is missing: this speaks of {other} zero. The question names another value."
"mean_of_{response}" = "This is the plain mean of {response} over all rows. Put the values of the question into the fixed part of the model."
[de]
title = "Erwartung für eine neue Gruppe ({groups})"
task = "der erwartete Wert von {response} für eine neue Gruppe ({groups}), aus dem Modell {model}"
question = "Was weiß man von einer Gruppe, die es noch nicht gibt?"
advice = "Es ist der feste Teil des Modells an den Werten, die die Aufgabe nennt. Von einer neuen Gruppe ist kein zufälliger Effekt bekannt."
[de.mistakes]
"{other}_zero" = "Der Term von {other} fehlt: Das gilt für {other} null. Die Frage nennt einen anderen Wert."
"mean_of_{response}" = "Das ist der einfache Mittelwert von {response} über alle Zeilen. Setz die Werte der Frage in den festen Teil des Modells ein."
""",
)
def expected(fits: Fits, *, model: ModelName, at: Place = {}) -> Answer:  # noqa: B006 - never changed
    """The expected response of a row in a group that was not seen: the fixed part."""
    fit, row = fits.mixed(model), row_at(fits, model, at)
    prediction = engine.predict_new_groups(fit, row)
    found, whole = float(prediction.expected[0]), fits.model(model)
    mistakes: dict[str, Value] = {
        f"mean_of_{fits.setting.noun(whole.response)}": float(fits.frame[whole.response].mean())
    }
    for name in at:
        zero = float(engine.predict_population(fit, row.assign(**{name: 0.0}))[0])
        mistakes[f"{fits.setting.noun(name)}_zero"] = zero
    return Answer(found, mistakes, standard_error=float(prediction.standard_error[0]))


@question(
    kind="statistic",
    tolerance=0.002,
    decimals=3,
    words="""
[en]
title = "Standard error of the expectation"
task = "the standard error of that expectation, given the estimated variances"
question = "Which estimates does the expectation rest on, and how do they vary together?"
advice = "Put the values of the predictors into a row x, the one for the intercept included, and take the covariance matrix V of the fixed effects: the variance is x' V x."
[en.mistakes]
variance = "This is a variance. Take its square root, so that it is in units of {response}."
covariances_left_out = "You added the squared errors of the single coefficients. Their estimates are correlated, the intercept with every slope, so use their whole covariance matrix: x' V x."
"{each}_left_out" = "This comes from a model that does not know {each}. What they have in common then counts as if it were each lower group's own."
[de]
title = "Standardfehler der Erwartung"
task = "der Standardfehler dieser Erwartung, bei gegebenen geschätzten Varianzen"
question = "Auf welchen Schätzungen beruht die Erwartung, und wie schwanken sie gemeinsam?"
advice = "Schreib die Werte der Prädiktoren in eine Zeile x, den des Achsenabschnitts auch, und nimm die Kovarianzmatrix V der festen Effekte: Die Varianz ist x' V x."
[de.mistakes]
variance = "Das ist eine Varianz. Zieh die Wurzel, damit es in Einheiten von {response} ist."
covariances_left_out = "Du hast die quadrierten Fehler der einzelnen Koeffizienten addiert. Die Schätzungen sind korreliert, der Achsenabschnitt mit jeder Steigung: Nimm die ganze Kovarianzmatrix, x' V x."
"{each}_left_out" = "Das kommt aus einem Modell, dem die Ebene {each} fehlt. Was dort gemeinsam ist, zählt dann als das der unteren Gruppen."
""",
)
def expected_error(fits: Fits, *, model: ModelName, at: Place = {}) -> Answer:  # noqa: B006 - never changed
    """The standard error of what is expected of a group that was not seen."""
    fit, row = fits.mixed(model), row_at(fits, model, at)
    found, x = float(engine.predict_new_groups(fit, row).standard_error[0]), _fixed_row(fit, row)
    mistakes: dict[str, Value] = {
        "variance": found**2,
        "covariances_left_out": float(np.sqrt(x**2 @ np.diagonal(fit.covariance))),
    }
    levels = fits.levels(model)
    if len(levels) > 1:
        lower = fits.mixed(fits.only(model, levels[1:]))
        mistakes[f"{fits.setting.slug(levels[0])}_left_out"] = float(np.sqrt(x @ lower.covariance @ x))
    return Answer(found, mistakes)


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    words="""
[en]
title = "Standard deviation of one new row"
task = "the standard deviation of a single new row of a new one of the {groups} around its expectation"
question = "What may be different in one single new row, and what in the average of many?"
advice = "The average itself is uncertain, then each new group, and then the row. Add their variances, then take the root."
[en.mistakes]
of_the_mean = "This is how sure we are of the average over many such groups. One single row of one group varies around that average. By what?"
residual_only = "The ups and downs of the {rows} are in it, but a new group may also lie above or below the average for good."
"{each}_left_out" = "That new {each} differ is not in it."
mean_left_out = "The variances of all levels are in it. That the average itself is only estimated is not."
variance = "This is a variance. Take its square root, so that it is in units of {response}."
[de]
title = "Standardabweichung einer neuen Zeile"
task = "die Standardabweichung einer einzelnen neuen Zeile einer neuen Gruppe ({groups}) um ihre Erwartung"
question = "Was kann in einer einzelnen neuen Zeile anders sein, und was im Mittel von vielen?"
advice = "Unsicher sind das Mittel selbst, jede neue Gruppe und die Zeile. Addiere ihre Varianzen und zieh dann die Wurzel."
[de.mistakes]
of_the_mean = "Das sagt, wie sicher wir über das Mittel vieler solcher Gruppen sind. Eine einzelne Zeile einer Gruppe schwankt um dieses Mittel. Wodurch?"
residual_only = "Das Auf und Ab der Zeilen ({rows}) ist darin, aber eine neue Gruppe kann auch auf Dauer über oder unter dem Mittel liegen."
"{each}_left_out" = "Dass sich neue Gruppen der Ebene {each} unterscheiden, ist nicht darin."
mean_left_out = "Die Varianzen aller Ebenen sind darin. Dass das Mittel selbst nur geschätzt ist, nicht."
variance = "Das ist eine Varianz. Zieh die Wurzel, damit es in Einheiten von {response} ist."
""",
)
def deviation(fits: Fits, *, model: ModelName, at: Place = {}) -> Answer:  # noqa: B006 - never changed
    """The standard deviation of one new row of groups that were not seen, around its expectation."""
    fit, row = fits.mixed(model), row_at(fits, model, at)
    prediction = engine.predict_new_groups(fit, row)
    found, error = float(prediction.deviation[0]), float(prediction.standard_error[0])
    levels, of_levels = fits.levels(model), _level_variances(fits, fit, row)
    mistakes: dict[str, Value] = {
        "of_the_mean": error,
        "residual_only": math.sqrt(error**2 + fit.sigma**2),
        "mean_left_out": math.sqrt(found**2 - error**2),
        "variance": found**2,
    }
    if len(levels) > 1:
        mistakes[f"{fits.setting.slug(levels[0])}_left_out"] = math.sqrt(found**2 - of_levels[levels[0]])
    return Answer(found, mistakes)


def _level_variances(fits: Fits, fit: MixedFit, row: pd.DataFrame) -> dict[str, float]:
    """Return the variance that the effects of each level give a row."""
    found = dict.fromkeys((term.group[-1] for term in fit.model.terms), 0.0)
    for term, part, model in zip(fit.terms, fit.design.encoding.random, fit.model.terms, strict=True):
        z = np.asarray(part.matrix(row)[0])
        found[model.group[-1]] += float(z @ term.covariance @ z)
    return found


def _interval_step(items: Items, *, model: str, at: Mapping[str, float | str]) -> Step | None:
    asked = [items.find(one, model=model, at=at) for one in ("expected", "deviation")]

    def interval(expected: float, deviation: float) -> dict[str, float] | None:
        return _bounds(expected, deviation) if deviation > 0 else None

    return Step(tuple(one for one in asked if one), interval) if all(asked) else None


def _bounds(expected: float, deviation: float, times: float = Z95) -> dict[str, float]:
    return {"low": expected - times * deviation, "high": expected + times * deviation}


@question(
    kind="by_name",
    tolerance=0.002,
    decimals=3,
    carried=0.5,
    step=_interval_step,
    words="""
[en]
title = "Interval for one new row"
task = "a dictionary with \\"low\\" and \\"high\\": the expectation minus and plus 1.96 standard deviations of one new row"
question = "Is the interval to hold the average of many, or one single new row?"
advice = "A dictionary with \\"low\\" and \\"high\\": the expectation minus and plus 1.96 standard deviations of one new row."
[en.mistakes]
of_the_mean = "This is how sure we are of the average over many such groups. One single row of one group varies around that average. By what?"
residual_only = "The ups and downs of the {rows} are in it, but a new group may also lie above or below the average for good."
one_deviation = "This reaches one standard deviation to each side. How many does an interval need that holds 95 per cent?"
[de]
title = "Intervall für eine neue Zeile"
task = "ein Dictionary mit \\"low\\" und \\"high\\": die Erwartung minus und plus 1,96 Standardabweichungen einer neuen Zeile"
question = "Soll das Intervall das Mittel von vielen enthalten, oder eine einzelne neue Zeile?"
advice = "Ein Dictionary mit \\"low\\" und \\"high\\": die Erwartung minus und plus 1,96 Standardabweichungen einer neuen Zeile."
[de.mistakes]
of_the_mean = "Das sagt, wie sicher wir über das Mittel vieler solcher Gruppen sind. Eine einzelne Zeile einer Gruppe schwankt um dieses Mittel. Wodurch?"
residual_only = "Das Auf und Ab der Zeilen ({rows}) ist darin, aber eine neue Gruppe kann auch auf Dauer über oder unter dem Mittel liegen."
one_deviation = "Das reicht eine Standardabweichung zu jeder Seite. Wie viele braucht ein Intervall, das 95 Prozent enthält?"
""",
)
def prediction_interval(fits: Fits, *, model: ModelName, at: Place = {}) -> Answer:  # noqa: B006 - never changed
    """The 95 % interval of one new row of groups that were not seen, as ``low`` and ``high``."""
    fit, row = fits.mixed(model), row_at(fits, model, at)
    prediction = engine.predict_new_groups(fit, row)
    middle, error = float(prediction.expected[0]), float(prediction.standard_error[0])
    whole = float(prediction.deviation[0])
    return Answer(
        _bounds(middle, whole),
        {
            "of_the_mean": _bounds(middle, error),
            "residual_only": _bounds(middle, math.sqrt(error**2 + fit.sigma**2)),
            "one_deviation": _bounds(middle, whole, 1.0),
        },
    )


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    no_fit=("mean_of_{group}",),
    words="""
[en]
title = "Expectation for the best of the {groups}"
task = "the expected {response} of the one of the {groups} with the largest mean {response}, at the same values"
question = "Which effects have been estimated for this place?"
advice = "Take the group with the highest mean of {response}, then the fixed part, plus every random effect that was estimated for this place."
[en.mistakes]
marginal = "This is the prediction for an average group. We know more here. Which random effects have been estimated for this place?"
"{one}_only" = "One random effect is in it, that of {one}. Which others have been estimated for this place?"
"{each}_left_out" = "One random effect is in it, but not that of {each}. Which others have been estimated for this place?"
"mean_of_{group}" = "This is the group's own mean of {response}. It takes its luck in a few {rows} at face value, and other values than those of the question. Use the fixed part and the random effects of the model."
[de]
title = "Erwartung für die beste Gruppe ({groups})"
task = "der erwartete Wert von {response} für die Gruppe ({groups}) mit dem größten Mittelwert von {response}, an denselben Werten"
question = "Welche Effekte sind für diese Stelle geschätzt worden?"
advice = "Nimm die Gruppe mit dem höchsten Mittelwert von {response}, dann den festen Teil und dazu jeden zufälligen Effekt, der für diese Stelle geschätzt wurde."
[de.mistakes]
marginal = "Das ist die Vorhersage für eine durchschnittliche Gruppe. Hier wissen wir mehr. Welche zufälligen Effekte sind für diese Stelle geschätzt worden?"
"{one}_only" = "Ein zufälliger Effekt ist darin, der der Ebene {one}. Welche anderen sind für diese Stelle geschätzt worden?"
"{each}_left_out" = "Ein zufälliger Effekt ist darin, aber keiner der Ebene {each}. Welche anderen sind für diese Stelle geschätzt worden?"
"mean_of_{group}" = "Das ist der eigene Mittelwert der Gruppe von {response}. Er nimmt Glück in wenigen Zeilen ({rows}) für bare Münze, und andere Werte als die der Frage. Nimm den festen Teil und die zufälligen Effekte des Modells."
""",
)
def expected_known(fits: Fits, *, model: ModelName, level: str, at: Place = {}) -> Answer:  # noqa: B006 - never changed
    """The expected response of a row in the group of a level whose mean response is largest, its effects included."""
    known = _Known.of(fits, model, level, at)
    mistakes: dict[str, Value] = {
        "marginal": known.fixed,
        f"mean_of_{fits.setting.noun(level)}": float(
            fits.frame.loc[fits.frame[level] == known.group, fits.model(model).response].mean()
        ),
    }
    for one in known.effects if len(known.effects) > 1 else ():
        if one == level:
            upper = next(iter(known.effects))
            mistakes[f"{fits.setting.slug(upper)}_left_out"] = known.fixed + known.effects[one]
        else:
            mistakes[f"{fits.setting.noun(one)}_only"] = known.fixed + known.effects[one]
    return Answer(known.fixed + sum(known.effects.values()), mistakes, faults=known.faults)


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    words="""
[en]
title = "Expectation for a new one beside the best"
task = "the expected {response} of a new one of the {groups} that lies in the same larger group as the best one, at the same values"
question = "Which random effects does a new one share with one that is there?"
advice = "The fixed part at the same values, and those random effects that a new one would share. Which are they?"
[en.mistakes]
marginal = "This is the prediction for an average place. We know more here: which random effect has been estimated for it?"
"of_the_{group}" = "This is the prediction for the one that is there already. A new one shares its larger group, and not its own effect."
[de]
title = "Erwartung für eine neue neben der besten"
task = "der erwartete Wert von {response} für eine neue Gruppe ({groups}) in derselben größeren Gruppe wie die beste, an denselben Werten"
question = "Welche zufälligen Effekte teilt eine neue mit einer, die es schon gibt?"
advice = "Der feste Teil an denselben Werten und die zufälligen Effekte, die eine neue teilen würde. Welche sind das?"
[de.mistakes]
marginal = "Das ist die Vorhersage für eine durchschnittliche Stelle. Hier wissen wir mehr: Welcher zufällige Effekt ist für sie geschätzt worden?"
"of_the_{group}" = "Das ist die Vorhersage für die, die es schon gibt. Eine neue teilt ihre größere Gruppe, aber nicht ihren eigenen Effekt."
""",
)
def expected_in_upper(
    fits: Fits,
    *,
    model: ModelName,
    level: str,
    at: Place = {},  # noqa: B006 - never changed
) -> Answer:
    """The expected response of a row in a new group of a level, in the same upper groups as the one that is best."""
    known = _Known.of(fits, model, level, at)
    if len(known.effects) < 2:
        raise QuestionError(f"the model {model!r} has no level above {level!r}; ask for 'expected' instead.")
    found = known.fixed + sum(effect for one, effect in known.effects.items() if one != level)
    whole = known.fixed + sum(known.effects.values())
    mistakes: dict[str, Value] = {"marginal": known.fixed, f"of_the_{fits.setting.noun(level)}": whole}
    return Answer(found, mistakes, faults=known.faults)


class _Known:
    """The group with the largest mean response: its id, the fixed part, and its effect on each level by name."""

    def __init__(self, group: Level, fixed: float, effects: dict[str, float], faults: tuple[str, ...]) -> None:
        self.group, self.fixed, self.effects, self.faults = group, fixed, effects, faults

    @classmethod
    def of(cls, fits: Fits, model: str, level: str, at: Mapping[str, float | str]) -> _Known:
        """Return the best group of a level in a model, at some values of the predictors."""
        fit, row, response = fits.mixed(model), row_at(fits, model, at), fits.model(model).response
        if level not in fits.levels(model):
            raise QuestionError(f"the model {model!r} has no level {level!r}; it has {', '.join(fits.levels(model))}.")
        means = fits.frame.groupby(level)[response].mean().sort_values(ascending=False, kind="stable")
        group, lead = means.index[0], float(means.iloc[0] - means.iloc[1])
        rows = fits.frame[fits.frame[level] == group]
        inside = [name for term in fit.model.terms for name in term.group]
        place = row.assign(**{name: rows[name].iloc[:1].to_numpy() for name in dict.fromkeys(inside)})
        effects = dict.fromkeys((term.group[-1] for term in fit.model.terms), 0.0)
        for term, part, one in zip(fit.terms, fit.design.encoding.random, fit.model.terms, strict=True):
            ids = tuple(place[name].iloc[0] for name in one.group)
            known = list(term.ids) if isinstance(term.ids, tuple) else term.ids.tolist()
            mode = term.modes[known.index(ids if len(ids) > 1 else ids[0])]
            effects[one.group[-1]] += float(np.asarray(part.matrix(row)[0]) @ mode)
        crossed = [name for name in effects if rows[name].nunique() > 1]
        for name in crossed:
            del effects[name]  # the group meets several of these, so that none of them is its own
        said = f"the two {fits.setting.plural(level)} with the largest mean are only {lead:.3f} apart"
        close = lead < SMALLEST_LEAD * float(fits.frame[response].std(ddof=0))
        fixed = float(engine.predict_population(fit, row)[0])
        return cls(group, fixed, effects, (said,) if close else ())
