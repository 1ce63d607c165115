"""Questions on coefficients: slopes and intercepts, within and between groups, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from pandas.api.types import is_numeric_dtype

import reference as engine
from reference import MixedFit, MixedModel
from reference.arrays import Floats
from reference.data.formula import INTERCEPT, effects
from reference.inference.intervals import normal_quantile
from reference.questions.answers import Answer, Step, Value
from reference.questions.expressions import evaluate, names_in
from reference.questions.fits import GRAND, Fits
from reference.questions.likelihoods import rescaled
from reference.questions.question import ItemName, ModelName, question
from reference.questions.setting import Asked, Items, QuestionError

#: A slope between groups that is smaller than this share of the one within them is zero when it is rounded.
SMALLEST_BETWEEN = 0.15
#: Standard errors from zero that a sign needs.
_CLEAR = 2.0
_LARGEST_CORRELATION = 0.999
#: In standard errors, two coefficients that are one and the same.
_SAME = 1e-3


def _coefficient(fit: MixedFit, term: str) -> float:
    if term not in fit.fixed_effects:
        raise QuestionError(
            f"the model {fit.model.name!r} has no coefficient {term!r}; it has {', '.join(fit.fixed_effects)}."
        )
    return fit.fixed_effects[term]


def _levels_alone(model: MixedModel) -> MixedModel:
    """Return a model in which the levels of its groups vary, and nothing else."""
    terms = tuple(dict.fromkeys(replace(term, effects="1") for term in model.terms))
    return replace(model, terms=terms, name=f"{model.name}, random intercepts")


def _predictors(model: MixedModel) -> list[str]:
    """Return the columns in the fixed part of a model that stand there as they are."""
    columns = (name for term in effects(model.fixed) for name, how in term if how == "LOOKUP")
    return list(dict.fromkeys(columns))


def _in_other_units(
    fits: Fits, model: str, *terms: str, centre: tuple[str, ...] = (), at: str = GRAND
) -> dict[str, tuple[float, ...]]:
    """Return coefficients of a fit with divided predictors, by the name of that mistake."""
    divided = rescaled(fits, model)
    if divided is None:
        return {}
    called, others = divided
    fit = others.mixed(model, centre=centre, at=at)
    return {f"per_{called}": tuple(_coefficient(fit, term) for term in terms)}


def _not_centred(fits: Fits, model: str, term: str, centre: tuple[str, ...], at: str) -> dict[str, Value]:
    """Return a coefficient from the raw columns, and from columns centred at other means, where it changes."""
    name, other = ("group_mean", fits.levels(model)[-1]) if at == GRAND else ("grand_mean", GRAND)
    raw, moved = fits.mixed(model), fits.centred_fit(model, centre, other)
    found: dict[str, Value] = {name: _coefficient(moved, term)} if moved else {}
    # Most slopes are the same from raw columns and from grand means, but for rounding.
    least = _SAME * engine.standard_errors(raw)[term]
    if abs(_coefficient(raw, term) - _coefficient(fits.mixed(model, centre=centre), term)) > least:
        found["uncentred"] = _coefficient(raw, term)
    return found


def _of_intercept(fits: Fits, model: str, centre: tuple[str, ...], at: str, intercept: float) -> dict[str, Value]:
    """Return what the intercept of a centred model is taken for."""
    whole, noun = fits.model(model), fits.setting.noun
    mean = float(fits.frame[whole.response].mean())
    found: dict[str, Value] = {
        # The response less a constant moves the intercept by that constant, and nothing else.
        f"{noun(whole.response)}_centred": intercept - mean,
        f"mean_of_{noun(whole.response)}": mean,
    }
    for other in _predictors(whole):
        if other in centre or not is_numeric_dtype(fits.frame[other]):
            continue
        if fit := fits.centred_fit(model, (*centre, other), at):
            found[f"{noun(other)}_centred_too"] = _coefficient(fit, INTERCEPT)
    return found


@question(
    kind="estimate",
    tolerance=0.02,
    decimals=4,
    solution="coefficient({fit}, {term!r})",
    words="""
