"""What nbgrader keeps of cells: what each is worth, and what it earned; our grades entered there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from nbgrader.api import Assignment as NbgraderAssignment
from nbgrader.api import BaseCell, GradeCell, SubmittedAssignment, SubmittedNotebook
from nbgrader.api import Grade as NbgraderGrade
from nbgrader.api import Gradebook as NbgraderGradebook

from autograder.records.grading import Cell, Grade
from autograder.results.database import name_of
from autograder.results.marks import Basis, Session, keep, make_tables, note_ungraded
from autograder.results.stored import auto_score


def enter_cell(book: NbgraderGradebook, place: tuple[str, str, str], cell: Cell, entry: Mapping[str, Any]) -> None:
    """Enter a released cell at its place: its name, the notebook's and the assignment's."""
    if entry["grade"]:
        book.update_or_create_grade_cell(*place, max_score=float(entry["points"]), cell_type=cell.cell_type)
    if entry["solution"]:
        book.update_or_create_solution_cell(*place)
    told = {"locked": entry["locked"], "source": cell.source, "checksum": entry.get("checksum")}
    book.update_or_create_source_cell(*place, cell_type=cell.cell_type, **told)


def file_scores(address: str, grade: Grade, basis: Basis) -> None:
    """File the grade of a learner whom nbgrader has entered already, in a gradebook with an address of nbgrader's."""
    with NbgraderGradebook(address) as book:
        make_tables(book.engine)
        enter_scores(book, grade)
        keep(book.db, grade, basis, name_of(book.engine.url))
        book.db.commit()


def take_back_scores(address: str, assignment: str, student: str, why: str) -> None:
    """Leave a learner to be graded again: of the scores in a gradebook only those that a person gave stay.

    ``why`` is noted as the reason.
    """
    with NbgraderGradebook(address) as book:
        make_tables(book.engine)
        note_ungraded(book.db, assignment, student, why)
        for notebook in book.find_submission(assignment, student).notebooks:
            for entry in notebook.grades:
                entry.auto_score = None
                entry.needs_manual_grade = entry.manual_score is None
        book.db.commit()


def auto_scores(db: Session, assignment: str) -> dict[str, dict[str, float | None]]:
    """Return what nbgrader has as the scores of a class, by learner and item."""
    asked = sa.select(SubmittedAssignment.student_id, BaseCell.name, NbgraderGrade.auto_score).where(
        NbgraderGrade.notebook_id == SubmittedNotebook.id,
        NbgraderGrade.cell_id == BaseCell.id,
        SubmittedNotebook.assignment_id == SubmittedAssignment.id,
        SubmittedAssignment.assignment_id == NbgraderAssignment.id,
        NbgraderAssignment.name == assignment,
    )
    found: dict[str, dict[str, float | None]] = {}
    for student, cell, score in db.execute(asked):
        found.setdefault(student, {})[cell] = score
    return found


def handed_in(db: Session, assignment: str) -> dict[str, str]:
    """Return when work was handed in (UTC, ISO 8601), by learner; of those of whom that is filed."""
    asked = sa.select(SubmittedAssignment.student_id, SubmittedAssignment.timestamp).where(
        SubmittedAssignment.assignment_id == NbgraderAssignment.id,
        NbgraderAssignment.name == assignment,
        SubmittedAssignment.timestamp.is_not(None),
    )
    return {student: time.isoformat() for student, time in db.execute(asked)}


def enter_scores(book: NbgraderGradebook, grade: Grade) -> None:
    """Enter what each item is worth and earned, and the late penalty; a score that a person gave stays."""
    submission = book.find_submission(grade.assignment, grade.student)
    for number, submitted in enumerate(submission.notebooks):
        # The sum over notebooks is what nbgrader takes from the score of an assignment.
        submitted.late_submission_penalty = grade.standing.penalty if number == 0 else 0.0
    asked = sa.select(GradeCell, NbgraderGrade).where(
        NbgraderGrade.cell_id == GradeCell.id,
        NbgraderGrade.notebook_id == SubmittedNotebook.id,
        SubmittedNotebook.assignment_id == submission.id,
    )
    entries = {row[0].name: (row[0], row[1]) for row in book.db.execute(asked)}
    for notebook in grade.notebooks:
        for item in notebook.items:
            cell, entry = entries[item.item]
            cell.max_score = float(item.points)
            entry.auto_score = auto_score(notebook, item)
            entry.needs_manual_grade = entry.auto_score is None and entry.manual_score is None
