"""One answer with the learner's others: rounding, steps from own answers, the optimum, sentences with gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from autograder.assignment.key import Keyed
from autograder.assignment.rubric import Rubric
from autograder.records.grading import Verdict
from autograder.sandbox.wire import plain_value
from autograder.scoring.one_answer import STOPPED_EARLY, Judged, judge_value


@pytest.fixture
def judge(rubric: Rubric, panels: tuple[Keyed, ...]):
    """Judge an answer on the tutorial's panel, given others."""

    def judged(item: str, value: object, own: Mapping[str, object] | None = None) -> Judged:
        entry = next(one for one in rubric.items if one.id == item)
        others = {name: plain_value(other) for name, other in (own or {}).items()}
        return judge_value(rubric, entry, plain_value(value), panels[0].answers, others)

    return judged


@pytest.fixture
def right(panels: tuple[Keyed, ...]):
    return panels[0].answers.values


def test_a_number_rounded_as_asked_is_right_and_one_rounded_further_half_right(judge, right) -> None:
    assert judge("icc", round(right["icc"], 4)).finding.verdict is Verdict.CORRECT
    short = judge("icc", round(right["icc"], 2)).finding
    assert (short.verdict, short.share) == (Verdict.PARTIAL, 0.5)
    assert "more digits" in short.sentence
    assert judge("icc", round(right["icc"], 1)).finding.verdict is Verdict.WRONG


def test_a_rounded_mistake_is_not_taken_for_a_rounded_answer(judge, rubric: Rubric, panels) -> None:
    """Where the right answer and a mistake are the same number once rounded, that number is neither."""
    seen = 0
    for item in rubric.items:
        right = panels[0].answers.values.get(item.id)
        for mistaken in panels[0].answers.mistakes.get(item.id, {}).values():
            if isinstance(right, float) and isinstance(mistaken, float):
                same = [round(right, digits) for digits in range(4) if round(right, digits) == round(mistaken, digits)]
                for number in filter(None, same):
                    found = judge(item.id, number)
                    assert found.finding.share == 0.0
                    seen += "more than one thing" in found.finding.sentence
    assert seen


def test_a_right_step_from_wrong_answers_counts_in_part(judge) -> None:
    own = {"var_store": 1.0, "var_residual": 4.0}
    found = judge("icc", 0.2, own).finding
    assert (found.verdict, found.share) == (Verdict.CARRIED, 0.5)
    assert "var_store and var_residual" in found.sentence
    assert judge("icc", 0.3, own).finding.verdict is Verdict.WRONG
    assert judge("icc", 0.2).finding.verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("item", "value", "own"),
    [
        ("icc", 0.0, {"var_store": 0.0, "var_residual": 4.0}),
        ("icc", 1.0, {"var_store": 4.0, "var_residual": 0.0}),
        ("lrt_chi2", -2.0, {"loglik_ri": -400.0, "loglik_rs": -401.0}),
        ("lrt_p", 1.0, {"lrt_chi2": 0.0, "lrt_df": 2}),
        ("lrt_p", 0.5, {"lrt_chi2": 3.0, "lrt_df": 0.5}),
        ("preferred", "random slope", {"lrt_p": -3.0}),
        ("top5", [1, 2, 3, 4, 5], {"store_slopes": dict.fromkeys(range(1, 21), 0.1)}),
        ("top5", [1, 2, 3, 4, 5], {"store_slopes": "none"}),
        ("icc", 0.5, {"var_store": math.inf, "var_residual": math.inf}),
    ],
)
def test_nothing_follows_from_trivial_or_senseless_answers(judge, item: str, value: object, own: dict) -> None:
    found = judge(item, value, own).finding
    assert found.verdict is not Verdict.CARRIED
    if item != "preferred":
        assert found.verdict is not Verdict.CORRECT


def test_steps_reach_from_the_log_likelihoods_to_the_decision(judge) -> None:
    own = {"loglik_ri": -430.0, "loglik_rs": -429.0, "lrt_chi2": 2.0, "lrt_df": 2, "lrt_p": math.exp(-1.0)}
    assert judge("lrt_chi2", 2.0, own).finding.verdict is Verdict.CARRIED
    assert judge("lrt_p", math.exp(-1.0), own).finding.verdict is Verdict.CARRIED
    assert judge("aic_gain", -2.0, own).finding.verdict is Verdict.CARRIED
    assert judge("preferred", "random intercept", own).finding.verdict is Verdict.CARRIED


def test_a_ranking_follows_from_slopes_that_tell_stores_apart_and_from_no_other_numbers(judge, right) -> None:
    slopes = right["store_slopes"]
    average = sum(slopes.values()) / len(slopes)
    order = sorted(slopes, key=slopes.get, reverse=True)
    near = {store: average + 0.5 * (slope - average) for store, slope in slopes.items()}
    near[order[4]], near[order[6]] = near[order[6]], near[order[4]]
    assert judge("top5", [*order[:4], order[6]], {"store_slopes": near}).finding.share == 0.5
    # The average is easily known, and what is added to it to make a ranking is no result.
    last = sorted(slopes)[:-6:-1]
    for made_up in ({store: average + 1e-6 * store for store in slopes}, {store: float(store) for store in slopes}):
        found = judge("top5", last, {"store_slopes": made_up})
        assert (found.finding.share, found.holds) == (0.0, False)
        assert "store_slopes, but that is no result" in found.finding.sentence


