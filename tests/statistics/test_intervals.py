"""Wald and profile intervals: lme4's limits, the deviance at the limits by other means, invariances, the boundary.

``tests/oracles/intervals.R`` wrote ``intervals.json``.
"""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import ndtri

from reference import ConvergenceError, DesignError, coefficient_tests, fit, fit_mixed
from reference.inference.intervals import profile_intervals, wald_intervals
from reference.panels import RANDOM_INTERCEPT, RANDOM_SLOPE, tutorial_panel

ORACLES = Path(__file__).parents[1] / "oracles"
GOLDENS = json.loads((ORACLES / "intervals.json").read_text(encoding="utf-8"))
CASES = GOLDENS["cases"]
NAMES = [case["name"] for case in CASES]
Z = float(ndtri(0.975))
SLEEP = "Reaction ~ Days + (Days | Subject)"


def stored(name):
    return pd.read_csv(ORACLES / "goldens" / f"{name}.csv")


def fitted(case, *, reml=False):
    table = tutorial_panel().frame if case["name"].startswith("tutorial") else stored(case["name"])
    return fit(case["formula"], table, reml=reml)


def by_name(rows):
    return {row.name: np.array([row.lower, row.upper]) for row in rows}


def ours(name, group=""):
    """Return our name of a parameter of lme4's, such as ``cor_Days.(Intercept)|Subject``."""
    name = name.replace("(Intercept)", "Intercept")
    kind, _, rest = name.partition("_")
    effects, _, label = rest.partition("|")
    if kind == "sd":
        return f"sd {effects} | {label or group}"
    if kind == "cor":
        second, first = effects.split(".")
        return f"correlation {first}, {second} | {label}"
    return name


def numbers(values):
    return np.array([float(value) for value in values])


