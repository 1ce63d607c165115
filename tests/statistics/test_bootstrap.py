"""The bootstrapped likelihood-ratio test, and ``mlm compare``: exact laws, the boundary, and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from autograder.cli import main
from reference import ComparisonError, DesignError, bootstrap_test, compare_nested, fit

FIXED = "sales ~ week + youtube + facebook + newspaper"
SLEEP = Path(__file__).parents[1] / "oracles" / "goldens" / "sleepstudy.csv"


@pytest.fixture(scope="module")
def tutorial(panel):
    fits = [fit(f"{FIXED} + ({effects} | store_id)", panel.frame, reml=False) for effects in ("1", "1 + youtube")]
    return bootstrap_test(*fits, draws=400), fits


def test_statistic_is_that_of_the_comparison(tutorial):
    result, fits = tutorial
    assert result.test == compare_nested(*fits)
    assert result.statistics.shape == (400,)
    assert (np.diff(result.statistics) >= 0).all()
    assert result.statistics[0] >= 0


def test_law_on_the_boundary_is_closer_than_chi_squared(tutorial):
    """Beyond a quantile of chi² on two degrees lie no more simulated tests than the mixture says."""
    result, _ = tutorial
    for level in (0.5, 0.8, 0.9):
        simulated = np.quantile(result.statistics, level)
        naive = stats.chi2.ppf(level, 2)
        assert simulated < naive
        share = np.mean(result.statistics >= naive)
        mixture = 0.5 * (stats.chi2.sf(naive, 1) + stats.chi2.sf(naive, 2))
        # With 20 stores there may be fewer: more estimates lie on the boundary than with very many.
        assert share <= mixture + 3 * np.sqrt(mixture * (1 - mixture) / 400)


def test_fixed_effect_of_a_balanced_layout_has_the_p_of_its_f_test():
    """A predictor of groups in a balanced layout has an exact F test, of which the likelihood ratio is a function."""
    rng = np.random.default_rng(6)
    store, size = np.repeat(np.arange(12), 8), rng.standard_normal(12)
    level = 0.4 * size + 1.5 * rng.standard_normal(12)
    frame = pd.DataFrame({"store_id": store, "size": size[store], "sales": level[store] + rng.standard_normal(96)})
    fits = [fit(f"sales ~ {fixed} + (1 | store_id)", frame, reml=False) for fixed in ("1", "size")]
    result = bootstrap_test(*fits, draws=1500, seed=3)
    exact = stats.linregress(size, frame.groupby("store_id")["sales"].mean()).pvalue
    assert 0.05 < exact < 0.5
    assert result.p == pytest.approx(exact, abs=4 * result.standard_error)
    # The chi² law is not that good with twelve groups.
    assert result.test.p < exact


def test_statistic_of_zero_says_nothing(drawn_frame):
    for seed in range(40):
        frame = drawn_frame(seed, slope_sd=0.0)
        fits = [fit(f"sales ~ youtube + {bars}", frame, reml=False) for bars in BARS]
        if compare_nested(*fits).statistic < 1e-8:
            break
    result = bootstrap_test(*fits, draws=60)
    assert result.p == 1.0
    assert 0.2 < result.share_at_zero < 0.9


BARS = ("(1 | store_id)", "(1 + youtube || store_id)")


def test_same_seed_gives_the_same_test(drawn_frame):
    fits = [fit(f"sales ~ youtube + {bars}", drawn_frame(1), reml=False) for bars in BARS]
    once, again, other = (bootstrap_test(*fits, draws=20, seed=seed) for seed in (5, 5, 6))
    assert (once.statistics == again.statistics).all()
    assert (once.statistics != other.statistics).any()


def test_crossed_factors_are_simulated_too(drawn_frame):
    frame = drawn_frame(2)
    fits = [
        fit(f"sales ~ youtube + {bars}", frame, reml=False)
        for bars in ("(1 | store_id)", "(1 | store_id) + (1 | week)")
    ]
    result = bootstrap_test(*fits, draws=40)
    assert result.share_at_zero > 0.2


def test_refusals(drawn_frame):
    frame = drawn_frame(1)
    fits = [fit(f"sales ~ youtube + {bars}", frame, reml=False) for bars in BARS]
    with pytest.raises(ComparisonError, match="at least one draw"):
        bootstrap_test(*fits, draws=0)
    with pytest.raises(ComparisonError, match="give the model with fewer terms first"):
        bootstrap_test(*reversed(fits))
    with pytest.raises(ComparisonError, match="reml=False"):
        bootstrap_test(*(fit(f"sales ~ youtube + {bars}", frame) for bars in BARS))
    pieces = [fit("sales ~ youtube + (1 | store_id)", iter([frame]), reml=False)] * 2
    with pytest.raises(DesignError, match="kept no rows"):
        bootstrap_test(*pieces)


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["compare", *map(str, arguments)])
    printed = capsys.readouterr()
    return stop.value.code or 0, printed.out, printed.err


def test_command_prints_the_three_laws_side_by_side(capsys):
    formulas = ("Reaction ~ Days + (Days | Subject)", "Reaction ~ Days + (1 | Subject)")
    code, out, _ = run(capsys, SLEEP, *formulas, "--bootstrap", "60")
    assert code == 0
    # The figures that lme4's anova() prints.
    for word in ("1794.0", "1751.9", "42.139", "7.07e-10", "3.96e-10", "60 simulated tests", "0.0164"):
        assert word in out


def test_command_refuses_models_that_are_not_nested(capsys):
    code, out, err = run(capsys, SLEEP, "Reaction ~ Days + (1 | Subject)", "Reaction ~ 1 + (Days | Subject)")
    assert (code, out) == (2, "")
    assert "is not nested in" in err
    code, _, err = run(
        capsys, SLEEP.with_name("none.csv"), "Reaction ~ 1 + (1 | Subject)", "Reaction ~ Days + (1 | Subject)"
    )
    assert code == 2
    assert "none.csv" in err
