"""Find what learners handed in, and read it: which file is which notebook of the assignment, and what else is there.

A notebook is known by what is in it, and then by its name. What is wrong with a file is said in the notebook that it
stands for; nothing is raised, so that no learner's file keeps another from being graded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from nbgrader.utils import parse_utc

from autograder.assignment.release import ReleasedNotebook
from autograder.errors import CourseError
from autograder.grading.files import HandedIn, Unreadable, files_in, is_nobodys, read_file
from autograder.grading.names import safe_name, shown_name
from autograder.grading.notebook_file import parse_notebook
from autograder.grading.own_files import TIMESTAMP, own_files
from autograder.grading.recognition import Recognised, recognise
from autograder.grading.sanitise import sanitise
from autograder.language.catalogue import Sentence, listed
from autograder.records.grading import LeftOut, Submission, SubmittedNotebook

#: So many of a learner's files are looked into at most for cells of the assignment, and so many strange ones named.
MAX_NOTEBOOKS, MOST_NOTES = 40, 20


@dataclass(frozen=True)
class SubmissionFolder:
    """Where one learner's notebooks lie: ``student`` is the name results are filed under, ``shown`` as it is written.

    ``around`` is the learner's whole folder, where ``path`` is the assignment's in it, and ``handed_in`` when that was,
    in UTC by ISO 8601, where a ``timestamp.txt`` of nbgrader's says so.
    """

    student: str
    path: Path
    shown: str = ""
    around: Path | None = None
    handed_in: str = ""


def find_submissions(directory: Path, assignment: str) -> tuple[tuple[SubmissionFolder, ...], tuple[LeftOut, ...]]:
    """Return the submissions in a folder, and everything in it that is not one.

    It holds one folder per learner, with the notebooks anywhere in it, best in a folder of the assignment's name.

    Raises
    ------
    CourseError
        If there is no such folder, or it holds no submission.
    """
    if not directory.is_dir():
        raise CourseError(f"There is no folder {directory}. Name the folder that holds one folder per learner.")
    found: dict[str, SubmissionFolder] = {}
    left_out = []
    for entry in sorted(directory.iterdir()):
        if is_nobodys(entry.name):
            continue
        inner, student = entry / assignment, safe_name(entry.name)
        problem = _problem_of_entry(entry, inner) or (Sentence("names.same") if student in found else None)
        if problem is None:
            path = inner if inner.is_dir() else entry
            found[student] = SubmissionFolder(student, path, shown_name(entry.name), entry, time_of(path))
        else:
            left_out.append(LeftOut(shown_name(entry.name), problem, _is_work(entry)))
    if not found:
        lines = "".join(f"\n  - {one}" for one in left_out[:20])
        raise CourseError(f"The folder {directory} holds no submission: it needs one folder per learner.{lines}")
    return tuple(found.values()), tuple(left_out)


def time_of(folder: Path) -> str:
    """Return when a folder was handed in, as nbgrader's ``timestamp.txt`` in it says; empty if none says so."""
    return stated_in(partial(read_file, folder / TIMESTAMP))


def stated_in(read: Callable[[], bytes]) -> str:
    """Return the time that a ``timestamp.txt`` states, in UTC by ISO 8601; empty if there is none to be read."""
    try:
        return time_in_utc(read().decode("ascii").strip())
    except (Unreadable, OSError, UnicodeError):
        return ""


def time_in_utc(stated: str) -> str:
    """Return a time as nbgrader writes it, in UTC by ISO 8601; empty if it is none."""
    try:
        return str(parse_utc(stated).isoformat()) if stated else ""
    except (ValueError, OverflowError):
        return ""


def _is_work(entry: Path) -> bool:
    """Return whether something that is not graded may be a learner's work, unlike a list of the class."""
    if entry.name.startswith("."):
        return False
    return entry.is_symlink() or not entry.is_file() or entry.suffix.casefold() in (".ipynb", ".zip")


def _problem_of_entry(entry: Path, inner: Path) -> Sentence | None:
    """Return why something beside the submissions is not graded; None for a learner's folder."""
    if entry.name.startswith("."):
        return Sentence("names.dot")
    if entry.is_symlink() or (entry.is_dir() and os.access(entry, os.X_OK) and inner.is_symlink()):
        return Sentence("names.link")
    if not entry.is_dir():
        return Sentence("names.not_a_folder")
    return None if os.access(entry, os.R_OK | os.X_OK) else Sentence("names.cannot_be_entered")


@dataclass(frozen=True)
class _Looked:
    """A file that may be a notebook: its cells as each release's that it has work of, or what is wrong with it."""

    file: HandedIn
    recognised: Mapping[str, Recognised] = field(default_factory=dict)
    unknown: Recognised | None = None
    problem: Sentence | None = None
    release: str | None = None


def read_submission(folder: SubmissionFolder, release: Sequence[ReleasedNotebook]) -> Submission:
    """Return a learner's submission, one sanitised notebook for each of the release.

    Raises
    ------
    OSError
        If the disk or the network fails on which it lies.
    """
    submission = _read(folder, folder.path, release)
    if submission.is_empty and folder.around not in (None, folder.path):
        # The assignment's folder is there, and the work lies beside it.
        return _read(folder, folder.around or folder.path, release)
    return submission


