"""Questions on the groups themselves: each one's own level or slope, and who comes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from reference import FittedTerm, MixedFit
from reference.arrays import Integers
from reference.data.columns import Level
from reference.data.formula import INTERCEPT
from reference.data.groups import read_groups
from reference.questions.answers import Answer, Step, Value, follows
from reference.questions.fits import Fits
from reference.questions.formulas import terms_beside
from reference.questions.question import ModelName, question
from reference.questions.setting import Column, Items, QuestionError

#: Two of the first groups must be this many standard deviations of the effect apart for a ranking to be clear.
SMALLEST_GAP = 0.02

Values = dict[Level, float]


@question(
    kind="by_name",
    tolerance=0.02,
    decimals=4,
    words="""
[en]
title = "{effect} of the {groups}, one by one"
task = "a dictionary with the own coefficient of {effect} for each of the {groups} in the model {model}, by its id"
question = "What has to be added to a random effect to make it a group's own value?"
advice = "It is the fixed effect plus the random effect of that group, both per one unit. If yours are that, look at the fit itself: the random effects of a search that stopped early are quite different. Compare the log-likelihoods of several optimisers."
[en.mistakes]
deviations = "These are the deviations from the average, which is what random effects are. A group's own value is the average plus its deviation."
average_twice = "Here the average is in it twice. A random effect is a deviation from the average; add the average once."
"ols_per_{group}" = "These come from one regression per group. Each of them has only a few {rows} to go by, so luck shows as skill. The mixed model draws each towards the average, by as much as its data are uncertain: take its random effects."
"ols_per_{group}_{effect}_only" = "These come from one regression per group, on {effect} alone. They leave out the other predictors, and each has only a few {rows} to go by. Take the random effects of the mixed model, added to its average."
per_several = "The digits are right and the unit is not: {effect} was counted in other units. If you rescaled it for the optimiser, scale its slopes back."
per_hundred = "The digits are right and the unit is not: this is per hundred units of {effect}. If you rescaled it for the optimiser, scale its slopes back."
[de]
title = "{effect} von {groups}, einzeln"
task = "ein Dictionary mit dem eigenen Koeffizienten von {effect} je Gruppe ({groups}) im Modell {model}, nach ihrer Kennung"
question = "Was muss zu einem zufälligen Effekt dazu, damit er der eigene Wert einer Gruppe wird?"
advice = "Es ist der feste Effekt plus der zufällige Effekt dieser Gruppe, beide je Einheit. Wenn das so ist, sieh dir die Schätzung selbst an: Zufällige Effekte einer Suche, die zu früh anhielt, sind ganz andere. Vergleiche die Log-Likelihoods mehrerer Optimierer."
[de.mistakes]
deviations = "Das sind die Abweichungen vom Mittel; das sind zufällige Effekte. Der eigene Wert einer Gruppe ist das Mittel plus ihre Abweichung."
average_twice = "Das Mittel steckt hier zweimal darin. Ein zufälliger Effekt ist eine Abweichung vom Mittel; addiere das Mittel einmal."
"ols_per_{group}" = "Das kommt aus einer eigenen Regression je Gruppe. Jede stützt sich nur auf wenige Zeilen ({rows}), sodass Glück wie Können aussieht. Das gemischte Modell zieht jede zum Mittel hin, umso mehr, je unsicherer ihre Daten sind: Nimm seine zufälligen Effekte."
"ols_per_{group}_{effect}_only" = "Das kommt aus einer eigenen Regression je Gruppe, nur auf {effect}. Die anderen Prädiktoren fehlen darin. Nimm die zufälligen Effekte des gemischten Modells und addiere sein Mittel."
per_several = "Die Ziffern stimmen, die Einheit nicht: {effect} wurde in anderen Einheiten gezählt. Wenn du es für den Optimierer umskaliert hast, rechne die Steigungen zurück."
per_hundred = "Die Ziffern stimmen, die Einheit nicht: Das gilt für hundert Einheiten von {effect}. Wenn du es für den Optimierer umskaliert hast, rechne die Steigungen zurück."
""",
)
def group_values(fits: Fits, *, model: ModelName, effect: str = INTERCEPT, level: str | None = None) -> Answer:
    """Each group's own intercept or slope: the fixed effect plus its conditional mode, by its id."""
    fit = fits.mixed(model)
    term, group = _term(fits, fit, effect, level)
    _require_one_slope(fit, effect)
    average, deviations = fit.fixed_effects.get(effect, 0.0), _modes(term, effect)
    values = {name: average + mode for name, mode in deviations.items()}
    mistakes: dict[str, Value] = {
        "deviations": deviations,
        "average_twice": {name: value + average for name, value in values.items()},
    }
    if effect != INTERCEPT:
        noun, called = fits.setting.noun(group), fits.setting.noun(effect)
        if own := _own_slopes(fits, fit, term, effect):
            mistakes[f"ols_per_{noun}"] = own
            mistakes[f"ols_per_{noun}_{called}_only"] = _own_slopes(fits, fit, term, effect, alone=True)
        column = fits.setting.columns.get(effect, Column())
        if factor := column.rescaled:
            mistakes[column.slip] = {group: factor * value for group, value in values.items()}
    return Answer(values, mistakes)


