"""The site in a real browser, as files on a disk: search, links, figures, phones, and readers with other senses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# In milliseconds, for a machine with much else to do.
PATIENCE = 180_000
# One page of each kind: front page, primer, results and figures, code and tables, explorer, API, guide, search.
AUDITED = (
    "index",
    "primer/centring",
    "tutorial/random-slope",
    "tutorial/software",
    "tutorial/stores",
    "tutorial/exercises",
    "tutorial/examples",
    "install",
    "api/autograder",
    "teachers",
    "authors",
    "search",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Audit one page of each kind, or every page if asked."""
    if "audited" in metafunc.fixturenames:
        course = Path(__file__).resolve().parents[2] / "course"
        every = [path.relative_to(course).with_suffix("").as_posix() for path in sorted(course.rglob("*.md"))]
        chosen = (
            [name for name in every if name != "README"] if metafunc.config.getoption("--every-page") else [*AUDITED]
        )
        metafunc.parametrize("audited", chosen)


@pytest.fixture
def visit(browser: Any, site: Path) -> Iterator[Any]:
    """Open a page of the site at a size; whatever it asks of a network fails the test."""
    opened, asked = [], []

    def open_page(name: str, size: dict[str, int] = DESKTOP, scheme: str = "light") -> Any:
        context = browser.new_context(viewport=size, color_scheme=scheme)
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
        page.goto((site / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in opened:
        context.close()
    assert asked == []


def test_a_reader_searches_and_finds_the_page(visit: Any) -> None:
    page = visit("index")
    box = page.locator("input[name=q]").first
    box.fill("shrinkage")
    box.press("Enter")
    hits = page.locator("#search-results ul.search a")
    hits.first.wait_for()
    page.locator("#search-results ul.search a", has_text="The stores, one by one").first.click()
    assert page.locator("article h1").inner_text().startswith("The stores, one by one")


def test_a_reader_follows_a_link_to_a_figure_on_another_page(visit: Any) -> None:
    page = visit("tutorial/random-slope")
    page.get_by_role("link", name="Figure 4").click()
    page.wait_for_url("**/communication.html#figure-4")
    assert page.locator("figure[data-figure='4'] img").is_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_figure_3_is_drawn_and_fits(size: dict[str, int], visit: Any) -> None:
    page = visit("tutorial/communication", size)
    image = page.locator("figure[data-figure='3'] img")
    image.scroll_into_view_if_needed()
    assert image.evaluate("node => node.complete && node.naturalWidth > 0")
    place = image.bounding_box()
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= size["width"]
    assert place["width"] > 0.8 * min(size["width"], image.evaluate("node => node.naturalWidth"))


def test_no_page_is_wider_than_a_phone(visit: Any) -> None:
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert [name for name in AUDITED if visit(name, PHONE).evaluate(wide)] == []


def test_no_line_of_code_is_clipped(visit: Any, site: Path) -> None:
    clipped = "nodes => nodes.filter(node => node.scrollWidth > node.clientWidth).map(node => node.innerText)"
    paths = (*site.glob("primer/*.html"), *site.glob("tutorial/*.html"))
    pages = [path.relative_to(site).with_suffix("").as_posix() for path in paths]
    assert {"primer/why", "tutorial/from-r"} <= set(pages)
    found = {}
    for name in pages:
        page = visit(name)
        page.add_style_tag(content=".tab-set > .tab-content { display: block !important }")
        page.locator("details").evaluate_all("nodes => nodes.forEach(node => { node.open = true })")
        found[name] = page.locator("article pre").evaluate_all(clipped)
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_formulas_are_drawn_without_a_script(visit: Any) -> None:
    page = visit("tutorial/random-slope")
    assert page.locator("div.formula math").count() >= 2
    assert page.locator("div.formula math").first.bounding_box()["height"] > 10


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone-dark"])
def test_a_page_has_no_serious_barrier(audited: str, size: dict[str, int], scheme: str, visit: Any) -> None:
    found = Axe().run(visit(audited, size, scheme)).response["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["html"][:200] for node in v["nodes"][:3]]) for v in serious] == []
