"""Predictions with intervals, ``mlm predict``, residual plots, intervals of shares: closed forms and brute force."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import block_diag
from scipy.special import ndtri

from autograder.cli import main
from reference import (
    ComparisonError,
    DesignError,
    TableError,
    bootstrap_shares,
    fit,
    predict_conditional,
    predict_intervals,
    predict_new_groups,
    predict_population,
    save_residual_plots,
    variance_shares,
)


def errors_by_mixed_model_equations(model, frame):
    """Return the standard errors of x'b + z'u at the rows of the fit, by Henderson's equations, dense."""
    matrices = model.design.matrices
    blocks, covariances = [], []
    for term, met, effects in zip(model.terms, model.design.terms, matrices.random, strict=True):
        indicators = np.eye(len(term.levels))[matrices.codes[met.factor]]
        blocks.append(np.einsum("nj,nq->njq", indicators, effects).reshape(len(frame), -1))
        covariances.append(np.kron(np.eye(len(term.levels)), term.covariance))
    whole = np.column_stack([matrices.fixed, *blocks])
    penalty = block_diag(np.zeros((model.coefficients.size,) * 2), *(np.linalg.inv(one) for one in covariances))
    inner = np.linalg.inv(whole.T @ whole / model.sigma**2 + penalty)
    whole = matrices.unweighted(whole)
    return np.sqrt(np.einsum("ni,ij,nj->n", whole, inner, whole))


@pytest.mark.parametrize("weights", [None, "newspaper"])
@pytest.mark.parametrize(
    "random", ["(1 | store_id)", "(1 + youtube | store_id)", "(1 | store_id) + (0 + youtube | store_id)",
               "(1 + youtube | store_id) + (1 | week)"]
)  # fmt: skip
def test_errors_of_known_groups_are_hendersons(drawn_frame, random, weights):
    frame = drawn_frame(0, stores=20, slope_sd=0.05, level_sd=8.0)
    frame["sales"] += 4.0 * np.sin(frame["week"])
    frame["newspaper"] += 1.0
    model = fit(f"sales ~ youtube + offset(facebook / 9) + {random}", frame, weights=weights)
    assert not model.singular
    found = predict_intervals(model, frame.iloc[::-1], 0.9)
    np.testing.assert_allclose(found["predicted"], predict_conditional(model, frame.iloc[::-1]), rtol=1e-12)
    errors = errors_by_mixed_model_equations(model, frame)[::-1]
    np.testing.assert_allclose(found["standard_error"], errors, rtol=1e-7)
    np.testing.assert_allclose(found["mean_upper"] - found["predicted"], ndtri(0.95) * errors, rtol=1e-7)
    wide = ndtri(0.95) * np.sqrt(errors**2 + model.sigma**2)
    np.testing.assert_allclose(found["predicted"] - found["lower"], wide, rtol=1e-7)
    assert list(found.index) == list(frame.index[::-1])


def test_rows_of_new_groups_are_those_of_an_average_one(drawn_frame):
    frame = drawn_frame(5)
    model = fit("sales ~ youtube + (1 + youtube | store_id)", frame)
    mixed = frame.assign(store_id=np.where(frame["week"] % 2 == 0, frame["store_id"], 999))
    new, known = (mixed["store_id"] == 999).to_numpy(), (mixed["store_id"] != 999).to_numpy()
    found, old, expected = (
        predict_intervals(model, mixed),
        predict_intervals(model, frame),
        predict_new_groups(model, frame),
    )
    pd.testing.assert_frame_equal(found[known], old[known])
    np.testing.assert_allclose(found["predicted"][new], predict_population(model, frame)[new])
    np.testing.assert_allclose(found["standard_error"][new], expected.standard_error[new])
    np.testing.assert_allclose((found["upper"] - found["predicted"])[new], ndtri(0.975) * expected.deviation[new])
    every = predict_intervals(model, frame.drop(columns=["store_id", "sales"]), new_groups=True)
    np.testing.assert_allclose(every["lower"], expected.expected - ndtri(0.975) * expected.deviation)


def test_group_of_one_factor_may_be_new_and_that_of_another_known(drawn_frame):
    frame = drawn_frame(2)
    model = fit("sales ~ youtube + (1 | store_id) + (1 | week)", frame)
    found = predict_intervals(model, frame.assign(week=77))
    modes = model.terms[0].table["Intercept"].loc[frame["store_id"]].to_numpy()
    np.testing.assert_allclose(found["predicted"], predict_population(model, frame) + modes)


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([*map(str, arguments)])
    printed = capsys.readouterr()
    return stop.value.code or 0, printed.out, printed.err


