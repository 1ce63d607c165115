"""Pages as learners get them, with a Python that was put together once, and the courses they are of."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from play_parts import fetch_parts

from autograder.assignment.release_file import RELEASE_FILE, Release, read_release_file
from autograder.play.pages import write_play
from autograder.play.parts import LOCK_FILE, page_file

ROOT = Path(__file__).resolve().parents[2]
#: The folders of released notebooks, and of their solutions; the last course was made by `mlm new`, of foreign data.
RELEASED = {
    "practice": (ROOT / "exercises/practice", ROOT / "solutions/practice"),
    "extension": (ROOT / "exercises/extension", ROOT / "solutions/extension"),
    "attainment": (ROOT / "tests/courses/schools/release/attainment", ROOT / "tests/courses/schools/attainment"),
}


@pytest.fixture(scope="session")
def releases() -> dict[str, Release]:
    """The releases by assignment."""
    read = {name: read_release_file(folder / RELEASE_FILE) for name, (folder, _) in RELEASED.items()}
    return {name: release for name, release in read.items() if release}


@pytest.fixture(scope="session")
def solutions() -> dict[str, Path]:
    """The folder of the solved notebooks by assignment."""
    return {name: solved for name, (_, solved) in RELEASED.items()}


@pytest.fixture(scope="session")
def parts() -> Path:
    """A folder with Python for a browser; what cannot be had skips the test, and says why."""
    if shutil.which("node") is None:
        pytest.skip("no node: apt-get install nodejs npm, and Python for a browser can be put together")
    into = ROOT / "build" / "play-parts"
    into.parent.mkdir(exist_ok=True)
    with (into.parent / "play-parts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process of the tests may be putting it together
        try:
            fetch_parts(into, json.loads(page_file(LOCK_FILE))["packages"])
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or ""
            pytest.skip(f"Python for a browser cannot be had from npm and PyPI: {error} {said[-300:]}")
    return into


@pytest.fixture(scope="session")
def play(parts: Path, releases: dict[str, Release], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page for each assignment, and with all that the pages need."""
    into = tmp_path_factory.mktemp("play")
    write_play(list(releases.values()), into, source=parts)
    return into
