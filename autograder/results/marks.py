"""Tables of ours beside nbgrader's: each grade whole, a line for every change of a mark, and who is still ungraded.

A mark is known by what it rests on: the answer as found, the tolerance, the panels, the rubric, our version. A line is
added when one of these changes, or the score, and says when and by whom; grading again as before adds none.
"""

from __future__ import annotations

import getpass
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import scoped_session

from autograder.assignment.key import Keyed
from autograder.assignment.rubric import Rubric
from autograder.errors import GradebookError
from autograder.records.grading import Grade
from autograder.results.database import SCHEMA
from autograder.results.stored import as_json, from_json
from autograder.sandbox.run_store import digest_of

TABLES = sa.MetaData()
_SCHEMA = sa.Table("mlm_schema", TABLES, sa.Column("version", sa.Integer, primary_key=True))
GRADES = sa.Table(
    "mlm_grade",
    TABLES,
    *(sa.Column(name, sa.String(255), primary_key=True) for name in ("assignment", "student")),
    sa.Column("record", sa.Text, nullable=False),
)
MARKS = sa.Table(
    "mlm_mark",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    *(sa.Column(name, sa.String(255), nullable=False) for name in ("assignment", "student", "item", "at", "made_by")),
    *(sa.Column(name, sa.Float) for name in ("score", "points", "tolerance")),
    *(sa.Column(name, sa.Text) for name in ("verdict", "answer", "panel", "rubric", "version")),
)
#: Learners whose newest work could not be graded: what is kept of them is of earlier work, or nothing.
UNGRADED = sa.Table(
    "mlm_ungraded",
    TABLES,
    *(sa.Column(name, sa.String(255), primary_key=True) for name in ("assignment", "student")),
    sa.Column("why", sa.Text, nullable=False),
)

#: What makes a mark another one when it changes.
_OF_A_MARK = ("score", "points", "tolerance", "verdict", "answer", "panel", "rubric", "version")

#: Who is entered for a score that was given by hand: formgrader does not say who did.
PERSON = "a person, in formgrader"

#: A forged answer can be long; of one that is, this many characters are kept in a line.
_LONGEST = 20_000

#: So many learners' grades are read from the database at a time.
_AT_ONCE = 100

Session = scoped_session[Any]


@dataclass(frozen=True)
class Basis:
    """Who makes marks, and what they rest on.

    ``panel`` are the panels, the learner's first, and ``rubric`` what was asked, by digests; ``version`` is that of
    this package, and ``tolerances`` are by item, in the unit of its kind.
    """

    made_by: str
    panel: str = ""
    rubric: str = ""
    version: str = ""
    tolerances: Mapping[str, float | None] = field(default_factory=dict)


def basis_of(rubric: Rubric, panels: Sequence[Keyed], command: str) -> Basis:
    """Return who grades, by which command, and on what: panels and what is asked by digests of them."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in some containers
        user = str(os.getuid())
    return Basis(
        f"{user}, {command}",
        panel=" ".join(map(panel_digest, panels)),
        rubric=digest_of([msgspec.to_builtins(item) for item in rubric.items])[:16],
        version=version("mlm-course"),
        tolerances={item.id: item.tolerance for item in rubric.items},
    )


def panel_digest(keyed: Keyed) -> str:
    """Return what a panel is known by in a line of a mark."""
    return hashlib.sha256(keyed.panel.to_csv_bytes()).hexdigest()[:16]


def make_tables(engine: sa.Engine) -> None:
    """Make the tables, and enter the number of their form, where they are not there."""
    with engine.begin() as connection:
        TABLES.create_all(connection)
        if connection.scalar(sa.select(_SCHEMA.c.version)) is None:
            connection.execute(sa.insert(_SCHEMA).values(version=SCHEMA))


def keep(db: Session, grade: Grade, basis: Basis, place: str) -> None:
    """Keep a grade whole in the place of an earlier one of the learner, and enter its marks.

    Where nothing is handed in any more, what was handed in before stays.
    """
    key = {"assignment": grade.assignment, "student": grade.student}
    earlier = db.scalar(sa.select(GRADES.c.record).filter_by(**key))
    if earlier is not None:
        before = None
        with suppress(GradebookError):  # one that is damaged is mended by grading again
            before = from_json(earlier, place)
            grade = replace(grade, runs=tuple(sorted({*grade.runs, *before.runs})))
        if grade.is_empty and not (before and before.is_empty):
            return
        db.execute(sa.delete(GRADES).filter_by(**key))
    db.execute(sa.delete(UNGRADED).filter_by(**key))
    db.execute(sa.insert(GRADES).values(**key, record=as_json(grade)))
    enter_marks(db, grade, basis, () if grade.is_empty else None)


def kept(db: Session, assignment: str | None, place: str) -> Iterator[Grade]:
    """Yield the grades of an assignment, or of all, in order of the learners' names; messages name ``place``."""
    asked = sa.select(GRADES.c.student, GRADES.c.record).order_by(GRADES.c.student)
    asked = asked if assignment is None else asked.filter_by(assignment=assignment)
    # A few at a time: all the records of a large class are more than memory should hold.
    students = db.scalars(asked.with_only_columns(GRADES.c.student).distinct()).all()
    for first in range(0, len(students), _AT_ONCE):
        some = students[first : first + _AT_ONCE]
        for student, record in db.execute(asked.where(GRADES.c.student.in_(some))).all():
            yield from_json(record, f"{place}, {student}")


