"""One open box, seen from outside: open it, hand it a notebook, close it so that nothing of it is left."""

from __future__ import annotations

import base64
import json
import os
import random
import select
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from threading import Event

import psutil

from autograder.errors import BoxBroken
from autograder.records.grading import Ending
from autograder.sandbox import bubblewrap, processes, systemcalls
from autograder.sandbox.cgroups import open_group
from autograder.sandbox.keeper import (
    GRACE_SECONDS,
    PATIENCE,
    GroupMeter,
    Meter,
    ProcessMeter,
    Ready,
    Recorder,
    keep,
    read_report,
)
from autograder.sandbox.policy import Limits

#: A cold disk needs a while to read the scientific stack; a box that is not ready by then is broken.
STARTUP_SECONDS = 120.0

#: User numbers no account has: in a box that root opens, each notebook runs as one of these.
UNUSED_USERS = range(61184, 65519)

#: Who the learner's code is where a user namespace opens the box.
USER_INSIDE = 1000

#: The share of a notebook's memory that may still be held when it has ended, for the box to be used again.
MOST_LEFT = 1 / 16


@dataclass(frozen=True)
class Job:
    """What a box is asked to run: the cells of a notebook, None for one that is not code, on one panel.

    ``asked`` are the names of the answers that are kept; without it, all are. ``outputs`` says whether what cells show
    is kept. ``locked`` are the places of the cells that are ours. ``files`` lie beside the notebook, by their paths
    from there; none takes the place of the panel's. ``error_ends_cell`` says that what comes in a cell after its first
    error is not run.
    """

    name: str
    cells: tuple[str | None, ...]
    panel_csv: bytes
    limits: Limits = field(default_factory=Limits)
    asked: frozenset[str] | None = None
    outputs: bool = True
    locked: frozenset[int] = frozenset()
    files: Mapping[str, bytes] = field(default_factory=dict)
    error_ends_cell: bool = False

    @property
    def order(self) -> dict[str, object]:
        """What the box is told, as JSON can write it."""
        return {
            "name": self.name,
            "cells": self.cells,
            "locked": sorted(self.locked),
            "files": {path: base64.b64encode(content).decode("ascii") for path, content in self.files.items()},
            "error_ends_cell": self.error_ends_cell,
        }


class Box:
    """A box with the scientific stack imported, which runs one notebook at a time."""

    def __init__(self, packages: tuple[str, ...] = ()) -> None:
        """Start to open a box; it is open when `await_ready` has returned.

        ``packages`` are the distributions that its notebooks may import besides.

        Raises
        ------
        BoxUnavailable
            If there is no bubblewrap or no libseccomp.
        """
        self._as_root = os.geteuid() == 0
        self._filter = systemcalls.compiled_filter()
        self._complaints = os.memfd_create("mlm")
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    bubblewrap.command(theirs.fileno(), as_root=self._as_root, packages=packages),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._complaints,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                    # The first process of the box keeps this environment, where others could read it.
                    env={},
                )
        except BaseException:
            self._control.close()
            os.close(self._complaints)
            raise
        self._group = open_group()

    @property
    def is_open(self) -> bool:
        """True while the box's processes run."""
        return self._process.poll() is None

    def is_as_new(self, limits: Limits) -> bool:
        """Return True if a notebook that has ended left next to no memory behind, which the next one would miss."""
        return self._group is None or self._group.held_in_files() <= MOST_LEFT * limits.memory_bytes

    @property
    def root(self) -> int:
        """The number of the box's outermost process."""
        return self._process.pid

    def await_ready(self) -> None:
        """Wait until the scientific stack is imported.

        Raises
        ------
        BoxUnavailable
            If bubblewrap is not allowed here.
        BoxBroken
            If the box ends, or is not ready in time.
        """
        if not select.select([self._control], [], [], STARTUP_SECONDS)[0]:
            raise BoxBroken(f"The box was not ready in {STARTUP_SECONDS:g} s. The machine is too small or too busy.")
        if not isinstance(read_report(self._control), Ready):
            bubblewrap.refuse(self._complaint())

    def run(self, job: Job, record: Recorder, ended: Event, *, alone: bool) -> Ending:
        """Run a notebook, enter what it sends into a record, and return how it ended.

        ``ended`` is set when nobody wants it any more; ``alone`` says that no other notebook of ours runs meanwhile.

        Raises
        ------
        BoxBroken
            If the box or the machine fails, and not by what the learner's code did. The box must then be closed.
        """
        # The wall inside is for when the keeper fails: it knows nothing of what others take from the notebook's time.
        walls = {**asdict(job.limits), "wall_seconds": PATIENCE * job.limits.wall_seconds + GRACE_SECONDS}
        contents = json.dumps({**job.order, "limits": walls}).encode()
        meter = self._meter(job.limits)
        way_out, inner_end = os.pipe()
        descriptors = [inner_end]
        try:
            descriptors += map(_memory_file, (contents, job.panel_csv, self._filter))
            if self._group is not None:
                descriptors += self._group.doors()
            user = random.SystemRandom().choice(UNUSED_USERS) if self._as_root else USER_INSIDE
            socket.send_fds(self._control, [json.dumps({"user": user}).encode()], descriptors)
            while descriptors:
                os.close(descriptors.pop())
            return keep(self._control, way_out, record, meter, job.limits, ended, alone=alone)
        except (BoxBroken, OSError) as error:
            raise BoxBroken(f"{error} {self._complaint()}".strip()) from error
        finally:
            for descriptor in (way_out, *descriptors):
                os.close(descriptor)

    def _meter(self, limits: Limits) -> Meter:
        if self._group is None:
            return ProcessMeter(self._process.pid, limits.memory_bytes)
        self._group.limit(limits)
        return GroupMeter(self._group)

    def _complaint(self) -> str:
        return os.pread(self._complaints, 4000, 0).decode("utf-8", "replace").strip()

    def close(self) -> None:
        """End every process of the box and remove what was made for it."""
        family = processes.family(self._process.pid)
        self._control.close()  # by which the box knows that it is no longer needed
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _, left = psutil.wait_procs(family, GRACE_SECONDS)
        for process in left:
            process.kill()
        os.close(self._complaints)
        if self._group is not None:
            self._group.remove()


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("mlm")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
