"""What learners handed in, as a learning management system or nbgrader's exchange gives it, put into nbgrader's layout.

Names in a download say whose file it is; one table below knows how. A download is made by a program, and what is in it
by learners: no name leads anywhere else, nothing but ordinary files is unpacked, and all of it is bounded.
"""

from __future__ import annotations

import re
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath

from autograder.errors import CourseError
from autograder.grading.files import BAD_ZIP, MAX_FILE_BYTES, MAX_FILES, Unreadable, is_nobodys, read_file
from autograder.grading.names import safe_name, shown_name
from autograder.grading.own_files import TIMESTAMP
from autograder.grading.roster import Learner, Roster
from autograder.grading.submission import time_in_utc, time_of

#: How a path in a download says whose file it is: groups are the learner's identities as a roster has them, the file,
#: and what tells attempts apart. The first that fits counts. None looks into a folder that a learner made, and each
#: finds the first place in a name that fits, as what comes later a learner may have written.
PATTERNS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.DOTALL)
    for name, pattern in {
        "Moodle": (
            r"(?P<name>[^/]+?)_(?P<participant>\d+)_assignsubmission_(?:file|onlinetext)_?(?:/|_|(?=\.))?(?P<file>.+)"
        ),
        "Blackboard": r"[^/]+?_(?P<login>[^/_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?P<file>_[^/]+|\.txt)",
        "exchange of nbgrader": (
            r"(?P<login>[^/+]+)\+(?P<assignment>[^/+]+)\+(?P<time>[^/+]+)(?:\+[^/+]*)?/(?P<file>.+)"
        ),
        "Canvas, anonymous": r"(?:LATE_)?anon_(?P<anonymous>[^/_]+)_(?:(?P<number>\d+)_)?(?P<file>[^/]+)",
        "Canvas": r"(?P<squeezed>[^/]+?)(?:_LATE)?_(?P<lms_id>\d+)_(?:(?P<number>\d+)_)?(?P<file>[^/]+)",
        "ILIAS": r"(?:[^/]+/)?Team \d+/(?P<name>[^/]+)_(?P<login>[^/_]+)_(?P<lms_id>\d+)/(?P<file>.+)",
        "ILIAS, alone": r"(?P<name>[^/]+_[^/]+)_(?P<login>[^/_]+)_(?P<lms_id>\d+)/(?P<file>.+)",
        "a folder for each learner": r"(?P<folder>[^/]+)/(?P<file>.+)",
    }.items()
}

#: A copy that a system numbers for each attempt.
_NUMBERED = re.compile(r"(?P<stem>.+)-(?P<attempt>\d{1,3})(?P<suffix>\.[^.]+)")

#: How many files a whole download may have, and bytes of one learner's together.
_MOST_FILES, _MOST_BYTES = 100_000, 512 * 1024**2


@dataclass(frozen=True)
class Entry:
    """A file of a download: its path there, and what reads it."""

    path: PurePosixPath
    read: Callable[[], bytes]


@dataclass
class _Attempts:
    """What was found of one learner: files by the name they are put under, with what tells which is the latest."""

    learner: Learner
    files: dict[str, tuple[tuple[str, int, int], Entry]] = field(default_factory=dict)
    time: str = ""


@dataclass(frozen=True)
class Collected:
    """What is in a download: what each learner handed in, by the name that results are filed under, and the rest."""

    attempts: Mapping[str, _Attempts]
    unmatched: Mapping[str, str]

    @property
    def learners(self) -> tuple[Learner, ...]:
        """Whose work it is."""
        return tuple(one.learner for one in self.attempts.values())

    def time_of(self, learner: Learner) -> str:
        """Return when a learner handed in, in UTC by ISO 8601; empty if nothing says so."""
        return self.attempts[learner.student].time or learner.handed_in

    def write(self, assignment: str, into: Path) -> None:
        """Put it into a folder for each learner, one for the assignment in it, where nothing later lies."""
        for student, attempts in self.attempts.items():
            _write(attempts, into / student / assignment, attempts.time or attempts.learner.handed_in)


