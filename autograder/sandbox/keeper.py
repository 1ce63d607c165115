"""Keep one notebook's run from outside: read what it sends, hold it to its limits, and say how it ended.

Whose fault an end was is decided here. A verdict is given only where it is certain that the learner's code brought it
about; whatever else happens to a box is `BoxBroken`, and ours.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from enum import Enum
from threading import Event
from typing import Protocol

import msgspec

from autograder.errors import BoxBroken
from autograder.records.grading import Ending
from autograder.sandbox import processes
from autograder.sandbox.cgroups import Group
from autograder.sandbox.clock import Clock, Used
from autograder.sandbox.inside import recording, zygote
from autograder.sandbox.policy import Limits

#: How often a running notebook is looked at for memory and processor time.
LOOK_SECONDS = 0.25

#: How much later than the keeper's own wall the one inside comes, and how long a box may take to end a notebook.
GRACE_SECONDS = 10.0
GRACE_CPU_SECONDS = 1.0

#: What a line counts for beside its bytes: to read ten million lines of one byte would take the grader seven seconds.
EACH_LINE = 64

#: Where the machine has no time for a notebook, it is given up after so many times its wall limit.
PATIENCE = 6.0

NO_TIME = (
    "the machine was too busy with other work to run the notebook: in {passed:.0f} s on the clock it could use "
    "{counted:.0f}. Grade again when there is less to do, or with fewer --workers."
)
NO_MEMORY = (
    "the kernel ended a process of the notebook for want of memory, and the notebook had not met its own limit of "
    "{limit:.1f} GB: the machine, or the container, has too little for what runs on it. Grade with fewer --workers, or "
    "where there is more memory."
)


class Recorder(Protocol):
    """What the lines that a notebook sends are entered into."""

    def take(self, line: bytes | bytearray) -> None:
        """Enter a line, which comes from the box and may say anything."""


def most_sent(limits: Limits) -> int:
    """Return how much a notebook may send, as `weight` counts."""
    return 2 * limits.output_bytes + 4 * 1024**2


def weight(sent: bytes) -> int:
    """Return what bytes that a notebook sends count: each one, and something for each line."""
    return len(sent) + EACH_LINE * sent.count(b"\n")


class Ready(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="ready"):
    """The box stands, and no code of a learner has run in it."""


class Ended(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="ended"):
    """A notebook's first process has ended, and all others with it: its wait status."""

    status: int


_REPORT: msgspec.json.Decoder[Ready | Ended] = msgspec.json.Decoder(Ready | Ended)

