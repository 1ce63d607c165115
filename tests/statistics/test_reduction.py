"""Rows in memory are reduced to the same fit in whatever order they lie, and however groups fall into pieces."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import block_diag

from reference import fit
from reference.data import groups, tables
from reference.data.groups import read_grouping, read_groups
from reference.design.elimination import Elimination, stacked_factors

FORMULAS = (
    "sales ~ youtube + facebook + (1 + youtube | store_id)",
    "sales ~ youtube + region + (1 | store_id)",
    "sales ~ youtube + (1 + region | store_id)",
    "sales ~ youtube + (1 | store_id) + (0 + youtube | store_id)",
    "sales ~ facebook + (1 | store_id) + (0 + youtube | store_id)",
    "sales ~ youtube + facebook + (0 + youtube | store_id)",
    "sales ~ facebook + (0 + youtube | store_id)",
    "sales ~ 0 + youtube + facebook + (1 + youtube | store_id)",
    "sales ~ 0 + youtube + facebook + (0 + youtube | store_id)",
)


@pytest.fixture(scope="module")
def frame(drawn_frame) -> pd.DataFrame:
    """A table ordered by store, one store of which is ten times as long as the others, in dollars from far away."""
    table = drawn_frame(8, stores=30)
    giant = drawn_frame(9, stores=8).assign(store_id=11)
    table = pd.concat([table, giant]).sort_values("store_id", kind="stable", ignore_index=True)
    region = np.where(np.random.default_rng(1).random(len(table)) < 0.4, "north", "south")
    return table.assign(youtube=1000.0 * table["youtube"], region=region)


@pytest.fixture
def in_pieces(monkeypatch):
    """Let every table be long, and a piece shorter than the longest store."""
    monkeypatch.setattr(tables, "WHOLE", 37)
    monkeypatch.setattr(tables, "PIECE", 37)


def require_same(one, other):
    """Compare criterion, coefficients, covariances and modes of two fits."""
    assert one.criterion == pytest.approx(other.criterion, rel=1e-10)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-8)
    np.testing.assert_allclose(one.sigma, other.sigma, rtol=1e-9)
    for term, like in zip(one.terms, other.terms, strict=True):
        assert term.levels == like.levels
        scale = np.abs(like.modes).max() + float((like.modes == 0).all())
        np.testing.assert_allclose(term.modes / scale, like.modes / scale, atol=1e-7)


def dense_criterion(result):
    """The textbook formula at the fitted covariance, with V as an n x n matrix, up to what the units of X add."""
    matrices = result.design.matrices
    codes, y, X = matrices.codes[0], matrices.response, matrices.fixed
    Z = np.column_stack(matrices.random)
    factor = block_diag(*(term.relative_factor for term in result.terms))
    V = np.eye(len(y)) + (codes[:, None] == codes) * (Z @ factor @ factor.T @ Z.T)
    information = X.T @ np.linalg.solve(V, X)
    residual = y - X @ np.linalg.solve(information, X.T @ np.linalg.solve(V, y))
    count = len(y) - X.shape[1]
    variance = residual @ np.linalg.solve(V, residual) / count
    return sum(np.linalg.slogdet(part)[1] for part in (V, information)) + count * (1 + np.log(2 * np.pi * variance))


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_criterion_is_that_of_the_dense_formula(frame, formula):
    result = fit(formula, frame)
    assert result.criterion == pytest.approx(dense_criterion(result), abs=1e-6)


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("scattered", [False, True])
def test_pieces_of_whole_groups_give_the_fit_of_the_whole(frame, formula, scattered, request):
    table = frame.sample(frac=1.0, random_state=3) if scattered else frame
    whole = fit(formula, table)
    request.getfixturevalue("in_pieces")
    require_same(fit(formula, table), whole)


@pytest.mark.parametrize("formula", [formula for formula in FORMULAS if "region" not in formula])
def test_short_groups_in_any_order_give_the_fit_of_an_iterator(frame, formula, in_pieces):
    scattered = frame.sample(frac=1.0, random_state=3)
    read = fit(formula, (frame.iloc[start : start + 50] for start in range(0, len(frame), 50)))
    require_same(fit(formula, scattered), read)
    require_same(fit(formula, frame), read)


@pytest.mark.parametrize("formula", FORMULAS)
def test_scattered_rows_of_long_groups_are_summed_as_they_come(frame, formula, in_pieces, monkeypatch):
    table = frame.sample(frac=1.0, random_state=3)
    gathered = fit(formula, table)
    monkeypatch.setattr(tables, "LONG_GROUP", 1)
    require_same(fit(formula, table), gathered)


@pytest.mark.parametrize("sizes", [(200, 3, 2, 5, 4), (3, 2, 200, 4), (2, 3, 74), (37, 37, 38, 1), (1, 1, 110)])
def test_a_group_longer_than_pieces_is_carried_over(sizes, in_pieces, monkeypatch):
    rng = np.random.default_rng(5)
    store = np.repeat(np.arange(len(sizes)), sizes)
    youtube = rng.uniform(0, 9, store.size)
    sales = rng.standard_normal(len(sizes))[store] + youtube + rng.standard_normal(store.size)
    table = pd.DataFrame({"store": store, "youtube": youtube, "sales": sales})
    parted = fit("sales ~ youtube + (1 | store)", table)
    monkeypatch.setattr(tables, "WHOLE", 1000)
    require_same(parted, fit("sales ~ youtube + (1 | store)", table))


@pytest.mark.parametrize(
    "ids",
    [
        str,
        lambda number: number - 100,
        lambda number: 7919**3 * number,
        float,
    ],
)
def test_ids_of_any_kind_are_put_in_order(frame, ids, in_pieces):
    table = frame.assign(store_id=frame["store_id"].map(ids)).sample(frac=1.0, random_state=2)
    result = fit(FORMULAS[0], table)
    assert list(result.term.levels) == sorted(set(table["store_id"]))
    assert result.criterion == pytest.approx(fit(FORMULAS[0], frame).criterion, rel=1e-10)


def test_groups_of_two_columns_are_put_in_order(frame, in_pieces):
    table = frame.assign(city=frame["store_id"] % 3, place=frame["store_id"] // 3).sample(frac=1.0, random_state=2)
    result = fit("sales ~ youtube + facebook + (1 + youtube | city:place)", table)
    assert len(result.term.levels) == frame["store_id"].nunique()
    assert result.criterion == pytest.approx(fit(FORMULAS[0], frame).criterion, rel=1e-10)


# Close together, so that ids repeat, and as large and as small as ids can be.
SPANS = {np.int8: (-128, 127), np.int64: (-9, 20), np.uint64: (2**64 - 5, 2**64 - 1)}
LABELS = st.sampled_from([*SPANS]).flatmap(
    lambda kind: arrays(kind, st.integers(1, 60), elements=st.integers(*SPANS[kind]))
)


@settings(max_examples=100, deadline=None)
@given(labels=LABELS, at_once=st.integers(2, 70))
def test_the_order_is_the_stable_one(labels, at_once):
    table = pd.DataFrame({"store": labels})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "FEWEST_ROWS", at_once)
        grouping, (codes, levels) = read_grouping(table, ["store"]), read_groups(table, ["store"])
    expected, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    assert levels == tuple(grouping.levels.tolist()) == tuple(expected.tolist())
    assert codes.tolist() == inverse.tolist()
    assert np.diff(grouping.starts).tolist() == counts.tolist()
    order = np.arange(labels.size) if grouping.order is None else grouping.order
    assert order.tolist() == np.argsort(labels, kind="stable").tolist()


@pytest.mark.parametrize("n_groups", [127, 128, 255, 256, 32_767, 32_768, 65_536])
def test_no_number_of_groups_is_too_large_for_a_narrow_integer(n_groups):
    rng = np.random.default_rng(n_groups)
    table = pd.DataFrame({name: rng.permutation(np.repeat(np.arange(n_groups), 2)) for name in ("store", "city")})
    order = np.argsort(table["store"].to_numpy(), kind="stable")
    grouping = read_grouping(table, ["store"])
    assert np.array_equal(grouping.starts, 2 * np.arange(n_groups + 1))
    assert np.array_equal(grouping.order, order)
    together = table.groupby(["store", "city"], sort=True).ngroup().to_numpy()
    codes, levels = read_groups(table, ["store", "city"])
    assert np.array_equal(codes, together)
    assert len(levels) == together.max() + 1


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30), leading=st.integers(1, 3))
def test_an_elimination_keeps_every_cross_product(sizes, leading):
    sizes = np.array(sizes)
    rng = np.random.default_rng(7)
    rows, ends = rng.standard_normal((sizes.sum(), 5)), np.cumsum(sizes)
    elimination = Elimination(sizes.size, leading, 5)
    elimination.add_rows(0, rows, sizes)
    np.testing.assert_allclose(elimination.root.T @ elimination.root, rows.T @ rows, atol=1e-10)
    blocks = elimination.blocks(np.eye(5), leading, int(sizes.sum()))
    for group, root in zip(np.split(rows, ends[:-1]), blocks.roots, strict=True):
        np.testing.assert_allclose(root.T @ root, group[:, :leading].T @ group[:, :leading], atol=1e-10)


@pytest.mark.parametrize("rows", [0, 3, 513, 3_000])
def test_tall_matrices_taken_in_parts_keep_their_cross_products(rows):
    stack = np.random.default_rng(2).standard_normal((3, rows, 4))
    factors = stacked_factors(stack)
    assert factors.shape == (3, min(rows, 4), 4)
    np.testing.assert_allclose(factors.swapaxes(1, 2) @ factors, stack.swapaxes(1, 2) @ stack, atol=1e-9)
