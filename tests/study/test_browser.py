"""A learner's first minutes, in a real browser on the JupyterLab that `mlm study` starts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 180_000  # milliseconds, for a machine with much else to do

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: scripts/set-up installs it on Debian (apt-get install chromium)"
)
playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install '.[dev]' installs it")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of task 1 in a JupyterLab that `mlm study` started; its settings are not this computer's."""
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
    study = ["study", str(tmp_path / "course"), "--no-browser", "--port", str(port), "--", "--allow-root"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([*mlm, *study, "--ServerApp.ip=127.0.0.1"], env=environment, stdout=log, stderr=log)
    with server:
        _wait_until_it_listens(server, port, tmp_path / "log")
        yield f"http://127.0.0.1:{port}/lab/tree/practice/task1-icc.ipynb?token=open-sesame"
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
def page(lab: str) -> Iterator[Any]:
    """A page of a headless browser on that notebook."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        page.set_default_timeout(PATIENCE)
        page.goto(lab)
        yield page
        browser.close()


def fill(page: Any, cell: Any, source: str) -> None:
    """Replace what is in a code cell, and run it."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")


def run(page: Any, cell: Any) -> None:
    cell.locator(".jp-InputPrompt").click()
    page.keyboard.press("Shift+Enter")


def test_a_wrong_icc_gets_its_card_and_is_put_right(
    page: Any, tmp_path_factory: pytest.TempPathFactory, panels: tuple[Any, ...]
) -> None:
    shots = tmp_path_factory.mktemp("screenshots")
    expect = playwright.expect
    expect.set_options(timeout=PATIENCE)
    key = panels[0].answers
    mistake, right = key.mistakes["icc"]["from_standard_deviations"], key.values["icc"]

    notebook = page.locator(".jp-NotebookPanel:visible")
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    setup = notebook.locator(".jp-CodeCell", has_text="import check, load_panel").first
    answer = notebook.locator(".jp-CodeCell", has_text="Assign icc, computed from").first
    checked = notebook.locator(".jp-CodeCell", has_text='check("icc", icc)').first
    card = checked.locator(".mlm-card")

    run(page, setup)
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
