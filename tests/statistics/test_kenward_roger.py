"""Kenward and Roger's adjustment: pbkrtest's numbers on the goldens, closed forms, invariances, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reference import DesignError, fit, fit_mixed, kenward_roger, kenward_roger_tests, predict_intervals
from reference.panels import RANDOM_SLOPE

FOLDER = Path(__file__).parents[1] / "oracles" / "goldens"
FITS = json.loads((FOLDER / "lme4.json").read_text(encoding="utf-8"))["fits"]
ADJUSTED = [golden for golden in FITS if "kenward_roger" in golden]


def numbers(value):
    return np.array([float(entry) for entry in (value if isinstance(value, list) else [value])])


@pytest.mark.parametrize("golden", ADJUSTED, ids=[f"{one['panel']} {one['formula']}" for one in ADJUSTED])
def test_agreement_with_pbkrtest(golden):
    rows = kenward_roger_tests(fit(golden["formula"], pd.read_csv(FOLDER / f"{golden['panel']}.csv")))
    expected = golden["kenward_roger"]
    np.testing.assert_allclose([row.standard_error for row in rows], numbers(expected["se"]), rtol=1e-5)
    np.testing.assert_allclose([row.df for row in rows], numbers(expected["df"]), rtol=1e-4)


def test_goldens_have_regular_and_singular_fits_of_one_and_several_factors():
    assert sum(golden["singular"] for golden in ADJUSTED) >= 8
    assert sum(isinstance(golden["terms"], list) for golden in ADJUSTED) >= 12
    assert len(ADJUSTED) >= 60


def test_unit_of_a_predictor_does_not_matter(panel):
    raw = kenward_roger_tests(fit_mixed(panel.frame, RANDOM_SLOPE))
    dollars = kenward_roger_tests(fit_mixed(panel.frame.assign(youtube=panel.youtube * 1000.0), RANDOM_SLOPE))
    np.testing.assert_allclose([row.df for row in dollars], [row.df for row in raw], rtol=1e-9)
    np.testing.assert_allclose([row.t for row in dollars], [row.t for row in raw], rtol=1e-9)


def test_form_for_several_factors_agrees_with_the_one_by_groups(drawn_frame):
    """Where the second factor has no variance, what the first one's say must not depend on the form."""
    for seed in range(20):
        frame = drawn_frame(seed)
        nested = fit("sales ~ youtube + (1 | store_id/half)", frame.assign(half=frame["week"] % 2))
        if nested.terms[1].rank == 0:
            break
    assert nested.terms[1].rank == 0
    one = kenward_roger(fit("sales ~ youtube + (1 | store_id)", frame))
    np.testing.assert_allclose(kenward_roger(nested).slopes[[0, -1]], one.slopes, atol=1e-9)


def test_balanced_one_way_layout_has_the_df_of_the_groups(panel):
    """The mean of a balanced layout is tested on the number of groups less one."""
    rng = np.random.default_rng(5)
    store = np.repeat(np.arange(12), 6)
    sales = rng.standard_normal(12)[store] * 2.0 + rng.standard_normal(store.size)
    row = kenward_roger_tests(fit("sales ~ 1 + (1 | store)", pd.DataFrame({"store": store, "sales": sales})))[0]
    assert row.df == pytest.approx(11.0, rel=1e-8)


def test_ml_fits_and_bad_contrasts_are_refused(panel):
    with pytest.raises(DesignError, match="REML fits; refit the model with reml=True"):
        kenward_roger(fit_mixed(panel.frame, RANDOM_SLOPE, reml=False))
    adjusted = kenward_roger(fit_mixed(panel.frame, RANDOM_SLOPE))
    for contrast in (np.zeros(5), np.ones(4), np.full(5, np.nan)):
        with pytest.raises(DesignError, match="a contrast must be 5 finite weights, not all zero"):
            adjusted.df(contrast)


def test_too_many_effects_of_crossed_factors_are_refused():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": np.arange(6000) % 2600, "b": rng.integers(0, 500, 6000), "sales": rng.standard_normal(6000)}
    )
    model = fit("sales ~ 1 + (1 | a) + (1 | b)", frame)
    refused = (
        "random effects of several grouping factors.*at most 3,000 are possible. Leave out a random term with many"
    )
    with pytest.raises(
        DesignError, match=f"{refused} groups, or take the tests by Satterthwaite's method, without --ken"
    ):
        kenward_roger(model)
    with pytest.raises(DesignError, match=f"{refused} groups, or predict without standard errors: --no-intervals of"):
        predict_intervals(model, frame)
    # What needs no errors is there.
    found = predict_intervals(model, frame, None)
    assert list(found.columns) == ["predicted"]
    np.testing.assert_allclose(found["predicted"], model.fitted, rtol=1e-9, atol=1e-12)
