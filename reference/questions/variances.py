"""Questions on where the variance is: variances of levels, and the shares and correlations that follow from them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

import reference as engine
from reference import MixedFit
from reference.arrays import Floats
from reference.questions.answers import Answer, Objective, Step, Value, follows, nearly
from reference.questions.fits import GRAND, RESIDUAL, Fits
from reference.questions.question import ModelName, question
from reference.questions.setting import Items, QuestionError

_INTERCEPT = "Intercept"
# Without predictors groups often seem to share nothing, and searches stop on the way to zero: a share this close to that
# one, in shares of the right one, comes from there.
_NULL_SLACK = 0.1


def _find_variances(
    items: Items, model: str, levels: tuple[str, ...], centre: tuple[str, ...] = ()
) -> list[str | None]:
    """Return the items that ask for the intercept variances of levels, in their order; None for one that is not asked."""
    return [items.find("variance", model=model, level=one, effect=_INTERCEPT, centre=centre) for one in levels]


@question(
    kind="variance",
    tolerance=0.002,
    decimals=4,
    words="""
[en]
title = "Variance between {groups}"
task = "the variance between {groups} in the model {model}, by REML, in squared units of {response}"
question = "Which line of the summary belongs to {groups}, and is it a variance?"
advice = "Is it from the model {model}, fitted by REML, with every predictor in it? Compare the log-likelihoods that two optimisers reach."
[en.mistakes]
standard_deviation = "This is a standard deviation. A variance is asked for, in squared units of {response}."
maximum_likelihood = "This comes from a maximum likelihood fit. REML is asked for: it allows for the fixed effects that were estimated on the way."
ols_residual_variance = "This is the residual variance of the pooled regression, which does not know that rows come from {groups}."
other_level = "This is the variance of another level. Look which line of the summary belongs to which level."
relative = "This is a variance as a multiple of the residual variance, as the search of the software counts it. Give it in squared units of {response}."
uncentred = "This is from the fit to the raw columns. Is the fit you took it from the one with centred columns?"
group_mean = "This is from columns centred within each group. That is another model: it drops the differences between groups. Subtract one mean, over all rows."
"{each}_left_out" = "This comes from a model that does not know {each}. What they have in common then counts as if it were of another level."
stopped_early = "With these numbers the data are less likely than they could be. Either the search stopped before it arrived, or they come from a model that is almost, but not quite, the one asked for."
[de]
title = "Varianz: {groups}"
task = "die Varianz zwischen {groups} im Modell {model}, mit REML, in quadrierten Einheiten von {response}"
question = "Welche Zeile der Zusammenfassung gehört dazu, und ist es eine Varianz?"
advice = "Stammt sie aus dem Modell {model}, mit REML geschätzt und mit allen Prädiktoren? Vergleiche die Log-Likelihoods, die zwei Optimierer erreichen."
[de.mistakes]
standard_deviation = "Das ist eine Standardabweichung. Gefragt ist nach einer Varianz, in quadrierten Einheiten von {response}."
maximum_likelihood = "Das stammt aus einer Maximum-Likelihood-Schätzung. Gefragt ist nach REML: Es berücksichtigt, dass auch die festen Effekte geschätzt wurden."
ols_residual_variance = "Das ist die Residualvarianz der gepoolten Regression, die von Gruppen ({groups}) nichts weiß."
other_level = "Das ist die Varianz einer anderen Ebene. Welche Zeile der Zusammenfassung gehört zu welcher Ebene?"
relative = "Das ist eine Varianz als Vielfaches der Residualvarianz, wie die Suche der Software sie zählt. Gib sie in quadrierten Einheiten von {response} an."
uncentred = "Das stammt aus der Schätzung mit den rohen Spalten. Ist es die mit zentrierten Spalten?"
group_mean = "Das stammt von Spalten, die innerhalb jeder Gruppe zentriert sind. Das ist ein anderes Modell: Unterschiede zwischen Gruppen fallen weg. Zieh einen Mittelwert über alle Zeilen ab."
"{each}_left_out" = "Das stammt aus einem Modell, dem die Ebene {each} fehlt. Was dort gemeinsam ist, zählt dann als das einer anderen Ebene."
stopped_early = "Mit diesen Zahlen sind die Daten weniger plausibel, als sie sein könnten. Entweder hielt die Suche an, bevor sie ankam, oder das Modell ist fast, aber nicht ganz das gefragte."
""",
)
def variance(
    fits: Fits,
    *,
    model: ModelName,
    level: str,
    effect: str = _INTERCEPT,
    centre: tuple[str, ...] = (),
    at: str = GRAND,
) -> Answer:
    """The variance of an effect between the groups of a level, or of the residual (``level = "residual"``)."""
    fit = fits.mixed(model, centre=centre, at=at)
    found = fits.variance(fit, level, effect)
    levels = fits.levels(model)
    mistakes: dict[str, Value] = {"standard_deviation": math.sqrt(found)}
    # The fixed part costs the highest level most: below it the two methods hardly differ.
    if level == levels[0] or len(levels) == 1:
        by_ml = fits.mixed(model, reml=False, centre=centre, at=at)
        mistakes["maximum_likelihood"] = fits.variance(by_ml, level, effect)
    if centre:
        mistakes["uncentred"] = fits.variance(fits.mixed(model), level, effect)
        other = fits.levels(model)[-1] if at == GRAND else GRAND
        if (centred := fits.centred_fit(model, centre, other)) is not None:
            mistakes["group_mean"] = fits.variance(centred, level, effect)
    if len(levels) > 1 and effect == _INTERCEPT:
        mistakes |= _level_mistakes(fits, model, level)
    slips = {}
    if level == RESIDUAL:
        mistakes["ols_residual_variance"] = fits.ols(model).sigma ** 2
        slips["of_residuals"] = nearly(float(np.var(fit.design.matrices.response - fit.fitted, ddof=1)))
    name = ("Residual", "") if level == RESIDUAL else (fits.term(fit, level, effect).name, effect)
    return Answer(
        found,
        mistakes,
        standard_error=engine.variance_standard_errors(fit).get(name),
        size=None if level == RESIDUAL else fit.sigma**2,
        objective=_objective(fits, fit, model, level, effect, centre, at),
        slips=slips,
    )


def _level_mistakes(fits: Fits, model: str, level: str) -> dict[str, Value]:
    """Return what a model gives that does not know one of its levels, and what was taken from another level."""
    fit, levels = fits.mixed(model), fits.levels(model)
    found: dict[str, Value] = {}
    for left_out in levels:
        name = f"{fits.setting.slug(left_out)}_left_out"
        if left_out == level:
            # Nobody who leaves out a lower level states its variance.
            if level == levels[0]:
                found[name] = 0.0
        elif level != RESIDUAL or left_out == levels[-1]:
            # What an upper level has in common goes into the next lower one, and hardly into the residual.
            kept = [one for one in levels if one != left_out]
            if (others_alone := fits.only_fit(model, kept)) is not None:
                found[name] = fits.variance(others_alone, level)
    if level != RESIDUAL:
        others = [one for one in levels if one != level]
        found["other_level"] = fits.variance(fit, others[0])
        found["relative"] = fits.variance(fit, level) / fit.sigma**2
    return found


def _objective(
    fits: Fits, fit: MixedFit, model: str, level: str, effect: str, centre: tuple[str, ...], at: str
) -> Objective | None:
    """Return what all variances of a fit minimise together, where all are asked; else what this one does alone."""
    if effect != _INTERCEPT:
        return None
    levels = (*(term.group[-1] for term in fit.model.terms), RESIDUAL)
    asked = [item for item in _find_variances(fits.items, model, levels, centre) if item]
    if len(asked) == len(levels) and all(term.effects == (_INTERCEPT,) for term in fit.terms):
        return Objective(
            tuple(asked),
            lambda *values: engine.deficit_at(fit, np.diag(np.array(values[:-1], dtype=float)), float(values[-1])),
        )
    if len(fit.terms) == 1 and fit.term.effects[:1] == (_INTERCEPT,) and len(fit.term.effects) == 2:
        item = fits.items.find("variance", model=model, level=level, effect=effect, centre=centre, at=at)
        return None if item is None or level == RESIDUAL else Objective((item,), _alone(fit))
    return None


def _alone(fit: MixedFit) -> Callable[..., float]:
    """Return the deficit of the intercepts' variance alone, all else at its best, of a fit with one random slope."""
    covariance = fit.term.covariance
    level, slope = np.sqrt(np.diagonal(covariance))
    correlation = covariance[0, 1] / (level * slope) if level * slope > 0 else 0.0
    start = [correlation, math.sqrt(max(0.0, 1.0 - correlation**2)), 0.0]

    def deficit(variance: float) -> float:
        if not 0.0 < variance < math.inf:
            return math.inf

        def at(place: Floats) -> float:
            factor = np.array([[math.sqrt(variance), 0.0], slope * place[:2]])
            return engine.deficit_at(fit, factor @ factor.T, fit.sigma**2 * math.exp(place[2]))

        # Where every deficit is infinite there is nothing to compare.
        with np.errstate(over="ignore", invalid="ignore"):
            return float(minimize(at, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-6}).fun)

    return lambda variance: deficit(float(variance))


