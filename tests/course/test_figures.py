"""Each figure is drawn from the results it is given, in colours that everyone can tell apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from autograder.assignment.course import Course
from course import figures
from course.evidence import shuffle_test
from course.figures import Picture, style
from course.statsmodels_fits import Attempt, try_statsmodels
from reference import bootstrap_test
from reference.panels import Panel, tutorial_panel
from reference.questions import LIBRARY, Dataset, usable_draw
from reference.tutorial import Tutorial, run_tutorial

ROOT = Path(__file__).resolve().parents[2]
PALETTE = {colour.lower() for colour in (*vars(style).values(),) if isinstance(colour, str) and colour.startswith("#")}
# Vienot, Brettel & Mollon (1999), linear RGB: what is left of colours without the long, or the middle, cones.
DICHROMACIES = {
    "protan": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deutan": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}
# On a scale on which black and white are 1.7 apart.
APART = 0.1

Draw = Callable[[Tutorial, tuple[Attempt, ...]], Picture]
DRAW: dict[str, Draw] = {
    "nested_tree": lambda r, _: figures.nested_tree(r.panel),
    "intercept_or_slope": lambda *_: figures.intercept_or_slope(),
    "centring": lambda *_: figures.centring(),
    "correlations": lambda *_: figures.correlations(),
    "covariance": lambda r, _: figures.covariance(r.slope.fit, r.panel),
    "pooled_wrong": lambda *_: figures.pooled_wrong(),
    "sales_by_week": lambda r, _: figures.sales_by_week(r),
    "sales_by_store": lambda r, _: figures.sales_by_store(r.panel),
    "sales_together": lambda r, _: figures.sales_together(r.panel),
    "weekly_prediction": lambda r, _: figures.weekly_prediction(r),
    "store_fits": lambda r, _: figures.store_fits(r),
    "store_lines": lambda r, _: figures.store_lines(r),
    "profile": lambda r, _: figures.profile(r.slope.fit, r.panel),
    "null_law": lambda r, _: figures.null_law(bootstrap_test(r.intercept_ml.fit, r.slope_ml.fit, draws=20)),
    "shuffled_law": lambda r, _: figures.shuffled_law(
        shuffle_test(r.panel.frame, draws=20, seed=1), bootstrap_test(r.intercept_ml.fit, r.slope_ml.fit, draws=20)
    ),
    "shrinkage": lambda r, _: figures.shrinkage(r),
    "caterpillar": lambda r, _: figures.caterpillar(r),
    "gaps": lambda _, attempts: figures.gaps(attempts),
    "residuals": lambda r, _: figures.residuals(r.slope.fit),
    "chances": lambda r, _: figures.chances(r),
}
CONCEPTUAL = {"intercept_or_slope", "centring", "correlations", "pooled_wrong"}


@pytest.fixture(scope="module")
def results() -> Tutorial:
    return run_tutorial(tutorial_panel())


@pytest.fixture(scope="module")
def others() -> Tutorial:
    practice = Course(ROOT / "solutions").rubric("practice")
    own = Dataset.from_csv(practice.data)
    table, _ = usable_draw(practice.setting, practice.panels, practice.asked, LIBRARY, own, 4)
    return run_tutorial(Panel.from_frame(table.frame, table.source))


@pytest.fixture(scope="module")
def attempts(results: Tutorial) -> tuple[Attempt, ...]:
    return try_statsmodels(results.panel.frame)


def test_every_figure_is_drawn_here() -> None:
    assert set(DRAW) == set(figures.__all__) - {"Picture"}


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_uses_the_palette(name: str, results: Tutorial, attempts: tuple[Attempt, ...]) -> None:
    picture = DRAW[name](results, attempts)
    for axes in picture.figure.axes:
        lines = [to_hex(line.get_color()) for line in axes.get_children() if isinstance(line, Line2D)]
        points = [node for node in axes.get_children() if isinstance(node, PathCollection)]
        dots = [to_hex(colour) for node in points for colour in node.get_facecolor()]
        assert set(lines) | set(dots) <= PALETTE | {"#ffffff", "#000000"}


def test_the_same_results_give_the_same_file(results: Tutorial) -> None:
    first, again = (figures.sales_by_week(results).svg for _ in range(2))
    assert first == again


@pytest.mark.parametrize("name", sorted(set(DRAW) - CONCEPTUAL - {"gaps"}))
def test_a_description_follows_the_data(name: str, results: Tutorial, others: Tutorial) -> None:
    assert DRAW[name](results, ()).alt != DRAW[name](others, ()).alt


def test_colours_are_told_apart_without_red_or_green_cones() -> None:
    colours = [style.BLUE, style.ORANGE, style.GREEN, style.PURPLE, style.INK]
    for matrix in DICHROMACIES.values():
        seen = [np.array(matrix) @ linear(colour) for colour in colours]
        distances = [float(np.linalg.norm(a - b)) for k, a in enumerate(seen) for b in seen[:k]]
        assert min(distances) > APART


def linear(colour: str) -> np.ndarray:
    """Return a colour in linear RGB."""
    parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255.0
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def test_a_picture_shows_itself_as_a_figure_with_its_words(results: Tutorial) -> None:
    bundle = figures.store_lines(results)._repr_mimebundle_()
    assert bundle["text/html"].startswith(
        '<figure class="picture" data-figure="4"><img src="data:image/svg+xml;base64,'
    )
    assert bundle["text/plain"].startswith("Figure 4. ")


def test_statsmodels_goes_wrong_as_the_tutorial_says(attempts: tuple[Attempt, ...]) -> None:
    by_name = {attempt.name: attempt for attempt in attempts}
    default, good = by_name["as it comes"], by_name["hundreds, lbfgs"]
    assert default.gap > 1.0
    assert default.warned
    assert 0.0 <= good.gap < 1e-3
    assert good.gradient < 1e-2 < default.gradient
    assert all(attempt.gap > -1e-8 for attempt in attempts)
