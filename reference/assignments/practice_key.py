"""From a panel to the answer key of the practice assignment and the known wrong answers, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from reference.assignments.practice_fits import PracticeFits, fit_practice
from reference.assignments.practice_mistakes import (
    EXTRA_SPEND,
    Mistakes,
    Value,
    known_mistakes,
    store_slopes,
    store_variance,
    top_stores,
)
from reference.assignments.steps import (
    PRACTICE_STEPS,
    Objective,
    Step,
    centred_objective,
    intercept_objective,
)
from reference.data.formula import INTERCEPT
from reference.inference.diagnostics import ALPHA
from reference.inference.satterthwaite import standard_errors, variance_standard_errors
from reference.inference.variance import variance_shares
from reference.panels.models import RANDOM_INTERCEPT, RANDOM_SLOPE, TOP
from reference.panels.panel import Panel

COINCIDES = 1e-6


@dataclass(frozen=True)
class AnswerKey:
    """What is right and what is wrong on one panel, by item.

    Parameters
    ----------
    values : mapping
        The right answers.
    standard_errors : mapping
        Of those that have one.
    mistakes : mapping
        Known wrong answers by name. One that happens to be right on this panel is left out.
    sizes : mapping
        Of variances: one that would matter, so that zero and a millionth of it are the same.
    scores : mapping
        What a ranking ranks by, for every name that could be in it.
    steps : mapping
        How an answer follows from other answers of the learner.
    objectives : mapping
        By name: what answers that are estimates together are meant to minimise.
    """

    values: Mapping[str, Value]
    standard_errors: Mapping[str, float]
    mistakes: Mapping[str, Mistakes]
    sizes: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    objectives: Mapping[str, Objective] = field(default_factory=dict)


def practice_key(panel: Panel) -> AnswerKey:
    """Return the answer key of the practice assignment for a panel.

    Parameters
    ----------
    panel : Panel
        Spend in thousands of dollars, sales in thousands of units; so are the answers.

    Returns
    -------
    AnswerKey
        ICC: adjusted, of the REML random-intercept model. Test: ML fits, naive chi². Slopes and centring:
        REML random-slope model. Gains: sales for ``EXTRA_SPEND`` more on YouTube.

    Raises
    ------
    DesignError, ConvergenceError
        If a model cannot be fitted to the panel.
    """
    return key_from_fits(fit_practice(panel))


def key_from_fits(fits: PracticeFits) -> AnswerKey:
    """Return the answer key from fits already made."""
    values = _values(fits)
    return AnswerKey(
        values=MappingProxyType(values),
        standard_errors=MappingProxyType(_errors(fits)),
        mistakes=MappingProxyType(distinct_mistakes(values, known_mistakes(fits))),
        sizes={"var_store": fits.intercept.sigma**2, "var_intercept_centred": fits.centred.sigma**2},
        scores={"top5": store_slopes(fits.slope)},
        steps=PRACTICE_STEPS,
        objectives={
            "random_intercept": intercept_objective(fits.intercept),
            "random_slope_centred": centred_objective(fits.centred),
        },
    )


def distinct_mistakes(values: Mapping[str, Value], wrong: Mapping[str, Mistakes]) -> dict[str, Mistakes]:
    """Return known mistakes by item without those that happen to be right."""
    return {
        item: MappingProxyType({name: value for name, value in named.items() if not coincide(values[item], value)})
        for item, named in wrong.items()
    }


def coincide(right: Value, wrong: Value, relative: float = COINCIDES) -> bool:
    """Return whether two values of one kind are the same, numbers within a relative distance of ``right``."""
    if isinstance(right, Mapping) and isinstance(wrong, Mapping):
        others = dict(wrong.items())
        return right.keys() == others.keys() and all(
            coincide(value, others[name], relative) for name, value in right.items()
        )
    if isinstance(right, float) and isinstance(wrong, float):
        return abs(wrong - right) <= relative * abs(right)
    return bool(right == wrong)


def _values(fits: PracticeFits) -> dict[str, Value]:
    test = fits.test
    slopes = store_slopes(fits.slope)
    top = top_stores(fits.slope, min(TOP, len(slopes)))
    average = fits.slope.fixed_effects["youtube"]
    return {
        "var_store": store_variance(fits.intercept),
        "var_residual": fits.intercept.sigma**2,
        "icc": variance_shares(fits.intercept).icc_adjusted,
        "loglik_ri": fits.intercept_ml.log_likelihood,
        "loglik_rs": fits.slope_ml.log_likelihood,
        "lrt_chi2": test.statistic,
        "lrt_df": test.df,
        "lrt_p": test.p,
        "aic_gain": test.aic_gain,
        "preferred": RANDOM_SLOPE.name if test.p < ALPHA else RANDOM_INTERCEPT.name,
        "youtube_slope": average,
        "store_slopes": slopes,
        "top5": top,
        "media_means": fits.media_means,
        "intercept_centred": fits.centred.fixed_effects[INTERCEPT],
        "var_intercept_centred": store_variance(fits.centred),
        "youtube_slope_centred": fits.centred.fixed_effects["youtube"],
        "loglik_change": fits.centred.log_likelihood - fits.slope.log_likelihood,
        "gain_average": EXTRA_SPEND * average,
        "gain_best_store": EXTRA_SPEND * slopes[top[0]],
    }


def _errors(fits: PracticeFits) -> dict[str, float]:
    slope, centred = standard_errors(fits.slope), standard_errors(fits.centred)
    variances, centred_variances = variance_standard_errors(fits.intercept), variance_standard_errors(fits.centred)
    errors = {
        "youtube_slope": slope["youtube"],
        "intercept_centred": centred[INTERCEPT],
        "youtube_slope_centred": centred["youtube"],
        "gain_average": EXTRA_SPEND * slope["youtube"],
        "var_residual": variances["Residual", ""],
    }
    # On the boundary a variance has no standard error.
    if ("store_id", INTERCEPT) in variances:
        errors["var_store"] = variances["store_id", INTERCEPT]
    if ("store_id", INTERCEPT) in centred_variances:
        errors["var_intercept_centred"] = centred_variances["store_id", INTERCEPT]
    return errors
