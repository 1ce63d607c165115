"""The report on a class, from grades alone: its numbers, whom it names, and what it says of a class that is small."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from markupsafe import escape

from autograder.assignment.course import Course
from autograder.assignment.rubric import Rubric
from autograder.language.catalogue import LANGUAGES, Sentence
from autograder.records.grading import Copy, Grade, LeftOut, Verdict
from autograder.results.class_report import report_page
from autograder.results.class_statistics import ClassModel, Shares, class_model, item_statistics, shares_of

Make = Callable[..., Grade]


def shares(values: Any, points: list[float] | None = None) -> Shares:
    each = points or [2.0] * values.shape[1]
    items: Any = tuple(SimpleNamespace(id=f"i{k}", points=worth) for k, worth in enumerate(each))
    return Shares((), items, np.asarray(values, dtype=float))


@pytest.fixture
def drawn() -> Any:
    """Right and wrong answers of 40 learners to 8 items."""
    rng = np.random.default_rng(7)
    latent = rng.normal(size=(40, 1)) + rng.normal(size=(1, 8)) / 2 + rng.normal(size=(40, 8))
    return (latent > 0.0).astype(float)


def test_with_equal_points_the_reliability_is_cronbachs_alpha(drawn: Any) -> None:
    model = class_model(shares(drawn))
    assert isinstance(model, ClassModel)
    items = drawn.shape[1]
    of_items, of_totals = drawn.var(axis=0, ddof=1).sum(), drawn.sum(axis=1).var(ddof=1)
    assert model.reliability == pytest.approx(items / (items - 1) * (1.0 - of_items / of_totals), rel=1e-6)


def test_variances_are_those_of_the_crossed_design_and_modes_are_in_order(drawn: Any) -> None:
    model = class_model(shares(drawn))
    assert isinstance(model, ClassModel)
    # Mean squares of the two-way table without replication.
    learners, items = drawn.shape
    rows, columns = drawn.mean(axis=1, keepdims=True), drawn.mean(axis=0, keepdims=True)
    residual = ((drawn - rows - columns + drawn.mean()) ** 2).sum() / ((learners - 1) * (items - 1))
    assert model.residual == pytest.approx(residual, rel=1e-6)
    assert model.learner == pytest.approx(rows.var(ddof=1) - residual / items, rel=1e-6)
    assert model.item == pytest.approx(columns.var(ddof=1) - residual / learners, rel=1e-6)
    means = {f"i{place}": mean for place, mean in enumerate(drawn.mean(axis=0))}
    assert [means[one.item.id] for one in model.modes] == sorted(means.values())
    assert sum(one.mode for one in model.modes) == pytest.approx(0.0, abs=1e-9)


def test_an_item_counts_in_the_reliability_by_its_points(drawn: Any) -> None:
    equal, alone = class_model(shares(drawn)), class_model(shares(drawn, [93.0, *[1.0] * 7]))
    assert isinstance(equal, ClassModel)
    assert isinstance(alone, ClassModel)
    # A total that is nearly one item's is nearly as reliable as that item.
    assert alone.reliability == pytest.approx(equal.learner / (equal.learner + equal.residual), abs=0.03)
    assert alone.reliability < equal.reliability


def test_discrimination_is_the_correlation_with_the_rest(drawn: Any) -> None:
    points = [1.0, 2.0, 3.0, 4.0, 1.0, 1.0, 2.0, 2.0]
    found = item_statistics(shares(drawn, points))
    for place, one in enumerate(found):
        rest = np.delete(drawn * points, place, axis=1).sum(axis=1)
        assert one.difficulty == pytest.approx(drawn[:, place].mean())
        assert one.discrimination == pytest.approx(np.corrcoef(drawn[:, place], rest)[0, 1])


def test_what_is_not_known_yet_is_in_neither(drawn: Any) -> None:
    waiting = drawn.copy()
    waiting[:, 3] = np.nan
    found = item_statistics(shares(waiting))
    assert [one.item.id for one in found] == [f"i{place}" for place in range(8) if place != 3]
    rest = np.delete(drawn, [0, 3], axis=1).sum(axis=1)
    assert found[0].discrimination == pytest.approx(np.corrcoef(drawn[:, 0], rest)[0, 1])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.eye(9), "report.too_small"),
        (np.ones((12, 2)), "report.too_small"),
        (np.ones((12, 5)), "report.no_variance"),
        (np.repeat([[1.0, 0.0, 1.0]], 12, axis=0), "report.no_fit"),
        (np.repeat([[1.0], [0.0]], 6, axis=0) * np.ones((1, 5)), "report.no_fit"),
        (np.eye(12), "report.no_variance"),
    ],
    ids=["few learners", "few items", "all alike", "learners alike", "items alike", "no learner beyond chance"],
)
def test_of_a_class_that_says_nothing_no_number_is_told(values: Any, said: str) -> None:
    model = class_model(shares(values))
    assert isinstance(model, Sentence)
    assert model.key == said


@given(arrays(float, st.tuples(st.integers(8, 13), st.integers(1, 5)), elements=st.sampled_from([0, 0.5, 1, np.nan])))
@settings(max_examples=40, deadline=None)
def test_no_scores_end_the_report(values: Any) -> None:
    model = class_model(shares(values))
    assert isinstance(model, Sentence) or 0.0 < model.reliability < 1.0
    assert all(0.0 <= one.difficulty <= 1.0 for one in item_statistics(shares(values)))


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))


def section(page: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one."""
    return re.split(r"<h[23]>", page.split(f">{heading}</h", 1)[1])[0]


