"""Keep warm boxes, run jobs in them, and keep the record of what came out.

A box is one bubblewrap with one process of ours in it that has imported the scientific stack; each notebook runs in a
clone of that process with namespaces of its own. The record is written here, outside, by the keeper; what a notebook's
process says only fills it in. A job that cannot be run for a reason of ours raises `BoxUnavailable` or `BoxBroken` and
never becomes a verdict.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeAlias

from autograder.errors import BoxBroken, BoxUnavailable
from autograder.records.grading import Ending, NotebookRun
from autograder.sandbox.box import Box, Job
from autograder.sandbox.cgroups import memory_there_is
from autograder.sandbox.keeper import Recorder
from autograder.sandbox.policy import Limits, require_allowed
from autograder.sandbox.run_record import Record
from autograder.sandbox.turns import Turns

#: Runs a job, as `Boxes.run` does.
Run: TypeAlias = Callable[[Job], NotebookRun]


class Runner(Protocol):
    """What runs notebooks for a class: the boxes of this machine, or those of a cluster."""

    packages: tuple[str, ...]

    def run(self, job: Job) -> NotebookRun:
        """Return the run of a notebook, as `Boxes.run` does."""

    def end_runs(self) -> None:
        """Let no run begin, and wait for none."""


class Boxes:
    """Warm boxes: opened when they are needed or soon will be, used again, one notebook at a time in each.

    As many are open as threads have called `run` at a time. Leaving the context closes them all. A notebook whose run
    failed, as far as can be told not by its own doing, is run once more while no other one runs. ``packages`` are the
    distributions that the course lets notebooks import besides those that every box has.
    """

    def __init__(self, packages: tuple[str, ...] = ()) -> None:
        """Open nothing yet; CourseError if a package is not there, or must stay outside."""
        require_allowed(packages)
        self.packages = packages
        self._idle: queue.LifoQueue[Box] = queue.LifoQueue()
        self._opening: queue.SimpleQueue[Future[Box]] = queue.SimpleQueue()
        # A box ends with the thread that opened it, so one thread that lives as long as this opens them all.
        self._opener = ThreadPoolExecutor(1)
        self._turns = Turns()
        self._ended = threading.Event()

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
            self._opening.put(self._opener.submit(Box, self.packages))

    def end_runs(self) -> None:
        """End every notebook that runs, and let none begin: `run` raises, and nobody waits for a verdict any more."""
        self._ended.set()

    def run(self, job: Job) -> NotebookRun:
        """Return the run of a notebook; from any thread.

        Raises
        ------
        BoxUnavailable
            If bubblewrap is missing or not allowed here.
        BoxBroken
            If a box fails, and not by what a learner's code did.
        """

        def once(*, alone: bool) -> NotebookRun:
            record = Record(job.name, len(job.cells), job.asked, outputs=job.outputs)
            return record.finish(self.keep(job, record, alone=alone))

        return self._turns.run(once)

    def keep(self, job: Job, record: Recorder, *, alone: bool) -> Ending:
        """Run a notebook once, enter what it sends into a record, and return how it ended; from any thread.

        ``alone`` says that no other notebook of ours runs meanwhile on this machine. Errors are those of `run`.
        """
        if self._ended.is_set():
            raise BoxBroken("The run was ended.")
        box = self._take() or self._open()
        try:
            ending = box.run(job, record, self._ended, alone=alone)
        except BaseException:
            box.close()
            raise
        if box.is_as_new(job.limits):
            self._idle.put(box)
        else:
            box.close()
        return ending

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
        box = (self._next_opening() or self._opener.submit(Box, self.packages)).result()
        try:
            box.await_ready()
        except BaseException:
            box.close()
            raise
        return box


def count_workers(workers: int | None) -> int:
    """Return how many boxes to run at a time: as asked, or one per processor for which there is memory."""
    return workers or min(len(os.sched_getaffinity(0)), _room())


def _room() -> int:
    return max(1, memory_there_is() // Limits().memory_bytes)  # at least one is tried


def memory_advice(workers: int | None) -> str | None:
    """Return a sentence where fewer boxes run than there are processors, or more than there is memory for."""
    wanted = workers or len(os.sched_getaffinity(0))
    if wanted <= _room():
        return None
    there, each = memory_there_is() / 1e9, Limits().memory_bytes / 1e9
    have = f"There are {there:.1f} GB of memory here, and a notebook may use {each:.1f} GB"
    if workers is None:
        return f"{have}, so {_room()} of {wanted} run at a time."
    return f"{have}: {wanted} at a time may want more than there is. What fails by that is run again, alone."
