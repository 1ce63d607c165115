"""The formula language: what each form means, what a factor becomes, and what is refused by naming the term."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reference import DesignError, FormulaError, fit, fit_mixed, parse_formula, predict_population
from reference.questions import require_plain
from reference.questions.setting import QuestionError

MEDIA = "week + youtube + facebook + newspaper"


@pytest.mark.parametrize(
    ("right", "terms"),
    [
        ("x + (1 | g)", [("1", "g")]),
        ("x + (x | g)", [("x", "g")]),
        ("x + (0 + x | g)", [("0 + x", "g")]),
        ("x + (1 + x || g)", [("1", "g"), ("0 + x", "g")]),
        ("x + (x || g)", [("1", "g"), ("0 + x", "g")]),
        ("x + (0 + x + z || g)", [("0 + x", "g"), ("0 + z", "g")]),
        ("(1 | a/b)", [("1", "a"), ("1", "a:b")]),
        ("(1 | a/b/c)", [("1", "a"), ("1", "a:b"), ("1", "a:b:c")]),
        ("(1 | a:b)", [("1", "a:b")]),
        ("(1 | a) + (1 | b)", [("1", "a"), ("1", "b")]),
        ("(1 + x | a) + x + (1 | b)", [("1 + x", "a"), ("1", "b")]),
        ("x + (x:z || `my group`)", [("1", "my group"), ("0 + x:z", "my group")]),
    ],
)
def test_random_terms_of_a_formula(right, terms):
    model = parse_formula(f"y ~ {right}")
    assert [(term.effects, term.label) for term in model.terms] == terms
    assert model.response == "y"


@pytest.mark.parametrize(
    ("right", "fixed"),
    [("x + z + (1 | g)", "x + z"), ("(1 | g)", "1"), ("x * z + (1 | g) - 1", "x * z - 1"), ("0 + x + (1|g)", "0 + x")],
)
def test_fixed_part_of_a_formula(right, fixed):
    assert parse_formula(f"y ~ {right}").fixed == fixed


def test_a_formula_written_out_reads_back_the_same():
    model = parse_formula("sales ~ week + (1 + week || city/store) + (1 | channel)")
    assert parse_formula(model.formula, model.name) == model


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("sales", "needs one '~' with the response before it"),
        ("~ week + (1 | store_id)", "needs one '~' with the response before it"),
        ("sales ~ week", "has no random term; add one, such as"),
        ("sales ~ week + 1 | store_id", r"the term '\+1 \| store_id' is not understood; write a random term as"),
        ("sales ~ week - (1 | store_id)", r"the term '-\(1 \| store_id\)' is not understood"),
        ("sales ~ week:(1 | store_id)", r"the term '\+week:\(1 \| store_id\)' is not understood"),
        ("sales ~ (1 | store_id) + (1 | store_id)", "has a random term twice; keep one"),
        ("sales ~ week + (0 | store_id)", r"'\(0 \| store_id\)' lets nothing vary"),
        ("sales ~ week + ( | store_id)", r"'\( \| store_id\)' is not understood"),
        ("sales ~ week + (1 | store_id | week)", "with one bar"),
        ("sales ~ week + (1 | log(store_id))", r"groups by 'log\(store_id\)', which is not a column's name"),
        ("sales ~ week + (1 | store_id + week)", r"groups by 'store_id \+ week'"),
        ("sales ~ (week + (1 | store_id)", "brackets that do not match"),
        ("sales ~ week + + youtube + (1 | store_id)", "two signs in a row"),
        ("sales ~ smooth(week) + (1 | store_id)", r"'smooth\(week\)' cannot be evaluated .*smooth"),
        ("sales ~ week + (1 + spline(youtube) | store_id)", r"spline\(youtube\)' cannot be evaluated"),
        ("nothing ~ week + (1 | store_id)", "column 'nothing' is not in the table, which has store_id"),
        ("sales ~ week + (1 | shop)", "column 'shop' is not in the table"),
        ("sales ~ week + (1 + radio | store_id)", "column 'radio' is not in the table"),
    ],
)
def test_what_is_not_understood_is_named(panel, formula, message):
    with pytest.raises(DesignError, match=message):
        fit(formula, panel.frame)


def test_unknown_terms_have_an_error_of_their_own(panel):
    with pytest.raises(FormulaError):
        fit("sales ~ week + (1 | log(store_id))", panel.frame)


def test_a_formula_and_the_model_it_says_give_one_fit(panel):
    formula = f"sales ~ {MEDIA} + (1 + youtube | store_id)"
    assert fit(formula, panel.frame).criterion == fit_mixed(panel.frame, parse_formula(formula)).criterion


def test_uncorrelated_effects_have_a_covariance_of_zero(panel):
    result = fit(f"sales ~ {MEDIA} + (1 + youtube || store_id)", panel.frame)
    assert [(term.name, term.effects) for term in result.terms] == [
        ("store_id", ("Intercept",)),
        ("store_id.1", ("youtube",)),
    ]
    assert result.theta.size == 2
    assert result.criterion > fit(f"sales ~ {MEDIA} + (1 + youtube | store_id)", panel.frame).criterion


def test_a_random_slope_without_variance_is_the_random_intercept_model(drawn_frame):
    frame = drawn_frame(3, slope_sd=0.0)
    smaller = fit(f"sales ~ {MEDIA} + (1 | store_id)", frame)
    larger = fit(f"sales ~ {MEDIA} + (1 + youtube || store_id)", frame)
    if larger.terms[1].rank == 0:
        assert larger.criterion == pytest.approx(smaller.criterion, abs=1e-9)
        np.testing.assert_allclose(larger.coefficients, smaller.coefficients, rtol=1e-8)
    assert larger.criterion <= smaller.criterion + 1e-9


def test_factors_are_coded_by_treatment_contrasts(drawn_frame):
    frame = drawn_frame(5)
    frame["season"] = np.where(frame["week"] % 3 == 0, "winter", np.where(frame["week"] % 3 == 1, "autumn", "summer"))
    by_name = fit("sales ~ youtube * season + (1 | store_id)", frame)
    assert by_name.design.fixed_names == (
        "Intercept",
        "youtube",
        "season[T.summer]",
        "season[T.winter]",
        "youtube:season[T.summer]",
        "youtube:season[T.winter]",
    )
    summer, winter = (frame["season"] == "summer").astype(float), (frame["season"] == "winter").astype(float)
    by_hand = frame.assign(s=summer, w=winter, ys=summer * frame["youtube"], yw=winter * frame["youtube"])
    result = fit("sales ~ youtube + s + w + ys + yw + (1 | store_id)", by_hand)
    assert by_name.criterion == pytest.approx(result.criterion, abs=1e-9)
    np.testing.assert_allclose(by_name.coefficients, result.coefficients, rtol=1e-7, atol=1e-9)


def test_expressions_are_evaluated_and_predicted_with(drawn_frame):
    frame = drawn_frame(6)
    result = fit("np.log(sales + 50) ~ scale(youtube) + week + (1 | store_id)", frame)
    spread = (frame["youtube"] - frame["youtube"].mean()) / frame["youtube"].std()
    by_hand = frame.assign(level=np.log(frame["sales"] + 50), youtube=spread)
    expected = fit("level ~ youtube + week + (1 | store_id)", by_hand)
    assert result.criterion == pytest.approx(expected.criterion, abs=1e-9)
    np.testing.assert_allclose(
        predict_population(result, frame.head(3)), expected.design.matrices.fixed[:3] @ expected.coefficients
    )


def test_ids_may_be_text_or_have_gaps(drawn_frame):
    frame = drawn_frame(7)
    formula = f"sales ~ {MEDIA} + (1 + youtube | store_id)"
    numbered = fit(formula, frame)
    named = fit(formula, frame.assign(store_id=[f"S-{100 - store:03d}" for store in frame["store_id"]]))
    sparse = fit(formula, frame.assign(store_id=frame["store_id"] * 1_000_003))
    assert named.criterion == pytest.approx(numbered.criterion, abs=1e-9)
    np.testing.assert_allclose(named.term.modes[::-1], numbered.term.modes, atol=1e-9)
    assert named.term.levels == tuple(sorted(named.term.levels))
    np.testing.assert_allclose(sparse.term.modes, numbered.term.modes, atol=1e-10)
    assert sparse.term.levels[0] == 1_000_003


def test_a_column_of_an_expression_that_is_not_finite_is_named(drawn_frame):
    frame = drawn_frame(8)
    with pytest.raises(DesignError, match=r"column 'np.log\(week - 1\)', row 0 is not finite"):
        fit("sales ~ np.log(week - 1) + (1 | store_id)", frame)


def test_a_factor_with_an_empty_cell_is_named(drawn_frame):
    frame = drawn_frame(8)
    season = pd.Series(np.where(frame["week"] > 3, "late", "early"), dtype=object).where(frame["week"] != 2)
    with pytest.raises(DesignError, match="column 'season', row 1 is empty"):
        fit("sales ~ season + (1 | store_id)", frame.assign(season=season.to_numpy()), missing="raise")


@pytest.mark.parametrize(
    "change",
    [
        lambda dates: dates,
        lambda dates: dates.dt.tz_localize("UTC"),
        lambda dates: dates.dt.date,
        lambda dates: dates.astype(object),
        lambda dates: dates.dt.to_period("W"),
        lambda dates: dates - dates.min(),
        lambda dates: dates.astype("timestamp[ns][pyarrow]"),
    ],
    ids=["datetime64", "time zone", "date", "object", "period", "timedelta", "arrow"],
)
def test_dates_are_counted_before_they_are_fitted(drawn_frame, change):
    frame = drawn_frame(8)
    start = pd.Timestamp("2024-01-01")
    frame["day"] = change(start + pd.to_timedelta(7 * frame["week"], unit="D"))
    for formula in (
        "sales ~ day + (1 | store_id)",
        "sales ~ week + (1 + day | store_id)",
        "day ~ week + (1 | store_id)",
    ):
        with pytest.raises(DesignError, match=r"column 'day' holds dates .* counts the days or weeks since a start"):
            fit(formula, frame)


def test_what_the_message_says_of_dates_helps(drawn_frame):
    frame = drawn_frame(8)
    start = pd.Timestamp("2024-01-01")
    frame["day"] = (start + pd.to_timedelta(7 * frame["week"], unit="D")).dt.date
    with pytest.raises(DesignError, match=r"\(pandas.to_datetime\(frame\['day'\]\) - start\).dt.days"):
        fit("sales ~ day + (1 | store_id)", frame)
    frame["days"] = (pd.to_datetime(frame["day"]) - start).dt.days
    by_day, by_week = (fit(f"sales ~ {name} + (1 | store_id)", frame) for name in ("days", "week"))
    assert 7.0 * by_day.fixed_effects["days"] == pytest.approx(by_week.fixed_effects["week"], rel=1e-9)


def test_dates_may_be_groups(drawn_frame):
    frame = drawn_frame(8)
    dates = pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * frame["week"], unit="D")
    dated = fit("sales ~ youtube + (1 | day)", frame.assign(day=dates))
    assert dated.criterion == pytest.approx(fit("sales ~ youtube + (1 | week)", frame).criterion, abs=1e-9)


@pytest.mark.parametrize(
    "name", ["a+b", "a - b", "a  b", "spend (eur", "a~b", "a|b", "a/b", "a:b", " a", "a\nb", "a[1]"]
)
def test_names_in_backticks_may_hold_anything(drawn_frame, name):
    plain = drawn_frame(2).assign(half=lambda table: table["week"] % 2)
    by_spend = fit("sales ~ facebook + (1 + facebook || store_id)", plain)
    for groups in ("`{}`", "`{}`:half", "half/`{}`"):
        expected = fit(f"sales ~ 1 + (1 | {groups.format('store_id').replace('`', '')})", plain)
        result = fit(f"sales ~ 1 + (1 | {groups.format(name)})", plain.rename(columns={"store_id": name}))
        assert result.criterion == expected.criterion
        assert parse_formula(result.model.formula).terms == result.model.terms
    result = fit(f"sales ~ `{name}` + (1 + `{name}` || store_id)", plain.rename(columns={"facebook": name}))
    assert result.criterion == by_spend.criterion
    assert parse_formula(result.model.formula).terms == result.model.terms
    turned = fit(f"`{name}` ~ facebook + (1 | store_id)", plain.rename(columns={"sales": name}))
    assert turned.criterion == fit("sales ~ facebook + (1 | store_id)", plain).criterion


@pytest.fixture
def plain():
    return pd.DataFrame(
        {"g": [*"aabbccdd"] * 4, "t": [*"xyzxyzxx"] * 4, "y": np.arange(32.0) ** 1.5 % 7, "x": np.arange(1, 33)}
    )


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("y ~ x + I(x^2) + (1 | g)", "y ~ x + I(x ** 2) + (1 | g)"),
        ("y ~ sqrt(x) + (1 | g)", "y ~ np.sqrt(x) + (1 | g)"),
        ("y ~ exp(x / 9) + abs(x) + (1 | g)", "y ~ np.exp(x / 9) + x + (1 | g)"),
        ("y ~ as.factor(t) + (1 | g)", "y ~ t + (1 | g)"),
        ("y ~ factor(t) + (1 | factor(g))", "y ~ C(t) + (1 | g)"),
        ("y ~ . + (1 | g)", "y ~ t + x + (1 | g)"),
        ("y ~ . - t + (1 | g)", "y ~ x + (1 | g)"),
        ("log(y + 1) ~ . + offset(x) + (1 | g)", "log(y + 1) ~ t + offset(x) + (1 | g)"),
        ("y ~ poly(x, 2, raw=TRUE) + (1 | g)", "y ~ x + I(x^2) + (1 | g)"),
        ("y ~ x + (x + 1 | g)", "y ~ x + (1 + x | g)"),
    ],
)
def test_what_readers_of_r_write_is_what_they_mean(plain, written, same):
    assert fit(written, plain).criterion == pytest.approx(fit(same, plain).criterion, abs=1e-8)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("relevel(t, 'y')", "C(t, contr.treatment('y'))"),
        ("relevel(t, ref = 'y')", "C(t, contr.treatment('y'))"),
        ("ordered(t)", "C(t, contr.poly)"),
        ("ns(x, 3)", "cr(x, df=3, constraints='center')"),
        ("ifelse(x > 9, 1, 0)", "np.where(x > 9, 1, 0)"),
        ("interaction(t, g)", "t:g"),
    ],
)
def test_functions_of_r_are_answered_by_a_spelling_that_works(plain, written, instead):
    with pytest.raises(FormulaError) as refused:
        fit(f"y ~ {written} + (1 | g)", plain)
    assert f"write {instead} instead" in str(refused.value)
    if ":" not in instead:
        assert len(fit(f"y ~ {instead} + (1 | g)", plain).params) > 1


@pytest.mark.parametrize(
    ("random", "message"),
    [
        ("(1 | g * t)", r"write \(1 \| g\) \+ \(1 \| t\)"),
        ("(g | x)", r"lets 4 effects vary between 3 groups; .* write \(effects \| groups\), such as \(x \| g\)"),
    ],
)
def test_groups_stand_behind_the_bar(plain, random, message):
    with pytest.raises(FormulaError, match=message):
        fit(f"y ~ 1 + {random}", plain.assign(x=plain["x"] % 3))


def test_ordered_levels_are_said_to_have_treatment_contrasts(plain):
    ordered = plain.assign(t=pd.Categorical(plain["t"], ordered=True))
    assert fit("y ~ t + (1 | g)", plain).design.notes == ()
    found = fit("y ~ t + (1 | g)", ordered)
    assert "for polynomials, as in R, write C(t, contr.poly)." in found.design.notes[0]
    assert found.design.notes[0] in str(found.summary())


def test_rows_with_gaps_inside_of_expressions_are_left_out_before_anything_is_computed(plain):
    gaps = plain.astype({"x": float})
    gaps.loc[[3, 5], "x"] = np.nan
    for formula in ("y ~ scale(x) + (1 | g)", "y ~ center(x) * t + (1 | g)", "y ~ I(x ** 2) + (np.log(x) | g)"):
        found, kept = fit(formula, gaps), fit(formula, gaps.drop(index=[3, 5]))
        assert str(found.design.left_out) == "2 of 32 rows left out: x 2"
        assert found.criterion == kept.criterion
        np.testing.assert_array_equal(found.coefficients, kept.coefficients)
        assert list(found.fittedvalues.index) == list(kept.fittedvalues.index)
    with pytest.raises(DesignError, match="column 'x', row 3 is empty"):
        fit("y ~ scale(x) + (1 | g)", gaps, missing="raise")
    with pytest.raises(DesignError, match=r"missing='omit' is not understood; write 'drop'"):
        fit("y ~ x + (1 | g)", gaps, missing="omit")


def test_rows_with_gaps_in_pieces_are_left_out_and_counted(plain):
    gaps = plain.astype({"x": float, "g": object})
    gaps.loc[[3, 5, 20], "x"] = np.nan
    gaps.loc[[5, 30], "g"] = None
    found = fit("y ~ x + (1 | g)", iter([gaps.iloc[:10], gaps.iloc[10:18], gaps.iloc[18:]]))
    whole = fit("y ~ x + (1 | g)", gaps)
    assert found.design.left_out == whole.design.left_out
    assert str(found.design.left_out) == "4 of 32 rows left out: x 3, g 2"
    assert found.criterion == pytest.approx(whole.criterion, abs=1e-8)


@pytest.mark.parametrize("formula", ["y ~ x + offset(z) + (1 | g)", "y ~ . + (1 | g)"])
def test_an_assignment_has_neither_offset_nor_dot(formula):
    with pytest.raises(QuestionError, match="model 'main': an assignment's model has no offset and no dot"):
        require_plain({"main": formula})
    require_plain({"main": "y ~ x + I(x^2) + factor(z) + (1 | g)"})
