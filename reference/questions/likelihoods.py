"""Questions on how well models fit: log-likelihoods, the likelihood-ratio test of two models, and the decision."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from scipy.special import chdtrc

import reference as engine
from reference import LikelihoodRatio
from reference.inference.diagnostics import ALPHA
from reference.questions.answers import Answer, Step, Value
from reference.questions.fits import GRAND, Fits
from reference.questions.question import ItemName, ModelName, question
from reference.questions.setting import Items, QuestionError

#: A larger p-value than this leaves room for two decisions.
LARGEST_P = 1e-3
_MOST_DF = 100
_HUNDRED = 100.0


def rescaled(fits: Fits, model: str) -> tuple[str, Fits] | None:
    """Return the fits of the table with the predictors of a model divided as learners may, and how that is called.

    ``hundred`` where each of them is divided by 100, else ``several``; None where an assignment divides none. Derived
    columns are computed from the divided ones.
    """
    factors = {name: one.rescaled for name, one in fits.setting.columns.items() if one.rescaled}
    used, text = set[str](), fits.model(model).fixed
    while new := set(re.findall(r"[^\W\d]\w*", text)) - used:
        used |= new
        text = " ".join(fits.setting.derive.get(name, "") for name in new)
    frame = fits.data.frame
    divided = {name: frame[name] / factor for name, factor in factors.items() if name in used and name in frame}
    if not divided:
        return None
    called = "hundred" if {factors[name] for name in divided} == {_HUNDRED} else "several"
    return called, Fits(replace(fits.data, frame=frame.assign(**divided)), fits.setting, fits.items, fits.answer)


def is_df(df: float) -> bool:
    """Return whether a number is one of degrees of freedom that a likelihood-ratio test could have."""
    return df in range(1, _MOST_DF)


def p_value(statistic: float, df: float) -> float | None:
    """Return p of a likelihood-ratio statistic, as a step does."""
    return float(chdtrc(df, statistic)) if statistic > 0 and is_df(df) else None


def compared(fits: Fits, smaller: str, larger: str) -> LikelihoodRatio:
    """Return the test of two models, both fitted by maximum likelihood."""
    return engine.compare_nested(fits.mixed(smaller, reml=False), fits.mixed(larger, reml=False))


def source(items: Items, item: str, *questions: str) -> dict[str, str]:
    """Return the parameters of the item that another one follows from.

    Raises
    ------
    QuestionError
        If that item asks none of the questions that this can follow from.
    """
    asked = items[item]
    if asked.question not in questions:
        raise QuestionError(f"of = {item!r} asks {asked.question!r}; name an item that asks {' or '.join(questions)}.")
    return dict(asked.parameters)


def _models(items: Items, test: str) -> tuple[str, str]:
    """Return the smaller and the larger model of the item that asks for a test's statistic."""
    found = source(items, test, "lrt")
    return found["smaller"], found["larger"]


def _from_reml(fits: Fits, smaller: str, larger: str) -> float:
    return fits.mixed(smaller).criterion - fits.mixed(larger).criterion


def _unclear(test: LikelihoodRatio) -> tuple[str, ...]:
    return (f"the likelihood-ratio test has p = {test.p:.2g}",) if test.p > LARGEST_P else ()


