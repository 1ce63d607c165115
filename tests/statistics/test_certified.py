"""Two thousand random panels, hard ones among them: every fit is certified, and none is beaten by brute force."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from reference import ConvergenceError, fit, fit_statsmodels
from reference.optimum.optimiser import optimum_from

PANELS = 2000
BRUTE_FORCE = 200
STARTS = 50
FORMULAS = {
    "random intercept": "sales ~ week + youtube + (1 | store)",
    "random slope": "sales ~ week + youtube + (1 + youtube | store)",
    "random slope, shifted": "sales ~ week + youtube + facebook + (1 + youtube | store)",
    "slope alone": "sales ~ youtube + (0 + youtube | store)",
    "uncorrelated": "sales ~ week + youtube + (1 + youtube || store)",
    "two slopes": "sales ~ youtube + facebook + (1 + youtube + facebook | store)",
    "three slopes": "sales ~ youtube + facebook + newspaper + (1 + youtube + facebook + newspaper | store)",
    "nested": "sales ~ youtube + (1 | city/store)",
    "nested, with a slope": "sales ~ youtube + (1 + youtube | city) + (1 | store)",
    "crossed": "sales ~ youtube + (1 | store) + (1 | channel)",
}
#: Three slopes that lie on a line, with variances of millions: a tiny variance is lost, or cannot be inverted.
HARD_FOR_STATSMODELS = (1466, 1886)
STORES, CITIES = {"groups": "store"}, {"groups": "city", "vc_formula": {"store": "0 + C(store)"}}
#: The same models as arguments of statsmodels' mixedlm.
STATSMODELS = {
    "random intercept": STORES,
    "random slope": STORES | {"re_formula": "1 + youtube"},
    "random slope, shifted": STORES | {"re_formula": "1 + youtube"},
    "slope alone": STORES | {"re_formula": "0 + youtube"},
    "uncorrelated": STORES | {"vc_formula": {"level": "1", "slope": "0 + youtube"}},
    "two slopes": STORES | {"re_formula": "1 + youtube + facebook"},
    "three slopes": STORES | {"re_formula": "1 + youtube + facebook + newspaper"},
    "nested": CITIES | {"re_formula": "1"},
    "nested, with a slope": CITIES | {"re_formula": "1 + youtube"},
    "crossed": {"groups": "all", "vc_formula": {"store": "0 + C(store)", "channel": "0 + C(channel)"}},
}


def draw_case(seed):
    """Return the name of a family, a table and whether REML: sizes, units, ids, spread and boundary at random."""
    rng = np.random.default_rng(seed)
    family = list(FORMULAS)[seed % len(FORMULAS)]
    n_stores = int(rng.choice([6, 8, 10, 12, 20, 40, 200], p=[0.2, 0.2, 0.15, 0.15, 0.15, 0.13, 0.02]))
    counts = np.full(n_stores, rng.choice([5, 7, 10, 20, 52], p=[0.3, 0.2, 0.3, 0.15, 0.05]))
    shape = rng.integers(3)
    if shape == 1:
        counts = rng.integers(3, 20, n_stores)
    elif shape == 2:
        counts = np.where(rng.random(n_stores) < 0.4, rng.integers(1, 3, n_stores), counts + 4)
    store = np.repeat(np.arange(n_stores), counts)
    media = np.column_stack([_spend(rng, store, n_stores) for _ in range(3)])
    scaled = np.column_stack([np.ones(store.size), (media - media.mean(0)) / media.std(0)])
    root = rng.standard_normal((4, 4)) * rng.choice([0.0, 0.1, 0.5, 2.0, 100.0], p=[0.2, 0.2, 0.35, 0.2, 0.05])
    kind = rng.integers(3)
    if kind == 0:
        root[1:] = 0.0
    elif kind == 1:
        root[:, 1:] = 0.0
    store_effects = rng.standard_normal((n_stores, 4)) @ root.T
    city, channel = store // 3, rng.integers(0, 4, store.size)
    noise = rng.standard_normal(store.size) if rng.random() < 0.7 else rng.standard_t(2.5, store.size)
    levels = rng.choice([0.0, 0.7]) * (rng.standard_normal(n_stores)[city] + rng.standard_normal(4)[channel])
    sales = 3.0 + 0.5 * scaled[:, 1] + (scaled * store_effects[store]).sum(1) + levels + noise
    named = rng.random() < 0.5
    frame = pd.DataFrame(
        {
            "store": [f"S-{7 * k:04d}" for k in store] if named else store * 13 - 40,
            "city": city,
            "channel": [f"channel {k}" for k in channel],
            "week": np.concatenate([np.arange(count) for count in counts]),
            "youtube": media[:, 0] * rng.choice([1e-3, 1.0, 1e3]),
            "facebook": media[:, 1],
            "newspaper": media[:, 2],
            "sales": sales * rng.choice([1.0, 1e4]) + rng.choice([0.0, 1e6]),
        }
    )
    return family, frame, bool(rng.random() < 0.6)


def _spend(rng, store, n_stores):
    """Uniform, skewed, or mostly different between stores."""
    kind = rng.integers(3)
    if kind == 0:
        return rng.uniform(0, 300, store.size)
    if kind == 1:
        return np.exp(rng.normal(4, 1, store.size))
    return rng.normal(100, 5, store.size) + 20 * rng.standard_normal(n_stores)[store]


@pytest.mark.parametrize("block", range(0, PANELS, 100))
def test_every_fit_is_certified(block):
    for seed in range(block, block + 100):
        family, frame, reml = draw_case(seed)
        certificate = fit(FORMULAS[family], frame, reml=reml).certificate
        assert certificate.decrement <= 1e-10, (seed, family)
        assert certificate.curvature >= -1e-6, (seed, family)
        assert certificate.agreeing >= 1, (seed, family)


def test_statsmodels_arrives_where_the_fit_is_certified(request):
    # Two thousand with --statsmodels 2000 -s; it ends with how many arrived.
    seeds, missed = sorted({*range(request.config.getoption("--statsmodels")), *HARD_FOR_STATSMODELS}), {}
    for seed in seeds:
        family, frame, reml = draw_case(seed)
        fixed = FORMULAS[family].split(" + (")[0]
        try:
            found = fit_statsmodels(smf.mixedlm(fixed, frame.assign(all=1), **STATSMODELS[family]), reml=reml)
        except ConvergenceError as error:
            missed[seed] = f"{family}: {error}"
            continue
        certified = fit(FORMULAS[family], frame, reml=reml)
        off = np.abs(found.fe_params - certified.params) / certified.bse
        right = found.llf == pytest.approx(certified.llf, abs=1e-4) and found.scale == pytest.approx(
            certified.sigma**2, rel=1e-3
        )
        if not (right and off.max() < 1e-3 and found.bse_fe.to_numpy() == pytest.approx(certified.bse.to_numpy())):
            missed[seed] = f"{family}: {found.llf} for {certified.llf}"
    print(f"\n{len(seeds) - len(missed)} of {len(seeds)} arrived", *missed.items(), sep="\n")
    assert not missed


@pytest.mark.parametrize("part", range(10))
def test_no_brute_force_search_finds_a_lower_criterion(part):
    for seed in range(part, BRUTE_FORCE, 10):
        family, frame, reml = draw_case(7 * seed + part)
        optimum = fit(FORMULAS[family], frame, reml=reml).optimum
        lowest = min(_search(optimum.surface, np.random.default_rng(seed)))
        assert optimum.point.criterion <= lowest + 1e-7, (seed, family)


@pytest.mark.parametrize("reml", [True, False])
def test_effects_that_can_stand_for_each_other_are_settled(reml):
    # Two slopes that vary alone, of predictors that are nearly the same: a valley as good as flat, down to a boundary.
    for seed in range(40):
        rng = np.random.default_rng(seed)
        store = np.repeat(np.arange(4), 5)
        one = 20.0 + rng.standard_normal(20)
        two = one + 0.004 * rng.standard_normal(20)
        sales = 1.0 + 0.5 * one + rng.standard_normal(4)[store] * one + 0.5 * rng.standard_normal(20)
        frame = pd.DataFrame({"store": store, "one": one, "two": two, "sales": sales})
        optimum = fit("sales ~ one + two + (1 + one + two || store)", frame, reml=reml).optimum
        assert optimum.decrement <= 1e-10, seed
        assert optimum.agreeing >= 1, seed
        assert not ((optimum.scales > 0) & (optimum.scales < 1e-6)).any(), seed


# Panels whose lowest optimum is not reached from starts with less variance or from fewer starts.
@pytest.mark.parametrize("seed", [8, 19, 23, 38, 39, 66, 69, 93])
def test_the_lowest_optimum_of_a_few_groups_far_apart_is_found(seed):
    rng = np.random.default_rng(seed)
    store = np.repeat(np.arange(7), [1, 1, 1, 1, 1, 15, 15])
    media = rng.standard_normal((store.size, 2))
    effects = 200.0 * rng.standard_normal((7, 3))
    sales = (np.column_stack([np.ones(store.size), media]) * effects[store]).sum(axis=1)
    sales += rng.standard_normal(store.size)
    frame = pd.DataFrame({"store": store, "one": media[:, 0], "two": media[:, 1], "sales": sales})
    optimum = fit("sales ~ one + two + (1 + one + two | store)", frame).optimum
    lowest = min(_search(optimum.surface, np.random.default_rng(seed), 5.5))
    assert optimum.point.criterion <= lowest + 1e-6


def _search(surface, rng, reach=2.5):
    order = sum(surface.sizes)
    for _ in range(STARTS):
        factor = np.zeros((order, order))
        for size, stop in zip(surface.sizes, accumulate(surface.sizes), strict=True):
            block = slice(stop - size, stop)
            factor[block, block] = rng.standard_normal((size, size)) * np.exp(rng.uniform(-reach, reach))
        try:
            yield optimum_from(surface, factor).point.criterion
        except ConvergenceError:
            continue
