"""The pages of a grading in a real browser: on a desk, on a phone, in the dark, and in print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from autograder.assignment.rubric import Rubric
from autograder.grading.page_files import write_class_pages, write_pages
from autograder.grading.pipeline import Grading
from autograder.language.catalogue import Sentence
from autograder.records.grading import CellRun, Copy, Grade, LeftOut
from autograder.records.values import ListValue, MappingValue, Output, Table, Text

DESKTOP, PHONE, PAPER = {"width": 1280, "height": 900}, {"width": 390, "height": 844}, {"width": 680, "height": 1000}
# In milliseconds, for a machine with much else to do.
PATIENCE = 180_000
PAGES = {
    "report": "practice-report.html",
    "learner": "feedback/ada@x.org/practice/index.html",
    "notebook": "feedback/ada@x.org/practice/task1-icc-executed.html",
    "class": "practice.html",
    "to read": "practice-to-read.html",
}


def long_answers(grade: Grade) -> Grade:
    """Return a grade with an answer of every form, comments, and what a cell printed, all of it long."""
    word = "averyveryverylongnamewithoutanyspaceinit" * 3
    answers = {
        "icc": Text("a text that goes on and on " * 20),
        "icc_reading": MappingValue(("percent", "of", "lies"), (20.0, word, "between stores " * 20)),
        "loglik_rs": Table(("a", word, *"cdefgh"), tuple(map(float, range(30))), ((123456.789, word, *"cdefgh"),) * 30),
        "store_slopes": MappingValue((word, *map(str, range(60))), tuple(0.001 * n for n in range(61))),
        "top5": ListValue((word, "2", "3", "4", "5")),
    }
    notebooks = []
    for one in grade.notebooks:
        shown = [Output("stream", text=f"{word}\n" * 3), Output("error", ename="E", evalue=word, traceback=(word,))]
        cells = [place for place, cell in enumerate(one.notebook.cells) if cell.cell_type == "code"]
        run = replace(one.run, answers=answers, cells=(CellRun(cells[0], tuple(shown)),))
        items = tuple(replace(item, comment=f"See {word}.") for item in one.items)
        notebooks.append(replace(one, run=run, items=items))
    notes = (Sentence("submission.files_left_out", files=word),)
    return replace(grade, student="ada@x.org", shown="Ada " + "Lovelace " * 5, notebooks=tuple(notebooks), notes=notes)


@pytest.fixture
def visit(
    browser: Any, grading: Grading, rubric: Rubric, class_of: Callable[[int], list[Grade]], tmp_path: Path
) -> Iterator[Callable[..., Any]]:
    """Open a page of a class at a size; whatever it asks of a network fails the test."""
    grades = class_of(14)
    write_pages(grading.rubric, grading.release, long_answers(grades[0]), tmp_path)
    left_out = [LeftOut("a-link", "a link could lead elsewhere", is_learner=True)]
    grades[0] = replace(long_answers(grades[0]), look_at=grades[5].look_at)
    write_class_pages(grading.rubric, grades, tmp_path, [Copy("L. 6", "L. 7", ("icc",))], left_out)
    opened, asked = [], []

    def open_page(name: str, size: dict[str, int], scheme: str = "light", media: str = "screen") -> Any:
        context = browser.new_context(viewport=size, color_scheme=scheme)
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
        page.emulate_media(media=media, color_scheme=scheme)
        page.goto((tmp_path / PAGES[name]).as_uri())
        return page

    yield open_page
    for context in opened:
        context.close()
    assert asked == []


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone-dark"])
def test_a_page_has_no_barrier_and_is_no_wider_than_the_screen(size: dict[str, int], scheme: str, visit: Any) -> None:
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    found = {}
    for name in PAGES:
        page = visit(name, size, scheme)
        violations = Axe().run(page).response["violations"]
        found[name] = [(v["id"], [node["html"][:200] for node in v["nodes"][:3]]) for v in violations]
        if page.evaluate(wide):
            found[name].append(("wide", []))
    assert found == {name: [] for name in PAGES}


def test_in_print_nothing_is_cut_and_the_ground_is_white(visit: Any) -> None:
    clipped = """() => [...document.querySelectorAll("body *")].filter(node => {
        const style = getComputedStyle(node), hides = style.overflowX !== "visible" || style.overflowY !== "visible"
        return node.namespaceURI.endsWith("xhtml") && hides && (node.scrollWidth > node.clientWidth + 1)
    }).map(node => node.outerHTML.slice(0, 100))"""
    for name in PAGES:
        page = visit(name, PAPER, "dark", "print")
        assert page.evaluate(clipped) == [], name
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        if name != "class":  # which is printed across
            assert page.evaluate("document.documentElement.scrollWidth") <= PAPER["width"], name


def test_a_teacher_goes_from_a_misconception_to_who_holds_it_and_on_to_the_notebook(visit: Any) -> None:
    page = visit("report", DESKTOP)
    page.locator("section", has_text="Misconceptions").get_by_role("link", name="Ada").first.click()
    page.get_by_role("link", name="The notebook as it ran").first.click()
    assert page.locator("h1").first.inner_text() == "How much of it is the store?"


def test_the_points_of_a_picture_lie_where_their_numbers_say(visit: Any) -> None:
    page = visit("learner", PHONE)
    places = page.locator(".given circle").evaluate_all("nodes => nodes.map(node => node.getBoundingClientRect().x)")
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == len(places) == 40
