"""Units from one end of the floats to the other: the fit is the same in them, or the column is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reference import DesignError, coefficient_tests, fit, variance_shares
from reference.data.columns import FARTHEST

FORMULA = "sales ~ week + youtube + (1 + youtube | store_id)"


@pytest.fixture(scope="module")
def frame(panel):
    return panel.frame


@pytest.fixture(scope="module")
def plain(frame):
    return fit(FORMULA, frame)


def scaled(frame, response, predictor):
    """The frame in units of ten to these powers, and how far from one the largest of a variance's units is."""
    units = {"sales": float(f"1e{response}"), "youtube": float(f"1e{predictor}")}
    distance = max(abs(response), abs(predictor), abs(response - predictor))
    return frame.assign(**{name: frame[name] * unit for name, unit in units.items()}), units, distance


@settings(max_examples=40, deadline=None)
@given(response=st.integers(-135, 135), predictor=st.integers(-135, 135))
def test_a_fit_is_the_same_in_any_unit(frame, plain, response, predictor):
    table, units, distance = scaled(frame, response, predictor)
    assume(distance <= 135)
    found = fit(FORMULA, table)
    constant = 2.0 * np.log(10.0) * (plain.optimum.point.denominator * response + predictor)
    assert found.criterion == pytest.approx(plain.criterion + constant, abs=1e-8)
    other = np.array([1.0, 1.0, units["youtube"]])
    np.testing.assert_allclose(found.coefficients / units["sales"] * other, plain.coefficients, rtol=1e-9)
    own = np.diag([1.0, units["youtube"]]) / units["sales"]
    np.testing.assert_allclose(own @ found.term.covariance @ own, plain.term.covariance, rtol=1e-6)
    for one, same in zip(coefficient_tests(plain), coefficient_tests(found), strict=True):
        assert (same.df, same.t) == pytest.approx((one.df, one.t), rel=1e-6)
    assert variance_shares(found).r2_conditional == pytest.approx(variance_shares(plain).r2_conditional, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(response=st.integers(-300, 300), predictor=st.integers(-300, 300))
def test_a_unit_too_far_from_one_is_refused_by_the_name_of_its_column(frame, response, predictor):
    table, _, distance = scaled(frame, response, predictor)
    assume(distance >= 143)
    with pytest.raises(DesignError, match=r"column '(sales|youtube)'.* divide the column by"):
        fit(FORMULA, table)


@pytest.mark.parametrize(("column", "power"), [("sales", -300), ("youtube", -200), ("facebook", -250)])
def test_what_the_message_says_helps(frame, column, power):
    formula = "sales ~ youtube + facebook + (1 | store_id)"
    small = frame.assign(**{column: frame[column] * float(f"1e{power}")})
    with pytest.raises(DesignError, match=f"column '{column}' varies by about .*; divide the column by 1e-") as refusal:
        fit(formula, small)
    unit = float(str(refusal.value).rsplit(" ", 1)[1].rstrip("."))
    assert fit(formula, small.assign(**{column: small[column] / unit})).criterion < np.inf


@pytest.mark.parametrize("column", ["sales", "youtube"])
def test_a_number_too_large_is_named_by_its_row(frame, column):
    spoilt = frame.assign(**{column: frame[column].astype(float)})
    spoilt.loc[7, column] = -1e150
    with pytest.raises(DesignError, match=f"column '{column}', row 7 holds -1e.150, too large to be squared; correct"):
        fit(FORMULA, spoilt)


def test_a_number_too_large_is_named_in_an_expression_too(frame):
    with pytest.raises(DesignError, match=r"column 'I\(youtube \*\* 60\)', row 0 holds 3e\+146, too large"):
        fit("sales ~ I(youtube ** 60) + (1 | store_id)", frame)
    # NumPy's warning would say no more.
    with pytest.raises(DesignError, match=r"column 'np.exp\(week\)', row 1 is not finite"):
        fit("sales ~ np.exp(week) + (1 | store_id)", frame.assign(week=1000.0 * (frame.index == 1)))


def test_a_number_too_large_in_a_later_piece_is_found(frame):
    later = frame.assign(youtube=np.where(frame.index == 3, 10 * FARTHEST, frame["youtube"]))
    with pytest.raises(DesignError, match=r"column 'youtube', row 3 holds 1e.141, too large"):
        fit(FORMULA, iter([frame, later.assign(store_id=later["store_id"] + 100)]))


def test_a_constant_column_is_constant_in_any_unit(frame):
    for value in (0.0, 1e-150, 0.1, 1e130):
        with pytest.raises(DesignError, match="column 'youtube' does not vary"):
            fit(FORMULA, frame.assign(youtube=value))
