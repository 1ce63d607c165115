"""Control groups: memory and processes of a notebook counted by the kernel, where this machine lets us.

A box has one group in which its notebooks run one after the other. What is counted includes files in memory and pages
that no process maps any more. Where there is no group, `autograder.sandbox.watch` looks at the processes instead, and
their own limits hold.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from autograder.sandbox.policy import Limits

MOUNTS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")

#: Begins the names of our groups; then come the keeper's process number and a counter.
PREFIX = "mlm-"

_NUMBERS = count()


@dataclass(frozen=True)
class Group:
    """One group for the notebooks of one box: a folder in each hierarchy that counts something.

    ``version`` is that of the kernel's interface, 1 or 2.
    """

    version: int
    memory: Path
    processes: Path
    processor: Path

    @property
    def folders(self) -> tuple[Path, ...]:
        """The group's folders, each once."""
        return tuple(dict.fromkeys((self.memory, self.processes, self.processor)))

    def limit(self, limits: Limits) -> None:
        """Set what a notebook may use; nothing of another notebook is in the group by then."""
        name = "memory.limit_in_bytes" if self.version == 1 else "memory.max"
        (self.memory / name).write_text(str(limits.memory_bytes))
        if self.version == 2:
            with contextlib.suppress(OSError):  # a kernel that counts no swap
                (self.memory / "memory.swap.max").write_text("0")
        (self.processes / "pids.max").write_text(str(limits.processes + 1))  # one is ours, which waits

    def doors(self) -> list[int]:
        """Return descriptors, to be closed by the caller, by which a process enters the group."""
        return [os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder in self.folders]

    def memory_ends(self) -> int:
        """Return how often the kernel has ended a process of the group because its memory was used up."""
        file = self.memory / ("memory.oom_control" if self.version == 1 else "memory.events")
        return _field(file, "oom_kill")

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
        yield Group(1, own["memory"] / name, own["pids"] / name, own["cpuacct"] / name)
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


def _gives(parent: Path) -> bool:
    """Return True if groups made in a folder of version 2 count memory and processes."""
    try:
        return {"memory", "pids"} <= set((parent / "cgroup.subtree_control").read_text().split())
    except OSError:
        return False


def remove_left_behind(parent: Path) -> None:
    """Remove the groups of keepers that were killed; one that still holds a process cannot be removed, and stays."""
    for folder in parent.glob(f"{PREFIX}*"):
        keeper = folder.name.removeprefix(PREFIX).split("-")[0]
        if keeper.isdigit() and not Path("/proc", keeper).exists():
            _remove(folder)