@question(
    kind="log_likelihood",
    tolerance=0.02,
    decimals=3,
    solution="log_likelihood({fit})",
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
    if divided := rescaled(fits, model):
        called, others = divided
        mistakes[f"reml_per_{called}"] = others.mixed(model).log_likelihood
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
    solution="log_likelihood_change({fit})",
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
    name, other = ("group_mean", fits.levels(model)[-1]) if at == GRAND else ("grand_mean", GRAND)
    mistakes: dict[str, Value] = {
        "reml_against_ml": centred.log_likelihood - fits.mixed(model, reml=False).log_likelihood,
    }
    if moved := fits.centred_fit(model, centre, other):
        mistakes[name] = moved.log_likelihood - raw.log_likelihood
    if divided := rescaled(fits, model):
        called, others = divided
        mistakes[f"per_{called}_against_one"] = others.mixed(model).log_likelihood - raw.log_likelihood
    return Answer(centred.log_likelihood - raw.log_likelihood, mistakes)


def _likelihood_items(items: Items, smaller: str, larger: str) -> tuple[str, ...] | None:
    """Return the items that ask for the log-likelihoods of two models; None if one is not asked."""
    found = [items.find("log_likelihood", model=one) for one in (smaller, larger)]
    return tuple(one for one in found if one) if all(found) else None


def _lrt_step(items: Items, *, smaller: str, larger: str) -> Step | None:
    asked = _likelihood_items(items, smaller, larger)
    return Step(asked, lambda few, many: 2.0 * (many - few) if many > few else None) if asked else None


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    carried=0.5,
    step=_lrt_step,
    solution="lrt({smaller}, {larger}).statistic",
    words="""
[en]
title = "Likelihood-ratio statistic"
task = "the statistic of the likelihood-ratio test of {smaller} against {larger}, both by maximum likelihood"
question = "From which two numbers is the statistic made, and how?"
advice = "It is made from the log-likelihoods of {smaller} and {larger}, before any rounding. By what is their difference multiplied? Are both fitted by maximum likelihood, and have both arrived?"
[en.mistakes]
from_reml = "This comes from REML fits. REML criteria cannot be compared when fixed parts differ, and this test asks for maximum likelihood in both models."
from_reml_per_hundred = "This comes from REML fits. They cannot be compared when their fixed parts differ, and they feel the unit of a predictor. Fit both by maximum likelihood."
from_reml_per_several = "This comes from REML fits. They cannot be compared when their fixed parts differ, and they feel the units of the predictors. Fit both by maximum likelihood."
half = "A factor is missing. The likelihood-ratio statistic is twice the difference of the two log-likelihoods; only then does it follow a chi-squared distribution."
negative = "The sign is turned round. The larger model can only fit better: its log-likelihood minus that of the smaller one."
[de]
title = "Statistik des Likelihood-Quotienten-Tests"
task = "die Statistik des Likelihood-Quotienten-Tests von {smaller} gegen {larger}, beide mit Maximum Likelihood"
question = "Aus welchen zwei Zahlen entsteht die Statistik, und wie?"
advice = "Sie entsteht aus den Log-Likelihoods von {smaller} und {larger}, bevor etwas gerundet wird. Womit wird ihre Differenz multipliziert? Sind beide mit Maximum Likelihood geschätzt, und sind beide angekommen?"
[de.mistakes]
from_reml = "Das kommt aus REML-Schätzungen. REML-Kriterien lassen sich nicht vergleichen, wenn sich die festen Teile unterscheiden, und dieser Test verlangt für beide Modelle Maximum Likelihood."
from_reml_per_hundred = "Das kommt aus REML-Schätzungen. Sie lassen sich nicht vergleichen, wenn sich ihre festen Teile unterscheiden, und sie spüren die Einheit eines Prädiktors. Schätze beide mit Maximum Likelihood."
from_reml_per_several = "Das kommt aus REML-Schätzungen. Sie lassen sich nicht vergleichen, wenn sich ihre festen Teile unterscheiden, und sie spüren die Einheiten der Prädiktoren. Schätze beide mit Maximum Likelihood."
half = "Ein Faktor fehlt. Die Teststatistik ist das Doppelte der Differenz der beiden Log-Likelihoods; nur dann folgt sie einer Chi-Quadrat-Verteilung."
negative = "Das Vorzeichen ist umgekehrt. Das größere Modell kann nur besser passen: seine Log-Likelihood minus die des kleineren."
""",
)
def lrt(fits: Fits, *, smaller: ModelName, larger: ModelName) -> Answer:
    """The statistic of the likelihood-ratio test of two models."""
    test = compared(fits, smaller, larger)
    mistakes: dict[str, Value] = {
        "from_reml": _from_reml(fits, smaller, larger),
        "half": test.statistic / 2.0,
        "negative": -test.statistic,
    }
    # Models with one fixed part feel a unit alike, so that it goes out of their difference.
    if fits.model(smaller).fixed != fits.model(larger).fixed and (divided := rescaled(fits, larger)):
        called, others = divided
        mistakes[f"from_reml_per_{called}"] = _from_reml(others, smaller, larger)
    return Answer(test.statistic, mistakes)


@question(
    kind="count",
    solution="lrt({smaller}, {larger}).df",
    words="""
[en]
title = "Degrees of freedom"
task = "the degrees of freedom of the test of {smaller} against {larger}"
question = "Which parameters does the larger model have that the smaller one has not?"
advice = "Count the coefficients of both fixed parts, and the entries of both covariance matrices of the random effects that are estimated. The residual variance is in both models."
[en.mistakes]
one = "There is more than one parameter more. Write down the coefficients, and the covariance matrix of the random effects, of both models and count the entries that are estimated."
[de]
title = "Freiheitsgrade"
task = "die Freiheitsgrade des Tests von {smaller} gegen {larger}"
question = "Welche Parameter hat das größere Modell, die das kleinere nicht hat?"
advice = "Zähle die Koeffizienten beider fester Teile und die geschätzten Einträge beider Kovarianzmatrizen der zufälligen Effekte. Die Residualvarianz steht in beiden Modellen."
[de.mistakes]
one = "Es kommt mehr als ein Parameter dazu. Schreib die Koeffizienten und die Kovarianzmatrix der zufälligen Effekte für beide Modelle auf und zähle, wie viele Einträge geschätzt werden."
""",
)
def lrt_df(fits: Fits, *, smaller: ModelName, larger: ModelName) -> Answer:
    """How many parameters the larger of two models has more."""
    return Answer(compared(fits, smaller, larger).df, {"one": 1})


