"""The criterion of several grouping factors against a dense evaluation, its derivatives against differences."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.linalg import block_diag

from reference.errors import DesignError
from reference.likelihood import build_fronts as staging
from reference.likelihood.blocks import Blocks
from reference.likelihood.build_fronts import build_fronts
from reference.likelihood.many_factors import ManyFactors
from reference.likelihood.one_factor import OneFactor


@dataclass(frozen=True, eq=False)
class Data:
    """Codes and columns of every factor, and [X y]."""

    codes: list
    effects: list
    columns: np.ndarray

    @property
    def sizes(self):
        return [effect.shape[1] for effect in self.effects]

    @property
    def stages(self):
        return build_fronts(self.codes, self.effects, self.columns)

    @property
    def wide(self):
        """Z, the dense (n, sum J_f q_f), levels of one factor side by side."""
        parts = []
        for code, effect in zip(self.codes, self.effects, strict=True):
            wide = np.zeros((len(code), code.max() + 1, effect.shape[1]))
            wide[np.arange(len(code)), code] = effect
            parts.append(wide.reshape(len(code), -1))
        return np.hstack(parts)

    def relative(self, factor):
        """The dense relative factor of all random effects."""
        blocks = split(factor, self.sizes)
        return block_diag(
            *(np.kron(np.eye(code.max() + 1), block) for code, block in zip(self.codes, blocks, strict=True))
        )


def profile(factor, fronts, *, reml):
    return ManyFactors(fronts, fronts.sizes, reml, order=tuple(range(len(factor)))).profile(factor)


def derivatives_at(factor, directions, fronts, *, reml):
    return profile(factor, fronts, reml=reml).derivatives(factor, directions)


def split(matrix, sizes):
    ends = np.cumsum(sizes)
    return [matrix[..., end - size : end, end - size : end] for end, size in zip(ends, sizes, strict=True)]


def compress(codes):
    return np.unique(codes, return_inverse=True)[1].ravel()


def data_of(codes, sizes, rng, *, p=3):
    """Columns of size one for given codes, with effects of every factor in the response."""
    n = len(codes[0])
    slopes = [rng.standard_normal((n, size - 1)) for size in sizes]
    effects = [np.column_stack([np.ones(n), slope]) for slope in slopes]
    X = np.column_stack([np.ones(n), rng.standard_normal((n, p - 1))])
    y = X @ rng.standard_normal(p) + rng.standard_normal(n)
    codes = [compress(code) for code in codes]
    for code, effect in zip(codes, effects, strict=True):
        y = y + (effect * rng.standard_normal((code.max() + 1, effect.shape[1]))[code]).sum(axis=1)
    return Data(codes, effects, np.column_stack([X, y]))


def nested(rng, sizes):
    city = rng.integers(0, 5, 12)
    store = rng.integers(0, 12, 70)
    return data_of([store, city[store]], sizes, rng)


def three_levels(rng, sizes):
    region = rng.integers(0, 3, 7)
    city = rng.integers(0, 7, 25)
    store = rng.integers(0, 25, 90)
    return data_of([region[city[store]], store, city[city[store]] * 0 + city[store]], sizes, rng)


def crossed(rng, sizes):
    return data_of([rng.integers(0, 6, 80), rng.integers(0, 15, 80)], sizes, rng)


def balanced(rng, sizes):
    return data_of([np.repeat(np.arange(8), 5), np.tile(np.arange(5), 8)], sizes, rng)


def nested_and_crossed(rng, sizes):
    store = rng.integers(0, 20, 110)
    city = rng.integers(0, 6, 20)
    return data_of([rng.integers(0, 7, 110), store, city[store]], sizes, rng)


def islands(rng, sizes):
    """Crossed within regions that share nothing, of very different sizes."""
    region = np.repeat([0, 1, 2, 3], [60, 25, 8, 1])
    return data_of([region * 100 + rng.integers(0, 9, 94), region * 100 + rng.integers(0, 5, 94)], sizes, rng)


def single_rows(rng, sizes):
    """Most levels of the first factor with one row, one with very many."""
    level = np.concatenate([np.arange(40), np.full(60, 40)])
    return data_of([level, rng.integers(0, 5, 100)], sizes, rng)


CASES = [
    (nested, [1, 1]),
    (nested, [2, 2]),
    (three_levels, [1, 1, 1]),
    (three_levels, [1, 2, 2]),
    (crossed, [1, 1]),
    (crossed, [2, 1]),
    (crossed, [2, 3]),
    (balanced, [1, 1]),
    (balanced, [2, 2]),
    (nested_and_crossed, [1, 1, 1]),
    (nested_and_crossed, [1, 2, 2]),
    (islands, [1, 1]),
    (islands, [2, 1]),
    (single_rows, [1, 1]),
    (single_rows, [2, 2]),
]
SHAPES = ["full", "rank one", "first zero", "last zero", "all zero", "large"]
every_case = pytest.mark.parametrize(
    ("make", "sizes"), CASES, ids=[f"{make.__name__} {'x'.join(map(str, sizes))}" for make, sizes in CASES]
)


def factor_of(shape, sizes, rng):
    blocks = [rng.standard_normal((size, size)) for size in sizes]
    if shape == "rank one":
        blocks = [block * (np.arange(len(block)) == 0) for block in blocks]
    elif shape == "first zero":
        blocks[0] *= 0.0
    elif shape == "last zero":
        blocks[-1] *= 0.0
    elif shape == "all zero":
        blocks = [0.0 * block for block in blocks]
    elif shape == "large":
        blocks = [30.0 * block for block in blocks]
    return block_diag(*blocks)


def directions_of(sizes, rng, *, each=2):
    """Random directions, ``each`` for every factor."""
    found = []
    for position in range(len(sizes)):
        for _ in range(each):
            parts = [rng.standard_normal((size, size)) * (k == position) for k, size in enumerate(sizes)]
            found.append(block_diag(*parts))
    return np.array(found)


def dense(data, factor, *, reml):
    """The textbook formulas with V as an n x n matrix."""
    X, y = data.columns[:, :-1], data.columns[:, -1]
    Z, relative = data.wide, data.relative(factor)
    V = np.eye(len(y)) + Z @ relative @ (Z @ relative).T
    information = X.T @ np.linalg.solve(V, X)
    beta = np.linalg.solve(information, X.T @ np.linalg.solve(V, y))
    weighted = np.linalg.solve(V, y - X @ beta)
    rss = (y - X @ beta) @ weighted
    count = len(y) - X.shape[1] if reml else len(y)
    value = np.linalg.slogdet(V)[1] + count * (1 + np.log(2 * np.pi * rss / count))
    value += np.linalg.slogdet(information)[1] if reml else 0.0
    modes = relative @ (relative.T @ (Z.T @ weighted))
    spread = relative @ np.linalg.solve(relative.T @ Z.T @ Z @ relative + np.eye(Z.shape[1]), relative.T)
    return value, beta, information, rss, modes, spread


def extrapolated(function, step):
    """The derivative at 0 by central differences, Richardson-extrapolated twice."""
    table = [(function(h) - function(-h)) / (2 * h) for h in (step, step / 2, step / 4)]
    once = [(4 * fine - coarse) / 3 for coarse, fine in pairwise(table)]
    return (16 * once[1] - once[0]) / 15


@every_case
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reml", [True, False])
def test_profile_equals_the_dense_formula(make, sizes, shape, reml):
    rng = np.random.default_rng(7)
    data = make(rng, sizes)
    factor = factor_of(shape, data.sizes, rng)
    point = profile(factor, data.stages, reml=reml)
    value, beta, information, rss, _, _ = dense(data, factor, reml=reml)
    assert point.criterion == pytest.approx(value, abs=1e-9)
    assert_allclose(point.beta, beta, rtol=1e-9, atol=1e-10)
    assert_allclose(np.linalg.inv(point.inverse_information), information, rtol=1e-9, atol=1e-9)
    assert_allclose(point.inverse_root, np.tril(point.inverse_root))
    assert point.residual_sum == pytest.approx(rss, rel=1e-10)
    assert point.denominator == len(data.columns) - (3 if reml else 0)
    assert point.residual_variance == point.residual_sum / point.denominator


@every_case
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reml", [True, False])
def test_derivatives_agree_with_differences(make, sizes, shape, reml):
    rng = np.random.default_rng(8)
    data = make(rng, sizes)
    stages, factor = data.stages, factor_of(shape, data.sizes, rng)
    directions = directions_of(data.sizes, rng)
    local = derivatives_at(factor, directions, stages, reml=reml)
    root = profile(factor, stages, reml=reml).inverse_root
    assert np.array_equal(local.hessian, local.hessian.T)
    for k, direction in enumerate(directions):

        def at(h, way=direction):
            return profile(factor + h * way, stages, reml=reml)

        def slopes(h, way=direction):
            return derivatives_at(factor + h * way, directions, stages, reml=reml).gradient

        step = 0.03 if shape == "large" else 0.003
        assert local.gradient[k] == pytest.approx(extrapolated(lambda h: at(h).criterion, step), rel=1e-7, abs=1e-7)
        assert_allclose(local.hessian[k], extrapolated(slopes, step), rtol=1e-6, atol=1e-6)
        moved = extrapolated(lambda h: np.log(at(h).residual_variance), step)
        assert local.log_residual[k] == pytest.approx(moved, rel=1e-7, abs=1e-8)
        moved = extrapolated(lambda h: np.linalg.inv(at(h).inverse_information), step)
        assert_allclose(local.information[k], root @ moved @ root.T, rtol=1e-6, atol=1e-7)


@every_case
@pytest.mark.parametrize("shape", SHAPES)
def test_modes_and_their_covariance_equal_the_dense_formulas(make, sizes, shape):
    rng = np.random.default_rng(9)
    data = make(rng, sizes)
    stages, factor = data.stages, factor_of(shape, data.sizes, rng)
    modes = profile(factor, stages, reml=True).modes(factor)
    spread = profile(factor, stages, reml=True).conditional_covariance(factor)
    *_, expected, covariance = dense(data, factor, reml=True)
    assert_allclose(np.concatenate([mode.ravel() for mode in modes]), expected, atol=1e-8)
    begin = 0
    for code, size, mode, blocks in zip(data.codes, data.sizes, modes, spread, strict=True):
        count = code.max() + 1
        assert mode.shape == (count, size)
        assert blocks.shape == (count, size, size)
        for level in range(count):
            part = slice(begin + level * size, begin + (level + 1) * size)
            assert_allclose(blocks[level], covariance[part, part], rtol=1e-8, atol=1e-9)
        begin += count * size


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(12, 60), levels=st.tuples(*[st.integers(2, 12)] * 3))
def test_any_design_equals_the_dense_formula(seed, n, levels):
    rng = np.random.default_rng(seed)
    codes = [rng.integers(0, count, n) for count in levels]
    if seed % 2:
        codes[1] = codes[0] * 12 // levels[0]
    data = data_of(codes, [1, 2, 1], rng, p=2)
    factor = factor_of(SHAPES[seed % 5], data.sizes, rng)
    point = profile(factor, data.stages, reml=True)
    assert point.criterion == pytest.approx(dense(data, factor, reml=True)[0], abs=1e-9)


@every_case
def test_the_order_of_rows_levels_and_factors_does_not_matter(make, sizes):
    rng = np.random.default_rng(10)
    data = make(rng, sizes)
    factor = factor_of("full", data.sizes, rng)
    value = profile(factor, data.stages, reml=True).criterion
    shuffled = rng.permutation(len(data.columns))
    labels = [rng.permutation(code.max() + 1) for code in data.codes]
    turned = Data(
        [label[code][shuffled] for label, code in zip(labels, data.codes, strict=True)][::-1],
        [effect[shuffled] for effect in data.effects][::-1],
        data.columns[shuffled],
    )
    blocks = split(factor, data.sizes)[::-1]
    assert profile(block_diag(*blocks), turned.stages, reml=True).criterion == pytest.approx(value, abs=1e-9)


@every_case
@pytest.mark.parametrize("reml", [True, False])
def test_the_criterion_is_even_in_each_column_of_the_factor(make, sizes, reml):
    rng = np.random.default_rng(11)
    data = make(rng, sizes)
    stages, factor = data.stages, factor_of("full", data.sizes, rng)
    value = profile(factor, stages, reml=reml).criterion
    for column in range(len(factor)):
        mirrored = factor.copy()
        mirrored[:, column] *= -1
        assert profile(mirrored, stages, reml=reml).criterion == pytest.approx(value, abs=1e-9)
        flat, direction = factor.copy(), np.zeros_like(factor)
        direction[:, column], flat[:, column] = factor[:, column], 0.0
        slope = derivatives_at(flat, direction[None], stages, reml=reml).gradient
        assert slope == pytest.approx([0.0], abs=1e-9)


def one_factor(data):
    """The blocks of the first factor alone."""
    rows, q = np.hstack([data.effects[0], data.columns]), data.sizes[0]
    factors = []
    for level in range(data.codes[0].max() + 1):
        own = rows[data.codes[0] == level]
        factors.append(np.linalg.qr(np.vstack([own, np.zeros((rows.shape[1], rows.shape[1]))]), mode="r"))
    factors = np.array(factors)
    tails = factors[:, q:, q:].reshape(-1, rows.shape[1] - q)
    return Blocks(factors[:, :q], np.eye(factors.shape[2]), tails.T @ tails, len(rows))


@every_case
@pytest.mark.parametrize("reml", [True, False])
def test_with_the_other_factors_at_zero_it_is_the_one_factor_criterion(make, sizes, reml):
    rng = np.random.default_rng(12)
    data = make(rng, sizes)
    q, stages, blocks = data.sizes[0], data.stages, one_factor(data)
    factor = np.zeros((sum(data.sizes),) * 2)
    factor[:q, :q] = rng.standard_normal((q, q))
    directions = directions_of(data.sizes, rng)[:2]
    point, expected = profile(factor, stages, reml=reml), OneFactor(blocks, (q,), reml).profile(factor[:q, :q])
    assert point.criterion == pytest.approx(expected.criterion, abs=1e-9)
    assert_allclose(point.beta, expected.beta, atol=1e-10)
    assert_allclose(point.inverse_root, expected.inverse_root, atol=1e-10)
    local = derivatives_at(factor, directions, stages, reml=reml)
    known = expected.derivatives(factor[:q, :q], directions[:, :q, :q])
    assert_allclose(local.gradient, known.gradient, atol=1e-9)
    assert_allclose(local.hessian, known.hessian, atol=1e-8)
    assert_allclose(local.log_residual, known.log_residual, atol=1e-10)
    assert_allclose(local.information, known.information, atol=1e-10)


@pytest.mark.parametrize("reml", [True, False])
def test_one_factor_is_a_case_of_several(reml):
    rng = np.random.default_rng(12)
    whole = nested(rng, [2, 1])
    data = Data(whole.codes[:1], whole.effects[:1], whole.columns)
    factor, directions = rng.standard_normal((2, 2)), rng.standard_normal((3, 2, 2))
    expected = OneFactor(one_factor(data), (len(factor),), reml).profile(factor)
    assert profile(factor, data.stages, reml=reml).criterion == pytest.approx(expected.criterion, abs=1e-10)
    known = expected.derivatives(factor, directions)
    local = derivatives_at(factor, directions, data.stages, reml=reml)
    assert_allclose(local.gradient, known.gradient, atol=1e-10)
    assert_allclose(local.hessian, known.hessian, atol=1e-9)


def test_no_directions_have_no_derivatives():
    rng = np.random.default_rng(13)
    data = crossed(rng, [2, 1])
    local = derivatives_at(np.eye(3), np.zeros((0, 3, 3)), data.stages, reml=True)
    assert local.gradient.shape == (0,)
    assert local.hessian.shape == (0, 0)
    assert local.information.shape == (0, 3, 3)


def test_a_direction_that_moves_every_factor_is_the_sum_of_its_parts():
    rng = np.random.default_rng(14)
    data = nested_and_crossed(rng, [1, 2, 2])
    factor, parts = factor_of("full", data.sizes, rng), directions_of(data.sizes, rng, each=1)
    stages = data.stages
    apart = derivatives_at(factor, parts, stages, reml=True)
    whole = derivatives_at(factor, parts.sum(axis=0)[None], stages, reml=True)
    assert whole.gradient[0] == pytest.approx(apart.gradient.sum(), rel=1e-10)
    assert whole.hessian[0, 0] == pytest.approx(apart.hessian.sum(), rel=1e-10)


def test_a_remainder_too_large_to_be_dense_is_refused(monkeypatch):
    monkeypatch.setattr(staging, "_MOST_EFFECTS", 20)
    data = data_of(
        [np.arange(900) % 30, np.arange(900) // 30],
        [1, 1],
        np.random.default_rng(15),
    )
    with pytest.raises(DesignError, match=r"1 dense matrices of order up to 34.*of order 20; drop a random effect"):
        data.stages  # noqa: B018


def large_nested(rng):
    store = rng.integers(0, 10_000, 60_000)
    return data_of([store, rng.integers(0, 1_000, 10_000)[store]], [2, 1], rng)


def large_crossed(rng):
    return data_of([rng.integers(0, 10_000, 50_000), rng.integers(0, 200, 50_000)], [1, 1], rng)


def large_balanced(rng):
    return data_of([np.repeat(np.arange(2_000), 150), np.tile(np.arange(150), 2_000)], [1, 1], rng)


def large_and_small(rng):
    """One level with as many rows as all the others."""
    level = np.concatenate([rng.integers(0, 10_000, 30_000), np.zeros(30_000, dtype=int)])
    return data_of([level, rng.integers(0, 50, 60_000)], [2, 1], rng)


@pytest.mark.parametrize("make", [large_nested, large_crossed, large_balanced, large_and_small])
def test_many_levels(make):
    rng = np.random.default_rng(17)
    data = make(rng)
    stages, factor = data.stages, 0.5 * np.eye(sum(data.sizes))
    directions = directions_of(data.sizes, rng, each=1)
    local = derivatives_at(factor, directions, stages, reml=True)
    total = directions.sum(axis=0)
    slope = extrapolated(lambda h: profile(factor + h * total, stages, reml=True).criterion, 0.02)
    assert local.gradient.sum() == pytest.approx(slope, rel=1e-7)
    ahead = derivatives_at(factor + 1e-4 * total, directions, stages, reml=True).gradient
    behind = derivatives_at(factor - 1e-4 * total, directions, stages, reml=True).gradient
    assert_allclose(local.hessian.sum(axis=1), (ahead - behind) / 2e-4, rtol=1e-5, atol=1e-3)
    modes = profile(factor, stages, reml=True).modes(factor)
    assert all(np.isfinite(mode).all() for mode in modes)
    assert all(
        (np.diagonal(blocks, axis1=1, axis2=2) > 0).all()
        for blocks in profile(factor, stages, reml=True).conditional_covariance(factor)
    )
