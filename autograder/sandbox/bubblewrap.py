"""Build the box with bubblewrap, run a job in it, and keep the record of what came out.

The record is written here, outside, by the keeper; what the box says of itself only fills it in. A job that cannot be
run for a reason of ours raises `BoxUnavailable` or `BoxBroken` and never becomes a verdict.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

import psutil

from autograder import answers
from autograder.errors import BoxBroken, BoxUnavailable
from autograder.records import CellError, CellRun, Ending, NotebookRun
from autograder.sandbox import policy
from autograder.sandbox.policy import Limits, Mount

INSIDE = Path(__file__).with_name("inside.py")

#: A cold disk needs a while to read the scientific stack; a box that is not ready by then is broken.
STARTUP_SECONDS = 120.0

#: How often a whole box is looked at for memory and processor time; its processes have hard limits of their own.
LOOK_SECONDS = 0.25

#: More answers than any notebook asks for; further names are not kept.
MAX_ANSWERS = 1_000

#: User numbers no account has: in a box that root opens, the learner's code runs as one of these.
UNUSED_USERS = range(61184, 65519)

INSTALL_ADVICE = (
    "Install bubblewrap (Debian and Ubuntu: sudo apt-get install bubblewrap). Where it is installed and refused, user "
    "namespaces are switched off: on Ubuntu 24.04, sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0; under "
    "Docker or Podman, start the container with --privileged or --security-opt seccomp=unconfined --cap-add SYS_ADMIN."
)


@dataclass(frozen=True)
class Job:
    """What one box is asked to run: code cells by notebook (None for a cell that is not code), on one panel."""

    notebooks: Mapping[str, tuple[str | None, ...]]
    panel_csv: bytes
    limits: Limits = field(default_factory=Limits)


def run_job(job: Job) -> dict[str, NotebookRun]:
    """Return one run for every notebook of the job.

    Notebooks share a box while they behave. One that brings the box down has its verdict, and those it kept from
    running get a new box.

    Raises
    ------
    BoxUnavailable
        If bubblewrap is missing or not allowed here.
    BoxBroken
        If the box ends before any code of the learner ran.
    """
    runs: dict[str, NotebookRun] = {}
    while remaining := {name: cells for name, cells in job.notebooks.items() if name not in runs}:
        runs |= _run_once(Job(remaining, job.panel_csv, job.limits))
    return runs


def command(job: Job, *, user: int | None, job_fd: int, panel_fd: int) -> list[str]:
    """Return the bubblewrap command line that opens the box of a job.

    ``user`` is the number to become where root opens the box, or None, where a user namespace does it. ``job_fd`` and
    ``panel_fd`` are open descriptors the two files of the box are copied from.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise BoxUnavailable(f"The program bwrap was not found, and without the box nothing is run. {INSTALL_ADVICE}")
    mounts = (*policy.system_mounts(), *policy.python_mounts(), *policy.library_mounts())
    inside = Mount(INSIDE, "/box/inside.py")
    line = [bwrap, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    line += ["--hostname", "box", "--die-with-parent", "--new-session", "--clearenv"]
    if user is None:
        line += ["--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"]
    for directory in _parents([*mounts, inside]):
        line += ["--perms", "0755", "--dir", directory]
    for mount in (*mounts, inside):
        line += ["--ro-bind" if mount.required else "--ro-bind-try", str(mount.source), mount.target]
    for hidden in policy.hidden_directories():
        line += ["--perms", "0755", "--size", "4096", "--tmpfs", hidden, "--remount-ro", hidden]
    for link in ("lib", "lib64"):
        if Path("/", link).exists():
            line += ["--symlink", f"usr/{link}", f"/{link}"]
    scratch = str(job.limits.scratch_bytes)
    line += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", scratch, "--tmpfs", "/dev/shm"]
    line += ["--perms", "1777", "--size", scratch, "--tmpfs", "/tmp"]
    line += ["--perms", "0444", "--ro-bind-data", str(job_fd), "/box/job.json"]
    line += ["--perms", "0444", "--ro-bind-data", str(panel_fd), "/box/panel.csv"]
    # In a user namespace the box's user owns /dev, a file system in memory without a bound.
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    for name, value in policy.environment().items():
        line += ["--setenv", name, value]
    return [*line, "/box/python/bin/python", "-I", "-S", "/box/inside.py"]


def _parents(mounts: list[Mount]) -> list[str]:
    # bubblewrap would make these for its own user alone, and the box's user could not pass.
    found: dict[str, None] = {}
    for mount in mounts:
        for parent in reversed(PurePosixPath(mount.target).parents):
            if str(parent) != "/":
                found[str(parent)] = None
    return list(found)


def _run_once(job: Job) -> dict[str, NotebookRun]:
    record = _Record(job)
    user = random.SystemRandom().choice(UNUSED_USERS) if os.geteuid() == 0 else None
    contents = {
        "notebooks": [{"name": name, "cells": cells} for name, cells in job.notebooks.items()],
        "limits": asdict(job.limits),
        "user": user,
    }
    job_fd, panel_fd = _memory_file(json.dumps(contents).encode()), _memory_file(job.panel_csv)
    try:
        line = command(job, user=user, job_fd=job_fd, panel_fd=panel_fd)
        process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(job_fd, panel_fd),
            start_new_session=True,
            # The first process of the box keeps the environment it was started with, where the others can read it.
            env={},
        )
    finally:
        os.close(job_fd)
        os.close(panel_fd)
    with process:
        try:
            _keep(process, record)
        finally:
            process.kill()
        assert process.stderr is not None
        complaint = process.stderr.read(4000).decode("utf-8", "replace").strip()
    return record.finish(complaint)


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("mlm")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _keep(process: subprocess.Popen[bytes], record: _Record) -> None:
    """Read events until the box ends or breaks a limit; say which.

    Every clock here starts at most once per notebook, so that no box lasts longer than all its notebooks may.
    """
    limits = record.job.limits
    bytes_left = (2 * limits.output_bytes + 4 * 1024**2) * len(record.job.notebooks)
    deadline, cpu_end = time.monotonic() + STARTUP_SECONDS, STARTUP_SECONDS
    next_look = 0.0
    pending: list[bytes] = []
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    while True:
        if time.monotonic() > deadline:
            return record.stop(Ending.TIMED_OUT)
        if time.monotonic() > next_look:
            next_look = time.monotonic() + LOOK_SECONDS
            family = _family(process.pid)
            if _exceeds_memory(family, limits.memory_bytes):
                return record.stop(Ending.OUT_OF_MEMORY)
            if _cpu_seconds(family) > cpu_end:
                return record.stop(Ending.TIMED_OUT)
        if not select.select([descriptor], [], [], LOOK_SECONDS)[0]:
            continue
        chunk = os.read(descriptor, 1 << 20)
        bytes_left -= len(chunk)
        if not chunk:
            return None
        if bytes_left < 0:
            return record.stop(Ending.OUTPUT_LIMIT)
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join((*pending, lines[0]))
            pending.clear()
        pending.append(rest)
        for line in lines:
            if record.take(line):
                # The box watches each notebook's time itself; these are the walls behind that wall.
                deadline = time.monotonic() + limits.wall_seconds + 10.0
                cpu_end = _cpu_seconds(_family(process.pid)) + limits.cpu_seconds + 5.0


