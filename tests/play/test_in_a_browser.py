"""A learner's hour in a real browser that reaches nothing but the folder, from the first load to the last card."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENCE = 600_000  # milliseconds, for a machine with much else to do
READY, RIGHT = "Python is ready.", "good"


class Quiet(SimpleHTTPRequestHandler):
    """A static server like any other, which does not print."""

    def log_message(self, *_: Any) -> None:
        pass


class Site:
    """The folder at an address; it can be closed, as when the network is gone."""

    def __init__(self, folder: Path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site(play: Path) -> Iterator[Site]:
    site = Site(play)
    yield site
    site.close()


@pytest.fixture
def context(browser: Any, site: Site) -> Iterator[Any]:
    """A browser's profile; an address of elsewhere is blocked, and fails the test."""
    context = browser.new_context(viewport=DESKTOP, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    elsewhere: list[str] = []

    def blocked(route: Any) -> None:
        elsewhere.append(route.request.url)
        route.abort()

    context.route(lambda url: not url.startswith((site.address, "data:", "blob:")), blocked)
    yield context
    context.close()
    assert elsewhere == []


class Page:
    """What a learner does on a page."""

    def __init__(self, context: Any, address: str) -> None:
        self.page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.goto(address)

    def cell(self, name: str) -> Any:
        return self.page.locator(f'[data-cell="{name}"]')

    def wait(self, status: str = READY) -> None:
        expect(self.page.locator("#status")).to_contain_text(status)

    def write(self, name: str, source: str) -> None:
        self.cell(name).locator("textarea").fill(source)

    def run(self, name: str) -> Any:
        """Run a cell to its end, and return what it shows."""
        self.cell(name).get_by_role("button", name="Run").click()
        expect(self.cell(name)).not_to_have_class(".*(runs|waits).*")
        self.wait()
        return self.cell(name).locator(".output")

    def answer(self, name: str, source: str, asked: str) -> Any:
        """Write and run a cell, then the one that checks an answer, and return the card."""
        self.write(name, source)
        self.run(name)
        return self.run(asked).locator(".mlm-card")

    def saved(self, press: Any, into: Path) -> Path:
        with self.page.expect_download() as download:
            press()
        path = into / download.value.suggested_filename
        download.value.save_as(path)
        return path


def sources(notebook: Path) -> dict[str, str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}


def audit(page: Any) -> list[Any]:
    """Return the barriers that axe finds, of every kind."""
    found = Axe().run(page).response["violations"]
    return [(v["id"], [node["html"][:200] for node in v["nodes"][:3]]) for v in found]


def expect_tone(card: Any, tone: str) -> None:
    expect(card).to_have_attribute("data-tone", tone)


def test_task_1_from_first_load_to_last_card(
    context: Any, site: Site, solutions: dict[str, Path], panels: tuple[Any, ...], tmp_path: Path, root: Path
) -> None:
    solved = sources(solutions["practice"] / "task1-icc.ipynb")
    learner = Page(context, f"{site.address}/practice/")
    learner.wait()
    learner.run("setup_icc")
    expect(learner.run("icc")).to_contain_text("There is no icc in this session yet.")
    wrong_answers(learner, panels[0].answers.mistakes["icc"]["from_standard_deviations"])
    for name in ("fit_icc", "answer_variances", "answer_icc", "answer_reading"):
        learner.write(name, solved[name])
        learner.run(name)
    for name in ("var_store", "var_residual", "icc", "icc_reading"):
        expect_tone(learner.run(name).locator(".mlm-card"), RIGHT)
    endless_loop(learner)
    learner.page.get_by_text("Your progress").first.click()
    expect(learner.page.locator("#progress [role=img]").first).to_have_attribute("aria-label", "10 of 10 points")
    for scheme in ("light", "dark"):
        learner.page.emulate_media(color_scheme=scheme)
        assert audit(learner.page) == []
    notebook = learner.saved(learner.page.locator("#task1-icc .download").click, tmp_path)
    assert mlm_check(notebook, root) == 0
    site.close()
    learner.page.reload()
    after_a_restart_without_the_server(learner, solved["answer_icc"])
    assert learner.errors == []


def wrong_answers(learner: Page, mistaken: float) -> None:
    """A known mistake is named, another kind of answer is told as such, and an error is an error."""
    card = learner.answer("answer_icc", f"icc = {mistaken!r}", "icc")
    expect_tone(card, "bad")
    expect(card).to_contain_text("standard deviations do not add up to a whole")
    card = learner.answer("answer_icc", 'icc = "a lot"', "icc")
    expect(card).to_contain_text("it is a text")
    learner.write("answer_icc", "icc = 1 / 0")
    expect(learner.run("answer_icc").locator(".error")).to_contain_text("ZeroDivisionError")


def endless_loop(learner: Page) -> None:
    """Stop ends it, and what was computed before is still there."""
    learner.cell("answer_icc").get_by_role("button", name="Add a cell").click()
    own = learner.page.locator(".own")
    own.locator("textarea").fill("while True:\n    pass")
    own.get_by_role("button", name="Run").click()
    learner.wait("Running.")
    learner.page.get_by_role("button", name="Stop").click()
    expect(own.locator(".output")).to_have_text("Stopped.")
    learner.wait()
    expect_tone(learner.run("icc").locator(".mlm-card"), RIGHT)
    own.get_by_role("button", name="Remove").click()


def after_a_restart_without_the_server(learner: Page, written: str) -> None:
    """The page is there again with all that was written and shown, and Python starts."""
    expect(learner.cell("answer_icc").locator("textarea")).to_have_value(written)
    expect_tone(learner.cell("icc").locator(".mlm-card"), RIGHT)
    learner.wait()
    expect(learner.page.locator("#progress [role=img]").first).to_have_attribute("aria-label", "10 of 10 points")


def mlm_check(notebook: Path, root: Path) -> int:
    mlm = [sys.executable, "-c", "from autograder.cli import main; main()", "check", str(notebook)]
    done = subprocess.run([*mlm, "--course", str(root / "solutions")], capture_output=True, text=True, check=False)
    return done.returncode


def test_a_course_made_of_foreign_data_is_played_by_keyboard_alone(
    context: Any, site: Site, solutions: dict[str, Path]
) -> None:
    solved = sources(solutions["attainment"] / "task1-levels.ipynb")
    learner = Page(context, f"{site.address}/attainment/#task1-levels")
    learner.wait()
    keys, area = learner.page.keyboard, "document.activeElement.closest('[data-cell]')?.dataset.cell"
    first = learner.page.locator("#task1-levels .code").first.get_attribute("data-cell")
    while learner.page.evaluate(area) != first:
        keys.press("Tab")
    names = [name for name in solved if learner.cell(name).count()]
    for name in names:
        assert learner.page.evaluate(area) == name
        if "locked" not in learner.cell(name).get_attribute("class"):
            keys.press("Control+a")
            keys.insert_text(solved[name])
        keys.press("Shift+Enter")
    learner.wait()
    cards = learner.page.locator("#task1-levels .mlm-card")
    expect(cards).to_have_count(sum("check(" in text for text in solved.values() if "import" not in text))
    assert {card.get_attribute("data-tone") for card in cards.all()} == {RIGHT}
    leave_a_box(learner, names)
    assert learner.errors == []


def leave_a_box(learner: Page, names: list[str]) -> None:
    """Tab indents in a box, and leaves it after Escape."""
    name = next(name for name in names if "locked" not in learner.cell(name).get_attribute("class"))
    box = learner.cell(name).locator("textarea")
    box.fill("if x:")
    box.press("End")
    for key in ("Enter", "y", "Tab"):
        learner.page.keyboard.press(key)
    expect(box).to_have_value("if x:\n    y    ")
    box.press("Escape")
    box.press("Tab")
    assert learner.page.evaluate("document.activeElement.textContent") == "Run"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_page_has_no_barrier_and_fits(size: dict[str, int], scheme: str, context: Any, site: Site) -> None:
    for address in ("practice/", "extension/", "attainment/", ""):
        learner = Page(context, f"{site.address}/{address}")
        learner.page.set_viewport_size(size)
        learner.page.emulate_media(color_scheme=scheme)
        # The page loads itself once more before it asks for Python; the list of assignments has none.
        learner.page.locator("html[data-python]" if address else "h1").wait_for(state="attached")
        assert audit(learner.page) == []
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not learner.page.evaluate(wide)
        learner.page.close()


def test_work_is_kept_and_goes_from_one_browser_to_another(
    context: Any, browser: Any, site: Site, tmp_path: Path, solutions: dict[str, Path]
) -> None:
    learner = Page(context, f"{site.address}/practice/")
    learner.page.locator("#open:enabled").wait_for()
    learner.write("answer_icc", "icc = 0.5")
    learner.write("memo", "Dear Marta")
    work = learner.saved(learner.page.get_by_role("button", name="Download all work").click, tmp_path)
    other = Page(context, f"{site.address}/practice/")
    other.wait("open in another tab")
    elsewhere = browser.new_context()
    elsewhere.set_default_timeout(PATIENCE)
    fresh = Page(elsewhere, f"{site.address}/practice/")
    fresh.page.locator("#open:enabled").wait_for()
    with fresh.page.expect_navigation():
        fresh.page.locator("#open").set_input_files(work)
    fresh.page.locator("#open:enabled").wait_for()
    expect(fresh.cell("answer_icc").locator("textarea")).to_have_value("icc = 0.5")
    expect(fresh.cell("memo").locator("textarea")).to_have_value("Dear Marta")
    fresh.page.locator("#open").set_input_files(solutions["practice"] / "task1-icc.ipynb")
    of_files = fresh.page.locator("#files")
    expect(of_files).to_contain_text("task1-icc.ipynb is open.")
    solved = sources(solutions["practice"] / "task1-icc.ipynb")
    expect(fresh.cell("fit_icc").locator("textarea")).to_have_value(solved["fit_icc"])
    for name, said in (("strange.ipynb", "is neither a notebook nor work"), ("other.ipynb", "does not belong")):
        (tmp_path / name).write_text("{}" if name == "strange.ipynb" else '{"cells": []}', encoding="utf-8")
        fresh.page.locator("#open").set_input_files(tmp_path / name)
        expect(of_files).to_contain_text(f"{name} {said}")
    fresh.page.get_by_role("button", name="Start over").click()
    expect(fresh.cell("memo").locator("textarea")).not_to_have_value("Dear Marta")
    elsewhere.close()