def test_the_report_says_what_there_is_to_see_and_whom_it_is_about(rubric: Rubric, class_of: Make) -> None:
    copies, left_out = [Copy("L. 6", "L. 7", ("icc",))], [LeftOut("link", "a link", is_learner=True)]
    page = report_page(rubric, class_of(14), copies, left_out)
    titles = {item.id: item.title for item in rubric.items}
    first = 'href="feedback/learner0%40x.org/practice/index.html#icc"'
    held = section(page, "Misconceptions")
    assert "standard deviations do not add up to a whole" in held
    assert "Held by 2 of 14" in held
    assert first in held
    assert titles["icc"] in held
    assert "timed out" in section(page, "Limits hit")
    assert "edited: icc" in section(page, "Edited checks")
    assert "line 1 of the cell fit_icc" in section(page, "Statements left out")
    typed_in = text_of(section(page, "Right on the panel that was seen, and on no other"))
    assert f"L. 2 , L. 3 : {titles['var_store']}" in typed_in
    assert titles["lrt_p"] in typed_in
    assert f"L. 6: {titles['icc']} of the panel of L. 7" in section(page, "Numbers of somebody else&#39;s panel")
    assert "link" in section(page, "Not graded")
    assert "The reliability of the total is 0." in page
    # Where a row is about an item, it is called by its title.
    for name, title in titles.items():
        assert page.count(f"<code>{name}</code>") == page.count(f"{escape(title)} <code>{name}</code>")
    assert "<code>icc</code>" in page


def test_the_picture_of_the_totals_says_the_same_in_words(rubric: Rubric, class_of: Make) -> None:
    page = report_page(rubric, class_of(14))
    (said,) = re.findall(r'aria-label="Histogram[^:]*: ([^"]*)"', page)
    assert sum(int(count) for count in re.findall(r": (\d+)", said)) == 14
    assert re.findall(r"Of 14 of them something is still to be read", page)


def test_a_small_class_is_told_that_it_is(rubric: Rubric, class_of: Make) -> None:
    page = report_page(rubric, class_of(9))
    assert "The class is too small to say: there are 9 learners with 22 scored items" in page
    assert "reliability of the total is" not in page
    assert "Nobody has been graded yet." in report_page(rubric, ())


def test_who_handed_in_nothing_or_could_not_be_graded_is_in_no_number(rubric: Rubric, class_of: Make) -> None:
    grades = class_of(12)
    first, *others = grades[0].notebooks
    failed = tuple(replace(item, verdict=Verdict.UNGRADED) for item in first.items)
    broken = replace(grades[0], notebooks=(replace(first, items=failed), *others))
    absent = [replace(one, notebook=replace(one.notebook, absent=True)) for one in grades[1].notebooks]
    found = shares_of(rubric, [broken, replace(grades[1], notebooks=tuple(absent)), *grades[2:]])
    assert found.grades == tuple(grades[2:])
    memo = [item.id for item in found.items].index("memo")
    assert np.isnan(found.values[:, memo]).all()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_is_in_one_language(course: Course, class_of: Make, language: str) -> None:
    other = {"en": r"\b(der|die|das|ist|und|von|nicht)\b", "de": r"\b(the|is|this|and|with|points|right|wrong)\b"}
    page = report_page(course.rubric("practice", language), [replace(one, look_at=()) for one in class_of(14)])
    assert re.findall(other[language], text_of(page)) == []