def _family(root: int) -> list[psutil.Process]:
    """Return a process and its descendants."""
    try:
        return [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu_seconds(family: list[psutil.Process]) -> float:
    """Return the processor time of a box's processes, those included that have ended and were waited for."""
    return _total(family, lambda process: sum(process.cpu_times()[:4]))


def _exceeds_memory(family: list[psutil.Process], limit: int) -> bool:
    """Return True if a box's processes hold more resident memory than they may."""
    # Resident sizes count a shared page once per process, and are cheap; shares of pages are exact, and are not.
    return _total(family, lambda p: p.memory_info().rss) > limit < _total(family, _share_of_pages)


def _share_of_pages(process: psutil.Process) -> int:
    try:
        share: int = process.memory_full_info().pss
    except psutil.AccessDenied:
        # A process may hide its pages; then all of them count.
        share = process.memory_info().rss
    return share


def _total(family: list[psutil.Process], size: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
            total += size(process)
    return total


class _Record:
    """The keeper's record of one box: filled by its events, closed by what the keeper saw."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.ready = False
        self.stopped: Ending | None = None
        self.current: str | None = None
        self.started: set[str] = set()
        self.endings: dict[str, Ending] = {}
        self.cells: dict[str, dict[int, CellRun]] = {name: {} for name in job.notebooks}
        self.answers: dict[str, dict[str, answers.Value]] = {name: {} for name in job.notebooks}

    def stop(self, ending: Ending) -> None:
        """Note the limit for which the keeper ends the box."""
        self.stopped = ending

    def take(self, line: bytes) -> bool:
        """Enter one event; True if a notebook's clock starts anew. What makes no sense is left out."""
        event = answers.parse_event(line)
        if isinstance(event, answers.Ready):
            first, self.ready = not self.ready, True
            return first
        if event is None or not self.ready:
            return False
        name = event.notebook
        if name not in self.job.notebooks or name in self.endings:
            return False
        match event:
            case answers.Start():
                new = name not in self.started
                self.started.add(name)
                self.current = name
                return new
            case answers.CellDone(_, index, outputs, error) if 0 <= index < len(self.job.notebooks[name]):
                shown = CellError(error.name, error.message) if error else None
                self.cells[name][index] = CellRun(index, outputs, shown)
            case answers.Answer(_, item, value) if len(self.answers[name]) < MAX_ANSWERS:
                self.answers[name][item] = value
            case answers.End(_, how):
                self.endings[name] = Ending(how) if how in set(Ending) else Ending.CRASHED
        return False

    def finish(self, complaint: str) -> dict[str, NotebookRun]:
        """Return the runs of all notebooks that were reached."""
        if not self.ready:
            _refuse(complaint, self.stopped)
        reached = set(self.endings)
        unreached = [name for name in self.job.notebooks if name not in reached]
        if unreached:
            # The notebook that was running when the box ended is the one that ended it.
            culprit = self.current if self.current in unreached else unreached[0]
            self.endings[culprit] = self.stopped or Ending.CRASHED
        return {
            name: NotebookRun(name, ending, tuple(c for _, c in sorted(self.cells[name].items())), self.answers[name])
            for name, ending in self.endings.items()
        }


def _refuse(complaint: str, stopped: Ending | None) -> None:
    if stopped is not None:
        raise BoxBroken(f"The box was not ready in time ({stopped}). The machine may be too small or too busy.")
    if "bwrap:" in complaint:
        raise BoxUnavailable(f"The box could not be built: {complaint.splitlines()[-1]}. {INSTALL_ADVICE}")
    raise BoxBroken(f"The box ended before any notebook ran: {complaint or 'it said nothing'}")
