"""A learner's first minutes, in a real browser on the JupyterLab that `mlm study` starts."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PATIENCE = 180_000  # milliseconds, for a machine with much else to do


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab that `mlm study` started; its settings are not this computer's."""
    for name in ("CONFIG", "DATA", "RUNTIME"):
        (tmp_path / name).mkdir()
    # JupyterLab draws only the cells in view, and a test looks at all of them; it also asks about news.
    for extension, settings in (
        ("notebook-extension/tracker", '{"windowingMode": "none"}'),
        ("apputils-extension/notification", '{"fetchNews": "false", "checkForUpdates": false}'),
    ):
        path = tmp_path / "settings" / "@jupyterlab" / f"{extension}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(settings, encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "MLM_LANGUAGE"},
        **{f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")},
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "JUPYTER_TOKEN": "open-sesame",
    }
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mlm = [sys.executable, "-c", "from autograder.cli import main; main()"]
    study = ["study", str(tmp_path / "my course"), "--no-browser", "--port", str(port), "--", "--allow-root"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([*mlm, *study, "--ServerApp.ip=127.0.0.1"], env=environment, stdout=log, stderr=log)
    with server:
        _wait_until_it_listens(server, port, tmp_path / "log")
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def _wait_until_it_listens(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=0.2)
                pytest.fail(f"JupyterLab ended:\n{log.read_text()}")
        else:
            return


@pytest.fixture
def page(browser: Any, lab: str) -> Iterator[Any]:
    """A page of a headless browser on what the learner's browser is opened on."""
    with browser.new_page(viewport={"width": 1280, "height": 1400}) as page:
        page.set_default_timeout(PATIENCE)
        page.goto(f"{lab}/?token=open-sesame")
        yield page


def opened(page: Any) -> Any:
    """Go from the start page to the first task, by its button, and return the notebook."""
    page.get_by_role("link", name="Go to: How much of it is the store?").click()
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=PATIENCE)
    return page.locator(".jp-NotebookPanel:visible")


def serious(page: Any, within: str | None = None) -> list[str]:
    found = Axe().run(page, context=within).response["violations"]
    return [violation["id"] for violation in found if violation["impact"] in ("serious", "critical")]


def select(cell: Any) -> None:
    """Make a cell the one that keys go to: by focus, since a click may miss it where an output above it grows."""
    cell.locator(".cm-content").focus()
    expect(cell).to_have_class(re.compile("jp-mod-active"))


def fill(page: Any, cell: Any, source: str) -> None:
    """Replace what is in a code cell, and run it."""
    select(cell)
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    page.keyboard.press("Control+Enter")  # Shift+Enter selects another cell, a moment later


def run(page: Any, cell: Any) -> None:
    select(cell)
    page.keyboard.press("Control+Enter")


def test_a_wrong_icc_gets_its_card_and_is_put_right(
    page: Any, tmp_path_factory: pytest.TempPathFactory, panels: tuple[Any, ...]
) -> None:
    shots = tmp_path_factory.mktemp("screenshots")
    expect.set_options(timeout=PATIENCE)
    key = panels[0].answers
    mistake, right = key.mistakes["icc"]["from_standard_deviations"], key.values["icc"]

    notebook = opened(page)
    setup = notebook.locator(".jp-CodeCell", has_text="import check, load_panel").first
    answer = notebook.locator(".jp-CodeCell", has_text="Assign icc, computed from").first
    checked = notebook.locator(".jp-CodeCell", has_text='check("icc", icc)').first
    card = checked.locator(".mlm-card")

    expect(page.locator(".jp-NotebookPanel-toolbar").get_by_text("Validate")).to_have_count(0)
    run(page, setup)
    run(page, answer)
    expect(answer.locator(".mlm-card")).to_contain_text("This cell waits for your code")
    run(page, checked)
    expect(card).to_contain_text("There is no icc in this session yet.")
    expect(checked.locator(".jp-RenderedText[data-mime-type*=error]")).to_have_count(0)

    fill(page, answer, f"icc = {mistake!r}  # Assign icc, computed from the two variances.")
    run(page, checked)
    expect(card).to_have_attribute("data-tone", "bad")
    expect(card).to_contain_text("standard deviations do not add up to a whole")
    expect(card).to_contain_text("Ask yourself")
    page.screenshot(path=shots / "wrong.png")

    fill(page, answer, f"icc = {right!r}  # Assign icc, computed from the two variances.")
    run(page, checked)
    expect(card).to_have_attribute("data-tone", "good")
    expect(card).to_contain_text("4 of 10 points")
    page.screenshot(path=shots / "right.png")

    fill(page, answer, "from autograder.student import progress; progress()  # Assign icc, computed from")
    bars = answer.locator(".mlm-card [role=img]")
    expect(bars).to_have_count(5)
    expect(bars.first).to_have_attribute("aria-label", "4 of 10 points")
    bars.first.scroll_into_view_if_needed()
    page.screenshot(path=shots / "progress.png")


SOLUTION = """from reference import fit
model = fit("sales ~ week + youtube + facebook + newspaper + (1 | store_id)", panel)"""
VARIANCES = "var_store = float(model.terms[0].covariance[0, 0]); var_residual = model.sigma**2"
READING = """icc_reading = {"percent": round(100 * icc), "of": "what the predictors leave unexplained",
               "lies": "between stores"}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_from_the_start_page_to_the_summary_of_the_first_task(
    page: Any, scheme: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shots = tmp_path_factory.mktemp("screenshots")
    expect.set_options(timeout=PATIENCE)
    page.emulate_media(color_scheme=scheme)
    assert page.url.split("?")[0].endswith("/study")
    expect(page.get_by_text("Say in one sentence, without a technical word, what an ICC means.")).to_be_visible()
    expect(page.get_by_text("about 40 minutes").first).to_be_visible()
    assert serious(page) == []
    page.screenshot(path=shots / "start.png")

    start = page.url
    notebook = opened(page)
    if scheme == "dark":
        page.get_by_role("menuitem", name="Settings").click()
        page.get_by_text("Theme", exact=True).click()
        page.get_by_text("JupyterLab Dark", exact=True).click()
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")

    def cell(text: str) -> Any:
        return notebook.locator(".jp-CodeCell", has_text=text).first

    run(page, cell("import check, load_panel"))
    for asked, written in (
        ("Fit the random-intercept model by REML", SOLUTION),
        ("Assign var_store and var_residual", VARIANCES),
        ("Assign icc, computed from", "icc = var_store / (var_store + var_residual)"),
        ("Assign icc_reading", READING),
    ):
        fill(page, cell(asked), f"{written}  # {asked}")
    for name in ("var_store", "var_residual", "icc", "icc_reading"):
        run(page, cell(f'check("{name}", {name})'))
        expect(cell(f'check("{name}", {name})').locator(".mlm-card")).to_have_attribute("data-tone", "good")
    assert serious(page, ".mlm-card") == []
    page.screenshot(path=shots / "cards.png")
    last = cell("import another, progress, reveal, summary")
    fill(page, last, "from autograder.student import another, progress, reveal, summary; summary()")
    expect(last.locator(".mlm-card")).to_contain_text("Compute an ICC from two variances.")
    page.screenshot(path=shots / "summary.png")
    assert "You can now" in (tmp_path / "my course" / "practice" / "summary.html").read_text(encoding="utf-8")
    page.goto(start)
    expect(page.get_by_text("10 of 10 points").first).to_be_visible()
    expect(page.get_by_role("link", name="Go to: Does YouTube work the same in every store?")).to_be_visible()
