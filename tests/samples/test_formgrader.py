"""A teacher opens the results in nbgrader's formgrader: a real Jupyter server on the sample class."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def get(graded_class: Any, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Start a server in the results folder, as the summary says, and return a function that reads its pages."""
    for name in ("CONFIG", "DATA", "RUNTIME"):
        (tmp_path / name).mkdir()
    scripts = Path(sys.executable).parent
    environment = {
        **os.environ,
        **{f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")},
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "JUPYTER_TOKEN": "open-sesame",
    }
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = [scripts / "jupyter", "server", "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.ip=127.0.0.1"]
    log = (tmp_path / "log").open("w")
    server = subprocess.Popen(line, cwd=graded_class.into, env=environment, stdout=subprocess.DEVNULL, stderr=log)
    with log, server:
        _wait_until_it_listens(server, port)

        def read(path: str) -> str:
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/formgrader/{path}", headers={"Authorization": "token open-sesame"}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                text: str = answer.read().decode("utf-8")
                return text

        yield read
        server.terminate()


def _wait_until_it_listens(server: subprocess.Popen[bytes], port: int) -> None:
    """Return when the server takes connections: Jupyter announces its address before it does."""
    deadline = time.monotonic() + 120
    with subprocess_end(server) as ended:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                assert not select.select([ended], [], [], 0.1)[0], "the server ended"
            else:
                return


@contextmanager
def subprocess_end(process: subprocess.Popen[bytes]) -> Iterator[int]:
    """Yield a descriptor that can be read when a process has ended."""
    descriptor = os.pidfd_open(process.pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_formgrader_lists_the_class_and_opens_a_notebook(graded_class: Any, get: Callable[[str], str]) -> None:
    for assignment in ("practice", "extension"):
        submissions = json.loads(get(f"api/submissions/{assignment}"))
        # Whoever handed in something else is listed too, as not autograded.
        assert {entry["student"]: entry["score"] for entry in submissions if entry["autograded"]} == {
            student: pytest.approx(grade.score)
            for student, grade in graded_class.grades.items()
            if grade.assignment == assignment
        }

    notebooks = json.loads(get("api/submitted_notebooks/practice/task1-icc"))
    (wanted,) = (entry for entry in notebooks if entry["student"] == "icc-from-standard-deviations")
    page = get(f"submissions/{wanted['id']}/")
    assert "check(" in page
    assert "standard deviations do not add up" in page

    for task in ("task1-icc", "task5-memo"):
        notebooks = json.loads(get(f"api/submitted_notebooks/practice/{task}"))
        (wanted,) = (entry for entry in notebooks if entry["student"] == "script-for-the-teacher")
        page = get(f"submissions/{wanted['id']}/")
        assert "document.title" in page, "what the learner wrote is shown"
        for live in ("<script>document.title", "<script>\ndocument.title", '<img src="x" onerror', 'href="javascript:'):
            assert live not in page
