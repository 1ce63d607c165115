"""The host as an attacker would like to find it, with bait laid out, and what it looks like before and after."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Bait:
    """What lies in wait: files with a secret, servers that nobody may reach, a process that nobody may touch."""

    folder: Path
    secret: str
    servers: tuple[socket.socket, ...]
    bystander: subprocess.Popen[bytes]
    facts: dict[str, str] = field(default_factory=dict)

    def visitors(self) -> list[str]:
        """Return the servers that somebody connected to."""
        return [str(server.getsockname()) for server in self.servers if _was_reached(server)]


def _was_reached(server: socket.socket) -> bool:
    server.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        server.accept()[0].close()
        return True
    return False


@contextmanager
def lay_bait(folder: Path) -> Iterator[Bait]:
    """Lay out the bait in a folder; take it in again afterwards."""
    secret = secrets.token_hex(16)
    folder.mkdir(mode=0o755)
    for name in ("secrets.txt", "rubric.toml", "startup.py"):
        (folder / name).write_text(f"SECRET = '{secret}'\n", encoding="utf-8")
        (folder / name).chmod(0o666)  # nothing but the box keeps an attacker from them
    with ExitStack() as stack:
        servers = tuple(stack.enter_context(server) for server in _servers(folder, secret))
        reader = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        bystander = stack.enter_context(subprocess.Popen(reader, stdin=subprocess.PIPE))
        stack.callback(bystander.kill)
        os.environ["MLM_ATTACK_SECRET"] = secret
        stack.callback(os.environ.pop, "MLM_ATTACK_SECRET")
        yield Bait(folder, secret, servers, bystander, _facts(folder, secret, servers, bystander))


def _servers(folder: Path, secret: str) -> Iterator[socket.socket]:
    yield socket.create_server(("127.0.0.1", 0))
    if socket.has_ipv6:
        with contextlib.suppress(OSError):  # a machine without IPv6 has nothing to reach by it
            yield socket.create_server(("::1", 0), family=socket.AF_INET6)
    for address in (str(folder / "socket"), f"\0mlm-attack-{secret}"):
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(address)
        unix.listen()
        yield unix


def _facts(
    folder: Path, secret: str, servers: tuple[socket.socket, ...], bystander: subprocess.Popen[bytes]
) -> dict[str, str]:
    ports = {s.family: str(s.getsockname()[1]) for s in servers if s.family != socket.AF_UNIX}
    return {
        "BAIT": str(folder),
        "ABSTRACT": f"mlm-attack-{secret}",
        "PORT": ports[socket.AF_INET],
        "PORT6": ports.get(socket.AF_INET6, "1"),
        "BYSTANDER": str(bystander.pid),
        "GRADER": str(os.getpid()),
    }


@dataclass(frozen=True)
class Snapshot:
    """What must be the same after a class as before it."""

    files: dict[str, str]
    mounts: list[str]
    processes: set[tuple[int, str]]
    left_behind: list[str]


def adopt_orphans() -> None:
    """Become the parent of whatever the processes that we start leave behind, so that it can be found."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def snapshot(trees: tuple[Path, ...], temporary: Path) -> Snapshot:
    """Return the state of files, of mounts, of our processes, and of everything named after the attacks."""
    files = {
        str(path): _digest(path)
        for tree in trees
        for path in sorted(tree.rglob("*"))
        if "__pycache__" not in path.parts
    }
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    processes = {(process.pid, process.name()) for process in psutil.Process().children(recursive=True)}
    open_places = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path.home(), Path.cwd())
    left = [str(path) for place in open_places if os.access(place, os.R_OK) for path in place.glob("mlm-attack*")]
    return Snapshot(files, mounts, processes, left + [str(path) for path in temporary.iterdir()])


def _digest(path: Path) -> str:
    status = path.lstat()
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if not path.is_file() or status.st_size > 10**8:
        return f"{status.st_mode:o} {status.st_size if path.is_file() else ''}"
    return f"{status.st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
