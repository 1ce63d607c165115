"""The code that answers a question, and the code that makes a known mistake, for notebooks and sample submissions.

All of it is written as a learner would, with the names that `reference` offers, and computes each answer from the fits
alone, so that a sample with one mistake has one wrong answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from reference.data.formula import INTERCEPT, effects
from reference.questions import LIBRARY, RESIDUAL, Fits
from reference.questions.predictions import row_at

#: Stands for the name of the answer.
ANSWER = "ANSWER"


class Code(NamedTuple):
    """Statements that assign ``ANSWER``, and for known mistakes others in their place, by the mistake's name."""

    right: str
    mistakes: Mapping[str, str]


def variable(model: str, *, ml: bool = False) -> str:
    """Return the name that a fit of a model has in notebooks."""
    name = re.sub(r"\W+", "_", model).strip("_").casefold()
    return f"{name}_ml" if ml else name


def quoted(text: str) -> str:
    """Return a text as it stands in code."""
    return json.dumps(text, ensure_ascii=False)


def fits_used(fits: Fits, codes: Iterable[str]) -> list[str]:
    """Return the statements that fit the models which some code speaks of."""
    names = {name for code in codes for name in re.findall(r"[^\W\d]\w*", code)}
    return [
        f"{variable(model, ml=ml)} = fit({quoted(formula)}, panel{', reml=False' if ml else ''})"
        for model, formula in fits.setting.models.items()
        for ml in (False, True)
        if variable(model, ml=ml) in names
    ]


def _one(right: str, **mistakes: str) -> Code:
    """Return the code for an answer that is one expression; in the others ``{}`` stands for the right one."""
    wrong = {name: f"{ANSWER} = {text.replace('{}', f'({right})')}" for name, text in mistakes.items()}
    return Code(f"{ANSWER} = {right}", wrong)


def _place(fits: Fits, model: str, level: str | None, effect: str) -> tuple[str, int, str]:
    """Return where in a fit an effect varies: the term, the effect's place in it, and the level."""
    fit = fits.mixed(model)
    for number, (term, said) in enumerate(zip(fit.terms, fit.model.terms, strict=True)):
        if effect in term.effects and level in (None, said.group[-1]):
            return f"{variable(model)}.terms[{number}]", term.effects.index(effect), said.group[-1]
    raise KeyError(f"{effect} by {level}")


def _variance_of(fits: Fits, model: str, level: str, effect: str = INTERCEPT) -> str:
    if level == RESIDUAL:
        return f"{variable(model)}.sigma ** 2"
    term, number, _ = _place(fits, model, level, effect)
    return f"{term}.covariance[{number}, {number}]"


def _by_ml(text: str, model: str) -> str:
    return text.replace(f"{variable(model)}.", f"{variable(model, ml=True)}.")


def _variance(fits: Fits, *, model: str, level: str, **others: Any) -> Code:
    found = _variance_of(fits, model, level, **others)
    return _one(found, standard_deviation="{} ** 0.5", maximum_likelihood=_by_ml(found, model))


def _icc(fits: Fits, *, model: str, level: str) -> Code:
    parts = {one: _variance_of(fits, model, one) for one in (*fits.levels(model), RESIDUAL)}
    own, whole = parts[level], " + ".join(parts.values())
    roots = " + ".join(f"({part}) ** 0.5" for part in parts.values())
    return _one(
        f"{own} / ({whole})",
        upside_down="1 - {}",
        from_standard_deviations=f"({own}) ** 0.5 / ({roots})",
    )


def _log_likelihood(fits: Fits, *, model: str) -> Code:
    return _one(f"{variable(model, ml=True)}.llf", reml=f"{variable(model)}.llf", deviance="-2 * {}")


def _statistic(smaller: str, larger: str, *, ml: bool = True) -> str:
    return f"2 * ({variable(larger, ml=ml)}.llf - {variable(smaller, ml=ml)}.llf)"


def _lrt(fits: Fits, *, smaller: str, larger: str) -> Code:
    right = _statistic(smaller, larger)
    return _one(right, half="{} / 2", from_reml=_statistic(smaller, larger, ml=False), negative="-{}")


def _df(smaller: str, larger: str) -> str:
    return f"compare_nested({variable(smaller, ml=True)}, {variable(larger, ml=True)}).df"


def _lrt_df(fits: Fits, *, smaller: str, larger: str) -> Code:
    return _one(_df(smaller, larger))


def _models_of_test(fits: Fits, item: str) -> tuple[str, str]:
    asked = fits.items[item]
    if "of" in asked.parameters:
        return _models_of_test(fits, str(asked.parameters["of"]))
    return str(asked.parameters["smaller"]), str(asked.parameters["larger"])


def _tail(tested: tuple[str, str], tail: str = "sf") -> str:
    return f"stats.chi2.{tail}({_statistic(*tested)}, {_df(*tested)})"


def _lrt_p(fits: Fits, *, of: str, **_: Any) -> Code:
    tested = _models_of_test(fits, of)
    return _one(_tail(tested), wrong_tail=_tail(tested, "cdf"))


def _decision(fits: Fits, *, of: str) -> Code:
    smaller, larger = _models_of_test(fits, of)
    return _one(f'"{larger}" if {_tail((smaller, larger))} < 0.05 else "{smaller}"')


