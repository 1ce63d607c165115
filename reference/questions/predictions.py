"""Questions on what to expect of a group not seen before, and how sure that is."""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

import reference as engine
from reference import MixedFit, MixedModel
from reference.data.formula import effects
from reference.questions.answers import Answer, Step, Value, follows
from reference.questions.coefficients import bounds
from reference.questions.fits import Fits
from reference.questions.formulas import factors_in, predictors_in
from reference.questions.question import ModelName, question
from reference.questions.setting import Items, QuestionError

#: A 95 % interval reaches this many standard deviations to each side.
Z95 = 1.96
#: The value of each predictor: a number, or which of the column's; a predictor that is not named is at its mean.
Place = dict[str, float | str]


def row_at(fits: Fits, model: str, at: Place) -> pd.DataFrame:
    """Return one row: the predictors where ``at`` says, and every other column of numbers at its mean over all rows."""
    frame, whole = fits.frame, fits.model(model)
    names, factors = predictors_in(whole), factors_in(whole)
    used = [str(name) for name in frame if str(name) in names]
    for name in at:
        if name not in used:
            raise QuestionError(f"at: the model {model!r} has no predictor {name!r}; it has {', '.join(used)}.")
    found = {
        name: _level(frame[name], name, at.get(name)) if name in factors else _place(frame[name], name, at.get(name))
        for name in used
    }
    return pd.DataFrame(found, index=[0])


def _level(column: pd.Series, name: str, given: float | str | None) -> float | str:
    """Return the value at which a column is that stands as a factor, whatever it holds: there is no mean of levels."""
    levels, found = sorted(set(column)), None if given is None else _place(column, name, given)
    if found is None or found not in levels:
        raise QuestionError(
            f"at: {name!r} stands as a factor, so that a mean is none of its levels; "
            f"say which of {', '.join(map(str, levels))}."
        )
    return found


def _place(column: pd.Series, name: str, given: float | str | None) -> float | str:
    """Return where a predictor is: at a number, at one of its own values, or at what is called by a word."""
    if not is_numeric_dtype(column):
        if given not in set(column):
            raise QuestionError(f"at: {name!r} holds texts; say which of {', '.join(sorted(map(str, set(column))))}.")
        return str(given)
    if given is not None and not isinstance(given, str):
        return given
    words = {"mean": column.mean, "last": column.max, "median": column.median}
    if given not in (None, *words):
        raise QuestionError(f"at: {name!r} is at {given!r}; give a number or one of {', '.join(words)}.")
    return float(words[given or "mean"]())


def fixed_part(fit: MixedFit, row: pd.DataFrame) -> float:
    """Return what the fixed part of a fit gives for a row."""
    return float(engine.predict_population(fit, row)[0])


def _spread(fit: MixedFit, row: pd.DataFrame) -> tuple[float, float]:
    """Return the standard error of what is expected in a new group, and the standard deviation of a row of it."""
    found = engine.predict_new_groups(fit, row)
    return float(found.standard_error[0]), float(found.deviation[0])


def _outermost(model: MixedModel) -> list[str]:
    """Return the levels of a model that lie in no other one of it; none where there is only one level."""
    groups = dict.fromkeys(term.group for term in model.terms)
    inner = {one for one in groups for other in groups if one != other and one[: len(other)] == other}
    return [one[-1] for one in groups if one not in inner] if len(groups) > 1 else []


def _level_variances(fit: MixedFit, row: pd.DataFrame) -> dict[str, float]:
    """Return what the groups of each level add to the variance of a new observation: z' S z."""
    found: dict[str, float] = {}
    for term, part, model in zip(fit.terms, fit.design.encoding.random, fit.model.terms, strict=True):
        z = part.matrix(row)[0]
        found[model.group[-1]] = found.get(model.group[-1], 0.0) + float(z @ term.covariance @ z)
    return found


