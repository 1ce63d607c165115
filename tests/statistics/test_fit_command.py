"""``mlm fit``: the numbers of the goldens, the summary that lme4's readers know, and what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.main import get_command

from autograder.cli import app
from reference import fit, kenward_roger_tests, probability_top, slope_intervals
from reference.panels import MEDIA, tutorial_panel

FOLDER = Path(__file__).parents[1] / "oracles" / "goldens"
ORACLE = json.loads((FOLDER.parent / "tutorial.json").read_text(encoding="utf-8"))
EXACT = json.loads((FOLDER / "exact.json").read_text(encoding="utf-8"))["fits"]
NAMES = [f"{one['panel']} {one['formula']} {'REML' if one['reml'] else 'ML'}" for one in EXACT]
README = (FOLDER.parents[2] / "README.md").read_text(encoding="utf-8")
#: What the README says of each key of the JSON.
KEYS = dict(
    re.findall(r"^\| `(\w+)` \| (.+) \|$", README.partition("| key of the JSON |")[2].partition("\n\n")[0], re.M)
)
SLEEP = ("sleepstudy.csv", "Reaction ~ Days + (Days | Subject)")


def table_below(out, title):
    """Return the words of a table's rows; the table stands below the line that has the title."""
    lines = out.splitlines()
    start = next(place for place, line in enumerate(lines) if title in line) + 2
    end = next((place for place in range(start, len(lines)) if not lines[place]), len(lines))
    return [line.split() for line in lines[start:end]]


@pytest.mark.parametrize("exact", EXACT, ids=NAMES)
def test_json_holds_the_numbers_of_the_golden(run, exact):
    options = [] if exact["reml"] else ["--ml"]
    code, out, _ = run(FOLDER / f"{exact['panel']}.csv", exact["formula"], "--json", *options)
    record = json.loads(out)
    assert code == 0
    assert list(record) == list(KEYS)
    assert [", ".join(record[key]) in KEYS[key] for key in ("shares", "certificate")] == [True, True]
    assert record["criterion"] == pytest.approx(float(exact["criterion"]), abs=1e-8, rel=1e-14)
    assert record["sigma"] == pytest.approx(float(exact["sigma"]), rel=1e-9)
    for key, tolerance in (("fixed", 1e-7), ("se", 1e-8), ("df", 1e-6)):
        np.testing.assert_allclose(list(record[key].values()), [float(x) for x in exact[key]], rtol=tolerance)
    sizes = [len(covariance) for covariance in exact["covariances"]]
    assert record["singular"] == (exact["ranks"] != sizes)
    assert record["certificate"]["on_boundary"] == record["singular"]
    variances = [line["value"] for line in record["varcorr"] if line["first"] and not line["second"]]
    expected = [float(covariance[k][k]) for covariance in exact["covariances"] for k in range(len(covariance))]
    np.testing.assert_allclose(variances, expected, rtol=1e-5, atol=1e-12)


def test_summary_is_the_one_readers_of_lme4_know(run):
    code, out, _ = run(FOLDER / SLEEP[0], SLEEP[1])
    assert code == 0
    # The figures that lmerTest prints for this fit.
    for words in (
        "Linear mixed model fit by REML",
        "Formula: Reaction ~ Days + (Days | Subject)",
        "REML criterion: 1743.628",
        "-3.9536  -0.4634  0.0231  0.4634  5.1793",
        "Number of obs: 180, groups: Subject, 18",
        "Correlation of fixed effects:",
        "Certified optimum",
    ):
        assert words in out
    lines = [line.split() for line in out.splitlines()]
    assert ["Subject", "Intercept", "612.10", "24.741"] in lines or [
        "Subject",
        "Intercept",
        "612.09",
        "24.740",
    ] in lines
    assert ["Days", "35.07", "5.922", "0.07"] in lines
    assert ["Residual", "654.94", "25.592"] in lines
    assert ["Intercept", "251.405", "6.825", "17.000", "36.838", "<", "2.2e-16", "***"] in lines
    assert ["Days", "10.467", "1.546", "17.000", "6.771", "3.26e-06", "***"] in lines
    assert ["Days", "-0.138"] in lines


