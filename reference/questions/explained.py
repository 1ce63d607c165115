"""Questions on what a model explains, and on how its effects go together between groups."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

import reference as engine
from reference import MixedFit
from reference.arrays import Floats
from reference.questions.answers import Answer, Value
from reference.questions.fits import GRAND, Fits
from reference.questions.question import ModelName, question
from reference.questions.setting import QuestionError

_LARGEST_CORRELATION = 0.999


@question(
    kind="proportion",
    tolerance=0.0008,
    decimals=4,
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
        raise QuestionError(
            f"in the model {model!r} one of {' and '.join(effects)} does not vary: they have no correlation."
        )
    term = fits.term(fit, level, effects[0])
    modes = term.modes[:, [term.effects.index(one) for one in effects]]
    moved = () if centre else tuple(one for one in effects if one in fits.frame)
    others = {
        "maximum_likelihood": fits.mixed(model, reml=False, centre=centre, at=at),
        **({"uncentred": fits.mixed(model)} if centre else {}),
        **({"centred": after} if moved and (after := fits.centred_fit(model, moved, GRAND)) else {}),
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