def _coefficient(fits: Fits, *, model: str, term: str, **_: Any) -> Code:
    whole, right = fits.model(model), f"{variable(model)}.params[{quoted(term)}]"
    # What else formulas can hold, statsmodels writes in other ways.
    factors = [factor for product in effects(whole.fixed) for factor in product]
    if any(how != "LOOKUP" or not name.isidentifier() for name, how in factors) or not whole.response.isidentifier():
        return _one(right)
    return _one(right, ols=f'smf.ols("{whole.response} ~ {whole.fixed}", panel).fit().params[{quoted(term)}]')


def _effects_correlation(fits: Fits, *, model: str, level: str, effects: tuple[str, str], **_: Any) -> Code:
    term, one, _level = _place(fits, model, level, effects[0])
    other = _place(fits, model, level, effects[1])[1]
    covariance, variances = f"{term}.covariance[{one}, {other}]", [f"{term}.covariance[{n}, {n}]" for n in (one, other)]
    return _one(f"{covariance} / ({' * '.join(variances)}) ** 0.5", covariance=covariance)


def _own_values(fits: Fits, model: str, effect: str, level: str | None, average: int = 1) -> str:
    term, number, _ = _place(fits, model, level, effect)
    there_is_one = effect in fits.mixed(model).design.fixed_names
    fixed = f"{average} * {variable(model)}.params[{quoted(effect)}] + ".removeprefix("1 * ")
    fixed = fixed if average and there_is_one else ""
    return f"term = {term}\nvalues = dict(zip(term.levels, ({fixed}term.modes[:, {number}]).tolist()))\n"


def _group_values(fits: Fits, *, model: str, effect: str = INTERCEPT, level: str | None = None) -> Code:
    last = f"{ANSWER} = values"
    made = {average: _own_values(fits, model, effect, level, average) + last for average in (0, 1, 2)}
    return Code(made[1], {"deviations": made[0], "average_twice": made[2]})


def _ranking(fits: Fits, *, model: str, effect: str = INTERCEPT, top: int = 5, level: str | None = None) -> Code:
    values = _own_values(fits, model, effect, level)
    right = f"{values}{ANSWER} = sorted(values, key=values.get, reverse=True)[:{top}]"
    return Code(right, {"ascending": f"{values}{ANSWER} = sorted(values, key=values.get)[:{top}]"})


def _new_row(fits: Fits, model: str, at: Mapping[str, Any]) -> str:
    names = map(str, row_at(fits, model, dict(at)))
    places = (
        f"{quoted(name)}: " + (repr(at[name]) if name in at else f"panel[{quoted(name)}].mean()") for name in names
    )
    return f"new = pd.DataFrame({{{', '.join(places)}}}, index=[0])\n"


def _expected(fits: Fits, *, model: str, at: Mapping[str, Any] = {}) -> Code:
    response, noun = fits.model(model).response, fits.setting.noun(fits.model(model).response)
    right = f"{_new_row(fits, model, at)}{ANSWER} = predict_population({variable(model)}, new)[0]"
    mean = {f"mean_of_{noun}": f'{ANSWER} = panel["{response}"].mean()'} if response in fits.frame else {}
    return Code(right, mean)


def _predicted(fits: Fits, model: str, at: Mapping[str, Any]) -> str:
    return f"{_new_row(fits, model, at)}prediction = predict_new_groups({variable(model)}, new)\n"


def _deviation(fits: Fits, *, model: str, at: Mapping[str, Any] = {}) -> Code:
    made, error = f"{_predicted(fits, model, at)}{ANSWER} = ", "prediction.standard_error[0]"
    return Code(
        f"{made}prediction.deviation[0]",
        {
            "of_the_mean": f"{made}{error}",
            "residual_only": f"{made}({error} ** 2 + {variable(model)}.sigma ** 2) ** 0.5",
            "variance": f"{made}prediction.deviation[0] ** 2",
        },
    )


def _prediction_interval(fits: Fits, *, model: str, at: Mapping[str, Any] = {}) -> Code:
    made = f"{_predicted(fits, model, at)}middle = predict_population({variable(model)}, new)[0]\n"

    def around(reach: str) -> str:
        return f'{made}reach = {reach}\n{ANSWER} = {{"low": middle - reach, "high": middle + reach}}'

    return Code(
        around("1.96 * prediction.deviation[0]"),
        {
            "one_deviation": around("prediction.deviation[0]"),
            "of_the_mean": around("1.96 * prediction.standard_error[0]"),
        },
    )


_CODE: Mapping[str, Callable[..., Code]] = {
    "variance": _variance,
    "icc": _icc,
    "log_likelihood": _log_likelihood,
    "lrt": _lrt,
    "lrt_df": _lrt_df,
    "lrt_p": _lrt_p,
    "decision": _decision,
    "coefficient": _coefficient,
    "effects_correlation": _effects_correlation,
    "group_values": _group_values,
    "ranking": _ranking,
    "expected": _expected,
    "deviation": _deviation,
    "prediction_interval": _prediction_interval,
}


def code_for(fits: Fits, item: Mapping[str, Any]) -> Code:
    """Return the code for an item that `mlm new` proposes."""
    takes = LIBRARY[item["ask"]].parameters
    return _CODE[item["ask"]](fits, **{name: value for name, value in item.items() if name in takes})
