"""F tests of whole terms: the numbers of lmerTest and pbkrtest, t tests squared, invariances, refusals."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reference import DesignError, coefficient_tests, fit, kenward_roger_tests, term_tests

ORACLES = Path(__file__).parents[1] / "oracles"
GOLDEN = json.loads((ORACLES / "terms.json").read_text(encoding="utf-8"))


def several(value):
    """Return a list, of which R writes one of a single entry as that entry."""
    return value if isinstance(value, list) else [value]


def numbers(value):
    return [float(entry) for entry in several(value)]


def test_goldens_have_a_source():
    about = GOLDEN["provenance"]
    script = about["command"].split("/")[-1]
    assert about["command"] == f"Rscript tests/oracles/{script}"
    source = (ORACLES / script).read_text(encoding="utf-8")
    assert about["R"].startswith("R version ")
    for package in ("lme4", "lmerTest", "pbkrtest"):
        assert f"library({package})" in source
        assert about[package]
    assert len(GOLDEN["tests"]) >= 5


@pytest.mark.parametrize("golden", GOLDEN["tests"], ids=[golden["panel"] for golden in GOLDEN["tests"]])
def test_agreement_with_lmertest_and_pbkrtest(golden):
    file = ORACLES / "goldens" / f"{golden['panel']}.csv"
    assert hashlib.md5(file.read_bytes()).hexdigest() == golden["md5"]
    model = fit(golden["formula"], pd.read_csv(file))
    assert model.singular == golden["singular"]
    for kenward_roger, method, close in ((False, "satterthwaite", 1e-6), (True, "kenward_roger", 1e-4)):
        tests = term_tests(model, kenward_roger=kenward_roger)
        names = [test.name.replace(" / ", "/") for test in tests]
        assert names == [name.replace(" / ", "/") for name in several(golden["terms"])]
        assert [test.numerator_df for test in tests] == numbers(golden["numerator_df"])
        for key, values in (
            ("df", [test.denominator_df for test in tests]),
            ("f", [test.f for test in tests]),
            ("p", [test.p for test in tests]),
        ):
            np.testing.assert_allclose(values, numbers(golden[method][key]), rtol=close, err_msg=f"{method} {key}")


@pytest.mark.parametrize("kenward_roger", [False, True])
def test_term_of_one_column_is_its_t_test_squared(panel, kenward_roger):
    model = fit("sales ~ week + youtube + (1 + youtube | store_id)", panel.frame)
    rows = (kenward_roger_tests if kenward_roger else coefficient_tests)(model)[1:]
    for test, row in zip(term_tests(model, kenward_roger=kenward_roger), rows, strict=True):
        assert (test.name, test.numerator_df) == (row.name, 1)
        assert test.f == pytest.approx(row.t**2, rel=1e-9)
        assert test.denominator_df == pytest.approx(row.df, rel=1e-9)
        assert test.p == pytest.approx(row.p, rel=1e-7)


def test_units_and_the_coding_of_a_factor_do_not_matter(panel):
    frame = panel.frame.assign(season="s" + (panel.frame["week"] % 3).astype(str))
    tests = [
        term_tests(fit(f"sales ~ {fixed} + (1 | store_id)", table))
        for fixed, table in (
            ("season + youtube + facebook:season", frame),
            ("C(season, contr.sum) + youtube + facebook:season", frame),
            (
                "season + youtube + facebook:season",
                frame.assign(youtube=frame["youtube"] * 1e6, sales=frame["sales"] * 1e-3),
            ),
        )
    ]
    for other in tests[1:]:
        for one, same in zip(tests[0], other, strict=True):
            assert (same.f, same.denominator_df) == pytest.approx((one.f, one.denominator_df), rel=1e-7)


def test_model_without_predictors_has_no_terms_and_one_without_rows_is_refused(panel):
    assert term_tests(fit("sales ~ 1 + (1 | store_id)", panel.frame)) == ()
    with pytest.raises(DesignError, match="kept no rows"):
        term_tests(fit("sales ~ week + (1 | store_id)", iter([panel.frame])))