@question(
    kind="estimate",
    tolerance=0.02,
    decimals=3,
    no_fit=("mean_of_{response}",),
    words="""
[en]
title = "Expected {response} in a new group"
task = "the {response} that the model {model} expects in a group not seen before; {at}every predictor that is not named here at its mean over all rows"
question = "Which parts of the model are known for a group that is not there yet?"
advice = "It is the fixed part of the model, with the predictors where the question puts them and every other one at its mean over all rows. No random effect is known for a new group."
[en.mistakes]
"{other}_zero" = "This speaks of {other} at zero: its term is missing. Put in the value that the question names."
"mean_of_{response}" = "This is the plain mean of {response} over all rows. Put the values of the question into the fixed part of the model."
[de]
title = "Erwartung für eine neue Gruppe: {response}"
task = "was das Modell {model} für eine noch nicht gesehene Gruppe erwartet ({response}); {at}jeder hier nicht genannte Prädiktor an seinem Mittelwert über alle Zeilen"
question = "Welche Teile des Modells sind für eine Gruppe bekannt, die es noch nicht gibt?"
advice = "Es ist der feste Teil des Modells, mit den Prädiktoren dort, wo die Frage sie hinsetzt, und allen anderen an ihrem Mittelwert über alle Zeilen. Für eine neue Gruppe ist kein zufälliger Effekt bekannt."
[de.mistakes]
"{other}_zero" = "Das gilt für {other} bei null: Dieser Term fehlt. Setz den Wert ein, den die Frage nennt."
"mean_of_{response}" = "Das ist der einfache Mittelwert über alle Zeilen ({response}). Setz die Werte der Frage in den festen Teil des Modells ein."
""",
)
def expected(fits: Fits, *, model: ModelName, at: Place = {}) -> Answer:  # noqa: B006 - never changed
    """The fixed part at a place of the predictors: what is expected in a group not seen before."""
    fit, row = fits.mixed(model), row_at(fits, model, at)
    response = fits.model(model).response
    mistakes: dict[str, Value] = {f"mean_of_{fits.setting.noun(response)}": float(fits.response(model).mean())}
    plain = {name for term in effects(fits.model(model).fixed) for name, how in term if how == "LOOKUP"}
    for name, given in at.items():
        if given == "last" and name in plain:
            # A logarithm has no value at zero, so nobody could make the mistake.
            with suppress(engine.DesignError), np.errstate(all="ignore"):
                mistakes[f"{fits.setting.noun(name)}_zero"] = fixed_part(fit, row.assign(**{name: 0.0}))
    return Answer(fixed_part(fit, row), mistakes, standard_error=_spread(fit, row)[0])


@question(
    kind="statistic",
    tolerance=0.002,
    decimals=3,
    words="""
[en]
title = "Standard error of that expectation"
task = "the standard error of what the model {model} expects in a new group; {at}every predictor that is not named here at its mean over all rows"
question = "How sure are the fixed effects, all of them together?"
advice = "Put the values of the predictors into a row x, the one for the intercept included, and take the covariance matrix V of the fixed effects: the variance is x' V x."
[en.mistakes]
variance = "This is a variance. Take its square root, so that it is in units of {response}."
covariances_left_out = "You added the squared errors of the single coefficients. Their estimates are correlated, the intercept with every slope, so use their whole covariance matrix: x' V x."
"{each}_left_out" = "This comes from a model that does not know {each}. Rows that have something in common then count as if they were independent."
[de]
title = "Standardfehler dieser Erwartung"
task = "der Standardfehler dessen, was das Modell {model} für eine neue Gruppe erwartet; {at}jeder hier nicht genannte Prädiktor an seinem Mittelwert über alle Zeilen"
question = "Wie sicher sind die festen Effekte, alle zusammen?"
advice = "Schreib die Werte der Prädiktoren in eine Zeile x, die für den Achsenabschnitt eingeschlossen, und nimm die Kovarianzmatrix V der festen Effekte: Die Varianz ist x' V x."
[de.mistakes]
variance = "Das ist eine Varianz. Zieh die Wurzel, damit es in Einheiten von {response} ist."
covariances_left_out = "Du hast die quadrierten Fehler der einzelnen Koeffizienten addiert. Ihre Schätzungen sind korreliert, der Achsenabschnitt mit jeder Steigung: Nimm die ganze Kovarianzmatrix, x' V x."
"{each}_left_out" = "Das stammt aus einem Modell, dem die Ebene {each} fehlt. Zeilen, die etwas gemeinsam haben, zählen dann als unabhängig."
""",
)
def expected_error(fits: Fits, *, model: ModelName, at: Place = {}) -> Answer:  # noqa: B006 - never changed
    """The standard error of the fixed part at a place, given the estimated variances."""
    fit, row, levels = fits.mixed(model), row_at(fits, model, at), fits.levels(model)
    found, x = _spread(fit, row)[0], fit.design.encoding.fixed.matrix(row)[0]
    mistakes: dict[str, Value] = {
        "variance": found**2,
        "covariances_left_out": float(np.sqrt(x**2 @ np.diagonal(fit.covariance))),
    }
    for level in _outermost(fits.model(model)):
        if (others := fits.only_fit(model, [one for one in levels if one != level])) is not None:
            mistakes[f"{fits.setting.slug(level)}_left_out"] = _spread(others, row)[0]
    return Answer(found, mistakes)


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    words="""
[en]
title = "Standard deviation of a new observation"
task = "the standard deviation of one new observation in a new group around what the model {model} expects; {at}every predictor that is not named here at its mean over all rows"
question = "What is uncertain about one single observation in a group that nobody has seen?"
advice = "Uncertain are the average itself, the effects of the new group on every level, and the single observation. Add their variances, then take the root."
[en.mistakes]
of_the_mean = "This is how sure we are of the average over many such groups. One single observation varies around that average. By what?"
residual_only = "The ups and downs within a group are in it, but a new group may also lie above or below the average for good."
"{each}_left_out" = "What {each} differ by is not in it. A new one may lie above or below the average for good."
mean_left_out = "The variances of the model are in it. That the average itself is only estimated is not."
variance = "This is a variance. Take its square root, so that it is in units of {response}."
[de]
title = "Standardabweichung einer neuen Beobachtung"
task = "die Standardabweichung einer einzelnen neuen Beobachtung in einer neuen Gruppe um das, was das Modell {model} erwartet; {at}jeder hier nicht genannte Prädiktor an seinem Mittelwert über alle Zeilen"
question = "Was ist an einer einzelnen Beobachtung in einer noch nie gesehenen Gruppe unsicher?"
advice = "Unsicher sind das Mittel selbst, die Effekte der neuen Gruppe auf jeder Ebene und die einzelne Beobachtung. Addiere die Varianzen, dann zieh die Wurzel."
[de.mistakes]
of_the_mean = "So sicher ist das Mittel über viele solche Gruppen. Eine einzelne Beobachtung schwankt um dieses Mittel. Wodurch?"
residual_only = "Das Auf und Ab innerhalb einer Gruppe ist darin, aber eine neue Gruppe kann auch dauerhaft über oder unter dem Mittel liegen."
"{each}_left_out" = "Worin sich die Gruppen der Ebene {each} unterscheiden, fehlt darin. Eine neue kann dauerhaft über oder unter dem Mittel liegen."
mean_left_out = "Die Varianzen des Modells sind darin. Dass auch das Mittel nur geschätzt ist, fehlt."
variance = "Das ist eine Varianz. Zieh die Wurzel, damit es in Einheiten von {response} ist."
""",
)
def deviation(fits: Fits, *, model: ModelName, at: Place = {}) -> Answer:  # noqa: B006 - never changed
    """The standard deviation of one new observation in a new group, around what is expected there."""
    fit, row = fits.mixed(model), row_at(fits, model, at)
    (error, found), parts = _spread(fit, row), _level_variances(fit, row)
    mistakes: dict[str, Value] = {
        "of_the_mean": error,
        "residual_only": math.hypot(error, fit.sigma),
        "mean_left_out": math.sqrt(sum(parts.values()) + fit.sigma**2),
        "variance": found**2,
    }
    for level in _outermost(fits.model(model)):
        others = sum(value for name, value in parts.items() if name != level)
        mistakes[f"{fits.setting.slug(level)}_left_out"] = math.sqrt(error**2 + others + fit.sigma**2)
    return Answer(found, mistakes)


