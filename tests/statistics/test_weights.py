"""Weights and offsets: lme4's numbers, and what must be the same whatever their unit.

``tests/oracles/weighted.R`` wrote the tables and ``lme4.json`` beside them.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reference import (
    bootstrap_test,
    compare_nested,
    criterion_at,
    fit,
    kenward_roger_tests,
    parse_formula,
    predict_new_groups,
    profile_intervals,
    variance_shares,
)
from reference.errors import DesignError, FormulaError

FOLDER = Path(__file__).parents[1] / "oracles" / "weighted"
ORACLE = json.loads((FOLDER / "lme4.json").read_text(encoding="utf-8"))
FITS = ORACLE["fits"]
NAMES = [f"{one['table']} {one['formula']} {'REML' if one['reml'] else 'ML'}" for one in FITS]


def table(name):
    return pd.read_csv(FOLDER / name)


def numbers(texts):
    # One number alone is no list in the oracle.
    return np.array([float(text) for text in ([texts] if isinstance(texts, str) else texts)])


def our_theta(golden):
    """Return lme4's theta in the order of our terms: lme4 takes the factor with most levels first."""
    theirs, start = [], 0
    for term in golden["terms"]:
        length = term["effects"] * (term["effects"] + 1) // 2
        theirs.append((set(term["factor"].split(":")), numbers(golden["theta"])[start : start + length]))
        start += length
    ordered = []
    for term in parse_formula(golden["formula"]).terms:
        place = next(place for place, (factor, _) in enumerate(theirs) if factor == set(term.group))
        ordered.append(theirs.pop(place)[1])
    return np.concatenate(ordered)


def test_the_oracle_has_a_source():
    assert ORACLE["provenance"].keys() == {"R", "lme4", "command"}
    assert len({golden["table"] for golden in FITS}) >= 10
    for golden in FITS:
        assert golden["md5"] == hashlib.md5((FOLDER / golden["table"]).read_bytes()).hexdigest()


