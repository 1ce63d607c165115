"""Questions on what to expect: of a group not seen before, of one that is known, and how sure that is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

import reference as engine
from reference import FittedTerm, MixedFit, MixedModel
from reference.data.columns import Level
from reference.data.formula import RandomTerm, effects
from reference.data.groups import group_names, read_groups
from reference.questions.answers import Answer, Step, Value
from reference.questions.fits import Fits
from reference.questions.question import ModelName, question
from reference.questions.setting import Items, QuestionError

#: A 95 % interval reaches this many standard deviations to each side.
Z95 = 1.96
#: The two groups with the largest mean response must be this share of its standard deviation apart.
SMALLEST_LEAD = 0.02
#: The group with the largest mean response.
BEST = "best"

#: The value of each predictor: a number, or which of the column's; a predictor that is not named is at its mean.
Place = dict[str, float | str]


def _row(fits: Fits, model: str, at: Place) -> pd.DataFrame:
    """Return one row: the predictors where ``at`` says, and every other column of numbers at its mean over all rows."""
    frame, whole = fits.frame, fits.model(model)
    parts = (whole.fixed, *(term.effects for term in whole.terms))
    texts = " ".join(name for part in parts for term in effects(part) for name, how in term if how != "LITERAL")
    used = [str(name) for name in frame if str(name) in set(re.findall(r"[^\W\d]\w*", texts)) or f"`{name}`" in texts]
    for name in at:
        if name not in used:
            raise QuestionError(f"at: the model {model!r} has no predictor {name!r}; it has {', '.join(used)}.")
    return pd.DataFrame({name: [_place(frame[name], name, at.get(name))] for name in used})


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


def _expected(fit: MixedFit, row: pd.DataFrame) -> float:
    return float(engine.predict_population(fit, row)[0])


def _error(fit: MixedFit, row: pd.DataFrame) -> float:
    return float(engine.predict_new_groups(fit, row).standard_error[0])


def _deviation(fit: MixedFit, row: pd.DataFrame) -> float:
    return float(engine.predict_new_groups(fit, row).deviation[0])


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


def _bounds(expected: float, deviation: float, times: float = Z95) -> dict[str, float]:
    return {"low": expected - times * deviation, "high": expected + times * deviation}


@question(
    kind="estimate",
    tolerance=0.02,
    decimals=3,
    no_fit=("mean_of_{response}",),
    solution="prediction({fit}, {at}).expected",
    words="""
[en]
title = "Expected {response} in a new group"
task = "the {response} that the model {model} expects in a group not seen before; predictors: {at}, every other one at its mean over all rows"
question = "Which parts of the model are known for a group that is not there yet?"
advice = "It is the fixed part of the model, with the predictors where the question puts them and every other one at its mean over all rows. No random effect is known for a new group."
[en.mistakes]
"{other}_zero" = "This speaks of {other} at zero: its term is missing. Put in the value that the question names."
"mean_of_{response}" = "This is the plain mean of {response} over all rows. Put the values of the question into the fixed part of the model."
[de]
title = "Erwartung für eine neue Gruppe: {response}"
task = "was das Modell {model} für eine noch nicht gesehene Gruppe erwartet ({response}); Prädiktoren: {at}, alle anderen an ihrem Mittelwert über alle Zeilen"
question = "Welche Teile des Modells sind für eine Gruppe bekannt, die es noch nicht gibt?"
advice = "Es ist der feste Teil des Modells, mit den Prädiktoren dort, wo die Frage sie hinsetzt, und allen anderen an ihrem Mittelwert über alle Zeilen. Für eine neue Gruppe ist kein zufälliger Effekt bekannt."
[de.mistakes]
"{other}_zero" = "Das gilt für {other} bei null: Dieser Term fehlt. Setz den Wert ein, den die Frage nennt."
"mean_of_{response}" = "Das ist der einfache Mittelwert über alle Zeilen ({response}). Setz die Werte der Frage in den festen Teil des Modells ein."
""",
)
def expected(fits: Fits, *, model: ModelName, at: Place = {}) -> Answer:  # noqa: B006 - never changed
    """The fixed part at a place of the predictors: what is expected in a group not seen before."""
    fit, row = fits.mixed(model), _row(fits, model, at)
    response = fits.model(model).response
    mistakes: dict[str, Value] = {f"mean_of_{fits.setting.noun(response)}": float(fits.frame[response].mean())}
    plain = {name for term in effects(fits.model(model).fixed) for name, how in term if how == "LOOKUP"}
    for name, given in at.items():
        if given == "last" and name in plain:
            # A logarithm has no value at zero, so nobody could make the mistake.
            with suppress(engine.DesignError), np.errstate(all="ignore"):
                mistakes[f"{fits.setting.noun(name)}_zero"] = _expected(fit, row.assign(**{name: 0.0}))
    return Answer(_expected(fit, row), mistakes, standard_error=_error(fit, row))


@question(
    kind="statistic",
    tolerance=0.002,
    decimals=3,
    solution="prediction({fit}, {at}).standard_error",
    words="""
