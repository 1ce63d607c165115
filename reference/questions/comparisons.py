"""Questions on which of two models to prefer: likelihood-ratio tests, AIC, and the decision."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

import reference as engine
from reference import LikelihoodRatio
from reference.inference.diagnostics import ALPHA
from reference.questions.answers import Answer, Step, Value, follows, nearly
from reference.questions.fits import Fits
from reference.questions.likelihoods import in_other_units
from reference.questions.question import ItemName, ModelName, question
from reference.questions.setting import Items, QuestionError

#: A larger p-value than this leaves room for two decisions.
LARGEST_P = 1e-3
_MOST_DF = 100


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


def _lrt_step(items: Items, *, smaller: str, larger: str) -> Step | None:
    asked = [items.find("log_likelihood", model=one) for one in (smaller, larger)]
    return follows(asked, lambda few, many: 2.0 * (many - few) if many > few else None)


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    carried=0.5,
    step=_lrt_step,
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
    if fits.model(smaller).fixed != fits.model(larger).fixed:
        mistakes |= in_other_units(fits, larger, lambda others: _from_reml(others, smaller, larger), "from_reml_per_{}")
    return Answer(test.statistic, mistakes)


@question(
    kind="count",
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
    fit = fits.mixed(larger, reml=False)
    # The residual variance is no entry of a covariance matrix of random effects.
    entries = fit.n_parameters - len(fit.coefficients) - 1
    slips = {"whole_matrix": (float(entries), 0.0), "all_parameters": (float(fit.n_parameters), 0.0)}
    return Answer(compared(fits, smaller, larger).df, {"one": 1}, slips=slips)


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
    asked = [items.find("log_likelihood", model=one) for one in (smaller, larger)]

    def gain(few: float, many: float, df: float) -> float | None:
        return 2.0 * (many - few) - 2.0 * df if many > few and is_df(df) else None

    return follows([*asked, items.find("lrt_df", smaller=smaller, larger=larger)], gain)


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    carried=0.5,
    step=_gain_step,
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
    slips = {"one_parameter": nearly(test.statistic - 2.0)} if test.df > 1 else {}
    return Answer(test.aic_gain, mistakes, slips=slips)


def _decision_step(items: Items, *, of: str) -> Step:
    smaller, larger = _models(items, source(items, of, "lrt_p")["of"])
    return Step((of,), lambda p: (larger if p < ALPHA else smaller) if 0.0 <= p <= 1.0 else None)


def _decision_options(items: Items, *, of: str) -> tuple[str, ...]:
    return _models(items, source(items, of, "lrt_p")["of"])


@question(
    kind="choice",
    carried=0.5,
    step=_decision_step,
    options=_decision_options,
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
