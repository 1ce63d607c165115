"""Read, limit and sanitise what learners handed in.

A submitted notebook is taken apart and put together again around the release: locked cells come from the release,
solution cells from the learner, each in the release's order, and cells of the learner's own stay behind the cell they
followed. Whatever was deleted, duplicated, renamed or moved is named, and costs nothing by itself.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from autograder.assignment.release import ReleasedNotebook
from autograder.errors import CourseError
from autograder.grading.names import problem_of_name, shown_name
from autograder.language.catalogue import Sentence
from autograder.records.grading import Cell, LeftOut, Submission, SubmittedNotebook
from autograder.scoring.feedback import shorten

#: A notebook of the course has some tens of kilobytes; these bounds leave room for pictures.
MAX_FILE_BYTES = 20 * 1024**2
MAX_CELLS = 500
MAX_SOURCE = 1_000_000
MAX_NOTES = 20


class _RawCell(msgspec.Struct):
    cell_type: Literal["code", "markdown", "raw"]
    source: str | list[str]
    # Not taken apart: nothing but one name is asked of it, and small brackets can become large objects.
    metadata: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def text(self) -> str:
        return self.source if isinstance(self.source, str) else "".join(self.source)

    @property
    def grade_id(self) -> str | None:
        try:
            return msgspec.json.decode(self.metadata, type=_Metadata).nbgrader.grade_id
        except (msgspec.DecodeError, UnicodeError, ValueError, RecursionError):
            return None  # whatever it is, it is not nbgrader's


class _Nbgrader(msgspec.Struct, frozen=True):
    grade_id: str | None = None


class _Metadata(msgspec.Struct, frozen=True):
    nbgrader: _Nbgrader = _Nbgrader()


class _RawNotebook(msgspec.Struct):
    nbformat: int
    cells: list[_RawCell] = []


@dataclass(frozen=True)
class SubmissionFolder:
    """Where one learner's notebooks lie."""

    student: str
    path: Path


def find_submissions(directory: Path, assignment: str) -> tuple[tuple[SubmissionFolder, ...], tuple[LeftOut, ...]]:
    """Return the submissions in a folder, and everything in it that is not one.

    Parameters
    ----------
    directory : Path
        Holds one folder per learner, with the notebooks in it or in a folder of the assignment's name in it.
    assignment : str
        Name of the assignment.

    Raises
    ------
    CourseError
        If there is no such folder, or it holds no submission.
    """
    if not directory.is_dir():
        raise CourseError(f"There is no folder {directory}. Name the folder that holds one folder per learner.")
    found, left_out = [], []
    for entry in sorted(directory.iterdir()):
        inner = entry / assignment
        problem = _problem_of_entry(entry, inner)
        if problem is None:
            found.append(SubmissionFolder(entry.name, inner if inner.is_dir() else entry))
        else:
            is_learner = not entry.name.startswith(".") and (entry.is_symlink() or not entry.is_file())
            left_out.append(LeftOut(shown_name(entry.name), problem, is_learner))
    if not found:
        lines = "".join(f"\n  - {one}" for one in left_out[:20])
        raise CourseError(f"The folder {directory} holds no submission: it needs one folder per learner.{lines}")
    return tuple(found), tuple(left_out)


def _problem_of_entry(entry: Path, inner: Path) -> str | None:
    """Return why something beside the submissions is not graded; None for a learner's folder."""
    if entry.is_file() and not entry.is_symlink() and not entry.name.startswith("."):
        return Sentence("names.not_a_folder")
    problem = problem_of_name(entry.name)
    if problem is not None:
        return problem if problem.key == "names.dot" else Sentence("names.rename", why=problem)
    if not entry.is_symlink() and entry.is_dir() and not os.access(entry, os.X_OK):
        return Sentence("names.cannot_be_entered")
    if entry.is_symlink() or (entry.is_dir() and inner.is_symlink()):
        return Sentence("names.link")
    return None if entry.is_dir() else Sentence("names.not_a_folder")


def read_learners(path: Path) -> tuple[str, ...]:
    """Return the names in a list of learners, one to a line.

    Raises
    ------
    CourseError
        If the list cannot be read, is empty, or holds a name that no learner can have, or that is there twice.
    """
    try:
        # Only these end a line: a name with another character that Python takes for an end is refused as a whole.
        lines = re.split("\r\n|\r|\n", path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: this list cannot be read ({error}). Give a text with a name to a line.") from None
    seen: dict[str, int] = {}
    names = []
    for number, name in enumerate((line.strip(" \t") for line in lines), 1):
        if not name:
            continue
        place = f"{path}, line {number}: {shown_name(name)}"
        problem = problem_of_name(name)
        if problem is not None:
            raise CourseError(f"{place} cannot be a learner's name: {problem}. Change it.")
        # Some file systems take names for the same that differ in case, or in how an accent is written.
        first = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), number)
        if first != number:
            raise CourseError(f"{place} is there twice, or hardly differs from line {first}; change or remove one.")
        names.append(name)
    if not names:
        raise CourseError(f"{path}: there is no learner in this list. Give a text with a name to a line.")
    return tuple(names)


