"""Public reports on mixed models in other software: what ``tests/oracles/reports.R`` found right must be ours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autograder.cli import main
from reference import (
    ComparisonError,
    DesignError,
    coefficient_tests,
    compare_nested,
    fit,
    kenward_roger_tests,
    predict_conditional,
    variance_components,
    variance_shares,
)

ORACLES = Path(__file__).parents[1] / "oracles"
ORACLE = json.loads((ORACLES / "reports.json").read_text(encoding="utf-8"))
REPORTS = ORACLE["reports"]
every_report = pytest.mark.parametrize("golden", REPORTS, ids=[f"{one['report']} {one['formula']}" for one in REPORTS])


def numbers(texts):
    # One number alone is no list in the oracle.
    return np.array([float(text) for text in (texts if isinstance(texts, list) else [texts])])


def options(golden):
    return {"reml": golden["reml"], "collinear": "drop" if "dropped" in golden else "raise"}


def of(key):
    chosen = [golden for golden in REPORTS if key in golden]
    return pytest.mark.parametrize("golden", chosen, ids=[f"{one['report']} {one['formula']}" for one in chosen])


def test_the_oracle_has_a_source():
    about = ORACLE["provenance"]
    script = (ORACLES / about["command"].split("/")[-1]).read_text(encoding="utf-8")
    for package in ("lme4", "nlme", "lmerTest", "pbkrtest"):
        assert f"library({package})" in script
        assert about[package]
    assert about["R"].startswith("R version ")
    assert len({golden["report"] for golden in REPORTS}) >= 20
    assert all(golden["about"] for golden in REPORTS)


@every_report
def test_the_fit_is_the_right_one(golden):
    found = fit(golden["formula"], pd.DataFrame(golden["table"]), **options(golden))
    assert found.criterion == pytest.approx(float(golden["criterion"]), abs=1e-8)
    assert found.nobs == golden["rows"]
    np.testing.assert_allclose(found.params, numbers(golden["fixed"]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.bse, numbers(golden["se"]), rtol=1e-5)
    assert found.sigma == pytest.approx(float(golden["sigma"]), rel=1e-5)
    ours = sorted(line.value for line in variance_components(found)[:-1] if not line.second)
    np.testing.assert_allclose(ours, sorted(numbers(golden["variances"])), rtol=1e-4, atol=1e-4 * found.sigma**2)


@every_report
def test_the_order_of_rows_and_the_names_of_groups_do_not_matter(golden):
    frame = pd.DataFrame(golden["table"])
    right = fit(golden["formula"], frame, **options(golden))
    other = frame.sample(frac=1, random_state=5)
    for name in {name for groups in right.model.groups for name in groups}:
        other[name] = "z" + other[name].astype(str).str[::-1]
    found = fit(golden["formula"], other, **options(golden))
    assert found.criterion == pytest.approx(right.criterion, abs=1e-7)
    np.testing.assert_allclose(found.params, right.params, rtol=1e-5, atol=1e-6)
    rows = found.fittedvalues.index
    spread = np.ptp(right.fittedvalues)
    np.testing.assert_allclose(found.fittedvalues, right.fittedvalues[rows], rtol=0, atol=1e-4 * spread + 1e-9)
    again = predict_conditional(found, other.loc[rows])
    np.testing.assert_allclose(again, found.fittedvalues, rtol=0, atol=1e-9 * max(1.0, float(np.abs(again).max())))


@every_report
def test_the_command_gives_the_same(golden, tmp_path, capsys):
    pd.DataFrame(golden["table"]).to_csv(tmp_path / "table.csv", index=False)
    more = [*([] if golden["reml"] else ["--ml"]), *(["--collinear", "drop"] if "dropped" in golden else [])]
    with pytest.raises(SystemExit) as stop:
        main(["fit", str(tmp_path / "table.csv"), golden["formula"], "--json", *more])
    printed = capsys.readouterr()
    assert not stop.value.code, printed.err
    record = json.loads(printed.out)
    assert record["criterion"] == pytest.approx(float(golden["criterion"]), abs=1e-8)
    np.testing.assert_allclose([*record["fixed"].values()], numbers(golden["fixed"]), rtol=1e-5, atol=1e-6)


@of("dropped")
def test_what_others_determine_is_named(golden):
    frame = pd.DataFrame(golden["table"])
    with pytest.raises(DesignError, match=re.escape(golden["dropped"])):
        fit(golden["formula"], frame)
    found = fit(golden["formula"], frame, collinear="drop")
    assert golden["dropped"] not in found.params.index
    assert golden["dropped"] in str(found.summary())


@of("refused")
def test_what_the_data_cannot_tell_is_refused(golden):
    with pytest.raises(DesignError, match=golden["refused"]["says"]):
        fit(golden["refused"]["formula"], pd.DataFrame(golden["table"]))


@of("left_out")
def test_rows_with_gaps_are_counted(golden):
    left_out = fit(golden["formula"], pd.DataFrame(golden["table"])).design.left_out
    assert {"rows": left_out.rows, "of": left_out.of} == golden["left_out"]


@of("compared")
def test_two_models_are_compared_on_the_same_rows(golden, tmp_path, capsys):
    frame = pd.DataFrame(golden["table"])
    smaller, formula = golden["compared"]["smaller"], golden["formula"]
    fits = [fit(one, frame, reml=False) for one in (smaller, formula)]
    assert fits[0].nobs > fits[1].nobs
    with pytest.raises(ComparisonError, match="saw different rows"):
        compare_nested(*fits)
    test = compare_nested(fit(smaller, frame.dropna(), reml=False), fits[1])
    assert test.statistic == pytest.approx(float(golden["compared"]["chisq"]), abs=1e-7)
    assert test.p == pytest.approx(float(golden["compared"]["p"]), rel=1e-6)
    frame.to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(SystemExit):
        main(["compare", str(tmp_path / "table.csv"), smaller, formula])
    assert f"  {test.statistic:.4f} " in capsys.readouterr().out


@of("alone")
def test_rows_are_predicted_one_by_one(golden):
    frame = pd.DataFrame(golden["table"])
    found = fit(golden["formula"], frame)
    for row in golden["alone"]:
        new = frame.iloc[[row["row"]]].drop(columns="Reaction")
        assert found.predict(new).item() == pytest.approx(float(row["groups"]), rel=1e-6)
        assert found.predict(new, groups=False).item() == pytest.approx(float(row["population"]), rel=1e-6)


@of("same_as")
def test_two_ways_to_say_it_are_one_model(golden):
    frame = pd.DataFrame(golden["table"])
    one, other = (fit(golden[key], frame) for key in ("formula", "same_as"))
    assert one.criterion == pytest.approx(other.criterion, abs=1e-8)
    assert variance_shares(one).random == pytest.approx(variance_shares(other).random, rel=1e-6)


@of("shares")
def test_shares_of_variance(golden):
    ours = variance_shares(fit(golden["formula"], pd.DataFrame(golden["table"])))
    for part, value in golden["shares"].items():
        assert getattr(ours, part) == pytest.approx(float(value), rel=2e-6, abs=1e-12)


@of("satterthwaite")
def test_degrees_of_freedom(golden):
    found = fit(golden["formula"], pd.DataFrame(golden["table"]))
    for tests, method in ((coefficient_tests, "satterthwaite"), (kenward_roger_tests, "kenward_roger")):
        np.testing.assert_allclose([row.df for row in tests(found)], numbers(golden[method]), rtol=1e-6)
