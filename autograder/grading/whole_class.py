"""A whole class as the gradebook has it, and its pages: one truth, whoever was graded last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from autograder.grading.copies import find_copies
from autograder.grading.pipeline import Grading
from autograder.records.grading import Copy, Grade


def whole_class(kept: Mapping[str, Grade], graded: Iterable[Grade]) -> tuple[Grade, ...]:
    """Return the class as it is kept, and of a run those besides who are not: whoever could not be graded."""
    others = {grade.student: grade for grade in graded if grade.is_ungraded or grade.student not in kept}
    return tuple(sorted({**kept, **others}.values(), key=lambda grade: grade.name))


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
