"""Questions on log-likelihoods: of one model, and what centring changes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reference.data.formula import variables
from reference.questions.answers import Answer, Value
from reference.questions.expressions import names_in
from reference.questions.fits import GRAND, Fits
from reference.questions.question import ModelName, question

_HUNDRED = 100.0


def in_other_units(fits: Fits, model: str, value: Callable[[Fits], Value], mistake: str = "per_{}") -> dict[str, Value]:
    """Return what comes of the table with the predictors of a model divided as learners may, by the mistake's name.

    That has ``hundred`` in it where each of them is divided by 100, else ``several``; empty where an assignment divides
    none. Derived columns are computed from the divided ones.
    """
    factors = {name: one.rescaled for name, one in fits.setting.columns.items() if one.rescaled}
    used, new = set[str](), set(variables(fits.model(model).fixed))
    while new:
        used |= new
        derive = [fits.setting.derive[name] for name in new if name in fits.setting.derive]
        new = {name for text in derive for name in names_in(text)} - used
    frame = fits.data.frame
    divided = {name: frame[name] / factor for name, factor in factors.items() if name in used and name in frame}
    if not divided:
        return {}
    called = "hundred" if {factors[name] for name in divided} == {_HUNDRED} else "several"
    others = Fits(replace(fits.data, frame=frame.assign(**divided)), fits.setting, fits.items, fits.answer)
    return {mistake.format(called): value(others)}


@question(
    kind="log_likelihood",
    tolerance=0.02,
    decimals=3,
    words="""
[en]
title = "Log-likelihood, {model}"
task = "the log-likelihood of the model {model}, by maximum likelihood"
question = "By which method was it fitted, and would a second optimiser find a higher value?"
advice = "Was it fitted by maximum likelihood, with every predictor in it? Then ask whether the fit has arrived: try more than one optimiser, start again from the best one, and keep the highest log-likelihood. A report of convergence is not enough."
[en.mistakes]
reml = "This is a REML log-likelihood. It depends on the fixed part and on the units of the predictors, and maximum likelihood is asked for."
reml_per_hundred = "This is a REML log-likelihood, with a predictor in hundreds. REML depends on the units of the predictors, and maximum likelihood is asked for."
reml_per_several = "This is a REML log-likelihood, with predictors in other units. REML depends on these units, and maximum likelihood is asked for."
deviance = "This is -2 times a log-likelihood, a deviance. Give the log-likelihood itself."
swapped = "This belongs to another of the models. Check which fit is that of the model {model}."
stopped_early = "These data can be made likelier than this by the same model, so the search stopped before it arrived. Try more than one optimiser, start again from the best one, and compare: the highest log-likelihood that a new start does not improve is the maximum."
[de]
title = "Log-Likelihood, {model}"
task = "die Log-Likelihood des Modells {model}, mit Maximum Likelihood"
question = "Mit welchem Verfahren wurde geschätzt, und fände ein zweiter Optimierer einen höheren Wert?"
advice = "Wurde mit Maximum Likelihood geschätzt, mit allen Prädiktoren? Dann frag, ob die Schätzung angekommen ist: Nimm mehr als einen Optimierer, starte noch einmal vom besten Ergebnis und behalte die höchste Log-Likelihood. Die Meldung, es sei konvergiert, genügt nicht."
[de.mistakes]
reml = "Das ist eine REML-Log-Likelihood. Sie hängt vom festen Teil und von den Einheiten der Prädiktoren ab; gefragt ist nach Maximum Likelihood."
reml_per_hundred = "Das ist eine REML-Log-Likelihood mit einem Prädiktor in Hundertern. REML hängt von den Einheiten der Prädiktoren ab; gefragt ist nach Maximum Likelihood."
reml_per_several = "Das ist eine REML-Log-Likelihood mit Prädiktoren in anderen Einheiten. REML hängt von diesen Einheiten ab; gefragt ist nach Maximum Likelihood."
deviance = "Das ist das -2-fache einer Log-Likelihood, eine Devianz. Gib die Log-Likelihood selbst an."
swapped = "Das gehört zu einem anderen der Modelle. Prüfe, welche Schätzung die des Modells {model} ist."
stopped_early = "Dasselbe Modell kann diese Daten plausibler machen als so, also hielt die Suche an, bevor sie ankam. Nimm mehr als einen Optimierer, starte noch einmal vom besten Ergebnis und vergleiche: Die höchste Log-Likelihood, die ein neuer Start nicht mehr verbessert, ist das Maximum."
""",
)
def log_likelihood(fits: Fits, *, model: ModelName) -> Answer:
    """The log-likelihood of a model fitted by maximum likelihood."""
    fit = fits.mixed(model, reml=False)
    mistakes: dict[str, Value] = {"reml": fits.mixed(model).log_likelihood, "deviance": fit.criterion}
    mistakes |= in_other_units(fits, model, lambda others: others.mixed(model).log_likelihood, "reml_per_{}")
    for one in fits.items:
        if one.question == "log_likelihood" and one.parameters["model"] != model:
            mistakes["swapped"] = fits.mixed(str(one.parameters["model"]), reml=False).log_likelihood
            break
    return Answer(fit.log_likelihood, mistakes)


@question(
    kind="log_likelihood",
    tolerance=0.02,
    decimals=3,
    no_fit=True,
    words="""