def test_summary_of_an_ml_fit_has_its_information_criteria(run):
    _, out, _ = run(FOLDER / SLEEP[0], SLEEP[1], "--ml")
    lines = [line.split() for line in out.splitlines()]
    assert ["AIC", "BIC", "logLik", "-2*logLik", "df.resid"] in lines
    assert ["1763.94", "1783.10", "-875.97", "1751.94", "174"] in lines


def test_profile_intervals_are_those_of_lme4(run):
    code, out, _ = run(FOLDER / SLEEP[0], SLEEP[1], "--intervals", "0.95")
    assert code == 0
    lines = [line.split() for line in out.split("profile of the ML deviance:")[1].splitlines() if line]
    rows = {" ".join(words[:-3]): [float(word) for word in words[-2:]] for words in lines[1:]}
    # The limits that confint() of lme4 prints.
    expected = {"sigma": (22.898, 28.858), "Days": (7.3587, 13.5759), "Intercept": (237.681, 265.130)}
    for name, limits in expected.items():
        np.testing.assert_allclose(rows[name], limits, rtol=1e-4)
    code, _, err = run(FOLDER / SLEEP[0], SLEEP[1], "--intervals", "95")
    assert code == 2
    assert "between 0 and 1" in err


def test_wald_intervals_are_those_of_lme4(run):
    code, out, _ = run(FOLDER / SLEEP[0], SLEEP[1], "--intervals", "0.95", "--wald")
    assert code == 0
    rows = {
        " ".join(words[:-3]): words[-2:] for words in table_below(out, "0.95 confidence intervals by Wald's method")
    }
    case = json.loads((FOLDER.parent / "intervals.json").read_text(encoding="utf-8"))["cases"][0]
    assert case["formula"] == SLEEP[1]
    for name, limits in case["wald"]["reml"].items():
        found = [float(limit) for limit in rows[name.replace("(Intercept)", "Intercept")]]
        np.testing.assert_allclose(found, [float(limit) for limit in limits], rtol=1e-5)
    assert "sd Days | Subject" in rows
    _, out, _ = run(FOLDER / "Dyestuff2.csv", "Yield ~ 1 + (1 | Batch)", "--intervals", "0.95", "--wald")
    assert [words[0] for words in table_below(out, "none where a random term lies on the boundary")] == [
        "sigma",
        "Intercept",
    ]


def test_shares_are_those_of_performance(run, tmp_path):
    (tmp_path / "panel.csv").write_bytes(tutorial_panel().frame.to_csv(index=False).encode())
    formula = f"sales ~ {' + '.join(('week', *MEDIA))} + (1 | store_id)"
    _, out, _ = run(tmp_path / "panel.csv", formula, "--shares")
    names = ("icc_adjusted", "icc_unadjusted", "r2_marginal", "r2_conditional")
    expected = {name: ORACLE["ri"][name] for name in names}
    (found,) = table_below(out, "ICC and R² after Nakagawa and Johnson:")
    assert found == [f"{value:.4f}" for value in expected.values()]
    _, out, _ = run(tmp_path / "panel.csv", formula, "--json")
    assert json.loads(out)["shares"] == pytest.approx(expected, rel=1e-6)


def test_shares_without_an_intercept_need_the_rows(run, tmp_path):
    formula = "Reaction ~ 0 + Days + (1 | Subject)"
    _, out, _ = run(FOLDER / SLEEP[0], formula, "--json")
    assert json.loads(out)["shares"]["r2_marginal"] > 0
    pd.read_csv(FOLDER / SLEEP[0]).to_parquet(tmp_path / "sleep.parquet")
    _, out, _ = run(tmp_path / "sleep.parquet", formula, "--json")
    assert json.loads(out)["shares"] is None
    code, _, err = run(tmp_path / "sleep.parquet", formula, "--shares")
    assert code == 2
    assert "use a data frame" in err


