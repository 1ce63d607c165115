"""Slopes of groups where the predictor stands in interactions, and how to ask for them: dense formulas, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from reference import DesignError, fit, group_slopes, probability_top, rank_groups, slope_intervals, top_groups

SLEEP = (Path(__file__).parents[1] / "oracles" / "goldens" / "sleepstudy.csv", "Reaction ~ Days + (Days | Subject)")


def table_below(out, title):
    """Return the words of a table's rows; the table stands below the line that has the title."""
    return [line.split() for line in out.partition(title)[2].splitlines()[2:]]


MODERATED = [
    ("sales ~ week + youtube * zone + (1 + youtube | store_id)", "youtube"),
    ("sales ~ week + youtube:zone + (0 + youtube | store_id)", "youtube"),
    ("sales ~ C(zone, contr.sum) * I(youtube / 10) + size + (1 + I(youtube / 10) || store_id)", "I(youtube / 10)"),
    ("sales ~ promoted * zone + youtube + (1 + promoted | store_id)", "promoted[T.yes]"),
    ("sales ~ zone + promoted:zone + size:promoted + (1 + promoted | store_id) + (1 | half)", "promoted[T.yes]"),
    ("sales ~ youtube * large + (1 + youtube | store_id)", "youtube"),
]


@pytest.fixture
def moderated(drawn_frame):
    """Stores of three zones, of a size, and large ones; in store 3 nothing was spent on youtube, nor promoted."""
    frame = drawn_frame(4)
    store = frame["store_id"]
    frame = frame.assign(
        zone=np.array(["east", "north", "west"])[store % 3],
        size=np.sin(store),
        large=store % 4 == 1,
        half=frame["week"] % 3,
        promoted=np.where((frame["week"] % 2 == 1) & (store != 3), "yes", "no"),
        youtube=frame["youtube"].where(store != 3, 0.0),
    )
    frame["sales"] += 0.05 * (store % 3) * frame["youtube"] + 2.0 * frame["size"] * (frame["promoted"] == "yes")
    return frame


@pytest.mark.parametrize(("formula", "predictor"), MODERATED)
def test_interactions_with_what_is_constant_in_a_group_are_part_of_its_slope(
    formula, predictor, moderated, dense_errors
):
    """By the dense formula, with the weights of the fixed effects from what the fit predicts of a group's rows."""
    found = fit(formula, moderated)
    first = moderated.groupby("store_id").head(1)
    column = "promoted" if "promoted" in predictor else "youtube"
    high, low, unit = ("yes", "no", 1.0) if column == "promoted" else (200.0, 100.0, 100.0)
    unit /= 10.0 if "/ 10" in predictor else 1.0
    fixed = found.design.encoding.fixed
    contrasts = (fixed.matrix(first.assign(**{column: high})) - fixed.matrix(first.assign(**{column: low}))) / unit
    rows = sorted(slope_intervals(found, predictor), key=lambda row: row.group)
    (term,) = (one for one in found.terms if predictor in one.effects)
    deviations = term.table[predictor].to_numpy()
    np.testing.assert_allclose([row.slope for row in rows], contrasts @ found.coefficients + deviations, rtol=1e-7)
    predicted = found.predict(first.assign(**{column: high})) - found.predict(first.assign(**{column: low}))
    np.testing.assert_allclose([row.slope for row in rows], predicted / unit, rtol=1e-7)
    whole, apart = dense_errors(found, predictor, contrasts)
    np.testing.assert_allclose([row.standard_error**2 for row in rows], whole, rtol=1e-6)
    np.testing.assert_allclose([row.above for row in rows], ndtr(deviations / np.sqrt(apart)), rtol=1e-5)
    assert [(row.group, row.slope) for row in rank_groups(found, predictor)] == [
        (row.group, row.slope) for row in slope_intervals(found, predictor)
    ]


