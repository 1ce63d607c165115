"""The optimum: invariants, closed forms, brute force, and the errors of fits that cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from reference import (
    ConvergenceError,
    DesignError,
    SaturationError,
    coefficient_tests,
    criterion_at,
    fit,
    fit_mixed,
    grand_mean_centre,
    parse_formula,
    satterthwaite_df,
)
from reference.design.design import build_design
from reference.optimum import optimiser as optimizer_module
from reference.panels import NULL_MODEL, RANDOM_INTERCEPT, RANDOM_SLOPE

MEDIA = ["youtube", "facebook", "newspaper"]


@pytest.mark.parametrize("reml", [True, False])
def test_unit_and_centring_of_spend_change_the_criterion_by_the_known_constant_only(panel, reml):
    raw = fit_mixed(panel.frame, RANDOM_SLOPE, reml=reml)
    centred = fit_mixed(grand_mean_centre(panel.frame, MEDIA).frame, RANDOM_SLOPE, reml=reml)
    dollars = panel.frame
    dollars[MEDIA] *= 1000.0
    scaled = fit_mixed(dollars, RANDOM_SLOPE, reml=reml)
    constant = 2.0 * 3 * np.log(1000.0) if reml else 0.0
    assert centred.criterion == pytest.approx(raw.criterion, abs=1e-8)
    assert scaled.criterion == pytest.approx(raw.criterion + constant, abs=1e-8)
    np.testing.assert_allclose(scaled.coefficients[2:] * 1000.0, raw.coefficients[2:], rtol=1e-10)
    assert scaled.optimum.rank == centred.optimum.rank == raw.optimum.rank
    for one, other in zip(coefficient_tests(raw)[1:], coefficient_tests(scaled)[1:], strict=True):
        assert other.df == pytest.approx(one.df, rel=1e-9)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    shift=st.floats(-5000, 5000),
    log_scale=st.floats(-6, 6),
    level=st.floats(-1e4, 1e4),
    log_unit=st.floats(-4, 4),
)
def test_shift_and_scale_of_predictor_and_response(drawn_frame, seed, shift, log_scale, level, log_unit):
    frame = drawn_frame(seed)
    scale, unit = 10.0**log_scale, 10.0**log_unit
    moved = frame.assign(youtube=(frame["youtube"] + shift) * scale, sales=frame["sales"] * unit + level)
    before, after = fit_mixed(frame, RANDOM_SLOPE), fit_mixed(moved, RANDOM_SLOPE)
    n, p = before.design.matrices.fixed.shape
    constant = 2 * np.log(scale) + 2 * (n - p) * np.log(unit)
    noise = 1e-14 * (abs(level) / unit + abs(shift)) * n
    assert after.criterion == pytest.approx(before.criterion + constant, abs=1e-8 + noise)
    slope, moved_slope = before.fixed_effects["youtube"], after.fixed_effects["youtube"]
    assert moved_slope * scale / unit == pytest.approx(slope, rel=1e-6)
    assert after.sigma / unit == pytest.approx(before.sigma, rel=1e-6)
    assert after.optimum.rank == before.optimum.rank


@settings(deadline=None, derandomize=True, max_examples=15)
@given(seed=st.integers(0, 10_000), order=st.randoms(use_true_random=False))
def test_order_of_rows_and_labels_of_groups_do_not_matter(drawn_frame, seed, order):
    frame = drawn_frame(seed)
    rows = list(range(len(frame)))
    order.shuffle(rows)
    labels = list(range(101, 101 + frame["store_id"].nunique()))
    order.shuffle(labels)
    shuffled = frame.iloc[rows].assign(store_id=lambda t: [labels[store - 1] for store in t["store_id"]])
    before, after = fit_mixed(frame, RANDOM_SLOPE), fit_mixed(shuffled, RANDOM_SLOPE)
    assert after.criterion == pytest.approx(before.criterion, abs=1e-9)
    assert after.optimum.rank == before.optimum.rank
    np.testing.assert_allclose(after.coefficients, before.coefficients, rtol=1e-7)
    renamed = after.term.table.loc[labels]
    np.testing.assert_allclose(renamed.to_numpy(), before.term.modes, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("level_sd", [0.0, 1.0])
def test_balanced_null_model_has_the_closed_form_of_anova(panel, level_sd):
    rng = np.random.default_rng(8)
    frame = panel.frame
    frame["sales"] = rng.standard_normal(200) + level_sd * np.repeat(rng.standard_normal(20), 10)
    table = frame["sales"].to_numpy().reshape(20, 10)
    within = table.var(axis=1, ddof=1).mean()
    between = 10 * table.mean(axis=1).var(ddof=1)
    fit = fit_mixed(frame, NULL_MODEL)
    if between > within:
        assert fit.sigma**2 == pytest.approx(within, rel=1e-10)
        assert fit.term.covariance[0, 0] == pytest.approx((between - within) / 10, rel=1e-9)
    else:
        assert fit.term.covariance[0, 0] == 0.0
        assert fit.sigma**2 == pytest.approx(table.var(ddof=1), rel=1e-10)
    assert fit.singular is not (between > within)
    assert fit.coefficients[0] == pytest.approx(table.mean(), rel=1e-12)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "how",
    [{}, {"slope_sd": 0.0}, {"level_sd": 0.0}, {"slope_sd": 0.0, "level_sd": 0.0}, {"stores": 6}],
    ids=["regular", "no slope variance", "no level variance", "neither", "few stores"],
)
def test_no_start_of_a_brute_force_search_finds_a_lower_criterion(drawn_frame, how, seed, reml):
    frame = drawn_frame(seed, **how)
    fit = fit_mixed(frame, RANDOM_SLOPE, reml=reml)
    surface = build_design(frame, RANDOM_SLOPE).surface(reml=reml)
    rng = np.random.default_rng(seed)

    def criterion(entries):
        return surface.profile(np.array([[entries[0], 0.0], entries[1:]])).criterion

    ends = [minimize(criterion, start, method="BFGS").fun for start in 2.0 * rng.standard_normal((3, 3))]
    assert fit.optimum.point.criterion <= min(ends) + 1e-9
    assert min(ends) == pytest.approx(fit.optimum.point.criterion, abs=1e-3)
    assert fit.optimum.decrement < 1e-12


@pytest.mark.parametrize("seed", [317, 536, 819])
def test_lowest_of_several_optima_is_found(seed):
    """Sixteen short groups and a skewed predictor: a search from a plain start ends at a higher local optimum."""
    rng = np.random.default_rng(seed)
    store = np.repeat(np.arange(1, 17), rng.integers(3, 8, 16))
    n = store.size
    youtube, facebook, newspaper = np.exp(rng.normal(4.0, 1.2, n)), rng.uniform(0, 60, n), rng.gamma(2.0, 15.0, n)
    sales = 0.3 * rng.standard_normal(16)[store - 1] * (1 + youtube / 200) + rng.standard_t(2.5, n)
    columns = {"youtube": youtube, "facebook": facebook, "newspaper": newspaper, "sales": sales}
    frame = pd.DataFrame({"store_id": store, "week": np.arange(n) % 9, **columns})
    surface = build_design(frame, RANDOM_SLOPE).surface(reml=True)

    def criterion(entries):
        return surface.profile(np.array([[entries[0], 0.0], entries[1:]])).criterion

    lowest = fit_mixed(frame, RANDOM_SLOPE).optimum.point.criterion
    starts = rng.standard_normal((12, 3)) * np.exp(rng.uniform(-2, 2, (12, 1)))
    assert lowest <= min(minimize(criterion, start, method="BFGS").fun for start in starts) + 1e-9
    assert lowest < minimize(criterion, [0.3, 0.0, 0.3], method="BFGS").fun - 0.04


def test_fit_without_any_random_variance_is_least_squares(drawn_frame):
    fits = (fit_mixed(drawn_frame(seed, slope_sd=0.0, level_sd=0.0), RANDOM_INTERCEPT) for seed in range(20))
    fit = next(fit for fit in fits if fit.optimum.rank == 0)
    expected = np.linalg.lstsq(fit.design.matrices.fixed, fit.design.matrices.response)[0]
    np.testing.assert_allclose(fit.coefficients, expected, rtol=1e-10)
    assert [row.df for row in coefficient_tests(fit)] == pytest.approx([fit.optimum.point.denominator] * 5)
    assert not fit.term.modes.any()
    assert fit.theta.tolist() == [0.0]


def test_satterthwaite_df_of_a_combination_is_that_of_the_centred_intercept(panel):
    fit = fit_mixed(panel.frame, RANDOM_SLOPE)
    means = np.array([1.0, 0.0, *panel.frame[MEDIA].mean()])
    centred = fit_mixed(grand_mean_centre(panel.frame, MEDIA).frame, RANDOM_SLOPE)
    assert satterthwaite_df(fit, means) == pytest.approx(coefficient_tests(centred)[0].df, rel=1e-9)


def test_three_random_effects_reach_a_stationary_point(drawn_frame):
    fit = fit_mixed(
        drawn_frame(1, stores=30),
        parse_formula(
            "sales ~ week + youtube + facebook + newspaper + (1 + youtube + facebook | store_id)", "two slopes"
        ),
    )
    assert fit.optimum.decrement < 1e-12
    assert fit.term.relative_factor.shape == (3, 3)
    assert fit.theta.size == 6


def test_one_group_is_refused(drawn_frame):
    with pytest.raises(DesignError, match=r"column 'store_id' holds one group only.*fit OLS instead"):
        fit_mixed(drawn_frame(0, stores=1), RANDOM_INTERCEPT)
    with pytest.raises(DesignError, match="column 'store_id' holds no rows"):
        fit_mixed(drawn_frame(0).head(0), RANDOM_INTERCEPT)


def test_a_model_that_fits_every_row_is_fitted_by_reml_unless_its_residual_variance_is_zero():
    """Fourteen rows of 12 groups, and 3 predictors: Z and X fit all of them, and no ML criterion has an optimum."""
    refused, formula = 0, "y ~ a + b + c + (1 | g)"
    for seed in range(12):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame(rng.standard_normal((14, 3)), columns=["a", "b", "c"]).assign(g=[*range(12), 0, 1])
        frame["y"] = rng.standard_normal(12)[frame["g"]] + rng.standard_normal(14)
        with pytest.raises(SaturationError, match=r"fit all 14 rows exactly, .* grows .*; fit by REML"):
            fit(formula, frame, reml=False)
        end = criterion_at(frame, formula, np.array([1e5]), reml=True)
        try:
            found = fit(formula, frame)
        except SaturationError:
            refused += 1
            tried = [criterion_at(frame, formula, np.array([theta]), reml=True) for theta in (0.0, 0.3, 1.0, 3.0)]
            assert end <= min(tried) + 1e-6
        else:
            assert found.criterion < end
            assert found.certificate.gradient < 1e-6
    assert 0 < refused < 12


@pytest.mark.parametrize("reml", [True, False])
def test_a_group_for_every_row_is_refused_with_the_variance_that_cannot_be_told(drawn_frame, reml):
    frame = drawn_frame(0).assign(row=lambda table: range(len(table)))
    for random in ("(1 | row)", "(1 | row) + (1 | store_id)"):
        with pytest.raises(DesignError, match=r"data cannot tell .* of Intercept by row, "):
            fit(f"sales ~ youtube + {random}", frame, reml=reml)


@pytest.mark.parametrize("reml", [True, False])
def test_predictors_of_the_groups_take_no_rows_from_the_residual(drawn_frame, reml):
    """X lies in the span of Z: two stores with a second row leave two degrees of freedom, with 20 + 4 effects."""
    drawn = drawn_frame(1).sort_values(["week", "store_id"])
    frame = drawn.iloc[:22].copy()
    for name in ("youtube", "facebook", "newspaper"):
        frame[name] = frame.groupby("store_id")[name].transform("mean")
    found = fit("sales ~ youtube + facebook + newspaper + (1 | store_id)", frame, reml=reml)
    x = np.column_stack([np.ones(22), frame[["youtube", "facebook", "newspaper"]]])
    z = (frame["store_id"].to_numpy()[:, None] == frame["store_id"].unique()).astype(float)
    variance = np.eye(22) + found.theta[0] ** 2 * z @ z.T
    information, freedom = x.T @ np.linalg.solve(variance, x), 22 - 4 * reml
    rest = frame["sales"] - x @ np.linalg.solve(information, x.T @ np.linalg.solve(variance, frame["sales"]))
    mean_square = rest @ np.linalg.solve(variance, rest) / freedom
    dense = np.linalg.slogdet(variance)[1] + freedom * (1 + np.log(2 * np.pi * mean_square))
    assert found.criterion == pytest.approx(dense + reml * np.linalg.slogdet(information)[1], abs=1e-6)
    assert found.sigma**2 == pytest.approx(mean_square, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"newspaper": 3.0}, "column 'newspaper' does not vary, so it repeats the intercept; drop it"),
        ({"newspaper": lambda t: 2 * t["youtube"] + 1}, "column 'newspaper' is a combination of .* drop one"),
        ({"newspaper": lambda t: t["store_id"] * 0.0}, "column 'newspaper' does not vary"),
        ({"facebook": np.nan}, "column 'facebook', row 0 is empty; fill it in"),
        ({"facebook": np.inf}, "column 'facebook', row 0 is not finite; fill it in"),
        ({"facebook": "much"}, "column 'facebook' holds one value only, so it repeats the intercept; drop it"),
        (
            {"facebook": lambda t: t["facebook"].astype(str).where(t["week"] > 1, "n/a")},
            "column 'facebook' holds numbers as text, row 0 holds 'n/a'; convert it",
        ),
        ({"sales": 3.0}, "'sales' is an exact function of the predictors"),
        ({"sales": lambda t: t["youtube"] + t["store_id"] ** 2}, "'sales' is an exact function .* within each group"),
        (
            {"sales": lambda t: t["youtube"] * np.sqrt(t["store_id"])},
            "within each group of 'store_id'.* take a response",
        ),
        ({"store_id": np.nan}, "column 'store_id', row 0 is empty"),
        ({"store_id": "Boston"}, "column 'store_id' holds one group only"),
        ({"store_id": lambda t: t["store_id"] + 1e17}, "'store_id' must hold whole numbers below"),
        ({"sales": lambda t: 1 + t["youtube"]}, "'sales' is an exact function of the predictors"),
        ({"store_id": lambda t: t["store_id"] + 0.5}, "'store_id' must hold whole numbers .*; recode it"),
    ],
)
def test_tables_that_cannot_carry_the_model_are_refused(panel, change, message):
    with pytest.raises(DesignError, match=message):
        fit_mixed(panel.frame.assign(**change), RANDOM_SLOPE, missing="raise")


def test_missing_column_is_named(panel):
    for name in ("newspaper", "sales", "store_id"):
        with pytest.raises(DesignError, match=f"column '{name}' is not in the table, which has .*; add it or name"):
            fit_mixed(panel.frame.drop(columns=name), RANDOM_SLOPE)
    with pytest.raises(DesignError, match="column 'radio' is not in the table, which has store_id, week, youtube"):
        fit_mixed(panel.frame, parse_formula("sales ~ radio + (1 | store_id)"))
    with pytest.raises(DesignError, match="column 'youtube' comes twice; keep one"):
        fit_mixed(pd.concat([panel.frame, panel.frame[["youtube"]]], axis=1), RANDOM_SLOPE)


def test_theta_and_contrast_of_the_wrong_size_are_refused(panel):
    with pytest.raises(DesignError, match="theta must hold 3 finite numbers for the model 'random slope'"):
        criterion_at(panel.frame, RANDOM_SLOPE, np.array([1.0]), reml=True)
    fit = fit_mixed(panel.frame, RANDOM_SLOPE)
    for contrast in (np.zeros(5), np.ones(4), np.full(5, np.nan)):
        with pytest.raises(DesignError, match="a contrast must be 5 finite weights, not all zero"):
            satterthwaite_df(fit, contrast)


def test_optimiser_that_did_not_arrive_is_an_error(panel, monkeypatch):
    monkeypatch.setattr(optimizer_module, "_MAX_ITERATIONS", 0)
    monkeypatch.setattr(optimizer_module, "MAX_POLISH", 1)
    with pytest.raises(
        ConvergenceError, match=r"not a certified optimum: the criterion could still fall by .* look for a group"
    ):
        fit_mixed(panel.frame, RANDOM_SLOPE)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    "random",
    [
        "(1 | store_id) + (1 | number)",
        "(1 | store_id) + (1 | store_id:number)",
        "(1 | store_id) + (0 + region | store_id)",
        "(youtube | store_id) + (0 + youtube | number)",
    ],
)
def test_variances_that_no_data_tell_apart_are_refused(drawn_frame, random, reml):
    table = drawn_frame(3).assign(number=lambda frame: 1000 - frame["store_id"])
    table["region"] = np.where(np.arange(len(table)) % 2, "east", "west")
    with pytest.raises(DesignError, match=r"cannot tell the variances apart.*repeats another"):
        fit(f"sales ~ youtube + {random}", table, reml=reml)


@pytest.mark.parametrize("fixed", ["C(store_id)", "chain", "youtube + chain"])
def test_reml_has_nothing_to_say_of_groups_that_the_fixed_effects_fit(drawn_frame, fixed):
    table = drawn_frame(4, stores=3 if fixed == "C(store_id)" else 2).assign(chain=lambda frame: frame["store_id"] == 1)
    with pytest.raises(
        DesignError, match=r"cannot tell the variances apart.*fixed effects that already say everything"
    ):
        fit(f"sales ~ {fixed} + (1 | store_id)", table)
    assert fit(f"sales ~ {fixed} + (1 | store_id)", table, reml=False).term.covariance[0, 0] == 0


@pytest.mark.parametrize(
    ("random", "effect"),
    [
        ("(1 | store_id) + (youtube | store_id)", "Intercept"),
        ("(youtube | store_id) + (0 + youtube | store_id)", "youtube"),
    ],
)
def test_an_effect_that_varies_twice_is_refused_by_name(drawn_frame, random, effect):
    with pytest.raises(DesignError, match=rf"^{effect} varies by store_id in two terms"):
        fit(f"sales ~ youtube + {random}", drawn_frame(3))


def test_terms_have_names_of_their_own(drawn_frame):
    table = drawn_frame(3).assign(**{"store_id.1": lambda frame: frame["week"] % 4})
    result = fit("sales ~ youtube + (1 | store_id) + (0 + youtube | store_id) + (1 | store_id.1)", table)
    assert [term.name for term in result.terms] == ["store_id", "store_id.2", "store_id.1"]
