"""How long a learner waits in the browser: ``python benchmarks/play.py FOLDER``, made with --vendored or --from.

Prints seconds from opening the page to a Python that is ready, cold (a fresh profile) and on a reload, megabytes of the
folder and of what the browser keeps of it, and seconds per fit of the tutorial's models by both packages.
"""

from __future__ import annotations

import shutil
import sys
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Page, sync_playwright

PATIENCE = 900_000
FITS = """
import time, warnings
import statsmodels.formula.api as smf
from autograder.student import load_panel
from reference import fit
panel, fixed = load_panel(), "sales ~ week + youtube + facebook + newspaper"
def seconds(work):
    work()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
warnings.simplefilter("ignore")
for name, term, effects in (("intercept", "1", "1"), ("slope", "1 + youtube", "~youtube")):
    ours = seconds(lambda: fit(f"{fixed} + ({term} | store_id)", panel))
    mixed = smf.mixedlm(fixed, panel, groups="store_id", re_formula=effects)
    print(f"random {name}: reference.fit {ours:.3f} s, statsmodels {seconds(lambda: mixed.fit(method='lbfgs')):.3f} s")
"""


def wait_until_ready(page: Page) -> float:
    """Return the seconds until Python is ready, and wait as long."""
    began = time.perf_counter()
    page.locator("html[data-python=ready]").wait_for(state="attached", timeout=PATIENCE)
    return time.perf_counter() - began


def main(folder: Path) -> None:
    """Serve the folder, open its page of the practice assignment, and print what was measured."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"]).new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/practice/")
        print(f"ready, cold: {wait_until_ready(page):.1f} s")
        page.reload()
        print(f"ready, on a reload: {wait_until_ready(page):.1f} s")
        kept = page.evaluate("navigator.storage.estimate().then((found) => found.usage)")
        total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"the folder: {total / 1e6:.1f} MB; kept by the browser: {kept / 1e6:.1f} MB")
        cell = page.locator(".cell.code:not(.locked)").first
        cell.locator("textarea").fill(FITS)
        cell.locator(".run").click()
        cell.locator(".output", has_text="random slope").wait_for(timeout=PATIENCE)
        print(cell.locator(".output").inner_text().strip())
    server.shutdown()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/play.py FOLDER  (made by mlm release ASSIGNMENT --play FOLDER --vendored)")
    main(Path(sys.argv[1]))
