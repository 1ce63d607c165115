"""Try to get out of the box, and say which of its walls hold.

Each attempt is code that runs in the box exactly as a learner's would, and ends by saying whether it got through. An
attempt that says nothing counts as one that got through: the doctor fails closed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from autograder import answers
from autograder.records import Ending, NotebookRun
from autograder.sandbox import systemcalls
from autograder.sandbox.bubblewrap import Boxes, Job
from autograder.sandbox.cgroups import open_group
from autograder.sandbox.policy import Limits

#: Small enough to be met within seconds.
PROBE_LIMITS = Limits(processes=16, file_bytes=4 * 1024**2, scratch_bytes=16 * 1024**2)
ENDLESS_LIMITS = Limits(wall_seconds=2.0, cpu_seconds=1)

_PANEL = b"store_id,week,youtube,facebook,newspaper,sales\n1,1,1.0,1.0,1.0,1.0\n"


@dataclass(frozen=True)
class Attempt:
    """One way out: what holds if it fails, and code that sets ``got_through``."""

    name: str
    claim: str
    code: str


@dataclass(frozen=True)
class Wall:
    """What the doctor says of one wall."""

    claim: str
    holds: bool
    detail: str


_TELL = "check({!r}, bool(got_through))\nprint(got_through)"

_SEES_REPOSITORY = Attempt(
    "repository",
    "no file of the course but the box's own code can be read",
    """
import os
protected = {tuple(pair) for pair in PROTECTED}
numbers = {number for _, number in protected}
got_through = [path for path in PROTECTED_PATHS if os.path.exists(path)]
folders = ["/"]
while folders:
    try:
        entries = list(os.scandir(folders.pop()))
    except OSError:
        continue
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.path not in ("/proc", "/sys"):
                folders.append(entry.path)
        elif entry.inode() in numbers and (entry.stat().st_dev, entry.inode()) in protected:
            got_through.append(entry.path)
""",
)

_ATTEMPTS = (
    Attempt(
        "imports",
        "the reference, the rubric and the key cannot be imported",
        """
import importlib
got_through = []
for module in ("reference", "reference.answers", "autograder.key", "autograder.rubric", "nbgrader"):
    try:
        importlib.import_module(module)
        got_through.append(module)
    except ImportError:
        pass
""",
    ),
    _SEES_REPOSITORY,
    Attempt(
        "network",
        "no connection leads out, not even to this machine",
        """
import socket
got_through = []
for family, address in ((socket.AF_INET, ("127.0.0.1", PORT)), (socket.AF_UNIX, ABSTRACT)):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        try:
            connection.connect(address)
            got_through.append(str(address))
        except OSError:
            pass
names = [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]]
got_through += [name for name in names if name != "lo"]
""",
    ),
    Attempt(
        "processes_seen",
        "no process outside can be seen or signalled",
        """
import os
pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
got_through = [open(f"/proc/{pid}/cmdline").read()[:80] for pid in pids if pid not in (1, 2, os.getpid())]
try:
    os.kill(HOST_PID, 0)
    got_through.append("signal")
except (ProcessLookupError, PermissionError):
    pass
""",
    ),
    Attempt(
        "neighbours",
        "no other notebook can be reached, nor found by what it left behind",
        """
import os, socket
got_through = [path for path in ("/tmp", "/dev/shm", "/dev/pts") if set(os.listdir(path)) - {"work", "matplotlib"}]
for name in NEIGHBOURS:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(name)
            got_through.append(name)
        except OSError:
            pass
for space, number in SPACES.items():
    if os.stat(f"/proc/self/ns/{space}").st_ino == number:
        got_through.append(space)
""",
    ),
    Attempt(
        "parent",
        "the memory and the files of the process that notebooks are started from are out of reach",
        """
import contextlib, os, stat
got_through = []
for pid in (1, os.getppid()):
    for name in ("mem", "maps", "environ", "root", "cwd", "exe", "fd"):
        with contextlib.suppress(OSError):
            path = f"/proc/{pid}/{name}"
            os.listdir(path) if name in ("root", "cwd", "fd") else open(path, "rb").read(1)
            got_through.append(path)
for number in range(3, 256):
    with contextlib.suppress(OSError):
        if stat.S_ISREG(os.fstat(number).st_mode) or stat.S_ISDIR(os.fstat(number).st_mode):
            got_through.append(f"descriptor {number}")
""",
    ),
    Attempt(
        "system_calls",
        "the system calls that no notebook needs are not there",
        """
import ctypes, errno, os, signal
call = ctypes.CDLL(None, use_errno=True).syscall
call.argtypes, got_through = [ctypes.c_long] * 7, []
for name, number in FORBIDDEN.items():
    if call(number, -1, -1, -1, -1, -1, -1) != -1 or ctypes.get_errno() != errno.ENOSYS:
        got_through.append(name)