def _share_step(items: Items, model: str, level: str, *, with_above: bool) -> Step | None:
    """Return the step from the variances of all levels to the share of one, or also of those named before it."""
    found = [one.parameters for one in items if one.question == "variance" and one.parameters["model"] == model]
    asked = dict.fromkeys(str(parameters["level"]) for parameters in found)
    levels = (*(one for one in asked if one != RESIDUAL), RESIDUAL)
    if level not in levels:
        return None
    last = levels.index(level)
    first = 0 if with_above else last

    def share(*variances: float) -> float | None:
        return sum(variances[first : last + 1]) / sum(variances) if min(variances) > 0 else None

    return follows(_find_variances(items, model, levels), share)


@question(
    kind="proportion",
    tolerance=0.0008,
    decimals=4,
    carried=0.5,
    step=lambda items, *, model, level: _share_step(items, model, level, with_above=False),
    words="""
[en]
title = "Share of the {groups}"
task = "the share of the variance that lies between {groups}, of what the predictors of the model {model} leave unexplained"
question = "What is it a share of, and whose share is it?"
advice = "It is one variance divided by the sum of all of them, and lies between 0 and 1. Which variance stands for the {groups}, and what is the whole?"
[en.mistakes]
from_standard_deviations = "The parts of a share are variances. You took their square roots, and standard deviations do not add up to a whole."
upside_down = "This is the other share: what lies within {groups}. Which of the variances belongs above the line?"
null_model = "This belongs to a model without predictors. The question is about what the predictors leave unexplained, so they belong in the model."
unadjusted = "You divided by the whole variance of {response}, the part that the predictors explain included. The whole asked for is the variances of the random part and the residual."
"of_all_{response}" = "You divided by the whole variance of {response}, the part that the predictors explain included. The whole asked for is the variances of the random part and the residual."
ols_r_squared = "This is the R-squared of a regression: how much the predictors explain. The share asked for is of what they leave unexplained."
"{each}_forgotten" = "The whole is not complete: {each} are a part of it as well."
both_levels = "These are two levels together. The share of one of them is asked for."
[de]
title = "Anteil: {groups}"
task = "der Anteil der Varianz, der zwischen {groups} liegt, an dem, was die Prädiktoren des Modells {model} unerklärt lassen"
question = "Wovon ist das ein Anteil, und wessen Anteil ist es?"
advice = "Es ist eine Varianz geteilt durch die Summe aller und liegt zwischen 0 und 1. Welche Varianz steht für {groups}, und was ist das Ganze?"
[de.mistakes]
from_standard_deviations = "Die Teile eines Anteils sind Varianzen. Du hast ihre Wurzeln genommen, und Standardabweichungen ergeben zusammen kein Ganzes."
upside_down = "Das ist der andere Anteil: was innerhalb von {groups} liegt. Welche der Varianzen gehört über den Bruchstrich?"
null_model = "Das gehört zu einem Modell ohne Prädiktoren. Hier geht es um das, was die Prädiktoren unerklärt lassen, also gehören sie ins Modell."
unadjusted = "Du hast durch die ganze Varianz von {response} geteilt, auch durch den Teil, den die Prädiktoren erklären. Das Ganze sind hier die Varianzen des zufälligen Teils und der Residuen."
"of_all_{response}" = "Du hast durch die ganze Varianz von {response} geteilt, auch durch den Teil, den die Prädiktoren erklären. Das Ganze sind hier die Varianzen des zufälligen Teils und der Residuen."
ols_r_squared = "Das ist das R² einer Regression: wie viel die Prädiktoren erklären. Gefragt ist nach einem Anteil an dem, was sie unerklärt lassen."
"{each}_forgotten" = "Das Ganze ist nicht vollständig: Die Ebene {each} gehört auch dazu."
both_levels = "Das sind zwei Ebenen zusammen. Gefragt ist nach dem Anteil von einer."
""",
)
def icc(fits: Fits, *, model: ModelName, level: str) -> Answer:
    """The share of one level in what the predictors leave unexplained: the adjusted ICC."""
    fit, levels = fits.mixed(model), fits.levels(model)
    if level not in (*levels, RESIDUAL):
        raise QuestionError(f"the model {model!r} has no level {level!r}; it has {', '.join(levels)}.")
    if levels == (level,):
        return _two_level_icc(fits, fit, model)
    parts = _parts(fits, fit, model)
    null = _parts(fits, fits.mixed(fits.null(model)), model)
    own, whole = parts[level], sum(parts.values())
    others = {name: value for name, value in parts.items() if name != level}
    mistakes: dict[str, Value] = {
        "from_standard_deviations": math.sqrt(own) / sum(map(math.sqrt, parts.values())),
        "null_model": null[level] / sum(null.values()),
        **{f"{fits.setting.slug(name)}_forgotten": own / (whole - value) for name, value in others.items()},
        "both_levels": (whole - parts[RESIDUAL]) / whole,
    }
    return Answer(own / whole, mistakes, slips={"of_residual": nearly(own / parts[RESIDUAL])})