def test_goldens_have_a_source_and_hold_what_is_compared():
    assert GOLDENS["provenance"].keys() == {"R", "lme4", "command"}
    assert GOLDENS["level"] == 0.95
    for case in CASES:
        assert case.keys() == {"name", "formula", "md5", "profile", "solved", "wald", "delta"}
        path = ORACLES / "goldens" / f"{case['name']}.csv"
        if case["name"].startswith("tutorial"):
            path = Path(str(resources.files("reference.panels") / "advertising.csv"))
        assert hashlib.md5(path.read_bytes()).hexdigest() == case["md5"]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_profile_limits_are_those_solved_for_on_lme4s_deviance(case):
    rows = profile_intervals(fitted(case))
    limits = by_name(rows)
    assert limits.keys() == {ours(name) for name in case["solved"]}
    for name, expected in case["solved"].items():
        # R stops short of the bounds: 1e-7 times the estimate, or 1e-6 from a correlation of one.
        near = 2e-6 if name.startswith("cor_") else 1e-6 * numbers(expected)[1]
        np.testing.assert_allclose(limits[ours(name)], numbers(expected), rtol=1e-6, atol=near, err_msg=name)
    for name, expected in (case["profile"] or {}).items():
        np.testing.assert_allclose(limits[ours(name)], numbers(expected), rtol=1e-3, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("reml", [False, True], ids=["ML", "REML"])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_wald_limits(case, reml):
    result, method = fitted(case, reml=reml), "reml" if reml else "ml"
    limits = by_name(wald_intervals(result))
    for row in coefficient_tests(result):
        expected = row.estimate + np.array([-Z, Z]) * row.standard_error
        np.testing.assert_allclose(limits[row.name], expected, rtol=1e-12)
        np.testing.assert_allclose(numbers(case["wald"][method][lme4_name(row.name)]), expected, rtol=1e-5)
    if case["delta"]:
        for name, expected in case["delta"][method].items():
            group = result.term.group
            key = f"correlation Intercept, Days | {group}" if name == "cor" else ours(name, group)
            np.testing.assert_allclose(limits[key], numbers(expected), rtol=1e-6)


def lme4_name(name):
    return "(Intercept)" if name == "Intercept" else name


def dense_deviance(frame, parameters):
    """Return the deviance of ``y ~ x + (x | g)`` at two deviations, their correlation and log sigma."""
    first, second, correlation, log_sigma = parameters
    if min(first, second) < 0 or abs(correlation) > 1:
        return 1e6
    same = np.equal.outer(frame["g"].to_numpy(), frame["g"].to_numpy())
    design = np.column_stack([np.ones(len(frame)), frame["x"]])
    mixed = correlation * first * second
    covariance = np.array([[first**2, mixed], [mixed, second**2]])
    root = np.linalg.cholesky(same * (design @ covariance @ design.T) + np.exp(2 * log_sigma) * np.eye(len(frame)))
    whitened = np.linalg.solve(root, np.column_stack([design, frame["y"]]))
    residual = whitened[:, 2] - whitened[:, :2] @ np.linalg.lstsq(whitened[:, :2], whitened[:, 2], rcond=None)[0]
    return float(2 * np.log(np.diagonal(root)).sum() + residual @ residual + len(frame) * np.log(2 * np.pi))


def lowest_deviance(frame, held, value, starts):
    """Return the lowest dense deviance with one parameter held, over the others, by a simplex from each start."""

    def objective(free):
        return dense_deviance(frame, np.insert(free, held, value))

    options = {"xatol": 1e-9, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000}
    found = []
    for start in starts:
        end = minimize(objective, np.delete(start, held), method="Nelder-Mead", options=options)
        # A simplex may have collapsed on the way.
        found.append(minimize(objective, end.x, method="Nelder-Mead", options=options).fun)
    return min(found)


def small_panel(seed):
    """Draw a panel of a few groups with heavy tails, whose deviance may have several minima."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(int(rng.integers(4, 9))), 4)
    x = rng.uniform(0.0, 1.0, group.size)
    effects = rng.standard_t(2, (group.max() + 1, 2)) * rng.choice([0.3, 1.0, 3.0], 2)
    y = effects[group, 0] + effects[group, 1] * x + rng.standard_t(3, group.size)
    return pd.DataFrame({"g": group, "x": x, "y": y})


@pytest.mark.parametrize("seed", [0, 26, 127])
def test_deviance_at_the_limits_of_variances_is_at_the_cutoff(seed):
    frame, level = small_panel(seed), 0.8
    result = fit("y ~ x + (x | g)", frame, reml=False)
    cutoff = float(ndtri(0.5 + level / 2)) ** 2
    rows = profile_intervals(result, level)
    order = [0, 2, 1, 3]
    best = np.array([rows[k].estimate for k in order])
    best[3] = np.log(best[3])
    starts = [
        best * [1, 1, 0.9, 1] + [0.01, 0.01, 0, 0],
        [1.0, 1.0, 0.0, 0.0],
        [0.1, 2.0, -0.5, 0.3],
        [2, 0.1, 0.5, 0.3],
    ]
    for held, k in enumerate(order):
        for value in (rows[k].lower, rows[k].upper):
            bound = value == 0.0 if held < 2 else abs(value) == 1.0
            point = np.log(value) if held == 3 else value
            excess = lowest_deviance(frame, held, point, starts) - result.criterion
            if bound:
                assert excess <= cutoff + 1e-6
            else:
                assert excess == pytest.approx(cutoff, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "random"),
    [("slopes-1", "(1 + youtube | store_id)"), ("crossed-slope", "(1 + youtube | store_id) + (1 | channel)")],
)
def test_deviance_at_the_limits_of_fixed_effects_is_at_the_cutoff(name, random):
    frame = stored(name)
    effects = ("week", "youtube", "facebook", "newspaper")
    result = fit(f"sales ~ {' + '.join(effects)} + {random}", frame, reml=False)
    limits = by_name(profile_intervals(result))
    for effect in effects:
        others = " + ".join(other for other in effects if other != effect)
        for value in limits[effect]:
            held = fit(
                f"sales ~ {others} + {random}", frame.assign(sales=frame.sales - value * frame[effect]), reml=False
            )
            assert held.criterion - result.criterion == pytest.approx(Z**2, abs=1e-6)


@pytest.mark.parametrize("intervals", [profile_intervals, wald_intervals])
def test_units_do_not_matter(intervals):
    frame = stored("sleepstudy")
    raw = by_name(intervals(fit(SLEEP, frame, reml=False)))
    for x, y in ((1e6, 1e-6), (1e-7, 1e5)):
        scaled = frame.assign(Days=frame.Days * x, Reaction=frame.Reaction * y)
        for name, limits in by_name(intervals(fit(SLEEP, scaled, reml=False))).items():
            unit = 1.0 if name.startswith("correlation") else y / x if "Days" in name else y
            np.testing.assert_allclose(limits, raw[name] * unit, rtol=1e-6)
    shifted = by_name(intervals(fit(SLEEP, frame.assign(Days=frame.Days + 1000.0, Reaction=frame.Reaction - 1e4))))
    origin = by_name(intervals(fit(SLEEP, frame)))
    for name in ("sd Days | Subject", "sigma", "Days"):
        np.testing.assert_allclose(shifted[name], origin[name], rtol=1e-6)


def test_units_do_not_matter_with_several_factors():
    frame = stored("crossed-slope")
    formula = "sales ~ youtube + (1 + youtube | store_id) + (1 | channel)"
    raw = by_name(profile_intervals(fit(formula, frame)))
    scaled = frame.assign(youtube=frame.youtube * 1e3, sales=frame.sales * 1e-4)
    for name, limits in by_name(profile_intervals(fit(formula, scaled))).items():
        unit = 1.0 if name.startswith("correlation") else 1e-7 if "youtube" in name else 1e-4
        np.testing.assert_allclose(limits, raw[name] * unit, rtol=1e-6)


def test_singular_correlation_has_its_bound_as_a_limit(panel):
    result = fit_mixed(panel.frame, RANDOM_SLOPE)
    row = profile_intervals(result)[1]
    assert row.name == "correlation Intercept, youtube | store_id"
    assert (row.estimate, row.lower) == (pytest.approx(-1.0), -1.0)
    assert -1.0 < row.upper < -0.8
    # No normal approximation on the boundary, but sigma and the fixed effects have one.
    assert [one.name for one in wald_intervals(result)] == ["sigma", *result.fixed_effects]


def test_effects_that_do_not_vary_have_zero_as_a_limit():
    result = fit("sales ~ youtube + (1 + youtube | store_id)", stored("no-variance-2"))
    intercept, correlation, slope, sigma = profile_intervals(result)[:4]
    for row in (intercept, slope):
        assert row.lower == 0.0
        assert row.estimate < row.upper < np.inf
    assert np.isnan(correlation.estimate)
    assert (correlation.lower, correlation.upper) == (-1.0, 1.0)
    assert 0.0 < sigma.lower < sigma.estimate < sigma.upper


@pytest.mark.parametrize("name", ["correlation-plus-one-1", "six-by-five-1", "three-effects-1", "nested-slope"])
def test_singular_fits_have_intervals_around_their_estimates(name):
    random = {
        "three-effects-1": "(1 + youtube + facebook | store_id)",
        "nested-slope": "(1 + youtube | city) + (1 | store_id)",
    }.get(name, "(1 + youtube | store_id)")
    result = fit(f"sales ~ week + youtube + facebook + newspaper + {random}", stored(name), reml=False)
    assert result.singular
    for row in profile_intervals(result):
        assert np.isnan(row.estimate) or row.lower <= row.estimate + 1e-12
        assert np.isnan(row.estimate) or row.estimate - 1e-12 <= row.upper
        assert np.isfinite([row.lower, row.upper]).all()


def test_reml_fit_is_profiled_by_ml(panel):
    ml, reml = (profile_intervals(fit_mixed(panel.frame, RANDOM_INTERCEPT, reml=reml)) for reml in (False, True))
    assert ml == reml


def test_table_read_in_pieces_has_the_same_intervals(panel):
    whole = by_name(profile_intervals(fit_mixed(panel.frame, RANDOM_SLOPE)))
    parts = [panel.frame.iloc[start : start + 70] for start in (0, 70, 140)]
    pieces = by_name(profile_intervals(fit_mixed(iter(parts), RANDOM_SLOPE)))
    for name, limits in pieces.items():
        np.testing.assert_allclose(limits, whole[name], rtol=1e-6)


@pytest.mark.parametrize("intervals", [profile_intervals, wald_intervals])
def test_higher_level_is_wider(panel, intervals):
    result = fit_mixed(panel.frame, RANDOM_INTERCEPT, reml=False)
    for narrow, wide in zip(intervals(result, 0.5), intervals(result, 0.99), strict=True):
        assert wide.lower <= narrow.lower < narrow.estimate < narrow.upper < wide.upper


@pytest.mark.parametrize("intervals", [profile_intervals, wald_intervals])
@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.5, float("nan")])
def test_level_must_be_a_probability(panel, intervals, level):
    with pytest.raises(DesignError, match=r"must lie between 0 and 1, such as 0\.95"):
        intervals(fit_mixed(panel.frame, RANDOM_INTERCEPT), level)


def test_predictor_too_far_from_zero_is_told_to_be_centred():
    frame = stored("sleepstudy")
    with pytest.raises(ConvergenceError, match="centre predictors"):
        profile_intervals(fit(SLEEP, frame.assign(Days=frame.Days + 1e7), reml=False))


def test_a_step_so_far_that_nothing_is_left_to_factorise_is_taken_back():
    rng = np.random.default_rng(1057)
    store = np.repeat(np.arange(10), 6)
    _, radio, _, tv = rng.normal(size=60), rng.normal(size=60), rng.integers(0, 3, 60), rng.uniform(size=60)
    effects, _ = rng.normal(size=(10, 3))[store], rng.normal(size=6)
    sales = 1 + tv + effects[:, 0] + effects[:, 1] * tv + 2e-4 * rng.normal(size=60) + effects[:, 2] * radio
    frame = pd.DataFrame({"store": store, "tv": tv, "radio": radio, "sales": sales})
    result = fit("sales ~ tv + radio + (tv + radio | store)", frame, reml=False)
    for row in profile_intervals(result):
        assert not row.lower > row.estimate
        assert not row.upper < row.estimate
