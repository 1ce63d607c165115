"""What people who know lme4 or statsmodels type first: it works, or one sentence says what to write."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from reference import (
    criterion_at,
    fit,
    fit_ols,
    fit_statsmodels,
    grand_mean_centre,
    group_mean_centre,
    group_means,
    parse_formula,
    predict_intervals,
)
from reference.errors import DesignError

SLEEP = Path(__file__).parents[1] / "oracles" / "goldens" / "sleepstudy.csv"
FORMULA = "Reaction ~ Days + (1 | Subject)"


@pytest.fixture(scope="module")
def frame():
    table = pd.read_csv(SLEEP)
    return table.assign(
        f=np.array(["a", "b", "c"])[(table.index * 7 // 3) % 3],
        odd=table["Days"] % 2 == 1,
        z=np.sqrt(table["Reaction"]),
    )


@pytest.fixture(scope="module")
def model(frame):
    return fit(FORMULA, frame)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        # R's %in% adds combinations alone; / adds what is before it, too.
        ("f %in% odd", "f:odd"),
        ("Days %in% f", "Days:f"),
        ("f + Days%in%f", "f / Days"),
        ("((1 | f))", "(1 | f)"),
        ("(z + (1 | f))", "z + (1 | f)"),
        ("(f + ((0 + Days | Subject)))", "f + (0 + Days | Subject)"),
        ("C(f, sum)", "C(f, contr.sum)"),
        ("factor(f, poly)", "C(f, contr.poly)"),
        ("C(f, contr=sum)", "C(f, contr.sum)"),
        ("C(f, contrasts = poly):Days", "C(f, contr.poly):Days"),
        ("Q('z'):Days + (Q('z') | f)", "z:Days + (z | f)"),
        ("f %in% odd %in% f", "f:odd"),
        ("(Days + z) %in% f", "Days:f + z:f"),
        ("0 + (f + (1 | odd))", "0 + f + (1 | odd)"),
        ("C(f,helmert)*Days", "C(f, contr.helmert)*Days"),
        ("Q('z')", "z"),
        ('np.log(Q("z") + 1)', "np.log(z + 1)"),
        ("pmin(z, 16)", "np.minimum(z, 16)"),
        ("pmax(z, Days, 16)", "np.maximum(np.maximum(z, Days), 16)"),
        ("sin(2*pi*z)", "np.sin(2*np.pi*z)"),
        ("tan(z)", "np.tan(z)"),
        ("bs(Days, knots=c(3, 6))", "bs(Days, knots=[3, 6])"),
    ],
)
def test_an_idiom_is_taken_as_it_is_meant(frame, typed, meant):
    ours, expected = (fit(f"Reaction ~ {terms} + (1 | Subject)", frame) for terms in (typed, meant))
    assert ours.criterion == pytest.approx(expected.criterion, abs=1e-9)


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        (
            "Reaction/10 ~ Days + (1 | Subject)",
            r"'Reaction/10' is computed; write I\(Reaction/10\), or name one column",
        ),
        ("-Reaction ~ Days + (1 | Subject)", r"write I\(-Reaction\)"),
        ("Reaction + z ~ Days + (1 | Subject)", r"write I\(Reaction \+ z\)"),
        ("cbind(Reaction, z) ~ Days + (1 | Subject)", r"the term 'cbind\(Reaction, z\)' cannot be evaluated \('cbind'"),
        ("Reaction ~ Days + us(Days | Subject)", r"no random term; write \(Days \| Subject\)"),
        ("Reaction ~ Days + diag(1 + Days | Subject)", r"write \(1 \+ Days \| Subject\)"),
        ("Reaction ~ Days + Error(Subject)", r"write \(1 \| Subject\)"),
        ("Reaction ~ Days + Error(Subject/f)", r"write \(1 \| Subject/f\)"),
        ("Reaction ~ mean(Days) + (1 | Subject)", r"'mean' is no column of the table and no function known here"),
        ("Reaction ~ C(f, np) + (1 | Subject)", r"'C\(f, np\)' cannot be evaluated"),
        ("Reaction ~ C(f)[0] + (1 | Subject)", r"'C\(f\)\[0\]' cannot be evaluated"),
        ("Reaction ~ I({}['a']) + (1 | Subject)", r"cannot be evaluated \('a'\)"),
        ("Reaction ~ dummy(f, 'b') + (1 | Subject)", r"write I\(f == 'b'\) instead"),
        ("Reaction ~ dummy(f) + (1 | Subject)", r"write I\(f == 'a level'\) instead"),
        ("Reaction ~ 1/z + (1 | Subject)", r"1/ in the formula .* is no division; write what is computed in I\(\)"),
        ("Reaction ~ Days + (1/z | Subject)", r"1/ in the formula .* is no division"),
        ("Reaction ~ (Days > 3) + (1 | Subject)", r"Unknown operator '>'.* and what is computed in I\(\)\.$"),
        ("Reaction ~ my z + (1 | Subject)", r"Missing operator .* a name that is no single word in backticks"),
        ("Reaction ~ is.na(z) + (1 | Subject)", r"not understood \(invalid syntax\);"),
        ("Reaction ~ days + (1 | Subject)", r"column 'days' is not in the table, .* write Days\.$"),
        (
            "Reaction ~ Days + (. | Subject)",
            r"\(\. \| Subject\)' has a dot for other columns; write which of them vary",
        ),
        ("Reaction ~ Days + (f || Subject)", r"of a factor f, \(f \|\| g\) has an intercept and all levels"),
    ],
)
def test_what_is_not_understood_is_answered(frame, formula, sentence):
    with pytest.raises(DesignError, match=sentence) as caught:
        fit(formula, frame)
    assert "<unknown>" not in str(caught.value)


def test_a_name_that_is_no_word_is_offered_in_backticks(frame):
    odd = frame.rename(columns={"z": "z-score", "Days": " Days"})
    with pytest.raises(DesignError, match="write `z-score` in backticks"):
        fit("Reaction ~ z-score + (1 | Subject)", odd)
    with pytest.raises(DesignError, match="write ` Days` in backticks"):
        fit(FORMULA, odd)
    assert fit("Reaction ~ ` Days` + (1 | Subject)", odd).nobs == len(frame)


@pytest.mark.parametrize("random", ["(1 | Subject)", "(0 + odd | Subject)", "(odd || Subject)"])
def test_a_column_of_true_and_false_is_told_where_r_codes_it_otherwise(frame, random):
    plain = f"Reaction ~ Days + {random}"
    told = ["odd" in note for note in fit(plain, frame).design.notes]
    assert told == ([True] if "0 + odd" in random or "||" in random else [])
    assert fit(f"Reaction ~ Days * odd + {random}", frame).design.notes == fit(plain, frame).design.notes
    (note,) = fit(f"Reaction ~ Days:odd + {random}", frame).design.notes
    assert note == "odd is true or false, and enters as one or zero; for a column of each, as in R, write C(odd)."


def test_both_columns_are_those_of_r(frame):
    found = fit("Reaction ~ 0 + C(odd) + (1 | Subject)", frame).params
    means = frame.groupby("odd")["Reaction"].mean()
    np.testing.assert_allclose(found, means, rtol=1e-6)


@pytest.mark.parametrize("table", [{"Days": [1], "Subject": [308]}, [1, 2], np.ones((2, 2)), "Days", pd.Series([1.0])])
def test_a_table_is_a_data_frame(model, table):
    for predict in (model.predict, lambda new: predict_intervals(model, new)):
        with pytest.raises(DesignError, match=r"give a data frame with the columns of the model, such as pandas\.Data"):
            predict(table)
    if not isinstance(table, str):
        with pytest.raises(DesignError, match=r"give a data frame, such as pandas\.DataFrame\(table\)"):
            fit(FORMULA, table)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda f: fit(FORMULA, f, weights=2), "weights=2 is neither a column's name nor a number for each row"),
        (lambda f: fit(FORMULA, f, weights=f["z"].sort_values()), r"index is not the table's; give weights\.reindex"),
        (lambda f: fit(FORMULA, f, weights=f["z"].head(9)), "there are 9 weights for 180 rows"),
        (lambda f: fit(FORMULA, f, REML="FALSE"), "reml='FALSE' is not understood; write True for REML, or False"),
        (lambda f: fit(FORMULA, f, reml=None), "reml=None is not understood"),
        (lambda f: fit(FORMULA, f, collinear="remove"), "collinear='remove' is not understood; write 'drop'"),
        (lambda f: fit(FORMULA, f.astype({"Days": object})), "'Days' holds numbers as objects; convert it with pandas"),
        (lambda f: fit(FORMULA, f.T), r"which has 0, 1, 2, .*\.\.\.; add it or name another one\.$"),
        (lambda f: fit(FORMULA, f, family="binomial"), "fit takes no 'family': responses are normal here"),
        (lambda f: fit("Reaction ~ Days", f, random="~ 1 | Subject"), "fit takes no 'random': groups are part of"),
        (lambda f: fit(FORMULA, f, vc_formula={}), "fit takes no 'vc_formula': variance components are random terms"),
        (lambda f: fit(FORMULA, f, maxiter=5), "there is one optimiser"),
        (lambda f: fit(FORMULA, f, method="ML"), "fit takes no 'method': write reml=False for maximum likelihood"),
        (lambda f: fit(FORMULA, f).predict(f, re_form=None), "predict takes no 're_form': write groups=False"),
        (lambda f: fit(FORMULA, f).predict(newdata=f), r"give the table first: predict\(frame\)"),
        (lambda f: fit(FORMULA, f).conf_int(method="boot"), "has the methods 'wald' and 'profile', not 'boot'"),
        (lambda f: fit(FORMULA, f).conf_int(level=0.9), "conf_int takes no 'level': write alpha"),
        (lambda f: fit(FORMULA, f).summary(ddf="KR"), "summary takes no 'ddf': write kenward_roger=True"),
        (lambda f: criterion_at(FORMULA, f, [1.0], reml=True), "the model is a DataFrame; give the table first"),
        (lambda f: fit_ols(f, "Reaction ~ Days"), "the model is a str; give the table first, then what parse_formula"),
        (lambda f: fit_ols(parse_formula(FORMULA), f), "the model is a DataFrame; give the table first"),
        (lambda f: fit_statsmodels(smf.ols("Reaction ~ Days", f)), r"the model is a OLS; give what smf\.mixedlm"),
        (lambda f: fit_statsmodels(smf.mixedlm("Reaction ~ Days", f, groups="Subject").fit()), r"before its \.fit\(\)"),
    ],
)  # fmt: skip
def test_an_option_of_other_software_is_answered(frame, call, sentence):
    with pytest.raises(DesignError, match=sentence):
        call(frame)


def test_one_and_zero_are_true_and_false(frame, model):
    assert fit(FORMULA, frame, REML=1).reml is True
    assert fit(FORMULA, frame, reml=np.False_).reml is False
    assert fit(FORMULA, frame, reml=1).criterion == model.criterion


def test_an_option_of_nobody_is_a_type_error(frame, model):
    for call in (lambda: fit(FORMULA, frame, colour="red"), lambda: model.predict(frame, colour="red")):
        with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
            call()


@pytest.mark.parametrize(
    ("name", "here"),
    [("ranef", "random_effects"), ("fixef", "params"), ("VarCorr", "variance_table"), ("anova", "compare_nested"),
     ("isSingular", "singular"), ("logLik", "llf"), ("fe_params", "params"), ("cov_re", "variance_components"),
     ("get_prediction", "predict_intervals"), ("t_test", "coefficient_tests"), ("update", "fit(formula, frame)")],
)  # fmt: skip
def test_a_name_of_other_software_is_answered(model, name, here):
    with pytest.raises(AttributeError) as caught:
        getattr(model, name)
    assert str(caught.value).startswith(f"a fit has no {name!r}; here it is ")
    assert here in str(caught.value)
    assert not hasattr(model, name)


def test_every_name_offered_is_there(model):
    import reference
    from reference.output.elsewhere import _NAMES

    for here in _NAMES.values():
        name = here.split("(")[0].split(",")[0].split(".")[0].split(" and ")[0]
        assert name in reference.__all__ or hasattr(model, name) or name in ("pickle", "a new fit: fit"), here


def test_other_names_are_none(model):
    with pytest.raises(AttributeError, match=r"^a fit has no 'colour'$"):
        _ = model.colour
    for same in (copy.copy(model), pickle.loads(pickle.dumps(model))):
        assert same.criterion == model.criterion


def test_random_effects_of_a_group_are_found_by_term(model):
    with pytest.raises(KeyError, match=r"308 is none of the terms Subject; write random_effects\['Subject'\]\.loc"):
        _ = model.random_effects[308]
    assert model.random_effects["Subject"].loc[308].shape == (1,)
    assert model.random_effects.get(308) is None


def test_one_column_to_centre_needs_no_list(frame):
    for centre in (grand_mean_centre, group_mean_centre):
        more = ["Subject"] if centre is group_mean_centre else []
        pd.testing.assert_frame_equal(centre(frame, "Days", *more).frame, centre(frame, ["Days"], *more).frame)
    pd.testing.assert_frame_equal(group_means(frame, "Days", "Subject"), group_means(frame, ["Days"], "Subject"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda f: f.assign(Days=f["Days"] + 2**60),
            r"'Days' holds whole numbers such as 1152921504606846976, whose diff",
        ),
        (
            lambda f: f.assign(Days=-f["Days"] - 2**60),
            "whose differences a float does not hold; take a round number off",
        ),
        (lambda f: f.assign(Days=f["Days"].astype("uint64") + 2**63), "a float does not hold"),
        (lambda f: f.assign(Days=(f["Days"] + 2**60).astype("Int64")), "a float does not hold"),
        (lambda f: f.assign(Reaction=f["Reaction"].astype(int) + 2**60), "column 'Reaction' holds whole numbers"),
        (
            lambda f: f.assign(Subject=[[one] for one in f["Subject"]]),
            "'Subject', row 0 holds several values; give it one",
        ),
        (lambda f: f.assign(Days=[{"day": one} for one in f["Days"]]), "'Days', row 0 holds several values"),
        (lambda f: f.assign(Reaction=[*[1.0] * 9, (2.0, 3.0), *[1.0] * 170]), "'Reaction', row 9 holds several values"),
    ],
)
def test_cells_that_no_model_reads_are_named(frame, change, sentence):
    with pytest.raises(DesignError, match=sentence):
        fit(FORMULA, change(frame))


def test_large_whole_numbers_that_differ_enough_are_read(frame, model):
    for days in (frame["Days"] * 2**55, frame["Days"] * 86_400 * 10**9 + 1_700_000_000 * 10**9):
        unit = days.iloc[1] - days.iloc[0]
        found = fit(FORMULA, frame.assign(Days=days))
        assert found.params["Days"] * unit == pytest.approx(model.params["Days"])
    codes = fit("Reaction ~ C(Days) + (1 | Subject)", frame.assign(Days=frame["Days"] + 2**60))
    assert codes.criterion == pytest.approx(fit("Reaction ~ C(Days) + (1 | Subject)", frame).criterion)


def test_a_level_that_the_first_piece_has_not_is_told(frame):
    with pytest.raises(DesignError, match=r"holds 'c', none of the levels .* Or let the first piece"):
        fit("Reaction ~ f + (1 | Subject)", [frame[frame["f"] != "c"], frame[frame["f"] == "c"]])
    halves = [frame.head(90), frame.tail(90)]
    whole = fit("Reaction ~ f + (1 | Subject)", frame)
    assert fit("Reaction ~ f + (1 | Subject)", halves).criterion == pytest.approx(whole.criterion, abs=1e-8)
