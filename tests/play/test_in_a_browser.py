"""A learner's hour in a real browser that reaches nothing but the folder, from the first load to the last card."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: scripts/set-up installs it on Debian (apt-get install chromium)"
)
playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install '.[dev]' installs it")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe: pip install '.[dev]' installs it")

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENCE = 150_000  # milliseconds, for a machine with much else to do
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


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
    playwright.expect.set_options(timeout=PATIENCE)
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
        playwright.expect(self.page.locator("#status")).to_contain_text(status)

    def write(self, name: str, source: str) -> None:
        self.cell(name).locator("textarea").fill(source)

    def run(self, name: str) -> Any:
        """Run a cell to its end, and return what it shows."""
        self.cell(name).get_by_role("button", name="Run").click()
        playwright.expect(self.cell(name)).not_to_have_class(".*(runs|waits).*")
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
    found = axe.Axe().run(page).response["violations"]
    return [(v["id"], [node["html"][:200] for node in v["nodes"][:3]]) for v in found]


def expect_tone(card: Any, tone: str) -> None:
    playwright.expect(card).to_have_attribute("data-tone", tone)


def test_task_1_from_first_load_to_last_card(
    context: Any, site: Site, solutions: dict[str, Path], panels: tuple[Any, ...], tmp_path: Path, root: Path
) -> None:
    solved = sources(solutions["practice"] / "task1-icc.ipynb")
    learner = Page(context, f"{site.address}/practice/")
    learner.wait()
    learner.run("setup_icc")
    playwright.expect(learner.run("icc")).to_contain_text("There is no icc in this session yet.")
    wrong_answers(learner, panels[0].answers.mistakes["icc"]["from_standard_deviations"])
    for name in ("fit_icc", "answer_variances", "answer_icc", "answer_reading"):
        learner.write(name, solved[name])
        learner.run(name)
    for name in ("var_store", "var_residual", "icc", "icc_reading"):
        expect_tone(learner.run(name).locator(".mlm-card"), RIGHT)
    endless_loop(learner)
    learner.page.get_by_text("Your progress").first.click()
    playwright.expect(learner.page.locator("#progress [role=img]").first).to_have_attribute(
        "aria-label", "10 of 10 points"
    )
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
    """Two wrong answers get two cards, the second with more to think about; neither tells the right one."""
    card = learner.answer("answer_icc", f"icc = {mistaken!r}", "icc")
    expect_tone(card, "bad")
    playwright.expect(card).to_contain_text("standard deviations do not add up to a whole")
    card = learner.answer("answer_icc", 'icc = "a lot"', "icc")
    playwright.expect(card).to_contain_text("a number")
    shown = learner.answer("answer_icc", "icc = 1 / 0", "icc")
    playwright.expect(learner.cell("answer_icc").locator(".error")).to_contain_text("ZeroDivisionError")
    expect_tone(shown, "wait")


def endless_loop(learner: Page) -> None:
    """Stop ends it, and what was computed before is still there."""
    learner.cell("answer_icc").get_by_role("button", name="Add a cell").click()
    own = learner.page.locator(".own")
    own.locator("textarea").fill("while True:\n    pass")
    own.get_by_role("button", name="Run").click()
    learner.wait("Running.")
    learner.page.get_by_role("button", name="Stop").click()
    playwright.expect(own.locator(".output")).to_have_text("Stopped.")
    learner.wait()
    expect_tone(learner.run("icc").locator(".mlm-card"), RIGHT)
    own.get_by_role("button", name="Remove").click()


def after_a_restart_without_the_server(learner: Page, written: str) -> None:
    """The page is there again with all that was written and shown, and Python starts."""
    playwright.expect(learner.cell("answer_icc").locator("textarea")).to_have_value(written)
    expect_tone(learner.cell("icc").locator(".mlm-card"), RIGHT)
    learner.wait()
    playwright.expect(learner.page.locator("#progress [role=img]").first).to_have_attribute(
        "aria-label", "10 of 10 points"
    )


def mlm_check(notebook: Path, root: Path) -> int:
    mlm = [sys.executable, "-c", "from autograder.cli import main; main()", "check", str(notebook)]
    done = subprocess.run([*mlm, "--course", str(root / "solutions")], capture_output=True, text=True, check=False)
    return done.returncode
