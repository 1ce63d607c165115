"""Start a process that shares nothing with its siblings: the walls between one notebook and the next.

`start_apart` clones the calling process into namespaces of its own; `close_in` gives the clone an empty home and its
limits, `hide_mounts` is for the process of the learner's code alone, and `give_up_rights` makes all of it final. What
each step stops is said in ``SECURITY.md``.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from typing import Any

_C = ctypes.PyDLL(None, use_errno=True)  # one that keeps Python's lock: a clone must not happen while it is free

_CLONE_NUMBER = {"x86_64": 56, "aarch64": 220}
_NEW_MOUNT, _NEW_CGROUP, _NEW_HOST_NAME, _NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEW_USER, _NEW_PROCESS, _NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
_APART = _NEW_MOUNT | _NEW_CGROUP | _NEW_HOST_NAME | _NEW_IPC | _NEW_USER | _NEW_PROCESS | _NEW_NETWORK

_READ_ONLY, _NO_SET_USER, _NO_DEVICES, _NO_PROGRAMS, _AGAIN, _IN_PLACE = 1, 2, 4, 8, 32, 4096
_SET_DUMPABLE, _DROP_BOUNDING, _SET_SECCOMP, _SECCOMP_FILTER = 4, 24, 22, 2
_CAPABILITY_VERSION_3 = 0x20080522

#: The number of the learner's user, as seen inside.
USER = 1000

#: Entries of a scratch space; each takes memory of the kernel's, whatever its size.
MOST_FILES = 20_000

#: Signals and timers that wait; they count against whoever opened the box, too.
MOST_SIGNALS = 256


def hide_memory(*, hidden: bool = True) -> None:
    """Let nobody, not even the same user, look into the memory of this process or trace it."""
    _check(_C.prctl(_SET_DUMPABLE, int(not hidden), 0, 0, 0), "prctl")


def uncover_proc() -> None:
    """Take away what bubblewrap laid over parts of /proc where root opened the box.

    The kernel lets a process mount a /proc of its own only where it sees a whole one.
    """
    for name in ("sys", "sysrq-trigger", "irq", "bus"):
        _C.umount2(f"/proc/{name}".encode(), 0)


def start_apart(user: int) -> int:
    """Clone this process into namespaces of its own; return its number, and 0 in the clone.

    ``user`` is who the clone is outside: a number that no account has where root opened the box, else the user of the
    box. The clone is the first process of its process namespace, so that its end is the end of everything in there.

    Raises
    ------
    OSError
        If the kernel refuses: namespaces are forbidden or used up.
    RuntimeError
        If this process has threads, whose locks the clone would wait for without end.
    """
    if len(os.listdir("/proc/self/task")) != 1:
        raise RuntimeError("a library has started a thread, and a process with threads cannot be cloned safely")
    wake, waiting = os.pipe()[::-1]
    ask, asked = os.pipe()[::-1]
    child = _clone()
    if child == 0:
        os.close(wake)
        os.close(asked)
        hide_memory(hidden=False)  # until the numbers of users are set, which only the owner of its /proc files can do
        os.write(ask, b"?")
        allowed = os.read(waiting, 1)
        hide_memory()
        os.close(ask)
        os.close(waiting)
        if not allowed:
            os._exit(1)
        return 0
    os.close(ask)
    os.close(waiting)
    try:
        if os.read(asked, 1):
            _map_user(child, user)
            os.write(wake, b"!")
    finally:
        os.close(wake)
        os.close(asked)
    return child


def _clone() -> int:
    # Python's own fork cannot make namespaces, and Python before 3.12 has no unshare.
    number = ctypes.c_long(_CLONE_NUMBER[os.uname().machine])
    ctypes.pythonapi.PyOS_BeforeFork()
    child: int = _C.syscall(number, ctypes.c_long(_APART | signal.SIGCHLD), None, None, None, None)
    if child == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    _check(child, "clone")
    return child


def _map_user(child: int, user: int) -> None:
    for name, line in (("setgroups", "deny"), ("uid_map", f"{USER} {user} 1"), ("gid_map", f"{USER} {user} 1")):
        with open(f"/proc/{child}/{name}", "w", encoding="ascii") as file:
            file.write(line)


def close_in(limits: dict[str, Any], panel: bytes) -> None:
    """Give this process an empty home, its panel and its limits; it keeps the rights that its namespaces gave it."""
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    scratch = f"size={limits['scratch_bytes']},nr_inodes={MOST_FILES},mode=0700,uid={USER},gid={USER}"
    bare = _NO_SET_USER | _NO_DEVICES | _NO_PROGRAMS
    for target in ("/tmp", "/dev/shm"):
        _mount("tmpfs", target, bare, scratch)
    # Devices can be written to all the same; their times, which are the host's, cannot be set.
    for device in ("full", "null", "random", "tty", "urandom", "zero"):
        _mount("none", f"/dev/{device}", _AGAIN | _IN_PLACE | _READ_ONLY | _NO_SET_USER, None)
    # Pseudo-terminals are shared with the siblings, and no notebook needs one.
    _mount("tmpfs", "/dev/pts", bare | _READ_ONLY, "size=4096,mode=0755")
    _mount("tmpfs", "/box/run", bare, f"size={len(panel) + 8192},mode=0755")
    with open("/box/run/panel.csv", "wb") as file:
        file.write(panel)
    _mount("tmpfs", "/box/run", bare | _READ_ONLY | _AGAIN, None)
    # Nothing is written there, so that no process chooses whom the kernel ends first where memory is short; and a
    # process that may not be looked into, as this one, is not seen at all.
    _mount("proc", "/proc", bare | _READ_ONLY, "hidepid=2")
    limit_resources(limits)
    hide_memory()


def hide_mounts() -> None:
    """Let this process see none of the mounts that its files come from: their list names folders of the host.

    It enters mount and control-group namespaces of its own and stays at the root of the one before, whose mounts are
    not those that the kernel lists for it. That one must be kept open by a process that stays in it.
    """
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    _check(_C.unshare(_NEW_MOUNT | _NEW_CGROUP), "unshare")
    os.fchdir(root)
    os.chroot(".")
    os.close(root)


def give_up_rights(system_calls: bytes) -> None:
    """Take every right from this process for good, and install its compiled filter of system calls."""
    _drop_rights()
    program = _Program(len(system_calls) // 8, system_calls)
    _check(_C.prctl(_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(program), 0, 0), "seccomp")


def _mount(kind: str, target: str, flags: int, options: str | None) -> None:
    data = None if options is None else options.encode()
    _check(_C.mount(kind.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data), f"mount {target}")


def limit_resources(limits: dict[str, Any]) -> None:
    """Set the hard limits of this process and of whatever it starts, but for its time, which `limit_cpu` sets.

    This process itself, which only waits, is not counted among a notebook's.
    """
    for kind, value in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"] + 1),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_SIGPENDING, MOST_SIGNALS),
    ):
        resource.setrlimit(kind, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that grows too large is an OSError in the cell


def limit_cpu(seconds: int) -> None:
    """Limit the processor time of this process, and of each that it starts."""
    # The kernel warns first, by a signal that ends whoever does not ask for it, and then ends whoever did.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def _drop_rights() -> None:
    right = 0
    while _C.prctl(_DROP_BOUNDING, ctypes.c_ulong(right), 0, 0, 0) == 0:  # ends at the first that the kernel lacks
        right += 1
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _check(_C.capset(header, nothing), "capset")


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def leave_keyring() -> None:
    """Start with an empty session keyring: the kernel hands the host's on, whatever the namespaces."""
    number = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
    _C.syscall(ctypes.c_long(number), ctypes.c_long(1), None)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
