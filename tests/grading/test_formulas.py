"""What a model's formula may hold: formulaic evaluates Python, and an assignment may come with a learner's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reference import MultilevelError, fit_mixed, parse_formula
from reference.questions import QuestionError, require_plain
from reference.questions.expressions import evaluate


def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(12), 8)
    frame = pd.DataFrame(
        {"g": [f"g{n}" for n in group], "x": rng.uniform(1, 2, 96), "two words": rng.uniform(1, 2, 96)}
    )
    kinds = np.tile(["a", "b", "c", "a"], 24)
    return frame.assign(kind=kinds, y=5 + frame["x"] + rng.normal(size=12)[group] + rng.normal(size=96))


PLAIN = [
    "y ~ x + (1 | g)",
    "log(y) ~ np.sqrt(x) + I(x ** 2) + (1 + x || g)",
    "np.log1p(y) ~ poly(x, degree=2) + (1 | g)",
    "y ~ bs(x, df=4) + `two words` + (1 | g)",
    "y ~ log(`two words`) * kind + (1 | g)",
    "y ~ C(kind, contr.treatment(base='b')) + scale(x) + (1 + center(x) | g)",
    "y ~ C(kind, contr.sum) + np.power(x, 2) + I(-(x - 1) / 3 * 2) + (1 | g)",
    "y ~ C(kind, Treatment('c')) + {x * 2} + (1 | g)",
]


@pytest.mark.parametrize("formula", PLAIN)
def test_what_models_need_is_allowed_and_fits(formula: str) -> None:
    require_plain({"m": formula})
    assert np.isfinite(fit_mixed(table(), parse_formula(formula), reml=True).sigma)


WRITES = "__import__('pathlib').Path('{path}').write_text('gotcha')"
HOSTILE = [
    "y ~ {call} + (1 | g)",
    "y ~ I({call}) + (1 | g)",
    "y ~ x + (1 + I({call}) | g)",
    "I({call}) ~ x + (1 | g)",
    "y ~ {{{call}}} + (1 | g)",
    "y ~ log(x, where={call}) + (1 | g)",
    "y ~ I([{call} for i in x]) + (1 | g)",
    "y ~ I((lambda: {call})()) + (1 | g)",
    "y ~ np.vectorize(lambda v: {call})(x) + (1 | g)",
    "y ~ np.fromfile('{path}') + (1 | g)",
    "y ~ np.array(x).tofile('{path}') + (1 | g)",
    "y ~ x.to_csv('{path}') + (1 | g)",
    "y ~ C(kind, contr.treatment({call})) + (1 | g)",
    "y ~ I('`' + str({call}) + '`') + (1 | g)",
    "y ~ `I`({call}) + (1 | g)",
    "y ~ contr.__class__(x) + (1 | g)",
    "y ~ np.add(x, x, y) + (1 | g)",
    "y ~ I(x if {call} else x) + (1 | g)",
    "y ~ I(f'{{{call}}}') + (1 | g)",
    "y ~ I(x ** 9 ** 9 ** 9) + (1 | g)",
    "y ~ I(9 ** 99 ** 2) + (1 | g)",
    "y ~ I('a' * 9999999999) + (1 | g)",
    "y ~ poly(x, **{call}) + (1 | g)",
]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_nothing_else_is_and_none_of_it_runs(pattern: str, tmp_path: Path) -> None:
    path = tmp_path / "written"
    formula = pattern.format(call=WRITES.format(path=path), path=path)
    with pytest.raises(QuestionError, match="model 'm': "):
        require_plain({"m": formula})
    assert not path.exists()


def test_the_first_of_these_would_run_if_it_were_fitted(tmp_path: Path) -> None:
    """So the refusal is what stands between a formula and the machine."""
    path = tmp_path / "written"
    formula = HOSTILE[1].format(call=WRITES.format(path=path))
    with pytest.raises(MultilevelError):
        fit_mixed(table(), parse_formula(formula), reml=True)
    assert path.exists()


@pytest.mark.parametrize("text", ["9 ** 9 ** 9 ** 9", "10.0 ** 999", "1" + " + 1" * 20_000, "(" * 5_000 + "1"])
def test_a_number_too_large_to_compute_is_refused(text: str) -> None:
    with pytest.raises(QuestionError, match=r"too large or too long|is not an expression"):
        evaluate(text, {})
