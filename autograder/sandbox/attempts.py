"""Ways out of the box, tried by the doctor: each is code that runs as a learner's notebook would.

What an attempt needs to know of the host (files it must not read, a server it must not reach) stands in names that
`autograder.sandbox.doctor` sets before it.
"""

from __future__ import annotations

from collections.abc import Mapping

#: What holds if an attempt fails, and the code of it, which sets ``got_through``.
ATTEMPTS: Mapping[str, str] = {
    "questions, keys, the course's tables and the autograder cannot be imported": """
import importlib
got_through = []
absent = "questions questions.variances command panels tutorial".split()
modules = [f"reference.{name}" for name in absent] + ["nbgrader"]
modules += [f"autograder.{name}" for name in ("assignment.key", "errors", "grading", "scoring", "tutor")]
for module in modules:
    try:
        importlib.import_module(module)
        got_through.append(module)
    except ImportError:
        pass
""",
    "no file of the course but the box's own code and the engine can be read": """
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
    "no question, no words for mistakes and no key lies in the box, under whatever folder": """
import fnmatch, os
got_through = sorted(set(os.listdir("/box/site/reference")) - set(ENGINE))
for folder, folders, names in os.walk("/box"):
    ours = "assignment.toml course.toml pruned.toml words.*.toml release.json hidden-seed.txt gradebook.db".split()
    for pattern in ours:
        got_through += [os.path.join(folder, name) for name in fnmatch.filter(names, pattern)]
""",
    "no connection leads out, not even to this machine": """
import socket
got_through = []
for family, address in ((socket.AF_INET, ("127.0.0.1", PORT)), (socket.AF_UNIX, ABSTRACT)):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(2)
            connection.connect(address)
            got_through.append(str(address))
    except OSError:
        pass
names = [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]]
got_through += [name for name in names if name != "lo"]
""",
    "no process outside can be seen or signalled": """
import os
pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
got_through = [open(f"/proc/{pid}/cmdline").read()[:80] for pid in pids if pid not in (1, 2, os.getpid())]
try:
    os.kill(HOST_PID, 0)
    got_through.append("signal")
except (ProcessLookupError, PermissionError):
    pass
""",
    "no other notebook can be reached, nor found by what it left behind": """
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
    "the memory and the files of the process that notebooks are started from are out of reach": """
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
    "the system calls that no notebook needs are not there": """
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
    "no socket speaks a protocol of the Internet, nor to the kernel, the hypervisor or the hardware": """
import socket
got_through = []
for family in set(range(1, 46)) - {socket.AF_UNIX}:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            socket.socket(family, kind).close()
            got_through.append(family)
        except OSError:
            pass
""",
    "nothing changes how other processes are scheduled, or which ends first where memory is short": """
import os, signal
got_through = []
for name, call in (
    ("scheduler", lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))),
    ("affinity", lambda: os.sched_setaffinity(1, {min(os.sched_getaffinity(0))})),
    ("priority", lambda: os.setpriority(os.PRIO_PROCESS, 1, 19)),
    ("priorities", lambda: os.setpriority(os.PRIO_USER, 0, 19)),
    ("memory", lambda: open("/proc/self/oom_score_adj", "w").write("0")),
):
    try:
        call()
        got_through.append(name)
    except OSError:
        pass
""",
    "no use of files by others can be watched": """
import fcntl, os, sys
folder = os.open(os.path.dirname(os.__file__), os.O_RDONLY)
got_through = []
for command in (fcntl.F_NOTIFY, fcntl.F_NOTIFY | 1 << 31, fcntl.F_SETLEASE):
    try:
        fcntl.fcntl(folder, command, 1)
        got_through.append(command)
    except (OSError, OverflowError):
        pass
os.close(folder)
""",
    "no folder, mount or control group of the host is named": """
import glob
got_through = []
for path in glob.glob("/proc/[0-9]*/mount*") + glob.glob("/proc/[0-9]*/task/*/mount*"):
    got_through += [line for line in open(path) if line.strip()]
got_through += [line for line in open("/proc/self/cgroup") if not line.rstrip().endswith(":/")]
""",
    "no variable of the host's environment is passed on": """
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
    "no privilege is held or can be won back": """
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
    "nothing can be written but in a bounded scratch space": """
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
    "no file grows past its limit": """
try:
    with open("large", "wb") as file:
        file.write(bytes(FILE + 1))
        file.flush()
    got_through = True
except OSError:
    got_through = False
""",
    "memory ends at its limit": """
try:
    kept = bytearray(MEMORY)
    got_through = True
except MemoryError:
    got_through = False
""",
    "the number of processes ends at its limit": """
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
}

#: Leaves a process, files and a socket behind, none of which may be there when the next notebook runs.
LEAVES = """
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
ENDLESS = """
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind(NEIGHBOURS[1])
listener.listen()
while True:
    pass
"""
