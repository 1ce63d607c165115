"""From a panel to the answer key of the practice assignment and the known wrong answers, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from scipy.special import chdtrc

from reference.centering import grand_mean_centre, group_mean_centre
from reference.comparison import LikelihoodRatio, compare_nested
from reference.design import INTERCEPT, NULL_MODEL, RANDOM_INTERCEPT, RANDOM_SLOPE, predictor_matrix
from reference.inference import standard_errors, variance_standard_errors
from reference.mixed import MixedFit, fit_mixed
from reference.ols import OlsFit, fit_ols
from reference.panel import MEDIA, Panel
from reference.ranking import group_slopes, top_groups
from reference.variance import variance_shares

Value: TypeAlias = float | int | str | tuple[int, ...] | Mapping[str, float] | Mapping[int, float]
Mistakes: TypeAlias = Mapping[str, Value]

TOP = 5
EXTRA_SPEND = 10.0
COINCIDES = 1e-6
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class AnswerKey:
    """The right answers on one panel, their standard errors where they have one, and the known mistakes by name.

    A mistake that happens to give the right value on this panel is left out.
    """

    values: Mapping[str, Value]
    standard_errors: Mapping[str, float]
    mistakes: Mapping[str, Mistakes]


@dataclass(frozen=True, eq=False)
class PracticeFits:
    """Every model the practice assignment and its known mistakes need, fitted to one panel."""

    panel: Panel
    pooled: OlsFit
    null: MixedFit
    intercept: MixedFit
    intercept_ml: MixedFit
    slope: MixedFit
    slope_ml: MixedFit
    centred: MixedFit
    within: MixedFit
    media_means: Mapping[str, float]

    @property
    def test(self) -> LikelihoodRatio:
        """The likelihood-ratio test of the ML fits."""
        return compare_nested(self.intercept_ml, self.slope_ml)

    @property
    def reml_chi2(self) -> float:
        """The difference of REML criteria, the classic mistake for the test's statistic."""
        return self.intercept.criterion - self.slope.criterion


def fit_practice(panel: Panel) -> PracticeFits:
    """Return the fits behind the practice key.

    Raises
    ------
    DesignError, ConvergenceError
        If a model cannot be fitted to the panel.
    """
    grand = grand_mean_centre(panel)
    return PracticeFits(
        panel=panel,
        pooled=fit_ols(panel, RANDOM_INTERCEPT),
        null=fit_mixed(panel, NULL_MODEL),
        intercept=fit_mixed(panel, RANDOM_INTERCEPT),
        intercept_ml=fit_mixed(panel, RANDOM_INTERCEPT, reml=False),
        slope=fit_mixed(panel, RANDOM_SLOPE),
        slope_ml=fit_mixed(panel, RANDOM_SLOPE, reml=False),
        centred=fit_mixed(grand.frame, RANDOM_SLOPE),
        within=fit_mixed(group_mean_centre(panel).frame, RANDOM_SLOPE),
        media_means=grand.means,
    )


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
    wrong = {
        **_icc_mistakes(fits),
        **_test_mistakes(fits),
        **_slope_mistakes(fits),
        **_centring_mistakes(fits),
    }
    mistakes = {
        item: MappingProxyType(
            {name: value for name, value in named.items() if not coincide(values[item], value)}
        )
        for item, named in wrong.items()
    }
    return AnswerKey(MappingProxyType(values), MappingProxyType(_errors(fits)), MappingProxyType(mistakes))


def coincide(right: Value, wrong: Value, relative: float = COINCIDES) -> bool:
    """Return whether two values of one kind are the same, numbers within a relative distance of ``right``."""
    if isinstance(right, Mapping) and isinstance(wrong, Mapping):
        return right.keys() == wrong.keys() and all(
            coincide(one, other, relative) for one, other in zip(right.values(), wrong.values(), strict=True)
        )
    if isinstance(right, float) and isinstance(wrong, float):
        return abs(wrong - right) <= relative * abs(right)
    return bool(right == wrong)


