"""From a panel of stores within cities to the answer key of the extension assignment, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from reference import standard_errors
from reference.assignments.answer_key import (
    AnswerKey,
    Step,
    Value,
    p_value,
    share_step,
    variance_errors,
    variances,
    variances_objective,
)
from reference.assignments.extension_fits import ExtensionFits, fit_extension
from reference.assignments.extension_mistakes import bounds, extension_mistakes, known_store_parts
from reference.panels import Panel

# The variances of cities, of stores within cities, and of weeks within stores, in squared units of sales.
LEVELS = ("var_city", "var_store_in_city", "var_within_store")
MORE, LESS = "more", "less"


def extension_key(panel: Panel) -> AnswerKey:
    """Return the answer key of the extension assignment for a panel with cities.

    Parameters
    ----------
    panel : Panel
        Spend in thousands of dollars, sales in thousands of units; so are the answers.

    Returns
    -------
    AnswerKey
        Variances, slopes and predictions: REML fits of stores within cities. Shares: of what the predictors leave.
        Contextual test: ML fits, chi² on one degree of freedom. Predictions: the panel's last week, media at their
        means; errors given the estimated variances.

    Raises
    ------
    PanelError
        If the panel has no cities.
    DesignError, ConvergenceError
        If a model cannot be fitted to the panel.
    """
    return key_from_extension(fit_extension(panel))


def key_from_extension(fits: ExtensionFits) -> AnswerKey:
    """Return the answer key from fits already made."""
    return AnswerKey(
        values=_values(fits),
        standard_errors=_errors(fits),
        mistakes=extension_mistakes(fits),
        sizes={"var_city": fits.nested.sigma**2, "var_store_in_city": fits.nested.sigma**2},
        steps=EXTENSION_STEPS,
        objectives={"three_levels": variances_objective(fits.nested, *LEVELS)},
    )


def _values(fits: ExtensionFits) -> dict[str, Value]:
    city, store, week = variances(fits.nested)
    whole = city + store + week
    within, between = fits.slopes
    fixed, of_city, of_store = known_store_parts(fits)
    deviation = float(fits.prediction.deviation[0])
    return {
        "var_city": city,
        "var_store_in_city": store,
        "var_within_store": week,
        "share_city": city / whole,
        "share_store": store / whole,
        "corr_same_store": (city + store) / whole,
        "corr_same_city": city / whole,
        "store_means": fits.store_means,
        "slope_within": within,
        "slope_between": between,
        "contextual_effect": between - within,
        "contextual_chi2": fits.test.statistic,
        "contextual_p": fits.test.p,
        "context_direction": MORE if between > within else LESS,
        "expected_new": fixed,
        "se_expected": float(fits.prediction.standard_error[0]),
        "sd_new": deviation,
        "interval_new": bounds(fixed, deviation),
        "expected_known": fixed + of_city + of_store,
        "expected_in_city": fixed + of_city,
    }


def _errors(fits: ExtensionFits) -> dict[str, float]:
    slopes, names = standard_errors(fits.context), fits.context.design.fixed_names
    difference = np.array([{"youtube_mean": 1.0, "youtube_within": -1.0}.get(name, 0.0) for name in names])
    return {
        "slope_within": slopes["youtube_within"],
        "slope_between": slopes["youtube_mean"],
        "contextual_effect": float(np.sqrt(difference @ fits.context.covariance @ difference)),
        "expected_new": float(fits.prediction.standard_error[0]),
        **variance_errors(fits.nested, *LEVELS),
    }


def _difference(between: float, within: float) -> float | None:
    return between - within if between != within else None


def _direction(effect: float) -> str | None:
    return None if effect == 0 else MORE if effect > 0 else LESS


def _interval(expected: float, deviation: float) -> dict[str, float] | None:
    return bounds(expected, deviation) if deviation > 0 else None


EXTENSION_STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "share_city": share_step(LEVELS, 0),
        "share_store": share_step(LEVELS, 1),
        "corr_same_store": share_step(LEVELS, 0, 1),
        "corr_same_city": share_step(LEVELS, 0),
        "contextual_effect": Step(("slope_between", "slope_within"), _difference),
        "contextual_p": Step(("contextual_chi2",), lambda statistic: p_value(statistic, 1)),
        "context_direction": Step(("contextual_effect",), _direction),
        "interval_new": Step(("expected_new", "sd_new"), _interval),
    }
)
