"""Questions on slopes within and between groups: both, their difference, and on which side of zero it is."""

from __future__ import annotations

import numpy as np

import reference as engine
from reference.questions.answers import Answer, Step, Value
from reference.questions.coefficients import coefficient_of, predictors_of
from reference.questions.computed import number_asked
from reference.questions.fits import Fits
from reference.questions.likelihoods import in_other_units
from reference.questions.question import ItemName, ModelName, question
from reference.questions.setting import Items, QuestionError

#: A slope between groups that is smaller than this share of the one within them is zero when it is rounded.
SMALLEST_BETWEEN = 0.15
#: Standard errors from zero that a sign needs.
_CLEAR = 2.0


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
    split = predictors_of(fits.model(model))
    raw = [name for name in predictors_of(fits.model(blend)) if name not in split]
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
        "blend": coefficient_of(fits.mixed(blend), raw),
        "between": coefficient_of(fit, between),
        # Of the column as it is: what a learner has who neither splits it nor knows groups.
        "ols": fits.ols(blend).coefficients[raw],
    }
    mistakes |= in_other_units(fits, model, lambda others: coefficient_of(others.mixed(model), within))
    return Answer(coefficient_of(fit, within), mistakes, standard_error=engine.standard_errors(fit)[within])


@question(
    kind="estimate",
    tolerance=0.02,
    decimals=5,
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
    found, inside = coefficient_of(fit, between), coefficient_of(fit, within)
    mistakes: dict[str, Value] = {
        "blend": coefficient_of(fits.mixed(blend), _raw(fits, model, within, between, blend, level)),
        "within": inside,
        # The coefficient of the means next to the raw column is the difference of the two slopes exactly.
        "contextual": found - inside,
    }
    mistakes |= in_other_units(fits, model, lambda others: coefficient_of(others.mixed(model), between))
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
    low, high = coefficient_of(fit, own), coefficient_of(fit, of_means)

    def difference(of: Fits) -> float:
        return coefficient_of(of.mixed(model), of_means) - coefficient_of(of.mixed(model), own)

    mistakes: dict[str, Value] = {
        "sign": low - high,
        "between": high,
        "against_blend": high - coefficient_of(fits.mixed(blend), raw),
    }
    mistakes |= in_other_units(fits, model, difference)
    contrast = np.array([{of_means: 1.0, own: -1.0}.get(name, 0.0) for name in fit.design.fixed_names])
    small = abs(high) < SMALLEST_BETWEEN * abs(low)
    faults = (f"the slope between groups is only {high / low:.2f} of that within them",) if small else ()
    return Answer(
        high - low, mistakes, standard_error=float(np.sqrt(contrast @ fit.covariance @ contrast)), faults=faults
    )


def _direction_step(items: Items, *, of: str, options: tuple[str, str]) -> Step:
    more, less = options
    return Step((of,), lambda effect: None if effect == 0 else more if effect > 0 else less)


@question(
    kind="choice",
    carried=0.5,
    step=_direction_step,
    options=lambda items, *, of, options: options,
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
    value, answer = number_asked(fits, of)
    error = answer.standard_error
    unclear = value == 0 or (error is not None and abs(value) < _CLEAR * error)
    faults = (f"the sign of {of} is not clear: {value:.3g}, standard error {error or 0.0:.3g}",) if unclear else ()
    return Answer(options[0] if value > 0 else options[1], faults=faults)