def _ranking_step(items: Items, *, model: str, effect: str, top: int, level: str | None) -> Step | None:
    def first(values: Mapping[Level, float]) -> tuple[Level, ...] | None:
        return _first(values, top) if len(set(values.values())) > top else None

    return follows([items.find("group_values", model=model, effect=effect, level=level)], first)


@question(
    kind="ranking",
    tolerance=0.0005,
    carried=0.5,
    step=_ranking_step,
    no_fit=("by_{group}_mean",),
    words="""
[en]
title = "The {top} {groups} with the largest {effect}"
task = "a list of the ids of the {top} {groups} with the largest own coefficient of {effect}, largest first"
question = "By which numbers did you sort, and in which direction?"
advice = "Sort the values of your mixed model, largest first, before rounding them, and give the first {top} ids."
[en.mistakes]
positions = "These are positions in a list, counted from zero, and not ids. Take the labels along when you sort."
ascending = "These are the ones with the smallest values. Check the direction of the sort."
by_intercept = "These have the largest intercepts. Their level is high, but the question is where one more unit of {effect} brings most."
"by_{group}_mean" = "These have the largest mean of {response}. A high level says little about {effect}; rank by the values of the mixed model."
"by_ols_per_{group}" = "This ranking comes from one regression per group, where luck in a few {rows} makes winners. Rank by the values of the mixed model."
[de]
title = "Die {top} mit dem größten Wert: {effect} von {groups}"
task = "eine Liste der {top} Kennungen ({groups}) mit dem größten eigenen Koeffizienten von {effect}, der größte zuerst"
question = "Nach welchen Zahlen hast du sortiert, und in welche Richtung?"
advice = "Sortiere die Werte deines gemischten Modells, den größten zuerst, bevor du rundest, und gib die ersten {top} Kennungen an."
[de.mistakes]
positions = "Das sind Positionen in einer Liste, ab null gezählt, und keine Kennungen. Nimm beim Sortieren die Kennungen mit."
ascending = "Das sind die mit den kleinsten Werten. Prüfe, in welche Richtung sortiert wurde."
by_intercept = "Die haben die größten Achsenabschnitte. Ihr Niveau ist hoch, aber gefragt ist, wo eine Einheit {effect} mehr am meisten bringt."
"by_{group}_mean" = "Die haben den größten Mittelwert von {response}. Ein hohes Niveau sagt wenig über {effect}; ordne nach den Werten des gemischten Modells."
"by_ols_per_{group}" = "Diese Reihenfolge kommt aus einer eigenen Regression je Gruppe, in der Glück in wenigen Zeilen ({rows}) Sieger macht. Ordne nach den Werten des gemischten Modells."
""",
)
def ranking(fits: Fits, *, model: ModelName, effect: str = INTERCEPT, top: int = 5, level: str | None = None) -> Answer:
    """The groups with the largest own intercepts or slopes, largest first."""
    fit = fits.mixed(model)
    term, group = _term(fits, fit, effect, level)
    _require_one_slope(fit, effect)
    average = fit.fixed_effects.get(effect, 0.0)
    values = {name: average + mode for name, mode in _modes(term, effect).items()}
    if not 1 <= top < len(values):
        raise QuestionError(f"top = {top}, but there are {len(values)} {fits.setting.plural(group)}; ask for fewer.")
    found, noun = _first(values, top), fits.setting.noun(group)
    ids = list(term.levels)
    responses = fit.design.matrices.response
    means = {name: float(responses[rows].mean()) for name, rows in _by_group(fits, fit, term)}
    mistakes: dict[str, Value] = {
        "positions": tuple(ids.index(name) for name in found),
        "ascending": _first({name: -value for name, value in values.items()}, top),
    }
    if effect != INTERCEPT:
        # Where slopes and intercepts are not correlated, these are in another term.
        for other in fit.terms:
            if other.group == term.group and INTERCEPT in other.effects:
                mistakes["by_intercept"] = _first(_modes(other, INTERCEPT), top)
        if own := _own_slopes(fits, fit, term, effect):
            mistakes[f"by_ols_per_{noun}"] = _first(own, top)
    mistakes[f"by_{noun}_mean"] = _first(means, top)
    return Answer(found, mistakes, scores=values, faults=_gap_faults(term, effect, values, top))


