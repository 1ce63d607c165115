"""What a learner's page shows of an answer: what was given, legible, shortened, and harmless."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from autograder.assignment.course import Course
from autograder.assignment.rubric import Item, Rubric
from autograder.records.grading import Grade
from autograder.records.values import (
    ListValue,
    MappingValue,
    NotFinite,
    Nothing,
    Number,
    Other,
    Table,
    Text,
    Truth,
    Value,
)
from autograder.results.given import given
from autograder.results.pages import learner_page

STORES = tuple(f"{number:02d}" for number in range(1, 21))
SLOPES = tuple(0.01 * ((7 * number) % 20) for number in range(20))


@pytest.fixture
def item(rubric: Rubric) -> Callable[[str], Item]:
    return lambda name: next(item for item in rubric.items if item.id == name)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Number(0.4137282918), "0.413728"),
        (Number(2.0), "2"),
        (Number(-1234567.0), "-1234567"),
        (Number(1e300), "1e+300"),
        (Truth(True), "True"),
        (Text("random\u202e slope\x1b[2J\n"), "random slope[2J"),
        (Text("x" * 1000), "x" * 299 + "…"),
        (NotFinite("nan"), "nan or infinite, which is no number"),
        (Nothing(), "None"),
        (Other("<b>x</b>"), "an object of an unknown type"),
    ],
)
def test_one_value_is_shown_as_it_is_read(value: Value, shown: str, item: Callable[[str], Item]) -> None:
    assert given(item("icc"), value).text == shown


def test_only_a_ranking_is_in_order(item: Callable[[str], Item]) -> None:
    names = ListValue((14.0, "007", True, None))
    ranking, choices = given(item("top5"), names), given(item("unchanged"), names)
    assert ranking.names == choices.names == ("14", "007", "True", "None")
    assert ranking.in_order
    assert not choices.in_order


def test_values_by_group_are_drawn_in_their_order(item: Callable[[str], Item]) -> None:
    shown = given(item("store_slopes"), MappingValue(STORES, SLOPES))
    numbers = [float(number) for _, number in shown.rows]
    assert numbers == sorted(SLOPES, reverse=True)
    assert dict(shown.rows) == {store: f"{slope:.6g}" for store, slope in zip(STORES, SLOPES, strict=True)}
    assert shown.dots is not None
    places = [dot.at for dot in shown.dots.dots]
    assert places[0] == 100.0
    assert places[-1] == 0.0
    assert shown.dots.mark == pytest.approx(50.0)
    assert float(shown.mean) == pytest.approx(sum(SLOPES) / 20)


@pytest.mark.parametrize("odd", [(1.5e308, -1.5e308), (3.0, 3.0)], ids=["nearly infinite", "all alike"])
def test_odd_numbers_are_drawn_on_the_axis(odd: tuple[float, float], item: Callable[[str], Item]) -> None:
    shown = given(item("store_slopes"), MappingValue(STORES[:6], odd * 3))
    assert shown.dots is not None
    assert all(0.0 <= dot.at <= 100.0 for dot in shown.dots.dots)


def test_what_is_large_is_cut_and_says_so(item: Callable[[str], Item]) -> None:
    many = given(item("store_slopes"), MappingValue(tuple(map(str, range(500))), tuple(map(float, range(500)))))
    assert (len(many.rows), many.more) == (40, 460)
    assert many.rows[0] == ("499", "499")
    table = Table(tuple("abcdefghijkl"), tuple(map(float, range(30))), ((0.5,) * 12,) * 30)
    shown = given(item("icc"), table)
    assert shown.text == "a table with 30 rows and 12 columns"
    assert (len(shown.rows), shown.more, {len(row) for row in shown.rows}) == (10, 20, {7})
    assert given(item("icc"), ListValue(("x",) * 100)).more == 60


def test_a_page_shows_what_was_asked_and_what_was_given(
    course: Course, grade_of: Callable[..., Grade], item: Callable[[str], Item]
) -> None:
    grade = grade_of("ada", wrong=("icc",))
    first, *others = grade.notebooks
    answers = {**first.run.answers, "icc": Text("<script>alert(1)</script>"), "not_asked": Number(1.0)}
    grade = replace(grade, notebooks=(replace(first, run=replace(first.run, answers=answers)), *others))
    for language, gave in (("en", "You gave:"), ("de", "Deine Antwort:")):
        rubric = course.rubric("practice", language)
        page = BeautifulSoup(learner_page(rubric, grade), "html.parser")
        (icc,) = (one for one in page.select("ul.items > li") if one.code.text == "icc")
        said = re.sub(r"\s+", " ", icc.text)
        assert f"{gave} <script>alert(1)</script>" in said
        assert rubric.tasks["icc"] in said
        assert "A hint." in said
        assert page.script is None
        assert "not_asked" not in page.text
        (memo,) = (one for one in page.select("ul.items > li") if one.code.text == "memo")
        assert memo.select(".given") == []
    # Formulas stand in the place of the models' names, and what is to be centred is said.
    tasks = course.rubric("practice").tasks
    assert "(1 + youtube | store_id)" in tasks["store_slopes"]
    assert tasks["intercept_centred"].endswith("with youtube, facebook, newspaper centred")
    assert tasks["loglik_change"].count("centred") == 1