[en]
title = "Coefficient of {term}"
task = "the coefficient of {term} in the model {model}, by REML, per one unit"
question = "Which model is it from, by which method, and in which unit?"
advice = "Is it from the model {model}, fitted by REML, with the columns centred that the question names and no others? Then ask whether the fit has arrived: try more than one optimiser, and keep the highest log-likelihood."
[en.mistakes]
ols = "This is from the pooled regression, which takes every row as independent. Take it from the mixed model {model}."
random_intercept_model = "This is from a model with random intercepts only. If your model has a random slope, its search stopped close to where it began: try other units and optimisers, and compare their log-likelihoods."
per_hundred = "The digits are right and the unit is not: a predictor was counted in hundreds. If you rescaled it for the optimiser, scale its slope back."
per_several = "The digits are right and the unit is not: a predictor was counted in other units. If you rescaled it for the optimiser, scale its slope back."
standardised = "This is the slope per standard deviation of {term}: here the column was also divided by its standard deviation. Centring subtracts the mean and leaves the unit."
uncentred = "This is from the fit to the raw columns. Is the fit you took it from the one with centred columns?"
group_mean = "This is from columns centred within each group. That is another model: it compares a group with itself and drops the differences between groups. Subtract one mean for each column, over all rows."
grand_mean = "This is from columns centred at one mean over all rows. Subtract from each row the mean of its own group."
"{other}_centred_too" = "Here {other} was centred as well. Centre the columns that the question names, and no others."
"{response}_centred" = "Here {response} was centred too, so the intercept became a difference from its mean. Centre predictors only."
"mean_of_{response}" = "This is the plain mean of {response}. The intercept may be close to it, but it speaks of the zero points of all predictors; read it off the fit."
[de]
title = "Koeffizient von {term}"
task = "der Koeffizient von {term} im Modell {model}, mit REML, je Einheit"
question = "Aus welchem Modell kommt er, mit welchem Verfahren, und in welcher Einheit?"
advice = "Kommt er aus dem Modell {model}, mit REML geschätzt, mit genau den zentrierten Spalten, die die Frage nennt? Dann frag, ob die Schätzung angekommen ist: Nimm mehr als einen Optimierer und behalte die höchste Log-Likelihood."
[de.mistakes]
ols = "Das kommt aus der gepoolten Regression. Sie hält alle Zeilen für unabhängig; nimm das gemischte Modell {model}."
random_intercept_model = "Das kommt aus einem Modell, das nur zufällige Achsenabschnitte hat. Wenn dein Modell eine zufällige Steigung hat, hielt seine Suche nahe am Anfang an: Nimm andere Einheiten und Optimierer und vergleiche ihre Log-Likelihoods."
per_hundred = "Die Ziffern stimmen, die Einheit nicht: Ein Prädiktor wurde in Hundertern gezählt. Wenn du ihn für den Optimierer umskaliert hast, rechne seine Steigung zurück."
per_several = "Die Ziffern stimmen, die Einheit nicht: Ein Prädiktor wurde in anderen Einheiten gezählt. Wenn du ihn für den Optimierer umskaliert hast, rechne seine Steigung zurück."
standardised = "Das ist die Steigung je Standardabweichung von {term}: Hier wurde die Spalte auch durch ihre Standardabweichung geteilt. Zentrieren zieht den Mittelwert ab und lässt die Einheit."
uncentred = "Das stammt aus der Schätzung mit den Spalten, wie sie sind. Ist die Schätzung, aus der du es hast, die mit den zentrierten Spalten?"
group_mean = "Das kommt von Spalten, die innerhalb jeder Gruppe zentriert sind. Das ist ein anderes Modell: Es vergleicht eine Gruppe mit sich selbst und lässt die Unterschiede zwischen Gruppen weg. Zieh je Spalte einen einzigen Mittelwert ab, den über alle Zeilen."
grand_mean = "Das kommt von Spalten, die an einem einzigen Mittelwert über alle Zeilen zentriert sind. Zieh von jeder Zeile den Mittelwert ihrer eigenen Gruppe ab."
"{other}_centred_too" = "Hier wurde auch {other} zentriert. Zentriere die Spalten, die die Frage nennt, und keine anderen."
"{response}_centred" = "Hier wurde auch {response} zentriert, der Achsenabschnitt ist dadurch ein Abstand vom Mittelwert. Zentriere nur Prädiktoren."
"mean_of_{response}" = "Das ist der einfache Mittelwert von {response}. Der Achsenabschnitt kann nahe dabei liegen, spricht aber von den Nullpunkten aller Prädiktoren; lies ihn aus der Schätzung ab."
""",
)
def coefficient(fits: Fits, *, model: ModelName, term: str, centre: tuple[str, ...] = (), at: str = GRAND) -> Answer:
    """A coefficient of the fixed part of a model (``term = "Intercept"`` for the intercept), by REML."""
    fit = fits.mixed(model, centre=centre, at=at)
    found = _coefficient(fit, term)
    mistakes: dict[str, Value] = {}
    if centre:
        mistakes |= _not_centred(fits, model, term, centre, at)
    if term == INTERCEPT:
        if centre:
            mistakes |= _of_intercept(fits, model, centre, at, found)
    else:
        frame = fits.centred(centre, at)
        mistakes["ols"] = engine.fit_ols(frame, fits.model(model)).coefficients[term]
        for name, (value,) in _in_other_units(fits, model, term, centre=centre, at=at).items():
            mistakes[name] = value
        if term in centre:
            mistakes["standardised"] = found * float(frame[term].std(ddof=1))
        elif any(term in one.effects for one in fit.terms):
            mistakes["random_intercept_model"] = _coefficient(fits.mixed(_levels_alone(fits.model(model))), term)
    return Answer(found, mistakes, standard_error=engine.standard_errors(fit)[term])


def _raw(fits: Fits, model: str, within: str, between: str, blend: str, level: str) -> str:
    """Return the column that a model splits, as another model holds it.

    Raises
    ------
    QuestionError
        If the two models do not differ in just that, or the means differ within a group of the level.
    """
    for name in (level, within, between):
        if name not in fits.frame:
            raise QuestionError(f"there is no column {name!r}; there is {', '.join(map(str, fits.frame))}.")
    if fits.frame.groupby(level)[between].nunique().max() > 1:
        raise QuestionError(f"{between!r} differs within groups of {level!r}; name the column whose means it holds.")
    split = _predictors(fits.model(model))
    raw = [name for name in _predictors(fits.model(blend)) if name not in split]
    if len(raw) != 1:
        raise QuestionError(
            f"blend = {blend!r} must hold one column in place of {within!r} and {between!r} of {model!r}; "
            f"it holds {', '.join(raw) or 'none'}."
        )
    return raw[0]


@question(
    kind="estimate",
    tolerance=0.02,
    decimals=5,
    solution="coefficient({fit}, {within!r})",
    words="""