def test_command_writes_the_rows_with_their_predictions(capsys, tmp_path, drawn_frame):
    frame, formula = drawn_frame(4), "sales ~ youtube + (1 + youtube | store_id)"
    frame.to_csv(tmp_path / "sales.csv", index=False)
    new = frame.drop(columns="sales").assign(store_id=lambda table: table["store_id"] + 10)
    new.to_csv(tmp_path / "new.csv", index=False)
    line = ("predict", tmp_path / "sales.csv", formula)
    code, out, _ = command(capsys, *line, "--new", tmp_path / "new.csv", "--level", "0.8")
    assert code == 0
    printed = pd.read_csv(io.StringIO(out))
    expected = predict_intervals(fit(formula, frame), new, 0.8)
    np.testing.assert_allclose(printed[expected.columns], expected, rtol=1e-9)
    assert list(printed.columns) == [*new.columns, *expected.columns]
    new.drop(columns="store_id").to_csv(tmp_path / "elsewhere.csv", index=False)
    code, out, _ = command(capsys, *line, "--new", tmp_path / "elsewhere.csv", "--new-groups")
    assert code == 0
    np.testing.assert_allclose(pd.read_csv(io.StringIO(out))["predicted"], predict_population(fit(formula, frame), new))
    code, out, _ = command(capsys, *line, "--into", tmp_path / "known.csv", "--new-groups")
    assert (code, out) == (0, "")
    written = pd.read_csv(tmp_path / "known.csv")
    np.testing.assert_allclose(written["predicted"], predict_population(fit(formula, frame), frame), rtol=1e-9)


def test_predictions_alone_are_those_with_intervals(capsys, tmp_path, drawn_frame):
    frame, formula = drawn_frame(4), "sales ~ youtube + (1 | store_id) + (1 | week)"
    frame.to_csv(tmp_path / "sales.csv", index=False)
    frame.assign(week=frame["week"] + 4).to_csv(tmp_path / "new.csv", index=False)
    line = ("predict", tmp_path / "sales.csv", formula, "--new", tmp_path / "new.csv")
    whole, alone = (pd.read_csv(io.StringIO(command(capsys, *line, *more)[1])) for more in ([], ["--no-intervals"]))
    pd.testing.assert_frame_equal(alone, whole.drop(columns=whole.columns[len(frame.columns) + 1 :]))


def test_command_leaves_rows_with_gaps_without_predictions_and_says_so(capsys, tmp_path, drawn_frame):
    frame, formula = drawn_frame(4), "sales ~ youtube + offset(facebook) + (1 | store_id)"
    frame = frame.astype({"youtube": float}).assign(newspaper=frame["newspaper"] + 1.0)
    frame.loc[2, "sales"], frame.loc[[5, 6], "youtube"], frame.loc[8, "store_id"] = np.nan, np.nan, np.nan
    frame.to_csv(tmp_path / "sales.csv", index=False, sep=";", decimal=",")
    line = ("predict", tmp_path / "sales.csv", formula, "--decimal", ",", "--weights", "newspaper")
    code, out, err = command(capsys, *line)
    assert code == 0
    assert f"4 of {len(frame)} rows left out: sales 1, youtube 2, store_id 1." in err
    assert f"3 of {len(frame)} rows left out: youtube 2, store_id 1; they have no predictions." in err
    kept = frame.drop(index=[5, 6, 8]).astype({"store_id": int})
    expected = predict_intervals(fit(formula, frame, weights="newspaper"), kept)
    printed = pd.read_csv(io.StringIO(out))
    np.testing.assert_allclose(printed[expected.columns].loc[kept.index], expected, rtol=1e-9)
    assert printed.loc[[5, 6, 8], list(expected.columns)].isna().all(axis=None)
    assert len(printed) == len(frame)
    # A row of a new group needs no group.
    out = command(capsys, *line, "--new-groups")[1]
    assert pd.read_csv(io.StringIO(out))["predicted"].isna().sum() == 2
    code, _, err = command(capsys, *line, "--missing", "refuse")
    assert (code, "'sales', line 4 is empty" in err) == (2, True)


def test_command_reads_parquet(capsys, tmp_path, drawn_frame):
    pytest.importorskip("pyarrow")
    frame, formula = drawn_frame(4), "sales ~ youtube + (1 | store_id)"
    frame.to_parquet(tmp_path / "sales.parquet")
    frame.to_csv(tmp_path / "sales.csv", index=False)
    outs = [command(capsys, "predict", tmp_path / f"sales.{kind}", formula)[1] for kind in ("parquet", "csv")]
    assert outs[0] == outs[1]
    frame.iloc[:0].to_parquet(tmp_path / "empty.parquet")
    for line in (
        ("predict", tmp_path / "empty.parquet", formula),
        ("predict", tmp_path / "sales.csv", formula, "--new", tmp_path / "empty.parquet"),
        ("compare", tmp_path / "empty.parquet", formula, "sales ~ 1 + (1 | store_id)"),
    ):
        code, _, err = command(capsys, *line)
        assert (code, "empty.parquet has no rows" in err) == (2, True)
    code, _, err = command(capsys, "compare", tmp_path / "none.parquet", formula, "sales ~ 1 + (1 | store_id)")
    assert (code, "none.parquet cannot be read" in err) == (2, True)
    code, _, err = command(capsys, "fit", tmp_path / "sales.parquet", "sales ~ . + (1 | store_id)")
    assert (code, "name them" in err) == (2, True)
    with pytest.raises(DesignError, match="name them"):
        fit("sales ~ . + (1 | store_id)", iter([frame]))


