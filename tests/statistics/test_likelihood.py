"""The criterion at a fixed theta against a dense evaluation, and its derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest

from reference import criterion_at, parse_formula
from reference.design.design import build_design
from reference.panels import RANDOM_INTERCEPT, RANDOM_SLOPE

TWO_SLOPES = parse_formula(
    "sales ~ week + youtube + facebook + newspaper + (1 + youtube + facebook | store_id)", "two slopes"
)


def dense_criterion(frame, model, factor, *, reml):
    """The textbook formula with V as an n x n matrix."""
    y = frame[model.response].to_numpy()
    X = np.column_stack([np.ones(len(frame)), *(frame[name] for name in model.fixed.split(" + "))])
    Z = np.column_stack([np.ones(len(frame)), *(frame[name] for name in model.terms[0].effects.split(" + ")[1:])])
    same = frame["store_id"].to_numpy()[:, None] == frame["store_id"].to_numpy()
    V = np.eye(len(frame)) + same * (Z @ factor @ factor.T @ Z.T)
    information = X.T @ np.linalg.solve(V, X)
    residual = y - X @ np.linalg.solve(information, X.T @ np.linalg.solve(V, y))
    count = len(y) - X.shape[1] if reml else len(y)
    variance = residual @ np.linalg.solve(V, residual) / count
    value = np.linalg.slogdet(V)[1] + count * (1 + np.log(2 * np.pi * variance))
    return value + (np.linalg.slogdet(information)[1] if reml else 0.0)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    ("model", "theta"),
    [
        (RANDOM_INTERCEPT, [0.0]),
        (RANDOM_INTERCEPT, [0.26]),
        (RANDOM_INTERCEPT, [30.0]),
        (RANDOM_SLOPE, [0.8, -0.003, 0.0]),
        (RANDOM_SLOPE, [0.0, 0.0, 0.004]),
        (RANDOM_SLOPE, [1.1, 0.002, 0.01]),
        (TWO_SLOPES, [0.9, 0.002, -0.01, 0.004, 0.003, 0.02]),
    ],
)
def test_criterion_at_theta_equals_the_dense_formula(panel, model, theta, reml):
    q = int(np.sqrt(2 * len(theta)))
    factor = np.zeros((q, q))
    rows, columns = np.triu_indices(q)
    factor[columns, rows] = theta
    expected = dense_criterion(panel.frame, model, factor, reml=reml)
    assert criterion_at(panel.frame, model, np.array(theta), reml=reml) == pytest.approx(expected, abs=1e-8)


def test_criterion_of_groups_too_small_for_their_effects(drawn_frame):
    frame = drawn_frame(3)
    frame = frame[(frame["store_id"] > 2) | (frame["week"] == 1)]
    factor = np.array([[0.7, 0.0], [0.004, 0.006]])
    expected = dense_criterion(frame, RANDOM_SLOPE, factor, reml=True)
    actual = criterion_at(frame, RANDOM_SLOPE, factor[[0, 1, 1], [0, 0, 1]], reml=True)
    assert actual == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("model", [RANDOM_INTERCEPT, RANDOM_SLOPE, TWO_SLOPES], ids=lambda model: model.name)
@pytest.mark.parametrize("size", [0.0, 0.4, 5.0])
def test_derivatives_agree_with_differences(panel, model, reml, size):
    surface = build_design(panel.frame, model).surface(reml=reml)
    q = sum(surface.sizes)
    rng = np.random.default_rng(4)
    factor = size * rng.standard_normal((q, q))
    directions = rng.standard_normal((3, q, q))
    step = 1e-5

    def at(point):
        return surface.profile(point)

    local = at(factor).derivatives(factor, directions)
    for k, direction in enumerate(directions):
        ahead, behind = factor + step * direction, factor - step * direction
        up, down = at(ahead), at(behind)
        slope = (up.criterion - down.criterion) / (2 * step)
        bend = up.derivatives(ahead, directions).gradient
        bend = (bend - down.derivatives(behind, directions).gradient) / (2 * step)
        log_residual = (np.log(up.residual_sum) - np.log(down.residual_sum)) / (2 * step)
        scale = 1.0 + np.abs(local.hessian).max()
        assert local.gradient[k] == pytest.approx(slope, abs=1e-6 * scale)
        np.testing.assert_allclose(local.hessian[k], bend, atol=1e-6 * scale)
        assert local.log_residual[k] == pytest.approx(log_residual, abs=1e-7 * scale)


@pytest.mark.parametrize("reml", [True, False])
def test_criteria_of_a_stack_are_those_of_its_factors(panel, reml):
    surface = build_design(panel.frame, RANDOM_SLOPE).surface(reml=reml)
    factors = np.random.default_rng(2).standard_normal((7, 2, 2))
    expected = [surface.profile(factor).criterion for factor in factors]
    np.testing.assert_allclose(surface.criteria(factors), expected, rtol=1e-14)


def test_information_moves_as_its_differences_say(panel):
    surface = build_design(panel.frame, RANDOM_SLOPE).surface(reml=True)
    factor, direction = np.array([[0.5, 0.2], [0.1, 0.4]]), np.array([[0.3, -0.1], [0.7, 0.2]])
    point = surface.profile(factor)
    ahead, behind = (surface.profile(factor + step * direction) for step in (1e-5, -1e-5))
    change = (np.linalg.inv(ahead.inverse_information) - np.linalg.inv(behind.inverse_information)) / 2e-5
    local = point.derivatives(factor, direction[None])
    expected = point.inverse_root @ change @ point.inverse_root.T
    np.testing.assert_allclose(local.information[0], expected, atol=1e-7)


def test_criterion_is_even_in_each_column_of_the_factor(panel):
    surface = build_design(panel.frame, RANDOM_SLOPE).surface(reml=True)
    factor = np.array([[0.5, 0.2], [0.1, 0.4]])
    mirrored = surface.profile(factor * [1.0, -1.0]).criterion
    assert mirrored == pytest.approx(surface.profile(factor).criterion, abs=1e-10)