def note_ungraded(db: Session, assignment: str, student: str, why: str) -> None:
    """Note that the newest work of a learner could not be graded, and why, until a grade of the learner is kept."""
    key = {"assignment": assignment, "student": student}
    db.execute(sa.delete(UNGRADED).filter_by(**key))
    db.execute(sa.insert(UNGRADED).values(**key, why=why))


def ungraded(db: Session, assignment: str) -> dict[str, str]:
    """Return why the newest work could not be graded, by learner."""
    asked = sa.select(UNGRADED.c.student, UNGRADED.c.why).filter_by(assignment=assignment)
    return {student: why for student, why in db.execute(asked)}


def changes(db: Session, assignment: str) -> list[dict[str, Any]]:
    """Return the lines of an assignment, the earliest first."""
    asked = sa.select(MARKS).filter_by(assignment=assignment).order_by(MARKS.c.id)
    return [dict(line) for line in db.execute(asked).mappings()]


def enter_marks(db: Session, grade: Grade, basis: Basis, items: Collection[str] | None) -> None:
    """Enter the marks of some items, or of all, that differ from those that were entered last.

    What a person gave rests on the answer that was there: its line repeats what the line before says of it.
    """
    key = {"assignment": grade.assignment, "student": grade.student}
    entered = db.execute(sa.select(MARKS).filter_by(**key).order_by(MARKS.c.id)).mappings()
    last = {(str(line["item"]), line["made_by"] == PERSON): dict(line) for line in entered}
    by_person = basis.made_by == PERSON
    added = []
    for notebook in grade.notebooks:
        for result in notebook.items:
            if items is not None and result.item not in items:
                continue
            before = last.get((result.item, by_person))
            mark: dict[str, object] = {"score": result.score, "points": result.points, "verdict": str(result.verdict)}
            if by_person:
                found = last.get((result.item, False), {})
                mark |= {name: found.get(name) for name in _OF_A_MARK if name not in mark}
            else:
                answer = notebook.run.answers.get(result.item)
                mark |= {
                    "tolerance": basis.tolerances.get(result.item),
                    "answer": None if answer is None else msgspec.json.encode(answer).decode()[:_LONGEST],
                    "panel": basis.panel,
                    "rubric": basis.rubric,
                    "version": basis.version,
                }
            if before is None or any(before[name] != mark[name] for name in _OF_A_MARK):
                now = datetime.now(UTC).isoformat(timespec="seconds")
                added.append({**key, **mark, "item": result.item, "at": now, "made_by": basis.made_by})
    if added:
        db.execute(sa.insert(MARKS), added)


def forget(db: Session, student: str) -> bool:
    """Remove everything of a learner; return whether there was anything."""
    tables = (GRADES, MARKS, UNGRADED)
    there = [db.execute(sa.select(table.c.student).filter_by(student=student)).first() for table in tables]
    for table in tables:
        db.execute(sa.delete(table).filter_by(student=student))
    return any(there)
