"""A table of ours that a regrade can be taken back from: each learner's grade as it was, whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import sqlalchemy as sa

from autograder.records.grading import Grade
from autograder.results.marks import GRADES, MARKS, PERSON, TABLES, Session
from autograder.results.stored import from_json
from autograder.sandbox.run_store import digest_of

_REGRADE = sa.Table(
    "mlm_regrade",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    *(sa.Column(name, sa.String(255), nullable=False) for name in ("assignment", "student", "batch", "after")),
    sa.Column("last_mark", sa.Integer, nullable=False),
    sa.Column("before", sa.Text, nullable=False),
)


@contextmanager
def logged(db: Session, grade: Grade, batch: str | None) -> Iterator[None]:
    """Log what a learner's grade was before it is written in here, under the name of a regrade; without one nothing."""
    key = {"assignment": grade.assignment, "student": grade.student}
    record = sa.select(GRADES.c.record).filter_by(**key)
    before, last = db.scalar(record), db.scalar(sa.select(sa.func.max(MARKS.c.id)))
    yield
    if batch is not None:
        told = {"batch": batch, "after": digest_of(db.scalar(record)), "last_mark": last or 0, "before": before}
        db.execute(sa.insert(_REGRADE).values(**key, **told))


def last_regrade(db: Session, assignment: str) -> list[str]:
    """Return the learners whose grades the last regrade of an assignment changed, if it was not taken back."""
    newest = sa.select(_REGRADE.c.batch).filter_by(assignment=assignment).order_by(_REGRADE.c.id.desc()).limit(1)
    asked = sa.select(_REGRADE.c.student).filter_by(assignment=assignment, batch=db.scalar(newest))
    return list(db.scalars(asked.order_by(_REGRADE.c.student)))


def take_back(db: Session, assignment: str, student: str, made_by: str, place: str) -> Grade | None:
    """Put a learner's grade back as it was before the last regrade, and return it; None if it was graded again since.

    Each mark that changes has a line that repeats the one from before.
    """
    key = {"assignment": assignment, "student": student}
    log = db.execute(sa.select(_REGRADE).filter_by(**key).order_by(_REGRADE.c.id.desc())).mappings().first()
    if log is None:
        return None
    db.execute(sa.delete(_REGRADE).where(_REGRADE.c.id == log["id"]))
    if digest_of(db.scalar(sa.select(GRADES.c.record).filter_by(**key))) != log["after"]:
        return None
    db.execute(sa.update(GRADES).filter_by(**key).values(record=log["before"]))
    lines = sa.select(MARKS).filter_by(**key).where(MARKS.c.made_by != PERSON).order_by(MARKS.c.id)
    before, now = {}, {}
    for line in db.execute(lines).mappings():
        now[line["item"]] = line
        if line["id"] <= log["last_mark"]:
            before[line["item"]] = line
    at = datetime.now(UTC).isoformat(timespec="seconds")
    for item, line in before.items():
        if line["id"] != now[item]["id"]:
            again = {**line, "at": at, "made_by": made_by}
            db.execute(sa.insert(MARKS).values({name: value for name, value in again.items() if name != "id"}))
    return from_json(log["before"], f"{place}, {student}")


def forget_regrades(db: Session, student: str) -> None:
    """Remove what is logged of a learner."""
    db.execute(sa.delete(_REGRADE).filter_by(student=student))


def new_batch() -> str:
    """Return a name for a regrade that begins now."""
    return datetime.now(UTC).isoformat()