[en]
title = "Slope within {groups}"
task = "the coefficient of {within} in the model {model}, next to {between}, by REML, per one unit"
question = "Which of the two coefficients compares a {group} with itself?"
advice = "It is the coefficient of the deviations from the mean of a {group}, per one unit, with that mean in the model as well, by REML. Has the fit arrived?"
[en.mistakes]
blend = "This is the slope of the model with the predictor as it is. It mixes what happens within {groups} with how {groups} differ. Split the predictor into the mean and the deviation from it, and put both into the model."
between = "This is the slope between {groups}. What happens when one and the same {group} changes is the coefficient of the deviations from its mean."
ols = "This is the slope of the pooled regression, which takes every row as independent."
per_hundred = "The digits are right and the unit is not: the predictor was counted in hundreds. If you rescaled it for the optimiser, scale back."
per_several = "The digits are right and the unit is not: the predictor was counted in other units. If you rescaled it for the optimiser, scale back."
[de]
title = "Steigung innerhalb der Gruppen ({groups})"
task = "der Koeffizient von {within} im Modell {model}, neben {between}, mit REML, je Einheit"
question = "Welcher der beiden Koeffizienten vergleicht eine Gruppe mit sich selbst?"
advice = "Es ist der Koeffizient der Abweichungen vom Mittelwert der Gruppe, je Einheit, wobei auch dieser Mittelwert im Modell steht, mit REML. Ist die Schätzung angekommen?"
[de.mistakes]
blend = "Das ist die Steigung des Modells mit dem Prädiktor, wie er ist. Sie mischt, was innerhalb der Gruppen geschieht, mit dem, worin sich die Gruppen unterscheiden. Zerleg den Prädiktor in Mittelwert und Abweichung davon und nimm beide ins Modell."
between = "Das ist die Steigung zwischen den Gruppen. Was geschieht, wenn sich ein und dieselbe Gruppe ändert, sagt der Koeffizient der Abweichungen von ihrem Mittelwert."
ols = "Das ist die Steigung der gepoolten Regression. Sie hält alle Zeilen für unabhängig."
per_hundred = "Die Ziffern stimmen, die Einheit nicht: Der Prädiktor wurde in Hundertern gezählt. Wenn du ihn für den Optimierer umskaliert hast, rechne zurück."
per_several = "Die Ziffern stimmen, die Einheit nicht: Der Prädiktor wurde in anderen Einheiten gezählt. Wenn du ihn für den Optimierer umskaliert hast, rechne zurück."
""",
)
def within_slope(fits: Fits, *, model: ModelName, within: str, between: str, blend: ModelName, level: str) -> Answer:
    """The coefficient of deviations (``within``) from the means (``between``) of the groups of a level.

    ``blend`` is the model that holds the column as it is, which is the sum of the two.
    """
    fit, raw = fits.mixed(model), _raw(fits, model, within, between, blend, level)
    mistakes: dict[str, Value] = {
        "blend": _coefficient(fits.mixed(blend), raw),
        "between": _coefficient(fit, between),
        # Of the column as it is: what a learner has who neither splits it nor knows groups.
        "ols": fits.ols(blend).coefficients[raw],
    }
    mistakes |= {name: value for name, (value,) in _in_other_units(fits, model, within).items()}
    return Answer(_coefficient(fit, within), mistakes, standard_error=engine.standard_errors(fit)[within])


@question(
    kind="estimate",
    tolerance=0.02,
    decimals=5,
    solution="coefficient({fit}, {between!r})",
    words="""
