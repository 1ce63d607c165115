"""A class of a dozen that is graded while something comes in between, and the grading that nothing came in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from graded_runs import GRADED, Run, write_class
from postgresql_server import Server, server


@pytest.fixture(scope="session")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the class handed in."""
    return write_class(tmp_path_factory.mktemp("class") / "submitted")


@pytest.fixture(scope="session")
def undisturbed(submitted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a grading that nothing came in between; to be read."""
    run = Run(submitted, tmp_path_factory.mktemp("undisturbed") / "into")
    assert run.end()[0] == GRADED
    run.require_nothing_left()
    return run.into


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    """A server of PostgreSQL that a test may stop and start."""
    with server() as started:
        yield started
