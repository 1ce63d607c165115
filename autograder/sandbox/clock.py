"""The time that a notebook could have used: what passes on the wall, less what others' processes kept from it.

Eight busy processes beside it leave a notebook a fraction of the processor. It must not time out for that, and one that
sleeps, or waits for processes of its own, must. So for every look the clock asks how long the notebook's tasks ran and
how long they waited for a processor. A virtual machine waits for processors itself, which no task of it is told; the
notebook has its share of that. What its tasks could not have used, however empty the machine, is not lost to others,
and no more is lost than others ran: tasks that run in short bursts wait for each other, too.
"""

from __future__ import annotations

import os
import time
from typing import Protocol

import psutil

#: Less than this share of the time is lost to others on a machine where nothing happens, too.
LITTLE = 0.05


#: How exactly the kernel tells for how long a processor was busy, in seconds.
TICK = 0.01


class Used(Protocol):
    """What the clock asks of a running notebook."""

    def cpu_seconds(self) -> float:
        """Return the processor time of all its processes, on a clock that began before it did."""

    def waited_seconds(self) -> float | None:
        """Return how long its tasks have waited for a processor since this was last asked, added up; None if untold."""


class Clock:
    """Counts the seconds of a notebook that has just begun."""

    def __init__(self, used: Used) -> None:
        """Begin now."""
        self._used = used
        self._processors = len(os.sched_getaffinity(0))
        self._began = self._last = time.monotonic()
        self._ran, self._idle = used.cpu_seconds(), psutil.cpu_times().idle
        self._busy, self._stolen = busy_seconds(), stolen_seconds()
        self._is_told = used.waited_seconds() is not None
        self.lost = 0.0

    def look(self) -> None:
        """Count what has passed since the last look."""
        now, ran, waited = time.monotonic(), self._used.cpu_seconds(), self._used.waited_seconds()
        busy, stolen, ran_now = busy_seconds(), stolen_seconds(), ran - self._ran
        stolen_now = share_of_stolen(stolen - self._stolen, ran_now, busy - self._busy)
        lost = lost_seconds(now - self._last, ran_now, (waited or 0.0) + stolen_now, self._processors)
        self.lost += min(lost, max(busy - self._busy - ran_now + TICK * self._processors, 0.0))
        self._last, self._ran, self._busy, self._stolen = now, ran, busy, stolen

    @property
    def passed(self) -> float:
        """Seconds since the beginning, until the last look."""
        return self._last - self._began

    @property
    def counted(self) -> float:
        """Seconds that the notebook could have used."""
        return self.passed - self.lost

    @property
    def ran_freely(self) -> bool:
        """True if the notebook is certain to have had the processor whenever it could use it."""
        return self.lost <= LITTLE * self.passed if self._is_told else self.machine_had_time

    @property
    def machine_had_time(self) -> bool:
        """True if processors of the machine were idle meanwhile."""
        return bool(psutil.cpu_times().idle - self._idle > LITTLE * self.passed)


def busy_seconds() -> float:
    """Return the seconds that the processors of this machine did not idle, added up, since it started.

    What the machine itself had to wait for, where it is one of several on another, is among them.
    """
    times = psutil.cpu_times()
    return float(sum(times[:8]) - times.idle - getattr(times, "iowait", 0.0))


def stolen_seconds() -> float:
    """Return the seconds that the processors of this machine had to wait, if it is a virtual one, since it started."""
    return float(psutil.cpu_times().steal)


def share_of_stolen(stolen: float, ran: float, busy: float) -> float:
    """Return how many of the seconds that were ``stolen`` from this machine would have been those of certain tasks.

    They ``ran`` so many seconds, and the processors of the machine were ``busy`` for so many, the stolen ones included.
    Nobody knows who would have run: all who did are taken to be met alike, and who sleeps loses nothing.
    """
    return stolen * ran / max(busy - stolen, ran) if ran > 0.0 else 0.0


def lost_seconds(passed: float, ran: float, waited: float, processors: int) -> float:
    """Return how many seconds, of those that ``passed`` on the wall, tasks lost to those of others.

    ``ran`` and ``waited`` are the seconds that they ran, and that they were ready to run and did not, added up over the
    tasks. Tasks beyond the number of the machine's ``processors`` wait for each other, and lose nothing by that.
    """
    could_run = min(ran + waited, processors * passed)
    at_a_time = max(could_run / passed, 1.0) if passed > 0 else 1.0
    return min(max(could_run - ran, 0.0) / at_a_time, passed)