def is_download(submitted: Path) -> bool:
    """Return whether this is not a folder with a folder for each learner: a zip, or names as a system gives them."""
    if not submitted.is_dir():
        return submitted.is_file()
    names = [f"{entry.name}/x" if entry.is_dir() else entry.name for entry in submitted.iterdir()]
    known = [name for name in names if not is_nobodys(name.split("/")[0]) and _parsed(name)[0] != _PLAIN]
    telling = [name for name in known if _parsed(name)[0] not in (None, "ILIAS, alone")]
    return bool(telling) and 2 * len(telling) >= len(names)


_PLAIN = "a folder for each learner"


def collect(source: Path, assignment: str, notebooks: Iterable[str], roster: Roster | None) -> Collected:
    """Return what is in a download; of several attempts the latest counts.

    Raises
    ------
    CourseError
        If it is no download, nothing in it is a learner's of the roster, or a name in it is of two learners.
    """
    found: dict[str, _Attempts] = {}
    unmatched: dict[str, str] = {}
    own = set(notebooks)
    for entry in _without_common_folder(list(_entries(source)), roster):
        pattern, groups = _parsed(str(entry.path))
        if pattern is None or groups.get("assignment", assignment) != assignment:
            unmatched[str(entry.path)] = "its name does not say whose it is, or is of another assignment"
            continue
        learner = _learner(groups, roster, f"{source}, {entry.path}")
        if learner is None:
            unmatched[str(entry.path)] = "nobody in the roster goes by this name or number"
            continue
        _take(found.setdefault(learner.student, _Attempts(learner)), entry, groups, own)
    if not found:
        lines = "".join(f"\n  - {shown_name(name)}: {why}" for name, why in list(unmatched.items())[:10])
        hint = " Is it of another course?" if roster and unmatched else " Name the zip as it was downloaded."
        raise CourseError(f"{source}: nothing in it is a learner's work.{hint}{lines}")
    return Collected(found, {shown_name(name): why for name, why in unmatched.items()})


def _entries(source: Path) -> Iterator[Entry]:
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if stat.S_ISREG(path.lstat().st_mode) and not path.is_symlink():
                yield _entry(path.relative_to(source).as_posix(), partial(read_file, path))
        return
    try:
        opened = zipfile.ZipFile(source)
        members = opened.infolist()
    except (*BAD_ZIP, OSError) as error:
        raise CourseError(f"{source}: this is no zip that can be opened ({error}). Download it again.") from None
    if len(members) > _MOST_FILES:
        raise CourseError(f"{source}: it has more than {_MOST_FILES} files, and no download of a class has.")
    for member in members:
        if not member.is_dir() and not stat.S_ISLNK(member.external_attr >> 16):
            yield _entry(member.filename.replace("\\", "/"), partial(_unpacked, opened, member))


def _entry(path: str, read: Callable[[], bytes]) -> Entry:
    return Entry(PurePosixPath(path), read)