[en]
title = "Standard error of that expectation"
task = "the standard error of what the model {model} expects in a new group; predictors: {at}, every other one at its mean over all rows"
question = "How sure are the fixed effects, all of them together?"
advice = "Put the values of the predictors into a row x, the one for the intercept included, and take the covariance matrix V of the fixed effects: the variance is x' V x."
[en.mistakes]
variance = "This is a variance. Take its square root, so that it is in units of {response}."
covariances_left_out = "You added the squared errors of the single coefficients. Their estimates are correlated, the intercept with every slope, so use their whole covariance matrix: x' V x."
"{each}_left_out" = "This comes from a model that does not know {each}. Rows that have something in common then count as if they were independent."
[de]
title = "Standardfehler dieser Erwartung"
task = "der Standardfehler dessen, was das Modell {model} für eine neue Gruppe erwartet; Prädiktoren: {at}, alle anderen an ihrem Mittelwert über alle Zeilen"
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
    fit, row, levels = fits.mixed(model), _row(fits, model, at), fits.levels(model)
    found, x = _error(fit, row), fit.design.encoding.fixed.matrix(row)[0]
    mistakes: dict[str, Value] = {
        "variance": found**2,
        "covariances_left_out": float(np.sqrt(x**2 @ np.diagonal(fit.covariance))),
    }
    for level in _outermost(fits.model(model)):
        others = fits.mixed(fits.only(model, [one for one in levels if one != level]))
        mistakes[f"{fits.setting.slug(level)}_left_out"] = _error(others, row)
    return Answer(found, mistakes)


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    solution="prediction({fit}, {at}).deviation",
    words="""
[en]
title = "Standard deviation of a new observation"
task = "the standard deviation of one new observation in a new group around what the model {model} expects; predictors: {at}, every other one at its mean over all rows"
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
task = "die Standardabweichung einer einzelnen neuen Beobachtung in einer neuen Gruppe um das, was das Modell {model} erwartet; Prädiktoren: {at}, alle anderen an ihrem Mittelwert über alle Zeilen"
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
    fit, row = fits.mixed(model), _row(fits, model, at)
    found, error, parts = _deviation(fit, row), _error(fit, row), _level_variances(fit, row)
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
    inputs = [items.find(one, model=model, at=at) for one in ("expected", "deviation")]

    def interval(expected: float, deviation: float) -> dict[str, float] | None:
        return _bounds(expected, deviation) if deviation > 0 else None

    return Step(tuple(one for one in inputs if one), interval) if all(inputs) else None


@question(
    kind="by_name",
    tolerance=0.002,
    decimals=3,
    carried=0.5,
    step=_interval_step,
    solution="prediction({fit}, {at}).interval",
    words="""
[en]
title = "Interval for a new observation"
task = "the 95 % interval of one new observation in a new group in the model {model}, a dictionary with \\"low\\" and \\"high\\"; predictors: {at}, every other one at its mean over all rows"
question = "Of what is this an interval, and how far does it reach to each side?"
advice = "A dictionary with \\"low\\" and \\"high\\": the expectation minus and plus 1.96 standard deviations of one new observation."
[en.mistakes]
of_the_mean = "This is an interval for the average over many such groups. One single observation varies around that average. By what?"
residual_only = "The ups and downs within a group are in it, but a new group may also lie above or below the average for good."
one_deviation = "This reaches one standard deviation to each side. How many does an interval need that holds 95 per cent?"
[de]
title = "Intervall für eine neue Beobachtung"
task = "das 95-%-Intervall einer einzelnen neuen Beobachtung in einer neuen Gruppe im Modell {model}, ein Dictionary mit \\"low\\" und \\"high\\"; Prädiktoren: {at}, alle anderen an ihrem Mittelwert über alle Zeilen"
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
    fit, row = fits.mixed(model), _row(fits, model, at)
    middle, reach, error = _expected(fit, row), _deviation(fit, row), _error(fit, row)
    return Answer(
        _bounds(middle, reach),
        {
            "of_the_mean": _bounds(middle, error),
            "residual_only": _bounds(middle, math.hypot(error, fit.sigma)),
            "one_deviation": _bounds(middle, reach, 1.0),
        },
    )