_ENDINGS = {
    recording.FINISHED: Ending.FINISHED,
    recording.OUTPUT_LIMIT: Ending.OUTPUT_LIMIT,
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


class Memory(Enum):
    """What is known of a notebook's memory."""

    FITS = "it holds no more than it may"
    LIMIT_MET = "it needed more than it may"
    TAKEN = "the kernel has ended a process that held no more than it may, because others did"


class Meter(Used, Protocol):
    """What a running notebook has used."""

    def memory(self, *, killed: bool = False) -> Memory:
        """Return what is known of its memory; ``killed`` says that it ended by a signal that may be the kernel's."""


class GroupMeter:
    """What the kernel has counted for a control group."""

    def __init__(self, group: Group) -> None:
        """Begin with a notebook that is about to enter the group."""
        self._group, self._before, self._delays = group, group.memory_ends(), processes.Delays()

    def cpu_seconds(self) -> float:
        """Return the processor time of the group."""
        return self._group.cpu_seconds()

    def waited_seconds(self) -> float | None:
        """Return what the group's tasks have waited since the last look."""
        return self._delays.since_last_look(self._group.members())

    def memory(self, *, killed: bool = False) -> Memory:
        """Return whether the kernel has ended a process of this notebook for memory, and whose limit was met."""
        now = self._group.memory_ends()
        if now.killed == self._before.killed:
            return Memory.FITS
        return Memory.LIMIT_MET if now.met > self._before.met else Memory.TAKEN


class ProcessMeter:
    """What the processes of a box show of themselves, where there is no control group."""

    def __init__(self, root: int, memory_bytes: int) -> None:
        """Look at a process and its descendants."""
        self._root, self._memory_bytes = root, memory_bytes
        self._delays, self._before = processes.Delays(), processes.machine_kills()

    def cpu_seconds(self) -> float:
        """Return the processor time of the processes, those included that were waited for."""
        return processes.cpu_seconds(processes.family(self._root))

    def waited_seconds(self) -> float | None:
        """Return what the processes' tasks have waited since the last look."""
        return self._delays.since_last_look(process.pid for process in processes.family(self._root))

    def memory(self, *, killed: bool = False) -> Memory:
        """Return whether the processes hold more than they may now, or may have been ended for others."""
        if killed and processes.machine_kills() > self._before:
            return Memory.TAKEN
        exceeds = processes.exceeds_memory(processes.family(self._root), self._memory_bytes)
        return Memory.LIMIT_MET if exceeds else Memory.FITS


def keep(
    control: socket.socket,
    way_out: int,
    record: Recorder,
    meter: Meter,
    limits: Limits,
    ended: Event,
    *,
    alone: bool,
) -> Ending:
    """Enter what a notebook sends into its record until it has ended, and return how it ended.

    ``ended`` is set when nobody wants the run any more; ``alone`` says that no other notebook of ours runs meanwhile.

    Raises
    ------
    BoxBroken
        If the box ended, did not end the notebook when told to, or ended it for no reason of the learner's; or if the
        machine had not the time or the memory that a notebook may use.
    """
    sent = _Sent(way_out, most_sent(limits))
    walls = _Walls(meter, limits, alone=alone)
    stopped: Ending | BoxBroken | None = None
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
        if stopped is None and ended.is_set():
            raise BoxBroken("The run was ended before the notebook was.")  # and its box is closed
        if stopped is None:
            stopped = Ending.OUTPUT_LIMIT if sent.left < 0 else walls.met()
            if stopped is not None:
                control.send(b"stop")
                deadline = time.monotonic() + GRACE_SECONDS
        elif time.monotonic() > deadline:
            raise BoxBroken("The box did not end a notebook that had met a limit.")
    ending = stopped or walls.ending(report.status)
    if isinstance(ending, BoxBroken):
        raise ending
    return ending


def _ended(report: Ready | Ended | None) -> Ended:
    if not isinstance(report, Ended):
        raise BoxBroken("The box ended while a notebook ran.")
    return report


class _Sent:
    """The lines that a notebook sends, up to a total size."""

    def __init__(self, descriptor: int, most: int) -> None:
        self.descriptor, self.left, self.is_open = descriptor, most, True
        self.pending = bytearray()

    def lines(self) -> list[bytes | bytearray]:
        """Return the whole lines that have come; none once there were too many bytes."""
        chunk = os.read(self.descriptor, 1 << 20)
        self.is_open = bool(chunk)
        self.left -= weight(chunk)
        if self.left < 0:
            return []
        first, *others = chunk.split(b"\n")
        self.pending += first
        if not others:
            return []
        whole, self.pending = self.pending, bytearray(others.pop())
        return [whole, *others]


class _Walls:
    """The limits that the keeper looks after; those inside are walls behind these."""

    def __init__(self, meter: Meter, limits: Limits, *, alone: bool) -> None:
        self.meter, self.limits, self.alone = meter, limits, alone
        self.clock = Clock(meter)
        self.cpu_end = meter.cpu_seconds() + limits.cpu_seconds + GRACE_CPU_SECONDS
        self.next_look = time.monotonic() + LOOK_SECONDS

    def met(self) -> Ending | BoxBroken | None:
        """Return the limit that was met, if any, or what else is a reason to stop."""
        if time.monotonic() < self.next_look:
            return None
        self.clock.look()
        self.next_look = time.monotonic() + LOOK_SECONDS
        memory = self.meter.memory()
        if memory is not Memory.FITS:
            return self._memory_ended(memory)
        if self.meter.cpu_seconds() > self.cpu_end:
            return Ending.TIMED_OUT
        clock, wall = self.clock, self.limits.wall_seconds
        if clock.counted > wall and (clock.ran_freely or (self.alone and clock.machine_had_time)):
            return Ending.TIMED_OUT
        if clock.counted > wall or clock.passed > PATIENCE * wall:
            return BoxBroken(NO_TIME.format(passed=clock.passed, counted=clock.counted))
        return None

    def _memory_ended(self, memory: Memory) -> Ending | BoxBroken:
        if memory is Memory.LIMIT_MET:
            return Ending.OUT_OF_MEMORY
        return BoxBroken(NO_MEMORY.format(limit=self.limits.memory_bytes / 1e9))

    def ending(self, status: int) -> Ending | BoxBroken:
        """Return how a notebook ended that was not stopped, by the status of its first process."""
        code = os.waitstatus_to_exitcode(status)
        memory = self.meter.memory(killed=code in (zygote.KILLED, -signal.SIGKILL))
        if memory is Memory.TAKEN or (memory is Memory.LIMIT_MET and code == zygote.KILLED):
            return self._memory_ended(memory)
        if code in _ENDINGS:
            return _ENDINGS[code]
        # No learner's code can end a notebook's first process.
        return BoxBroken(f"The walls around a notebook could not be built, or were ended from outside ({code}).")
