"""Warm boxes that the tests of the box share, and a short way to run cells in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import pytest

from autograder.records.grading import NotebookRun
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.policy import Limits
from reference.panels import tutorial_panel

IMPORT = "from autograder.student import check, load_panel"


class Run(Protocol):
    """Runs cells in one of the warm boxes."""

    def __call__(self, *cells: str, limits: Limits | None = None) -> NotebookRun:
        """Return the run of cells that come after the import of `check` and `load_panel`."""


@pytest.fixture(scope="session")
def panel() -> bytes:
    """The panel that the tests of the box run on."""
    return tutorial_panel().frame.to_csv(index=False).encode()


@pytest.fixture(scope="session")
def boxes() -> Iterator[Boxes]:
    """Boxes that stay open for all tests."""
    with Boxes() as open_boxes:
        yield open_boxes


@pytest.fixture(scope="session")
def run(boxes: Boxes, panel: bytes) -> Run:
    """Run cells in one of the boxes."""

    def run_cells(*cells: str, limits: Limits | None = None) -> NotebookRun:
        return boxes.run(Job("task", (IMPORT, *cells), panel, limits or Limits()))

    return run_cells
