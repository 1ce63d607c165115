"""The answer key of practice, the known mistakes, and the drawn tables they are told apart on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import statsmodels.formula.api as smf

from autograder.assignment.course import Course
from reference import fit_mixed
from reference.panels import RANDOM_INTERCEPT, RANDOM_SLOPE
from reference.questions import LIBRARY, Dataset, answer_key, coincide, faults, usable_draw
from reference.tutorial import Tutorial

PRACTICE = Course(Path(__file__).resolve().parents[2] / "solutions").rubric("practice")
SEEDS = (0, 4, 8)
MISTAKES = {
    "var_store": {"standard_deviation", "maximum_likelihood"},
    "var_residual": {"standard_deviation", "ols_residual_variance", "maximum_likelihood"},
    "icc": {"from_standard_deviations", "upside_down", "null_model", "unadjusted", "of_all_sales", "ols_r_squared"},
    "loglik_ri": {"reml", "reml_per_hundred", "deviance", "swapped"},
    "loglik_rs": {"reml", "reml_per_hundred", "deviance", "swapped"},
    "lrt_chi2": {"from_reml", "half", "negative"},
    "lrt_p": {"one_df", "boundary_mixture", "wrong_tail", "from_reml"},
    "lrt_df": {"one"},
    "aic_gain": {"sign", "from_reml", "bic"},
    "youtube_slope": {"ols", "random_intercept_model", "per_hundred"},
    "store_slopes": {"deviations", "average_twice", "ols_per_store", "ols_per_store_youtube_only", "per_hundred"},
    "top5": {"positions", "ascending", "by_intercept", "by_store_mean", "by_ols_per_store"},
    "media_means": {"medians"},
    "intercept_centred": {"uncentred", "group_mean", "week_centred_too", "sales_centred", "mean_of_sales"},
    "var_intercept_centred": {"uncentred", "standard_deviation", "group_mean"},
    "youtube_slope_centred": {"group_mean", "ols", "standardised", "per_hundred"},
    "loglik_change": {"reml_against_ml", "group_mean", "per_hundred_against_one"},
    "gain_average": {"one_unit", "ols"},
    "gain_best_store": {"one_unit", "deviation", "average", "average_twice"},
}


@pytest.fixture(scope="module", params=SEEDS)
def simulated(request):
    return drawn(request.param)


def drawn(seed):
    own = Dataset.from_csv(PRACTICE.data)
    return usable_draw(PRACTICE.setting, PRACTICE.panels, PRACTICE.asked, LIBRARY, own, seed)[0]


def practice_key(table):
    return answer_key(PRACTICE.setting, PRACTICE.asked, LIBRARY, Dataset(table.frame, "the table"))


def what_is_wrong(table):
    return faults(PRACTICE.setting, PRACTICE.asked, LIBRARY, table, PRACTICE.panels)[0]


def test_key_of_the_tutorial_is_the_tutorial(panel, results: Tutorial):
    key = practice_key(panel)
    values = key.values
    assert values["icc"] == results.intercept.shares.icc_adjusted
    assert values["var_store"] + values["var_residual"] == pytest.approx(
        results.intercept.shares.random + results.intercept.shares.residual
    )
    assert values["lrt_chi2"] == results.comparison.statistic
    assert values["lrt_chi2"] == pytest.approx(2 * (values["loglik_rs"] - values["loglik_ri"]), rel=1e-12)
    assert values["preferred"] == "random slope"
    assert values["top5"] == tuple(row.group for row in results.ranking[:5])
    assert values["media_means"] == dict(results.centring.means)
    assert values["intercept_centred"] == results.centred.coefficients[0].estimate
    assert values["loglik_change"] == pytest.approx(0.0, abs=1e-9)
    assert values["gain_best_store"] == 10 * results.ranking[0].slope
    assert key.answers["youtube_slope"].standard_error == results.slope.coefficients[2].standard_error
    assert key.answers["gain_average"].standard_error == 10 * key.answers["youtube_slope"].standard_error
    assert key.answers["var_intercept_centred"].standard_error is None


def test_no_mistake_is_the_right_answer(panel, simulated):
    for case in (panel, simulated):
        key = practice_key(case)
        assert key.mistakes.keys() <= key.values.keys()
        for item, named in key.mistakes.items():
            assert not any(coincide(key.values[item], wrong) for wrong in named.values())


def test_values_are_plain_data(simulated):
    def plain(value):
        if isinstance(value, Mapping):
            return all(type(k) in (int, str) and type(v) is float for k, v in value.items())
        if isinstance(value, tuple):
            return all(type(item) is int for item in value)
        return type(value) in (float, int, str)

    key = practice_key(simulated)
    assert [item for item, value in key.values.items() if not plain(value)] == []
    assert [(i, n) for i, named in key.mistakes.items() for n, v in named.items() if not plain(v)] == []
    errors = [one.standard_error for one in key.answers.values() if one.standard_error is not None]
    assert errors
    assert all(type(error) is float and error > 0 for error in errors)
    assert [item for item in key.values if not key.mistakes[item]] == ["preferred"]


def test_a_mistake_that_is_right_on_a_panel_is_left_out(panel):
    mistakes = practice_key(panel).mistakes["top5"]
    assert {"positions", "ascending"} <= mistakes.keys()
    # Where stores are numbered from zero, their positions are their names.
    key = practice_key(Dataset(panel.frame.assign(store_id=panel.frame["store_id"] - 1), "from zero"))
    assert key.values["top5"] == mistakes["positions"]
    assert mistakes.keys() - key.mistakes["top5"].keys() == {"positions"}


def test_values_coincide_up_to_a_relative_distance():
    assert coincide(1.0, 1.0 + 1e-9)
    assert coincide({"a": 1.0}, {"a": 1.0})
    assert not coincide({"a": 1.0}, {"b": 1.0})
    assert coincide({1: 1.0, 2: 2.0}, {2: 2.0, 1: 1.0})
    assert not coincide((1, 2), (2, 1))


def test_a_drawn_table_is_usable_and_reproducible(simulated):
    seed = int(simulated.source.rsplit(" ", 1)[1])
    assert what_is_wrong(simulated) == ()
    assert drawn(seed).to_csv_bytes() == simulated.to_csv_bytes()
    assert 15 <= simulated.frame["store_id"].nunique() <= 30
    assert not set(simulated.frame["store_id"]) & set(range(1, 21))
    np.testing.assert_array_equal(simulated.frame["sales"], simulated.frame["sales"].round(2))


def test_every_known_mistake_is_there_and_apart_on_a_simulated_panel(simulated):
    key = practice_key(simulated)
    assert {item: set(named) for item, named in key.mistakes.items() if named} == MISTAKES


def test_tutorial_panel_is_not_usable_because_it_is_singular(panel):
    assert what_is_wrong(Dataset(panel.frame, "own")) == ("the REML fit of 'random slope' is singular",)


def test_a_learner_with_statsmodels_reaches_the_same_optimum(simulated):
    """youtube/100 and lbfgs, the way the course teaches."""
    frame = simulated.frame.copy()
    frame["youtube"] /= 100
    formula = "sales ~ week + youtube + facebook + newspaper"
    for model, slope in ((RANDOM_INTERCEPT, "1"), (RANDOM_SLOPE, "1 + youtube")):
        for reml in (True, False):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                learner = smf.mixedlm(formula, frame, groups=frame["store_id"], re_formula=slope)
                learned = learner.fit(reml=reml, method=["lbfgs"])
            ours = fit_mixed(frame, model, reml=reml)
            np.testing.assert_allclose(learned.fe_params, ours.coefficients, rtol=1e-3, atol=1e-5)
            np.testing.assert_allclose(learned.scale, ours.sigma**2, rtol=1e-3)
            np.testing.assert_allclose(learned.cov_re, ours.term.covariance, rtol=2e-2, atol=1e-3)
            assert learned.llf == pytest.approx(ours.log_likelihood, abs=1e-3)