@dataclass(frozen=True)
class _Known:
    """The expectation in a known group: the fixed part, the effects of its level and of those it lies in, its mean."""

    fixed: float
    own: float
    upper: Mapping[str, float]
    mean: float
    faults: tuple[str, ...]


def _known(fits: Fits, model: str, at: Place, level: str | None, group: Level) -> _Known:
    fit, row, frame, whole = fits.mixed(model), _row(fits, model, at), fits.frame, fits.model(model)
    level = _level(fits, model, level)
    columns = next(term.group for term in whole.terms if term.group[-1] == level)
    codes, ids = read_groups(frame, columns)
    responses = frame[whole.response].to_numpy(dtype=np.float64)
    means = np.bincount(codes, weights=responses) / np.bincount(codes)
    place = int(means.argmax()) if group == BEST else _position(ids, group, fits.setting.noun(level))
    own, upper = 0.0, dict[str, float]()
    for term, part, model_term in zip(fit.terms, fit.design.encoding.random, whole.terms, strict=True):
        positions, _ = read_groups(frame, model_term.group)
        effect = float(part.matrix(row)[0] @ term.modes[positions[codes == place][0]])
        if model_term.group[-1] == level:
            own += effect
        elif len(set(zip(codes.tolist(), positions.tolist(), strict=True))) == len(ids):
            # Every group lies in one of that level, so that its effect is known; of a crossed factor none is.
            upper[model_term.group[-1]] = upper.get(model_term.group[-1], 0.0) + effect
    first, second = np.sort(means)[:-3:-1]
    close = group == BEST and first - second < SMALLEST_LEAD * float(np.std(responses))
    called = f"the two {fits.setting.plural(level)} with the largest mean are only {first - second:.3f} apart"
    return _Known(_expected(fit, row), own, upper, float(means[place]), (called,) if close else ())


def _level(fits: Fits, model: str, level: str | None) -> str:
    """Return the level of the groups that are asked for: the one with the most groups if it is not said."""
    levels = fits.levels(model)
    if level is None:
        sizes = {one.group[-1]: len(term.levels) for term, one in _terms(fits.mixed(model))}
        return max(levels, key=lambda name: sizes[name])
    if level not in levels:
        raise QuestionError(f"the model {model!r} has no level {level!r}; it has {', '.join(levels)}.")
    return level


def _terms(fit: MixedFit) -> zip[tuple[FittedTerm, RandomTerm]]:
    return zip(fit.terms, fit.model.terms, strict=True)