def _two_level_icc(fits: Fits, fit: MixedFit, model: str) -> Answer:
    shares = engine.variance_shares(fit)
    between, within, pooled = math.sqrt(shares.random), fit.sigma, fits.ols(model)
    response, found = fits.model(model).response, shares.icc_adjusted
    null = engine.variance_shares(fits.mixed(fits.null(model))).icc_adjusted
    return Answer(
        found,
        {
            "from_standard_deviations": between / (between + within),
            "upside_down": shares.residual / (shares.random + shares.residual),
            "null_model": null,
            "unadjusted": shares.icc_unadjusted,
            f"of_all_{fits.setting.noun(response)}": shares.random / float(fits.response(model).var(ddof=1)),
            "ols_r_squared": pooled.r_squared,
        },
        slips={"null_model": (null, _NULL_SLACK * found)},
    )


def _parts(fits: Fits, fit: MixedFit, model: str) -> dict[str, float]:
    """Return the variance of each level by name, the residual last, of a model whose levels alone vary."""
    if any(term.effects != (_INTERCEPT,) for term in fit.terms):
        raise QuestionError(
            f"slopes vary in the model {model!r}, so its levels have no one share; take random intercepts."
        )
    return {level: fits.variance(fit, level) for level in (*fits.levels(model), RESIDUAL)}


