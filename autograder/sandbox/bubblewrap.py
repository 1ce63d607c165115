"""Keep warm boxes, run jobs in them, and keep the record of what came out.

A box is one bubblewrap with one process of ours in it that has imported the scientific stack; each notebook runs in a
clone of that process with namespaces of its own. The record is written here, outside, by the keeper; what a notebook's
process says only fills it in. A job that cannot be run for a reason of ours raises `BoxUnavailable` or `BoxBroken` and
never becomes a verdict.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

from autograder.errors import BoxUnavailable
from autograder.records import NotebookRun
from autograder.sandbox.box import Box
from autograder.sandbox.policy import Limits


@dataclass(frozen=True)
class Job:
    """What a box is asked to run: code cells by notebook (None for a cell that is not code), on one panel."""

    notebooks: Mapping[str, tuple[str | None, ...]]
    panel_csv: bytes
    limits: Limits = field(default_factory=Limits)


#: Runs a job: `run_job`, or `Boxes.run` of boxes that are warm.
Run: TypeAlias = Callable[[Job], dict[str, NotebookRun]]


def run_job(job: Job) -> dict[str, NotebookRun]:
    """Return one run for every notebook of the job, in a box that is opened and closed for it.

    Raises
    ------
    BoxUnavailable
        If bubblewrap is missing or not allowed here.
    BoxBroken
        If a box fails, and not by what a learner's code did.
    """
    with Boxes() as boxes:
        return boxes.run(job)


class Boxes:
    """Warm boxes: opened when they are needed or soon will be, used again, one notebook at a time in each.

    As many are open as threads have called `run` at a time. Leaving the context closes them all.
    """

    def __init__(self) -> None:
        """Open nothing yet."""
        self._idle: queue.LifoQueue[Box] = queue.LifoQueue()
        self._opening: queue.SimpleQueue[Future[Box]] = queue.SimpleQueue()
        # A box ends with the thread that opened it, so one thread that lives as long as this opens them all.
        self._opener = ThreadPoolExecutor(1)

    def __enter__(self) -> Boxes:
        """Return the boxes."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every box."""
        boxes = []
        while box := self._take():
            boxes.append(box)
        while opening := self._next_opening():
            # Nobody has asked for this one, and nobody asks why it could not be opened.
            with contextlib.suppress(BoxUnavailable):
                boxes.append(opening.result())
        # The kernel takes a second to take a box down.
        with ThreadPoolExecutor(max(1, len(boxes))) as pool:
            list(pool.map(Box.close, boxes))
        self._opener.shutdown()

    def open_soon(self, count: int) -> None:
        """Start to open so many boxes, which get ready while the caller does something else."""
        for _ in range(count):
            self._opening.put(self._opener.submit(Box))

    def run(self, job: Job) -> dict[str, NotebookRun]:
        """Return one run for every notebook of the job; from any thread.

        Raises
        ------
        BoxUnavailable
            If bubblewrap is missing or not allowed here.
        BoxBroken
            If a box fails, and not by what a learner's code did.
        """
        return {name: self._run(name, cells, job) for name, cells in job.notebooks.items()}

    def _run(self, name: str, cells: tuple[str | None, ...], job: Job) -> NotebookRun:
        box = self._take() or self._open()
        try:
            run = box.run(name, cells, job.panel_csv, job.limits)
        except BaseException:
            box.close()
            raise
        if box.is_as_new(job.limits):
            self._idle.put(box)
        else:
            box.close()
        return run

    def _take(self) -> Box | None:
        """Return an idle box; one that has ended meanwhile is nobody's, and is put away."""
        with contextlib.suppress(queue.Empty):
            while True:
                box = self._idle.get_nowait()
                if box.is_open:
                    return box
                box.close()
        return None

    def _next_opening(self) -> Future[Box] | None:
        with contextlib.suppress(queue.Empty):
            return self._opening.get_nowait()
        return None

    def _open(self) -> Box:
        box = (self._next_opening() or self._opener.submit(Box)).result()
        try:
            box.await_ready()
        except BaseException:
            box.close()
            raise
        return box
