"""Likelihood-ratio preconditions, shares, ranking, prediction, and readings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reference import (
    ComparisonError,
    DesignError,
    compare_nested,
    fit,
    fit_mixed,
    fit_ols,
    grand_mean_centre,
    group_slopes,
    parse_formula,
    predict_conditional,
    predict_population,
    rank_groups,
    read_collinearity,
    read_convergence,
    read_singularity,
    top_groups,
    variance_components,
    variance_standard_errors,
)
from reference.panels import MEDIA, NULL_MODEL, RANDOM_INTERCEPT, RANDOM_SLOPE

NO_WEEK = parse_formula("sales ~ youtube + facebook + newspaper + (1 | store_id)", "no week")
TWO_SLOPES = parse_formula(
    "sales ~ week + youtube + facebook + newspaper + (1 + youtube + facebook | store_id)", "two slopes"
)


@pytest.fixture(scope="module")
def fits(panel):
    models = (RANDOM_INTERCEPT, RANDOM_SLOPE, NO_WEEK, TWO_SLOPES)
    return {model.name: fit_mixed(panel.frame, model, reml=False) for model in models}


def test_test_of_a_fixed_effect_has_no_mixture(fits):
    test = compare_nested(fits["no week"], fits["random intercept"])
    assert test.df == 1
    assert test.p == test.p_boundary == pytest.approx(stats.chi2.sf(test.statistic, 1), rel=1e-10)


def test_test_of_a_second_slope_mixes_two_and_three_degrees(fits):
    test = compare_nested(fits["random slope"], fits["two slopes"])
    assert test.df == 3
    expected = (stats.chi2.sf(test.statistic, 2) + stats.chi2.sf(test.statistic, 3)) / 2
    assert test.p_boundary == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("smaller", "larger", "df"), [("no week", "random slope", 3), ("random intercept", "two slopes", 5)]
)
def test_several_effects_at_once_have_no_simple_law(fits, smaller, larger, df):
    test = compare_nested(fits[smaller], fits[larger])
    assert test.df == df
    assert test.p == pytest.approx(stats.chi2.sf(test.statistic, df), rel=1e-10)
    assert np.isnan(test.p_boundary)


def test_reml_fits_are_refused(panel, fits):
    with pytest.raises(ComparisonError, match="needs ML fits; refit both models with reml=False"):
        compare_nested(fit_mixed(panel.frame, RANDOM_INTERCEPT), fits["random slope"])


@pytest.mark.parametrize(
    ("smaller", "larger", "message"),
    [
        ("random slope", "random intercept", "'random slope' is not nested .* give the model with fewer terms"),
        ("random slope", "random slope", "the two models are the same"),
    ],
)
def test_models_that_cannot_be_compared_are_refused(fits, smaller, larger, message):
    with pytest.raises(ComparisonError, match=message):
        compare_nested(fits[smaller], fits[larger])


def test_models_of_which_neither_contains_the_other_are_said_to_be_so(panel):
    one, other = (fit(f"sales ~ {name} + (1 | store_id)", panel.frame, reml=False) for name in ("youtube", "week"))
    with pytest.raises(
        ComparisonError, match=r"nor that in it: each has what the other lacks, .* compare their AIC or"
    ):
        compare_nested(one, other)
    both = fit("sales ~ youtube + week + (1 | store_id)", panel.frame, reml=False)
    assert compare_nested(one, both).df == 1
    with pytest.raises(ComparisonError, match=r"but contains it; give the model with fewer terms first\.$"):
        compare_nested(both, one)


def test_fits_to_different_data_are_refused(panel, fits):
    frame = panel.frame
    other = fit_mixed(frame.assign(sales=frame["sales"] + 1), RANDOM_SLOPE, reml=False)
    with pytest.raises(ComparisonError, match="different rows, responses, weights or offsets; refit"):
        compare_nested(fits["random intercept"], other)
    for column in ("facebook", "youtube"):
        other = fit_mixed(frame.assign(**{column: frame[column].to_numpy()[::-1]}), RANDOM_SLOPE, reml=False)
        with pytest.raises(ComparisonError, match=r"or the fits saw different tables; .* refit both on the same table"):
            compare_nested(fits["random intercept"], other)


def test_centring_one_of_the_fits_changes_no_test(panel, fits):
    centred = fit_mixed(grand_mean_centre(panel.frame, MEDIA).frame, RANDOM_SLOPE, reml=False)
    raw = compare_nested(fits["random intercept"], fits["random slope"])
    assert compare_nested(fits["random intercept"], centred).statistic == pytest.approx(raw.statistic, abs=1e-8)


def _classes(*, text: bool, seed: int) -> pd.DataFrame:
    """Return pupils of classes in schools, in no order, classes numbered anew in each school."""
    draw = np.random.default_rng(seed)
    school, inner = np.repeat(np.arange(12), 32), np.tile(np.repeat(np.arange(4), 8), 12)
    x = draw.normal(size=school.size)
    of_school, of_class = draw.normal(size=12)[school], draw.normal(size=48)[4 * school + inner]
    frame = pd.DataFrame({"school": school, "class": inner, "x": x, "kind": np.array(["a", "b", "c"])[school % 3]})
    frame["y"] = x + of_school + of_class + draw.normal(size=x.size)
    if text:
        frame = frame.assign(**{name: name[0] + frame[name].astype(str) for name in ("school", "class")})
    return frame.assign(class_id=frame["class"]).sample(frac=1, random_state=seed)


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(
    ("smaller", "larger", "df"),
    [
        ("(1 | class:school)", "(1 | school/class)", 1),
        ("(1 | school:class)", "(1 | school/class)", 1),
        ("(1|class_id:school)", "(1|school/class_id)", 1),
        ("(1|class_id:school)", "(1|school/class)", 1),
        ("(1|class:school)", "(1 | class:school) + (1 | school)", 1),
        ("(1 | school)", "(1 | school/class)", 1),
        ("(1 | school) + (1 | class:school)", "(1 + x | school/class)", 4),
        ("(1 + x || class:school)", "(1 | school) + (1 + x | school:class)", 2),
        ("kind + (1 | class:school)", "C(kind, Sum) + (1 | school/class)", 1),
    ],
)
def test_nesting_is_a_matter_of_the_groups_and_not_of_their_names(smaller, larger, df, text):
    frame = _classes(text=text, seed=3)
    few, many = (fit_mixed(frame, parse_formula(f"y ~ x + {terms}", terms), reml=False) for terms in (smaller, larger))
    assert compare_nested(few, many).df == df
    with pytest.raises(ComparisonError, match="is not nested in"):
        compare_nested(many, few)


def test_fits_of_the_same_rows_under_other_names_of_the_groups_are_nested():
    few = fit_mixed(_classes(text=True, seed=3), parse_formula("y ~ x + (1 | class:school)"), reml=False)
    many = fit_mixed(_classes(text=False, seed=3), parse_formula("y ~ x + (1 | school/class)", "both"), reml=False)
    assert compare_nested(few, many).df == 1


@pytest.mark.parametrize("smaller", ["(1 | school)", "(1 | class)"])
def test_coarser_or_other_groups_are_not_nested(smaller):
    frame = _classes(text=False, seed=3)
    few, many = (
        fit_mixed(frame, parse_formula(f"y ~ x + {terms}", terms), reml=False)
        for terms in (smaller, "(1 + x | class:school)")
    )
    with pytest.raises(ComparisonError, match="is not nested in"):
        compare_nested(few, many)


def test_a_larger_model_that_fits_worse_is_refused(fits):
    worse = dataclasses.replace(fits["random slope"], criterion=fits["random intercept"].criterion + 1.0)
    with pytest.raises(ComparisonError, match=r"contains 'random intercept' but fits worse.*do not use it"):
        compare_nested(fits["random intercept"], worse)


def test_a_tie_in_slope_goes_to_the_smaller_id(panel):
    frame = panel.frame
    first = frame[frame["store_id"] == 14]
    both = pd.concat([frame, first.assign(store_id=99)], ignore_index=True)
    order = [row.group for row in rank_groups(fit_mixed(both, RANDOM_SLOPE), "youtube")]
    assert order.index(99) == order.index(14) + 1


def test_ranking_needs_a_random_slope_and_enough_groups(panel):
    with pytest.raises(DesignError, match="no random slope for 'youtube'; fit one that has one"):
        group_slopes(fit_mixed(panel.frame, RANDOM_INTERCEPT), "youtube")
    with pytest.raises(DesignError, match="there are 20 groups; ask for between 1 and 20, not 21"):
        top_groups(fit_mixed(panel.frame, RANDOM_SLOPE), "youtube", 21)


def test_slopes_do_not_depend_on_centring(panel):
    raw = group_slopes(fit_mixed(panel.frame, RANDOM_SLOPE), "youtube")
    centred = group_slopes(fit_mixed(grand_mean_centre(panel.frame, MEDIA).frame, RANDOM_SLOPE), "youtube")
    assert list(raw) == list(centred)
    np.testing.assert_allclose(list(centred.values()), list(raw.values()), rtol=1e-9)


def test_conditional_prediction_of_the_fitted_rows_is_the_fitted_value(panel):
    fit = fit_mixed(panel.frame, RANDOM_SLOPE)
    np.testing.assert_allclose(predict_conditional(fit, panel.frame), fit.fitted, rtol=1e-12)
    np.testing.assert_allclose(
        predict_population(fit, panel.frame), fit.design.matrices.fixed @ fit.coefficients, rtol=1e-12
    )


def test_prediction_for_a_store_not_seen_is_refused(panel):
    fit = fit_mixed(panel.frame, RANDOM_SLOPE)
    with pytest.raises(DesignError, match="store_id 99 was not in the fit; use predict_population"):
        predict_conditional(fit, panel.frame.assign(store_id=99))


def test_prediction_names_a_column_that_is_not_there(panel):
    fit = fit_mixed(panel.frame, RANDOM_SLOPE)
    for name in ("store_id", "facebook"):
        with pytest.raises(DesignError, match=f"column '{name}' is not in the table"):
            predict_conditional(fit, panel.frame.drop(columns=name))


def test_readings_of_the_tutorial(panel):
    slope, intercept = fit_mixed(panel.frame, RANDOM_SLOPE), fit_mixed(panel.frame, RANDOM_INTERCEPT)
    assert "Singular: the random effects vary in 1 of 2" in read_singularity(slope).sentence
    assert not read_singularity(slope).fine
    assert read_singularity(intercept).fine
    assert read_convergence(slope).value < 1e-12
    assert read_collinearity(fit_ols(panel.frame, RANDOM_INTERCEPT)).fine


def test_entangled_predictors_are_read_as_such(panel):
    frame = panel.frame
    frame["facebook"] = frame["youtube"] + 0.1 * frame["facebook"]
    reading = read_collinearity(fit_ols(frame, RANDOM_INTERCEPT))
    assert not reading.fine
    assert "cannot be told from the others'" in reading.sentence


def test_variance_inflation_is_that_of_the_auxiliary_regression(panel):
    frame = panel.frame.assign(youtube=lambda t: 1e4 + 1e-3 * t["youtube"])
    auxiliary = fit_ols(frame, parse_formula("youtube ~ week + facebook + newspaper + (1 | store_id)"))
    inflation = fit_ols(frame, RANDOM_INTERCEPT).vif["youtube"]
    assert inflation == pytest.approx(1 / (1 - auxiliary.r_squared), rel=1e-8)
    assert fit_ols(frame, parse_formula("sales ~ week + (1 | store_id)")).vif["week"] == pytest.approx(1.0, rel=1e-12)


def test_regressions_that_cannot_be_are_refused(panel):
    with pytest.raises(DesignError, match="5 rows cannot carry 5 fixed effects; drop predictors or add rows"):
        fit_ols(panel.frame.head(5), RANDOM_INTERCEPT)
    with pytest.raises(DesignError, match="without predictors has no collinearity to read"):
        read_collinearity(fit_ols(panel.frame, NULL_MODEL))


def test_variance_standard_errors_agree_with_the_curvature_of_the_likelihood(panel):
    """Differences of the full -2 log-likelihood in (variance of stores, variance of residuals)."""
    fit = fit_mixed(panel.frame, RANDOM_INTERCEPT, reml=False)
    design = fit.design
    same = np.equal.outer(design.matrices.codes[0], design.matrices.codes[0])

    def deviance(store, residual):
        V = residual * np.eye(len(same)) + store * same
        X, y = design.matrices.fixed, design.matrices.response
        beta = np.linalg.solve(X.T @ np.linalg.solve(V, X), X.T @ np.linalg.solve(V, y))
        rest = y - X @ beta
        return np.linalg.slogdet(V)[1] + rest @ np.linalg.solve(V, rest)

    at = np.array([fit.term.covariance[0, 0], fit.sigma**2])
    steps = np.diag(1e-3 * at)
    hessian = np.array(
        [[sum(s * t * deviance(*(at + s * a + t * b)) for s in (1, -1) for t in (1, -1)) for a in steps] for b in steps]
    ) / (4e-6 * np.outer(at, at))
    expected = np.sqrt(2 * np.diagonal(np.linalg.inv(hessian)))
    errors = variance_standard_errors(fit)
    np.testing.assert_allclose([errors["store_id", "Intercept"], errors["Residual", ""]], expected, rtol=1e-3)


def test_variance_standard_errors_on_the_boundary_leave_out_what_has_none(panel):
    assert list(variance_standard_errors(fit_mixed(panel.frame, RANDOM_SLOPE))) == [("Residual", "")]


def test_correlation_with_a_variance_of_zero_is_nan(drawn_frame):
    frame = drawn_frame(0, slope_sd=0.0, level_sd=0.0)
    fits = (
        fit_mixed(frame.assign(sales=np.random.default_rng(k).standard_normal(len(frame))), RANDOM_SLOPE)
        for k in range(60)
    )
    fit = next(fit for fit in fits if fit.optimum.rank == 0)
    assert np.isnan(variance_components(fit)[2].sd_or_correlation)