for flag in NAMESPACES:
    child = call(CLONE, flag | signal.SIGCHLD, 0, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    if child > 0:
        os.waitpid(child, 0)
        got_through.append(f"clone with {flag:x}")
""",
    ),
    Attempt(
        "sockets",
        "no socket speaks to the kernel, the hypervisor or the hardware",
        """
import socket
got_through = []
for family in set(range(1, 46)) - {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            socket.socket(family, kind).close()
            got_through.append(family)
        except OSError:
            pass
""",
    ),
    Attempt(
        "environment",
        "no variable of the host's environment is passed on",
        """
import glob, os
got_through = [name for name in os.environ if os.environ[name] == SECRET]
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        with open(path, "rb") as file:
            if SECRET.encode() in file.read():
                got_through.append(path)
    except OSError:
        pass
""",
    ),
    Attempt(
        "privileges",
        "no privilege is held or can be won back",
        """
import ctypes, os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
got_through = [name for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd") if int(status[name], 16)]
if (int(status["NoNewPrivs"]), int(status["Seccomp"])) != (1, 2):
    got_through.append("NoNewPrivs or Seccomp")
for call in (lambda: os.setuid(0), lambda: os.setgroups([0]), lambda: os.chroot("/tmp")):
    try:
        call()
        got_through.append("call")
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0:
    got_through.append("mount")
""",
    ),
    Attempt(
        "writing",
        "nothing can be written but in a bounded scratch space",
        """
import os
got_through = []
for folder in ("/", "/box", "/box/run", "/box/site", "/box/python/bin", "/usr", "/etc", "/dev", "/dev/pts", "/proc"):
    try:
        with open(os.path.join(folder, "left-behind"), "w"):
            got_through.append(folder)
    except OSError:
        pass
for folder in (".", "/dev/shm"):
    written = 0
    try:
        for number in range(40):
            with open(f"{folder}/part-{number}", "wb") as file:
                written += file.write(bytes(1024**2))
    except OSError:
        pass
    if written > SCRATCH:
        got_through.append(folder)
    for name in os.listdir(folder):
        os.unlink(f"{folder}/{name}")
try:
    for number in range(10**6):
        os.mkdir(f"folder-{number}")
    got_through.append("folders")
except OSError:
    pass
""",
    ),
    Attempt(
        "file_size",
        "no file grows past its limit",
        """
try:
    with open("large", "wb") as file:
        file.write(bytes(FILE + 1))
        file.flush()
    got_through = True
except OSError:
    got_through = False
""",
    ),
    Attempt(
        "memory",
        "memory ends at its limit",
        "try:\n    kept = bytearray(MEMORY)\n    got_through = True\nexcept MemoryError:\n    got_through = False",
    ),
    Attempt(
        "forks",
        "the number of processes ends at its limit",
        """
import os, signal
children, got_through = [], True
try:
    for _ in range(PROCESSES + 1):
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except OSError:
    got_through = False
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
""",
    ),
)

#: Leaves a process, files and a socket behind, none of which may be there when the next notebook runs.
_LEAVES = """
import os, signal, socket
for path in ("/tmp/left", "/dev/shm/left"):
    open(path, "w").close()
listener = socket.socket(socket.AF_UNIX)
listener.bind(NEIGHBOURS[0])
listener.listen()
if os.fork() == 0:
    os.setsid()
    signal.pause()
"""
_ENDLESS = """
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind(NEIGHBOURS[1])
listener.listen()
while True:
    pass
"""

#: The kinds of namespaces of which each notebook has its own.
_SPACES = ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")

#: System calls that have led out of boxes, or would use memory that no limit counts.
_FORBIDDEN = """
    acct add_key bpf chroot clock_settime clone3 delete_module finit_module fsconfig fsmount fsopen fspick init_module
    io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl memfd_create
    memfd_secret mount mount_setattr move_mount msgget name_to_handle_at open_by_handle_at open_tree perf_event_open
    personality pidfd_getfd pivot_root process_madvise process_vm_readv process_vm_writev ptrace quotactl reboot
    request_key semget setns shmget swapoff swapon syslog umount2 unshare userfaultfd vmsplice
"""


def examine_box(protected: tuple[Path, ...], boxes: Boxes | None = None) -> tuple[Wall, ...]:
    """Return what holds of the box on this machine.

    Parameters
    ----------
    protected : tuple of Path
        Files that must not be readable inside: the course, its keys, the gradebook, the submissions.
    boxes : Boxes, optional
        The boxes to examine; else two are opened, and closed at the end.

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
            "CLONE": systemcalls.numbers(["clone"])["clone"],
            "NAMESPACES": [1 << bit for bit in range(32) if systemcalls.NAMESPACE_FLAGS >> bit & 1],
        }
        setting = "\n".join(f"{name} = {value!r}" for name, value in values.items())
        notebooks: dict[str, tuple[str | None, ...]] = {
            "leaves": (setting, _LEAVES),
            "attempts": (
                "from autograder.student import check\n" + setting,
                *(
                    f"{attempt.code}\ncheck({attempt.name!r}, bool(got_through))\nprint(got_through)"
                    for attempt in _ATTEMPTS
                ),
            ),
        }
        jobs = (Job(notebooks, _PANEL, PROBE_LIMITS), Job({"endless": (setting, _ENDLESS)}, _PANEL, ENDLESS_LIMITS))
        with nullcontext(boxes) if boxes else Boxes() as examined, ThreadPoolExecutor(len(jobs)) as pool:
            attempts, endless = pool.map(examined.run, jobs)
    stopped = endless["endless"].ending is Ending.TIMED_OUT
    time = Wall("a loop without end is stopped", stopped, f"it ended as: {endless['endless'].ending}")
    return (*(_read_attempt(attempt, attempts["attempts"]) for attempt in _ATTEMPTS), time)


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


def _read_attempt(attempt: Attempt, run: NotebookRun) -> Wall:
    answer = run.answers.get(attempt.name)
    position = 1 + _ATTEMPTS.index(attempt)
    printed = [output.text for cell in run.cells if cell.index == position for output in cell.outputs]
    if answer == answers.Truth(False):
        return Wall(attempt.claim, True, "held")
    if answer == answers.Truth(True):
        return Wall(attempt.claim, False, f"an attempt got through: {''.join(printed)[:200].strip()}")
    errors = [cell.error for cell in run.cells if cell.index == position and cell.error]
    detail = f"{errors[0].name}: {errors[0].message}" if errors else f"the run ended as: {run.ending}"
    return Wall(attempt.claim, False, f"could not tell ({detail})")


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
