"""The results folder: held by one run at a time, and whatever keeps it from being written said in a sentence."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.errors import FilingError
from autograder.results.database import KEPT
from autograder.results.progress import process_name

#: Held by the run that writes into the folder; the kernel lets go of it however that run ends.
LOCK = ".grading-lock"

#: What begins the names of files that are being written, see `autograder.records.writing`.
UNFINISHED = ".writing-"

#: Where in a results folder something is written.
_PLACES = ("", "runs/", "autograded/*/*/", "feedback/*/*/", "submitted/*/")

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def filing(folder: Path) -> Iterator[None]:
    """Say in a sentence why something could not be written into a folder: a full disk, a right.

    Raises
    ------
    FilingError
        For an error of the file system.
    """
    try:
        yield
    except OSError as error:
        raise FilingError(_said_of_file(folder, error)) from error


def _said_of_file(folder: Path, error: OSError) -> str:
    path = error.filename or folder
    if error.errno in _FULL:
        return f"{path}: the disk is full, or a quota is used up ({error.strerror}). Free some space. {KEPT}"
    if error.errno in _CLOSED:
        return (
            f"{path}: this cannot be written to ({error.strerror}). Change the permissions, or name another folder "
            f"with --into. {KEPT}"
        )
    return f"{path}: this cannot be written ({error.strerror or error}). Name another folder with --into. {KEPT}"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a results folder for this run alone, and remove what a run that was killed left half written.

    Raises
    ------
    FilingError
        If another run holds it.
    """
    with filing(folder):
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with filing(folder):
            _lock(folder, lock)
            for path in (path for place in _PLACES for path in folder.glob(f"{place}{UNFINISHED}*")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield
    finally:
        os.close(lock)


def _lock(folder: Path, lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _require_only_looked_at(folder, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{process_name()}\n".encode(), 0)


def _require_only_looked_at(folder: Path, lock: int) -> None:
    """Raise FilingError unless the lock is held, for a moment, by :func:`holder` alone, which shares it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        by = _written_in(lock)
        raise FilingError(
            f"{folder}: another run is grading into this folder{f' ({by})' if by else ''}. Wait until it has "
            "ended, or end it, or name another folder with --into."
        ) from None


def _written_in(lock: int) -> str:
    return os.pread(lock, 200, 0).decode("utf-8", "replace").strip()


def holder(folder: Path) -> str | None:
    """Return which process holds a results folder; None if none does. A run that would hold it is not kept from it."""
    with filing(folder):
        try:
            lock = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _written_in(lock) or "a process"
        else:
            return None
        finally:
            os.close(lock)