[en]
title = "Slope between {groups}"
task = "the coefficient of {between} in the model {model}, next to {within}, by REML, per one unit"
question = "Which of the two coefficients compares different {groups}?"
advice = "It is the coefficient of the means, per one unit, next to the deviations from them, by REML. Is every level in the model, and has the fit arrived?"
[en.mistakes]
blend = "This is the slope of the model with the predictor as it is. It mixes what happens within {groups} with how {groups} differ. Split the predictor into the mean and the deviation from it, and put both into the model."
within = "This is the slope within {groups}. How {groups} with different means differ is the coefficient of these means."
contextual = "This is the coefficient of the means in a model that holds the predictor as it is, not its deviations. It is the difference between the two slopes."
per_hundred = "The digits are right and the unit is not: the predictor was counted in hundreds. If you rescaled it for the optimiser, scale back."
per_several = "The digits are right and the unit is not: the predictor was counted in other units. If you rescaled it for the optimiser, scale back."
[de]
title = "Steigung zwischen den Gruppen ({groups})"
task = "der Koeffizient von {between} im Modell {model}, neben {within}, mit REML, je Einheit"
question = "Welcher der beiden Koeffizienten vergleicht verschiedene Gruppen?"
advice = "Es ist der Koeffizient der Mittelwerte, je Einheit, neben den Abweichungen davon, mit REML. Stehen alle Ebenen im Modell, und ist die Schätzung angekommen?"
[de.mistakes]
blend = "Das ist die Steigung des Modells mit dem Prädiktor, wie er ist. Sie mischt, was innerhalb der Gruppen geschieht, mit dem, worin sich die Gruppen unterscheiden. Zerleg den Prädiktor in Mittelwert und Abweichung davon und nimm beide ins Modell."
within = "Das ist die Steigung innerhalb der Gruppen. Worin sich Gruppen mit verschiedenen Mittelwerten unterscheiden, sagt der Koeffizient dieser Mittelwerte."
contextual = "Das ist der Koeffizient der Mittelwerte in einem Modell, das den Prädiktor enthält, wie er ist, und nicht seine Abweichungen. Er ist die Differenz der beiden Steigungen."
per_hundred = "Die Ziffern stimmen, die Einheit nicht: Der Prädiktor wurde in Hundertern gezählt. Wenn du ihn für den Optimierer umskaliert hast, rechne zurück."
per_several = "Die Ziffern stimmen, die Einheit nicht: Der Prädiktor wurde in anderen Einheiten gezählt. Wenn du ihn für den Optimierer umskaliert hast, rechne zurück."
""",
)
def between_slope(fits: Fits, *, model: ModelName, within: str, between: str, blend: ModelName, level: str) -> Answer:
    """The coefficient of the means (``between``) next to the deviations from them: see :func:`within_slope`."""
    fit = fits.mixed(model)
    found, inside = _coefficient(fit, between), _coefficient(fit, within)
    mistakes: dict[str, Value] = {
        "blend": _coefficient(fits.mixed(blend), _raw(fits, model, within, between, blend, level)),
        "within": inside,
        # The coefficient of the means next to the raw column is the difference of the two slopes exactly.
        "contextual": found - inside,
    }
    mistakes |= {name: value for name, (value,) in _in_other_units(fits, model, between).items()}
    return Answer(found, mistakes, standard_error=engine.standard_errors(fit)[between])


def _contextual_step(items: Items, *, within: str, between: str) -> Step:
    return Step((between, within), lambda outside, inside: outside - inside if outside != inside else None)


@question(
    kind="estimate",
    tolerance=0.02,
    decimals=5,
    carried=0.5,
    step=_contextual_step,
    words="""
