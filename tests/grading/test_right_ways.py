"""Ten and more independent right ways of computing each answer on the tutorial's panel, all of them accepted.

Seven fits by statsmodels with different optimisers and units, a marginal likelihood written out by hand, R's numbers,
and rounding as asked. Each way computes every answer by its own arithmetic.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.optimize import minimize
from scipy.stats import chi2
from statsmodels.regression.mixed_linear_model import MixedLMParams

from autograder.assignment.key import Keyed, expected
from autograder.assignment.rubric import Rubric
from autograder.records.grading import Verdict
from autograder.sandbox.wire import plain_value
from autograder.scoring.one_answer import judge_value

MEDIA = ["youtube", "facebook", "newspaper"]
ORACLES = Path(__file__).resolve().parents[1] / "oracles"


@dataclass(frozen=True)
class Fit:
    """What any software prints of a fit, in the units of the panel."""

    llf: float
    intercept: float
    youtube: float
    variance: float
    residual: float
    deviations: Mapping[int, float]


Fitter = Callable[[pd.DataFrame, bool, bool], Fit]


def best_of(model: Any, method: str, start: Any, reml: bool) -> Any:
    """Return the best of several searches, each from where the best one before it stopped, as good software does."""
    best = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(4):
            try:
                found = model.fit(reml=reml, method=[method], start_params=best.params_object if best else start)
            except np.linalg.LinAlgError:
                break  # this search ran to where a matrix has no inverse; the ones before it count
            if best is None or found.llf > best.llf:
                best = found
    assert best is not None
    return best


def by_statsmodels(method: str, youtube_unit: float = 1.0, sales_unit: float = 1.0, *, z_score: bool = False) -> Fitter:
    """Return a way of fitting: an optimiser, and the units the data are measured in for it."""

    def fit(frame: pd.DataFrame, slope: bool, reml: bool) -> Fit:
        shift, unit = (frame.youtube.mean(), frame.youtube.std()) if z_score else (0.0, youtube_unit)
        data = frame.assign(x=(frame.youtube - shift) / unit, y=frame.sales / sales_unit)
        re_formula, q = ("~x", 2) if slope else (None, 1)
        model = smf.mixedlm("y ~ week + x + facebook + newspaper", data, groups="store_id", re_formula=re_formula)
        best = best_of(model, method, MixedLMParams.from_components(np.zeros(5), cov_re=0.1 * np.eye(q)), reml)
        n, p = len(frame), 5
        # From the covariance of (level, slope per unit) at the shifted origin back to the panel's.
        back = np.array([[1.0, -shift / unit], [0.0, 1.0 / unit]])[:q, :q]
        effects = {store: back @ np.asarray(modes) * sales_unit for store, modes in best.random_effects.items()}
        jacobian = (n - p if reml else n) * math.log(sales_unit) + (math.log(unit) if reml else 0.0)
        return Fit(
            llf=best.llf - jacobian,
            intercept=(best.fe_params["Intercept"] - best.fe_params["x"] * shift / unit) * sales_unit,
            youtube=best.fe_params["x"] / unit * sales_unit,
            variance=(back @ np.asarray(best.cov_re) @ back.T)[0, 0] * sales_unit**2,
            residual=best.scale * sales_unit**2,
            deviations={store: float(modes[-1]) for store, modes in effects.items()},
        )

    return fit


def by_marginal_likelihood(frame: pd.DataFrame, slope: bool, reml: bool) -> Fit:
    """Maximise the marginal likelihood, a covariance matrix of its weeks for each of equally many weeks' stores."""
    stores, weeks = frame.store_id.nunique(), len(frame) // frame.store_id.nunique()
    columns = np.column_stack([np.ones(len(frame)), frame.week, frame[MEDIA], frame.sales])
    blocks = columns.reshape(stores, weeks, -1)
    n, p = len(frame), blocks.shape[2] - 1
    df = n - p if reml else n
    z = np.stack([np.ones((stores, weeks)), blocks[:, :, 2] / 100.0], axis=2)[:, :, : 2 if slope else 1]

    def parts(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        factor = np.array([[theta[0], 0.0], [theta[1], theta[2]]]) if slope else theta.reshape(1, 1)
        covariance = factor @ factor.T
        v = np.eye(weeks) + z @ covariance @ z.transpose(0, 2, 1)
        products = (blocks.transpose(0, 2, 1) @ np.linalg.solve(v, blocks)).sum(axis=0)
        return covariance, v, products, np.linalg.solve(products[:p, :p], products[:p, p])

    def criterion(theta: np.ndarray) -> float:
        _, v, products, beta = parts(theta)
        sigma2 = (products[p, p] - products[p, :p] @ beta) / df
        value = df * (1.0 + math.log(2.0 * math.pi * sigma2)) + np.linalg.slogdet(v)[1].sum()
        return float(value + (np.linalg.slogdet(products[:p, :p])[1] if reml else 0.0))

    found = np.array([0.8, -0.3, 0.1]) if slope else np.array([0.3])
    for method in ("BFGS", "Nelder-Mead"):
        found = minimize(criterion, found, method=method, tol=1e-8).x
    covariance, v, products, beta = parts(found)
    sigma2 = (products[p, p] - products[p, :p] @ beta) / df
    residuals = (blocks[:, :, p] - blocks[:, :, :p] @ beta)[:, :, None]
    modes = (covariance @ z.transpose(0, 2, 1) @ np.linalg.solve(v, residuals))[:, -1, 0] / 100.0
    return Fit(
        llf=-criterion(found) / 2.0,
        intercept=float(beta[0]),
        youtube=float(beta[2]),
        variance=float(sigma2 * covariance[0, 0]),
        residual=float(sigma2),
        deviations=dict(zip(frame.store_id.unique().tolist(), modes.tolist(), strict=True)),
    )


WAYS: Mapping[str, Fitter] = {
    "lbfgs, youtube in hundreds": by_statsmodels("lbfgs", 100.0),
    "bfgs, youtube in hundreds": by_statsmodels("bfgs", 100.0),
    "cg, youtube in hundreds": by_statsmodels("cg", 100.0),
    "powell, youtube in hundreds": by_statsmodels("powell", 100.0),
    "lbfgs, youtube in two hundreds": by_statsmodels("lbfgs", 200.0),
    "lbfgs, youtube as z-scores": by_statsmodels("lbfgs", z_score=True),
    "lbfgs, youtube in hundreds and sales in tens": by_statsmodels("lbfgs", 100.0, 10.0),
    "a marginal likelihood, by hand": by_marginal_likelihood,
}


def answers_of(fit: Fitter, frame: pd.DataFrame) -> dict[str, Any]:
    """Return every answer that is a number, from five fits by plain arithmetic."""
    centred = frame.assign(**{name: frame[name] - frame[name].mean() for name in MEDIA})
    ri, ri_ml, rs, rs_ml = (fit(frame, *kind) for kind in ((False, True), (False, False), (True, True), (True, False)))
    moved = fit(centred, True, True)
    return compose(ri, ri_ml.llf, rs, rs_ml.llf, moved, dict(frame[MEDIA].mean()))


def compose(ri: Fit, llf_ri: float, rs: Fit, llf_rs: float, moved: Fit, means: Mapping[str, float]) -> dict[str, Any]:
    slopes = {store: rs.youtube + deviation for store, deviation in rs.deviations.items()}
    statistic = 2.0 * (llf_rs - llf_ri)
    return {
        "var_store": ri.variance,
        "var_residual": ri.residual,
        "icc": ri.variance / (ri.variance + ri.residual),
        "loglik_ri": llf_ri,
        "loglik_rs": llf_rs,
        "lrt_chi2": statistic,
        "lrt_p": float(chi2.sf(statistic, 2)),
        "aic_gain": statistic - 4.0,
        "youtube_slope": rs.youtube,
        "store_slopes": slopes,
        "top5": sorted(slopes, key=slopes.__getitem__, reverse=True)[:5],
        "media_means": dict(means),
        "intercept_centred": moved.intercept,
        "var_intercept_centred": moved.variance,
        "youtube_slope_centred": moved.youtube,
        "loglik_change": moved.llf - rs.llf,
        "gain_average": 10.0 * rs.youtube,
        "gain_best_store": 10.0 * max(slopes.values()),
    }


def from_lme4() -> dict[str, Any]:
    """Return the answers from what R printed; the p-value by the closed form that two degrees of freedom have."""
    r = json.loads((ORACLES / "tutorial.json").read_text(encoding="utf-8"))

    def fit(name: str) -> Fit:
        entry = r[name]
        variance = next(row["vcov"] for row in entry["varcorr"] if row["var1"] == "(Intercept)" and not row.get("var2"))
        deviations = {int(row["_row"]): row.get("youtube", 0.0) for row in entry.get("ranef", [])}
        fixed = entry["fixef"]
        return Fit(
            -entry["criterion"] / 2.0, fixed["(Intercept)"], fixed["youtube"], variance, entry["sigma"] ** 2, deviations
        )

    logs = (r["ri_ml"]["logLik"], r["rs_ml"]["logLik"])
    means = {name: r["describe"][f"mean_{name}"] for name in MEDIA}
    found = compose(fit("ri"), logs[0], fit("rs"), logs[1], fit("rs_centred"), means)
    return {**found, "lrt_p": math.exp(-found["lrt_chi2"] / 2.0)}


def rounded(rubric: Rubric, keyed: Keyed) -> dict[str, Any]:
    """Return the right answers with as many decimals as the tasks ask for, and p to four digits."""
    found = {}
    for item in rubric.items:
        right = expected(item, keyed.answers) if item.kind not in ("manual", "slots", "choice", "choices") else None
        digits = item.decimals
        if isinstance(right, float):
            found[item.id] = float(f"{right:.4g}") if digits is None else round(right, digits)
        elif isinstance(right, Mapping):
            found[item.id] = {name: round(value, digits) for name, value in right.items()}
        elif right is not None:
            found[item.id] = list(right) if isinstance(right, tuple) else right
    return found


@pytest.fixture(scope="module")
def ways(rubric: Rubric, panels: tuple[Keyed, ...]) -> dict[str, dict[str, Any]]:
    frame = panels[0].panel.frame
    computed = {name: answers_of(fit, frame) for name, fit in WAYS.items()}
    return {**computed, "lme4": from_lme4(), "rounded as asked": rounded(rubric, panels[0])}


def test_ten_right_ways_of_computing_each_answer_are_right(rubric: Rubric, panels, ways) -> None:
    assert len(ways) >= 10
    numbers = [item for item in rubric.items if item.kind not in ("manual", "slots", "choice", "choices", "count")]
    refused = {}
    for name, answers in ways.items():
        own = {item: plain_value(value) for item, value in answers.items()}
        for item in numbers:
            found = judge_value(rubric, item, own[item.id], panels[0].answers, own)
            if found.finding.verdict is not Verdict.CORRECT:
                refused[name, item.id] = answers[item.id]
    assert refused == {}


def test_ways_of_writing_an_answer_are_right(rubric: Rubric, panels, ways) -> None:
    items, key = {item.id: item for item in rubric.items}, panels[0].answers
    answers = ways["lme4"]
    slopes, means = answers["store_slopes"], answers["media_means"]
    frame = pd.DataFrame({"store": list(slopes), "slope": list(slopes.values())})
    for item, value in [
        ("store_slopes", pd.Series(slopes)),
        ("store_slopes", frame),
        ("store_slopes", frame.set_index("store")),
        ("store_slopes", {str(store): np.float64(slope) for store, slope in reversed(slopes.items())}),
        ("media_means", pd.Series(means)),
        ("top5", tuple(answers["top5"])),
        ("top5", np.array(answers["top5"])),
        ("top5", pd.Series(answers["top5"])),
        ("top5", [str(store) for store in answers["top5"]]),
        ("lrt_df", 2.0),
        ("lrt_df", np.int64(2)),
        ("icc", np.float32(answers["icc"])),
        ("icc", [answers["icc"]]),
        ("preferred", " Random Slope"),
        ("unchanged", {"a", "C", "E", "G", "H"}),
    ]:
        assert judge_value(rubric, items[item], plain_value(value), key).finding.verdict is Verdict.CORRECT, item
