"""Rows that a fit has not seen: what each is worth alone, whose they are, and what is said where that is not known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autograder.cli import main
from reference import fit, predict_intervals, predict_new_groups
from reference.errors import DesignError

SLEEP = Path(__file__).parents[1] / "oracles" / "goldens" / "sleepstudy.csv"
FORMULA = "Reaction ~ Days + (1 | Subject)"


@pytest.fixture(scope="module")
def frame():
    table = pd.read_csv(SLEEP)
    factor = np.array(["a", "b", "c"])[(table.index * 7 // 3) % 3]
    return table.assign(f=factor, odd=table["Days"] % 2 == 1, z=np.sqrt(table["Reaction"]))


@pytest.fixture(scope="module")
def model(frame):
    return fit(FORMULA, frame)


@pytest.mark.parametrize(
    "term",
    [
        "I(Days - Days.mean())",
        "I(Days / max(Days))",
        "np.cumsum(Days)",
        "np.gradient(Days)",
        "I(z > z.median())",
        "offset(z - np.mean(z))",
        "z + (0 + I(Days - Days.mean()) | f)",
    ],
)
def test_what_a_row_is_worth_among_others_only_is_not_predicted(frame, term):
    found = fit(f"Reaction ~ {term} + (1 | Subject)", frame)
    # The fit's own rows are all there.
    np.testing.assert_allclose(found.predict(), found.fittedvalues)
    for predict in (
        found.predict,
        lambda new: predict_intervals(found, new),
        lambda new: predict_new_groups(found, new),
    ):
        with pytest.raises(DesignError, match=r"has a value only among the rows of the fit; .* center\(x\)"):
            predict(frame.head(20))


@pytest.mark.parametrize(
    "term",
    ["center(Days)", "scale(Days)", "poly(Days, 2)", "bs(Days, df=4)", "C(f, contr.sum) * Days", "np.log(Days + 1)",
     "scale(poly(Days, 2))", "I(Days > 3)", "pmin(Days, 3)", "(Days + f):z", "offset(log(z))", "f + C(odd)"],
)  # fmt: skip
def test_what_a_row_is_worth_alone_is_predicted(frame, term):
    found = fit(f"Reaction ~ {term} + (1 | Subject)", frame)
    new = frame.sample(7, random_state=3)
    np.testing.assert_allclose(found.predict(new), found.fittedvalues[new.index], rtol=1e-10)


@pytest.mark.parametrize("ids", [["308", "309", "new"], [308.0, 309.0, 999.0], ["308", "309", ""]])
def test_a_group_is_the_same_however_its_id_is_stored(frame, model, ids):
    new = pd.DataFrame({"Days": 2, "Subject": ids})
    known = predict_intervals(model, pd.DataFrame({"Days": 2, "Subject": [308, 309]}))
    found = predict_intervals(model, new)
    np.testing.assert_allclose(found.iloc[:2], known)
    np.testing.assert_allclose(found["predicted"].iloc[2], model.params @ [1, 2])
    np.testing.assert_allclose(model.predict(new.head(2)), known["predicted"])


@pytest.mark.parametrize(
    ("formula", "column", "cell", "sentence"),
    [
        ("Reaction ~ f + (1 | Subject)", "f", "zz", "column 'f', line 4 holds 'zz', none of the levels"),
        ("Reaction ~ Days + (f | Subject)", "f", "zz", "column 'f', line 4 holds 'zz', none of the levels"),
        ("Reaction ~ C(f) + (1 | Subject)", "f", "z, {z", "'C(f)' meets levels that the model does not know, 'z, {z';"),
        ("Reaction ~ factor(Days) + (1 | Subject)", "Days", 77, "the term 'C(Days)' meets levels"),
        ("Reaction ~ C(f, contr.sum) * Days + (1 | Subject)", "f", "zz", "does not know, 'zz'; recode them, or leave"),
        (FORMULA, "Days", "x", "column 'Days' holds numbers as text, line 4 holds 'x'"),
        ("Reaction ~ log(Days + 1) + (1 | Subject)", "Days", "x", "column 'Days' holds numbers as text, line 4 holds"),
        ("Reaction ~ poly(Days, 2) + (1 | Subject)", "Days", "1,5", "line 4 holds '1,5', which can be read in two"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_predicted_are_told_in_words_of_the_table(
    frame, tmp_path, capsys, formula, column, cell, sentence
):
    frame.to_csv(tmp_path / "old.csv", index=False)
    new = frame.head(9).astype({column: object})
    new.loc[2, column] = cell
    new.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(SystemExit) as stop:
        main(["predict", str(tmp_path / "old.csv"), formula, "--new", str(tmp_path / "new.csv")])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert sentence in said
    for word in ("piece", "nan", "dtype", "nominated", "ufunc"):
        assert word not in said