[en]
title = "Contextual effect"
task = "the contextual effect: {between} minus {within}"
question = "By what do two groups differ beyond what the slope within them promises?"
advice = "It is the difference of the two slopes, before any rounding: between groups minus within them."
[en.mistakes]
sign = "The sign is turned round: it is the slope between groups minus the slope within them."
between = "This is the slope between groups. What is left of it when the slope within groups is taken off?"
against_blend = "You took off the slope of the model with the predictor as it is, which is a mixture already. Take off the slope within groups."
per_hundred = "The digits are right and the unit is not: the predictor was counted in hundreds. If you rescaled it for the optimiser, scale back."
per_several = "The digits are right and the unit is not: the predictor was counted in other units. If you rescaled it for the optimiser, scale back."
[de]
title = "Kontexteffekt"
task = "der Kontexteffekt: {between} minus {within}"
question = "Worin unterscheiden sich zwei Gruppen über das hinaus, was die Steigung innerhalb der Gruppen verspricht?"
advice = "Es ist die Differenz der beiden Steigungen, bevor etwas gerundet wird: zwischen den Gruppen minus innerhalb der Gruppen."
[de.mistakes]
sign = "Das Vorzeichen ist umgekehrt: Es ist die Steigung zwischen den Gruppen minus die innerhalb der Gruppen."
between = "Das ist die Steigung zwischen den Gruppen. Was bleibt davon, wenn man die Steigung innerhalb der Gruppen abzieht?"
against_blend = "Du hast die Steigung des Modells mit dem Prädiktor, wie er ist, abgezogen, und die ist schon eine Mischung. Zieh die Steigung innerhalb der Gruppen ab."
per_hundred = "Die Ziffern stimmen, die Einheit nicht: Der Prädiktor wurde in Hundertern gezählt. Wenn du ihn für den Optimierer umskaliert hast, rechne zurück."
per_several = "Die Ziffern stimmen, die Einheit nicht: Der Prädiktor wurde in anderen Einheiten gezählt. Wenn du ihn für den Optimierer umskaliert hast, rechne zurück."
""",
)
def contextual(fits: Fits, *, within: ItemName, between: ItemName) -> Answer:
    """The slope between groups less the slope within them, which two other items ask for."""
    inside, outside = fits.items[within], fits.items[between]
    if (inside.question, outside.question) != ("within_slope", "between_slope"):
        raise QuestionError(f"within = {within!r} must ask within_slope, and between = {between!r} between_slope.")
    if dict(inside.parameters) != dict(outside.parameters):
        raise QuestionError(f"{within!r} and {between!r} must be asked with the same keys.")
    model, blend, own, of_means = (str(inside.parameters[key]) for key in ("model", "blend", "within", "between"))
    fit, raw = fits.mixed(model), _raw(fits, model, own, of_means, blend, str(inside.parameters["level"]))
    low, high = _coefficient(fit, own), _coefficient(fit, of_means)
    mistakes: dict[str, Value] = {
        "sign": low - high,
        "between": high,
        "against_blend": high - _coefficient(fits.mixed(blend), raw),
    }
    mistakes |= {name: many - few for name, (few, many) in _in_other_units(fits, model, own, of_means).items()}
    contrast = np.array([{of_means: 1.0, own: -1.0}.get(name, 0.0) for name in fit.design.fixed_names])
    small = abs(high) < SMALLEST_BETWEEN * abs(low)
    faults = (f"the slope between groups is only {high / low:.2f} of that within them",) if small else ()
    return Answer(
        high - low, mistakes, standard_error=float(np.sqrt(contrast @ fit.covariance @ contrast)), faults=faults
    )


def _number(fits: Fits, item: str) -> tuple[float, Answer]:
    answer = fits.answer(item)
    if not isinstance(answer.value, int | float):
        raise QuestionError(f"{item!r} is no number; name an item that is one.")
    return float(answer.value), answer


def _direction_step(items: Items, *, of: str, options: tuple[str, str]) -> Step:
    more, less = options
    return Step((of,), lambda effect: None if effect == 0 else more if effect > 0 else less)


@question(
    kind="choice",
    carried=0.5,
    step=_direction_step,
    words="""
