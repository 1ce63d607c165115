"""The solution is right on every panel: the tutorial's and those that nobody has seen."""

from __future__ import annotations

import pytest

from autograder.assignment.course import Course
from autograder.assignment.key import hidden_panel
from autograder.grading.pipeline import Grading, grade_submission
from autograder.grading.submission import SubmissionFolder, read_submission
from autograder.records.grading import Verdict
from autograder.sandbox.boxes import Boxes


@pytest.mark.drawn(6)
@pytest.mark.parametrize("seed", range(100, 120))
def test_the_solution_scores_everything_on_a_hidden_panel(seed: int, course: Course, grading: Grading) -> None:
    submission = read_submission(SubmissionFolder("solution", course.source("practice")), grading.release)
    panels = (hidden_panel(grading.rubric, seed),)
    with Boxes() as boxes:
        graded = grade_submission(Grading(grading.rubric, grading.release, panels), submission, boxes.run)
    wanting = {item.item: item.reason for item in graded.items if item.verdict is not Verdict.CORRECT}
    manual = {item.id for item in grading.rubric.items if item.answer_kind.by_person}
    assert set(wanting) == manual
