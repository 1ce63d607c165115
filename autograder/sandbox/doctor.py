"""Try to get out of the box, and say which of its walls hold.

Each attempt is code that runs in the box exactly as a learner's would, and ends by saying whether it got through. An
attempt that says nothing counts as one that got through: the doctor fails closed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from autograder.errors import BoxUnavailable
from autograder.records import values
from autograder.records.grading import Ending, NotebookRun
from autograder.sandbox import policy, systemcalls
from autograder.sandbox.attempts import ATTEMPTS, ENDLESS, LEAVES
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.cgroups import open_group
from autograder.sandbox.policy import Limits

#: Small enough to be met within seconds.
PROBE_LIMITS = Limits(processes=16, file_bytes=4 * 1024**2, scratch_bytes=16 * 1024**2)
ENDLESS_LIMITS = Limits(wall_seconds=2.0, cpu_seconds=1)

_PANEL = b"store_id,week,youtube,facebook,newspaper,sales\n1,1,1.0,1.0,1.0,1.0\n"


@dataclass(frozen=True)
class Wall:
    """What the doctor says of one wall."""

    claim: str
    holds: bool
    detail: str


#: The kinds of namespaces of which each notebook has its own.
_SPACES = ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")

#: System calls that have led out of boxes, or would use memory that no limit counts.
_FORBIDDEN = """
    acct add_key bpf chroot clock_settime clone3 delete_module fanotify_init finit_module fsconfig fsmount fsopen
    fspick init_module inotify_init inotify_init1 io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp
    kexec_file_load kexec_load keyctl memfd_create memfd_secret mount mount_setattr move_mount msgget
    name_to_handle_at open_by_handle_at open_tree perf_event_open personality pidfd_getfd pivot_root process_madvise
    process_vm_readv process_vm_writev ptrace quotactl reboot request_key sched_setattr semget setns shmget swapoff
    swapon syslog umount2 unshare userfaultfd vmsplice
"""


def examine_box(protected: tuple[Path, ...], boxes: Boxes) -> tuple[Wall, ...]:
    """Return what holds of these boxes on this machine.

    ``protected`` are files that must not be readable inside: the course, its keys, the gradebook, the submissions.

    Raises
    ------
    BoxUnavailable
        If there is no box to examine.
    """
    with _bait() as (port, abstract, secret):
        values = {
            "PROTECTED": [(status.st_dev, status.st_ino) for status in (path.stat() for path in protected)],
            "PROTECTED_PATHS": [str(path) for path in protected],
            "PORT": port,
            "ABSTRACT": abstract,
            "SECRET": secret,
            "HOST_PID": os.getpid(),
            "SCRATCH": PROBE_LIMITS.scratch_bytes,
            "FILE": PROBE_LIMITS.file_bytes,
            "MEMORY": PROBE_LIMITS.memory_bytes,
            "PROCESSES": PROBE_LIMITS.processes,
            "NEIGHBOURS": (f"{abstract}-before", f"{abstract}-beside"),
            "SPACES": {name: os.stat(f"/proc/self/ns/{name}").st_ino for name in _SPACES},
            "FORBIDDEN": systemcalls.numbers(_FORBIDDEN.split()),
            "ENGINE": policy.ENGINE,
            "CLONE": systemcalls.numbers(["clone"])["clone"],
            "NAMESPACES": [1 << bit for bit in range(32) if systemcalls.NAMESPACE_FLAGS >> bit & 1],
        }
        setting = "\n".join(f"{name} = {value!r}" for name, value in values.items())
        tries = tuple(
            f"{code}\ncheck({claim!r}, bool(got_through))\nprint(got_through)" for claim, code in ATTEMPTS.items()
        )
        begin = f"from autograder.student import check\n{setting}"
        with ThreadPoolExecutor(1) as pool:
            endless = pool.submit(boxes.run, Job("endless", (setting, ENDLESS), _PANEL, ENDLESS_LIMITS))
            boxes.run(Job("leaves", (setting, LEAVES), _PANEL, PROBE_LIMITS))
            attempts = boxes.run(Job("attempts", (begin, *tries), _PANEL, PROBE_LIMITS))
            ending = endless.result().ending
    time = Wall("a loop without end is stopped", ending is Ending.TIMED_OUT, f"it ended as: {ending}")
    return (*(_wall(claim, cell, attempts) for cell, claim in enumerate(ATTEMPTS, 1)), time)


def require_safe_box(protected: tuple[Path, ...], boxes: Boxes) -> None:
    """Raise BoxUnavailable, naming the walls, if some do not hold."""
    leaking = [wall for wall in examine_box(protected, boxes) if not wall.holds]
    if leaking:
        lines = "\n".join(f"  - {wall.claim}: {wall.detail}" for wall in leaking)
        raise BoxUnavailable(f"The box is not safe here, so nothing was run. These do not hold:\n{lines}")


def own_files(more: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return every file of ours but the box's own code and the engine, and those in further folders."""
    packages = [Path(str(resources.files(name))) for name in ("autograder", "reference")]
    mounted = [packages[0] / "sandbox" / "inside", *(packages[1] / room for room in policy.ENGINE)]
    inside = {file for path in mounted for file in (path, *path.rglob("*"))}  # and what Python has compiled of it
    checkout = [packages[0].parent / name for name in ("course", "scripts", "tests")]
    files = {file for root in (*packages, *checkout, *more) for file in root.rglob("*")}
    return tuple(sorted(file for file in files - inside if file.is_file() and not file.is_symlink()))


def describe_limits() -> str:
    """Return a sentence on who counts memory and processes on this machine."""
    group = open_group()
    if group is None:
        return (
            "Memory and processes are limited for each process by rlimits, and looked at four times a second: this "
            "machine lets us make no control group with the controllers memory and pids."
        )
    group.remove()
    return f"Memory and processes of each notebook are counted by control groups, version {group.version}."


def describe_libraries() -> str | None:
    """Return a sentence on the libraries that notebooks may import where they are installed and that are not."""
    absent = [name for name in policy.WHERE_INSTALLED if name not in policy.installed()]
    if not absent:
        return None
    return (
        f"Notebooks cannot import {', '.join(absent)} while they are graded, as they are not installed here. Where "
        "learners use them: pip install 'mlm-course[box]'."
    )


def _wall(claim: str, place: int, run: NotebookRun) -> Wall:
    answer = run.answers.get(claim)
    if answer == values.Truth(False):
        return Wall(claim, True, "held")
    ran = [cell for cell in run.cells if cell.index == place]
    if answer == values.Truth(True):
        printed = "".join(output.text for cell in ran for output in cell.outputs)
        return Wall(claim, False, f"an attempt got through: {printed[:200].strip()}")
    errors = [error for cell in ran for error in cell.errors]
    detail = f"{errors[0].name}: {errors[0].message}" if errors else f"the run ended as: {run.ending}"
    return Wall(claim, False, f"could not tell ({detail})")


@contextmanager
def _bait() -> Iterator[tuple[int, str, str]]:
    """Offer what an escape would find: a server on the loopback, one on an abstract socket, a secret variable."""
    secret = os.urandom(16).hex()
    abstract = f"\0mlm-{secret}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(abstract)
        unix.listen()
        os.environ["MLM_PROBE_SECRET"] = secret
        try:
            yield tcp.getsockname()[1], abstract, secret
        finally:
            del os.environ["MLM_PROBE_SECRET"]