[en]
title = "Direction"
task = "the direction of {of}: {options}"
question = "On which side of zero is {of}, and what does that say?"
advice = "Say one of: {options}. What would a positive number mean here, and what a negative one?"
[de]
title = "Richtung"
task = "die Richtung von {of}: {options}"
question = "Auf welcher Seite der Null liegt {of}, und was sagt das?"
advice = "Antworte mit einem von: {options}. Was hieße hier eine positive Zahl, was eine negative?"
""",
)
def direction(fits: Fits, *, of: ItemName, options: tuple[str, str] = ("more", "less")) -> Answer:
    """The first option if another answer is positive, the second if it is negative."""
    value, answer = _number(fits, of)
    error = answer.standard_error
    unclear = value == 0 or (error is not None and abs(value) < _CLEAR * error)
    faults = (f"the sign of {of} is not clear: {value:.3g}, standard error {error or 0.0:.3g}",) if unclear else ()
    return Answer(options[0] if value > 0 else options[1], faults=faults)


@question(
    kind="by_name",
    tolerance=0.002,
    decimals=4,
    solution="interval({fit}, {term!r}, {confidence})",
    words="""
[en]
title = "Interval for the coefficient of {term}"
task = "low and high of the normal interval with confidence {confidence} for the coefficient of {term} in the model {model}, by REML"
question = "How far does the interval reach to each side, and in multiples of what?"
advice = "It is the estimate minus and plus a number of its standard errors, as the normal distribution says for the confidence {confidence}. Are both from the model {model}, fitted by REML?"
[en.mistakes]
one_error = "This reaches one standard error to each side. How many does an interval with confidence {confidence} need?"
one_sided = "This leaves the whole risk on each side. How much of it belongs to one side, if both are to share it?"
maximum_likelihood = "This comes from a maximum likelihood fit. REML is asked for."
ols = "This is from the pooled regression, which takes every row as independent and misjudges the standard error."
per_hundred = "The digits are right and the unit is not: a predictor was counted in hundreds. If you rescaled it for the optimiser, scale back."
per_several = "The digits are right and the unit is not: a predictor was counted in other units. If you rescaled it for the optimiser, scale back."
[de]
title = "Intervall für den Koeffizienten von {term}"
task = "low und high des Normalverteilungsintervalls zum Niveau {confidence} für den Koeffizienten von {term} im Modell {model}, mit REML"
question = "Wie weit reicht das Intervall auf jeder Seite, und in Vielfachen wovon?"
advice = "Es ist die Schätzung minus und plus eine Zahl ihrer Standardfehler, wie die Normalverteilung sie zum Niveau {confidence} angibt. Sind beide aus dem Modell {model}, mit REML geschätzt?"
[de.mistakes]
one_error = "Das reicht einen Standardfehler auf jede Seite. Wie viele braucht ein Intervall zum Niveau {confidence}?"
one_sided = "Hier liegt das ganze Risiko auf jeder der Seiten. Wie viel davon gehört auf eine Seite, wenn beide es sich teilen?"
maximum_likelihood = "Das stammt aus einer Maximum-Likelihood-Schätzung. Gefragt ist nach REML."
ols = "Das kommt aus der gepoolten Regression. Sie hält alle Zeilen für unabhängig und trifft deshalb den Standardfehler nicht."
per_hundred = "Die Ziffern stimmen, die Einheit nicht: Ein Prädiktor wurde in Hundertern gezählt. Wenn du ihn für den Optimierer umskaliert hast, rechne zurück."
per_several = "Die Ziffern stimmen, die Einheit nicht: Ein Prädiktor wurde in anderen Einheiten gezählt. Wenn du ihn für den Optimierer umskaliert hast, rechne zurück."
""",
)
def interval(fits: Fits, *, model: ModelName, term: str, confidence: float = 0.95) -> Answer:
    """The normal interval of a coefficient by REML, as ``low`` and ``high``."""
    if not 0.5 < confidence < 1.0:
        raise QuestionError(f"confidence = {confidence:g} must lie between 0.5 and 1.")
    z = normal_quantile(confidence)

    def around(fit: MixedFit, times: float) -> dict[str, float]:
        return _bounds(_coefficient(fit, term), times * engine.standard_errors(fit)[term])

    fit, pooled = fits.mixed(model), fits.ols(model)
    mistakes: dict[str, Value] = {
        "one_error": around(fit, 1.0),
        "one_sided": around(fit, normal_quantile(2.0 * confidence - 1.0)),
        "maximum_likelihood": around(fits.mixed(model, reml=False), z),
        "ols": _bounds(pooled.coefficients[term], z * pooled.standard_errors[term]),
    }
    if divided := rescaled(fits, model):
        called, others = divided
        mistakes[f"per_{called}"] = around(others.mixed(model), z)
    return Answer(around(fit, z), mistakes)


def _bounds(middle: float, reach: float) -> dict[str, float]:
    return {"low": middle - reach, "high": middle + reach}


@question(
    kind="proportion",
    tolerance=0.0008,
    decimals=4,
    solution="r_squared({fit}, {which!r})",
    words="""
