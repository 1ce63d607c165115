"""The three doors of the README: few commands each, and each does what it is for."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOORS = {
    title: block.splitlines()
    for title, block in re.findall(r"^\*\*([\w ]+)\.\*\*.*?^```sh\n(.*?)^```", README, re.M | re.S)
}
Run = Callable[[str], "subprocess.CompletedProcess[str]"]


def test_there_are_three_doors_of_at_most_three_commands() -> None:
    assert list(DOORS) == ["Learn", "Teach", "Make your own course"]
    assert all(0 < len(commands) <= 3 for commands in DOORS.values())


def test_the_first_screen_shows_what_there_is_and_what_is_not_covered() -> None:
    first = README[: README.index("## For teachers")]
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", first)
    assert len(pictures) == 2
    for said, picture in pictures:
        assert len(said) > 40
        assert 2_000 < (ROOT / picture).stat().st_size < 150_000
    assert "**What the box does not cover:**" in first
    assert len(first.splitlines()) < 60


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout, in a folder with a space in its name."""
    copy = tmp_path / "a checkout"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__"))
    return copy


@pytest.fixture
def run(checkout: Path) -> Run:
    """Give a command in the copy, whose .venv is this Python with the copy's code."""
    binaries = checkout / ".venv" / "bin"
    binaries.mkdir(parents=True)
    python = f'exec env PYTHONPATH={shlex.quote(str(checkout))} {shlex.quote(sys.executable)} "$@"\n'
    mlm = python.replace('"$@"', '-c "from autograder.cli import main; main()" "$@"')
    for name, script in (("python", python), ("mlm", mlm)):
        (binaries / name).write_text(f"#!/bin/sh\n{script}")
        (binaries / name).chmod(0o755)
    stamp = subprocess.run(
        ["sh", "-c", "cat pyproject.toml requirements.txt | cksum"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (checkout / ".venv" / "installed-for").write_text(f"{stamp} {checkout}\n")
    return lambda command: subprocess.run(
        ["sh", "-c", command], cwd=checkout, capture_output=True, text=True, check=False
    )


def opened(address: str, server: subprocess.Popen[str]) -> str:
    """Return a page of a server that says its address a moment before it listens."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address) as answered:
                return str(answered.read().decode())
        except urllib.error.URLError:
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=0.2)
    pytest.fail(f"JupyterLab ended with {server.returncode}.")


def test_learn(checkout: Path) -> None:
    *install, study = DOORS["Learn"]
    # What the project needs is taken from here, so that nothing comes from a network.
    environment = {
        **os.environ,
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "BROWSER": "true",
        "JUPYTER_TOKEN": "open-sesame",
        "JUPYTER_CONFIG_PATH": str(checkout / "config"),
        "JUPYTER_RUNTIME_DIR": str(checkout / "runtime"),
    }
    (checkout / "config").mkdir()
    (checkout / "config" / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": {"allow_root": True}}))
    for command in install:
        done = subprocess.run(["sh", "-c", command], cwd=checkout, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    line = shlex.split(study, comments=True)
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, cwd=checkout, env=environment, text=True, **pipes) as server:
        assert server.stderr is not None
        try:
            found = (re.search(r"http://localhost:\d+/study", line) for line in server.stderr)
            address = next(filter(None, found))[0]
            page = opened(f"{address}?token=open-sesame", server)
        finally:
            server.terminate()
            server.stderr.read()
    assert "Start here" in page
    assert "practice/task1-icc.ipynb" in page


def test_teach(checkout: Path, run: Run, hidden_seed: int) -> None:
    demo, grade = DOORS["Teach"]
    kept = checkout / "build" / "demo" / "grading" / "hidden-seed.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text(f"{hidden_seed}\n")  # what a sample's slips come to is known on this panel
    done = run(demo)
    assert done.returncode == 0, done.stderr
    assert "Each is as its expect.toml says." in done.stdout
    shutil.copytree(checkout / "exercises" / "practice", checkout / "submitted" / "anna")
    done = run(grade)
    assert done.returncode in (0, 1), done.stderr
    assert (checkout / "grading" / "practice.html").is_file()


def test_make_your_own_course(checkout: Path, run: Run) -> None:
    for command in DOORS["Make your own course"]:
        done = run(command)
        assert done.returncode == 0, done.stderr
    assert list(checkout.glob("my-course/release/*/release.json"))
