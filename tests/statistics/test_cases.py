"""Tables as people have them: each folder of ``cases`` is one, with the numbers or the refusal that is right."""

from __future__ import annotations

import io
import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autograder.cli import main

FOLDER = Path(__file__).with_name("cases")
CASES = sorted(path.parent.name for path in FOLDER.glob("*/expect.toml"))
PLAIN = FOLDER / "tsv" / "data.tsv"
FORMULA = "y ~ x + t + (1|g)"


@pytest.fixture
def run(capsys):
    """Run ``mlm`` with a table; return the exit code and what it printed."""

    def mlm(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([*map(str, arguments)])
        printed = capsys.readouterr()
        return stop.value.code or 0, printed.out, printed.err

    return mlm


@pytest.fixture
def frame():
    return pd.read_csv(PLAIN, sep="\t")


@pytest.fixture(scope="module")
def expected():
    from reference import fit

    return fit(FORMULA, pd.read_csv(PLAIN, sep="\t")).criterion


def criterion(run, path, *options, formula=FORMULA):
    code, out, err = run("fit", path, formula, "--json", *options)
    assert (code, err) == (0, "")
    return json.loads(out)["criterion"]


@pytest.mark.parametrize("case", CASES)
def test_case(run, case):
    expect = tomllib.loads((FOLDER / case / "expect.toml").read_text(encoding="utf-8"))
    (path,) = (FOLDER / case).glob("data.*")
    options = expect.pop("options", [])
    formula = expect.pop("formula")
    code, out, err = run("fit", path, formula, *options)
    if "refusal" in expect:
        assert (code, out) == (2, "")
        assert expect.pop("refusal") in err
    else:
        assert code == 0, err
        for words in expect.pop("says", []):
            assert words in out
        record = json.loads(run("fit", path, formula, "--json", *options)[1])
        assert record["criterion"] == pytest.approx(expect.pop("criterion"), abs=1e-4)
        assert record["n_observations"] == expect.pop("rows")
        assert record["sigma"] == pytest.approx(expect.pop("sigma", record["sigma"]), rel=1e-5)
        assert expect.pop("fixed", record["fixed"]) == pytest.approx(record["fixed"], abs=1e-7)
    assert not expect


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("semicolons.csv", lambda frame: frame.to_csv(index=False, sep=";").encode()),
        ("spaces.csv", lambda frame: frame.to_csv(index=False).replace(",", " , ").encode()),
        ("blanks.txt", lambda frame: frame.to_csv(index=False, sep=" ").encode()),
        ("r.txt", lambda frame: frame.to_csv(sep=" ", quoting=2).replace('"" ', "", 1).encode()),
        ("r.csv", lambda frame: frame.to_csv(quoting=2).encode()),
        ("windows.csv", lambda frame: frame.to_csv(index=False).replace("\n", "\r\n").encode("utf-8-sig")),
        ("unicode.txt", lambda frame: frame.to_csv(index=False, sep="\t").encode("utf-16")),
    ],
)
def test_forms_of_a_table_are_read_alike(run, tmp_path, frame, expected, name, change):
    (tmp_path / name).write_bytes(change(frame))
    assert criterion(run, tmp_path / name) == expected


@pytest.mark.parametrize("code", ["utf-8", "latin-1", "cp1252"])
def test_umlauts_are_read_in_any_usual_code(run, tmp_path, frame, expected, code):
    text = frame.replace({"t": {"hi": "größer"}}).rename(columns={"x": "Größe"}).to_csv(index=False)
    (tmp_path / "table.csv").write_bytes(text.encode(code))
    record = json.loads(run("fit", tmp_path / "table.csv", "y ~ Größe + t + (1|g)", "--json")[1])
    assert record["criterion"] == pytest.approx(expected)
    assert "t[T.größer]" in record["fixed"]


def test_standard_input_is_read(run, monkeypatch, expected, frame):
    content = io.TextIOWrapper(io.BytesIO(frame.to_csv(index=False).encode()))
    monkeypatch.setattr(sys, "stdin", content)
    assert criterion(run, "-") == expected


def test_a_sheet_is_read(run, tmp_path, frame, expected):
    frame.to_excel(tmp_path / "table.xlsx", index=False)
    assert criterion(run, tmp_path / "table.xlsx") == expected


def test_a_sheet_with_blanks_around_its_names_is_read(run, tmp_path, frame, expected):
    frame.rename(columns=lambda name: f" {name} ").to_excel(tmp_path / "table.xlsx")
    assert criterion(run, tmp_path / "table.xlsx") == expected


