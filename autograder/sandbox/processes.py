"""Look at the processes of a box from outside: what they use together, where no control group counts it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable

import psutil


def family(root: int) -> list[psutil.Process]:
    """Return a process and its descendants."""
    try:
        return [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """Return the processor time of a box's processes, those included that have ended and were waited for."""
    return _total(processes, lambda process: sum(process.cpu_times()[:4]))


class Delays:
    """How long tasks wait for a processor that others have, look by look."""

    def __init__(self) -> None:
        """Begin with tasks that have not waited yet."""
        self._seen: dict[tuple[int, str], int] = {}
        self._are_told = os.path.exists("/proc/self/schedstat")

    def since_last_look(self, processes: Iterable[int]) -> float | None:
        """Return the seconds that all tasks of these processes have waited since the last look, added up.

        None where this kernel does not say how long a task waits.
        """
        if not self._are_told:
            return None
        now: dict[tuple[int, str], int] = {}
        for process in processes:
            for task in _tasks(process):
                told = f"/proc/{process}/task/{task}/schedstat"
                with contextlib.suppress(OSError), open(told, encoding="ascii") as file:  # it ended meanwhile
                    now[process, task] = int(file.read().split()[1])
        waited = sum(delay - self._seen.get(task, 0) for task, delay in now.items())
        self._seen = now
        return waited / 1e9


def exceeds_memory(processes: list[psutil.Process], limit: int) -> bool:
    """Return True if a box's processes hold more resident memory than they may."""
    # Resident sizes count a shared page once per process, and are cheap; shares of pages are exact, and are not.
    shared = _shared_without_a_name(processes)
    held = _total(processes, lambda p: p.memory_info().rss) + shared
    return held > limit < _total(processes, _share_of_pages) + shared


def _tasks(process: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{process}/task")
    except OSError:
        return []  # it ended meanwhile


def machine_kills() -> int:
    """Return how often this machine's kernel has ended a process for want of memory, since it started."""
    with contextlib.suppress(OSError), open("/proc/vmstat", encoding="ascii") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
    return 0


def _shared_without_a_name(processes: list[psutil.Process]) -> int:
    """Return the size of shared memory that is no file: its pages stay when all processes have let go of them."""
    sizes: dict[str, int] = {}
    for process in processes:
        with (
            contextlib.suppress(OSError),
            open(f"/proc/{process.pid}/maps", encoding="utf-8", errors="replace") as maps,
        ):
            for line in maps:
                if "/dev/zero (deleted)" in line:
                    place, _, _, _, inode, _ = line.split(maxsplit=5)
                    start, stop = (int(end, 16) for end in place.split("-"))
                    sizes[inode] = max(sizes.get(inode, 0), stop - start)
    return sum(sizes.values())


def _share_of_pages(process: psutil.Process) -> int:
    try:
        share: int = process.memory_full_info().pss
    except psutil.AccessDenied:
        # A process may hide its pages; then all of them count.
        share = process.memory_info().rss
    return share


def _total(processes: list[psutil.Process], size: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
            total += size(process)
    return total