@question(
    kind="correlation",
    tolerance=0.0008,
    decimals=4,
    carried=0.5,
    step=lambda items, *, model, same: _share_step(items, model, same, with_above=True),
    no_fit=("independent",),
    words="""
[en]
title = "Correlation of two {rows} that share their {same}"
task = "the correlation of two {rows} that share their {same} and nothing below it, given the predictors"
question = "Which effects are the same in both {rows}?"
advice = "Write each of them as fixed part + an effect for each level + residual. Which of these do the two share? Their variances are the covariance."
[en.mistakes]
from_standard_deviations = "The parts of a correlation like this are variances. You took their square roots, and standard deviations do not add up to a whole."
"share_of_{each}" = "Only the {each} are above the line. What else do the two have in common?"
"{each}_forgotten" = "The whole is not complete: {each} are a part of it as well."
"same_{one}" = "This is the correlation of two {rows} that share more than they do here. Which effects do the two have in common?"
independent = "The two have something in common: which effect?"
upside_down = "This is what the two do not share. Which effects do they have in common?"
[de]
title = "Korrelation bei gemeinsamer Ebene {same}"
task = "die Korrelation zweier {rows} mit gemeinsamer Ebene {same} und sonst keiner darunter, bei gegebenen Prädiktoren"
question = "Welche Effekte sind in beiden dieselben?"
advice = "Schreib beide als festen Teil + einen Effekt je Ebene + Residuum. Welche davon haben sie gemeinsam? Deren Varianzen sind die Kovarianz."
[de.mistakes]
from_standard_deviations = "Die Teile einer solchen Korrelation sind Varianzen. Du hast ihre Wurzeln genommen, und Standardabweichungen ergeben zusammen kein Ganzes."
"share_of_{each}" = "Über dem Bruchstrich steht nur die Ebene {each}. Was haben die beiden noch gemeinsam?"
"{each}_forgotten" = "Das Ganze ist nicht vollständig: Die Ebene {each} gehört auch dazu."
"same_{one}" = "Das ist die Korrelation von zweien, die mehr gemeinsam haben als hier. Welche Effekte sind bei beiden dieselben?"
independent = "Die beiden haben etwas gemeinsam: welchen Effekt?"
upside_down = "Das ist, was die beiden nicht gemeinsam haben. Welche Effekte sind bei beiden dieselben?"
""",
)
def correlation(fits: Fits, *, model: ModelName, same: str) -> Answer:
    """The correlation of two rows of one group of ``same``, and of all levels named before it in the formula."""
    fit, levels = fits.mixed(model), fits.levels(model)
    if same not in levels:
        raise QuestionError(f"the model {model!r} has no level {same!r}; it has {', '.join(levels)}.")
    parts = _parts(fits, fit, model)
    place, whole = levels.index(same) + 1, sum(parts.values())
    shared = [parts[level] for level in levels[:place]]
    slug, mistakes = fits.setting.slug, dict[str, Value]()
    if place > 1:
        mistakes["from_standard_deviations"] = sum(map(math.sqrt, shared)) / sum(map(math.sqrt, parts.values()))
        mistakes["upside_down"] = 1.0 - sum(shared) / whole
        above = levels[0]
        mistakes[f"{slug(above)}_forgotten"] = parts[same] / (whole - parts[above])
        mistakes |= {f"share_of_{slug(level)}": parts[level] / whole for level in levels[:place]}
    else:
        mistakes["independent"] = 0.0
        mistakes |= {f"share_of_{slug(level)}": parts[level] / whole for level in levels[place:]}
        mistakes[f"{slug(RESIDUAL)}_forgotten"] = sum(shared) / (whole - parts[RESIDUAL])
        if len(levels) > 1:
            below = levels[place]
            mistakes[f"same_{fits.setting.noun(below)}"] = (parts[same] + parts[below]) / whole
    return Answer(sum(shared) / whole, mistakes)