[en]
title = "R-squared, {which}"
task = "the {which} R-squared of the model {model}, by REML"
question = "Which parts of the variance are above the line, and what is the whole?"
advice = "The whole is the variance of the fixed part, of the random effects and of the residual together. Marginal: what the fixed part explains. Conditional: what it explains together with the random effects."
[en.mistakes]
marginal = "This is the marginal R-squared: what the fixed part explains alone. Which effects belong above the line as well?"
conditional = "This is the conditional R-squared: the random effects are above the line too. Which part explains without knowing the group?"
icc = "This is the share of the random effects in what the predictors leave unexplained. What the predictors explain belongs into the whole."
ols_r_squared = "This is the R-squared of the pooled regression, which does not know groups."
residual_reduction = "This is by how much the predictors lower the residual variance. The question is about shares of the whole variance."
[de]
title = "R², {which}"
task = "das R² ({which}) des Modells {model}, mit REML"
question = "Welche Teile der Varianz stehen über dem Bruchstrich, und was ist das Ganze?"
advice = "Das Ganze ist die Varianz des festen Teils, der zufälligen Effekte und der Residuen zusammen. Marginal: was der feste Teil erklärt. Conditional: was er zusammen mit den zufälligen Effekten erklärt."
[de.mistakes]
marginal = "Das ist das marginale R²: was der feste Teil allein erklärt. Welche Effekte gehören auch über den Bruchstrich?"
conditional = "Das ist das konditionale R²: Auch die zufälligen Effekte stehen über dem Bruchstrich. Welcher Teil erklärt etwas, ohne die Gruppe zu kennen?"
icc = "Das ist der Anteil der zufälligen Effekte an dem, was die Prädiktoren unerklärt lassen. Was die Prädiktoren erklären, gehört zum Ganzen."
ols_r_squared = "Das ist das R² der gepoolten Regression, die keine Gruppen kennt."
residual_reduction = "So stark senken die Prädiktoren die Residualvarianz. Gefragt ist nach Anteilen an der ganzen Varianz."
""",
)
def r_squared(fits: Fits, *, model: ModelName, which: Literal["marginal", "conditional"] = "marginal") -> Answer:
    """The share of the variance that the fixed part explains, alone or together with the random effects."""
    fit = fits.mixed(model)
    shares = engine.variance_shares(fit)
    both = {"marginal": shares.r2_marginal, "conditional": shares.r2_conditional}
    mistakes: dict[str, Value] = {
        **{name: value for name, value in both.items() if name != which},
        "icc": shares.icc_adjusted,
        "ols_r_squared": fits.ols(model).r_squared,
        "residual_reduction": 1.0 - fit.sigma**2 / fits.mixed(fits.null(model)).sigma ** 2,
    }
    return Answer(both[which], mistakes)


def _correlated(fits: Fits, fit: MixedFit, level: str, pair: tuple[str, str]) -> tuple[Floats, float]:
    """Return the covariance matrix of two effects of a level, and their correlation; nan where one does not vary."""
    term = fits.term(fit, level, pair[0])
    if pair[1] not in term.effects:
        raise QuestionError(f"{pair[0]!r} and {pair[1]!r} do not vary in one random term of {level!r}.")
    places = [term.effects.index(one) for one in pair]
    covariance = term.covariance[np.ix_(places, places)]
    product = math.sqrt(covariance[0, 0] * covariance[1, 1])
    return covariance, float(np.clip(covariance[0, 1] / product, -1.0, 1.0)) if product > 0 else math.nan


@question(
    kind="correlation",
    tolerance=0.002,
    decimals=3,
    solution="effects_correlation({fit}, {level!r}, {effects!r})",
    words="""
