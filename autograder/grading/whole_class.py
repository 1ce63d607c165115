"""A whole class as the gradebook has it, and its pages: one truth, whoever was graded last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from autograder.grading.copies import find_copies
from autograder.grading.names import shown_name
from autograder.grading.pipeline import Grading
from autograder.language.catalogue import Sentence
from autograder.records.grading import (
    Copy,
    Ending,
    Grade,
    ItemResult,
    NotebookGrade,
    NotebookRun,
    SubmittedNotebook,
    Verdict,
)


def whole_class(
    grading: Grading,
    kept: Mapping[str, Grade],
    learners: Mapping[str, Mapping[str, str]],
    graded: Iterable[Grade] = (),
) -> tuple[Grade, ...]:
    """Return the class as it is kept, in order of names, whoever was graded last.

    Parameters
    ----------
    grading : Grading
        Of the assignment.
    kept : mapping
        What the gradebook has, by learner.
    learners : mapping
        Who is known, with first_name and last_name; whoever has no grade has handed in nothing.
    graded : iterable of Grade
        Of a run; of these whoever could not be graded is shown so.
    """
    nothing = {student: _nothing(grading, student, learner_name(known)) for student, known in learners.items()}
    others = {grade.student: grade for grade in graded if grade.is_ungraded or grade.student not in kept}
    return tuple(sorted({**nothing, **kept, **others}.values(), key=lambda grade: grade.name))


def learner_name(learner: Mapping[str, str]) -> str:
    """Return a learner's name as a roster gave it; empty if none did."""
    return shown_name(" ".join(filter(None, (learner.get("first_name"), learner.get("last_name")))))


def _nothing(grading: Grading, student: str, shown: str) -> Grade:
    why = Sentence("attention.nothing")
    notebooks = []
    for entry, released in zip(grading.rubric.notebook, grading.release, strict=True):
        items = tuple(ItemResult(item.id, Verdict.MISSING, 0.0, item.points, why) for item in entry.item)
        absent = SubmittedNotebook(entry.name, released.cells, why, absent=True)
        notebooks.append(NotebookGrade(absent, NotebookRun(entry.name, Ending.FINISHED), items))
    return Grade(student, grading.rubric.assignment, tuple(notebooks), shown=shown or shown_name(student))


def class_copies(grading: Grading, grades: Sequence[Grade]) -> tuple[Copy, ...]:
    """Return whose numbers are right on whose panel, where learners have panels of their own."""
    by_release: dict[str | None, list[Grade]] = {}
    for grade in grades if grading.personal else ():
        if not grade.is_ungraded:
            by_release.setdefault(grade.earlier, []).append(grade)
    found: list[Copy] = []
    for graded in by_release.values():
        own = grading.of(graded[0])
        found += find_copies(own.rubric, graded, own.personal)
    return tuple(found)
