"""Questions on the fixed part: a coefficient, centred or not, and its interval."""

from __future__ import annotations

from dataclasses import replace

from pandas.api.types import is_numeric_dtype

import reference as engine
from reference import MixedFit, MixedModel
from reference.data.formula import INTERCEPT, effects
from reference.inference.intervals import normal_quantile
from reference.questions.answers import Answer, Value
from reference.questions.fits import GRAND, Fits
from reference.questions.likelihoods import in_other_units
from reference.questions.question import ModelName, question
from reference.questions.setting import QuestionError

#: In standard errors, two coefficients that are one and the same.
_SAME = 1e-3


def coefficient_of(fit: MixedFit, term: str) -> float:
    """Return a coefficient of the fixed part by name; QuestionError if there is none."""
    if term not in fit.fixed_effects:
        raise QuestionError(
            f"the model {fit.model.name!r} has no coefficient {term!r}; it has {', '.join(fit.fixed_effects)}."
        )
    return fit.fixed_effects[term]


def levels_alone(model: MixedModel) -> MixedModel:
    """Return a model in which the levels of its groups vary, and nothing else."""
    terms = tuple(dict.fromkeys(replace(term, effects="1") for term in model.terms))
    return replace(model, terms=terms, name=f"{model.name}, random intercepts")


def predictors_of(model: MixedModel) -> list[str]:
    """Return the columns in the fixed part of a model that stand there as they are."""
    columns = (name for term in effects(model.fixed) for name, how in term if how == "LOOKUP")
    return list(dict.fromkeys(columns))


def _not_centred(fits: Fits, model: str, term: str, centre: tuple[str, ...], at: str) -> dict[str, Value]:
    """Return a coefficient from the raw columns, and from columns centred at other means, where it changes."""
    raw, moved = fits.mixed(model), fits.centred_otherwise(model, centre, at)
    found: dict[str, Value] = {name: coefficient_of(fit, term) for name, fit in moved.items()}
    # Most slopes are the same from raw columns and from grand means, but for rounding.
    least = _SAME * engine.standard_errors(raw)[term]
    if abs(coefficient_of(raw, term) - coefficient_of(fits.mixed(model, centre=centre), term)) > least:
        found["uncentred"] = coefficient_of(raw, term)
    return found


def _of_intercept(fits: Fits, model: str, centre: tuple[str, ...], at: str, intercept: float) -> dict[str, Value]:
    """Return what the intercept of a centred model is taken for."""
    whole, noun = fits.model(model), fits.setting.noun
    mean = float(fits.response(model).mean())
    found: dict[str, Value] = {
        # The response less a constant moves the intercept by that constant, and nothing else.
        f"{noun(whole.response)}_centred": intercept - mean,
        f"mean_of_{noun(whole.response)}": mean,
    }
    for other in predictors_of(whole):
        if other in centre or not is_numeric_dtype(fits.frame[other]):
            continue
        if fit := fits.centred_fit(model, (*centre, other), at):
            found[f"{noun(other)}_centred_too"] = coefficient_of(fit, INTERCEPT)
    return found


@question(
    kind="estimate",
    tolerance=0.02,
    decimals=4,
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
    found = coefficient_of(fit, term)
    mistakes: dict[str, Value] = {}
    if centre:
        mistakes |= _not_centred(fits, model, term, centre, at)
    if term == INTERCEPT:
        if centre:
            mistakes |= _of_intercept(fits, model, centre, at, found)
    else:
        frame = fits.centred(centre, at)
        mistakes["ols"] = engine.fit_ols(frame, fits.model(model)).coefficients[term]
        mistakes |= in_other_units(
            fits, model, lambda others: coefficient_of(others.mixed(model, centre=centre, at=at), term)
        )
        if term in centre:
            mistakes["standardised"] = found * float(frame[term].std(ddof=1))
        elif any(term in one.effects for one in fit.terms):
            mistakes["random_intercept_model"] = coefficient_of(fits.mixed(levels_alone(fits.model(model))), term)
    return Answer(found, mistakes, standard_error=engine.standard_errors(fit)[term])


@question(
    kind="by_name",
    tolerance=0.002,
    decimals=4,
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
        return bounds(coefficient_of(fit, term), times * engine.standard_errors(fit)[term])

    fit, pooled = fits.mixed(model), fits.ols(model)
    mistakes: dict[str, Value] = {
        "one_error": around(fit, 1.0),
        "one_sided": around(fit, normal_quantile(2.0 * confidence - 1.0)),
        "maximum_likelihood": around(fits.mixed(model, reml=False), z),
        "ols": bounds(pooled.coefficients[term], z * pooled.standard_errors[term]),
    }
    mistakes |= in_other_units(fits, model, lambda others: around(others.mixed(model), z))
    return Answer(around(fit, z), mistakes)


def bounds(middle: float, reach: float) -> dict[str, float]:
    """Return an interval as a learner gives it."""
    return {"low": middle - reach, "high": middle + reach}
