"""Many responses fitted side by side: each fit is the one that the same response has alone, on the boundary too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reference import SaturationError, bootstrap_shares, bootstrap_test, fit
from reference.inference.refits import reduce_responses, refit_responses, simulate_responses
from reference.optimum.many_responses import find_optima

FORMULAS = (
    "y ~ x + (1 | g)",
    "y ~ x + (1 + x | g)",
    "y ~ x + (1 + x || g)",
    "y ~ 0 + x + (0 + x | g)",
    "y ~ x + z + (1 + x + z | g)",
    "y ~ 1 + (1 + x | g) + (0 + z | g)",
)


def table(rng, groups, rows, spread):
    """Return a table of groups of one row up to ``rows`` of them, in no order."""
    sizes = rng.integers(1, rows + 1, groups) + np.arange(groups) % 2 * 4
    g = rng.permutation(np.repeat(np.arange(groups), sizes))
    x, z = 50.0 + 9.0 * rng.standard_normal(g.size), rng.standard_normal(g.size)
    own = spread * rng.standard_normal((groups, 2))
    y = 1e3 + x + own[g, 0] + 0.1 * own[g, 1] * x + rng.standard_normal(g.size)
    return pd.DataFrame({"g": g, "x": x, "z": z, "y": y})


@given(
    seed=st.integers(0, 2**32 - 1),
    groups=st.integers(5, 30),
    rows=st.integers(4, 12),
    spread=st.sampled_from([0.0, 0.1, 0.5, 3.0, 100.0]),
    formula=st.sampled_from(FORMULAS),
    reml=st.booleans(),
    weights=st.sampled_from([None, "w"]),
    offset=st.sampled_from(["", " + offset(5 * w)"]),
)
# Of one response the model's own factor leads to an optimum 1.07 above that of the scan.
@example(
    seed=3,
    groups=5,
    rows=6,
    spread=100.0,
    formula="y ~ x + z + (1 + x + z | g)",
    reml=False,
    weights=None,
    offset=" + offset(5 * w)",
)
@settings(max_examples=40, deadline=None)
def test_every_fit_is_that_of_the_response_alone(seed, groups, rows, spread, formula, reml, weights, offset):
    rng = np.random.default_rng(seed)
    frame = table(rng, groups, rows, spread)
    frame["w"] = rng.gamma(2.0, size=len(frame)) + 0.01
    formula += offset
    model = fit(formula, frame, reml=reml, weights=weights)
    matrices, draws = model.design.matrices, simulate_responses(model, rng)
    # A response of another model too, in other units.
    responses = np.array([*(next(draws) for _ in range(6)), 1e-3 * rng.standard_t(3, len(frame))])
    found = refit_responses(model, responses)
    for place, response in enumerate(responses):
        raw = matrices.unweighted(response) + matrices.offset
        alone = fit(formula, frame.assign(y=raw), reml=reml, weights=weights)
        scale = max(1.0, abs(alone.criterion))
        assert found.criteria[place] == pytest.approx(alone.criterion, abs=1e-10 * scale)
        assert found.sigmas[place] == pytest.approx(alone.sigma, rel=1e-5)
        spreads = [factor @ factor.T for factor in (found.factors[place], alone.optimum.factor)]
        np.testing.assert_allclose(*spreads, rtol=1e-4, atol=1e-5)


def test_there_are_singular_and_regular_fits_among_them():
    """Of a model whose groups hardly differ many draws lie on the boundary, and the statistic is zero there."""
    rng = np.random.default_rng(4)
    frame = table(rng, 12, 8, 0.3)
    fits = [fit(f"y ~ x + ({effects} | g)", frame, reml=False) for effects in ("1", "1 + x")]
    result = bootstrap_test(*fits, draws=40, seed=7)
    draws = simulate_responses(fits[0], np.random.default_rng(7))
    alone, singular = [], []
    for _ in range(40):
        few, many = (fit(one.model, frame.assign(y=response), reml=False) for response in [next(draws)] for one in fits)
        alone.append(max(0.0, few.criterion - many.criterion))
        singular.append(many.singular)
    np.testing.assert_allclose(result.statistics, np.sort(alone), atol=1e-8)
    assert 0 < sum(singular) < 40


def test_fits_that_are_not_certified_side_by_side_are_made_alone(panel):
    """A start that leads lower, in some of a thousand responses, leaves these to the optimiser for one."""
    model = fit("sales ~ youtube + (1 + youtube | store_id)", panel.frame, reml=False)
    draws = simulate_responses(
        fit("sales ~ youtube + (1 | store_id)", panel.frame, reml=False), np.random.default_rng(0)
    )
    responses = np.array([next(draws) for _ in range(1000)])
    surfaces, _, _ = reduce_responses(model.design, responses, reml=False)
    _, certified = find_optima(surfaces, model.optimum.factor, model.optimum.surface.weight)
    left = np.flatnonzero(~certified)
    assert 0 < left.size < 50
    for response, criterion in zip(responses[left], refit_responses(model, responses[left]).criteria, strict=True):
        alone = fit(model.model, panel.frame.assign(sales=response), reml=False)
        assert criterion == pytest.approx(alone.criterion, abs=1e-9)


def test_fits_of_models_that_could_fit_every_row_are_made_alone_and_refused_where_they_do():
    """Two rows a group, level and slope of its own: of most responses the optimum is elsewhere, of some it is not."""
    formula, refused = "y ~ x + (1 + x | g)", 0
    for seed in (0, 4):
        rng, g = np.random.default_rng(seed), np.repeat(np.arange(20), 2)
        frame = pd.DataFrame({"g": g, "x": rng.standard_normal(40)})
        own = rng.standard_normal((2, 20))[:, g]
        frame["y"] = 1.0 + frame["x"] + own[0] + own[1] * frame["x"] + 0.5 * rng.standard_normal(40)
        model = fit(formula, frame)
        draws = simulate_responses(model, rng)
        for response in (next(draws) for _ in range(4)):
            try:
                alone = fit(formula, frame.assign(y=response))
            except SaturationError:
                refused += 1
                with pytest.raises(SaturationError):
                    refit_responses(model, response[None])
            else:
                found = refit_responses(model, response[None])
                assert found.criteria[0] == pytest.approx(alone.criterion, abs=1e-9)
    assert 0 < refused < 8
    with pytest.raises(SaturationError, match="responses simulated from the fit"):
        bootstrap_shares(model, draws=20)


def test_large_tables_read_in_pieces_are_fitted_the_same():
    """Their columns were standardised by the first piece, whatever that holds."""
    rng = np.random.default_rng(1)
    g, x = np.repeat(np.arange(3000), 6), np.sort(rng.standard_normal(18_000))
    own = rng.standard_normal((3000, 2)) * [1.0, 0.5]
    frame = pd.DataFrame({"g": g, "x": x, "y": own[g, 0] + (1.0 + own[g, 1]) * x + rng.standard_normal(18_000)})
    model = fit("y ~ x + (1 + x | g)", frame)
    response = next(simulate_responses(model, rng))
    alone = fit("y ~ x + (1 + x | g)", frame.assign(y=response))
    found = refit_responses(model, response[None])
    assert found.criteria[0] == pytest.approx(alone.criterion, rel=1e-12)
    np.testing.assert_allclose(found.coefficients[0], alone.coefficients, rtol=1e-7)
    np.testing.assert_allclose(
        found.factors[0] @ found.factors[0].T, alone.optimum.factor @ alone.optimum.factor.T, rtol=1e-5
    )
