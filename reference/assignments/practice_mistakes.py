"""The known wrong answers of the practice assignment, each computed for the panel at hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import chdtrc

from reference import MixedFit, group_means, variance_shares
from reference.assignments.answer_key import Mistakes, variances
from reference.assignments.practice_fits import PracticeFits
from reference.data.formula import INTERCEPT
from reference.panels import MEDIA, TOP, Panel

# What the REML log-likelihood gains when one predictor is measured in hundreds.
_HUNDRED = float(np.log(100.0))
EXTRA_SPEND = 10.0


def practice_mistakes(fits: PracticeFits) -> dict[str, Mistakes]:
    """Return the known mistakes by item and name, those that happen to be right on this panel included."""
    return {**_icc_mistakes(fits), **_test_mistakes(fits), **_slope_mistakes(fits), **_centring_mistakes(fits)}


def _icc_mistakes(fits: PracticeFits) -> dict[str, Mistakes]:
    shares = variance_shares(fits.intercept)
    between, within = float(np.sqrt(shares.random)), fits.intercept.sigma
    return {
        "var_store": {
            "standard_deviation": between,
            "maximum_likelihood": variances(fits.intercept_ml)[0],
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
            "of_all_sales": shares.random / float(np.var(fits.panel.sales, ddof=1)),
            "ols_r_squared": fits.pooled.r_squared,
        },
    }


def _test_mistakes(fits: PracticeFits) -> dict[str, Mistakes]:
    test, wrong = fits.test, fits.intercept.criterion - fits.slope.criterion
    return {
        "loglik_ri": _likelihood_mistakes(fits.intercept_ml, fits.intercept, fits.slope_ml),
        "loglik_rs": _likelihood_mistakes(fits.slope_ml, fits.slope, fits.intercept_ml),
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


def _likelihood_mistakes(ml: MixedFit, reml: MixedFit, other: MixedFit) -> Mistakes:
    """Return the mistakes for the log-likelihood of an ML fit, with the REML fit of its model and the other ML fit."""
    return {
        "reml": reml.log_likelihood,
        "reml_per_hundred": reml.log_likelihood + _HUNDRED,
        "deviance": ml.criterion,
        "swapped": other.log_likelihood,
    }


def _slope_mistakes(fits: PracticeFits) -> dict[str, Mistakes]:
    panel, slopes, average = fits.panel, fits.store_slopes, fits.slope.fixed_effects["youtube"]
    best = slopes[fits.top_stores[0]]
    deviations = {store: slope - average for store, slope in slopes.items()}
    means = group_means(panel.frame, ["sales"], "store_id")["sales"]
    levels = dict(zip(panel.stores, fits.slope.term.modes[:, 0].tolist(), strict=True))
    pooled, by_store = fits.pooled.coefficients["youtube"], _ols_slopes(panel, "week", *MEDIA)
    return {
        "youtube_slope": {
            "ols": pooled,
            "random_intercept_model": fits.intercept.fixed_effects["youtube"],
            "per_hundred": 100.0 * average,
        },
        "store_slopes": {
            "deviations": deviations,
            "average_twice": {store: slope + average for store, slope in slopes.items()},
            "ols_per_store": by_store,
            "ols_per_store_youtube_only": _ols_slopes(panel, "youtube"),
            "per_hundred": {store: 100.0 * slope for store, slope in slopes.items()},
        },
        "top5": {
            "positions": tuple(panel.stores.index(store) for store in fits.top_stores),
            "ascending": _first({store: -slope for store, slope in slopes.items()}),
            "by_intercept": _first(levels),
            "by_store_mean": _first(dict(zip(panel.stores, means.tolist(), strict=True))),
            "by_ols_per_store": _first(by_store),
        },
        "gain_average": {"one_unit": average, "ols": EXTRA_SPEND * pooled},
        "gain_best_store": {
            "one_unit": best,
            "deviation": EXTRA_SPEND * (best - average),
            "average": EXTRA_SPEND * average,
            "average_twice": EXTRA_SPEND * (best + average),
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
            "sales_centred": centred.fixed_effects[INTERCEPT] - float(fits.panel.sales.mean()),
            "mean_of_sales": float(fits.panel.sales.mean()),
        },
        "var_intercept_centred": {
            "uncentred": variances(raw)[0],
            "standard_deviation": float(np.sqrt(variances(centred)[0])),
            "group_mean": variances(within)[0],
        },
        "youtube_slope_centred": {
            "group_mean": within.fixed_effects["youtube"],
            "ols": fits.pooled.coefficients["youtube"],
            "standardised": centred.fixed_effects["youtube"] * float(np.std(fits.panel.youtube, ddof=1)),
            "per_hundred": 100.0 * centred.fixed_effects["youtube"],
        },
        "loglik_change": {
            "reml_against_ml": centred.log_likelihood - fits.slope_ml.log_likelihood,
            "group_mean": within.log_likelihood - raw.log_likelihood,
            "per_hundred_against_one": _HUNDRED,
        },
    }


def _first(scores: Mapping[int, float]) -> tuple[int, ...]:
    return tuple(sorted(scores, key=lambda store: (-scores[store], store))[:TOP])


def _ols_slopes(panel: Panel, *predictors: str) -> dict[int, float]:
    """Return each store's own least squares slope on YouTube; of minimum norm where weeks are too few."""
    slopes, frame = {}, panel.frame
    for store in panel.stores:
        rows = frame[panel.store_id == store]
        columns = np.column_stack([np.ones(len(rows)), rows[list(predictors)]])
        slopes[store] = float((np.linalg.pinv(columns) @ rows["sales"])[1 + predictors.index("youtube")])
    return slopes
