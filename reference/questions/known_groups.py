"""Questions on what to expect of a group that is known, and of a new one beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.data.columns import Level
from reference.data.groups import group_names, read_groups
from reference.questions.answers import Answer, Value
from reference.questions.fits import Fits
from reference.questions.predictions import Place, fixed_part, row_at
from reference.questions.question import ModelName, question
from reference.questions.setting import QuestionError

#: The two groups with the largest mean response must be this share of its standard deviation apart.
SMALLEST_LEAD = 0.02
#: The group with the largest mean response.
BEST = "best"


@dataclass(frozen=True)
class _Known:
    """The expectation in a known group: the fixed part, the effects of its level and of those it lies in, its mean."""

    level: str
    fixed: float
    own: float
    upper: Mapping[str, float]
    mean: float
    faults: tuple[str, ...]


def _known(fits: Fits, model: str, at: Place, level: str | None, group: Level) -> _Known:
    fit, row, frame, whole = fits.mixed(model), row_at(fits, model, at), fits.frame, fits.model(model)
    level = _level(fits, model, level)
    columns = next(term.group for term in whole.terms if term.group[-1] == level)
    codes, ids = read_groups(frame, columns)
    responses = fits.response(model).to_numpy()
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
    return _Known(level, fixed_part(fit, row), own, upper, float(means[place]), (called,) if close else ())


def _level(fits: Fits, model: str, level: str | None) -> str:
    """Return the level of the groups that are asked for: the one with the most groups if it is not said."""
    levels = fits.levels(model)
    if level is None:
        fit = fits.mixed(model)
        sizes = {one.group[-1]: len(term.levels) for term, one in zip(fit.terms, fit.model.terms, strict=True)}
        return max(levels, key=sizes.__getitem__)
    if level not in levels:
        raise QuestionError(f"the model {model!r} has no level {level!r}; it has {', '.join(levels)}.")
    return level


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
    words="""
[en]
title = "Expected {response} in a known group"
task = "the {response} that the model {model} expects in the known group that the question names; {at}every predictor that is not named here at its mean over all rows"
question = "Which random effects have been estimated for this group?"
advice = "If none is named, take the group with the highest mean of {response}. Then the fixed part at the values of the question, plus the random effects of this group on every level that it belongs to."
[en.mistakes]
marginal = "This is the prediction for an average group. We know more here. Which random effects have been estimated for this one?"
"{one}_only" = "The effect of the {one} is in it, but the own effect of the group within it is not."
"{each}_left_out" = "The own effect of the group is in it, but not that of what it lies in: {each}."
"mean_of_{one}" = "This is the group's own mean of {response}. It takes its luck in a few {rows} at face value, and other predictors than those of the question. Use the fixed part and the random effects of the model."
[de]
title = "Erwartung für eine bekannte Gruppe: {response}"
task = "was das Modell {model} für die bekannte Gruppe der Frage erwartet ({response}); {at}jeder hier nicht genannte Prädiktor an seinem Mittelwert über alle Zeilen"
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
        f"mean_of_{noun(known.level)}": known.mean,
        **{f"{noun(one)}_only": known.fixed + effect for one, effect in known.upper.items()},
        **{f"{slug(one)}_left_out": found - effect for one, effect in known.upper.items()},
    }
    return Answer(found, mistakes, faults=known.faults)


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    words="""
[en]
title = "Expected {response} in a new group beside a known one"
task = "the {response} that the model {model} expects in a new group that lies in the same larger group as the known one of the question; {at}every predictor that is not named here at its mean over all rows"
question = "Which random effects would a new group share with the known one?"
advice = "The fixed part at the values of the question, and those random effects that a new group would share. Which are they?"
[en.mistakes]
marginal = "This is the prediction for an average group. We know more here. Which random effects have been estimated for the larger group that it lies in?"
"of_the_{one}" = "This is the prediction for the group that is there already. A new one shares what it lies in, and not its own effect."
[de]
title = "Erwartung für eine neue Gruppe neben einer bekannten: {response}"
task = "was das Modell {model} für eine neue Gruppe in derselben größeren Gruppe wie die bekannte der Frage erwartet ({response}); {at}jeder hier nicht genannte Prädiktor an seinem Mittelwert über alle Zeilen"
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
    known = _known(fits, model, at, level, group)
    if not known.upper:
        raise QuestionError(
            f"in the model {model!r} {fits.setting.plural(known.level)} lie in no other groups; ask 'expected'."
        )
    found = known.fixed + sum(known.upper.values())
    own = f"of_the_{fits.setting.noun(known.level)}"
    return Answer(found, {"marginal": known.fixed, own: found + known.own}, faults=known.faults)
