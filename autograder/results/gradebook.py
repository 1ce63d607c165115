"""nbgrader's gradebook, with one writer: one learner, one transaction.

nbgrader commits after every small step. Here its commits are held back until everything about a learner is in place, so
that an interrupted run leaves a learner's grade as it was or as it should be, never in between.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from nbgrader.api import Gradebook as NbgraderGradebook
from nbgrader.api import InvalidEntry, MissingEntry
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from autograder.assignment.release import ReleasedNotebook
from autograder.errors import GradebookError
from autograder.records.grading import Grade, Verdict
from autograder.results.filing import said_of_gradebook

COURSE_ID = "mlm-course"
_KERNEL = json.dumps({"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"})

#: How many seconds another program's lock is waited for: before a run begins, and while learners' grades are filed.
_AT_FIRST, _WHILE_FILING = 2, 20

_NBGRADERS_LOG = logging.getLogger("tornado.application")


def _address(path: Path) -> URL:
    return URL.create("sqlite", database=str(path), query={"timeout": str(_WHILE_FILING)})


class Gradebook:
    """The gradebook of a course; a context manager that closes it."""

    def __init__(self, path: Path) -> None:
        """Open the SQLite file at ``path``, or make it.

        Raises
        ------
        GradebookError
            If the file is something else; it is left as it was.
        sqlite3.Error, sqlalchemy.exc.DBAPIError
            If its surroundings keep it from being used; `autograder.results.filing` says so in a sentence.
        """
        require_gradebook_file(path)
        self.path = path
        try:
            if not path.exists() or path.stat().st_size == 0:
                _make_gradebook(path)
            self._nbgrader = NbgraderGradebook(_address(path), course_id=COURSE_ID)
        except SQLAlchemyError as error:
            if said_of_gradebook(error) is not None:
                raise
            raise GradebookError(f"{path}: the gradebook cannot be opened: {error.__cause__ or error}") from error

    def __enter__(self) -> Gradebook:
        """Return the open gradebook."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._nbgrader.close()

    def prepare(self, assignment: str, release: tuple[ReleasedNotebook, ...]) -> None:
        """Enter an assignment with its notebooks and cells.

        Raises
        ------
        GradebookError
            If it holds grades of the same assignment with other cells.
        """
        self._require_same_cells(assignment, release)
        with self._transaction() as book:
            book.update_or_create_assignment(assignment)
            for notebook in release:
                book.update_or_create_notebook(notebook.name, assignment, kernelspec=_KERNEL)
                for cell in notebook.cells:
                    if cell.grade_id is not None:
                        _enter_cell(book, assignment, notebook, cell.grade_id, cell.cell_type, cell.source)

    def _require_same_cells(self, assignment: str, release: tuple[ReleasedNotebook, ...]) -> None:
        try:
            known = self._nbgrader.find_assignment(assignment)
        except MissingEntry:
            return
        if not known.submissions:
            return
        there = {(notebook.name, cell.name) for notebook in known.notebooks for cell in notebook.grade_cells}
        needed = {(n.name, name) for n in release for name, entry in n.metadata.items() if entry["grade"]}
        if there != needed:
            changed = ", ".join(sorted(name for _, name in there ^ needed))
            raise GradebookError(
                f"{self.path}: it holds grades of {assignment!r} with other cells than the release has ({changed}). "
                "Keep that gradebook and name another folder with --into, or move it away."
            )

    def write(self, grade: Grade) -> None:
        """Write one learner's grade, all of it or nothing. A score that a person gave stays."""
        with self._transaction() as book:
            book.update_or_create_student(grade.student)
            book.update_or_create_submission(grade.assignment, grade.student)
            _enter_scores(book, grade)

    def scores_by_person(self, assignment: str, student: str) -> Mapping[str, float]:
        """Return the scores that a person gave a learner, by item."""
        try:
            submission = self._nbgrader.find_submission(assignment, student)
        except MissingEntry:
            return {}
        return {
            grade.name: float(grade.manual_score) + float(grade.extra_credit or 0.0)
            for notebook in submission.notebooks
            for grade in notebook.grades
            if grade.manual_score is not None
        }

    @contextmanager
    def _transaction(self) -> Iterator[NbgraderGradebook]:
        session = self._nbgrader.db()
        commit = session.commit
        session.commit = session.flush
        _NBGRADERS_LOG.disabled = True  # it prints a traceback of what is raised anyway
        try:
            with session.no_autoflush:
                yield self._nbgrader
            commit()
        except InvalidEntry as error:
            session.rollback()
            # nbgrader takes whatever its database says for a fault of the entry, a full disk too.
            if error.__context__ is not None and said_of_gradebook(error.__context__) is not None:
                raise error.__context__ from None
            raise
        except BaseException:
            session.rollback()
            raise
        finally:
            session.commit = commit
            _NBGRADERS_LOG.disabled = False