@pytest.mark.parametrize(
    ("table", "said"),
    [(lambda frame: frame[:0], "no rows"), (lambda frame: frame.iloc[:, [0, *range(frame.shape[1])]], "comes twice")],
)
def test_a_sheet_of_another_layout_is_refused(run, tmp_path, frame, table, said):
    table(frame).to_excel(tmp_path / "table.xlsx", index=False)
    code, _, err = run("fit", tmp_path / "table.xlsx", FORMULA)
    assert code == 2
    assert said in err


def test_a_sheet_needs_openpyxl(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    code, _, err = run("fit", tmp_path / "table.xlsx", FORMULA)
    assert code == 2
    assert "openpyxl" in err
    assert "save as CSV" in err


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [
        (lambda x: x.map("{:.3f}".format).str.replace(".", ","), ","),
        (lambda x: (x * 1000).map("{:,.2f}".format), "."),
        (lambda x: (x * 1000).map("{:,.2f}".format).str.translate(str.maketrans(",.", ".,")), ","),
    ],
    ids=["decimal comma", "thousands by commas", "thousands by points"],
)
def test_marks_in_numbers_are_refused_until_told(run, tmp_path, frame, cells, decimal):
    frame.assign(x=cells(frame["x"])).to_csv(tmp_path / "table.csv", index=False, sep=";")
    code, _, err = run("fit", tmp_path / "table.csv", FORMULA)
    assert code == 2
    assert (
        f"column 'x' holds numbers as text, line 2 holds '{cells(frame['x'])[0]}', which can be read in two ways" in err
    )
    # One mark in the whole file.
    y = frame["y"].map(str).str.replace(".", decimal)
    frame.assign(x=cells(frame["x"]), y=y).to_csv(tmp_path / "table.csv", index=False, sep=";")
    found = json.loads(run("fit", tmp_path / "table.csv", FORMULA, "--json", "--decimal", decimal)[1])
    scale = 1 if cells(frame["x"])[0].count(",") + cells(frame["x"])[0].count(".") == 1 else 1000
    plain = frame.assign(x=scale * frame["x"]).to_csv(index=False)
    (tmp_path / "plain.csv").write_text(plain, encoding="utf-8")
    assert found["criterion"] == pytest.approx(criterion(run, tmp_path / "plain.csv"), abs=1e-6)


