"""Sentences with numbers filled in, and the readings behind them: the tutorial's, singular fits, and edges."""

from __future__ import annotations

import numpy as np
import pytest

from reference import (
    compare_nested,
    fit,
    fit_mixed,
    interpret_comparison,
    interpret_fixed_effects,
    interpret_random_effects,
    interpret_ranking,
    interpret_shares,
    read_icc,
    read_parsimony,
    read_variances,
)
from reference.panels import RANDOM_INTERCEPT, RANDOM_SLOPE


def test_fixed_effects_of_the_tutorial(results):
    week, youtube, _, newspaper = interpret_fixed_effects(results.intercept.fit)
    assert (
        "one unit more of youtube goes with 0.0456 more of sales (95% interval 0.0428 to 0.0483, p < 0.0001)."
        in youtube
    )
    assert "0.000136 less of sales" in newspaper
    assert all("do not rule out that it makes no difference" in sentence for sentence in (week, newspaper))


def test_no_number_is_missing_where_the_fit_is_singular(results):
    slope = results.slope.fit
    assert slope.singular
    level, effect, boundary = interpret_random_effects(slope)
    assert "standard deviation of 0.0063 around 0.0448" in effect
    assert "standard deviation of 1.53" in level
    assert "correlation of Intercept and youtube is -1" in boundary
    assert "adjusted ICC 0.146" in interpret_shares(slope)[0]
    assert "conditional R² 0.913" in interpret_shares(slope)[1]
    everything = (*interpret_random_effects(slope), *interpret_shares(slope), *interpret_ranking(slope, "youtube"))
    assert not any("nan" in sentence.lower().split() for sentence in everything)


def test_variance_of_zero_is_said_to_be_that(drawn_frame):
    for seed in range(40):
        found = fit("sales ~ youtube + facebook + (1 | store_id)", drawn_frame(seed, slope_sd=0.0, level_sd=0.0))
        if found.singular:
            break
    sentences = interpret_random_effects(found)
    assert "does not vary between groups of store_id" in sentences[0]
    assert "no variance of Intercept" in sentences[1]
    assert "0.0% lies between groups" in interpret_shares(found)[0]
    assert not read_icc(found).fine
    assert "pooled least squares" in read_icc(found).sentence


def test_comparison_names_the_model_to_keep(results, drawn_frame):
    (sentence,) = interpret_comparison(results.comparison, "random intercept", "random slope")
    assert "by 11.9 in -2 log-likelihood for 2 more parameters (p = 0.0026; on the boundary p = 0.0016)" in sentence
    assert sentence.endswith("AIC and BIC prefer it: keep the random slope model.")
    frame = drawn_frame(1, slope_sd=0.0)
    flat = compare_nested(*(fit_mixed(frame, model, reml=False) for model in (RANDOM_INTERCEPT, RANDOM_SLOPE)))
    (sentence,) = interpret_comparison(flat, "random intercept", "random slope")
    assert sentence.endswith("neither AIC nor BIC prefers it: the random intercept model is enough.")
    assert not read_parsimony(flat).fine
    assert read_parsimony(results.comparison).fine


def test_ranking_says_who_leads_and_how_surely(results, drawn_frame):
    lead, top, apart = interpret_ranking(results.slope.fit, "youtube")
    assert "store_id 14: 0.0582 (95% interval 0.0518 to 0.0645)" in lead
    assert [name.split()[0] for name in top.split(": ")[1].split(", ")] == ["14", "1", "16", "8", "6"]
    assert "14, 1 (above it); the other 18 cannot be told from it" in apart
    for seed in range(20):
        same = fit("sales ~ youtube + facebook + (0 + youtube | store_id)", drawn_frame(seed, slope_sd=0.0, level_sd=0))
        if same.singular:
            break
    assert "none does; the other 14" in interpret_ranking(same, "youtube")[2]


def test_models_with_several_factors_have_sentences(drawn_frame):
    found = fit("sales ~ youtube + facebook + (1 | store_id) + (1 | week)", drawn_frame(3))
    assert any("groups of store_id" in sentence for sentence in interpret_random_effects(found))
    assert "groups of store_id and week" in interpret_shares(found)[0]


def test_variances_that_do_not_fit_the_response_are_noticed(results, drawn_frame):
    assert read_variances(results.slope.fit).fine
    assert read_variances(results.slope.fit).value == pytest.approx(1.0, abs=0.05)
    # Two stores a thousand apart, of which one has a single row: the model implies far more than the table shows.
    frame = drawn_frame(2)
    far = frame["store_id"].eq(1) & frame["week"].eq(1)
    frame = frame[~frame["store_id"].eq(1) | far]
    frame["sales"] += np.where(frame["store_id"].eq(1), 1e4, 0.0)
    reading = read_variances(fit("sales ~ youtube + (1 | store_id)", frame))
    assert not reading.fine
    assert "differs wildly" in reading.sentence