def _term(fits: Fits, fit: MixedFit, effect: str, level: str | None) -> tuple[FittedTerm, str]:
    """Return the random term in which an effect varies, and the last column that names its groups."""
    levels = [level] if level else list(dict.fromkeys(term.group[-1] for term in fit.model.terms))
    for one in levels:
        for term, model in zip(fit.terms, fit.model.terms, strict=True):
            if model.group[-1] == one and effect in term.effects:
                return term, one
    return fits.term(fit, levels[0], effect), levels[0]


def _require_one_slope(fit: MixedFit, effect: str) -> None:
    """Raise QuestionError where a column of an effect stands in other fixed terms, so that groups have several slopes."""
    if beside := terms_beside(fit, effect):
        others = ", ".join(beside)
        raise QuestionError(
            f"the model {fit.model.name!r} also has {others} in its fixed part, so that a group's own slope of {effect} "
            f"is not one coefficient plus a deviation; ask it of a model without {others}, or ask for the 'variance' of "
            f"{effect} and for each 'coefficient'."
        )


def _modes(term: FittedTerm, effect: str) -> Values:
    return dict(zip(term.levels, term.modes[:, term.effects.index(effect)].tolist(), strict=True))


def _first(values: Mapping[Level, float], count: int) -> tuple[Level, ...]:
    return tuple(sorted(values, key=lambda name: (-values[name], str(name)))[:count])


def _by_group(fits: Fits, fit: MixedFit, term: FittedTerm) -> Iterator[tuple[Level, Integers]]:
    """Yield the places of each group's rows, by the group's name in a term."""
    columns = next(model.group for one, model in zip(fit.terms, fit.model.terms, strict=True) if one is term)
    codes, _ = read_groups(fits.frame, columns)
    for place, name in enumerate(term.levels):
        yield name, np.flatnonzero(codes == place)


def _own_slopes(fits: Fits, fit: MixedFit, term: FittedTerm, effect: str, alone: bool = False) -> Values:
    """Return each group's own least squares slope; of minimum norm where its rows are too few.

    Empty where the effect is not in the fixed part, so that nobody could take it from a regression.
    """
    names, slopes = list(fit.design.fixed_names), Values()
    if effect not in names:
        return slopes
    place, matrices = names.index(effect), fit.design.matrices
    columns = matrices.fixed
    if alone:
        columns = np.column_stack([columns[:, place], np.ones(len(columns))])
    for name, rows in _by_group(fits, fit, term):
        found = np.linalg.pinv(columns[rows]) @ matrices.response[rows]
        slopes[name] = float(found[0 if alone else place])
    return slopes


def _gap_faults(term: FittedTerm, effect: str, values: Values, top: int) -> tuple[str, ...]:
    place = term.effects.index(effect)
    deviation = float(np.sqrt(term.covariance[place, place]))
    ordered = sorted(values.values(), reverse=True)[: top + 1]
    gap = min(before - after for before, after in pairwise(ordered))
    if gap < SMALLEST_GAP * deviation:
        return (
            f"two of the first {top + 1} are {gap / deviation if deviation else 0.0:.3f} standard deviations apart",
        )
    return ()
