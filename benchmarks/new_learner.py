"""How long a new learner waits, from nothing to the first card: each step in seconds, measured on this machine.

Builds the wheel of this checkout, makes a fresh environment elsewhere, installs the wheel into it with pip (packages
come from the index or pip's cache), copies the exercises, starts JupyterLab until it answers, and runs the first cell
of task 1 and a first check as a notebook would. Run it with ``python benchmarks/new_learner.py``.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST_CELLS = """
import json, time
cells = [c for c in json.load(open("task1-icc.ipynb"))["cells"] if c["cell_type"] == "code"]
began = time.perf_counter()
exec("".join(cells[0]["source"]))
ran = time.perf_counter()
check("icc", 0.2)
said = time.perf_counter()
check("icc", 0.3)
print(f"of which the task's own first cell {ran - began:.1f}, first check {said - ran:.1f}, "
      f"second check {time.perf_counter() - said:.3f}")
"""


@contextmanager
def timed(step: str, seconds: dict[str, float]) -> Iterator[None]:
    """Note how long a step takes, and the processor time of the programs it starts."""
    began, used = time.perf_counter(), os.times()
    yield
    seconds[step] = time.perf_counter() - began
    now = os.times()
    busy = now.children_user + now.children_system - used.children_user - used.children_system
    print(f"{step:<40} {seconds[step]:6.1f} s, processor {busy:6.1f} s", flush=True)


def build_wheel(into: Path) -> Path:
    """Return a wheel of the files of this checkout, built where nothing of it is touched."""
    source = into / "source"
    skipped = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, source, ignore=skipped)
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(into)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    return next(into.glob("*.whl"))


def wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    """Return when a server takes connections."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            with suppress(subprocess.TimeoutExpired):
                sys.exit(f"JupyterLab ended with {server.wait(timeout=0.1)}.")


def main() -> None:
    """Print the table."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        wheel = build_wheel(home)
        python = home / "venv" / "bin" / "python"
        quiet = {"stdout": subprocess.DEVNULL}
        with timed("python -m venv", seconds):
            subprocess.run([sys.executable, "-m", "venv", str(home / "venv")], check=True)
        with timed("pip install", seconds):
            subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True, **quiet)
        listed = subprocess.run([python, "-m", "pip", "list"], check=True, capture_output=True, text=True).stdout
        size = sum(path.lstat().st_size for path in (home / "venv").rglob("*") if path.is_file())
        print(f"{len(listed.splitlines()) - 2} packages, {size / 1e6:.0f} MB")
        with timed("mlm study --copy-only", seconds):
            mlm = home / "venv" / "bin" / "mlm"
            subprocess.run([mlm, "study", "course", "--copy-only"], cwd=home, check=True, **quiet)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        line = [mlm, "study", "course", "--no-browser", f"--port={port}", "--", "--allow-root"]
        with timed("mlm study, until JupyterLab answers", seconds):
            server = subprocess.Popen(line, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for(server, port)
            server.terminate()
            server.wait()
        with timed("first cell and first card", seconds):
            cells = [python, "-c", FIRST_CELLS]
            shown = subprocess.run(cells, cwd=home / "course" / "practice", check=True, capture_output=True, text=True)
        print(shown.stdout.splitlines()[-1])
    print(f"{'altogether':<40} {sum(seconds.values()):6.1f} s")


if __name__ == "__main__":
    main()
