"""The results folder: held by one run at a time, and whatever keeps it from being written said in a sentence."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from autograder.errors import FilingError

#: Held by the run that writes into the folder; the kernel lets go of it however that run ends.
LOCK = ".grading-lock"

#: What begins the names of files that are being written, see `autograder.records.writing`.
UNFINISHED = ".writing-"

#: Where in a results folder something is written.
_PLACES = ("", "runs/", "autograded/*/*/", "feedback/*/*/")

_KEPT = "What was filed before is kept; run the same command again then, and it goes on."
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)

_DATABASE = {
    sqlite3.SQLITE_FULL: f"the disk is full. Free some space. {_KEPT}",
    sqlite3.SQLITE_READONLY: f"it cannot be written to. Change its permissions or those of its folder. {_KEPT}",
    sqlite3.SQLITE_CANTOPEN: f"it cannot be opened or written beside. Look at its permissions and disk. {_KEPT}",
    sqlite3.SQLITE_IOERR: f"the disk fails or is full. Look at it, or free some space. {_KEPT}",
    sqlite3.SQLITE_BUSY: f"locked by another run; wait, or end it. It may be one of formgrader's too. {_KEPT}",
}
_DATABASE[sqlite3.SQLITE_PERM] = _DATABASE[sqlite3.SQLITE_READONLY]
_DATABASE[sqlite3.SQLITE_LOCKED] = _DATABASE[sqlite3.SQLITE_BUSY]


@contextmanager
def filing(folder: Path) -> Iterator[None]:
    """Say in a sentence why something could not be written into a folder: a full disk, a right, a lock.

    Raises
    ------
    FilingError
        For an error of the file system, or one of a gradebook's that its surroundings brought about.
    """
    try:
        yield
    except OSError as error:
        raise FilingError(_said_of_file(folder, error)) from error
    except (sqlite3.Error, DBAPIError) as error:
        said = said_of_gradebook(error)
        if said is None:
            raise
        raise FilingError(f"{folder / 'gradebook.db'}: {said}") from error


def said_of_gradebook(error: BaseException) -> str | None:
    """Return what keeps a gradebook from being used; None where the fault is in the gradebook itself."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    return None if code is None else _DATABASE.get(code & 0xFF)


def _said_of_file(folder: Path, error: OSError) -> str:
    path = error.filename or folder
    if error.errno in _FULL:
        return f"{path}: the disk is full, or a quota is used up ({error.strerror}). Free some space. {_KEPT}"
    if error.errno in _CLOSED:
        return (
            f"{path}: this cannot be written to ({error.strerror}). Change the permissions, or name another folder "
            f"with --into. {_KEPT}"
        )
    return f"{path}: this cannot be written ({error.strerror or error}). Name another folder with --into. {_KEPT}"


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
        holder = os.pread(lock, 200, 0).decode("utf-8", "replace").strip()
        raise FilingError(
            f"{folder}: another run is grading into this folder{f' ({holder})' if holder else ''}. Wait until it has "
            "ended, or end it, or name another folder with --into."
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
