"""A grade beside the gradebook: what a person decided put into it, and what the pages of the class need kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from autograder.assignment.rubric import Rubric
from autograder.language.catalogue import Sentence
from autograder.records.grading import Grade, ItemResult, NotebookGrade, Verdict


def without_what_is_filed(rubric: Rubric, grade: Grade, *, keep_answers: bool) -> Grade:
    """Return what the pages of the class need of a grade: a large class would not fit into memory with all of it."""
    read = {item.id for item in rubric.items if item.answer_kind.by_person}

    def lighter(one: NotebookGrade) -> NotebookGrade:
        cells = tuple(cell for cell in one.notebook.cells if cell.grade_id in read)
        answers = one.run.answers if keep_answers else {}
        return replace(
            one, notebook=replace(one.notebook, cells=cells), run=replace(one.run, cells=(), answers=answers)
        )

    return replace(grade, notebooks=tuple(map(lighter, grade.notebooks)))


def with_scores_by_person(grade: Grade, scores: Mapping[str, float]) -> Grade:
    """Return the grade with what a person decided in the place of what we found."""

    def decided(item: ItemResult) -> ItemResult:
        if item.item not in scores:
            return item
        score = scores[item.item]
        verdict = Verdict.CORRECT if score >= item.points else Verdict.PARTIAL if score > 0 else Verdict.WRONG
        return ItemResult(item.item, verdict, score, item.points, Sentence("scoring.by_a_person"))

    notebooks = (replace(n, items=tuple(map(decided, n.items))) for n in grade.notebooks)
    return replace(grade, notebooks=tuple(notebooks))
