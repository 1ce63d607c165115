"""statsmodels' mixed models, fitted until they have arrived: where its own fit stops, collapses, or cannot invert."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from reference import ConvergenceError, DesignError, fit, fit_statsmodels

FIXED = "sales ~ week + youtube + facebook + newspaper"
MODELS = {"(1 | store_id)": {}, "(1 + youtube | store_id)": {"re_formula": "~youtube"}}


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("random", MODELS)
@pytest.mark.parametrize("unit", [1.0, 1e-2, 1e3])
def test_the_tutorials_models_arrive_in_any_unit(panel, random, reml, unit):
    frame = panel.frame.assign(youtube=panel.frame["youtube"] * unit)
    found = fit_statsmodels(smf.mixedlm(FIXED, frame, groups="store_id", **MODELS[random]), reml=reml)
    right = fit(f"{FIXED} + {random}", frame, reml=reml)
    # On the boundary a zero is a tiny variance, and how tiny it can be depends on how a processor rounds.
    assert found.llf == pytest.approx(right.llf, abs=5e-5)
    assert found.method == ("REML" if reml else "ML")
    assert list(found.fe_params.index) == list(right.params.index)
    assert found.fe_params.to_numpy() == pytest.approx(right.params.to_numpy(), rel=1e-3)
    assert found.bse_fe.to_numpy() == pytest.approx(right.bse.to_numpy())
    assert found.cov_re.to_numpy() == pytest.approx(right.terms[0].covariance, rel=1e-3)
    assert found.scale == pytest.approx(right.sigma**2, rel=1e-3)
    effects = pd.DataFrame(found.random_effects).T
    assert effects.to_numpy() == pytest.approx(right.terms[0].modes, rel=1e-2, abs=1e-4)
    assert effects.index.tolist() == list(right.terms[0].levels)


def visits(seed, alike):
    """Return 20 people with five visits each, half of them treated; the more alike -1, the less people differ."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(20), 5)
    noise = rng.standard_normal(100)
    noise -= alike * noise.reshape(20, 5).mean(axis=1)[person]
    frame = pd.DataFrame({"person": person, "treated": (person >= 10) * 1.0, "late": np.tile([0.0, 0, 1, 1, 1], 20)})
    return frame.assign(y=10 + 2 * frame["treated"] + frame["late"] + noise)


# statsmodels#10239 and #7051: people do not differ, and what is the same within each of them is lost.
@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("seed", "alike"), [(1, 1.0), (3, 0.9), (5, 1.0)])
def test_a_variance_of_zero_keeps_the_intercept(seed, alike, reml):
    frame = visits(seed, alike)
    model = smf.mixedlm("y ~ treated * late", frame, groups="person")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        usual = model.fit(reml=reml)
        with pytest.raises(np.linalg.LinAlgError):
            model.fit(reml=reml, method="lbfgs")
    right = fit("y ~ treated * late + (1 | person)", frame, reml=reml)
    assert usual.llf < right.llf - 0.1
    found = fit_statsmodels(model, reml=reml)
    assert found.llf == pytest.approx(right.llf, abs=1e-6)
    assert found.fe_params.to_numpy() == pytest.approx(right.params.to_numpy())
    assert found.bse_fe.to_numpy() == pytest.approx(right.bse.to_numpy())


def test_stores_in_cities_arrive_in_any_order_of_rows(panel):
    frame = panel.frame.assign(city=panel.frame["store_id"] % 5).sample(frac=1, random_state=2, ignore_index=True)
    stores = {"store": "0 + C(store_id)"}
    model = smf.mixedlm("sales ~ youtube", frame, groups="city", re_formula="1", vc_formula=stores)
    found, right = fit_statsmodels(model), fit("sales ~ youtube + (1 | city/store_id)", frame)
    assert found.llf == pytest.approx(right.llf, abs=1e-5)
    variances = [float(found.cov_re.iloc[0, 0]), float(found.vcomp[0])]
    assert variances == pytest.approx([float(term.covariance[0, 0]) for term in right.terms], rel=1e-2, abs=1e-4)


def test_a_component_with_several_columns_in_a_row_is_told(panel):
    slopes = {"media": "0 + youtube + facebook"}
    model = smf.mixedlm("sales ~ youtube", panel.frame, groups="store_id", re_formula="1", vc_formula=slopes)
    with pytest.raises(DesignError, match=r"'media' has several columns in a row; use reference\.fit"):
        fit_statsmodels(model)


def test_units_that_statsmodels_cannot_hold_are_told(panel):
    frame = panel.frame.assign(facebook=panel.frame["facebook"] + 1e8)
    with pytest.raises(ConvergenceError, match="give each column a unit in which its numbers are of ordinary size"):
        fit_statsmodels(smf.mixedlm(FIXED, frame, groups="store_id", re_formula="~youtube"))