@pytest.mark.parametrize("golden", FITS, ids=NAMES)
def test_criterion_and_predictions_are_those_of_lme4(golden):
    frame, how = table(golden["table"]), {"reml": golden["reml"], "weights": golden["weights"]}
    theirs, size = float(golden["criterion"]), max(1.0, abs(float(golden["criterion"])))
    at_theirs = criterion_at(frame, golden["formula"], our_theta(golden), **how)
    assert at_theirs == pytest.approx(theirs, abs=1e-8)
    found = fit(golden["formula"], frame, **how)
    assert found.criterion <= theirs + 1e-8
    if found.criterion < theirs - 1e-6 * size:
        return
    assert found.sigma == pytest.approx(float(golden["sigma"]), rel=1e-4)
    np.testing.assert_allclose(sorted(found.params), numbers(golden["fixed"]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sorted(found.bse), numbers(golden["se"]), rtol=1e-3)
    for name, ours in (
        ("fitted", found.fittedvalues),
        ("resid", found.resid),
        ("scaled", found.scaled_residuals),
        ("predicted", found.predict(frame)),
        ("population", found.predict(frame, groups=False)),
    ):
        expected = numbers(golden[name])
        np.testing.assert_allclose(np.asarray(ours)[:5], expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_unit_of_the_weights_changes_sigma_alone():
    frame = table("table-02.csv")
    plain, scaled = (fit("y ~ x + (x | g)", frame, weights=frame["w"] * unit) for unit in (1.0, 1e8))
    assert scaled.criterion == pytest.approx(plain.criterion, abs=1e-8)
    assert scaled.sigma == pytest.approx(plain.sigma * 1e4, rel=1e-7)
    np.testing.assert_allclose(scaled.term.covariance, plain.term.covariance, rtol=1e-6)
    np.testing.assert_allclose(scaled.coefficients, plain.coefficients, rtol=1e-8)
    np.testing.assert_allclose(scaled.pvalues, plain.pvalues, rtol=1e-6)


def test_equal_weights_change_nothing():
    frame = table("table-03.csv").assign(one=1.0)
    formula = "y ~ x * f + (x | g) + (1 | h)"
    plain, weighted = fit(formula, frame), fit(formula, frame, weights="one")
    assert weighted.criterion == pytest.approx(plain.criterion, abs=1e-8)
    for shares in ("fixed", "random", "residual"):
        ours, expected = (getattr(variance_shares(found), shares) for found in (weighted, plain))
        assert ours == pytest.approx(expected, rel=1e-7)
    rows = zip(kenward_roger_tests(weighted), kenward_roger_tests(plain), strict=True)
    for ours, expected in rows:
        assert (ours.df, ours.p) == pytest.approx((expected.df, expected.p), rel=1e-5)


def test_whole_weights_are_means_of_so_many_rows():
    """A row of weight w says of the coefficients what w rows of its mean do, where sigma is known to both."""
    frame = table("table-01.csv").assign(w=lambda d: 1 + np.arange(len(d)) % 3)
    weighted = fit("y ~ x + (1 | g)", frame, weights="w")
    theta, sigma = weighted.theta[0], weighted.sigma
    z = (frame["g"].to_numpy()[:, None] == frame["g"].unique()).astype(float)
    variance = sigma**2 * (np.diag(1.0 / frame["w"]) + theta**2 * z @ z.T)
    x = np.column_stack([np.ones(len(frame)), frame["x"]])
    information = x.T @ np.linalg.solve(variance, x)
    np.testing.assert_allclose(weighted.covariance, np.linalg.inv(information), rtol=1e-8)
    beta = np.linalg.solve(information, x.T @ np.linalg.solve(variance, frame["y"]))
    np.testing.assert_allclose(weighted.coefficients, beta, rtol=1e-8)


def test_an_offset_is_taken_off_the_response():
    frame = table("table-04.csv")
    shifted = frame.assign(y=frame["y"] - 3 * frame["o"])
    with_offset, without = (
        fit("y ~ x + offset(3 * o) + (1 | g)", frame, reml=False),
        fit("y ~ x + (1 | g)", shifted, reml=False),
    )
    assert with_offset.criterion == pytest.approx(without.criterion, abs=1e-9)
    np.testing.assert_allclose(with_offset.fittedvalues - 3 * frame["o"], without.fittedvalues, atol=1e-9)
    np.testing.assert_allclose(with_offset.resid, without.resid, atol=1e-9)
    new = predict_new_groups(with_offset, frame)
    np.testing.assert_allclose(new.expected - 3 * frame["o"], predict_new_groups(without, frame).expected, atol=1e-9)
    again = parse_formula(with_offset.model.formula)
    assert (again.offset, again.fixed) == ("I(3 * o)", "x")
    # Profiles and bootstrap are those of the response without it.
    for ours, expected in zip(profile_intervals(with_offset), profile_intervals(without), strict=True):
        assert (ours.lower, ours.upper) == pytest.approx((expected.lower, expected.upper), rel=1e-6)
    small, small_without = (
        fit(f, d, reml=False) for f, d in (("y ~ offset(3 * o) + (1 | g)", frame), ("y ~ 1 + (1 | g)", shifted))
    )
    ours = bootstrap_test(small, with_offset, draws=5, seed=1).statistics
    np.testing.assert_allclose(ours, bootstrap_test(small_without, without, draws=5, seed=1).statistics, atol=1e-6)


def test_simulated_responses_of_a_weighted_fit_have_its_variances():
    frame = table("table-01.csv")
    small, large = (fit(f, frame, reml=False, weights="w") for f in ("y ~ 1 + (1 | g)", "y ~ x + (1 | g)"))
    # Weights that differ by a factor of a million would give absurd statistics if the draws forgot them.
    statistics = bootstrap_test(small, large, draws=40, seed=3).statistics
    assert statistics.mean() == pytest.approx(1.0, abs=0.8)
    assert compare_nested(small, large).df == 1


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_weights_that_are_none_are_refused(weight):
    frame = table("table-01.csv")
    frame.loc[7, "w"] = weight
    with pytest.raises(DesignError, match=r"column 'w', row 7 holds -?[01], and a weight must be above zero"):
        fit("y ~ x + (1 | g)", frame, weights="w")
    with pytest.raises(DesignError, match=r"there are 3 weights for .* rows"):
        fit("y ~ x + (1 | g)", frame, weights=[1, 2, 3])


def test_a_row_without_a_weight_is_left_out():
    frame = table("table-01.csv")
    frame.loc[7, "w"] = np.nan
    found = fit("y ~ x + (1 | g)", frame, weights="w")
    assert str(found.design.left_out) == f"1 of {len(frame)} rows left out: w 1"
    assert found.criterion == pytest.approx(fit("y ~ x + (1 | g)", frame.drop(index=7), weights="w").criterion)
    assert pickle.loads(pickle.dumps(found)).criterion == found.criterion


def test_an_offset_of_levels_is_refused():
    with pytest.raises(FormulaError, match="the offset 'f' must be columns of numbers"):
        fit("y ~ x + offset(f) + (1 | g)", table("table-01.csv"))
