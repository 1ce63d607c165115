"""Keep one notebook's run from outside: read what it sends, hold it to its limits, and say how it ended.

Whose fault an end was is decided here. A verdict is given only where it is certain that the learner's code brought it
about; whatever else happens to a box is `BoxBroken`, and ours.
"""

from __future__ import annotations

import os
import select
import socket
import time
from typing import Protocol

import msgspec

from autograder.errors import BoxBroken
from autograder.records import Ending
from autograder.sandbox import watch
from autograder.sandbox.cgroups import Group
from autograder.sandbox.inside import notebook, zygote
from autograder.sandbox.policy import Limits
from autograder.sandbox.record import Record

#: How often a running notebook is looked at for memory and processor time.
LOOK_SECONDS = 0.25

#: How much later than the wall inside the keeper's own wall comes, and how long a box may take to end a notebook.
GRACE_SECONDS = 10.0
GRACE_CPU_SECONDS = 1.0


class Ready(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="ready"):
    """The box stands, and no code of a learner has run in it."""


class Ended(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="ended"):
    """A notebook's first process has ended, and all others with it: its wait status."""

    status: int


_REPORT: msgspec.json.Decoder[Ready | Ended] = msgspec.json.Decoder(Ready | Ended)

_ENDINGS = {
    notebook.FINISHED: Ending.FINISHED,
    notebook.OUTPUT_LIMIT: Ending.OUTPUT_LIMIT,
    zygote.TIMED_OUT: Ending.TIMED_OUT,
    zygote.CRASHED: Ending.CRASHED,
    zygote.KILLED: Ending.CRASHED,
}


def read_report(control: socket.socket) -> Ready | Ended | None:
    """Return what the box reports, None if it has ended.

    Raises
    ------
    BoxBroken
        If it reports anything else.
    """
    try:
        report = control.recv(4096)
        return _REPORT.decode(report) if report else None
    except ConnectionResetError:
        return None
    except msgspec.DecodeError as error:
        raise BoxBroken("The box reported what no box of ours reports.") from error


class Meter(Protocol):
    """What a running notebook has used."""

    def cpu_seconds(self) -> float:
        """Return the processor time of all its processes, on a clock that began before it did."""

    def memory_has_ended(self) -> bool:
        """Return True if it needed more memory than it may."""


class GroupMeter:
    """What the kernel has counted for a control group."""

    def __init__(self, group: Group) -> None:
        """Begin with a notebook that is about to enter the group."""
        self._group, self._before = group, group.memory_ends()

    def cpu_seconds(self) -> float:
        """Return the processor time of the group."""
        return self._group.cpu_seconds()

    def memory_has_ended(self) -> bool:
        """Return True if the kernel has ended a process of this notebook for memory."""
        return self._group.memory_ends() > self._before


class ProcessMeter:
    """What the processes of a box show of themselves, where there is no control group."""

    def __init__(self, root: int, memory_bytes: int) -> None:
        """Look at a process and its descendants."""
        self._root, self._memory_bytes = root, memory_bytes

    def cpu_seconds(self) -> float:
        """Return the processor time of the processes, those included that were waited for."""
        return watch.cpu_seconds(watch.family(self._root))

    def memory_has_ended(self) -> bool:
        """Return True if the processes hold more than they may now."""
        return watch.exceeds_memory(watch.family(self._root), self._memory_bytes)


def keep(control: socket.socket, way_out: int, record: Record, meter: Meter, limits: Limits) -> Ending:
    """Enter what a notebook sends into its record until it has ended, and return how it ended.

    Raises
    ------
    BoxBroken
        If the box ended, did not end the notebook when told to, or ended it for no reason of the learner's.
    """
    sent = _Sent(way_out, 2 * limits.output_bytes + 4 * 1024**2)
    walls = _Walls(meter, limits)
    stopped: Ending | None = None
    report: Ended | None = None
    while report is None or sent.is_open:
        awaited = [control.fileno()] * (report is None) + [way_out] * sent.is_open
        ready = select.select(awaited, [], [], LOOK_SECONDS)[0]
        for line in sent.lines() if way_out in ready else ():
            record.take(line)
        if report is not None and not ready:
            break  # its processes have ended; a way out that is open lies in a socket that nobody reads
        if control.fileno() in ready:
            report = _ended(read_report(control))
            continue
        met = Ending.OUTPUT_LIMIT if sent.left < 0 else walls.met()
        if met is not None and stopped is None:
            stopped = met
            control.send(b"stop")
            walls.deadline = time.monotonic() + GRACE_SECONDS
        elif stopped is not None and time.monotonic() > walls.deadline:
            raise BoxBroken("The box did not end a notebook that had met a limit.")
    return stopped or _ending(report.status, memory_ended=meter.memory_has_ended())


def _ended(report: Ready | Ended | None) -> Ended:
    if not isinstance(report, Ended):
        raise BoxBroken("The box ended while a notebook ran.")
    return report


def _ending(status: int, *, memory_ended: bool) -> Ending:
    code = os.waitstatus_to_exitcode(status)
    if memory_ended and code in (zygote.KILLED, -9):
        return Ending.OUT_OF_MEMORY
    if code not in _ENDINGS:
        # No learner's code can end a notebook's first process.
        raise BoxBroken(f"The walls around a notebook could not be built, or were ended from outside ({code}).")
    return _ENDINGS[code]


class _Sent:
    """The lines that a notebook sends, up to a total size."""

    def __init__(self, descriptor: int, most: int) -> None:
        self.descriptor, self.left, self.is_open = descriptor, most, True
        self.pending: list[bytes] = []

    def lines(self) -> list[bytes]:
        """Return the whole lines that have come; none once there were too many bytes."""
        chunk = os.read(self.descriptor, 1 << 20)
        self.is_open = bool(chunk)
        self.left -= len(chunk)
        if self.left < 0:
            return []
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join((*self.pending, lines[0]))
            self.pending.clear()
        self.pending.append(rest)
        return lines


class _Walls:
    """The limits that the keeper itself looks after: the walls behind the walls inside."""

    def __init__(self, meter: Meter, limits: Limits) -> None:
        self.meter = meter
        self.deadline = time.monotonic() + limits.wall_seconds + GRACE_SECONDS
        self.cpu_end = meter.cpu_seconds() + limits.cpu_seconds + GRACE_CPU_SECONDS
        self.next_look = time.monotonic() + LOOK_SECONDS

    def met(self) -> Ending | None:
        """Return the limit that was met, if any."""
        now = time.monotonic()
        if now > self.deadline:
            return Ending.TIMED_OUT
        if now > self.next_look:
            self.next_look = now + LOOK_SECONDS
            if self.meter.memory_has_ended():
                return Ending.OUT_OF_MEMORY
            if self.meter.cpu_seconds() > self.cpu_end:
                return Ending.TIMED_OUT
        return None