@pytest.mark.parametrize(
    ("cells", "decimal", "bad"),
    [
        (["0.125", "0.250", "0.375"], ",", "0.125"),
        (["-0.125", "2", "0,5"], ",", "-0.125"),
        (["1.250", "1,5", "1.5"], ",", "1.5"),
        (["1.250", "2.375", ".5"], ",", ".5"),
        (["1,250", "1.5", "0,125"], ".", "0,125"),
        (["1,250", "-1,5", "3"], ".", "-1,5"),
        (["7", "1,5", "2,5"], ".", "1,5"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_mark_that_cannot_be_what_was_said_is_refused_by_line(run, tmp_path, frame, cells, decimal, bad, ending):
    table = frame.assign(x=np.resize(cells, len(frame)), y=frame["y"].map(str).str.replace(".", decimal))
    path = tmp_path / f"table.{ending}"
    if ending == "csv":
        table.to_csv(path, index=False, sep=";")
    else:
        table.to_excel(path, index=False)
    code, out, err = run("fit", path, FORMULA, "--decimal", decimal)
    assert (code, out) == (2, "")
    assert f"column 'x', line {2 + cells.index(bad)} of {path} holds {bad!r}, whose" in err
    assert "write all numbers with one decimal mark, those of new rows too" in err


def test_a_mark_in_new_rows_is_looked_at_too(run, tmp_path, frame):
    cells = frame.assign(**{name: frame[name].map("{:.3f}".format).str.replace(".", ",") for name in ("x", "y")})
    cells.to_csv(tmp_path / "table.csv", index=False, sep=";")
    frame.assign(x=0.125).to_csv(tmp_path / "new.csv", index=False)
    code, out, err = run("predict", tmp_path / "table.csv", FORMULA, "--decimal", ",", "--new", tmp_path / "new.csv")
    assert (code, out) == (2, "")
    assert f"line 2 of {tmp_path / 'new.csv'} holds '0.125'" in err


def test_numbers_of_a_sheet_are_not_read_by_their_marks(run, tmp_path, frame):
    mixed = frame["x"].astype(object)
    mixed[::2] = mixed[::2].map(str).str.replace(".", ",")
    frame.assign(x=mixed).to_excel(tmp_path / "table.xlsx", index=False)
    assert criterion(run, tmp_path / "table.xlsx", "--decimal", ",") == pytest.approx(criterion(run, PLAIN), abs=1e-6)


@pytest.mark.parametrize("cell", ["12 %", "12%", "$5", "1 234"])
def test_a_sign_in_a_number_is_named(run, tmp_path, frame, cell):
    table = frame.astype({"x": str})
    table.loc[4, "x"] = cell
    table.to_csv(tmp_path / "table.csv", index=False)
    code, _, err = run("fit", tmp_path / "table.csv", FORMULA)
    assert code == 2
    assert f"column 'x' holds numbers as text, line 6 holds '{cell}'" in err


@pytest.mark.parametrize(
    "date",
    [
        "2024-01-{:02d}",
        "{:02d}.1.2024",
        "1/{:02d}/24",
        "{:d} Jan 2024",
        "January {:d}, 2024",
        "2024-W{:02d}",
        "2024-01-{:02d} 10:30",
    ],
)
def test_dates_as_text_are_no_levels(run, tmp_path, frame, date):
    frame.assign(day=[date.format(k % 6 + 1) for k in range(len(frame))]).to_csv(tmp_path / "t.csv", index=False)
    code, _, err = run("fit", tmp_path / "t.csv", "y ~ day + (1|g)")
    assert code == 2
    assert "column 'day' holds dates or lengths of time" in err
    assert run("fit", tmp_path / "t.csv", "y ~ C(day) + (1|g)")[0] == 0
    assert run("fit", tmp_path / "t.csv", "y ~ x + (1|day)")[0] == 0


@pytest.mark.parametrize("level", ["None", "null", "nan", "NULL", "May", "Monday", "1st", "18-24"])
def test_levels_of_any_name_survive(run, tmp_path, frame, expected, level):
    frame.replace({"t": {"lo": level}}).to_csv(tmp_path / "t.csv", index=False)
    record = json.loads(run("fit", tmp_path / "t.csv", FORMULA, "--json")[1])
    assert record["criterion"] == pytest.approx(expected)
    assert record["left_out"]["rows"] == 0
    frame.replace({"g": {"S00": level}}).to_csv(tmp_path / "t.csv", index=False)
    record = json.loads(run("fit", tmp_path / "t.csv", FORMULA, "--json")[1])
    assert level in {str(group["level"]) for group in record["ranef"]["g"]}


@pytest.mark.parametrize("gap", ["", "NA", "None", "nan", "N/A", "."])
def test_a_gap_among_numbers_is_one_however_it_is_written(run, tmp_path, frame, gap):
    table = frame.astype({"x": str})
    table.loc[[3, 8], "x"] = gap
    table.to_csv(tmp_path / "t.csv", index=False)
    record = json.loads(run("fit", tmp_path / "t.csv", FORMULA, "--json")[1])
    assert record["left_out"] == {"rows": 2, "of": 48, "by_column": {"x": 2}}
    frame.drop(index=[3, 8]).to_csv(tmp_path / "t.csv", index=False)
    assert record["criterion"] == criterion(run, tmp_path / "t.csv")


def test_lines_are_those_of_the_file(run, tmp_path, frame):
    table = frame.assign(note='two\nlines, "quoted"').astype({"x": str})
    table.loc[5, "x"] = "much"
    lines = table.to_csv(index=False).replace("\nS00,5.597", "\n\nS00,5.597", 1)
    (tmp_path / "t.csv").write_text(lines, encoding="utf-8")
    code, _, err = run("fit", tmp_path / "t.csv", FORMULA)
    assert code == 2
    # A header, five rows of two lines each, a blank line; the sixth row begins behind these.
    assert "line 13 holds 'much'" in err


def test_comparison_takes_the_rows_complete_for_both(run, tmp_path, frame):
    gaps = frame.astype({"x": float})
    gaps.loc[[1, 2], "x"] = np.nan
    gaps.to_csv(tmp_path / "gaps.csv", index=False)
    frame.drop(index=[1, 2]).to_csv(tmp_path / "kept.csv", index=False)
    models = ["y ~ 1 + (1|g)", "y ~ x + (1|g)"]
    code, out, _ = run("compare", tmp_path / "gaps.csv", *models)
    assert code == 0
    first, _, table = out.partition("\n\n")
    assert first == "2 of 48 rows left out: x 2. Both models are fitted to the others."
    assert table == run("compare", tmp_path / "kept.csv", *models)[1]
    code, _, err = run("compare", tmp_path / "gaps.csv", *models, "--missing", "refuse")
    assert code == 2
    assert "column 'x', line 3 is empty" in err


def test_weights_are_a_column_of_the_file(run, tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert criterion(run, tmp_path / "t.csv", "--weights", "w") != criterion(run, tmp_path / "t.csv")
    frame.assign(w=frame["w"].where(frame.index != 4, 0)).to_csv(tmp_path / "t.csv", index=False)
    code, _, err = run("fit", tmp_path / "t.csv", FORMULA, "--weights", "w")
    assert code == 2
    assert "column 'w', line 6 holds 0, and a weight must be above zero" in err
