"""Build sample submissions from folders: a base notebook, what a learner changed in it, and raw files.

A folder holds ``submission.toml`` and, for tests, ``expect.toml``. The notebooks are made from the course's own source
or release, so that a sample never goes out of date.
"""

from __future__ import annotations

import shutil
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Literal

import msgspec
import nbformat
from nbformat import NotebookNode

from autograder.course import Course
from autograder.errors import CourseError
from autograder.release import make_release
from autograder.rubric import Rubric


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a sample learner's notebooks of an assignment differ from the base they are made from."""

    story: str
    base: Literal["solution", "release"]
    assignment: str = "practice"
    delete: tuple[str, ...] = ()
    duplicate: tuple[str, ...] = ()
    rename: dict[str, str] = {}
    cells: dict[str, str] = {}


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
    for name in {*sample.delete, *sample.duplicate, *sample.rename, *sample.cells} - known:
        raise CourseError(f"{folder / 'submission.toml'}: no notebook of {rubric.assignment} has a cell {name!r}.")
    target.mkdir(parents=True, exist_ok=True)
    for name, notebook in bases.items():
        nbformat.write(_changed(notebook, sample), target / name)
    for raw in folder.glob("*.ipynb"):
        shutil.copyfile(raw, target / raw.name)
    return sample


def build_class(samples: Path, course: Course, rubric: Rubric, target: Path) -> tuple[str, ...]:
    """Write every sample of an assignment as one learner's submission under ``target``; return the learners' names.

    Raises
    ------
    CourseError
        If the folder holds no sample of the assignment.
    """
    found = sorted(path.parent for path in samples.glob("*/submission.toml"))
    folders = [folder for folder in found if read_sample(folder).assignment == rubric.assignment]
    if not folders:
        raise CourseError(
            f"{samples} holds no sample submissions of {rubric.assignment}; each is a folder with a submission.toml."
        )
    for folder in folders:
        build_sample(folder, course, rubric, target / folder.name / rubric.assignment)
    return tuple(folder.name for folder in folders)


def _bases(sample: Sample, course: Course, rubric: Rubric) -> dict[str, NotebookNode]:
    if sample.base == "release":
        texts = make_release(course, rubric)
        return {name: nbformat.reads(text, as_version=4) for name, text in texts.items()}
    folder = course.source(rubric.assignment)
    names = [f"{notebook.name}.ipynb" for notebook in rubric.notebook]
    return {name: nbformat.read(folder / name, as_version=4) for name in names}


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
        if name in sample.rename:
            cell.metadata.nbgrader.grade_id = sample.rename[name]
    notebook.cells = cells
    return notebook