def _p_step(items: Items, *, of: str, df: int | None) -> Step | None:
    smaller, larger = _models(items, of)
    if counted := items.find("lrt_df", smaller=smaller, larger=larger):
        return Step((of, counted), p_value)
    return None if df is None else Step((of,), lambda statistic: p_value(statistic, df))


@question(
    kind="p_value",
    tolerance=0.02,
    carried=0.5,
    step=_p_step,
    no_fit=("wrong_tail",),
    solution="lrt({smaller}, {larger}).p",
    words="""
[en]
title = "p-value of the test"
task = "the p-value of the test whose statistic is {of}, not rounded"
question = "Which tail of which distribution holds the statistics that speak at least as much against the smaller model?"
advice = "Take the upper tail of the chi-squared distribution at {of}. How many parameters does the larger model have more? Do not round it: very small p-values are compared by their size."
[en.mistakes]
one_df = "You counted one more parameter in the larger model. A slope that varies brings more than its variance: with what else of a group is it correlated?"
two_df = "You counted two more parameters in the larger model. How many more are there?"
boundary_mixture = "This is the p-value from a mixture of chi-squared distributions, which allows for a variance that cannot be negative. It is a good correction, and more exact; the question here is the plain one, from one chi-squared distribution."
boundary = "You halved the p-value, as one does for a variance that cannot be negative. Here a coefficient is tested, which may have either sign: no halving."
wrong_tail = "This is the probability of a smaller statistic. A p-value is that of one at least as large: the upper tail."
from_reml = "This p-value belongs to a statistic from REML fits. Compute it from the maximum likelihood one."
[de]
title = "p-Wert des Tests"
task = "der p-Wert des Tests mit der Statistik {of}, nicht gerundet"
question = "In welchem Rand welcher Verteilung liegen die Statistiken, die mindestens so stark gegen das kleinere Modell sprechen?"
advice = "Nimm den oberen Rand der Chi-Quadrat-Verteilung bei {of}. Wie viele Parameter hat das größere Modell mehr? Runde nicht: Sehr kleine p-Werte werden nach ihrer Größe verglichen."
[de.mistakes]
one_df = "Du hast im größeren Modell einen Parameter mehr gezählt. Eine zufällige Steigung bringt mehr mit als ihre Varianz: Womit korreliert sie?"
two_df = "Du hast im größeren Modell zwei Parameter mehr gezählt. Wie viele kommen dazu?"
boundary_mixture = "Das ist der p-Wert aus einer Mischung von Chi-Quadrat-Verteilungen, die berücksichtigt, dass eine Varianz nicht negativ sein kann. Das ist eine gute Korrektur und genauer; gefragt ist hier nach dem einfachen p-Wert aus einer einzigen Chi-Quadrat-Verteilung."
boundary = "Du hast den p-Wert halbiert, wie man es bei einer Varianz tut, die nicht negativ sein kann. Hier wird ein Koeffizient geprüft, der beide Vorzeichen haben kann: nicht halbieren."
wrong_tail = "Das ist die Wahrscheinlichkeit einer kleineren Statistik. Ein p-Wert ist die einer mindestens so großen: der obere Rand."
from_reml = "Dieser p-Wert gehört zu einer Statistik aus REML-Schätzungen. Berechne ihn aus der mit Maximum Likelihood."
""",
)
def lrt_p(fits: Fits, *, of: ItemName, df: int | None = None) -> Answer:
    """The p-value of the test whose statistic another item asks for, from chi² without a correction.

    ``df`` says the degrees of freedom where no item asks for them, so that the p-value follows from the statistic.
    """
    smaller, larger = _models(fits.items, of)
    test, reml = compared(fits, smaller, larger), _from_reml(fits, smaller, larger)
    if df is not None and df != test.df:
        raise QuestionError(f"df = {df}, but {larger!r} has {test.df} more parameters than {smaller!r}; correct it.")
    wrong_df = 1 if test.df > 1 else 2
    mistakes: dict[str, Value] = {
        "one_df" if test.df > 1 else "two_df": float(chdtrc(wrong_df, test.statistic)),
        "wrong_tail": 1.0 - test.p,
        "from_reml": float(chdtrc(test.df, max(0.0, reml))),
    }
    few, many = (fits.mixed(one, reml=False).optimum.scales.size for one in (smaller, larger))
    if few == many:
        mistakes["boundary"] = test.p / 2.0
    elif np.isfinite(test.p_boundary):
        mistakes["boundary_mixture"] = test.p_boundary
    return Answer(test.p, mistakes, faults=_unclear(test))


