"""Control groups: memory and processes of a notebook counted by the kernel, where this machine lets us.

A box has one group in which its notebooks run one after the other. What is counted includes files in memory and pages
that no process maps any more. Groups share the processor equally, however many processes each has. Where there is no
group, `autograder.sandbox.processes` looks at the processes instead, and their own limits hold.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil

from autograder.sandbox.policy import Limits

MOUNTS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")

#: Begins the names of our groups; then come the keeper's process number and a counter.
PREFIX = "mlm-"

_NUMBERS = count()


@dataclass(frozen=True)
class MemoryEnds:
    """How often a group's own limit of memory was met, and how often the kernel ended one of its processes.

    The kernel ends processes where the memory of the machine, or of a group around this one, is used up too: a process
    may have been ended for what others held.
    """

    met: int
    killed: int


@dataclass(frozen=True)
class Group:
    """One group for the notebooks of one box: a folder in each hierarchy that counts something.

    ``version`` is that of the kernel's interface, 1 or 2; ``shares`` is where the processor is shared out, if anywhere.
    """

    version: int
    memory: Path
    processes: Path
    processor: Path
    shares: Path | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """The group's folders, each once."""
        every = (self.memory, self.processes, self.processor, self.shares)
        return tuple(dict.fromkeys(folder for folder in every if folder is not None))

    def limit(self, limits: Limits) -> None:
        """Set what a notebook may use; nothing of another notebook is in the group by then."""
        name = "memory.limit_in_bytes" if self.version == 1 else "memory.max"
        (self.memory / name).write_text(str(limits.memory_bytes))
        if self.version == 2:
            with contextlib.suppress(OSError):  # a kernel that counts no swap
                (self.memory / "memory.swap.max").write_text("0")
        (self.processes / "pids.max").write_text(str(limits.processes))

    def doors(self) -> list[int]:
        """Return descriptors, to be closed by the caller, by which a process enters the group."""
        return [os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder in self.folders]

    def memory_ends(self) -> MemoryEnds:
        """Return how often memory has ended so far."""
        if self.version == 1:
            met = int((self.memory / "memory.failcnt").read_text())
            return MemoryEnds(met, _field(self.memory / "memory.oom_control", "oom_kill"))
        local = self.memory / "memory.events.local"
        return MemoryEnds(_field(local, "oom"), _field(local, "oom_kill"))

    def members(self) -> list[int]:
        """Return the numbers of the processes in the group."""
        return [int(line) for line in (self.processor / "cgroup.procs").read_text().split()]

    def held_in_files(self) -> int:
        """Return the bytes in files of memory and in shared memory, whether a process still has them or not."""
        return _field(self.memory / "memory.stat", "shmem")

    def cpu_seconds(self) -> float:
        """Return the processor time that all processes of the group have used, those included that have ended."""
        if self.version == 1:
            return int((self.processor / "cpuacct.usage").read_text()) / 1e9
        return _field(self.processor / "cpu.stat", "usage_usec") / 1e6

    def remove(self) -> None:
        """Remove the group; its processes have ended."""
        for folder in self.folders:
            _remove(folder)


def _field(file: Path, name: str) -> int:
    pairs = (line.split() for line in file.read_text().splitlines())
    return next((int(pair[1]) for pair in pairs if pair[0] == name), 0)


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not made, or someone else's process is in it
        folder.rmdir()


def open_group() -> Group | None:
    """Return a new group, or None where this machine does not let us make one that limits memory and processes."""
    for group in _candidates():
        try:
            for folder in group.folders:
                remove_left_behind(folder.parent)
                folder.mkdir()
            group.limit(Limits())
            for door in group.doors():
                os.close(door)
            return group
        except OSError:
            group.remove()
    return None


def _candidates() -> Iterator[Group]:
    """Yield the groups that might be made: beside or below our own, in the hierarchies of either version."""
    name = f"{PREFIX}{os.getpid()}-{next(_NUMBERS)}"
    own = dict(_own_groups())
    if {"memory", "pids", "cpuacct"} <= own.keys():
        shares = own["cpu"] / name if "cpu" in own else None
        yield Group(1, own["memory"] / name, own["pids"] / name, own["cpuacct"] / name, shares)
    if "" in own:
        for parent in (own[""], own[""].parent):
            if _gives(parent):
                yield Group(2, parent / name, parent / name, parent / name)


def _own_groups() -> Iterator[tuple[str, Path]]:
    """Yield each controller of version 1, and ``""`` for version 2, with the folder of our own group."""
    try:
        lines = OWN_GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            mount = MOUNTS / controller if controller else MOUNTS
            if (mount / path.lstrip("/")).is_dir():
                yield controller, mount / path.lstrip("/")


def memory_there_is() -> int:
    """Return the bytes of memory that this machine has, or the groups that we are in allow if that is less."""
    limits = [int(psutil.virtual_memory().total)]
    for controller, folder in _own_groups():
        if controller in ("memory", ""):
            for parent in (folder, *folder.parents):
                for name in ("memory.limit_in_bytes", "memory.max"):
                    with contextlib.suppress(OSError, ValueError):  # not there, or "max"
                        limits.append(int((parent / name).read_text()))
    return min(limits)


def _gives(parent: Path) -> bool:
    """Return True if groups made in a folder of version 2 count memory and processes."""
    try:
        return {"memory", "pids"} <= set((parent / "cgroup.subtree_control").read_text().split())
    except OSError:
        return False


def remove_all_left_behind() -> None:
    """Remove the groups of keepers that were killed, wherever ours would be; opening a box does so, too."""
    for parent in {folder.parent for group in _candidates() for folder in group.folders}:
        remove_left_behind(parent)


def remove_left_behind(parent: Path) -> None:
    """Remove the groups of keepers that were killed; one that still holds a process cannot be removed, and stays."""
    for folder in parent.glob(f"{PREFIX}*"):
        keeper = folder.name.removeprefix(PREFIX).split("-")[0]
        if keeper.isdigit() and not Path("/proc", keeper).exists():
            _remove(folder)
