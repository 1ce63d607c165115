"""Build sample submissions from folders: a base notebook, what a learner changed in it, and raw files.

A folder holds ``submission.toml`` and, for tests, ``expect.toml``. The notebooks are made from the course's own source
or release, so that a sample never goes out of date.
"""

from __future__ import annotations

import os
import shutil
import tomllib
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import msgspec
import nbformat
from nbformat import NotebookNode

from autograder.assignment.course import Course
from autograder.assignment.release import make_release
from autograder.assignment.rubric import Rubric
from autograder.errors import CourseError
from autograder.records.grading import Grade, Verdict


class OwnCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cell that a sample learner put in, behind the cell of a ``grade_id``."""

    after: str
    source: str
    cell_type: Literal["code", "markdown", "raw"] = "code"
    fields: dict[str, Any] = {}


class Placed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something beside the notebooks, or in the place of one.

    A ``text`` holds ``content``, a ``link`` leads to it, an ``archive`` is a zip file whose one member has that name; a
    ``hole`` is a file of ``size`` bytes that takes no space.
    """

    kind: Literal["text", "link", "folder", "pipe", "hole", "archive"]
    content: str = ""
    size: int = 0


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a sample learner's notebooks of an assignment differ from the base they are made from.

    ``assignment`` is the course's first if it is not given. ``only`` names the notebooks that were handed in, all if it
    is empty. ``cells`` gives sources and ``metadata`` what is changed in the metadata, by ``grade_id``; ``backwards``
    hands the cells in from last to first. ``files`` are placed beside the notebooks, by path.
    """

    story: str
    base: Literal["solution", "release"]
    assignment: str | None = None
    only: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    duplicate: tuple[str, ...] = ()
    backwards: bool = False
    rename: dict[str, str] = {}
    cells: dict[str, str] = {}
    metadata: dict[str, dict[str, Any]] = {}
    own: tuple[OwnCell, ...] = ()
    files: dict[str, Placed] = {}


def read_sample(folder: Path) -> Sample:
    """Return the description of a sample.

    Raises
    ------
    CourseError
        If the folder's ``submission.toml`` is missing or has an unknown key.
    """
    path = folder / "submission.toml"
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Sample)
    except (OSError, tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        raise CourseError(f"{path}: not a sample submission: {error}") from error


class ExpectedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be said of an item: ``score`` where it is right in part, ``reason`` as a part of what is said."""

    verdict: Verdict
    score: float | None = None
    mistake: str | None = None
    reason: str = ""


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ``expect.toml``: the verdict of every item that is not listed, those that are, and parts of the notes."""

    default: Verdict
    items: dict[str, ExpectedItem] = {}
    notes: tuple[str, ...] = ()


def unexpected(folder: Path, rubric: Rubric, grade: Grade) -> list[str]:
    """Return where the grade of a sample is not what its ``expect.toml`` says.

    Raises
    ------
    CourseError
        If that file cannot be read.
    """
    path = folder / "expect.toml"
    try:
        said = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Expected)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise CourseError(f"{path}: {error}. Correct it as course/authors.md says.") from None
    differs = [f"there is no item {name!r}" for name in said.items.keys() - {item.item for item in grade.items}]
    for item, found in zip(rubric.items, grade.items, strict=True):
        by_person = ExpectedItem(Verdict.NEEDS_PERSON if item.answer_kind.by_person else said.default)
        one = said.items.get(item.id, by_person)
        # What is right in part has to say what it is worth, and a mistake that was recognised has to be named.
        worth = {Verdict.CORRECT: item.points, Verdict.PARTIAL: None, Verdict.CARRIED: None}.get(found.verdict, 0.0)
        worth = worth if one.score is None else one.score
        for what, got, wanted in (
            ("verdict", found.verdict, one.verdict),
            ("mistake", found.mistake, one.mistake),
            ("score", found.score, worth),
        ):
            if got != wanted:
                differs.append(f"{item.id}: {what} {got}, and not {wanted}")
        if one.reason not in found.reason:
            differs.append(f"{item.id}: {found.reason!r} does not say {one.reason!r}")
    notes = [note for notebook in grade.notebooks for note in notebook.notebook.notes]
    differs += [f"no note says {note!r}" for note in said.notes if not any(note in line for line in notes)]
    return differs + [f"the note {note!r}" for note in (notes if not said.notes else ())]


def build_sample(folder: Path, course: Course, rubric: Rubric, target: Path) -> Sample:
    """Write the notebooks of a sample to ``target``; return its description.

    Raises
    ------
    CourseError
        If the sample speaks of a cell that no notebook has.
    """
    sample = read_sample(folder)
    bases = _bases(sample, course, rubric)
    known = {_grade_id(cell) for notebook in bases.values() for cell in notebook.cells}
    spoken_of = {*sample.delete, *sample.duplicate, *sample.rename, *sample.cells, *sample.metadata}
    for name in (spoken_of | {cell.after for cell in sample.own}) - known:
        raise CourseError(f"{folder / 'submission.toml'}: no notebook of {rubric.assignment} has a cell {name!r}.")
    target.mkdir(parents=True, exist_ok=True)
    for name, notebook in bases.items():
        nbformat.write(_changed(notebook, sample), target / name)
    for raw in folder.iterdir():
        if raw.suffix != ".toml":
            shutil.copyfile(raw, target / raw.name)
    for name, placed in sample.files.items():
        _place(placed, target / name)
    return sample


def build_class(samples: Path, course: Course, rubric: Rubric, target: Path) -> tuple[str, ...]:
    """Write every sample of an assignment as one learner's submission under ``target``; return the learners' names.

    Raises
    ------
    CourseError
        If the folder holds no sample of the assignment.
    """
    found = sorted(path.parent for path in samples.glob("*/submission.toml"))
    folders = [
        folder for folder in found if (read_sample(folder).assignment or course.assignments[0]) == rubric.assignment
    ]
    if not folders:
        raise CourseError(
            f"{samples} holds no sample submissions of {rubric.assignment}; each is a folder with a submission.toml."
        )
    for folder in folders:
        build_sample(folder, course, rubric, target / folder.name / rubric.assignment)
    return tuple(folder.name for folder in folders)


def _bases(sample: Sample, course: Course, rubric: Rubric) -> dict[str, NotebookNode]:
    names = [f"{entry.name}.ipynb" for entry in rubric.notebook if not sample.only or entry.name in sample.only]
    if sample.base == "release":
        texts = make_release(course, rubric).notebooks
        return {name: nbformat.reads(texts[name], as_version=4) for name in names}
    folder = course.source(rubric.assignment)
    return {name: nbformat.read(folder / name, as_version=4) for name in names}


def _place(placed: Placed, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match placed.kind:
        case "text":
            path.write_text(placed.content, encoding="utf-8")
        case "link":
            path.symlink_to(placed.content)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "hole":
            path.touch()
            os.truncate(path, placed.size)
        case "archive":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(placed.content, "from an archive")


def _grade_id(cell: NotebookNode) -> str | None:
    entry = cell.metadata.get("nbgrader", {})
    return entry.get("grade_id") if entry else None


def _changed(notebook: NotebookNode, sample: Sample) -> NotebookNode:
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        name = _grade_id(cell)
        if name in sample.delete:
            continue
        if name in sample.cells:
            cell.source = sample.cells[name]
        cells.append(cell)
        if name in sample.duplicate:
            twin = deepcopy(cell)
            twin.id = f"{cell.id}-twin"
            cells.append(twin)
        cells += [_own(entry, f"{cell.id}-own-{n}") for n, entry in enumerate(sample.own) if entry.after == name]
        if name in sample.metadata:
            cell.metadata = nbformat.from_dict(_merged(cell.metadata, sample.metadata[name]))
        if name in sample.rename:
            cell.metadata.nbgrader.grade_id = sample.rename[name]
    notebook.cells = cells[::-1] if sample.backwards else cells
    return notebook


def _own(entry: OwnCell, cell_id: str) -> NotebookNode:
    code: dict[str, Any] = {"outputs": [], "execution_count": None} if entry.cell_type == "code" else {}
    cell = {"cell_type": entry.cell_type, "id": cell_id, "metadata": {}, "source": entry.source, **code}
    own: NotebookNode = nbformat.from_dict({**cell, **entry.fields})
    return own


def _merged(there: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(there)
    for name, value in changes.items():
        inner = there.get(name)
        merged[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged
