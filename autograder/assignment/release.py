"""From the teacher's source notebooks to what learners get, and back: reading a release.

The source is nbgrader's: solutions between ``### BEGIN SOLUTION`` and ``### END SOLUTION``, locked cells, points. What
is released is made by nbgrader's own preprocessors, so that ``nbgrader generate_assignment`` gives the same notebooks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

from autograder.assignment.agreement import disagreements
from autograder.assignment.course import CHECK_FILE, Course, check_file
from autograder.assignment.rubric import Rubric
from autograder.errors import CourseError, ReleaseError
from autograder.records.grading import Cell
from autograder.records.writing import write_whole

_STEPS = (
    LockCells,
    ClearSolutions,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
    ClearHiddenTests,
    ClearMarkScheme,
)


@dataclass(frozen=True)
class ReleasedNotebook:
    """A notebook as it was handed out. ``metadata`` is nbgrader's, by ``grade_id``."""

    name: str
    cells: tuple[Cell, ...]
    metadata: dict[str, dict[str, Any]]


def make_release(course: Course, rubric: Rubric) -> dict[str, str]:
    """Return the released notebooks of an assignment as text, by file name, and what `check` says where it is not all.

    Raises
    ------
    ReleaseError
        If a source notebook is missing or unreadable, or disagrees with the rubric; nothing is to be written then.
    """
    folder = course.source(rubric.assignment)
    paths = [folder / f"{entry.name}.ipynb" for entry in rubric.notebook]
    sources = {path: _read(path, ReleaseError) for path in paths}
    is_first = rubric.assignment == course.assignments[0]
    if problems := list(disagreements(rubric, sources, is_first=is_first)):
        raise ReleaseError("\n".join(problems))
    released = {}
    for path, source in sources.items():
        for step in _STEPS:
            source, _ = step().preprocess(source, {})
        released[path.name] = nbformat.writes(source) + "\n"
    for path in sorted(folder.glob("*.ipynb")):
        if path.name not in released:
            raise ReleaseError(f"{path}: the rubric does not know this notebook. Add a [[notebook]] or move the file.")
    if rubric.check_says != "everything":
        released[CHECK_FILE] = check_file(rubric)
    return released


def write_release(folder: Path, released: dict[str, str]) -> list[Path]:
    """Write a release to a folder; return the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    if CHECK_FILE not in released:
        (folder / CHECK_FILE).unlink(missing_ok=True)
    return [write_whole(folder / name, text) for name, text in released.items()]


def parse_release(released: dict[str, str]) -> tuple[ReleasedNotebook, ...]:
    """Return released notebooks, by file name as text, as :func:`read_release` would."""
    notebooks = {Path(name): text for name, text in released.items() if name != CHECK_FILE}
    return tuple(_released(path.stem, nbformat.reads(text, as_version=4)) for path, text in notebooks.items())


def read_release(course: Course, rubric: Rubric) -> tuple[ReleasedNotebook, ...]:
    """Return the notebooks of an assignment as learners got them.

    Raises
    ------
    CourseError
        If one is missing: `mlm release` makes them.
    """
    return tuple(
        _released(entry.name, _read(course.release(rubric.assignment) / f"{entry.name}.ipynb", CourseError))
        for entry in rubric.notebook
    )


def _released(name: str, notebook: NotebookNode) -> ReleasedNotebook:
    cells, metadata = [], {}
    for cell in notebook.cells:
        entry = cell.metadata.get("nbgrader", {})
        grade_id = entry.get("grade_id")
        # A cell without an id cannot be told apart from the learner's own, so it is the release's as well.
        locked = bool(entry.get("locked")) or not entry.get("solution")
        cells.append(Cell(cell.cell_type, cell.source, grade_id, locked=locked, cell_id=cell.get("id")))
        if grade_id:
            metadata[grade_id] = dict(entry)
    return ReleasedNotebook(name, tuple(cells), metadata)


def _read(path: Path, error: type[ReleaseError] | type[CourseError]) -> NotebookNode:
    if not path.is_file():
        raise error(
            f"{path}: this notebook is missing. Source notebooks lie beside assignment.toml, and mlm release makes the "
            "rest."
        )
    try:
        notebook: NotebookNode = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
        nbformat.validate(notebook)
    except (ValueError, nbformat.ValidationError) as problem:
        said = f"not a valid notebook: {str(problem).splitlines()[0]}. Save it from Jupyter, as UTF-8."
        raise error(f"{path}: {said}") from None
    return notebook