def test_slopes_of_the_groups_are_ranked(run):
    code, out, _ = run(FOLDER / SLEEP[0], SLEEP[1], "--slopes", "Days")
    assert code == 0
    rows = table_below(out, "Slopes of Days by Subject, and the probability of each to be among the 5 steepest:")
    found = fit(SLEEP[1], pd.read_csv(FOLDER / SLEEP[0]))
    chances = probability_top(found, "Days", 5)
    assert [row[1] for row in rows] == [str(row.group) for row in slope_intervals(found, "Days")]
    for row, words in zip(slope_intervals(found, "Days"), rows, strict=True):
        _, _, slope, deviation, lower, _, upper, chance, tier = words
        assert [float(slope), float(deviation)] == pytest.approx([row.slope, row.deviation], abs=1e-3)
        assert [float(lower), float(upper)] == pytest.approx([row.lower, row.upper], abs=1e-1)
        assert float(chance) == pytest.approx(chances[row.group], abs=0.006)
        assert tier == row.tier


@pytest.mark.parametrize("change", [1e6, 1e-6], ids=["small", "large"])
def test_slopes_in_any_units_have_their_digits(run, tmp_path, change):
    frame = pd.read_csv(FOLDER / SLEEP[0])
    frame.assign(Days=frame["Days"] * change).to_csv(tmp_path / "units.csv", index=False)
    _, out, _ = run(tmp_path / "units.csv", SLEEP[1], "--slopes", "Days")
    steepest = table_below(out, "steepest:")[0]
    row = slope_intervals(fit(SLEEP[1], frame), "Days")[0]
    assert float(steepest[2]) == pytest.approx(row.slope / change, rel=1e-4)
    assert float(steepest[3]) == pytest.approx(row.deviation / change, rel=1e-3)


def test_a_few_groups_have_a_top_of_all(run, tmp_path):
    frame = pd.read_csv(FOLDER / SLEEP[0])
    frame[frame["Subject"].isin([308, 309, 310, 330])].to_csv(tmp_path / "four.csv", index=False)
    _, out, _ = run(tmp_path / "four.csv", SLEEP[1], "--slopes", "Days")
    assert [row[7] for row in table_below(out, "to be among the 4 steepest:")] == ["1.00"] * 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--slopes", "Hours"], "no random slope for 'Hours'; fit one that has one, such as (1 + Hours | Subject)"),
        (["--slopes", "Hours"], "or rank the slopes of Days"),
        (["--slopes", "Days", "--by", "Person"], "'Person' is no grouping factor of the model, which has Subject"),
        (["--by", "Subject"], "say of which predictor too, by --slopes"),
        (["--wald"], "say their level too, such as --intervals 0.95"),
        (["--json", "--slopes", "Days"], "leave out what changes the summary, or --json"),
        (["--json", "--shares"], "leave out what changes the summary, or --json"),
        (["--json", "--intervals", "0.95"], "leave out what changes the summary, or --json"),
        (["--json", "--kenward-roger"], "leave out what changes the summary, or --json"),
    ],
)
def test_options_that_cannot_be_met_are_refused(run, options, message):
    code, out, err = run(FOLDER / SLEEP[0], SLEEP[1], *options)
    assert (code, out) == (2, "")
    assert message in err