def test_command_says_what_is_wrong_with_a_file(capsys, tmp_path, drawn_frame):
    frame, formula = drawn_frame(4), "sales ~ youtube + (1 | store_id)"
    frame.to_csv(tmp_path / "sales.csv", index=False)
    frame.drop(columns="youtube").to_csv(tmp_path / "less.csv", index=False)
    frame.assign(lower=1.0).to_csv(tmp_path / "more.csv", index=False)
    for options, words in (
        (("--new", tmp_path / "less.csv"), "youtube"),
        (("--new", tmp_path / "more.csv"), "'lower'"),
        (("--new", tmp_path / "none.csv"), "none.csv"),
        (("--into", tmp_path / "nowhere" / "out.csv"), "out.csv cannot be written"),
        (("--level", "95"), "between 0 and 1"),
    ):
        code, _, err = command(capsys, "predict", tmp_path / "sales.csv", formula, *options)
        assert code == 2
        assert words in err


def test_plots_are_saved_for_one_term_and_several(capsys, tmp_path, drawn_frame):
    frame = drawn_frame(1)
    for random in ("(1 | store_id)", "(1 + youtube | store_id) + (1 | week)"):
        model = fit(f"sales ~ youtube + {random}", frame)
        save_residual_plots(model, tmp_path / "plot.svg")
        assert "<svg" in (tmp_path / "plot.svg").read_text(encoding="utf-8")
    frame.to_csv(tmp_path / "sales.csv", index=False)
    line = ("fit", tmp_path / "sales.csv", "sales ~ youtube + (1 | store_id)", "--plot")
    assert command(capsys, *line, tmp_path / "plot.png")[0] == 0
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    code, _, err = command(capsys, *line, tmp_path / "plot.docx")
    assert code == 2
    assert "name it such as residuals.png" in err
    with pytest.raises(TableError, match="cannot be written as a picture"):
        save_residual_plots(model, tmp_path / "nowhere" / "plot.png")
    with pytest.raises(DesignError, match="kept no rows"):
        save_residual_plots(fit("sales ~ youtube + (1 | store_id)", iter([frame])), tmp_path / "plot.png")


@pytest.mark.parametrize("weights", [None, "newspaper"])
@pytest.mark.parametrize(
    "right",
    [
        "youtube + (1 + youtube | store_id)",
        "youtube + offset(facebook / 9) + (1 | store_id) + (0 + youtube | store_id)",
        "0 + youtube + (1 | store_id) + (1 | week)",
    ],
)
def test_intervals_of_shares_hold_what_refits_one_by_one_give(drawn_frame, right, weights):
    frame = drawn_frame(6)
    frame["newspaper"] += 1.0
    model = fit(f"sales ~ {right}", frame, weights=weights)
    found = {row.name: row for row in bootstrap_shares(model, 0.5, draws=15, seed=3)}
    from reference.inference.refits import simulate_responses

    draws, matrices = simulate_responses(model, np.random.default_rng(3)), model.design.matrices
    responses = (matrices.unweighted(next(draws)) + matrices.offset for _ in range(15))
    alone = [variance_shares(fit(model.model, frame.assign(sales=response))) for response in responses]
    assert list(found) == ["icc_adjusted", "icc_unadjusted", "r2_marginal", "r2_conditional"]
    for name, row in found.items():
        assert row.estimate == getattr(variance_shares(model), name)
        limits = np.quantile([getattr(one, name) for one in alone], [0.25, 0.75])
        np.testing.assert_allclose([row.lower, row.upper], limits, rtol=1e-6)


def test_intervals_of_shares_cover_the_truth_of_a_model_without_an_intercept(drawn_frame):
    model = fit("sales ~ 0 + youtube + (1 | store_id)", drawn_frame(6))
    for row in bootstrap_shares(model, draws=200):
        assert 0.0 <= row.lower < row.estimate < row.upper <= 1.0
    with pytest.raises(ComparisonError, match="at least one draw"):
        bootstrap_shares(model, draws=0)
    with pytest.raises(DesignError, match="between 0 and 1"):
        bootstrap_shares(model, 95.0, draws=10)
