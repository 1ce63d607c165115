"""What learners handed in, as a learning management system or nbgrader's exchange gives it, put into nbgrader's layout.

Names in a download say whose file it is; one table below knows how. A download is made by a program, and what is in it
by learners: no name leads anywhere else, nothing but ordinary files is unpacked, and all of it is bounded.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath

from autograder.errors import CourseError
from autograder.grading.files import (
    BAD_ZIP,
    MAX_DEPTH,
    MAX_FILES,
    HandedIn,
    Unreadable,
    is_nobodys,
    path_in_zip,
    read_file,
    stated_time,
    unpacked,
)
from autograder.grading.names import safe_name, shown_name
from autograder.grading.own_files import TIMESTAMP
from autograder.grading.roster import Learner, Roster
from autograder.grading.submission import stated_in, time_in_utc, time_of
from autograder.language.catalogue import Sentence
from autograder.records.grading import LeftOut

#: How a path in a download says whose file it is: groups are the learner's identities as a roster has them, the file,
#: and what tells attempts apart. The first that fits counts. None looks into a folder that a learner made, and each
#: finds the first place in a name that fits, as what comes later a learner may have written.
PATTERNS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.DOTALL)
    for name, pattern in {
        "Moodle": (
            r"(?P<name>[^/]+?)_(?P<participant>\d+)_assignsubmission_(?:file|onlinetext)_?(?:/|_|(?=\.))?(?P<file>.+)"
        ),
        "Blackboard": r"(?P<title>[^/]+?)_(?P<login>[^/_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?P<file>_[^/]+|\.txt)",
        "exchange of nbgrader": (
            r"(?P<login>[^/+]+)\+(?P<assignment>[^/+]+)\+(?P<time>[^/+]+)(?:\+[^/+]*)?/(?P<file>.+)"
        ),
        "Canvas, anonymous": r"(?:[^\W\d]+_)?anon_(?P<anonymous>[^/_]+)_(?:(?P<number>\d+)_)?(?P<file>[^/]+)",
        "Canvas": r"(?P<squeezed>[^/]+?)(?:_[^\W\d]+)?_(?P<lms_id>\d+)_(?:(?P<number>\d+)_)?(?P<file>[^/]+)",
        "ILIAS": r"(?:[^/]+/)?Team \d+/(?P<name>[^/]+)_(?P<login>[^/_]+)_(?P<lms_id>\d+)/(?P<file>.+)",
        "ILIAS, alone": r"(?P<name>[^/]+_[^/]+)_(?P<login>[^/_]+)_(?P<lms_id>\d+)/(?P<file>.+)",
        "a folder for each learner": r"(?P<folder>[^/]+)/(?P<file>.+)",
    }.items()
}

#: A copy that a system numbers for each attempt.
_NUMBERED = re.compile(r"(?P<stem>.+)-(?P<attempt>\d{1,3})(?P<suffix>\.[^.]+)")

#: How many files a whole download may have, and bytes of one learner's together.
_MOST_FILES, _MOST_BYTES = 100_000, 512 * 1024**2

#: Of the name of a file, in bytes, beside its suffix: the rest of what file systems take is for what is put to it.
_LONGEST_STEM = 150


@dataclass
class Collected:
    """What a download has of one learner: files by the name they are put under, with what tells which is the latest."""

    learner: Learner
    files: dict[str, tuple[int, HandedIn]] = field(default_factory=dict)
    time: str = ""
    stamp: str = ""

    def _age(self, name: str) -> tuple[int, float]:
        number, entry = self.files[name]
        return number, entry.time

    @property
    def handed_in(self) -> str:
        """When that was, in UTC by ISO 8601, from the best that says so; empty if nothing does."""
        return self.time or self.learner.handed_in or self.stamp

    def write(self, folder: Path) -> None:
        """Write it into a folder, all of it or nothing, unless what lies there is of later.

        What cannot be read says why, as the file of its name.
        """
        time = self.handed_in
        if time and time_of(folder) > time:
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        left = _MOST_BYTES
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as scratch:
            fresh = Path(scratch) / folder.name
            fresh.mkdir()
            moment = 0.0
            for number, name in enumerate(sorted(self.files, key=self._age)[:MAX_FILES]):
                entry = self.files[name][1]
                try:
                    content = entry.read()
                    left -= len(content)
                    if left < 0:
                        raise Unreadable("too_large_together", limit=_MOST_BYTES // 1024**2)
                except Unreadable as error:
                    content = str(error.why).encode()  # read as a notebook that is none, so that the learner is named
                path = _write_file(fresh, name, content, number)
                moment = max(moment + 1.0, entry.time)
                os.utime(path, (moment, moment))  # of two files for one notebook the later one may count
            if len(self.files) > MAX_FILES:
                said = Unreadable("too_many_files", limit=MAX_FILES).why
                (fresh / "left-out.ipynb").write_text(said, encoding="utf-8")
            if time:
                (fresh / TIMESTAMP).write_text(f"{time.replace('T', ' ')} UTC", encoding="ascii")
            if folder.exists():
                folder.replace(Path(scratch) / "before")
            fresh.replace(folder)


def is_download(submitted: Path) -> bool:
    """Return whether this is not a folder with a folder for each learner: a zip, or names as a system gives them."""
    if not submitted.is_dir():
        return submitted.is_file()
    names = [f"{entry.name}/x" if entry.is_dir() else entry.name for entry in submitted.iterdir()]
    known = [name for name in names if not is_nobodys(name.split("/")[0]) and _parsed(name)[0] != _PLAIN]
    telling = [name for name in known if _parsed(name)[0] not in (None, "ILIAS, alone")]
    return bool(telling) and 2 * len(telling) >= len(names)


_PLAIN = "a folder for each learner"


def collect(
    source: Path, assignment: str, notebooks: Iterable[str], roster: Roster | None
) -> tuple[tuple[Collected, ...], tuple[LeftOut, ...]]:
    """Return what is in a download, by learner, and the rest; of several attempts the latest counts.

    Raises
    ------
    CourseError
        If it is no download, nothing in it is a learner's of the roster, or a name in it is of two learners.
    """
    found: dict[str, Collected] = {}
    unmatched: dict[str, LeftOut] = {}

    def leave_out(entry: HandedIn, why: str) -> None:
        unmatched[entry.shown] = LeftOut(entry.shown, why, is_learner=True)

    for path, why in _closed(source):
        unmatched[str(path)] = LeftOut(shown_name(str(path)), Sentence(why), is_learner=True)
    for entry in _without_common_folder(list(_entries(source)), assignment, roster):
        pattern, groups = _parsed(str(entry.path))
        if pattern is None or groups.get("assignment", assignment) != assignment:
            leave_out(entry, "its name does not say whose it is, or is of another assignment")
            continue
        learner = _learner(groups, roster, f"{source}, {entry.path}")
        if learner is None:
            leave_out(entry, "nobody in the roster goes by this name or number, or more than one does")
            continue
        attempts = found.setdefault(learner.student, Collected(learner))
        if attempts.learner.ids != learner.ids:
            raise CourseError(
                f"{source}, {entry.shown}: by the names of files alone this may be "
                f"{attempts.learner.shown}'s, or somebody else's. Name the list of the class with --roster."
            )
        _take(attempts, entry, groups, assignment)
    if not found:
        lines = "".join(f"\n  - {one}" for one in list(unmatched.values())[:10])
        hint = " Is it of another course?" if roster and unmatched else " Name the zip as it was downloaded."
        raise CourseError(f"{source}: nothing in it is a learner's work.{hint}{lines}")
    for attempts in found.values():
        attempts.files = _latest(attempts.files, set(notebooks))
    return tuple(found.values()), tuple(unmatched.values())


def _entries(source: Path) -> Iterator[HandedIn]:
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if stat.S_ISREG(path.lstat().st_mode) and not path.is_symlink():
                yield HandedIn(PurePosixPath(path.relative_to(source)), partial(_read, path), path.stat().st_mtime)
        return
    try:
        opened = zipfile.ZipFile(source)
        members = opened.infolist()
    except (*BAD_ZIP, OSError) as error:
        raise CourseError(f"{source}: this is no zip that can be opened ({error}). Download it again.") from None
    if len(members) > _MOST_FILES:
        raise CourseError(f"{source}: it has more than {_MOST_FILES} files, and no download of a class has.")
    for member in members:
        inside = path_in_zip(member)
        if inside is not None and not stat.S_ISLNK(member.external_attr >> 16):
            yield HandedIn(inside, partial(unpacked, opened, member), stated_time(member))


def _read(path: Path) -> bytes:
    try:
        return read_file(path)
    except PermissionError as error:
        raise Unreadable("cannot_be_read", why=error.strerror) from None


def _closed(source: Path) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield what lies in a folder and is not opened, and why: a line says so, as it may be a learner's."""
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        inside = PurePosixPath(path.relative_to(source))
        if any(map(is_nobodys, inside.parts)):
            continue
        if path.is_symlink():
            yield inside, "names.link"
        elif path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
            yield inside, "names.cannot_be_entered"