def test_kenward_roger_takes_the_place_of_satterthwaite(run):
    file, formula = FOLDER / "Orthodont.csv", "distance ~ age + Sex + (age | Subject)"
    code, out, _ = run(file, formula, "--kenward-roger")
    assert code == 0
    assert "t-tests by Kenward-Roger's method" in out
    table = out.split("Fixed effects:")[1].split("---")[0]
    rows = {words[0]: words for words in map(str.split, table.splitlines()) if words}
    for row in kenward_roger_tests(fit(formula, pd.read_csv(file))):
        _, estimate, error, df, *_ = rows[row.name]
        assert float(estimate) == pytest.approx(row.estimate, abs=1e-3)
        assert float(error) == pytest.approx(row.standard_error, abs=1e-3)
        assert float(df) == pytest.approx(row.df, abs=1e-3)
    code, _, err = run(file, formula, "--kenward-roger", "--ml")
    assert code == 2
    assert "refit the model with reml=True, or without --ml" in err


def test_a_boundary_is_named(run):
    _, out, _ = run(FOLDER / "Dyestuff2.csv", "Yield ~ 1 + (1 | Batch)")
    assert "Boundary (singular) fit: Batch: no variance of Intercept." in out


def test_several_terms_are_shown_by_group(run):
    _, out, _ = run(FOLDER / "Pastes.csv", "strength ~ 1 + (1 | batch/cask)")
    assert "Number of obs: 60, groups: batch, 10; batch:cask, 30" in out
    assert "Correlation" not in out


def test_parquet_is_read_too(run, tmp_path):
    pd.read_csv(FOLDER / SLEEP[0]).to_parquet(tmp_path / "sleep.parquet")
    _, from_parquet, _ = run(tmp_path / "sleep.parquet", SLEEP[1], "--json")
    _, from_csv, _ = run(FOLDER / SLEEP[0], SLEEP[1], "--json")
    one, other = json.loads(from_parquet), json.loads(from_csv)
    assert one["criterion"] == pytest.approx(other["criterion"], abs=1e-9)
    assert one["fixed"] == pytest.approx(other["fixed"], rel=1e-10)


def test_ids_keep_their_zeros_and_numbers_their_order(run, tmp_path):
    frame = pd.read_csv(FOLDER / SLEEP[0])
    frame.assign(Subject=[f"{k:04d}" for k in frame["Subject"]]).to_csv(tmp_path / "zeros.csv", index=False)
    _, out, _ = run(tmp_path / "zeros.csv", SLEEP[1], "--json")
    assert json.loads(out)["ranef"]["Subject"][0]["level"] == "0308"
    frame.assign(Subject=frame["Subject"] - 300).to_csv(tmp_path / "numbers.csv", index=False)
    _, out, _ = run(tmp_path / "numbers.csv", SLEEP[1], "--json")
    assert json.loads(out)["ranef"]["Subject"][0]["level"] == 8


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("Reaction ~ Days + (Days | Subject", "brackets that do not match"),
        ("Reaction ~ Days + (1 | smooth(Subject))", "groups by 'smooth(Subject)'"),
        ("Reaction ~ bs2(Days) + (1 | Subject)", "'bs2(Days)' cannot be evaluated"),
        ("Reaction ~ Hours + (1 | Subject)", "column 'Hours' is not in the table, which has Reaction, Days, Subject"),
        ("Reaction ~ Days + (1 | Person)", "column 'Person' is not in the table"),
        ("Reaction ~ Days", "has no random term"),
    ],
)
def test_what_is_not_understood_is_named_in_one_sentence(run, formula, message):
    code, out, err = run(FOLDER / SLEEP[0], formula)
    assert (code, out) == (2, "")
    assert err.startswith("mlm: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("Days", "", "column 'Days', line 5 is empty"),
        ("Days", "n/a!", "column 'Days' holds numbers as text, line 5 holds 'n/a!'"),
        ("Reaction", "inf", "column 'Reaction', line 5 is not finite"),
        ("Subject", "", "column 'Subject', line 5 is empty"),
    ],
)
def test_a_bad_cell_is_named(run, tmp_path, column, cell, message):
    frame = pd.read_csv(FOLDER / SLEEP[0], dtype=str)
    frame.loc[3, column] = cell
    frame.to_csv(tmp_path / "bad.csv", index=False)
    code, out, err = run(tmp_path / "bad.csv", SLEEP[1], "--missing", "refuse")
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("\n", ",\n").replace(",\n", "\n", 1), "more cells than its header; drop the commas"),
        (lambda text: text.replace("Days", "Subject", 1), "column 'Subject' comes twice in the header"),
        (lambda text: text.splitlines()[0], "has a header but no rows"),
        (lambda text: "", "cannot be read (No columns to parse from file)"),
    ],
)
def test_a_layout_that_would_be_misread_is_refused(run, tmp_path, change, message):
    (tmp_path / "bad.csv").write_text(change((FOLDER / SLEEP[0]).read_text(encoding="utf-8")), encoding="utf-8")
    code, out, err = run(tmp_path / "bad.csv", SLEEP[1])
    assert (code, out) == (2, "")
    assert "bad.csv" in err
    assert message in err


