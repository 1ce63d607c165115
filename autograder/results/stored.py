"""A grade as the gradebook keeps it: all that pages and exports are made of, as JSON, with what a person decided."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import msgspec

from autograder.assignment.rubric import Rubric
from autograder.errors import GradebookError
from autograder.language.catalogue import Sentence
from autograder.records.grading import Grade, ItemResult, NotebookGrade, Verdict
from autograder.sandbox.run_store import digest_of


@dataclass(frozen=True)
class ByPerson:
    """What a person gave in formgrader: scores by item, and comments by the cell that they stand at."""

    scores: dict[str, float]
    comments: dict[str, str]


NOTHING_GIVEN = ByPerson({}, {})


def to_be_kept(rubric: Rubric, grade: Grade) -> Grade:
    """Return what is kept of a grade: of the cells those that a person reads, of the run the answers."""
    read = {item.id for item in rubric.items if item.answer_kind.by_person}

    def lighter(one: NotebookGrade) -> NotebookGrade:
        cells = tuple(cell for cell in one.notebook.cells if cell.grade_id in read)
        return replace(one, notebook=replace(one.notebook, cells=cells), run=replace(one.run, cells=()))

    return replace(grade, notebooks=tuple(map(lighter, grade.notebooks)))


def auto_score(notebook: NotebookGrade, item: ItemResult) -> float | None:
    """Return the score that is filed of an item; None where a person decides.

    What could not be read is not nought.
    """
    waits = notebook.notebook.is_unread or item.verdict is Verdict.NEEDS_PERSON
    return None if waits else float(item.score)


def decided(by: str, given: ByPerson) -> str:
    """Return a digest of what decides a grade and its pages: of all else, and of what a person gave."""
    return digest_of([by, asdict(given)])


def as_json(grade: Grade) -> str:
    """Return a grade as JSON. Its sentences are kept by their names, so that they can be translated later."""
    return msgspec.json.encode(grade, enc_hook=_sentence, order="deterministic").decode()


def from_json(text: str, place: str) -> Grade:
    """Return the grade that is kept as JSON at a place.

    Raises
    ------
    GradebookError
        If it is damaged.
    """
    try:
        return msgspec.convert(json.loads(text, object_hook=_as_sentence), Grade)
    except (ValueError, RecursionError) as error:
        raise GradebookError(f"{place}: this grade is damaged ({error}). Grade this learner again.") from error


def _sentence(value: object) -> object:
    if isinstance(value, Sentence):
        return {"sentence": value.key, "text": str.__str__(value), "gaps": value.gaps}
    return str(value)


def _as_sentence(found: dict[str, Any]) -> Any:
    match found:
        case {"sentence": str(key), "text": str(text), "gaps": dict(gaps)} if len(found) == 3:
            try:
                return Sentence(key, **gaps)
            except (KeyError, ValueError):
                return text  # a sentence of another version
    return found


def with_scores_by_person(grade: Grade, given: ByPerson) -> Grade:
    """Return the grade with what a person decided in the place of what we found; a hint stays."""

    def decided(item: ItemResult) -> ItemResult:
        item = replace(item, comment=given.comments.get(item.item, ""))
        if item.item not in given.scores:
            return item
        score = given.scores[item.item]
        verdict = Verdict.CORRECT if score >= item.points else Verdict.PARTIAL if score > 0 else Verdict.WRONG
        return replace(item, verdict=verdict, score=score, reason=Sentence("scoring.by_a_person"))

    notebooks = (replace(n, items=tuple(map(decided, n.items))) for n in grade.notebooks)
    return replace(grade, notebooks=tuple(notebooks))


def without_answers(grade: Grade, shared: dict[object, ItemResult] | None = None) -> Grade:
    """Return what pages need of a grade: a large class would not fit into memory with all answers.

    Items that are the same for many learners become one object, which is in ``shared``.
    """
    known = {} if shared is None else shared

    def lighter(one: NotebookGrade) -> NotebookGrade:
        items = tuple(known.setdefault((item, getattr(item.reason, "key", "")), item) for item in one.items)
        return replace(one, run=replace(one.run, answers={}), items=items)

    return replace(grade, notebooks=tuple(map(lighter, grade.notebooks)))
