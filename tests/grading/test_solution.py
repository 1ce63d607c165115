"""The solution is right on every panel: the tutorial's and twenty that nobody has seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from autograder.assignment.course import Course
from autograder.assignment.key import hidden_panel
from autograder.assignment.rubric import Rubric
from autograder.grading.pipeline import Grading, grade_submission
from autograder.grading.submission import SubmissionFolder, read_submission
from autograder.records.grading import Grade, Verdict

SEEDS = range(100, 120)


def test_the_solution_scores_everything_on_twenty_hidden_panels(
    course: Course, rubric: Rubric, grading: Grading, pool: ThreadPoolExecutor
) -> None:
    folder = SubmissionFolder("solution", course.source("practice"))
    submission = read_submission(folder, grading.release)

    def grade(seed: int) -> Grade:
        return grade_submission(Grading(rubric, grading.release, (hidden_panel(rubric, seed),)), submission)

    not_right = {
        (seed, item.item): (item.verdict, item.reason)
        for seed, graded in zip(SEEDS, pool.map(grade, SEEDS), strict=True)
        for item in graded.items
        if item.verdict not in (Verdict.CORRECT, Verdict.NEEDS_PERSON)
    }
    assert not_right == {}
