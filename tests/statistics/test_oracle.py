"""Every number of the two oracle files against the library; a field no check reads fails the last test.

``tutorial.json`` is R (lme4, lmerTest, performance) at full precision; ``tutorial-exact.json`` the optimum at 60
digits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference import coefficient_tests, fit_mixed
from reference.panels import RANDOM_INTERCEPT, RANDOM_SLOPE, tutorial_panel
from reference.tutorial import Tutorial

ORACLES = Path(__file__).parents[1] / "oracles"
FILES = ("tutorial.json", "tutorial-exact.json")
TO_R = {"Intercept": "(Intercept)"}
FIXED = ("Intercept", "week", "youtube", "facebook", "newspaper")


class Recorder:
    """A JSON document that remembers which of its leaves were read."""

    def __init__(self, node: Any, path: str = "", read: set[str] | None = None) -> None:
        self.node, self.path = node, path
        self.read: set[str] = set() if read is None else read

    def __getitem__(self, key: str | int) -> Any:
        child, path = self.node[key], f"{self.path}/{key}"
        if isinstance(child, dict | list):
            return Recorder(child, path, self.read)
        self.read.add(path)
        return child

    def __len__(self) -> int:
        return len(self.node)

    def __iter__(self) -> Iterator[Any]:
        return (self[key] for key in range(len(self.node)))

    def array(self) -> np.ndarray:
        """Read everything below as numbers."""
        return np.array([item.array() if isinstance(item, Recorder) else item for item in self], dtype=float)

    def unread(self) -> set[str]:
        return set(_leaves(self.node, "")) - self.read


def _leaves(node: Any, path: str) -> Iterator[str]:
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _leaves(child, f"{path}/{key}")
    else:
        yield path


def load(name: str) -> Recorder:
    return Recorder(json.loads((ORACLES / name).read_text(encoding="utf-8")))


def close(actual: Any, expected: Any, relative: float) -> None:
    """Compare, with the tolerance of a small entry given by the largest entry of its table."""
    expected = np.asarray(expected, dtype=float)
    slack = 1e-3 * relative * float(np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(actual, expected, rtol=relative, atol=slack)


def by_name(node: Recorder, names: tuple[str, ...] = FIXED) -> list[float]:
    return [node[TO_R.get(name, name)] for name in names]


def check_provenance(oracle: Recorder, _: Tutorial) -> None:
    about = oracle["provenance"]
    data = resources.files("reference.panels") / "advertising.csv"
    assert about["data_md5"] == hashlib.md5(data.read_bytes()).hexdigest()
    script = about["command"].split()[1]
    assert about["command"] == f"Rscript {script} ../data/advertising.csv"
    assert (ORACLES / script).is_file()
    source = (ORACLES / script).read_text(encoding="utf-8")
    assert about["R"].startswith("R version ")
    for package in ("lme4", "lmerTest", "performance"):
        assert f"library({package})" in source
        assert all(part.isdigit() for part in about[package].split("."))


def check_descriptives(oracle: Recorder, results: Tutorial) -> None:
    node, about = oracle["describe"], results.description
    assert (about.n_observations, about.n_stores) == (node["n_obs"], node["n_store"])
    close(about.deviations["sales"], node["sd_sales"], 1e-10)
    for name, mean in about.means.items():
        close(mean, node[f"mean_{name}"], 1e-10)


def check_weeks(oracle: Recorder, results: Tutorial) -> None:
    assert len(oracle["by_week"]) == len(results.weeks)
    for position, (node, week) in enumerate(zip(oracle["by_week"], results.weeks, strict=True), start=1):
        assert node["_row"] == position
        assert (week.week, week.count) == (node["week"], node["n"])
        close([week.mean, week.deviation, week.standard_error], [node["mean"], node["sd"], node["se"]], 1e-10)


def check_pooled(oracle: Recorder, results: Tutorial) -> None:
    node, fit = oracle["ols"], results.pooled
    for key, values in (("coef", fit.coefficients), ("se", fit.standard_errors), ("t", fit.t), ("p", fit.p)):
        np.testing.assert_allclose(list(values.values()), by_name(node[key]), rtol=1e-10, atol=0)
    close([fit.sigma, fit.r_squared, fit.adjusted_r_squared], [node["sigma"], node["r2"], node["adj_r2"]], 1e-10)
    close([fit.f, fit.model_df, fit.residual_df], by_name(node["f"], ("value", "numdf", "dendf")), 1e-10)
    close(list(fit.vif.values()), by_name(node["vif"], tuple(fit.vif)), 1e-10)


def mixed_check(key: str, of: str) -> Callable[[Recorder, Tutorial], None]:
    def check(oracle: Recorder, results: Tutorial) -> None:
        node, described = oracle[key], getattr(results, of)
        fit, table = described.fit, described.coefficients
        scalars = {"criterion": fit.criterion, "sigma": fit.sigma, "logLik": fit.log_likelihood}
        scalars |= {"AIC": fit.aic, "BIC": fit.bic, "var_fixed": described.shares.fixed}
        scalars |= {"var_random_mean": described.shares.random}
        names = ("icc_adjusted", "icc_unadjusted", "r2_marginal", "r2_conditional")
        scalars |= {name: getattr(described.shares, name) for name in names}
        for name, value in scalars.items():
            close(value, node[name], 1e-4)
        close(fit.criterion, node["criterion"], 1e-9)
        columns = {"fixef": "estimate", "se": "standard_error", "df": "df", "t": "t", "p": "p"}
        for name, field in columns.items():
            close([getattr(row, field) for row in table], by_name(node[name]), 1e-4)
        close(fit.covariance, node["vcov_fixef"].array(), 1e-4)
        errors = np.sqrt(np.diagonal(fit.covariance))
        close(fit.covariance / np.outer(errors, errors), node["corr_fixef"].array(), 1e-4)
        assert node["singular"] is fit.singular
        theta = node["theta"] if len(fit.theta) == 1 else node["theta"].array()
        close(fit.theta, np.atleast_1d(theta), 1e-4)
        quartiles = [node["scaled_residuals"][name] for name in ("0%", "25%", "50%", "75%", "100%")]
        close(described.residual_quartiles, quartiles, 1e-4)
        check_components(node["varcorr"], described.components)
        check_modes(node["ranef"], fit)

    return check


def check_components(node: Recorder, components: Any) -> None:
    assert len(node) == len(components)
    for position, (line, component) in enumerate(zip(node, components, strict=True), start=1):
        assert line["_row"] == position
        assert line["grp"] == component.group
        assert (line["var1"] or "") == TO_R.get(component.first, component.first)
        assert (line["var2"] or "") == component.second
        close([component.value, component.sd_or_correlation], [line["vcov"], line["sdcor"]], 1e-4)


def check_modes(node: Recorder, fit: Any) -> None:
    assert [line["_row"] for line in node] == [str(group) for group in fit.term.levels]
    expected = np.array([[line[TO_R.get(name, name)] for name in fit.term.effects] for line in node])
    for column in range(expected.shape[1]):
        close(fit.term.modes[:, column], expected[:, column], 1e-4)


def check_comparison(oracle: Recorder, results: Tutorial) -> None:
    node, test = oracle["lrt"], results.comparison
    assert test.df == node["df"]
    close([test.statistic, test.p, test.p_boundary], [node["chisq"], node["p"], node["p_boundary_mixture"]], 1e-4)
    fits = (results.intercept_ml.fit, results.slope_ml.fit)
    close([fit.aic for fit in fits], node["aic"].array(), 1e-4)
    close([fit.bic for fit in fits], node["bic"].array(), 1e-4)
    close(test.aic_gain, -np.diff(node["aic"].array())[0], 1e-4)
    close(test.bic_gain, -np.diff(node["bic"].array())[0], 1e-4)
    wrong = results.intercept.fit.criterion - results.slope.fit.criterion
    close(wrong, node["chisq_from_reml_which_is_wrong"], 1e-8)


def check_ranking(oracle: Recorder, results: Tutorial) -> None:
    assert [str(row.group) for row in results.ranking[:5]] == list(oracle["top5_by_slope"])


def check_predictions(oracle: Recorder, results: Tutorial) -> None:
    close(list(results.by_week.values()), oracle["prediction_ri_population_by_week"].array(), 1e-8)
    close(results.rows[results.panel.store_id == 1], oracle["prediction_rs_store1"].array(), 1e-7)


def exact_check(model_name: str, criterion: str) -> Callable[[Recorder, Tutorial], None]:
    def check(oracle: Recorder, _: Tutorial) -> None:
        node = oracle[model_name][criterion]
        model = {"RI": RANDOM_INTERCEPT, "RS": RANDOM_SLOPE}[model_name]
        fit = fit_mixed(tutorial_panel().frame, model, reml=criterion == "REML")
        assert abs(fit.criterion - node["criterion"]) < 1e-8
        assert fit.optimum.rank == node["rank"]
        np.testing.assert_allclose(fit.coefficients, node["beta"].array(), rtol=1e-7, atol=0)
        np.testing.assert_allclose(np.sqrt(np.diagonal(fit.covariance)), node["se"].array(), rtol=1e-7, atol=0)
        np.testing.assert_allclose(fit.sigma, node["sigma"], rtol=1e-7)
        np.testing.assert_allclose(fit.term.covariance, node["cov"].array(), rtol=1e-7, atol=0)
        df = [row.df for row in coefficient_tests(fit)]
        np.testing.assert_allclose(df, node["df"].array(), rtol=1e-6, atol=0)

    return check


def check_exact_provenance(oracle: Recorder, _: Tutorial) -> None:
    assert "Independent of R" in oracle["provenance"]
    assert ", ".join(TO_R.get(name, name) for name in FIXED) in oracle["provenance"]


CHECKS: dict[tuple[str, str], Callable[[Recorder, Tutorial], None]] = {
    (FILES[0], "provenance"): check_provenance,
    (FILES[0], "descriptives"): check_descriptives,
    (FILES[0], "weeks"): check_weeks,
    (FILES[0], "pooled"): check_pooled,
    (FILES[0], "random intercept"): mixed_check("ri", "intercept"),
    (FILES[0], "random slope"): mixed_check("rs", "slope"),
    (FILES[0], "centred"): mixed_check("rs_centred", "centred"),
    (FILES[0], "random intercept ML"): mixed_check("ri_ml", "intercept_ml"),
    (FILES[0], "random slope ML"): mixed_check("rs_ml", "slope_ml"),
    (FILES[0], "comparison"): check_comparison,
    (FILES[0], "ranking"): check_ranking,
    (FILES[0], "predictions"): check_predictions,
    (FILES[1], "provenance"): check_exact_provenance,
    **{(FILES[1], f"{m} {c}"): exact_check(m, c) for m in ("RI", "RS") for c in ("REML", "ML")},
}


@pytest.mark.parametrize(("name", "part"), CHECKS)
def test_library_agrees_with_the_oracle(name: str, part: str, results: Tutorial) -> None:
    CHECKS[name, part](load(name), results)


@pytest.mark.parametrize("name", FILES)
def test_every_field_of_the_oracle_is_read(name: str, results: Tutorial) -> None:
    oracle = load(name)
    for (file, _), check in CHECKS.items():
        if file == name:
            check(oracle, results)
    assert sorted(oracle.unread()) == []


def test_recorder_reports_a_leaf_nobody_read() -> None:
    oracle = Recorder({"a": {"b": 1, "c": [2, 3]}})
    assert oracle["a"]["b"] == 1
    assert oracle["a"]["c"][1] == 3
    assert oracle.unread() == {"/a/c/0"}