def test_probabilities_are_those_of_slopes_with_their_interactions(drawn_frame):
    frame = drawn_frame(8, stores=6).assign(east=lambda table: (table["store_id"] % 2) * 1.0)
    frame["sales"] += 0.02 * frame["east"] * frame["youtube"]
    found = fit("sales ~ youtube * east + (0 + youtube | store_id)", frame)
    assert not found.singular
    values = np.array([row.slope for row in sorted(slope_intervals(found, "youtube"), key=lambda row: row.group)])
    matrices = found.design.matrices
    z = np.zeros((found.design.n_observations, 6))
    z[np.arange(len(z)), matrices.codes[0]] = matrices.random[0][:, 0]
    both = np.column_stack([matrices.fixed, z])
    equations = both.T @ both / found.sigma**2
    equations[4:, 4:] += np.eye(6) / found.term.covariance[0, 0]
    names = found.design.fixed_names
    weights = np.column_stack([np.zeros((6, 4)), np.eye(6)])
    weights[:, names.index("youtube")], weights[:, names.index("youtube:east")] = 1.0, [1, 0] * 3
    drawn = np.random.default_rng(3).multivariate_normal(
        values, weights @ np.linalg.inv(equations) @ weights.T, 200_000
    )
    expected = np.bincount(drawn.argmax(axis=1), minlength=6) / len(drawn)
    np.testing.assert_allclose([*probability_top(found, "youtube", 1).values()], expected, atol=0.01)


def test_groups_alike_share_the_probability_where_slopes_do_not_vary(drawn_frame):
    for seed in range(30):
        frame = drawn_frame(seed, slope_sd=0.0, level_sd=0.0).assign(east=lambda table: table["store_id"] > 7)
        frame["sales"] += 0.2 * frame["east"] * frame["youtube"]
        found = fit("sales ~ youtube * east + (0 + youtube || store_id)", frame)
        if found.singular:
            break
    assert found.singular
    chances = probability_top(found, "youtube", 2, draws=20_000)
    np.testing.assert_allclose([chances[store] for store in range(1, 8)], 0.0)
    np.testing.assert_allclose([chances[store] for store in range(8, 15)], 2 / 7, atol=0.02)


@pytest.mark.parametrize(
    ("formula", "predictor", "found"),
    [
        ("youtube + I(youtube^2) + (1 + youtube | store_id)", "youtube", r"I\(youtube \*\* 2\)"),
        ("youtube * week + (1 + youtube | store_id)", "youtube", "youtube:week"),
        ("youtube * week * zone + (1 + youtube | store_id)", "youtube", "youtube:week"),
        ("log(youtube + 1) + (1 + youtube | store_id)", "youtube", r"log\(youtube \+ 1\)"),
        ("youtube:center(youtube) + youtube + (1 + youtube | store_id)", "youtube", r"youtube:center\(youtube\)"),
        ("youtube + (1 + youtube + youtube:week | store_id)", "youtube", "youtube:week"),
        ("youtube + (1 + youtube || store_id) + (0 + log(youtube + 1) | store_id)", "youtube", "log"),
        ("youtube * week * zone + (1 + youtube:week | store_id)", "youtube:week", "youtube:week:zone"),
    ],
)
def test_a_slope_that_is_not_one_number_is_refused(formula, predictor, found, moderated):
    moderated["youtube"] /= 100.0
    model = fit(f"sales ~ {formula}", moderated)
    for ask in (slope_intervals, rank_groups, group_slopes, top_groups, probability_top):
        with pytest.raises(
            DesignError, match=rf"not one number for each group of store_id, as it depends on .*{found}"
        ):
            ask(model, predictor)


def test_a_product_given_as_a_column_leaves_the_slope_where_it_is_zero(moderated):
    product = moderated.assign(both=moderated["youtube"] * moderated["week"])
    model = fit("sales ~ week + youtube + both + (1 + youtube | store_id)", product)
    deviations = model.term.table["youtube"]
    expected = {group: model.fixed_effects["youtube"] + deviations[group] for group in deviations.index}
    assert group_slopes(model, "youtube") == pytest.approx(expected)


