"""A fit as text: variance components and tests of nested models, beside what lme4 prints.

``tests/oracles/printed.R`` wrote ``printed.json``.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reference import (
    ComparisonError,
    bootstrap_test,
    compare_nested,
    fit,
    render_anova,
    render_bootstrap,
    render_summary,
    render_variance_components,
    variance_components,
)

ORACLES = Path(__file__).parents[1] / "oracles"
PRINTED = json.loads((ORACLES / "printed.json").read_text(encoding="utf-8"))
COMPONENTS, TESTS = PRINTED["components"], PRINTED["tests"]


def stored(case):
    return pd.read_csv(ORACLES / "goldens" / f"{case['name']}.csv")


def component_rows(lines):
    """Return the words of each line of variance components by group and effect, the header left out."""
    rows, group = {}, ""
    for line in lines[1:]:
        words = line.replace("(Intercept)", "Intercept").split()
        first = next(place for place, word in enumerate(words) if re.fullmatch(r"-?\d+\.\d+", word))
        names = words[:first]
        if len(names) == 2 or names == ["Residual"]:
            group = names[0]
        rows[group, names[-1]] = words[first:]
    return rows


def steps(words):
    """Return what the last printed digit of each number is worth."""
    return np.array([10.0 ** -len(word.partition(".")[2]) for word in words])


def assert_same_number(ours, theirs):
    """Both are one number up to rounding, and up to where lme4's optimiser stops."""
    room = 0.5 * (steps(ours) + steps(theirs)) + 1e-5 * np.abs(np.array(theirs, dtype=float))
    assert (np.abs(np.array(ours, dtype=float) - np.array(theirs, dtype=float)) <= 1.001 * room).all(), (ours, theirs)


def test_goldens_have_a_source_and_the_same_data():
    assert PRINTED.keys() == {"provenance", "components", "tests"}
    assert PRINTED["provenance"].keys() == {"R", "lme4", "command"}
    for case in (*COMPONENTS, *TESTS):
        path = ORACLES / "goldens" / f"{case['name']}.csv"
        assert hashlib.md5(path.read_bytes()).hexdigest() == case["md5"]


@pytest.mark.parametrize("case", COMPONENTS, ids=[case["name"] for case in COMPONENTS])
def test_variance_components_are_printed_as_lme4_does(case):
    text = render_variance_components(fit(case["formula"], stored(case)))
    assert text.endswith("\n")
    ours, theirs = component_rows(text.splitlines()), component_rows(case["lines"])
    assert text.split("\n")[0].split() == case["lines"][0].split()
    assert ours.keys() == theirs.keys()
    for name, words in theirs.items():
        assert_same_number(ours[name], words)


def test_variance_components_show_at_least_four_digits():
    fitted = fit("Reaction ~ Days + (Days | Subject)", stored({"name": "sleepstudy"}))
    rows = component_rows(render_variance_components(fitted).splitlines())
    for line in variance_components(fitted):
        if not line.second:
            value, deviation = map(float, rows[line.group, line.first or "Residual"][:2])
            assert (value, deviation) == pytest.approx((line.value, line.sd_or_correlation), rel=5e-4)


def test_a_correlation_with_an_effect_that_does_not_vary_is_left_blank():
    formula = "sales ~ week + youtube + facebook + newspaper + (1 + youtube | store_id)"
    fitted = fit(formula, stored({"name": "no-variance-2"}))
    assert [line.second for line in variance_components(fitted) if np.isnan(line.sd_or_correlation)] == ["youtube"]
    rows = component_rows(render_variance_components(fitted).splitlines())
    assert [float(word) for word in rows["store_id", "youtube"]] == [0.0, 0.0]


