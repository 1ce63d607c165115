"""What the cards call right at home is right when graded: every sample, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment.course import Course
from autograder.assignment.samples import build_sample, read_sample
from autograder.grading.pipeline import Grading
from autograder.grading.submission import SubmissionFolder, read_submission
from autograder.records.grading import Ending, Verdict
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.policy import Limits
from autograder.scoring.items import ELSEWHERE, MADE_UP
from autograder.tutor.progress import Answered, Progress
from autograder.tutor.tutor import tutor_in

SAMPLES = Path(__file__).resolve().parents[1] / "submissions"
CASES = sorted(path.parent.name for path in SAMPLES.glob("*/submission.toml"))

#: A sample that does not come to its end has no cards to speak of; it is stopped soon.
LIMITS = Limits(cpu_seconds=15, memory_bytes=10**9, output_bytes=10**6)


@pytest.fixture(scope="module")
def boxes() -> Iterator[Boxes]:
    """Boxes that stay open for all samples."""
    with Boxes() as open_boxes:
        yield open_boxes


@pytest.mark.drawn(12)
@pytest.mark.parametrize("case", CASES)
def test_what_the_cards_call_right_at_home_is_right_when_graded(
    case: str, boxes: Boxes, graded_class: Any, gradings: dict[str, Grading], course: Course, tmp_path: Path
) -> None:
    """But for what the hidden panel shows to be typed in, and for what rests on that."""
    grading = gradings[read_sample(SAMPLES / case).assignment or "practice"]
    grade = graded_class.grades[case]
    build_sample(SAMPLES / case, course, grading.rubric, tmp_path / case)
    submission = read_submission(SubmissionFolder(case, tmp_path / case), grading.release)
    compared, tutor = 0, tutor_in(tmp_path, course=course, worked_on=grade.assignment)
    typed_in = {item.item for item in grade.items if item.reason in (ELSEWHERE, MADE_UP)}
    for item in grading.rubric.items:
        if typed_in & set(item.rests_on):
            typed_in.add(item.id)
    for handed_in, one, notebook in zip(submission.notebooks, grade.notebooks, grading.rubric.notebook, strict=True):
        cells = tuple(cell.source if cell.cell_type == "code" else None for cell in handed_in.cells)
        locked = frozenset(place for place, cell in enumerate(handed_in.cells) if cell.locked)
        panel = grading.panels[0].panel.to_csv_bytes()
        run = boxes.run(Job(notebook.name, cells, panel, LIMITS, outputs=False, locked=locked))
        if handed_in.problem is not None or run.ending is not Ending.FINISHED:
            continue
        at_home = tutor.results(
            grading.rubric, notebook, Progress({name: Answered(value) for name, value in run.answers.items()})
        )
        right = {name for name, result in at_home.items() if result.verdict is Verdict.CORRECT}
        # A choice may rest on what is right in another notebook, of which the cards of this one do not know.
        assert right - typed_in <= {item.item for item in one.items if item.verdict is Verdict.CORRECT}
        compared += len(right)
    if case in ("solution", "extension-solution", "engine-as-a-tool"):
        manual = [item for item in grading.rubric.items if item.answer_kind.by_person]
        assert (typed_in, compared) == (set(), len(grading.rubric.items) - len(manual))