def _values(fits: PracticeFits) -> dict[str, Value]:
    test = fits.test
    slopes = group_slopes(fits.slope)
    top = top_groups(fits.slope, min(TOP, len(slopes)))
    average = fits.slope.fixed_effects["youtube"]
    return {
        "var_store": _store_variance(fits.intercept),
        "var_residual": fits.intercept.sigma**2,
        "icc": variance_shares(fits.intercept).icc_adjusted,
        "loglik_ri": fits.intercept_ml.log_likelihood,
        "loglik_rs": fits.slope_ml.log_likelihood,
        "lrt_chi2": test.statistic,
        "lrt_df": test.df,
        "lrt_p": test.p,
        "aic_gain": test.aic_gain,
        "preferred": RANDOM_SLOPE.name if test.p < SIGNIFICANCE else RANDOM_INTERCEPT.name,
        "youtube_slope": average,
        "store_slopes": slopes,
        "top5": top,
        "media_means": fits.media_means,
        "intercept_centred": fits.centred.fixed_effects[INTERCEPT],
        "var_intercept_centred": _store_variance(fits.centred),
        "youtube_slope_centred": fits.centred.fixed_effects["youtube"],
        "loglik_change": fits.centred.log_likelihood - fits.slope.log_likelihood,
        "gain_average": EXTRA_SPEND * average,
        "gain_best_store": EXTRA_SPEND * slopes[top[0]],
    }


def _errors(fits: PracticeFits) -> dict[str, float]:
    slope, centred = standard_errors(fits.slope), standard_errors(fits.centred)
    intercept_model = variance_standard_errors(fits.intercept)
    errors = {
        "youtube_slope": slope["youtube"],
        "intercept_centred": centred[INTERCEPT],
        "youtube_slope_centred": centred["youtube"],
        "gain_average": EXTRA_SPEND * slope["youtube"],
        "var_residual": intercept_model["Residual"],
    }
    if INTERCEPT in intercept_model:
        errors["var_store"] = intercept_model[INTERCEPT]
    if not fits.centred.singular:
        errors["var_intercept_centred"] = variance_standard_errors(fits.centred)[INTERCEPT]
    return errors


def _icc_mistakes(fits: PracticeFits) -> dict[str, Mistakes]:
    shares = variance_shares(fits.intercept)
    between, within = float(np.sqrt(shares.random)), fits.intercept.sigma
    return {
        "var_store": {
            "standard_deviation": between,
            "maximum_likelihood": _store_variance(fits.intercept_ml),
        },
        "var_residual": {
            "standard_deviation": within,
            "ols_residual_variance": fits.pooled.sigma**2,
            "maximum_likelihood": fits.intercept_ml.sigma**2,
        },
        "icc": {
            "from_standard_deviations": between / (between + within),
            "upside_down": shares.residual / (shares.random + shares.residual),
            "null_model": variance_shares(fits.null).icc_adjusted,
            "unadjusted": shares.icc_unadjusted,
            "ols_r_squared": fits.pooled.r_squared,
        },
    }


def _test_mistakes(fits: PracticeFits) -> dict[str, Mistakes]:
    test, wrong = fits.test, fits.reml_chi2
    smaller, larger = fits.intercept_ml, fits.slope_ml
    return {
        "loglik_ri": {
            "reml": fits.intercept.log_likelihood,
            "deviance": smaller.criterion,
            "swapped": larger.log_likelihood,
        },
        "loglik_rs": {
            "reml": fits.slope.log_likelihood,
            "deviance": larger.criterion,
            "swapped": smaller.log_likelihood,
        },
        "lrt_chi2": {"from_reml": wrong, "half": test.statistic / 2.0, "negative": -test.statistic},
        "lrt_df": {"one": 1},
        "lrt_p": {
            "one_df": float(chdtrc(1, test.statistic)),
            "boundary_mixture": test.p_boundary,
            "wrong_tail": 1.0 - test.p,
            "from_reml": float(chdtrc(test.df, max(0.0, wrong))),
        },
        "aic_gain": {
            "sign": -test.aic_gain,
            "from_reml": fits.intercept.aic - fits.slope.aic,
            "bic": test.bic_gain,
        },
    }


