"""What lies in a learner's folder: every ordinary file in it, also deeper and in a zip, and what is not opened.

Nothing here trusts what was handed in: no link is followed, nothing is unpacked to a disk, and all of it is bounded.
"""

from __future__ import annotations

import codecs
import io
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath

from autograder.grading.names import shown_name
from autograder.language.catalogue import Sentence

#: What is read of one file at most, and how many files of one learner are looked at, in how many folders deep.
MAX_FILE_BYTES, MAX_FILES, MAX_DEPTH = 64 * 1024**2, 300, 8

#: What is read of all files of one learner together, those of a zip with the zip.
_MOST_TOGETHER = 512 * 1024**2

#: The list of what is in a zip takes so many bytes at most: it becomes large objects.
_MOST_ZIP_LIST = 256 * 1024

#: Programs leave these behind; nobody has written them, and nobody needs a line about them.
_NOBODYS = (
    *("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints", "__pycache__", ".mlm"),
    *(".git", ".venv", "venv", ".idea", ".vscode", "node_modules"),
)
_NOBODYS_BEGIN = ("._", "~$", ".~")


class Unreadable(Exception):
    """A submitted file that cannot be used; ``why`` is for the learner."""

    def __init__(self, name: str, **gaps: object) -> None:
        """Take a sentence of the catalogue by its name there, and what fills its gaps."""
        super().__init__(name)
        self.why = Sentence(f"submission.{name}", **gaps)


@dataclass(frozen=True)
class HandedIn:
    """A file that was handed in: where it lies in the learner's folder, its content, when it was written as it states.

    ``read`` raises `Unreadable`, or OSError, where there is no content to be had.
    """

    path: PurePosixPath
    read: Callable[[], bytes]
    time: float = 0.0

    @property
    def shown(self) -> str:
        """The path as people read it."""
        return shown_name(str(self.path))


def is_nobodys(name: str) -> bool:
    """Return whether a file or folder of that name is a program's, and no learner's work."""
    return name in _NOBODYS or name.startswith(_NOBODYS_BEGIN)


def files_in(folder: Path, depth: int = MAX_DEPTH) -> Iterator[HandedIn]:
    """Yield the files of a learner's folder, in order of their names, and of folders in it so deep.

    What cannot be opened, such as a link, is yielded too, and says so when it is read. Where the disk or the network
    fails it is OSError: that is no word about what was handed in.
    """
    for number, file in enumerate(_Walk().through(folder, PurePosixPath(), depth)):
        if number == MAX_FILES:
            yield _refused(PurePosixPath("…"), "too_many_files", limit=MAX_FILES)
            return
        yield file


