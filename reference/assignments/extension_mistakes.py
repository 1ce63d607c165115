"""The known wrong answers of the extension assignment, each computed for the panel at hand."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from reference import group_means
from reference.assignments.answer_key import Mistakes, variances
from reference.assignments.extension_fits import ExtensionFits
from reference.data.groups import read_groups

# A 95 % interval reaches this many standard deviations to each side.
Z95 = 1.96


def extension_mistakes(fits: ExtensionFits) -> dict[str, Mistakes]:
    """Return the known mistakes by item and name, those that happen to be right on this panel included."""
    return {**_level_mistakes(fits), **_share_mistakes(fits), **_context_mistakes(fits), **_prediction_mistakes(fits)}


def bounds(expected: float, deviation: float) -> dict[str, float]:
    """Return the 95 % interval around an expectation, as a learner gives it."""
    return {"low": expected - Z95 * deviation, "high": expected + Z95 * deviation}


def best_store(fits: ExtensionFits) -> int:
    """Return the id of the store that sells most, on average over its weeks."""
    means = group_means(fits.panel.frame, ["sales"], "store_id")["sales"].to_numpy()
    return fits.panel.stores[int(means.argmax())]


def known_store_parts(fits: ExtensionFits) -> tuple[float, float, float]:
    """Return the expectation for the best store in the new week in its parts: fixed part, city effect, store effect."""
    assert fits.panel.city_id is not None
    store = best_store(fits)
    city = int(fits.panel.city_id[fits.panel.store_id == store][0])
    cities, stores = fits.nested.terms
    of_city = float(cities.modes[cities.levels.index(city), 0])
    of_store = float(stores.modes[stores.levels.index(f"{city}:{store}"), 0])
    return float(fits.prediction.expected[0]), of_city, of_store


def _level_mistakes(fits: ExtensionFits) -> dict[str, Mistakes]:
    city, store, week = variances(fits.nested)
    return {
        "var_city": {
            "standard_deviation": city**0.5,
            "maximum_likelihood": variances(fits.nested_ml)[0],
            "other_level": store,
            "stores_left_out": variances(fits.cities_only)[0],
            "cities_left_out": 0.0,
            "relative": city / week,
        },
        "var_store_in_city": {
            "standard_deviation": store**0.5,
            "other_level": city,
            "cities_left_out": variances(fits.stores_only)[0],
            "relative": store / week,
        },
        "var_within_store": {
            "standard_deviation": week**0.5,
            "stores_left_out": fits.cities_only.sigma**2,
            "ols_residual_variance": fits.pooled.sigma**2,
        },
    }


def _share_mistakes(fits: ExtensionFits) -> dict[str, Mistakes]:
    city, store, week = variances(fits.nested)
    null_city, null_store, null_week = variances(fits.null)
    whole, null_whole = city + store + week, null_city + null_store + null_week
    roots = city**0.5 + store**0.5 + week**0.5
    return {
        "share_city": {
            "from_standard_deviations": city**0.5 / roots,
            "null_model": null_city / null_whole,
            "stores_forgotten": city / (city + week),
            "weeks_forgotten": city / (city + store),
            "both_levels": (city + store) / whole,
        },
        "share_store": {
            "from_standard_deviations": store**0.5 / roots,
            "null_model": null_store / null_whole,
            "cities_forgotten": store / (store + week),
            "weeks_forgotten": store / (city + store),
            "both_levels": (city + store) / whole,
        },
        "corr_same_store": {
            "from_standard_deviations": (city**0.5 + store**0.5) / roots,
            "share_of_stores": store / whole,
            "share_of_cities": city / whole,
            "cities_forgotten": store / (store + week),
            "upside_down": week / whole,
        },
        "corr_same_city": {
            "same_store": (city + store) / whole,
            "share_of_stores": store / whole,
            "weeks_forgotten": city / (city + store),
            "independent": 0.0,
        },
    }


def _context_mistakes(fits: ExtensionFits) -> dict[str, Mistakes]:
    within, between = fits.slopes
    blend = fits.nested.fixed_effects["youtube"]
    statistic = fits.test.statistic
    from_reml = fits.nested.criterion - fits.context.criterion
    # In hundreds the larger model has one column more whose unit the REML criterion feels.
    in_hundreds = from_reml + 2.0 * float(np.log(100.0))
    return {
        "store_means": _mean_mistakes(fits),
        "slope_within": {
            "blend": blend,
            "between": between,
            "ols": fits.pooled.coefficients["youtube"],
            "per_hundred": 100.0 * within,
        },
        "slope_between": {
            "blend": blend,
            "within": within,
            "contextual": between - within,
            "per_hundred": 100.0 * between,
        },
        "contextual_effect": {
            "sign": within - between,
            "between": between,
            "against_blend": between - blend,
            "per_hundred": 100.0 * (between - within),
        },
        "contextual_chi2": {
            "from_reml": from_reml,
            "from_reml_per_hundred": in_hundreds,
            "half": statistic / 2.0,
            "negative": -statistic,
        },
        "contextual_p": {
            "two_df": float(chdtrc(2, statistic)),
            "boundary": fits.test.p / 2.0,
            "from_reml": float(chdtrc(1, max(0.0, from_reml))),
            "wrong_tail": 1.0 - fits.test.p,
        },
    }


def _mean_mistakes(fits: ExtensionFits) -> Mistakes:
    panel, frame = fits.panel, fits.panel.frame
    codes, _ = read_groups(frame, ["city_id"])
    medians = frame.groupby("store_id")["youtube"].median().tolist()
    of_cities = group_means(frame, ["youtube"], "city_id")["youtube"].to_numpy()[codes].tolist()
    return {
        "medians": dict(zip(panel.stores, medians, strict=True)),
        "city_means": dict(zip(panel.store_id.tolist(), of_cities, strict=True)),
        "per_hundred": {store: mean / 100.0 for store, mean in fits.store_means.items()},
    }


def _prediction_mistakes(fits: ExtensionFits) -> dict[str, Mistakes]:
    city, store, week = variances(fits.nested)
    fixed, of_city, of_store = known_store_parts(fits)
    error, deviation = float(fits.prediction.standard_error[0]), float(fits.prediction.deviation[0])
    row = np.array([1.0, *fits.new_week.iloc[0].to_numpy(dtype=np.float64)])
    mean_sales = float(fits.panel.sales[fits.panel.store_id == best_store(fits)].mean())
    return {
        "expected_new": {
            "week_zero": fixed - row[1] * fits.nested.fixed_effects["week"],
            "mean_of_sales": float(fits.panel.sales.mean()),
        },
        "se_expected": {
            "variance": error**2,
            "covariances_left_out": float(np.sqrt(row**2 @ np.diagonal(fits.nested.covariance))),
            "cities_left_out": float(np.sqrt(row @ fits.stores_only.covariance @ row)),
        },
        "sd_new": {
            "of_the_mean": error,
            "residual_only": float(np.sqrt(error**2 + week)),
            "cities_left_out": float(np.sqrt(error**2 + store + week)),
            "mean_left_out": float(np.sqrt(city + store + week)),
            "variance": deviation**2,
        },
        "interval_new": {
            "of_the_mean": bounds(fixed, error),
            "residual_only": bounds(fixed, float(np.sqrt(error**2 + week))),
            "one_deviation": {"low": fixed - deviation, "high": fixed + deviation},
        },
        "expected_known": {
            "marginal": fixed,
            "city_only": fixed + of_city,
            "cities_left_out": fixed + of_store,
            "mean_of_store": mean_sales,
        },
        "expected_in_city": {"marginal": fixed, "of_the_store": fixed + of_city + of_store},
    }
