"""A whole class as the gradebook has it, and its pages: one truth, whoever was graded last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from autograder.grading.copies import find_copies
from autograder.grading.names import learner_name, shown_name
from autograder.grading.pipeline import Grading, grade_without_work
from autograder.language.catalogue import Sentence
from autograder.records.grading import Copy, Grade, Verdict


def whole_class(
    grading: Grading,
    kept: Mapping[str, Grade],
    learners: Mapping[str, Mapping[str, str]],
    graded: Iterable[Grade] = (),
) -> tuple[Grade, ...]:
    """Return the class as it is kept, in order of names, whoever was graded last.

    ``kept`` is what the gradebook has, by learner, and ``learners`` who is known, with first_name and last_name:
    whoever has no grade has handed in nothing. Of ``graded``, a run's grades, whoever could not be graded is shown so.
    """
    why = Sentence("attention.nothing")

    def without(student: str, known: Mapping[str, str]) -> Grade:
        shown = learner_name(known) or shown_name(student)
        grade = grade_without_work(grading, student, shown, Verdict.MISSING, why)
        return replace(grade, standing=grading.policies.standing(student, ""))

    nothing = {student: without(student, known) for student, known in learners.items()}
    others = {grade.student: grade for grade in graded if grade.is_ungraded or grade.student not in kept}
    return tuple(sorted({**nothing, **kept, **others}.values(), key=lambda grade: grade.name))


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