class _Walk:
    """A walk through one learner's folder, which counts what is read on it."""

    def __init__(self) -> None:
        self._left = _MOST_TOGETHER

    def through(self, folder: Path, place: PurePosixPath, depth: int) -> Iterator[HandedIn]:
        """Yield what lies in a folder, which is at a place in the learner's."""
        # Files of the folder itself come first: what is deeper may be more than is looked at.
        for entry in sorted(os.scandir(folder), key=_is_deeper):
            path, at = place / entry.name, Path(entry.path)
            if is_nobodys(entry.name):
                continue
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                if depth and os.access(at, os.R_OK | os.X_OK):
                    yield from self.through(at, path, depth - 1)
                else:
                    yield _refused(path, "folder_not_opened")
            elif not stat.S_ISREG(status.st_mode):
                yield _refused(path, "not_a_file")
            elif entry.name.casefold().endswith(".zip"):
                yield from self._in_zip(at, path)
            else:
                yield HandedIn(path, partial(self._read, at), status.st_mtime)

    def _in_zip(self, path: Path, place: PurePosixPath) -> Iterator[HandedIn]:
        """Yield the files in a zip, or the zip itself if it is not one that can be opened."""
        try:
            members = _members(self._read(path))
        except (Unreadable, PermissionError, *BAD_ZIP):
            yield _refused(place, "zip")
            return
        for member in members:
            inside = path_in_zip(member)
            if inside is None or any(map(is_nobodys, inside.parts)):
                continue
            if inside.is_absolute() or ".." in inside.parts or stat.S_ISLNK(member.external_attr >> 16):
                yield _refused(place / inside.name, "leads_outside")
            else:
                yield HandedIn(place / inside, partial(self._read_member, path, member), stated_time(member))

    def _read(self, path: Path) -> bytes:
        return self._counted(read_file(path))

    def _read_member(self, path: Path, member: zipfile.ZipInfo) -> bytes:
        with zipfile.ZipFile(io.BytesIO(self._read(path))) as opened:
            return unpacked(opened, member, self._counted)

    def _counted(self, content: bytes) -> bytes:
        self._left -= len(content)
        if self._left < 0:
            raise Unreadable("too_large_together", limit=_MOST_TOGETHER // 1024**2)
        return content


def _is_deeper(entry: os.DirEntry[str]) -> tuple[bool, str]:
    return entry.is_dir(follow_symlinks=False) or entry.name.casefold().endswith(".zip"), entry.name


def _refused(path: PurePosixPath, why: str, **gaps: object) -> HandedIn:
    def read() -> bytes:
        raise Unreadable(why, **gaps)

    return HandedIn(path, read)


def read_file(path: Path) -> bytes:
    """Return the content of an ordinary file.

    Raises
    ------
    Unreadable
        If it is a link, a pipe or a folder, or empty, or too large.
    OSError
        If it is not there, or cannot be opened.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise Unreadable("not_a_file")
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not_a_file")
        if status.st_size > MAX_FILE_BYTES:
            raise Unreadable("too_large", limit=MAX_FILE_BYTES // 1024**2)
        return file.read(MAX_FILE_BYTES)


def encoding_of(content: bytes) -> str:
    """Return the encoding of a text, of those that programs save in; a byte-order mark is part of the text."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16-le" if content.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    if b"\0" in content[:6].rstrip(b"\0"):  # half of most characters; zeros may also lie behind a file
        return "utf-16-be" if content.startswith(b"\0") else "utf-16-le"
    for encoding in ("utf-8", "cp1252"):
        with suppress(UnicodeDecodeError):
            content.decode(encoding)
            return encoding
    return "latin-1"


BAD_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError, MemoryError),
)


def path_in_zip(member: zipfile.ZipInfo) -> PurePosixPath | None:
    """Return where a file lies in a zip; None for a folder, and for what has no name."""
    name = member.filename
    if not name or name.endswith("/"):
        return None
    if not member.flag_bits & 0x800:
        # Some programs, such as that of macOS, write UTF-8 and do not say so.
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    # Windows writes the other slash.
    return PurePosixPath(name.replace("\\", "/"))


def unpacked(opened: zipfile.ZipFile, member: zipfile.ZipInfo, counted: Callable[[bytes], bytes] = bytes) -> bytes:
    """Return the content of a file in a zip; ``counted`` is given all that is unpacked, and returns it or raises.

    Raises
    ------
    Unreadable
        If it is damaged, encrypted or too large.
    OSError
        If the zip itself cannot be read any more.
    """
    try:
        with opened.open(member) as file:
            # What a zip says of sizes is not believed: no more is unpacked than may be.
            content = counted(file.read(MAX_FILE_BYTES + 1))
    except BAD_ZIP:
        raise Unreadable("zip") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise Unreadable("zip") from None  # so bz2 calls what is damaged
    if len(content) > MAX_FILE_BYTES:
        raise Unreadable("too_large", limit=MAX_FILE_BYTES // 1024**2)
    return content


def _members(content: bytes) -> list[zipfile.ZipInfo]:
    # Whatever in the last bytes could be read as the end of a zip states how long the list before it is.
    tail = content[-(1 << 16) - 22 :]
    ends = [at for at in range(len(tail) - 21) if tail.startswith(b"PK\5\6", at)]
    if b"PK\6\7" in tail or any(struct.unpack_from("<L", tail, at + 12)[0] > _MOST_ZIP_LIST for at in ends):
        raise zipfile.BadZipFile
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        return opened.infolist()


def stated_time(member: zipfile.ZipInfo) -> float:
    """Return when a file in a zip was written, as the zip states, in seconds; 0 if that is no time."""
    try:
        return datetime(*member.date_time, tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
