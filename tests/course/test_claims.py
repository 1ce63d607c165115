"""What the pages say in words, without a number that the build computes, holds for the tutorial's panel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from reference import coefficient_tests, fit, predict_population, profile_intervals
from reference.panels import tutorial_panel
from reference.tutorial import Tutorial, run_tutorial

MEDIA = "sales ~ week + youtube + facebook + newspaper"


@pytest.fixture(scope="module")
def results() -> Tutorial:
    return run_tutorial(tutorial_panel())


def test_standard_errors_move_as_the_random_slope_page_says(results: Tutorial) -> None:
    pooled = results.pooled.standard_errors
    levels, slopes = (
        {row.name: row.standard_error for row in model.coefficients} for model in (results.intercept, results.slope)
    )
    assert levels["Intercept"] > pooled["Intercept"]
    assert all(levels[name] < pooled[name] for name in ("week", "youtube", "facebook", "newspaper"))
    assert slopes["youtube"] > levels["youtube"]
    assert all(slopes[name] < levels[name] for name in ("week", "facebook", "newspaper"))


def test_the_data_do_not_rule_out_that_stores_have_one_level(results: Tutorial) -> None:
    pooled = smf.ols(MEDIA, results.panel.frame).fit()
    statistic = -2 * pooled.llf - results.intercept_ml.fit.criterion
    # The 95 % quantile of the mixture: half of chi² on one degree of freedom.
    assert 0 < statistic < 2.705543454095414
    spread = next(row for row in profile_intervals(results.intercept.fit) if row.name.startswith("sd "))
    assert spread.lower == 0


def test_weeks_differ_by_no_more_than_chance(results: Tutorial) -> None:
    assert smf.ols("sales ~ C(week)", results.panel.frame).fit().f_pvalue > 0.05


def test_one_slope_may_stand_for_stores_and_weeks(results: Tutorial) -> None:
    frame = results.panel.frame
    usual = frame.groupby("store_id")["youtube"].transform("mean")
    context = fit("sales ~ week + youtube + usual + facebook + newspaper + (1 | store_id)", frame.assign(usual=usual))
    assert {row.name: row.p for row in coefficient_tests(context)}["usual"] > 0.05


def test_residuals_are_high_at_both_ends_of_the_fit_and_low_between(results: Tutorial) -> None:
    model = results.slope.fit
    lowest, *between, highest = pd.Series(model.scaled_residuals).groupby(pd.qcut(model.fitted, 5)).mean()
    assert min(lowest, highest) > 0 > max(between)


def test_steps_of_the_random_part_buy_what_the_diagnostics_page_says(results: Tutorial) -> None:
    level, diagonal, slope, largest = (
        fit(f"{MEDIA} + {random}", results.panel.frame, reml=False)
        for random in (
            "(1 | store_id)",
            "(1 + youtube || store_id)",
            "(1 + youtube | store_id)",
            "(1 + youtube + facebook | store_id)",
        )
    )
    assert diagonal.terms[1].covariance[0, 0] == 0
    assert slope.aic < level.aic < diagonal.aic
    assert largest.aic < slope.aic
    assert slope.bic < min(level.bic, largest.bic)
    assert slope.singular
    assert largest.singular


def test_sales_beyond_the_baseline_follow_budgets_less_than_sales_do(results: Tutorial) -> None:
    frame = results.panel.frame
    beyond = frame.assign(beyond=frame["sales"] - predict_population(results.intercept.fit, frame))
    means = beyond.groupby("store_id")[["youtube", "sales", "beyond"]].mean().corr()["youtube"]
    assert abs(means["beyond"]) < 0.5 * means["sales"]


def test_a_store_lies_farther_out_than_normal_stores_would(results: Tutorial) -> None:
    slopes = results.slope.fit.term.modes[:, 1]
    others = np.sort(np.abs(slopes))[:-1]
    assert np.abs(slopes).max() > 1.5 * others.max()
