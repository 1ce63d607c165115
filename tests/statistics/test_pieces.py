"""A table read piece by piece gives the fit of the whole table, and says where it cannot be read."""

from __future__ import annotations

from itertools import pairwise

import dask.dataframe as dask
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import DesignError, coefficient_tests, fit
from reference.data import tables

FORMULAS = (
    "sales ~ youtube + facebook + (1 | store_id)",
    "sales ~ youtube + facebook + (1 + youtube | store_id)",
    "sales ~ week + youtube + facebook + (1 + youtube + facebook || store_id)",
)
SLOPES = FORMULAS[1]


@pytest.fixture(scope="module")
def frame(drawn_frame) -> pd.DataFrame:
    """An unbalanced table with rows of a store scattered over it, spends in dollars."""
    table = drawn_frame(6, stores=25)
    table["youtube"] *= 1000.0
    return table.sample(frac=1.0, random_state=3).reset_index(drop=True)


def require_same(one, other, rtol=1e-10):
    """Compare everything a fit says."""
    np.testing.assert_allclose(one.criterion, other.criterion, rtol=rtol)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=rtol)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-9)
    np.testing.assert_allclose(one.sigma, other.sigma, rtol=rtol)
    for term, like in zip(one.terms, other.terms, strict=True):
        assert term.levels == like.levels
        # A variance of zero has modes of zero.
        scale = np.abs(like.modes).max(axis=0) + (like.modes == 0).all(axis=0)
        np.testing.assert_allclose(term.modes / scale, like.modes / scale, atol=1e-8)
        sizes = np.sqrt(np.diagonal(like.covariance)) + (np.diagonal(like.covariance) == 0)
        sizes = np.outer(sizes, sizes)
        np.testing.assert_allclose(term.covariance / sizes, like.covariance / sizes, atol=1e-8)
    for row, like in zip(coefficient_tests(one), coefficient_tests(other), strict=True):
        np.testing.assert_allclose(row.df, like.df, rtol=1e-6)


def cut(table: pd.DataFrame, *places: int) -> list[pd.DataFrame]:
    edges = [0, *places, len(table)]
    return [table.iloc[start:stop] for start, stop in pairwise(edges)]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("reml", [True, False])
def test_an_iterator_of_frames(frame, formula, reml):
    require_same(fit(formula, iter(cut(frame, 30, 31, 90)), reml=reml), fit(formula, frame, reml=reml))


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_parquet_file_a_folder_of_them_and_a_dask_frame(frame, formula, tmp_path):
    whole = fit(formula, frame)
    frame.to_parquet(tmp_path / "one.parquet", row_group_size=40)
    require_same(fit(formula, tmp_path / "one.parquet"), whole)
    (tmp_path / "many").mkdir()
    for number, piece in enumerate(cut(frame, 50, 120)):
        piece.to_parquet(tmp_path / "many" / f"part-{number}.parquet")
    require_same(fit(formula, str(tmp_path / "many")), whole)
    require_same(fit(formula, dask.from_pandas(frame, npartitions=4)), whole)


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_long_table_in_memory_is_read_in_pieces_too(frame, formula, monkeypatch):
    whole = fit(formula, frame)
    monkeypatch.setattr(tables, "WHOLE", 37)
    monkeypatch.setattr(tables, "PIECE", 37)
    parted = fit(formula, frame)
    require_same(parted, whole)
    np.testing.assert_allclose(parted.fitted, whole.fitted, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(places=st.lists(st.integers(20, 180), max_size=6, unique=True).map(sorted))
def test_where_the_table_is_cut_does_not_matter(frame, places):
    inside = [place for place in places if place < len(frame)]
    require_same(fit(SLOPES, iter(cut(frame, *inside))), fit(SLOPES, frame))


@pytest.mark.parametrize("ids", [str, lambda number: f"store {number:03d}", lambda number: number * 1000 - 7])
def test_ids_of_any_kind_may_come_first_in_a_late_piece(frame, ids):
    table = frame.assign(store_id=frame["store_id"].map(ids)).sort_values("store_id", ascending=False)
    parted = fit(SLOPES, iter(cut(table, 40, 100)))
    require_same(parted, fit(SLOPES, table))
    assert list(parted.term.levels) == sorted(set(table["store_id"]))


def test_a_group_of_one_row_and_a_far_away_predictor(frame):
    table = pd.concat([frame, frame.tail(1).assign(store_id=999)]).assign(youtube=lambda t: t["youtube"] + 1e9)
    require_same(fit(SLOPES, iter(cut(table, 60, 61))), fit(SLOPES, table), rtol=1e-9)


def test_factors_in_memory_know_all_their_levels(frame, monkeypatch):
    table = frame.assign(region=np.where(np.arange(len(frame)) < 150, "east", "west"))
    whole = fit("sales ~ youtube + region + (1 | store_id)", table)
    monkeypatch.setattr(tables, "WHOLE", 37)
    monkeypatch.setattr(tables, "PIECE", 37)
    require_same(fit("sales ~ youtube + region + (1 | store_id)", table), whole)


def test_a_level_that_comes_late_is_refused_by_name(frame):
    table = frame.assign(region=np.where(np.arange(len(frame)) % 2, "east", "west"))
    table.loc[table.index[-1], "region"] = "north"
    with pytest.raises(DesignError, match=r"region|north"):
        fit("sales ~ youtube + region + (1 | store_id)", iter(cut(table, 80)))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda piece: piece.drop(columns="youtube"), "youtube"),
        (lambda piece: piece.drop(columns="store_id"), "store_id"),
        (lambda piece: piece.assign(youtube=np.nan), "youtube"),
        (lambda piece: piece.assign(sales=np.inf), "sales"),
        (lambda piece: piece.assign(youtube="much"), "youtube"),
        (lambda piece: piece.assign(store_id=None), "store_id"),
        (lambda piece: piece.to_dict(), "dict"),
    ],
)
def test_what_is_wrong_in_a_later_piece_is_named(frame, spoil, said):
    first, last = cut(frame, 100)
    with pytest.raises(DesignError, match=said):
        fit(SLOPES, iter([first, spoil(last)]), missing="raise")


def test_an_empty_table_is_refused(frame, tmp_path):
    for empty in (iter([]), iter([frame.head(0)]), frame.head(0)):
        with pytest.raises(DesignError, match=r"no rows"):
            fit(SLOPES, empty)
    with pytest.raises(DesignError, match=r"cannot be read as Parquet"):
        fit(SLOPES, tmp_path / "none.parquet")
    frame.drop(columns="youtube").to_parquet(tmp_path / "less.parquet")
    with pytest.raises(DesignError, match="column 'youtube' is not in"):
        fit(SLOPES, tmp_path / "less.parquet")


def test_empty_pieces_between_others_do_no_harm(frame):
    first, last = cut(frame, 100)
    require_same(fit(SLOPES, iter([first.head(0), first, first.head(0), last])), fit(SLOPES, frame))


def test_what_needs_the_rows_says_that_they_were_not_kept(frame):
    parted = fit(SLOPES, iter(cut(frame, 100)))
    with pytest.raises(DesignError, match="kept no rows; use a data frame"):
        _ = parted.fitted


@pytest.mark.parametrize(
    "formula", ["sales ~ youtube + (1 | store_id) + (1 | week)", "sales ~ scale(youtube) + (1 | store_id)"]
)
def test_models_that_need_all_rows_say_so(frame, formula):
    with pytest.raises(DesignError, match="piece by piece"):
        fit(formula, iter(cut(frame, 100)))
