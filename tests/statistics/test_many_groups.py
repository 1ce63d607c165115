"""Tables of thousands of groups: the search is thinned, the optimum is not, and memory stays near the table's."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from reference import DesignError, fit, kenward_roger_tests
from reference.likelihood import blocks
from reference.optimum import starts

SLOPES = "sales ~ youtube + region + (1 + youtube | store)"


def draw(groups, rows, seed=1):
    """Draw a balanced table with a level of a factor that three groups share."""
    rng = np.random.default_rng(seed)
    store = np.repeat(np.arange(groups), rows)
    effects = rng.standard_normal((groups, 2))
    youtube = rng.uniform(0, 2, store.size)
    sales = effects[store, 0] + (1 + effects[store, 1]) * youtube + rng.standard_normal(store.size)
    region = np.where(store % groups < 3, "north", "south")
    return pd.DataFrame({"store": store, "youtube": youtube, "region": region, "sales": sales})


@pytest.mark.parametrize(
    "formula", [SLOPES, "sales ~ youtube + (1 | store)", "sales ~ youtube + (1 + youtube || store)"]
)
def test_thinning_the_scan_changes_no_digit_of_the_optimum(monkeypatch, formula):
    table = draw(3_000, 4)
    thinned = fit(formula, table)
    monkeypatch.setattr(starts, "SAMPLE", 10_000)
    whole = fit(formula, table)
    assert thinned.criterion == pytest.approx(whole.criterion, abs=1e-8)
    np.testing.assert_allclose(thinned.coefficients, whole.coefficients, rtol=1e-8)
    assert thinned.certificate.agreeing >= 1


def test_more_groups_than_one_call_of_the_scan_takes(monkeypatch):
    table = draw(60, 5)
    whole = fit(SLOPES, table)
    monkeypatch.setattr(starts, "EVALUATED_AT_ONCE", 7)
    assert fit(SLOPES, table).criterion == pytest.approx(whole.criterion, abs=1e-9)


def test_thirty_thousand_groups_are_fitted():
    table = draw(30_000, 3)
    result = fit("sales ~ youtube + (1 + youtube | store)", table)
    assert result.certificate.decrement <= 1e-10
    np.testing.assert_allclose(result.term.covariance, np.eye(2), atol=0.1)


def test_a_long_table_needs_less_than_half_its_size_beside_itself():
    table = draw(5_000, 100).drop(columns="region")
    size = int(table.memory_usage(index=False).sum())
    formula = "sales ~ youtube + (1 | store)"
    fit(formula, table.head(1_000))
    tracemalloc.start()
    fit(formula, table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.5 * size, (peak, size)


@pytest.mark.parametrize("scattered", [False, True])
def test_of_ten_rows_a_group_little_more_is_kept_than_its_rows_without_the_random_effects(scattered):
    table = draw(20_000, 10).drop(columns="region")
    if scattered:
        table = table.sample(frac=1.0, random_state=5, ignore_index=True)
    formula = "sales ~ youtube + (1 + youtube | store)"
    fit(formula, table)
    tracemalloc.start()
    fit(formula, table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    numbers = peak / 8 / 20_000
    # Six of a group are its kept rows; of the table ten rows are thirty.
    assert numbers < 20, numbers


def test_slices_of_groups_give_what_the_whole_gives(monkeypatch):
    table = draw(100, 6)
    whole = fit(SLOPES, table)
    tests = kenward_roger_tests(whole)
    for name in ("ONE_SLICE", "SLICE"):
        monkeypatch.setattr(blocks, name, 7)
    sliced = fit(SLOPES, table)
    assert sliced.criterion == pytest.approx(whole.criterion, abs=1e-9)
    np.testing.assert_allclose(sliced.term.modes, whole.term.modes, atol=1e-7)
    for one, other in zip(kenward_roger_tests(sliced), tests, strict=True):
        assert (one.df, one.standard_error) == pytest.approx((other.df, other.standard_error), rel=1e-6)


def test_a_point_that_keeps_nothing_has_the_same_derivatives_and_pull(monkeypatch):
    fitted = fit(SLOPES, draw(100, 6))
    surface, factor = fitted.optimum.surface, fitted.optimum.factor
    kept = surface.profile(factor)
    directions = fitted.optimum.active_directions
    local = kept.derivatives(factor, directions)
    for name in ("ONE_SLICE", "SLICE"):
        monkeypatch.setattr(blocks, name, 7)
    point = surface.profile(factor)
    again = point.derivatives(factor, directions)
    np.testing.assert_allclose(again.hessian, local.hessian, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(point.pull, kept.pull, rtol=1e-9, atol=1e-9)


def test_groups_far_apart_lose_no_digit_when_read_in_pieces():
    rng = np.random.default_rng(2)
    store = np.repeat(np.arange(100), 30)
    centre = 100.0 * rng.standard_normal(100)
    youtube = centre[store] + rng.standard_normal(store.size)
    slope = 1.0 + 0.5 * rng.standard_normal(100)
    sales = slope[store] * (youtube - centre[store]) + rng.standard_normal(store.size)
    table = pd.DataFrame({"store": store, "youtube": youtube, "sales": sales})
    formula = "sales ~ youtube + (1 + youtube | store)"
    whole = fit(formula, table)
    parted = fit(formula, (table.iloc[start : start + 70] for start in range(0, len(table), 70)))
    assert parted.criterion == pytest.approx(whole.criterion, rel=1e-13)
    np.testing.assert_allclose(parted.term.covariance, whole.term.covariance, rtol=1e-10)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("youtube", np.inf, "column 'youtube', row 19000 is not finite"),
        ("sales", np.nan, "column 'sales', row 19000 is empty"),
        ("store", None, "column 'store', row 19000 is empty"),
    ],
)
def test_a_bad_cell_of_a_long_table_is_named_by_its_own_row(column, cell, message):
    table = draw(2_000, 10)
    table[column] = table[column].astype(object if cell is None else float)
    table.loc[19_000, column] = cell
    with pytest.raises(DesignError, match=message):
        fit("sales ~ youtube + (1 | store)", table, missing="raise")


def test_a_long_column_of_numbers_as_text_is_not_taken_for_a_factor():
    table = draw(2_000, 10)
    with pytest.raises(DesignError, match="column 'youtube' holds numbers as text"):
        fit("sales ~ youtube + (1 | store)", table.assign(youtube=table["youtube"].astype(str)))


def test_complex_numbers_are_refused():
    table = draw(10, 5)
    with pytest.raises(DesignError, match="column 'youtube' holds complex128, not numbers"):
        fit("sales ~ youtube + (1 | store)", table.assign(youtube=table["youtube"] + 1j))