@pytest.mark.parametrize("case", TESTS, ids=[case["name"] for case in TESTS])
def test_tests_of_nested_models_are_printed_as_lme4_does(case):
    fits = [fit(formula, stored(case), reml=False) for formula in case["formulas"]]
    text = render_anova(*fits)
    header, *rows = text.splitlines()
    assert header.split()[:8] == ["npar", "AIC", "BIC", "logLik", "-2*logLik", "Chisq", "Df", "Pr(>Chisq)"]
    assert ("on the boundary" in header) == any(len(fits[0].theta) < len(other.theta) for other in fits)
    for row, line, fitted in zip(rows, case["lines"][1:], fits, strict=True):
        ours, theirs = row.removeprefix(f"  {fitted.model.name}").split(), line.split()[1:]
        assert row.startswith(f"  {fitted.model.name}")
        assert ours[0] == theirs[0]
        assert_same_number(ours[1:6], theirs[1:6])
        assert ours[6:7] == theirs[6:7]
        if "<" in theirs:
            assert ours[7:9] == theirs[7:9]
        elif len(theirs) > 7:
            assert float(ours[7]) == pytest.approx(float(theirs[7]), rel=2e-2)


def test_tests_are_ordered_by_size_and_have_the_p_of_the_boundary():
    frame = stored({"name": "sleepstudy"})
    small, middle, large = (
        fit(f"Reaction ~ {right}", frame, reml=False)
        for right in ("Days + (1 | Subject)", "Days + (Days | Subject)", "Days + I(Days**2) + (Days | Subject)")
    )
    text = render_anova(large, small, middle)
    assert text == render_anova(small, middle, large)
    header, _, slope, square = text.splitlines()
    assert float(slope.split()[-1]) == pytest.approx(compare_nested(small, middle).p_boundary, rel=5e-3)
    test = compare_nested(middle, large)
    # No variance is tested there, so the boundary says nothing.
    assert len(square) < header.index("on the boundary")
    assert float(square.split()[-1]) == pytest.approx(test.p, rel=5e-3)


def test_the_p_of_the_boundary_is_left_out_where_there_is_no_simple_law():
    frame = stored({"name": "three-effects-1"})
    small, large = (
        fit(f"sales ~ youtube + facebook + ({right} | store_id)", frame, reml=False)
        for right in ("1", "1 + youtube + facebook")
    )
    test = compare_nested(small, large)
    assert np.isnan(test.p_boundary)
    header, _, row = render_anova(small, large).splitlines()
    assert row.split()[-1] != "nan"
    assert len(row) < header.index("on the boundary")


def test_no_boundary_is_spoken_of_where_no_variance_is_tested():
    frame = stored({"name": "sleepstudy"})
    fits = [fit(f"Reaction ~ {fixed} + (Days | Subject)", frame, reml=False) for fixed in ("1", "Days")]
    for text in (render_anova(*fits), render_bootstrap(bootstrap_test(*fits, draws=5))):
        assert "boundary" not in text
        assert "variance" not in text
        assert "mixture" not in text


def test_correlations_of_many_fixed_effects_are_left_out_as_in_lme4():
    frame = stored({"name": "unbalanced-1"})
    frame = frame[frame["week"] <= 12]
    for fixed, shown in (("C(week)", True), ("C(week) + youtube", False)):
        model = fit(f"sales ~ {fixed} + (1 | store_id)", frame)
        after = render_summary(model).split("Correlation of fixed effects:")[1]
        assert model.coefficients.size == (12 if shown else 13)
        assert ("C(week)[T.2]" in after) == shown
        assert ("not shown for more than 12" in after) != shown


def test_zero_has_no_sign():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"g": np.repeat(np.arange(8), 6), "x": np.tile([-1.0, 0.0, 1.0], 16)})
    frame["y"] = rng.standard_normal(8)[frame["g"]] + rng.standard_normal(48)
    # Both effects hang together by next to nothing, once on this side of zero and once on that.
    texts = [render_summary(fit("y ~ x + (1 | g)", frame.assign(x=frame["x"] + shift))) for shift in (1e-6, -1e-6)]
    assert all("0.000" in text.split("Correlation of fixed effects:")[1] for text in texts)
    text = "".join(texts)
    assert re.search(r"-0\.0+(?![0-9e])", text) is None


def test_a_single_fit_is_not_compared():
    fitted = fit("Reaction ~ Days + (1 | Subject)", stored({"name": "sleepstudy"}), reml=False)
    with pytest.raises(ComparisonError, match="at least two fits; give the smaller model first"):
        render_anova(fitted)