[en]
title = "Change of the log-likelihood"
task = "the log-likelihood of the model {model} with {centre} centred, minus that with the columns as they are, both by REML"
question = "Can the same lines, described from another zero point, be more or less likely?"
advice = "Moving the zero point of a predictor describes the same lines in other words, so what must this difference be? If your two fits do not agree, the one with the lower log-likelihood has not arrived, or they differ in more than the centring: REML against ML, another unit, means of {groups}."
[en.mistakes]
reml_against_ml = "This compares a REML with a maximum likelihood fit. Fit both, raw and centred, by REML."
group_mean = "This is from columns centred within each group. That is another model: it drops the differences between {groups}. Subtract one mean for each column, over all rows."
grand_mean = "This is from columns centred at one mean over all rows. Subtract from each row the mean of its own group."
per_hundred_against_one = "This is the difference between measuring a predictor in ones and in hundreds, which a REML log-likelihood feels. Use the same unit in both fits."
per_several_against_one = "This is the difference between measuring predictors in two units, which a REML log-likelihood feels. Use the same unit in both fits."
stopped_early = "Your centred fit is less likely than your raw one, although both describe the same lines. Which of the two searches stopped before it arrived, and what would help it: another unit, another optimiser, a new start?"
[de]
title = "Änderung der Log-Likelihood"
task = "die Log-Likelihood des Modells {model}, wenn {centre} zentriert sind, minus die mit den Spalten, wie sie sind, beide mit REML"
question = "Können dieselben Geraden, von einem anderen Nullpunkt aus beschrieben, mehr oder weniger plausibel sein?"
advice = "Wer den Nullpunkt eines Prädiktors verschiebt, beschreibt dieselben Geraden mit anderen Worten; was muss diese Differenz also sein? Wenn deine beiden Schätzungen nicht übereinstimmen, ist die mit der niedrigeren Log-Likelihood nicht angekommen, oder sie unterscheiden sich in mehr als der Zentrierung: REML gegen ML, eine andere Einheit, Mittelwerte der Gruppen."
[de.mistakes]
reml_against_ml = "Das vergleicht eine REML- mit einer Maximum-Likelihood-Schätzung. Schätze beide, unzentriert und zentriert, mit REML."
group_mean = "Das kommt von Spalten, die innerhalb jeder Gruppe zentriert sind. Das ist ein anderes Modell: Es lässt die Unterschiede zwischen den Gruppen weg. Zieh je Spalte einen einzigen Mittelwert ab, den über alle Zeilen."
grand_mean = "Das kommt von Spalten, die an einem einzigen Mittelwert über alle Zeilen zentriert sind. Zieh von jeder Zeile den Mittelwert ihrer eigenen Gruppe ab."
per_hundred_against_one = "Das ist der Unterschied zwischen einem Prädiktor in Einern und in Hundertern, den eine REML-Log-Likelihood spürt. Nimm in beiden Schätzungen dieselbe Einheit."
per_several_against_one = "Das ist der Unterschied zwischen zwei Einheiten der Prädiktoren, den eine REML-Log-Likelihood spürt. Nimm in beiden Schätzungen dieselbe Einheit."
stopped_early = "Deine zentrierte Schätzung ist weniger plausibel als die rohe, obwohl beide dieselben Geraden beschreiben. Welche der beiden Suchen hielt an, bevor sie ankam, und was hülfe ihr: eine andere Einheit, ein anderer Optimierer, ein neuer Start?"
""",
)
def log_likelihood_change(fits: Fits, *, model: ModelName, centre: tuple[str, ...], at: str = GRAND) -> Answer:
    """How much the REML log-likelihood of a model changes when columns are centred."""
    centred, raw = fits.mixed(model, centre=centre, at=at), fits.mixed(model)
    mistakes: dict[str, Value] = {
        "reml_against_ml": centred.log_likelihood - fits.mixed(model, reml=False).log_likelihood,
    }
    for name, moved in fits.centred_otherwise(model, centre, at).items():
        mistakes[name] = moved.log_likelihood - raw.log_likelihood
    mistakes |= in_other_units(
        fits, model, lambda others: others.mixed(model).log_likelihood - raw.log_likelihood, "per_{}_against_one"
    )
    return Answer(centred.log_likelihood - raw.log_likelihood, mistakes)