def _unpacked(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with opened.open(member) as file:
            # What a zip says of sizes is not believed.
            content = file.read(MAX_FILE_BYTES + 1)
    except BAD_ZIP:
        raise Unreadable("zip") from None
    if len(content) > MAX_FILE_BYTES:
        raise Unreadable("too_large", limit=MAX_FILE_BYTES // 1024**2)
    return content


def _without_common_folder(entries: list[Entry], roster: Roster | None) -> Iterator[Entry]:
    """Yield the files that a person may have put there, without a folder that holds the whole download."""
    entries = [one for one in entries if not any(map(is_nobodys, one.path.parts))]
    tops = {one.path.parts[0] for one in entries if one.path.parts}
    (top,) = tops if len(tops) == 1 else ("",)
    deeper = all(len(one.path.parts) > 2 or (one.path.parts[1:] and _parsed(one.path.name)[0]) for one in entries)
    is_learner = _parsed(f"{top}/x")[0] != _PLAIN or (roster and roster.of_folder(top))
    for one in entries:
        yield Entry(PurePosixPath(*one.path.parts[1:]), one.read) if top and deeper and not is_learner else one


def _parsed(path: str) -> tuple[str | None, dict[str, str]]:
    for name, pattern in PATTERNS.items():
        if found := pattern.fullmatch(path):
            return name, {group: value for group, value in found.groupdict().items() if value is not None}
    return None, {}


def _learner(groups: Mapping[str, str], roster: Roster | None, where: str) -> Learner | None:
    ids = {name: value for name, value in groups.items() if name in ("login", "lms_id", "participant", "name")}
    folder = groups.get("folder")
    if roster is not None:
        return roster.of_folder(folder) if folder else roster.match(ids, where)
    parts = ("login", "participant", "lms_id", "anonymous")
    name = folder or groups.get("name") or groups.get("squeezed", "")
    number = next((groups[part] for part in parts if part in groups), "")
    student = number if "login" in groups else "-".join(filter(None, (name, number)))
    return Learner(safe_name(student), shown_name(name or student), 0, ids)


def _take(attempts: _Attempts, entry: Entry, groups: Mapping[str, str], notebooks: set[str]) -> None:
    """Note a file of a learner, unless one of the same name of a later attempt is there."""
    file, attempt = groups["file"].lstrip("_"), 0
    numbered = _NUMBERED.fullmatch(file)
    if numbered and "number" in groups and file.removesuffix(".ipynb") not in notebooks:
        file, attempt = f"{numbered['stem']}{numbered['suffix']}", int(numbered["attempt"])
    time = _time(groups.get("time", ""))
    order = (time, attempt, int(groups.get("number", 0)))
    if time > attempts.time:
        attempts.time, attempts.files = time, {}
    if time == attempts.time and (file not in attempts.files or order > attempts.files[file][0]):
        attempts.files[file] = (order, entry)


def _time(stated: str) -> str:
    """Return a time in UTC by ISO 8601: Blackboard's, of the clock here, or the exchange's; empty if it is none."""
    if not stated:
        return ""
    try:
        if re.fullmatch(r"\d{4}(?:-\d\d){5}", stated):
            there = datetime.strptime(stated, "%Y-%m-%d-%H-%M-%S").astimezone()
            return there.astimezone(UTC).replace(tzinfo=None).isoformat()
        return time_in_utc(stated)
    except (ValueError, OverflowError):
        return ""


def _write(attempts: _Attempts, folder: Path, time: str) -> None:
    """Write what a learner handed in, all of it or nothing; what cannot be read says why, as the file of its name."""
    if time and time_of(folder) > time:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    left = _MOST_BYTES
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as scratch:
        fresh = Path(scratch) / folder.name
        fresh.mkdir()
        for name, (_, entry) in list(attempts.files.items())[:MAX_FILES]:
            try:
                content = entry.read()
                left -= len(content)
                if left < 0:
                    raise Unreadable("too_large_together", limit=_MOST_BYTES // 1024**2)
            except Unreadable as error:
                content = str(error.why).encode()  # read as a notebook that is none, so that the learner is named
            path = fresh.joinpath(*map(_part, PurePosixPath(name).parts))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if len(attempts.files) > MAX_FILES:
            said = Unreadable("too_many_files", limit=MAX_FILES).why
            (fresh / "left-out.ipynb").write_text(said, encoding="utf-8")
        if time:
            (fresh / TIMESTAMP).write_text(f"{time.replace('T', ' ')} UTC", encoding="ascii")
        if folder.exists():
            folder.replace(Path(scratch) / "before")
        fresh.replace(folder)


def _part(part: str) -> str:
    """Return a part of a path that leads nowhere else, with its suffix."""
    if part in ("..", ".", "/", ""):
        return "_"
    suffix = PurePosixPath(part).suffix[:16]
    safe = safe_name(part.removesuffix(suffix)) + safe_name(f"x{suffix}")[1:]
    return safe if safe.strip(".") else "_"
