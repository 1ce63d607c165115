"""What a Dask worker holds and does for a grading: its own boxes, tried before the first notebook."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from distributed import WorkerPlugin, get_worker

from autograder.errors import AutograderError
from autograder.sandbox.boxes import Boxes, count_workers
from autograder.sandbox.cluster.messages import MOST_FAULT, Failed, Sent, Transcript, digest, read_order, write_result
from autograder.sandbox.doctor import own_files, require_safe_box
from autograder.sandbox.run_store import box_contents

if TYPE_CHECKING:
    from distributed import Worker

#: What a worker of which the box was tried has of, one for each notebook at a time. No job goes to another worker.
BOX = "mlm-box"

#: How many differences a worker names.
_MOST_TOLD = 5


class WorkersBoxes(WorkerPlugin):
    """The boxes of one worker; Dask sets this up on each worker, those included that join later or start again."""

    name = "mlm-boxes"

    def __init__(self, contents: Mapping[str, str], packages: tuple[str, ...], protected: tuple[str, ...]) -> None:
        """Say what the coordinator's boxes are made of, and which files nobody's code may read where they are there."""
        self.contents, self.packages, self.protected = contents, packages, protected
        self.refused: str | None = "Its box was not tried."
        self._boxes: Boxes | None = None

    async def setup(self, worker: Worker) -> None:
        """Try the box, and take jobs if it holds; else `refused` says why not."""
        self.refused = await asyncio.to_thread(self._examine)
        slots = 0 if self.refused else min(worker.state.nthreads, count_workers(None))
        await worker.set_resources(**{BOX: slots})

    def teardown(self, worker: Worker) -> None:
        """End what runs, which nobody waits for any more, and close the boxes."""
        if self._boxes is not None:
            self._boxes.end_runs()
            self._boxes.__exit__()

    def _examine(self) -> str | None:
        try:
            if differs := different(self.contents, box_contents(self.packages)):
                return differs
            self._boxes = Boxes(self.packages)
            elsewhere = (Path(path) for path in self.protected)
            require_safe_box((*own_files(), *(path for path in elsewhere if path.is_file())), self._boxes)
        except AutograderError as error:
            return str(error)
        return None

    def run(self, order: bytes, *, alone: bool) -> bytes:
        """Return what came out of a box for an order."""
        job, sent = read_order(order), Transcript()
        try:
            if self._boxes is None or self.refused:
                return write_result(Failed(digest(order), self.refused or "It has no box."))
            ending = self._boxes.keep(job, sent, alone=alone)
        except AutograderError as error:
            return write_result(Failed(digest(order), str(error)[:MOST_FAULT]))
        return write_result(Sent(digest(order), ending, bytes(sent.lines)))


def different(here: Mapping[str, str], there: Mapping[str, str]) -> str | None:
    """Return a sentence that names what a worker has otherwise than the coordinator; None if all is the same."""
    names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    if not names:
        return None
    told = [f"{name} is {there.get(name, 'not there')}, and here {here.get(name, 'not there')}" for name in names]
    more = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    return f"It has other versions: {'; '.join(told[:_MOST_TOLD])}{more}. Install the same there."


def run_order(order: bytes, alone: bool) -> bytes:
    """Run an order in a box of the worker that this is called on."""
    boxes = get_worker().plugins[WorkersBoxes.name]
    assert isinstance(boxes, WorkersBoxes)
    return boxes.run(order, alone=alone)


def standing(dask_worker: Worker) -> tuple[str | None, int]:
    """Return why a worker takes no jobs, if it does not; and how many it takes at a time."""
    boxes = dask_worker.plugins[WorkersBoxes.name]
    assert isinstance(boxes, WorkersBoxes)
    return boxes.refused, int(dask_worker.state.total_resources.get(BOX, 0))
