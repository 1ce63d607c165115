"""The fitted model as people who know statsmodels or lme4 use it."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from reference import (
    DesignError,
    coefficient_table,
    coefficient_tests,
    compare_nested,
    criterion_at,
    fit,
    interval_table,
    parse_formula,
    profile_intervals,
    slope_intervals,
    variance_components,
    variance_table,
)

FORMULA = "score ~ hours + (1 + hours | school)"


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(4)
    schools = [f"school {letter}" for letter in "ABCDEFGHIJ"]
    rows = pd.DataFrame({"school": np.repeat(schools, 12), "hours": rng.uniform(0, 10, 120)})
    rows.index = pd.RangeIndex(1000, 1120)
    level, slope = (dict(zip(schools, spread * rng.standard_normal(10), strict=True)) for spread in (3.0, 0.8))
    score = 20 + rows["school"].map(level) + (1.5 + rows["school"].map(slope)) * rows["hours"]
    return rows.assign(score=score + rng.standard_normal(120), teacher=rng.integers(0, 8, 120))


@pytest.fixture(scope="module")
def model(frame):
    return fit(FORMULA, frame)


def test_a_fit_shows_itself_in_one_line(model):
    assert repr(model) == f"<MixedFit {FORMULA!r} by REML: 120 rows, 10 groups of school>"


def test_a_notebook_shows_both_tables_of_a_fit(model):
    shown = model._repr_html_()
    assert shown.count("<table") == 2
    assert all(name in shown for name in ("hours", "Residual", "standard_error"))


def test_the_summary_reads_the_same_when_printed_and_when_shown(model):
    summary = model.summary()
    assert repr(summary) == str(summary)
    assert "Fixed effects:" in summary
    assert "Kenward-Roger" in model.summary(kenward_roger=True)


def test_the_numbers_go_by_the_names_of_statsmodels(model):
    rows = coefficient_tests(model)
    for values, field in (
        (model.params, "estimate"),
        (model.bse, "standard_error"),
        (model.tvalues, "t"),
        (model.pvalues, "p"),
    ):
        assert values.to_dict() == {row.name: getattr(row, field) for row in rows}
    assert model.cov_params().loc["hours", "Intercept"] == model.covariance[1, 0]
    assert (model.llf, model.nobs, model.converged) == (model.log_likelihood, 120, True)


def test_fitted_values_and_residuals_add_up_to_the_response(model, frame):
    np.testing.assert_allclose(model.fittedvalues + model.resid, frame["score"], rtol=1e-12)
    assert model.fittedvalues.index.equals(frame.index)


def test_predictions_for_rows_of_the_fit_and_for_new_ones(model, frame):
    np.testing.assert_allclose(model.predict(), model.fittedvalues, rtol=1e-12)
    new = pd.DataFrame({"school": ["school B", "school J"], "hours": [2.0, 3.0]}, index=["first", "second"])
    seen = model.predict(new)
    assert list(seen.index) == ["first", "second"]
    modes = model.random_effects["school"].loc["school B"]
    average = model.predict(new, groups=False)
    assert seen["first"] == pytest.approx(average["first"] + modes["Intercept"] + 2.0 * modes["hours"])
    with pytest.raises(DesignError, match="school Z"):
        model.predict(new.assign(school="school Z"))


def test_intervals_are_a_table_by_parameter(model):
    limits = model.conf_int(0.1, method="profile")
    assert limits.equals(interval_table(profile_intervals(model, 0.9)))
    wald = model.conf_int()
    assert (wald["lower"] < wald["estimate"]).all()
    assert {"hours", "sigma", "sd hours | school"} <= set(wald.index)


def test_tables_are_data_frames(model):
    assert coefficient_table(model).loc["hours", "df"] == coefficient_tests(model)[1].df
    assert coefficient_table(model, kenward_roger=True).loc["hours", "df"] != coefficient_tests(model)[1].df
    assert variance_table(model)["value"].tolist() == [line.value for line in variance_components(model)]


def test_a_fit_survives_pickling(model):
    again = pickle.loads(pickle.dumps(model))
    assert again.params.equals(model.params)
    assert again.predict().equals(model.predict())


def test_formula_and_table_may_come_in_either_order(model, frame):
    parsed = parse_formula(FORMULA)
    for given in ((frame, FORMULA), (FORMULA, frame), (parsed, frame), (frame, parsed)):
        assert fit(*given).criterion == model.criterion


def test_reml_may_be_written_as_in_r(frame):
    assert fit(FORMULA, frame, REML=False).criterion == fit(FORMULA, frame, reml=False).criterion


@pytest.mark.parametrize(
    ("options", "help_"),
    [
        ({"weights": "w"}, "column 'w' is not in the table"),
        ({"na_action": "omit"}, "write missing='drop'"),
        ({"offset": "w"}, "an offset is part of the formula here"),
        ({"groups": "school"}, "groups are part of the formula"),
        ({"method": "lbfgs"}, "there is one optimiser"),
    ],
)
def test_options_of_other_software_are_answered(frame, options, help_):
    with pytest.raises(DesignError, match=help_):
        fit(FORMULA, frame, **options)


def test_an_unknown_option_is_a_type_error(frame):
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        fit(FORMULA, frame, colour="red")


def test_what_is_no_model_and_no_table_is_answered(frame, tmp_path):
    with pytest.raises(DesignError, match="fit needs a formula and a data frame"):
        fit(frame, frame)
    with pytest.raises(DesignError, match=r"is no Parquet file; read it first: frame = pandas.read_csv"):
        fit(FORMULA, tmp_path / "scores.csv")


def test_the_criterion_takes_a_formula_too(model, frame):
    assert criterion_at(frame, FORMULA, model.theta, reml=True) == pytest.approx(model.criterion)


def test_slopes_of_one_of_two_grouping_factors(frame):
    both = fit("score ~ hours + (1 + hours | school) + (0 + hours | teacher)", frame)
    with pytest.raises(DesignError, match="say which by group='school' or group='teacher'"):
        slope_intervals(both, "hours")
    assert len(slope_intervals(both, "hours", group="school")) == 10
    assert len(slope_intervals(both, "hours", group="teacher")) == 8


def test_groups_by_other_names_are_the_same_groups(frame):
    renamed = frame.assign(school=frame["school"].map(lambda name: f"{ord('Z') - ord(name[-1])}"))
    smaller = fit("score ~ hours + (1 | school)", frame, reml=False)
    larger, again = (fit(FORMULA, table, reml=False) for table in (frame, renamed))
    assert compare_nested(smaller, again).statistic == pytest.approx(compare_nested(smaller, larger).statistic)