def test_names_of_rows_and_packed_files_are_read(run, tmp_path):
    frame = pd.read_csv(FOLDER / SLEEP[0])
    _, expected, _ = run(FOLDER / SLEEP[0], SLEEP[1], "--json")
    frame.to_csv(tmp_path / "packed.CSV.gz", index=False, compression="gzip")
    assert run(tmp_path / "packed.CSV.gz", SLEEP[1], "--json")[1] == expected
    # As R writes them: a name for every row, and none for the column of the names.
    text = "\n".join(f"row{k},{line}" if k else line for k, line in enumerate(frame.to_csv(index=False).splitlines()))
    (tmp_path / "named.csv").write_text(text, encoding="utf-8")
    assert run(tmp_path / "named.csv", SLEEP[1], "--json")[1] == expected


def test_codes_of_a_long_file_are_the_same_in_every_part_of_it(run, tmp_path):
    rng = np.random.default_rng(1)
    n = 200_000
    code = np.where(np.arange(n) < n // 2, rng.choice(["A", "B", "7"], n), rng.choice(["7", "8"], n))
    frame = pd.DataFrame({"store": rng.integers(0, 40, n), "code": code, "sales": rng.standard_normal(n)})
    frame["sales"] += frame["code"].map({"A": 0.0, "B": 1.0, "7": 3.0, "8": 4.0})
    frame.to_csv(tmp_path / "long.csv", index=False)
    result, out, err = run(tmp_path / "long.csv", "sales ~ code + (1 | store)", "--json")
    assert (result, err) == (0, "")
    fixed = json.loads(out)["fixed"]
    assert fixed == pytest.approx({"Intercept": 3, "code[T.8]": 1, "code[T.A]": -3, "code[T.B]": -2}, abs=0.05)


def test_effects_may_have_any_name(run, tmp_path):
    frame = pd.read_csv(FOLDER / SLEEP[0]).rename(columns={"Days": "level"})
    frame.to_csv(tmp_path / "level.csv", index=False)
    _, out, _ = run(tmp_path / "level.csv", "Reaction ~ level + (level | Subject)", "--json")
    first = json.loads(out)["ranef"]["Subject"][0]
    assert first["level"] == 308
    assert first["modes"].keys() == {"Intercept", "level"}


@pytest.mark.parametrize("name", ["missing.csv", "missing.parquet"])
def test_a_file_that_cannot_be_read_is_named(run, tmp_path, name):
    code, _, err = run(tmp_path / name, SLEEP[1])
    assert code == 2
    assert name in err
    assert "check the path" in err


def test_the_command_is_installed_and_helps():
    command = [str(Path(sys.executable).with_name("mlm")), "fit", "--help"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Example: mlm fit" in out


def test_every_option_is_in_the_readme():
    options = [option for option in get_command(app).commands["fit"].params if option.param_type_name == "option"]
    names = [name for option in options for name in option.opts]
    assert [name for name in names if f"| `{name}" not in README] == []