def _make_gradebook(path: Path) -> None:
    """Make an empty gradebook elsewhere and move it into place, so that a half-made one is never found there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        fresh = Path(folder) / path.name
        with _own_programs_on_path():
            NbgraderGradebook(_address(fresh), course_id=COURSE_ID).close()
        fresh.replace(path)


@contextmanager
def _own_programs_on_path() -> Iterator[None]:
    """Let nbgrader find the program alembic, which is installed beside it, where no environment was activated."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join((sysconfig.get_path("scripts"), before))
    try:
        yield
    finally:
        os.environ["PATH"] = before


def require_gradebook_file(path: Path) -> None:
    """Refuse a file that is there and is no gradebook of nbgrader, or cannot be written now; it is left as it is.

    Raises
    ------
    GradebookError
        Saying what the file is instead.
    sqlite3.Error
        If its surroundings keep it from being written, such as another program's lock.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    advice = "Move it away, or name another folder with --into."
    try:
        # One that was written when its run was killed is put right by whoever opens it first, and may write to it.
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", timeout=_AT_FIRST, uri=True)) as connection:
            tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
            connection.execute("begin immediate")
            connection.rollback()
    except sqlite3.DatabaseError as error:
        if said_of_gradebook(error) is not None:
            raise
        raise GradebookError(f"{path}: this is not a gradebook ({error}). {advice}") from None
    if tables and not {"grade", "student", "submitted_assignment"} <= tables:
        raise GradebookError(f"{path}: this is a database, but not a gradebook of nbgrader. {advice}")


def _enter_cell(
    book: NbgraderGradebook,
    assignment: str,
    notebook: ReleasedNotebook,
    name: str,
    cell_type: str,
    source: str,
) -> None:
    entry = notebook.metadata[name]
    place = (name, notebook.name, assignment)
    if entry["grade"]:
        book.update_or_create_grade_cell(*place, max_score=float(entry["points"]), cell_type=cell_type)
    if entry["solution"]:
        book.update_or_create_solution_cell(*place)
    book.update_or_create_source_cell(
        *place, cell_type=cell_type, locked=entry["locked"], source=source, checksum=entry.get("checksum")
    )


def file_scores(address: str, grade: Grade) -> None:
    """File the scores of a learner whom nbgrader has entered already, in a gradebook with an address of nbgrader's."""
    with NbgraderGradebook(address) as book:
        _enter_scores(book, grade)
        book.db.commit()


def take_back_scores(address: str, assignment: str, student: str) -> None:
    """Leave a learner to be graded again: of the scores in a gradebook only those that a person gave stay."""
    with NbgraderGradebook(address) as book:
        for notebook in book.find_submission(assignment, student).notebooks:
            for entry in notebook.grades:
                entry.auto_score = None
                entry.needs_manual_grade = entry.manual_score is None
        book.db.commit()


def _enter_scores(book: NbgraderGradebook, grade: Grade) -> None:
    for notebook in grade.notebooks:
        for item in notebook.items:
            place = (item.item, notebook.notebook.name, grade.assignment, grade.student)
            # What could not be read is not nought: a person decides what becomes of it.
            waits = notebook.notebook.is_unread or item.verdict is Verdict.NEEDS_PERSON
            _enter_score(book.find_grade(*place), item.score, waits=waits)


def _enter_score(entry: object, score: float, *, waits: bool) -> None:
    entry.auto_score = None if waits else float(score)  # type: ignore[attr-defined]
    entry.needs_manual_grade = waits and entry.manual_score is None  # type: ignore[attr-defined]