def test_a_product_has_slopes_of_its_own(moderated):
    model = fit("sales ~ youtube * week + (0 + youtube:week | store_id)", moderated)
    deviations = model.term.table["youtube:week"]
    expected = {group: model.fixed_effects["youtube:week"] + deviations[group] for group in deviations.index}
    assert group_slopes(model, "youtube:week") == pytest.approx(expected)


def test_a_factor_coded_in_two_ways_is_refused(moderated):
    model = fit("sales ~ promoted + (0 + promoted | store_id)", moderated)
    with pytest.raises(DesignError, match=r"the fixed part has promoted\[T.yes\] in its place; write it alike"):
        group_slopes(model, "promoted[yes]")


def test_interactions_need_rows(moderated):
    numbers = moderated.assign(east=(moderated["zone"] == "east") * 1.0)
    model = fit("sales ~ youtube * east + (1 + youtube | store_id)", iter([numbers]))
    with pytest.raises(DesignError, match="kept no rows; use a data frame"):
        slope_intervals(model, "youtube")


def test_slopes_of_one_of_two_grouping_factors_are_asked_for_by_name(run, tmp_path):
    frame = pd.read_csv(SLEEP[0])
    frame = frame.assign(Ward=np.random.default_rng(5).integers(0, 6, len(frame)))
    frame["Reaction"] += 8.0 * np.sin(frame["Ward"]) * frame["Days"]
    frame.to_csv(tmp_path / "wards.csv", index=False)
    arguments = (tmp_path / "wards.csv", f"{SLEEP[1]} + (0 + Days | Ward)", "--slopes", "Days")
    code, _, err = run(*arguments)
    assert code == 2
    assert "say which by group='Subject' or group='Ward', in mlm fit by --by Subject" in err
    code, out, _ = run(*arguments, "--by", "Ward")
    assert code == 0
    rows = table_below(out, "Slopes of Days by Ward")
    assert [row[1] for row in rows] == [
        str(row.group) for row in slope_intervals(fit(arguments[1], frame), "Days", group="Ward")
    ]


def test_slopes_say_whose_average_is_meant_where_groups_differ_in_an_interaction(run, tmp_path):
    frame = pd.read_csv(SLEEP[0])
    frame = frame.assign(arm=np.where(frame["Subject"] > 340, "late", "early"))
    frame.to_csv(tmp_path / "arms.csv", index=False)
    formula = "Reaction ~ Days * arm + (Days | Subject)"
    code, out, _ = run(tmp_path / "arms.csv", formula, "--slopes", "Days")
    assert code == 0
    rows = table_below(out, "the average is of groups like it")
    found = slope_intervals(fit(formula, frame), "Days")
    assert [row[1] for row in rows] == [str(row.group) for row in found]
    assert [float(row[2]) for row in rows] == pytest.approx([row.slope for row in found], abs=1e-3)


def test_slopes_that_can_be_ranked_are_named(run, tmp_path):
    frame = pd.read_csv(SLEEP[0])
    frame = frame.assign(**{"my late": np.where(frame["Days"] > 4, "late", "early")})
    frame.to_csv(tmp_path / "late.csv", index=False)
    formula = "Reaction ~ `my late` + (1 + `my late` | Subject)"
    code, _, err = run(tmp_path / "late.csv", formula, "--slopes", "my late")
    assert code == 2
    assert "has no random slope for 'my late', but for my late[T.late]; name one of these" in err
    assert run(tmp_path / "late.csv", formula, "--slopes", "my late[T.late]")[0] == 0
    _, _, err = run(tmp_path / "late.csv", "Reaction ~ `my late` + (1 | Subject)", "--slopes", "my late")
    assert "such as (1 + `my late` | Subject)." in err