def _read(folder: SubmissionFolder, path: Path, release: Sequence[ReleasedNotebook]) -> Submission:
    files = list(files_in(path))
    names = {f"{released.name}.ipynb" for released in release}
    # What has the name it was handed out with is looked at first.
    candidates = sorted(
        (file for file in files if _may_be_notebook(file, release)), key=lambda file: file.path.name not in names
    )
    too_many = Sentence("submission.too_many_files", limit=MAX_NOTEBOOKS)
    looked = [_look(file, release) for file in candidates[:MAX_NOTEBOOKS]]
    looked += [_Looked(file, problem=too_many) for file in candidates[MAX_NOTEBOOKS:]]
    chosen = dict(_choose(looked, release))
    used = {id(one) for one in chosen.values()}
    notebooks = []
    for released in release:
        others = [one for one in looked if released.name in one.recognised and one is not chosen.get(released.name)]
        notebooks.append(_notebook(released, release, chosen.get(released.name), others))
    strangers = [one for one in looked if id(one) not in used and not one.recognised]
    places = [one.file.path.parent for one in chosen.values()]
    beside = max(places, key=places.count, default=None)
    may_be = {one.file.path for one in looked}
    kept, notes = own_files((file for file in files if file.path not in may_be), beside)
    ids = [one.release for one in chosen.values() if one.release]
    if len(set(ids)) > 1:
        notes = (Sentence("submission.mixed_releases", releases=listed(sorted(set(ids)))), *notes)
    return Submission(
        folder.student,
        tuple(notebooks),
        shown=folder.shown,
        files=kept,
        notes=(*map(_unreadable, strangers[:MOST_NOTES]), *notes),
        release=max(ids, key=ids.count, default=None),
    )


def _unreadable(one: _Looked) -> Sentence:
    why = one.problem or Sentence("submission.no_cell_of_ours")
    return Sentence("submission.unreadable", file=one.file.shown, why=why)


def _may_be_notebook(file: HandedIn, release: Iterable[ReleasedNotebook]) -> bool:
    name = file.path.name.casefold()
    return ".ipynb" in name or (file.path.suffix in ("", ".txt", ".json") and _named_after(file, release) is not None)


def _look(file: HandedIn, release: Iterable[ReleasedNotebook]) -> _Looked:
    try:
        parsed = parse_notebook(file.read())
    except Unreadable as error:
        return _Looked(file, problem=error.why)
    except PermissionError as error:
        return _Looked(file, problem=Sentence("submission.cannot_be_read", why=error.strerror))
    cells = parsed.cells
    found = {released.name: recognise(cells, released) for released in release}
    work = {r.name: found[r.name] for r in release if _has_work(found[r.name], r)}
    return _Looked(file, work, Recognised(cells, [None] * len(cells)), release=parsed.release)


def _has_work(found: Recognised, release: ReleasedNotebook) -> bool:
    """Return whether a cell is there that was to be filled, or that checks an answer: others are in many notebooks."""
    entries = (release.metadata[name] for name in found.grade_ids if name)
    return any(entry.get("grade") or entry.get("solution") for entry in entries)


def _choose(looked: Sequence[_Looked], release: Sequence[ReleasedNotebook]) -> Iterator[tuple[str, _Looked]]:
    """Yield the file that is taken for each notebook of the release that there is one for."""
    strangers = [one for one in looked if not one.recognised]
    missing = []
    for released in release:
        known = [one for one in looked if released.name in one.recognised]
        # A file that can be read comes before one that cannot.
        named = [one for one in strangers if _named_after(one.file, release) == released.name]
        if known:
            yield released.name, max(known, key=lambda one: _most_work(one, released))
        elif named:
            yield released.name, max(named, key=lambda one: (one.problem is None, one.file.time, one.file.shown))
        else:
            missing.append(released.name)
    nameless = [one for one in strangers if _named_after(one.file, release) is None]
    if len(missing) == len(nameless) == 1:
        yield missing[0], nameless[0]


def _most_work(one: _Looked, release: ReleasedNotebook) -> tuple[int, float, str]:
    return one.recognised[release.name].changed(release), one.file.time, one.file.shown


def _named_after(file: HandedIn, release: Iterable[ReleasedNotebook]) -> str | None:
    """Return the notebook whose name is in a file's name, whatever a browser or a person put around it."""
    name = _letters(file.path.name)
    return max((r.name for r in release if _letters(r.name) in name), key=len, default=None)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _notebook(
    released: ReleasedNotebook, release: Sequence[ReleasedNotebook], taken: _Looked | None, others: Sequence[_Looked]
) -> SubmittedNotebook:
    file = f"{released.name}.ipynb"
    if taken is None:
        return SubmittedNotebook(released.name, released.cells, Sentence("submission.absent", file=file), absent=True)
    if taken.unknown is None:
        return SubmittedNotebook(released.name, released.cells, _unreadable(taken))
    notes = [Sentence("submission.taken", file=taken.file.shown)] if taken.file.path.name != file or others else []
    if others:
        notes.append(Sentence("submission.not_taken", files=listed([one.file.shown for one in others])))
    elsewhere = {cell.grade_id for other in release if other is not released for cell in other.cells if cell.grade_id}
    found = taken.recognised.get(released.name, taken.unknown)
    return sanitise(found, released, elsewhere, tuple(notes))


def notebooks_in(path: Path, release: Sequence[ReleasedNotebook]) -> tuple[str, ...]:
    """Return which notebooks of a release a file is, by what is in it or else by its name."""
    looked = _look(_handed_in(path), release)
    named = _named_after(looked.file, release)
    return tuple(looked.recognised) or ((named,) if named else ())


def read_notebook(path: Path, release: ReleasedNotebook) -> SubmittedNotebook:
    """Return a file as a sanitised notebook; what is wrong with it is said in it, not raised."""
    if not os.path.lexists(path):
        return _notebook(release, (release,), None, ())
    return _notebook(release, (release,), _look(_handed_in(path), (release,)), ())


def _handed_in(path: Path) -> HandedIn:
    return HandedIn(PurePosixPath(path.name), partial(read_file, path))