def _without_common_folder(entries: list[HandedIn], assignment: str, roster: Roster | None) -> Iterator[HandedIn]:
    """Yield the files that a person may have put there, without a folder that holds the whole download."""
    entries = [one for one in entries if not any(map(is_nobodys, one.path.parts))]
    tops = {one.path.parts[0] for one in entries if one.path.parts}
    (top,) = tops if len(tops) == 1 else ("",)
    works = [one.path for one in entries if one.path.suffix.casefold() in (".ipynb", ".zip")]
    if len({path.parts[1:2] for path in works}) < 2:  # else a list of the class may lie beside the learners' folders
        works = [one.path for one in entries]
    deeper = all(len(path.parts) > 2 or (path.parts[1:] and _parsed(path.name)[0]) for path in works)
    in_layout = any(path.parts[1:-1] == (assignment,) for path in works)
    is_learner = in_layout or _parsed(f"{top}/x")[0] != _PLAIN or (roster and roster.of_folder(top))
    for one in entries:
        yield replace(one, path=PurePosixPath(*one.path.parts[1:])) if top and deeper and not is_learner else one


def _parsed(path: str) -> tuple[str | None, dict[str, str]]:
    for name, pattern in PATTERNS.items():
        if found := pattern.fullmatch(path):
            return name, {group: value for group, value in found.groupdict().items() if value is not None}
    return None, {}


