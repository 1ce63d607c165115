"""F tests of whole terms: the numbers of lmerTest and pbkrtest, t tests squared, invariances, refusals."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reference import DesignError, coefficient_tests, fit, kenward_roger_tests, term_tests
from reference.inference.kenward_roger import kenward_roger as kenward_roger_of

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
    file = ORACLES / golden["folder"] / f"{golden['panel']}.csv"
    assert hashlib.md5(file.read_bytes()).hexdigest() == golden["md5"]
    model = fit(golden["formula"], pd.read_csv(file), weights=golden["weights"])
    assert model.singular == golden["singular"]
    methods = [(False, "satterthwaite", 1e-6), (True, "kenward_roger", 1e-4)]
    for kenward_roger, method, close in methods[: 1 if golden["weights"] else 2]:
        tests = term_tests(model, kenward_roger=kenward_roger)
        names = [test.name.replace(" ", "").replace("**", "^") for test in tests]
        assert names == [name.replace(" ", "") for name in several(golden["terms"])]
        assert [test.numerator_df for test in tests] == numbers(golden["numerator_df"])
        for key, values, tolerance in (
            ("df", [test.denominator_df for test in tests], close),
            ("f", [test.f for test in tests], close),
            # A p of 1e-26 makes more of the last digits of F than F itself.
            ("p", [test.p for test in tests], 10 * close),
        ):
            np.testing.assert_allclose(values, numbers(golden[method][key]), rtol=tolerance, err_msg=f"{method} {key}")


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


@pytest.mark.parametrize("random", ["(1 | store_id)", "(1 + youtube | store_id)", "(1 | store_id) + (1 | week)"])
def test_weighted_tests_are_those_of_columns_times_the_roots_of_the_weights(panel, random):
    frame = panel.frame.assign(season="s" + (panel.frame["week"] % 3).astype(str), w=lambda d: 0.2 + d["newspaper"])
    weighted = fit(f"sales ~ season + youtube + offset(facebook / 20) + {random}", frame, weights="w")
    root = np.sqrt(frame["w"])
    frame["sales"] -= frame["facebook"] / 20
    frame = frame.assign(a=root, b=root * (frame["season"] == "s1"), c=root * (frame["season"] == "s2"))
    frame[["sales", "youtube"]] = frame[["sales", "youtube"]].mul(root, axis=0)
    plain = fit(f"sales ~ 0 + a + b + c + youtube + {random.replace('(1', '(0 + a')}", frame)
    season, youtube = term_tests(weighted, kenward_roger=True)
    exact = kenward_roger_of(plain)
    for test, hypothesis in ((season, np.eye(4)[1:3]), (youtube, np.eye(4)[3:])):
        assert (test.denominator_df, test.f, test.p) == pytest.approx(exact.f_test(hypothesis), rel=1e-6)


@pytest.mark.parametrize(
    "fixed",
    ["factor(week) + I(youtube^2)", "sqrt(youtube) * as.factor(week)", "C(week, contr.poly):youtube + log1p(x)"],
)
def test_terms_in_the_spelling_of_r_are_tested(panel, fixed):
    frame = panel.frame.assign(week=panel.frame["week"] % 3, x=panel.frame["facebook"])
    ours = term_tests(fit(f"sales ~ {fixed} + (1 | store_id)", frame))
    own = frame.assign(week="w" + frame["week"].astype(str), power=frame["youtube"] ** 2,
                       root=np.sqrt(frame["youtube"]), x=np.log1p(frame["x"]))  # fmt: skip
    plain = fixed
    for theirs, name in (
        ("factor(week)", "week"),
        ("as.week", "week"),
        ("I(youtube^2)", "power"),
        ("sqrt(youtube)", "root"),
        ("C(week, contr.poly)", "week"),
        ("log1p(x)", "x"),
    ):
        plain = plain.replace(theirs, name)
    by_f = {(test.numerator_df, round(test.f, 6)) for test in term_tests(fit(f"sales ~ {plain} + (1 | store_id)", own))}
    assert {(test.numerator_df, round(test.f, 6)) for test in ours} == by_f


@pytest.mark.parametrize("kind", [bool, "boolean", object])
@pytest.mark.parametrize(
    "fixed", ["late * youtube", "youtube * late * rich", "season * late + rich", "youtube + late:youtube"]
)
@pytest.mark.parametrize("kenward_roger", [False, True])
def test_true_and_false_are_the_factor_that_they_are_in_r(panel, kind, fixed, kenward_roger):
    """Text is one, whose tests are those of lmerTest and pbkrtest."""
    late, rich = panel.frame["week"] > 4, panel.frame["newspaper"] > 30
    season = "s" + (panel.frame["week"] % 3).astype(str)
    frame = panel.frame.assign(late=late.astype(kind), rich=rich.astype(kind), season=season)
    text = frame.assign(late=np.where(late, "yes", "no"), rich=np.where(rich, "yes", "no"))
    ours, theirs = (
        term_tests(fit(f"sales ~ {fixed} + (1 | store_id)", table), kenward_roger=kenward_roger)
        for table in (frame, text)
    )
    for one, other in zip(ours, theirs, strict=True):
        assert (one.name, one.numerator_df) == (other.name, other.numerator_df)
        assert (one.f, one.denominator_df) == pytest.approx((other.f, other.denominator_df), rel=1e-7)


def test_true_and_false_without_a_margin_stay_numbers(panel):
    """As the note of such a fit says; R would have a column of each."""
    frame = panel.frame.assign(late=panel.frame["week"] > 4)
    formula = "sales ~ week + late:youtube + (1 | store_id)"
    ours, theirs = (term_tests(fit(formula, table)) for table in (frame, frame.astype({"late": float})))
    for one, other in zip(ours, theirs, strict=True):
        assert (one.f, one.denominator_df) == pytest.approx((other.f, other.denominator_df), rel=1e-9)


def test_no_hypothesis_is_made_up_where_columns_were_left_out(panel):
    frame = panel.frame.assign(
        a="a" + (panel.frame["week"] % 2).astype(str), b="b" + (panel.frame["week"] % 3).astype(str)
    )
    frame = frame[(frame["a"] != "a1") | (frame["b"] != "b2")]
    model = fit("sales ~ a * b + (1 | store_id)", frame, collinear="drop")
    with pytest.raises(DesignError, match="columns were left out"):
        term_tests(model)
    # Where a column of numbers says what another does, the others are tested.
    twice = fit("sales ~ youtube + twice + (1 | store_id)", frame.assign(twice=frame["youtube"] * 2), collinear="drop")
    assert [test.name for test in term_tests(twice)] == ["youtube"]


def test_model_without_predictors_has_no_terms_and_one_without_rows_is_refused(panel):
    assert term_tests(fit("sales ~ 1 + (1 | store_id)", panel.frame)) == ()
    with pytest.raises(DesignError, match="kept no rows"):
        term_tests(fit("sales ~ week + (1 | store_id)", iter([panel.frame])))