def _interval_step(items: Items, *, model: str, at: Place) -> Step | None:
    asked = [items.find(one, model=model, at=at) for one in ("expected", "deviation")]
    return follows(asked, lambda middle, sd: bounds(middle, Z95 * sd) if sd > 0 else None)


@question(
    kind="by_name",
    tolerance=0.002,
    decimals=3,
    carried=0.5,
    step=_interval_step,
    words="""
[en]
title = "Interval for a new observation"
task = "the 95 % interval of one new observation in a new group in the model {model}, a dictionary with \\"low\\" and \\"high\\"; {at}every predictor that is not named here at its mean over all rows"
question = "Of what is this an interval, and how far does it reach to each side?"
advice = "A dictionary with \\"low\\" and \\"high\\": the expectation minus and plus 1.96 standard deviations of one new observation."
[en.mistakes]
of_the_mean = "This is an interval for the average over many such groups. One single observation varies around that average. By what?"
residual_only = "The ups and downs within a group are in it, but a new group may also lie above or below the average for good."
one_deviation = "This reaches one standard deviation to each side. How many does an interval need that holds 95 per cent?"
[de]
title = "Intervall für eine neue Beobachtung"
task = "das 95-%-Intervall einer einzelnen neuen Beobachtung in einer neuen Gruppe im Modell {model}, ein Dictionary mit \\"low\\" und \\"high\\"; {at}jeder hier nicht genannte Prädiktor an seinem Mittelwert über alle Zeilen"
question = "Wovon ist das ein Intervall, und wie weit reicht es nach jeder Seite?"
advice = "Ein Dictionary mit \\"low\\" und \\"high\\": die Erwartung minus und plus 1,96 Standardabweichungen einer einzelnen neuen Beobachtung."
[de.mistakes]
of_the_mean = "Das ist ein Intervall für das Mittel über viele solche Gruppen. Eine einzelne Beobachtung schwankt um dieses Mittel. Wodurch?"
residual_only = "Das Auf und Ab innerhalb einer Gruppe ist darin, aber eine neue Gruppe kann auch dauerhaft über oder unter dem Mittel liegen."
one_deviation = "Das reicht eine Standardabweichung nach jeder Seite. Wie viele braucht ein Intervall, das 95 Prozent enthält?"
""",
)
def prediction_interval(fits: Fits, *, model: ModelName, at: Place = {}) -> Answer:  # noqa: B006 - never changed
    """The 95 % interval of one new observation in a new group."""
    fit, row = fits.mixed(model), row_at(fits, model, at)
    middle, (error, reach) = fixed_part(fit, row), _spread(fit, row)
    return Answer(
        bounds(middle, Z95 * reach),
        {
            "of_the_mean": bounds(middle, Z95 * error),
            "residual_only": bounds(middle, Z95 * math.hypot(error, fit.sigma)),
            "one_deviation": bounds(middle, reach),
        },
    )