def _position(ids: Sequence[Any], group: Level, noun: str) -> int:
    """Return where a group is by its name, or by its own id where groups lie within others."""
    found = [
        place
        for place, (one, name) in enumerate(zip(ids, group_names(tuple(ids)), strict=True))
        if group in (name, one[-1] if isinstance(one, tuple) else one)
    ]
    if len(found) != 1:
        raise QuestionError(f"group = {group!r} names {len(found)} groups ({noun}); give {BEST!r}, or the id of one.")
    return found[0]


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    no_fit=("mean_of_{group}",),
    solution="known({fit}, {at})",
    words="""
[en]
title = "Expected {response} in a known group"
task = "the {response} that the model {model} expects in the known group that the question names; predictors: {at}, every other one at its mean over all rows"
question = "Which random effects have been estimated for this group?"
advice = "If none is named, take the group with the highest mean of {response}. Then the fixed part at the values of the question, plus the random effects of this group on every level that it belongs to."
[en.mistakes]
marginal = "This is the prediction for an average group. We know more here. Which random effects have been estimated for this one?"
"{one}_only" = "The effect of the {one} is in it, but the own effect of the group within it is not."
"{each}_left_out" = "The own effect of the group is in it, but not that of what it lies in: {each}."
"mean_of_{one}" = "This is the group's own mean of {response}. It takes its luck in a few {rows} at face value, and other predictors than those of the question. Use the fixed part and the random effects of the model."
[de]
title = "Erwartung für eine bekannte Gruppe: {response}"
task = "was das Modell {model} für die bekannte Gruppe der Frage erwartet ({response}); Prädiktoren: {at}, alle anderen an ihrem Mittelwert über alle Zeilen"
question = "Welche zufälligen Effekte sind für diese Gruppe geschätzt?"
advice = "Ist keine genannt, nimm die Gruppe mit dem höchsten Mittelwert ({response}). Dann der feste Teil an den Werten der Frage, plus die zufälligen Effekte dieser Gruppe auf jeder Ebene, zu der sie gehört."
[de.mistakes]
marginal = "Das ist die Vorhersage für eine mittlere Gruppe. Hier wissen wir mehr. Welche zufälligen Effekte sind für diese geschätzt?"
"{one}_only" = "Der Effekt der Ebene {one} ist darin, aber nicht der eigene Effekt der Gruppe."
"{each}_left_out" = "Der eigene Effekt der Gruppe ist darin, aber nicht der Effekt dessen, worin sie liegt: {each}."
"mean_of_{one}" = "Das ist der eigene Mittelwert der Gruppe ({response}). Er nimmt ihr Glück in wenigen Zeilen ({rows}) für bare Münze, und andere Prädiktoren als die der Frage. Nimm den festen Teil und die zufälligen Effekte des Modells."
""",
)
def expected_known(
    fits: Fits,
    *,
    model: ModelName,
    at: Place = {},  # noqa: B006 - never changed
    level: str | None = None,
    group: int | str = BEST,
) -> Answer:
    """The expectation in a known group of a level: the one with the highest mean response, or one by its id."""
    known, noun, slug = _known(fits, model, at, level, group), fits.setting.noun, fits.setting.slug
    found = known.fixed + sum(known.upper.values()) + known.own
    mistakes: dict[str, Value] = {
        "marginal": known.fixed,
        f"mean_of_{noun(_level(fits, model, level))}": known.mean,
        **{f"{noun(one)}_only": known.fixed + effect for one, effect in known.upper.items()},
        **{f"{slug(one)}_left_out": found - effect for one, effect in known.upper.items()},
    }
    return Answer(found, mistakes, faults=known.faults)


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    solution="known_upper({fit}, {at})",
    words="""
[en]
title = "Expected {response} in a new group beside a known one"
task = "the {response} that the model {model} expects in a new group that lies in the same larger group as the known one of the question; predictors: {at}, every other one at its mean over all rows"
question = "Which random effects would a new group share with the known one?"
advice = "The fixed part at the values of the question, and those random effects that a new group would share. Which are they?"
[en.mistakes]
marginal = "This is the prediction for an average group. We know more here. Which random effects have been estimated for the larger group that it lies in?"
"of_the_{one}" = "This is the prediction for the group that is there already. A new one shares what it lies in, and not its own effect."
[de]
title = "Erwartung für eine neue Gruppe neben einer bekannten: {response}"
task = "was das Modell {model} für eine neue Gruppe in derselben größeren Gruppe wie die bekannte der Frage erwartet ({response}); Prädiktoren: {at}, alle anderen an ihrem Mittelwert über alle Zeilen"
question = "Welche zufälligen Effekte hätte eine neue Gruppe mit der bekannten gemeinsam?"
advice = "Der feste Teil an den Werten der Frage und die zufälligen Effekte, die eine neue Gruppe teilen würde. Welche sind das?"
[de.mistakes]
marginal = "Das ist die Vorhersage für eine mittlere Gruppe. Hier wissen wir mehr. Welche zufälligen Effekte sind für die größere Gruppe geschätzt, in der sie liegt?"
"of_the_{one}" = "Das ist die Vorhersage für die Gruppe, die es schon gibt. Eine neue teilt das, worin sie liegt, und nicht deren eigenen Effekt."
""",
)
def expected_in_upper(
    fits: Fits,
    *,
    model: ModelName,
    at: Place = {},  # noqa: B006 - never changed
    level: str | None = None,
    group: int | str = BEST,
) -> Answer:
    """The expectation in a new group that lies where a known one does: the effects of the levels above it, not its own."""
    known, name = _known(fits, model, at, level, group), _level(fits, model, level)
    if not known.upper:
        raise QuestionError(
            f"in the model {model!r} {fits.setting.plural(name)} lie in no other groups; ask 'expected'."
        )
    found = known.fixed + sum(known.upper.values())
    return Answer(
        found, {"marginal": known.fixed, f"of_the_{fits.setting.noun(name)}": found + known.own}, faults=known.faults
    )
