"""What the course says of its panel's stores holds on the computed results."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from course.evidence import JOINT, PLAIN, ShuffleTest, shuffle_test, slopes_test
from reference import LikelihoodRatio, fit, slope_intervals
from reference.panels import tutorial_panel
from reference.tutorial import Tutorial, run_tutorial

LEVEL = 0.05
CURVE = "I(youtube ** 2)"


@pytest.fixture(scope="module")
def results() -> Tutorial:
    return run_tutorial(tutorial_panel())


@pytest.fixture(scope="module")
def shuffled(results: Tutorial) -> ShuffleTest:
    return shuffle_test(results.panel.frame, draws=99, seed=5)


def test_far_more_shuffles_exceed_the_cutoff_than_chi2_says(results: Tutorial, shuffled: ShuffleTest) -> None:
    cutoff = float(chi2.isf(LEVEL, shuffled.test.df))
    assert shuffled.share_beyond(cutoff) > 5 * LEVEL
    joint = shuffle_test(results.panel.frame, JOINT, draws=49, seed=5)
    assert joint.share_beyond(cutoff) > shuffled.share_beyond(cutoff)


def test_the_laws_find_what_shuffling_does_not(results: Tutorial, shuffled: ShuffleTest) -> None:
    assert shuffled.test == results.comparison
    assert shuffled.test.p < LEVEL < shuffled.p


def test_p_counts_the_panel_as_one_order_of_its_labels() -> None:
    ratio = LikelihoodRatio(statistic=4.0, df=2, p=0.1, p_boundary=0.1, aic_gain=0.0, bic_gain=0.0, variances=1)
    assert ShuffleTest(ratio, np.array([1.0, 2.0, 3.0])).p == 1 / 4
    assert ShuffleTest(ratio, np.array([1.0, 4.0, 5.0])).p == 3 / 4


def test_curvature_looks_like_varying_slopes(results: Tutorial, shuffled: ShuffleTest) -> None:
    curved = slopes_test(results.panel.frame, f"{PLAIN} + {CURVE}")
    assert curved.statistic < 0.6 * shuffled.test.statistic
    assert curved.p > LEVEL > shuffled.test.p


def test_the_finding_hangs_on_two_weeks(results: Tutorial, shuffled: ShuffleTest) -> None:
    frame = results.panel.frame
    odd = np.argsort(-np.abs(results.slope.fit.scaled_residuals))[:2]
    kept = frame.drop(frame.index[odd])
    assert slopes_test(kept).p_boundary > LEVEL > shuffled.test.p_boundary
    tutorial = [row.group for row in results.slopes if row.tier == "above"]
    again = slope_intervals(fit(f"sales ~ {PLAIN} + (1 + youtube | store_id)", kept), "youtube")
    assert [row.group for row in again if row.tier == "above"] != tutorial


def test_shuffled_labels_find_slopes_where_there_are_some(results: Tutorial) -> None:
    frame = results.panel.frame
    # Every second store gains as much again from YouTube as the average one.
    gain = results.slope.fit.fixed_effects["youtube"] * frame["youtube"] * (frame["store_id"] % 2)
    test = shuffle_test(frame.assign(sales=frame["sales"] + gain), draws=39, seed=5)
    assert test.p == 1 / 40
