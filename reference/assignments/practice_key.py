"""From a panel to the answer key of the practice assignment, as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.optimize import minimize

from reference import MixedFit, deficit_at, standard_errors, variance_shares
from reference.arrays import Floats
from reference.assignments.answer_key import (
    AnswerKey,
    Objective,
    Step,
    Value,
    is_df,
    p_value,
    share_step,
    variance_errors,
    variances,
    variances_objective,
)
from reference.assignments.practice_fits import PracticeFits, fit_practice
from reference.assignments.practice_mistakes import EXTRA_SPEND, practice_mistakes
from reference.data.formula import INTERCEPT
from reference.inference.diagnostics import ALPHA
from reference.panels import RANDOM_INTERCEPT, RANDOM_SLOPE, TOP, Panel


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
    return key_from_practice(fit_practice(panel))


def key_from_practice(fits: PracticeFits) -> AnswerKey:
    """Return the answer key from fits already made."""
    return AnswerKey(
        values=_values(fits),
        standard_errors=_errors(fits),
        mistakes=practice_mistakes(fits),
        sizes={"var_store": fits.intercept.sigma**2, "var_intercept_centred": fits.centred.sigma**2},
        scores={"top5": fits.store_slopes},
        steps=PRACTICE_STEPS,
        objectives={
            "random_intercept": variances_objective(fits.intercept, "var_store", "var_residual"),
            "random_slope_centred": _centred_objective(fits.centred),
        },
    )


def _values(fits: PracticeFits) -> dict[str, Value]:
    test, (var_store, var_residual) = fits.test, variances(fits.intercept)
    average = fits.slope.fixed_effects["youtube"]
    return {
        "var_store": var_store,
        "var_residual": var_residual,
        "icc": variance_shares(fits.intercept).icc_adjusted,
        "loglik_ri": fits.intercept_ml.log_likelihood,
        "loglik_rs": fits.slope_ml.log_likelihood,
        "lrt_chi2": test.statistic,
        "lrt_df": test.df,
        "lrt_p": test.p,
        "aic_gain": test.aic_gain,
        "preferred": _preferred(test.p),
        "youtube_slope": average,
        "store_slopes": fits.store_slopes,
        "top5": fits.top_stores,
        "media_means": fits.media_means,
        "intercept_centred": fits.centred.fixed_effects[INTERCEPT],
        "var_intercept_centred": variances(fits.centred)[0],
        "youtube_slope_centred": fits.centred.fixed_effects["youtube"],
        "loglik_change": fits.centred.log_likelihood - fits.slope.log_likelihood,
        "gain_average": EXTRA_SPEND * average,
        "gain_best_store": EXTRA_SPEND * fits.store_slopes[fits.top_stores[0]],
    }


def _errors(fits: PracticeFits) -> dict[str, float]:
    slope, centred = standard_errors(fits.slope), standard_errors(fits.centred)
    return {
        "youtube_slope": slope["youtube"],
        "intercept_centred": centred[INTERCEPT],
        "youtube_slope_centred": centred["youtube"],
        "gain_average": EXTRA_SPEND * slope["youtube"],
        **variance_errors(fits.intercept, "var_store", "var_residual"),
        **variance_errors(fits.centred, "var_intercept_centred"),
    }


def _centred_objective(fit: MixedFit) -> Objective:
    """Return the objective of the intercepts' variance alone, all else at its best, of a random-slope fit."""
    covariance = fit.term.covariance
    level, slope = np.sqrt(np.diagonal(covariance))
    start = [
        covariance[0, 1] / (level * slope),
        math.sqrt(max(0.0, 1.0 - (covariance[0, 1] / (level * slope)) ** 2)),
        0.0,
    ]

    def deficit(variance: float) -> float:
        if not 0.0 < variance < math.inf:
            return math.inf

        def at(place: Floats) -> float:
            factor = np.array([[math.sqrt(variance), 0.0], slope * place[:2]])
            return deficit_at(fit, factor @ factor.T, fit.sigma**2 * math.exp(place[2]))

        # Where every deficit is infinite there is nothing to compare.
        with np.errstate(over="ignore", invalid="ignore"):
            return float(minimize(at, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-6}).fun)

    return Objective(("var_intercept_centred",), lambda variance: deficit(float(variance)))


def _statistic(smaller: float, larger: float) -> float | None:
    return 2.0 * (larger - smaller) if larger > smaller else None


def _aic_gain(smaller: float, larger: float, df: float) -> float | None:
    return 2.0 * (larger - smaller) - 2.0 * df if larger > smaller and is_df(df) else None


def _preferred(p: float) -> str:
    return RANDOM_SLOPE.name if p < ALPHA else RANDOM_INTERCEPT.name


def _top(slopes: Mapping[Any, float]) -> tuple[int, ...] | None:
    if len(set(slopes.values())) <= TOP:
        return None
    return tuple(sorted(slopes, key=lambda store: (-slopes[store], str(store)))[:TOP])


PRACTICE_STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "icc": share_step(("var_store", "var_residual"), 0),
        "lrt_chi2": Step(("loglik_ri", "loglik_rs"), _statistic),
        "lrt_p": Step(("lrt_chi2", "lrt_df"), p_value),
        "aic_gain": Step(("loglik_ri", "loglik_rs", "lrt_df"), _aic_gain),
        "preferred": Step(("lrt_p",), lambda p: _preferred(p) if 0.0 <= p <= 1.0 else None),
        "top5": Step(("store_slopes",), _top),
    }
)
