"""The explorer of shrinkage: its numbers are the engine's, and a keyboard is enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course.explorer import Shrinkage
from reference import MixedFit, fit_mixed
from reference.panels import RANDOM_INTERCEPT, tutorial_panel

SCRIPT = Path(__file__).resolve().parents[2] / "course" / "_static" / "shrinkage.js"


@pytest.fixture(scope="module")
def model() -> MixedFit:
    return fit_mixed(tutorial_panel().frame, RANDOM_INTERCEPT)


@pytest.fixture
def page(browser: Any, model: MixedFit) -> Iterator[Any]:
    """A page with the explorer alone."""
    with browser.new_page() as page:
        page.set_content(Shrinkage.of(model, tutorial_panel().frame)._repr_html_())
        page.add_script_tag(path=SCRIPT)
        yield page


def test_what_it_computes_is_what_the_engine_predicts(page: Any, model: MixedFit) -> None:
    explorer = Shrinkage.of(model, tutorial_panel().frame)
    given = [explorer.rows, explorer.between, explorer.within]
    modes = page.evaluate(
        "([distances, given]) => shrinkage.modes(distances, ...given)", [list(explorer.distances), given]
    )
    np.testing.assert_allclose(modes, model.terms[0].modes[:, 0], rtol=1e-6, atol=1e-9)


def test_arrow_keys_work_it_and_its_sentence_follows(page: Any) -> None:
    said = page.get_by_role("status")

    def kept() -> float:
        return float(said.inner_text().split(" % ")[0].split()[-1])

    def formula() -> float:
        rows, between, within = (float(page.get_by_role("slider").nth(n).input_value()) for n in range(3))
        return 100 * rows * between / (rows * between + within)

    before = kept()
    assert before == pytest.approx(formula(), abs=0.051)
    page.keyboard.press("Tab")
    for key, grows in (("ArrowRight", True), ("Tab", None), ("ArrowRight", True), ("Tab", None), ("ArrowRight", False)):
        page.keyboard.press(key)
        if grows is not None:
            page.keyboard.press(key)
            assert (kept() > before) == grows
            assert kept() == pytest.approx(formula(), abs=0.051)
            before = kept()
    page.get_by_role("slider", name="Variance between stores").press("Home")
    assert kept() == 0.0
    assert "NaN" not in page.content()


def test_each_slider_has_a_name_and_shows_its_value(page: Any) -> None:
    for name in ("Weeks for each store", "Variance between stores", "Variance within a store"):
        slider = page.get_by_role("slider", name=name)
        assert slider.evaluate("node => node.nextElementSibling.textContent === node.value")
    assert page.locator("circle.own").count() == len(tutorial_panel().stores)