def read_submission(folder: SubmissionFolder, release: tuple[ReleasedNotebook, ...]) -> Submission:
    """Return a learner's submission, one sanitised notebook for each of the release."""
    return Submission(folder.student, tuple(read_notebook(folder.path / f"{r.name}.ipynb", r) for r in release))


def read_notebook(path: Path, release: ReleasedNotebook) -> SubmittedNotebook:
    """Return a submitted file as a sanitised notebook; what is wrong with the file is said in it, not raised."""
    file = f"{release.name}.ipynb"
    try:
        raw = _parse(_read_bytes(path))
    except FileNotFoundError:
        problem = Sentence("submission.absent", file=file)
        return SubmittedNotebook(release.name, release.cells, problem, absent=True)
    except OSError as error:
        problem = Sentence("submission.cannot_be_read", file=file, why=error.strerror)
        return SubmittedNotebook(release.name, release.cells, problem)
    except _Unreadable as error:
        problem = Sentence("submission.unreadable", file=file, why=error.why)
        return SubmittedNotebook(release.name, release.cells, problem)
    return sanitise(raw.cells, release)


class _Unreadable(Exception):
    """A submitted file that is not a notebook; ``why`` is for the learner."""

    def __init__(self, name: str, **gaps: object) -> None:
        super().__init__(name)
        self.why = Sentence(f"submission.{name}", **gaps)


def _read_bytes(path: Path) -> bytes:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise _Unreadable("not_a_file")
    if status.st_size == 0:
        raise _Unreadable("empty")
    if status.st_size > MAX_FILE_BYTES:
        raise _Unreadable("too_large", limit=MAX_FILE_BYTES // 1024**2)
    return path.read_bytes()


def _parse(content: bytes) -> _RawNotebook:
    try:
        raw = msgspec.json.decode(content, type=_RawNotebook)
    except msgspec.ValidationError as error:
        # The error may quote the file, at any length.
        raise _Unreadable("not_saved_by_jupyter", why=shorten(str(error))) from None
    except (msgspec.DecodeError, UnicodeError, ValueError, RecursionError):
        raise _Unreadable("not_a_notebook") from None
    if raw.nbformat != 4:
        raise _Unreadable("old_format", format=raw.nbformat)
    if sum(len(cell.text) for cell in raw.cells) > MAX_SOURCE:
        raise _Unreadable("too_much_text")
    if len(raw.cells) > MAX_CELLS:
        raise _Unreadable("too_many_cells", limit=MAX_CELLS)
    return raw


def sanitise(cells: list[_RawCell], release: ReleasedNotebook) -> SubmittedNotebook:
    """Return submitted cells put together around the release, with notes on what did not fit."""
    released = {cell.grade_id: cell for cell in release.cells if cell.grade_id}
    submitted: dict[str, _RawCell] = {}
    own: dict[str | None, list[Cell]] = {}
    notes: list[str] = []
    anchor: str | None = None
    for cell in cells:
        grade_id = cell.grade_id
        if grade_id in released and grade_id not in submitted:
            submitted[grade_id] = cell
            anchor = grade_id
            continue
        if grade_id in released:
            notes.append(Sentence("submission.twice", cell=grade_id))
            if released[grade_id].locked:
                continue
        elif grade_id is not None:
            notes.append(Sentence("submission.unknown_cell", cell=repr(grade_id[:60])))
        elif _is_released_text(cell, release):
            continue
        own.setdefault(anchor, []).append(Cell(cell.cell_type, cell.text))
    notes += _differences(released, submitted)
    return SubmittedNotebook(
        name=release.name,
        cells=tuple(_assemble(release, submitted, own)),
        notes=tuple(notes[:MAX_NOTES]),
        untouched=frozenset(
            name
            for name, cell in released.items()
            if not cell.locked and (name not in submitted or submitted[name].text.strip() == cell.source.strip())
        ),
    )


def _is_released_text(cell: _RawCell, release: ReleasedNotebook) -> bool:
    """Return True for a cell without an id that the release has anyway, such as a heading."""
    return any(c.grade_id is None and c.source == cell.text for c in release.cells)


def _differences(released: dict[str, Cell], submitted: dict[str, _RawCell]) -> Iterator[str]:
    for name, cell in released.items():
        if name not in submitted:
            yield Sentence("submission.deleted", cell=name)
        elif cell.locked and submitted[name].text.strip() != cell.source.strip():
            yield Sentence("submission.edited", cell=name)
    order = [name for name in released if name in submitted]
    if order != list(submitted):
        yield Sentence("submission.moved")


def _assemble(
    release: ReleasedNotebook, submitted: dict[str, _RawCell], own: dict[str | None, list[Cell]]
) -> Iterator[Cell]:
    yield from own.get(None, ())
    for cell in release.cells:
        handed_in = submitted.get(cell.grade_id) if cell.grade_id else None
        if cell.grade_id is None or cell.locked or handed_in is None:
            yield cell
        else:
            yield replace(cell, source=handed_in.text)
        if cell.grade_id:
            yield from own.get(cell.grade_id, ())