def _learner(groups: Mapping[str, str], roster: Roster | None, where: str) -> Learner | None:
    ids = {
        name: groups[name] for name in ("login", "lms_id", "participant", "name", "title", "squeezed") if name in groups
    }
    folder = groups.get("folder")
    if roster is not None:
        tries = (roster.match({**ids, **login}, where) for login in _logins(groups))
        return roster.of_folder(folder) if folder else next(filter(None, tries), None)
    parts = ("login", "participant", "lms_id", "anonymous")
    name = folder or groups.get("name") or groups.get("squeezed", "")
    number = next((groups[part] for part in parts if part in groups), "")
    student = number if "login" in groups else "-".join(filter(None, (name, number)))
    return Learner(safe_name(student), shown_name(name or student), 0, ids)


def _logins(groups: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield what may be the login, the longest first: it may hold the mark that parts it from what is before."""
    if "login" not in groups:
        yield {}
        return
    before = (groups.get("title") or groups.get("name") or "").split("_")
    yield from ({"login": "_".join(filter(None, (*before[at:], groups["login"])))} for at in range(len(before) + 1))


def _take(attempts: Collected, entry: HandedIn, groups: Mapping[str, str], assignment: str) -> None:
    """Note a file of a learner, unless one of the same name of a later attempt is there."""
    file = groups["file"].lstrip("_")
    if "folder" in groups:
        file = file.removeprefix(f"{assignment}/")
    if file == TIMESTAMP:
        # In a system's download only a learner can have put it there.
        attempts.stamp = stated_in(entry.read) if "folder" in groups else attempts.stamp
        return
    time, number = _time(groups.get("time", "")), int(groups.get("number", 0))
    if time > attempts.time:
        attempts.time, attempts.files = time, {}
    if time == attempts.time and (file not in attempts.files or number >= attempts.files[file][0]):
        attempts.files[file] = (number, entry)


def _latest(files: Mapping[str, tuple[int, HandedIn]], notebooks: set[str]) -> dict[str, tuple[int, HandedIn]]:
    """Return the last of the copies that Canvas numbers -1, -2, under the name without a number.

    Names that end so and are not there without a number may be of different notebooks: they are all kept.
    """
    found: dict[str, tuple[int, int, HandedIn]] = {}
    for file, (number, entry) in files.items():
        copy = _NUMBERED.fullmatch(file)
        plain, attempt = file, 0
        if copy and number and file.removesuffix(".ipynb") not in notebooks:
            known = f"{copy['stem']}{copy['suffix']}"
            if copy["stem"] in notebooks or known in files:
                plain, attempt = known, int(copy["attempt"])
        if plain not in found or (attempt, number) > found[plain][:2]:
            found[plain] = (attempt, number, entry)
    return {file: (number, entry) for file, (_, number, entry) in found.items()}


def _time(stated: str) -> str:
    """Return a time in UTC by ISO 8601: Blackboard's, of the clock here, or the exchange's; empty if it is none."""
    if not re.fullmatch(r"\d{4}(?:-\d\d){5}", stated):
        return time_in_utc(stated)
    try:
        there = datetime.strptime(stated, "%Y-%m-%d-%H-%M-%S").astimezone()
        return there.astimezone(UTC).replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError):
        return ""


def _write_file(folder: Path, name: str, content: bytes, number: int) -> Path:
    # Of a longer path the end is kept: no file system takes one of any length.
    path = folder.joinpath(*map(_part, PurePosixPath(name).parts[-MAX_DEPTH:]))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except (FileExistsError, NotADirectoryError):
        # A zip may hold a file and a folder of one name.
        path = folder / f"{number}-{path.name}"
        path.write_bytes(content)
    return path


def _part(part: str) -> str:
    """Return a part of a path that leads nowhere else, with its suffix."""
    suffix = PurePosixPath(part).suffix[:16]
    stem = os.fsdecode(os.fsencode(part.removesuffix(suffix))[:_LONGEST_STEM])
    safe = safe_name(stem) + safe_name(f"x{suffix}")[1:]
    return safe if safe.strip(".") else "_"
