"""A server of PostgreSQL of a test's own, as it is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Server:
    """A server of PostgreSQL of its own, which a test may stop and start."""

    folder: Path

    def run(self, program: str, *arguments: str) -> str:
        """Run one of its programs as the user who may."""
        line = [str(programs() / program), *arguments]
        if os.geteuid() == 0:
            line = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *line]
        return subprocess.run(line, cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off"
        log = str(self.folder / "log")
        self.run("pg_ctl", "start", "-w", "-D", str(self.folder / "data"), "-l", log, "-o", options)

    def stop(self) -> None:
        self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.folder / "data"))

    def database(self, name: str, template: str = "template1") -> str:
        """Make a database and return its address."""
        self.run("createdb", "-h", str(self.folder), "-U", "teacher", "-T", template, name)
        return f"postgresql://teacher:open-sesame@/{name}?host={self.folder}"


def programs() -> Path:
    """Return where the programs of PostgreSQL are; skip where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "")]
    if not found[-1].is_file():
        pytest.skip("PostgreSQL is not installed here (Debian and Ubuntu: apt-get install postgresql)")
    return found[-1].parent


@contextmanager
def server() -> Iterator[Server]:
    """Start a server, which is there for as long as the context lasts."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed: pip install 'mlm-course[postgresql]'")
    programs()
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        started = Server(Path(folder))
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        started.run("initdb", "-D", str(started.folder / "data"), "-U", "teacher", "-A", "trust", "-E", "UTF8")
        started.start()
        yield started
        started.stop()