[en]
title = "Correlation of effects between {groups}"
task = "the correlation between {groups} of these random effects: {effects}, in the model {model}, by REML"
question = "Which entry of the covariance matrix is it, and what is it divided by?"
advice = "It is the covariance of the two random effects divided by both standard deviations, from the model {model} with its columns as the question has them. Has the fit arrived?"
[en.mistakes]
covariance = "This is a covariance. Divide it by the two standard deviations."
divided_by_variances = "You divided the covariance by the two variances. Divide it by their square roots."
of_modes = "This is the correlation of the estimated effects of the {groups}, which are drawn towards zero. Take it from the covariance matrix that the model estimates."
of_estimates = "This is the correlation of the two estimates in the fixed part. It says how their errors go together, not how {groups} differ."
maximum_likelihood = "This comes from a maximum likelihood fit. REML is asked for."
uncentred = "This is from the fit to the raw columns. A correlation with intercepts depends on the zero point."
centred = "This is from a fit with the column centred. A correlation with intercepts depends on the zero point: leave the column as it is."
[de]
title = "Korrelation der zufälligen Effekte ({groups})"
task = "die Korrelation dieser zufälligen Effekte: {effects}, im Modell {model}, mit REML"
question = "Welcher Eintrag der Kovarianzmatrix ist es, und wodurch wird er geteilt?"
advice = "Es ist die Kovarianz der beiden zufälligen Effekte, geteilt durch beide Standardabweichungen, aus dem Modell {model} mit den Spalten, wie die Frage sie nennt. Ist die Schätzung angekommen?"
[de.mistakes]
covariance = "Das ist eine Kovarianz. Teil sie durch die beiden Standardabweichungen."
divided_by_variances = "Du hast die Kovarianz durch die beiden Varianzen geteilt. Teil sie durch deren Wurzeln."
of_modes = "Das ist die Korrelation der geschätzten Effekte der einzelnen Gruppen, die zur Null hin gezogen sind. Nimm sie aus der Kovarianzmatrix, die das Modell schätzt."
of_estimates = "Das ist die Korrelation der beiden Schätzungen im festen Teil. Sie sagt, wie deren Fehler zusammenhängen, nicht, worin sich die Gruppen unterscheiden."
maximum_likelihood = "Das stammt aus einer Maximum-Likelihood-Schätzung. Gefragt ist nach REML."
uncentred = "Das stammt aus der Schätzung mit den Spalten, wie sie sind. Eine Korrelation mit Achsenabschnitten hängt vom Nullpunkt ab."
centred = "Das stammt aus einer Schätzung mit zentrierter Spalte. Eine Korrelation mit Achsenabschnitten hängt vom Nullpunkt ab: Lass die Spalte, wie sie ist."
""",
)
def effects_correlation(
    fits: Fits,
    *,
    model: ModelName,
    level: str,
    effects: tuple[str, str],
    centre: tuple[str, ...] = (),
    at: str = GRAND,
) -> Answer:
    """The correlation of two effects between the groups of a level, ``effects = ["Intercept", "hours"]``, by REML."""
    fit = fits.mixed(model, centre=centre, at=at)
    covariance, found = _correlated(fits, fit, level, effects)
    faults = () if abs(found) < _LARGEST_CORRELATION else ("the fit is at the boundary: no clear correlation",)
    if math.isnan(found):
        return Answer(0.0, faults=faults)
    term = fits.term(fit, level, effects[0])
    modes = term.modes[:, [term.effects.index(one) for one in effects]]
    moved = () if centre else tuple(one for one in effects if one in fits.frame)
    others = {
        "maximum_likelihood": fits.mixed(model, reml=False, centre=centre, at=at),
        **({"uncentred": fits.mixed(model)} if centre else {}),
        **({"centred": fits.mixed(model, centre=moved)} if moved else {}),
    }
    mistakes: dict[str, Value] = {
        "covariance": float(covariance[0, 1]),
        "divided_by_variances": float(covariance[0, 1] / (covariance[0, 0] * covariance[1, 1])),
        "of_modes": float(np.asarray(np.corrcoef(modes.T))[0, 1]),
    }
    for name, other in others.items():
        correlation = _correlated(fits, other, level, effects)[1]
        if math.isfinite(correlation):
            mistakes[name] = correlation
    names = fit.design.fixed_names
    if all(one in names for one in effects):
        errors = fit.covariance[np.ix_(*[[names.index(one) for one in effects]] * 2)]
        mistakes["of_estimates"] = float(errors[0, 1] / math.sqrt(errors[0, 0] * errors[1, 1]))
    return Answer(found, mistakes, faults=faults)


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
    value, answer = _number(fits, of)
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
    average = _coefficient(fits.mixed(str(asked.parameters["model"])), str(asked.parameters["effect"]))
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


def _expression_step(items: Items, *, value: str, mistakes: Mapping[str, str]) -> Step | None:
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
def expression(fits: Fits, *, value: str, mistakes: dict[str, str] = {}) -> Answer:  # noqa: B006 - never changed
    """A number computed from other answers, such as ``value = "slope / error"``, with mistakes written alike."""

    def of(text: str, known: Mapping[str, Any]) -> float:
        names = {**{name: fits.answer(name).value for name in names_in(text) if name not in known}, **known}
        found = _computed(text, names)
        if found is None:
            raise QuestionError(f"{text!r} comes to no finite number here; name items that are numbers.")
        return found

    right = of(value, {})
    return Answer(right, {name: of(text, {"right": right}) for name, text in mistakes.items()})
