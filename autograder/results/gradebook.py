"""nbgrader's gradebook and our records beside it, with one writer: one learner, one transaction.

nbgrader commits after every small step. Here its commits are held back until everything about a learner is in place, so
that an interrupted run leaves a learner's grade as it was or as it should be, never in between.

Scores, learners and what a person decided are nbgrader's. Beside them tables of ours keep each grade whole, for pages
and exports, a line for every change of a mark: who made it, and on what it rests; and whose newest work is not graded.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from nbgrader.api import Assignment as NbgraderAssignment
from nbgrader.api import BaseCell, Comment, MissingEntry, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.api import Grade as NbgraderGrade
from nbgrader.api import Gradebook as NbgraderGradebook
from sqlalchemy.exc import SQLAlchemyError

from autograder.assignment.release import ReleasedNotebook
from autograder.errors import GradebookError
from autograder.records.grading import Grade, ItemResult
from autograder.results.database import (
    address_of,
    let_others_write,
    name_of,
    own_programs_on_path,
    require_gradebook,
    sole_writer,
)
from autograder.results.marks import (
    PERSON,
    Basis,
    changes,
    enter_marks,
    forget,
    keep,
    kept,
    make_tables,
    note_ungraded,
    ungraded,
)
from autograder.results.nbgrader_cells import auto_scores, enter_cell, enter_scores, handed_in
from autograder.results.regrades import forget_regrades, last_regrade, logged, take_back
from autograder.results.stored import (
    NOTHING_GIVEN,
    ByPerson,
    auto_score,
    decided,
    or_ungraded,
    with_scores_by_person,
    without_answers,
)

COURSE_ID = "mlm-course"
_KERNEL = json.dumps({"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"})

_NBGRADERS_LOG = logging.getLogger("tornado.application")


class Gradebook:
    """The gradebook of a course; a context manager that closes it."""

    def __init__(self, place: Path | str) -> None:
        """Open the SQLite file at a path or the PostgreSQL database at an address, or make a gradebook there.

        Raises
        ------
        GradebookError
            If there is something else, or a gradebook of a newer version; it is left as it was.
        FilingError
            If its surroundings keep it from being used.
        """
        url = address_of(place)
        self.name = name_of(url)
        require_gradebook(url)
        try:
            if isinstance(place, Path) and (not place.exists() or place.stat().st_size == 0):
                _make_file(place)
            with own_programs_on_path():
                self._nbgrader = NbgraderGradebook(url, course_id=COURSE_ID)
        except SQLAlchemyError as error:
            raise GradebookError(f"{self.name}: the gradebook cannot be opened: {error.__cause__ or error}") from error
        self._others_kept_out = None
        try:
            self._others_kept_out = sole_writer(self._nbgrader.engine)
            make_tables(self._nbgrader.engine)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Gradebook:
        """Return the open gradebook."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        let_others_write(self._others_kept_out)
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
                        place = (cell.grade_id, notebook.name, assignment)
                        enter_cell(book, place, cell, notebook.metadata[cell.grade_id])

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
                f"{self.name}: it holds grades of {assignment!r} with other cells than the release has ({changed}). "
                "Keep that gradebook and name another folder with --into, or move it away."
            )

    def write(self, grade: Grade, basis: Basis, regrade: str | None = None) -> None:
        """Write one learner's grade, all of it or nothing. A score that a person gave stays.

        Of a learner who handed in nothing only that is kept, and no score. ``regrade`` is the name under which what was
        there is logged, so that it can be taken back.
        """
        with self._transaction() as book, logged(book.db, grade, regrade):
            if not grade.is_empty:
                book.update_or_create_student(grade.student)
                when = {"timestamp": datetime.fromisoformat(grade.handed_in)} if grade.handed_in else {}
                book.update_or_create_submission(grade.assignment, grade.student, **when)
                enter_scores(book, grade)
            keep(book.db, grade, basis, self.name)

    def note_ungraded(self, grade: Grade) -> None:
        """Note that a learner could not be graded: what is kept is of earlier work, and no mark until `write`."""
        with self._transaction() as book:
            note_ungraded(book.db, grade.assignment, grade.student, grade.items[0].reason)

    def ungraded(self, assignment: str) -> dict[str, str]:
        """Return why the newest work could not be graded, by learner."""
        return ungraded(self._nbgrader.db, assignment)

    def last_regrade(self, assignment: str) -> list[str]:
        """Return the learners whose grades the last regrade that was not taken back changed."""
        return last_regrade(self._nbgrader.db, assignment)

    def take_back_regrade(self, assignment: str, made_by: str) -> Iterator[tuple[str, Grade | None]]:
        """Put back the grades of the last regrade, and yield each with its learner; None if graded again since.

        A grade is put back once the next one is asked for, so that its pages are there before.
        """
        for student in self.last_regrade(assignment):
            with self._transaction() as book:
                grade = take_back(book.db, assignment, student, made_by, self.name)
                if grade is not None and not grade.is_empty:
                    enter_scores(book, grade)
                yield student, grade

    def kept(self, assignment: str) -> list[Grade]:
        """Return the grades of a class as they are kept, with the answers and without what a person decided.

        Whose newer work could not be graded has a grade that says so.
        """
        why = self.ungraded(assignment)
        return [or_ungraded(grade, why) for grade in kept(self._nbgrader.db, assignment, self.name)]

    def enter_learners(self, learners: Mapping[str, Mapping[str, str]]) -> None:
        """Enter learners with what a roster says of them: first_name, last_name, email, lms_user_id."""
        with self._transaction() as book:
            for student, details in learners.items():
                book.update_or_create_student(student, **details)

    def learners(self) -> dict[str, dict[str, str]]:
        """Return what is known of each learner: first_name, last_name, email, lms_user_id."""
        return {one.id: details_of(one) for one in self._nbgrader.students}

    def handed_in(self, assignment: str) -> dict[str, str]:
        """Return when work was handed in (UTC, ISO 8601), by learner, as it was filed last."""
        return handed_in(self._nbgrader.db, assignment)

    def grades(self, assignment: str, *, answers: bool = False) -> dict[str, Grade]:
        """Return the grades of a class by learner, with what a person decided; with the answers only if asked for.

        What a person decided since the last time is entered among the changes of marks. Whose newer work could not be
        graded has a grade that says so.

        Raises
        ------
        GradebookError
            If one is damaged.
        """
        with self._transaction() as book:
            found: dict[str, Grade] = {}
            shared: dict[object, ItemResult] = {}
            why = self.ungraded(assignment)
            for grade, given in self._kept(assignment):
                if given is not NOTHING_GIVEN:
                    waiting = {item.item for one in grade.notebooks for item in one.to_be_read}
                    enter_marks(book.db, grade, Basis(PERSON), {*given.scores, *given.extra} - waiting)
                grade = or_ungraded(grade, why)
                found[grade.student] = grade if answers else without_answers(grade, shared)
        return found

    def unchanged(self, assignment: str, by: Mapping[str, str]) -> dict[str, Grade]:
        """Return the grades that are still what grading again would give, with what a person decided.

        ``by`` is a digest of what decides each learner's grade. The scores in the gradebook must be as they were filed,
        and no newer work left ungraded.
        """
        given, filed = self.by_person(assignment), auto_scores(self._nbgrader.db, assignment)
        by = {student: by[student] for student in by.keys() - self.ungraded(assignment).keys()}
        found: dict[str, Grade] = {}
        shared: dict[object, ItemResult] = {}
        with suppress(GradebookError):  # one that is damaged is mended by grading again
            for grade in kept(self._nbgrader.db, assignment, self.name):
                by_hand = given.get(grade.student, NOTHING_GIVEN)
                scores = {item.item: auto_score(one, item) for one in grade.notebooks for item in one.items}
                same = grade.student in by and grade.decided_by == decided(by[grade.student], by_hand)
                if same and filed.get(grade.student, {}) == ({} if grade.is_empty else scores):
                    found[grade.student] = without_answers(with_scores_by_person(grade, by_hand), shared)
        return found

    def whole_grades(self, assignment: str) -> Iterator[Grade]:
        """Yield the grades of a class one after the other, with their answers, and with what a person decided.

        Raises
        ------
        GradebookError
            If one is damaged.
        """
        return (grade for grade, _ in self._kept(assignment))

    def _kept(self, assignment: str) -> Iterator[tuple[Grade, ByPerson]]:
        """Yield each grade with what a person decided, and what that was."""
        by_person = self.by_person(assignment)
        for grade in kept(self._nbgrader.db, assignment, self.name):
            given = by_person.get(grade.student, NOTHING_GIVEN)
            yield with_scores_by_person(grade, given), given

    def by_person(self, assignment: str, student: str | None = None) -> dict[str, ByPerson]:
        """Return what a person gave in formgrader, by learner: to all, or to one."""
        db = self._nbgrader.db
        of_learner = (SubmittedNotebook.assignment_id == SubmittedAssignment.id) & (
            SubmittedAssignment.assignment_id == NbgraderAssignment.id
        )
        given: dict[str, ByPerson] = {}
        for model, values, which in (
            (
                NbgraderGrade,
                (NbgraderGrade.manual_score, NbgraderGrade.extra_credit),
                NbgraderGrade.manual_score.is_not(None) | (NbgraderGrade.extra_credit != 0),
            ),
            (Comment, (Comment.manual_comment, sa.literal("")), Comment.manual_comment.is_not(None)),
        ):
            asked = sa.select(SubmittedAssignment.student_id, BaseCell.name, *values).where(
                of_learner,
                model.notebook_id == SubmittedNotebook.id,
                model.cell_id == BaseCell.id,
                NbgraderAssignment.name == assignment,
                which,
                SubmittedAssignment.student_id == student if student else sa.true(),
            )
            for whose, cell, value, more in db.execute(asked):
                one = given.setdefault(whose, ByPerson({}, {}))
                if model is Comment:
                    one.comments[cell] = value
                elif value is None:
                    one.extra[cell] = float(more)
                else:
                    one.scores[cell] = float(value) + float(more or 0.0)
        return given

    def changes(self, assignment: str) -> list[dict[str, Any]]:
        """Return every change of a mark of an assignment, the earliest first, with what the mark rests on."""
        return changes(self._nbgrader.db, assignment)

    def runs(self) -> set[str]:
        """Return the names of all runs that a grade is made of."""
        return {run for grade in kept(self._nbgrader.db, None, self.name) for run in grade.runs}

    def forget(self, student: str) -> bool:
        """Remove a learner with every grade, mark and comment; return whether there was anything."""
        with self._transaction() as book:
            held = forget(book.db, student)
            forget_regrades(book.db, student)
            known = book.db.get(Student, student) is not None
            if known:
                book.remove_student(student)
        if self._nbgrader.engine.dialect.name == "sqlite":
            with self._nbgrader.engine.connect() as connection:
                # What was deleted stays in the file until its pages are written anew.
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("vacuum")
        return known or held

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
        except BaseException:
            session.rollback()
            raise
        finally:
            session.commit = commit
            _NBGRADERS_LOG.disabled = False


def details_of(student: Student) -> dict[str, str]:
    """Return what a gradebook of nbgrader's knows of a learner."""
    return {name: getattr(student, name) or "" for name in ("first_name", "last_name", "email", "lms_user_id")}


def _make_file(path: Path) -> None:
    """Make an empty gradebook elsewhere and move it into place, so that a half-made one is never found there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        fresh = Path(folder) / path.name
        with own_programs_on_path():
            NbgraderGradebook(address_of(fresh), course_id=COURSE_ID).close()
        fresh.replace(path)
