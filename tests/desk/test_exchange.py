"""nbgrader's exchange on a course that `mlm new` made: released, fetched, submitted, collected, and found again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autograder.grading.found_class import find_class

SCRIPTS = Path(sys.executable).parent


def nbgrader(folder: Path, exchange: Path, *arguments: str, **environment: str) -> str:
    """Run a command of nbgrader in a folder, with an exchange of its own, and return what it said."""
    path = f"{SCRIPTS}:{os.environ['PATH']}"
    line = [str(SCRIPTS / "nbgrader"), *arguments, f"--Exchange.root={exchange}"]
    environment = {**os.environ, "PATH": path, **environment}
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def names(folder: Path) -> Mapping[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


@pytest.fixture
def own_course(root: Path, tmp_path: Path) -> Path:
    """A copy of a course that was made by `mlm new`."""
    return Path(shutil.copytree(root / "tests" / "courses" / "schools", tmp_path / "course"))


def test_an_assignment_goes_out_and_comes_back(own_course: Path, tmp_path: Path) -> None:
    exchange, home = tmp_path / "exchange", tmp_path / "home"
    for folder in (exchange, home):
        folder.mkdir()
    exchange.chmod(0o777)
    nbgrader(own_course, exchange, "release_assignment", "attainment")
    nbgrader(home, exchange, "fetch_assignment", "attainment", "--course", "mlm-course")
    released = own_course / "release" / "attainment"
    assert names(home / "attainment") == names(released), "release.json is there too: learners are answered at home"
    nbgrader(home, exchange, "submit", "attainment", "--course", "mlm-course")
    nbgrader(own_course, exchange, "collect", "attainment")
    notebooks = [path.stem for path in released.glob("*.ipynb")]
    now = datetime.now(UTC).replace(tzinfo=None)
    for place in (own_course / "submitted", exchange / "mlm-course" / "inbound"):
        found = find_class(place, "attainment", notebooks, None, tmp_path / "into")
        (folder,) = found.folders
        assert timedelta(0) <= now - datetime.fromisoformat(folder.handed_in) < timedelta(minutes=30)
        found.written(tmp_path / "into")
        assert {path.stem for path in folder.path.glob("*.ipynb")} == set(notebooks)