def _slope_mistakes(fits: PracticeFits) -> dict[str, Mistakes]:
    panel, fit = fits.panel, fits.slope
    average = fit.fixed_effects["youtube"]
    slopes = group_slopes(fit)
    best = slopes[top_groups(fit, 1)[0]]
    deviations = {store: slope - average for store, slope in slopes.items()}
    levels = dict(zip(fit.design.groups, fit.modes[:, 0].tolist(), strict=True))
    pooled, by_store = fits.pooled.coefficients["youtube"], _ols_slopes(panel, RANDOM_SLOPE.fixed)
    return {
        "youtube_slope": {
            "ols": pooled,
            "random_intercept_model": fits.intercept.fixed_effects["youtube"],
            "per_hundred": 100.0 * average,
        },
        "store_slopes": {
            "deviations": deviations,
            "ols_per_store": by_store,
            "ols_per_store_youtube_only": _ols_slopes(panel, ("youtube",)),
            "per_hundred": {store: 100.0 * slope for store, slope in slopes.items()},
        },
        "top5": {
            "ascending": _first({store: -slope for store, slope in slopes.items()}),
            "by_intercept": _first(levels),
            "by_store_mean": _first(_per_store(panel, lambda rows: float(panel.sales[rows].mean()))),
            "by_ols_per_store": _first(by_store),
        },
        "gain_average": {"one_unit": average, "ols": EXTRA_SPEND * pooled},
        "gain_best_store": {
            "one_unit": best,
            "deviation": EXTRA_SPEND * (best - average),
            "average": EXTRA_SPEND * average,
        },
    }


def _centring_mistakes(fits: PracticeFits) -> dict[str, Mistakes]:
    centred, within, raw = fits.centred, fits.within, fits.slope
    week_mean = float(fits.panel.week.mean())
    grown = centred.fixed_effects[INTERCEPT] + week_mean * centred.fixed_effects["week"]
    medians = {name: float(np.median(getattr(fits.panel, name))) for name in MEDIA}
    return {
        "media_means": {"medians": medians},
        "intercept_centred": {
            "uncentred": raw.fixed_effects[INTERCEPT],
            "group_mean": within.fixed_effects[INTERCEPT],
            "week_centred_too": grown,
        },
        "var_intercept_centred": {
            "uncentred": _store_variance(raw),
            "standard_deviation": float(np.sqrt(_store_variance(centred))),
            "group_mean": _store_variance(within),
        },
        "youtube_slope_centred": {
            "group_mean": within.fixed_effects["youtube"],
            "ols": fits.pooled.coefficients["youtube"],
        },
    }


def _store_variance(fit: MixedFit) -> float:
    return float(fit.random_covariance[0, 0])


def _first(scores: Mapping[int, float]) -> tuple[int, ...]:
    return tuple(sorted(scores, key=lambda store: (-scores[store], store))[:TOP])


def _per_store(panel: Panel, statistic: Callable[[np.ndarray], float]) -> dict[int, float]:
    return {store: statistic(np.flatnonzero(panel.store_id == store)) for store in panel.stores}


def _ols_slopes(panel: Panel, predictors: Sequence[str]) -> dict[int, float]:
    """Return each store's own least squares slope on YouTube; of minimum norm where a store has too few weeks."""
    matrix = predictor_matrix(panel, predictors)
    column = 1 + list(predictors).index("youtube")
    return _per_store(panel, lambda rows: float(np.linalg.lstsq(matrix[rows], panel.sales[rows])[0][column]))


KEYS: Mapping[str, Callable[[Panel], AnswerKey]] = MappingProxyType({"practice": practice_key})
