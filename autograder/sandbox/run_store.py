"""Runs that are kept: the same notebook, under the same conditions, is run in a box once.

A run is filed under a digest of everything that decides it, so that an entry is never out of date: whatever changes has
another name. What is kept is the parsed record, as `autograder.sandbox.wire` let it through; it is read back by its
types, and believed no more than it was. Learners' code never sees the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import sys
import threading
from collections import defaultdict
from dataclasses import asdict
from functools import cache
from pathlib import Path

import msgspec

from autograder import records
from autograder.records.grading import Ending, NotebookRun
from autograder.records.writing import write_whole
from autograder.sandbox import policy
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Run

#: How a run that is kept came to its end. Time, memory and a crash may be the machine's doing: those are run again.
KEPT = frozenset({Ending.FINISHED, Ending.OUTPUT_LIMIT})


class Store:
    """A folder of texts, for its owner alone, each filed under a digest of what decides it; from any thread."""

    def __init__(self, folder: Path) -> None:
        """Touch nothing yet."""
        self._folder = folder
        self._used: set[str] = set()

    def read(self, digest: str) -> str | None:
        """Return what is filed under a digest; None if nothing is, or if it cannot be read or is damaged."""
        self._used.add(digest)
        with contextlib.suppress(OSError, UnicodeError):
            seal, _, text = (self._folder / digest).read_text(encoding="utf-8").partition("\n")
            return text if seal == _digest(text.encode()) else None
        return None

    def write(self, digest: str, text: str) -> None:
        """File a text. Where that cannot be done nothing is lost: what it says is found out again next time."""
        self._used.add(digest)
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            write_whole(self._folder / digest, f"{_digest(text.encode())}\n{text}", mode=0o600)

    def remove(self, digest: str) -> None:
        """Remove what is filed under a digest, if anything is."""
        (self._folder / digest).unlink(missing_ok=True)

    def remove_unused(self) -> None:
        """Remove everything that was neither read nor written since this was made."""
        with contextlib.suppress(OSError):
            for path in list(self._folder.iterdir()):
                if path.name not in self._used:
                    path.unlink()


class RunStore:
    """Runs jobs as another function does, but each notebook once, and keeps what came out in a store."""

    def __init__(self, store: Store, run: Run, packages: tuple[str, ...] = (), *, anew: bool = False) -> None:
        """Keep what ``run`` returns, in boxes that have these packages besides; if ``anew``, nothing from before."""
        self._store, self._run, self._packages = store, run, packages
        self._anew, self._met = anew, set[str]()
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def run(self, job: Job, used: set[str] | None = None) -> NotebookRun:
        """Return the run of a job, and add the name that it is filed under to ``used``; from any thread.

        Raises
        ------
        BoxUnavailable, BoxBroken
            As the function does that runs jobs. What failed so is not kept.
        """
        digest = run_digest(job, self._packages)
        if used is not None:
            used.add(digest)
        with self._turns[digest]:  # two learners may hand in the same at the same time
            if self._anew and digest not in self._met:
                self._store.remove(digest)
            self._met.add(digest)
            kept = self._store.read(digest)
            if kept is not None:
                with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
                    return _RUN.decode(kept)
            run = self._run(job)
            if run.ending in KEPT:
                text = msgspec.json.encode(run).decode()
                if _RUN.decode(text) == run:
                    self._store.write(digest, text)
            return run


_RUN = msgspec.json.Decoder(NotebookRun)


def run_digest(job: Job, packages: tuple[str, ...] = ()) -> str:
    """Return the digest of everything that decides what comes out of a job."""
    asked = None if job.asked is None else sorted(job.asked)
    panel = hashlib.sha256(job.panel_csv).hexdigest()
    return digest_of([job.order, asked, job.outputs, panel, asdict(job.limits), box_digest(packages)])


@cache
def box_digest(packages: tuple[str, ...] = ()) -> str:
    """Return a digest of what a box is made of: the system, and its contents."""
    return digest_of([platform.platform(), box_contents(packages)])


def box_contents(packages: tuple[str, ...] = ()) -> dict[str, str]:
    """Return what decides the numbers of a box, part by part: Python, its libraries' versions, and all code of ours."""
    rooms = [mount.source for mount in policy.engine_mounts()]
    own = code_digest(Path(__file__).parent, *map(Path, records.__path__), *rooms)
    named = dict(line.split() for line in policy.versions(packages))
    settings = {name: os.environ[name] for name in policy.PASSED_ENVIRONMENT if name in os.environ}
    machine = f"{platform.machine()} {' '.join(platform.libc_ver())}"
    return {"the machine": machine, "Python": sys.version, "mlm-course's own code": own, **settings, **named}


def code_digest(*places: Path) -> str:
    """Return a digest of modules and of all modules in folders."""
    paths = [path for place in places for path in ([place] if place.is_file() else sorted(place.rglob("*.py")))]
    return digest_of([(path.name, _digest(path.read_bytes())) for path in paths])


def digest_of(decides: object) -> str:
    """Return the digest of something that JSON can write."""
    return _digest(json.dumps(decides, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
