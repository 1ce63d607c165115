"""How far a grading is: a small file in the results folder, which `mlm status` reads from another terminal."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from autograder.records.grading import Grade
from autograder.records.writing import write_whole

PROGRESS = ".grading-progress"

#: How a run ended that graded everybody.
FINISHED = "finished"

#: So many learners that were not graded are named.
_MOST_NAMED = 20


class Progress(msgspec.Struct, frozen=True):
    """How far a run is, when that was written, and what to type for the next.

    ``total`` learners are to be graded and ``done`` are filed, ``unchanged`` of them as they were; ``now`` names those
    being graded. ``grading`` is when the first began, after panels were drawn and the box was tried. ``ungraded``
    learners met a failure of ours, and ``why`` says which for the first of them. ``ended`` says how the run ended, and
    is empty until then, and for a run that was killed.
    """

    assignment: str
    command: str
    process: str
    began: datetime
    written: datetime
    total: int = 0
    done: int = 0
    unchanged: int = 0
    grading: datetime | None = None
    now: tuple[str, ...] = ()
    ungraded: int = 0
    why: tuple[str, ...] = ()
    ended: str = ""

    @property
    def left(self) -> str:
        """How many are left and about how long, as people read it."""
        left = self.total - self.done
        graded = self.done - self.unchanged
        if not (left and graded and self.grading):
            return f"{left} left"
        seconds = (self.written - self.grading).total_seconds() / graded * left
        minutes = seconds / 60
        about = f"{minutes / 60:.1f} hours" if minutes >= 90 else f"{minutes:.0f} minutes"
        return f"{left} left, about {about if seconds >= 90 else f'{seconds:.0f} seconds'}"


def process_name() -> str:
    """Return what this process is called where people look for it."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class Recorder:
    """Keeps the progress of this run, in memory and in its file; from one thread."""

    def __init__(self, folder: Path, assignment: str, command: str, total: int) -> None:
        """Begin with nobody graded."""
        now = datetime.now(UTC)
        self._path = folder / PROGRESS
        self.progress = Progress(assignment, command, process_name(), now, now, total)
        self.note()

    def __enter__(self) -> Recorder:
        """Return this, to be told how far the run is."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Note that the run has ended, and by what."""
        ended = FINISHED if error is None else " ".join(str(error).split())[:500] or type(error).__name__
        self.note(now=(), ended=ended)

    def note(self, **changes: Any) -> None:
        """Take over what has changed, and write it."""
        self.progress = msgspec.structs.replace(self.progress, written=datetime.now(UTC), **changes)
        # Where it cannot be written, a disk is full, say: that is told where a grade cannot be filed.
        with suppress(OSError):
            write_whole(self._path, msgspec.json.encode(self.progress), mode=0o600, lasting=False)

    def filed(self, grade: Grade) -> None:
        """Note a learner who is done."""
        one = self.progress
        if grade.is_ungraded:
            why = (*one.why, f"{grade.name}: {grade.items[0].reason}")[:_MOST_NAMED]
            self.note(done=one.done + 1, ungraded=one.ungraded + 1, why=why)
        else:
            self.note(done=one.done + 1)

    def watch(self, now: Sequence[str]) -> None:
        """Note who is being graded."""
        grading = self.progress.grading or datetime.now(UTC)
        self.note(now=tuple(now), grading=grading)


def read_progress(folder: Path) -> Progress | None:
    """Return how far the last run in a results folder is or was; None if none has written it, or it is damaged."""
    with suppress(OSError, msgspec.MsgspecError, UnicodeError):
        return msgspec.json.decode((folder / PROGRESS).read_bytes(), type=Progress)
    return None