def test_a_step_from_answers_that_are_all_within_tolerance_is_right(judge, right) -> None:
    own = {"loglik_ri": right["loglik_ri"] - 0.015, "loglik_rs": right["loglik_rs"] + 0.015}
    statistic = 2.0 * (own["loglik_rs"] - own["loglik_ri"])
    assert judge("lrt_chi2", statistic).finding.verdict is Verdict.WRONG
    assert judge("lrt_chi2", statistic, own).finding.verdict is Verdict.CORRECT


def test_estimates_as_good_as_the_best_are_right_and_those_of_an_early_stop_are_not(judge, right) -> None:
    # A third of a standard error off is out of the tolerance, but costs less than a hundredth in the criterion.
    near = {"var_store": right["var_store"] * 1.03, "var_residual": right["var_residual"]}
    assert judge("var_store", near["var_store"]).finding.verdict is Verdict.WRONG
    assert judge("var_store", near["var_store"], near).finding.verdict is Verdict.CORRECT
    far = {"var_store": right["var_store"] * 2.0, "var_residual": right["var_residual"]}
    found = judge("var_store", far["var_store"], far)
    assert (found.finding.verdict, found.mistake) == (Verdict.WRONG, STOPPED_EARLY)
    nonsense = {"var_store": -1.0, "var_residual": 1.0}
    assert judge("var_store", -1.0, nonsense).mistake is None


def test_a_log_likelihood_that_is_too_low_is_that_of_a_search_that_stopped(judge, right) -> None:
    for below in (0.5, 20.0, 150.0):
        found = judge("loglik_rs", right["loglik_rs"] - below)
        assert (found.finding.verdict, found.mistake) == (Verdict.WRONG, STOPPED_EARLY)
    assert judge("loglik_rs", right["loglik_rs"] + 0.5).mistake is None
    assert judge("loglik_rs", 0.0).mistake is None


GAPS = {"percent": 6.4, "of": "what the predictors leave unexplained", "lies": "between stores"}


def test_a_sentence_is_compared_gap_by_gap(judge) -> None:
    assert judge("icc_reading", GAPS).finding.verdict is Verdict.CORRECT
    assert judge("icc_reading", {**GAPS, "percent": 6}).finding.verdict is Verdict.CORRECT
    found = judge("icc_reading", {**GAPS, "of": "all variation in sales", "percent": 64}).finding
    assert (found.verdict, found.share) == (Verdict.PARTIAL, pytest.approx(1 / 3))
    assert found.sentence == "Not right yet: percent, of."
    found = judge("icc_reading", {**GAPS, "percent": 0.0638}).finding
    assert found.sentence.startswith("Not right yet: percent. The digits for percent are right, and the unit is not")
    assert judge("icc_reading", {}).finding.verdict is Verdict.WRONG
    assert judge("icc_reading", "six per cent").finding.verdict is Verdict.MALFORMED
    assert judge("icc_reading", {"percent": None, "of": 3, "lies": True}).finding.share == 0.0


def test_the_number_in_a_sentence_is_the_learners_own(judge) -> None:
    assert judge("icc_reading", {**GAPS, "percent": 40}, {"icc": 0.4}).finding.verdict is Verdict.CORRECT
    assert judge("icc_reading", GAPS, {"icc": 0.4}).finding.sentence == "Not right yet: percent."


@pytest.mark.parametrize("short", [0.021, 0.03, 0.05, 0.099])
@pytest.mark.parametrize("item", ["loglik_ri", "loglik_rs"])
def test_a_log_likelihood_just_short_is_half_right_and_says_why(judge, right, item: str, short: float) -> None:
    found = judge(item, right[item] - short)
    assert (found.finding.verdict, found.finding.share, found.mistake) == (Verdict.PARTIAL, 0.5, STOPPED_EARLY)
    assert "just short" in found.finding.sentence


def test_half_of_the_points_end_where_a_conclusion_could_change_and_above_the_maximum(judge, right) -> None:
    assert judge("loglik_rs", right["loglik_rs"] - 0.11).finding.share == 0.0
    assert judge("loglik_rs", right["loglik_rs"] + 0.05).finding.share == 0.0
    # A change by centring is no log-likelihood: there is nothing to be just short of.
    assert judge("loglik_change", -0.05).finding.share == 0.0


def test_what_follows_from_a_stopped_fit_names_that_fit_alone(judge, right) -> None:
    own = {"loglik_ri": right["loglik_ri"], "loglik_rs": right["loglik_rs"] - 3.0, "lrt_df": 2}
    found = judge("aic_gain", right["aic_gain"] - 6.0, own).finding
    assert found.verdict is Verdict.CARRIED
    assert found.sentence.startswith("This follows rightly from your own loglik_rs, and would be right if that was.")


def test_the_number_of_another_answer_is_known_as_that(judge, right) -> None:
    for item, other in (("var_store", "var_residual"), ("gain_average", "gain_best_store"), ("lrt_p", "icc")):
        found = judge(item, right[other]).finding
        assert (found.verdict, found.sentence) == (Verdict.WRONG, f"This is the number for {other}.")


def test_no_slip_that_is_named_holds_up_what_rests_on_it(judge, right) -> None:
    """A number that can be guessed, however well its slip is known, does not show that a model was fitted."""
    for item, guess in (
        ("var_residual", 4),
        ("var_store", 0.0),
        ("var_store", -0.3),
        ("icc", 6),
        ("youtube_slope", 0.0),
    ):
        assert not judge(item, guess).holds, (item, guess)
