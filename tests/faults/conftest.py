"""A class of a dozen that is graded while something comes in between, and the grading that nothing came in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from graded_runs import GRADED, Run, write_class
from postgresql_server import Server, server


@pytest.fixture(scope="session")
def graded(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """What the class handed in, and the results of a grading that nothing came in between; to be read."""

    def make(home: Path) -> None:
        run = Run(write_class(home / "submitted"), home / "undisturbed")
        assert run.end()[0] == GRADED
        run.require_nothing_left()

    return made_once("faults", make)


@pytest.fixture(scope="session")
def submitted(graded: Path) -> Path:
    """What the class handed in."""
    return graded / "submitted"


@pytest.fixture(scope="session")
def undisturbed(graded: Path) -> Path:
    """The results of a grading that nothing came in between."""
    return graded / "undisturbed"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    """A server of PostgreSQL that a test may stop and start."""
    with server() as started:
        yield started
