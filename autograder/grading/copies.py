"""A panel for each learner, drawn from the learner's name, and a look at whose numbers are on whose data.

Whoever works on a panel of their own cannot hand in a neighbour's numbers. Code that was copied computes the right
numbers on any panel, and is not found here; numbers that were copied are right on the wrong panel. That is a report
for a person, who may know that two learners swapped their files, and never a mark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from autograder.assignment.key import Keyed
from autograder.assignment.rubric import Rubric
from autograder.kinds.finding import RIGHT
from autograder.records.grading import Copy, Grade
from autograder.scoring.distinct_answers import checked_panel
from autograder.scoring.one_answer import judge_value

#: So many answers must be right on another learner's panel, and not on one's own, before it is reported.
FEWEST = 2


def personal_panel(rubric: Rubric, student: str) -> Keyed:
    """Return the panel of a learner with its answers: the same name always gives the same panel.

    Raises
    ------
    KeyUnavailable
        If no panel comes of the name.
    """
    return replace(checked_panel(rubric, personal_seed(rubric, student)), hidden=False)


def personal_seed(rubric: Rubric, student: str) -> int:
    """Return the seed of a learner's own panel."""
    return int.from_bytes(hashlib.sha256(f"{rubric.assignment}\n{student}".encode()).digest()[:6], "big")


def find_copies(rubric: Rubric, grades: Sequence[Grade], panels: Mapping[str, Keyed]) -> Iterator[Copy]:
    """Yield each pair of learners of whom one handed in numbers that are right on the other's panel only.

    ``grades`` are of the class, with the answers of the runs on the learners' own ``panels``, by name.
    """
    names = {grade.student: grade.name for grade in grades}
    # Choices, counts and words are the same on many panels.
    telling = [item for item in rubric.items if not item.answer_kind.exact]
    for grade in sorted(grades, key=lambda grade: grade.student):
        answers = {name: value for notebook in grade.notebooks for name, value in notebook.run.answers.items()}
        own = panels[grade.student].answers
        not_right = [
            item
            for item in telling
            if item.id in answers and judge_value(rubric, item, answers[item.id], own).finding != RIGHT
        ]
        for other, keyed in sorted(panels.items()):
            if other == grade.student or len(not_right) < FEWEST:
                continue
            taken = [i.id for i in not_right if judge_value(rubric, i, answers[i.id], keyed.answers).finding == RIGHT]
            if len(taken) >= FEWEST:
                yield Copy(grade.name, names.get(other, other), tuple(taken))
