"""From the teacher's source notebooks to what learners get, and back: reading a release.

The source is nbgrader's: solutions between ``### BEGIN SOLUTION`` and ``### END SOLUTION``, locked cells, points. What
is released is made by nbgrader's own preprocessors, so that ``nbgrader generate_assignment`` gives the same notebooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from autograder.assignment.contents import read_contents
from autograder.assignment.course import Course
from autograder.assignment.release_file import RELEASE_FILE, Release, as_text, id_of, kept_file, public
from autograder.assignment.rubric import Rubric
from autograder.assignment.translations import cells_of, read_words, unknown_cells
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
    """A notebook as it was handed out. ``metadata`` is nbgrader's, by ``grade_id``; ``release`` the id it carries.

    ``translated`` are its texts in other languages: who studies in one has these.
    """

    name: str
    cells: tuple[Cell, ...]
    metadata: dict[str, dict[str, Any]]
    release: str | None = None
    translated: tuple[str, ...] = ()


def make_release(course: Course, rubric: Rubric, *, whole: bool = False) -> Release:
    """Return the release of an assignment, each notebook with the release's id in its metadata.

    With ``whole`` the rubric has every known mistake, those that are to be left out too.

    Raises
    ------
    ReleaseError
        If a source notebook is missing or unreadable, or disagrees with the rubric; nothing is to be written then.
    """
    folder = course.source(rubric.assignment)
    paths = [folder / f"{entry.name}.ipynb" for entry in rubric.notebook]
    sources = {path: _read(path, ReleaseError) for path in paths}
    if problems := list(disagreements(rubric, sources, is_first=rubric.assignment == course.assignments[0])):
        raise ReleaseError("\n".join(problems))
    notebooks: dict[str, NotebookNode] = {}
    for path, source in sources.items():
        for step in _STEPS:
            source, _ = step().preprocess(source, {})
        notebooks[path.name] = source
    for path in sorted(folder.glob("*.ipynb")):
        if path.name not in notebooks:
            raise ReleaseError(f"{path}: the rubric does not know this notebook. Add a [[notebook]] or move the file.")
    contents = read_contents(folder, whole=whole)
    cells = {path.stem: source.cells for path, source in sources.items()}
    if problems := list(unknown_cells(folder, contents.words, cells)):
        raise ReleaseError("\n".join(problems))
    name = id_of(rubric, {file: nbformat.writes(notebook) for file, notebook in notebooks.items()}, contents.extra)
    for notebook in notebooks.values():
        notebook.metadata["mlm"] = {"release": name}
    texts = {file: nbformat.writes(notebook) + "\n" for file, notebook in notebooks.items()}
    return Release(name, contents, course.file.defaults, texts)


def released_files(release: Release) -> dict[str, str]:
    """Return what learners get, as text by file name: the notebooks, and the release without what is not theirs."""
    return {**release.notebooks, RELEASE_FILE: as_text(public(release))}


def write_release(course: Course, release: Release) -> list[Path]:
    """Write a release to its folder, and keep it, whole, in the course; return the files of the learners."""
    assignment = release.contents.assignment
    write_whole(kept_file(course.source(assignment), release.id), as_text(release))
    folder = course.release(assignment)
    return [write_whole(folder / name, text) for name, text in released_files(release).items()]


def parse_release(release: Release) -> tuple[ReleasedNotebook, ...]:
    """Return the notebooks of a release as :func:`read_release` would."""
    texts = cells_of(Path(RELEASE_FILE), release.contents.words)
    return tuple(
        _released(Path(name).stem, nbformat.reads(text, as_version=4), texts)
        for name, text in release.notebooks.items()
    )


def read_release(course: Course, rubric: Rubric) -> tuple[ReleasedNotebook, ...]:
    """Return the notebooks of an assignment as learners got them, with the points that the rubric gives now.

    Raises
    ------
    CourseError
        If one is missing: `mlm release` makes them.
    """
    folder = course.release(rubric.assignment)
    names = [entry.name for entry in rubric.notebook]
    texts = cells_of(course.source(rubric.assignment), read_words(course.source(rubric.assignment)))
    released = tuple(_released(name, _read(folder / f"{name}.ipynb", CourseError), texts) for name in names)
    return worth(released, rubric)


def worth(release: tuple[ReleasedNotebook, ...], rubric: Rubric) -> tuple[ReleasedNotebook, ...]:
    """Return released notebooks with the points of a rubric: there is one maximum for a class."""
    points = {item.id: item.points for item in rubric.items}

    def entry(name: str, told: dict[str, Any]) -> dict[str, Any]:
        return {**told, "points": points[name]} if told["grade"] and name in points else told

    return tuple(
        replace(one, metadata={name: entry(name, told) for name, told in one.metadata.items()}) for one in release
    )


def _released(
    name: str, notebook: NotebookNode, texts: Mapping[str, Mapping[str, Mapping[str, str]]]
) -> ReleasedNotebook:
    cells, metadata = [], {}
    for cell in notebook.cells:
        entry = cell.metadata.get("nbgrader", {})
        grade_id = entry.get("grade_id")
        # A cell without an id cannot be told apart from the learner's own, so it is the release's as well.
        locked = bool(entry.get("locked")) or not entry.get("solution")
        cells.append(Cell(cell.cell_type, cell.source, grade_id, locked=locked, cell_id=cell.get("id")))
        if grade_id:
            metadata[grade_id] = dict(entry)
    translated = tuple(text for said in texts.values() for text in said.get(name, {}).values())
    return ReleasedNotebook(name, tuple(cells), metadata, notebook.metadata.get("mlm", {}).get("release"), translated)


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
