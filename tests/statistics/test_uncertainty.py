"""How sure one can be of the groups: lme4's conditional variances, the dense formula, closed forms, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from reference import DesignError, conditional_covariances, fit, fit_mixed, probability_top, slope_intervals
from reference.panels import RANDOM_INTERCEPT, RANDOM_SLOPE

ORACLES = Path(__file__).parents[1] / "oracles"
CASES = json.loads((ORACLES / "modes.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["panel"] for case in CASES])
def test_conditional_modes_and_variances_are_those_of_lme4(case):
    found = fit(case["formula"], pd.read_csv(ORACLES / "goldens" / f"{case['panel']}.csv"))
    for term, covariances in zip(found.terms, conditional_covariances(found), strict=True):
        golden = next(factor for factor in case["factors"] if factor["factor"] == term.group)
        order = [golden["levels"].index(str(level)) for level in term.levels]
        modes = np.array(golden["modes"], dtype=float).reshape(term.modes.shape)[order]
        variances = np.array(golden["variances"], dtype=float).reshape(covariances.shape)[order]
        np.testing.assert_allclose(term.modes, modes, rtol=1e-5, atol=1e-5 * np.abs(modes).max())
        np.testing.assert_allclose(covariances, variances, rtol=1e-5, atol=1e-5 * np.abs(variances).max())


@pytest.mark.parametrize(
    "formula",
    [
        "sales ~ week + youtube + facebook + newspaper + (1 + youtube | store_id)",
        "sales ~ week + youtube + (0 + youtube | store_id)",
        "sales ~ week + youtube + (1 | half) + (1 + youtube | store_id)",
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_standard_errors_are_those_of_the_dense_formula(formula, seed, drawn_frame, dense_errors):
    frame = drawn_frame(seed).assign(half=lambda table: table["week"] % 3)
    found = fit(formula, frame)
    whole, apart = dense_errors(found, "youtube")
    rows = sorted(slope_intervals(found, "youtube"), key=lambda row: row.group)
    np.testing.assert_allclose([row.standard_error**2 for row in rows], whole, rtol=1e-7)
    deviations = found.terms[-1].table["youtube"].to_numpy()
    np.testing.assert_allclose([row.above for row in rows], ndtr(deviations / np.sqrt(apart)), rtol=1e-6)


def test_tutorial_is_singular_and_still_has_intervals(results, dense_errors):
    rows = slope_intervals(results.slope.fit, "youtube")
    assert results.slope.fit.singular
    assert [row.group for row in rows] == [row.group for row in results.ranking]
    assert all(row.lower < row.slope < row.upper for row in rows)
    whole, _ = dense_errors(results.slope.fit, "youtube")
    np.testing.assert_allclose([row.standard_error**2 for row in sorted(rows, key=lambda r: r.group)], whole, rtol=1e-6)
    assert {row.group: row.tier for row in rows if row.tier != "unclear"} == {14: "above", 1: "above"}


def test_intervals_cover_the_true_slopes_as_often_as_they_say():
    """Of 400 stores in ten panels, drawn from a known model, the 80 % intervals hold about 80 %."""
    rng, held = np.random.default_rng(8), []
    for _ in range(10):
        store = np.repeat(np.arange(40), 12)
        youtube, slopes = rng.uniform(0, 10, store.size), 1.0 + 0.3 * rng.standard_normal(40)
        sales = rng.standard_normal(40)[store] + slopes[store] * youtube + rng.standard_normal(store.size)
        frame = pd.DataFrame({"sales": sales, "youtube": youtube, "store_id": store})
        rows = slope_intervals(fit("sales ~ youtube + (1 + youtube | store_id)", frame), "youtube", level=0.8)
        held += [row.lower <= slopes[row.group] <= row.upper for row in rows]
    # Three standard errors of a share of 400.
    assert abs(np.mean(held) - 0.8) < 3 * np.sqrt(0.8 * 0.2 / 400)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 500), unit=st.sampled_from([1e-3, 0.5, 1e4]))
def test_unit_of_the_predictor_only_rescales(seed, unit, drawn_frame):
    frame = drawn_frame(seed)
    raw, scaled = fit_mixed(frame, RANDOM_SLOPE), fit_mixed(frame.assign(youtube=frame["youtube"] * unit), RANDOM_SLOPE)
    if raw.term.covariance[1, 1] == 0:
        return
    for one, other in zip(slope_intervals(raw, "youtube"), slope_intervals(scaled, "youtube"), strict=True):
        assert one.group == other.group
        assert other.standard_error * unit == pytest.approx(one.standard_error, rel=1e-5)
        assert other.above == pytest.approx(one.above, abs=1e-5)


def test_probabilities_add_up_and_follow_the_order_of_well_known_slopes(drawn_frame):
    found = fit_mixed(drawn_frame(3, slope_sd=0.2), RANDOM_SLOPE)
    chances = probability_top(found, "youtube", 5, draws=4_000)
    assert sum(chances.values()) == pytest.approx(5)
    assert list(chances) == sorted(chances)
    top = [row.group for row in slope_intervals(found, "youtube")[:5]]
    assert min(chances[group] for group in top) > max(chances[group] for group in chances if group not in top)
    assert probability_top(found, "youtube", 5, draws=4_000) == chances
    assert set(probability_top(found, "youtube", len(chances), draws=100).values()) == {1.0}


def test_two_groups_have_the_normal_probability(drawn_frame):
    frame = drawn_frame(8, slope_sd=0.01)
    found = fit("sales ~ youtube + (0 + youtube | store_id)", frame[frame["store_id"] <= 2])
    assert not found.singular
    first, second = (row for row in sorted(slope_intervals(found, "youtube"), key=lambda row: row.group))
    variances = dense_difference(found)
    expected = ndtr((first.slope - second.slope) / np.sqrt(variances))
    assert probability_top(found, "youtube", 1, draws=200_000)[first.group] == pytest.approx(expected, abs=0.005)


def dense_difference(found):
    """The prediction error variance of the difference of the first two groups' slopes, from Henderson's equations."""
    matrices = found.design.matrices
    z = np.zeros((found.design.n_observations, 2))
    z[np.arange(len(z)), matrices.codes[0]] = matrices.random[0][:, 0]
    both = np.column_stack([matrices.fixed, z])
    equations = both.T @ both / found.sigma**2
    p = matrices.fixed.shape[1]
    equations[p:, p:] += np.eye(2) / found.term.covariance[0, 0]
    spread = np.linalg.inv(equations)[p:, p:]
    return spread[0, 0] + spread[1, 1] - 2.0 * spread[0, 1]


def test_slopes_that_do_not_vary_are_told_apart_by_nothing(drawn_frame):
    for seed in range(30):
        found = fit("sales ~ youtube + (0 + youtube || store_id)", drawn_frame(seed, slope_sd=0.0, level_sd=0.0))
        if found.singular:
            break
    assert found.singular
    assert set(probability_top(found, "youtube", 5).values()) == {5 / 14}
    rows = slope_intervals(found, "youtube")
    assert {row.above for row in rows} == {0.5}
    assert {row.tier for row in rows} == {"unclear"}


def test_refusals_say_what_to_ask_for(panel):
    slopes, levels = fit_mixed(panel.frame, RANDOM_SLOPE), fit_mixed(panel.frame, RANDOM_INTERCEPT)
    with pytest.raises(DesignError, match="no random slope for 'youtube'"):
        slope_intervals(levels, "youtube")
    with pytest.raises(DesignError, match="between 0 and 1"):
        slope_intervals(slopes, "youtube", level=95.0)
    with pytest.raises(DesignError, match="between 1 and 20, not 21"):
        probability_top(slopes, "youtube", 21)
    with pytest.raises(DesignError, match="at least one draw"):
        probability_top(slopes, "youtube", draws=0)


def test_probability_to_be_at_the_top_of_very_many_groups():
    """Only groups that come up are drawn then; drawing all of them must give the same."""
    rng = np.random.default_rng(8)
    group, x = np.repeat(np.arange(1200), 5), rng.standard_normal(6000)
    slope = 1.0 + 0.5 * rng.standard_normal(1200)
    frame = pd.DataFrame({"group": group, "x": x, "y": slope[group] * x + rng.standard_normal(6000)})
    model = fit("y ~ x + (1 + x | group)", frame)
    spread = np.sqrt(conditional_covariances(model)[0][:, 1, 1])
    for count in (1, 30):
        chances = np.array(list(probability_top(model, "x", count, draws=20_000).values()))
        assert chances.sum() == pytest.approx(count)
        hits = np.zeros(1200)
        for _ in range(8):
            # What all slopes share is next to nothing with so many groups.
            drawn = model.terms[0].modes[:, 1] + spread * rng.standard_normal((1000, 1200))
            hits += np.bincount(np.argpartition(-drawn, count - 1, axis=1)[:, :count].ravel(), minlength=1200)
        error = np.sqrt(chances * (1 - chances) * (1 / 20_000 + 1 / 8000)) + 1e-4
        assert (np.abs(chances - hits / 8000) < 5 * error).all()
        assert probability_top(model, "x", count, draws=500) == probability_top(model, "x", count, draws=500)
    assert set(probability_top(model, "x", 1200, draws=20).values()) == {1.0}