def _gain_step(items: Items, *, smaller: str, larger: str) -> Step | None:
    asked, counted = _likelihood_items(items, smaller, larger), items.find("lrt_df", smaller=smaller, larger=larger)

    def gain(few: float, many: float, df: float) -> float | None:
        return 2.0 * (many - few) - 2.0 * df if many > few and is_df(df) else None

    return Step((*asked, counted), gain) if asked and counted else None


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    carried=0.5,
    step=_gain_step,
    solution="lrt({smaller}, {larger}).aic_gain",
    words="""
[en]
title = "Gain in AIC"
task = "by how much the AIC goes down from {smaller} to {larger}, both by maximum likelihood"
question = "How many parameters does AIC charge for in each of the two models?"
advice = "AIC is twice the number of parameters minus twice the log-likelihood. Variances and covariances are parameters too: does your count differ between the models by the degrees of freedom of their test? Check what your library counts before you use its own AIC."
[en.mistakes]
sign = "The sign is turned round. The question is by how much the AIC goes down from {smaller} to {larger}, so a better larger model gives a positive number."
from_reml = "This comes from REML fits. Both models must be fitted by maximum likelihood for the comparison asked for here."
bic = "This is the difference in BIC, whose penalty grows with the number of rows. AIC charges two for each parameter."
[de]
title = "Gewinn im AIC"
task = "um wie viel das AIC von {smaller} zu {larger} sinkt, beide mit Maximum Likelihood"
question = "Für wie viele Parameter rechnet das AIC in jedem der beiden Modelle etwas an?"
advice = "Das AIC ist das Doppelte der Zahl der Parameter minus das Doppelte der Log-Likelihood. Auch Varianzen und Kovarianzen sind Parameter: Unterscheidet sich deine Zahl zwischen den Modellen um die Freiheitsgrade ihres Tests? Prüfe, was deine Bibliothek zählt, bevor du ihr eigenes AIC nimmst."
[de.mistakes]
sign = "Das Vorzeichen ist umgekehrt. Gefragt ist, um wie viel das AIC von {smaller} zu {larger} sinkt; ist das größere Modell besser, ergibt das eine positive Zahl."
from_reml = "Das kommt aus REML-Schätzungen. Für den Vergleich, nach dem hier gefragt ist, müssen beide Modelle mit Maximum Likelihood geschätzt werden."
bic = "Das ist die Differenz im BIC, dessen Strafe mit der Zahl der Zeilen wächst. Das AIC berechnet zwei je Parameter."
""",
)
def aic_gain(fits: Fits, *, smaller: ModelName, larger: ModelName) -> Answer:
    """By how much the AIC goes down from the smaller to the larger of two models."""
    test = compared(fits, smaller, larger)
    mistakes = {
        "sign": -test.aic_gain,
        "from_reml": fits.mixed(smaller).aic - fits.mixed(larger).aic,
        "bic": test.bic_gain,
    }
    return Answer(test.aic_gain, mistakes)


def _decision_step(items: Items, *, of: str) -> Step:
    smaller, larger = _models(items, source(items, of, "lrt_p")["of"])
    return Step((of,), lambda p: (larger if p < ALPHA else smaller) if 0.0 <= p <= 1.0 else None)


@question(
    kind="choice",
    carried=0.5,
    step=_decision_step,
    words="""
[en]
title = "Decision"
task = "the name of the model that the test prefers at 5 per cent"
question = "Which model is the null hypothesis, and what does your p-value say of it?"
advice = "Give the name of one of the two models. The smaller model is the null hypothesis; what does a p-value below 5 % do to it?"
[de]
title = "Entscheidung"
task = "der Name des Modells, das der Test bei 5 Prozent vorzieht"
question = "Welches Modell ist die Nullhypothese, und was sagt dein p-Wert über sie?"
advice = "Gib den Namen eines der beiden Modelle an. Das kleinere Modell ist die Nullhypothese; was macht ein p-Wert unter 5 % mit ihr?"
""",
)
def decision(fits: Fits, *, of: ItemName) -> Answer:
    """The name of the model that a test, whose p-value another item asks for, prefers at 5 per cent."""
    smaller, larger = _models(fits.items, source(fits.items, of, "lrt_p")["of"])
    test = compared(fits, smaller, larger)
    return Answer(larger if test.p < ALPHA else smaller, faults=_unclear(test))
