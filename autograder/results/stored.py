"""A grade as the gradebook keeps it: all that pages and exports are made of, as JSON, with what a person decided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import msgspec

from autograder.assignment.rubric import Rubric
from autograder.errors import GradebookError
from autograder.language.catalogue import Sentence
from autograder.records.grading import (
    Ending,
    Grade,
    ItemResult,
    NotebookGrade,
    NotebookRun,
    Standing,
    SubmittedNotebook,
    Verdict,
)
from autograder.sandbox.run_store import digest_of


@dataclass(frozen=True)
class ByPerson:
    """What a person gave in formgrader: scores by item, and comments by the cell that they stand at.

    ``extra`` is credit for items without a score by hand: it is added to what we found there.
    """

    scores: dict[str, float]
    comments: dict[str, str]
    extra: dict[str, float] = field(default_factory=dict)


NOTHING_GIVEN = ByPerson({}, {})


def to_be_kept(rubric: Rubric, grade: Grade) -> Grade:
    """Return what is kept of a grade: the texts that a person reads, and of the runs the answers and what failed.

    It is what scoring looks at: see `autograder.grading.regrading`.
    """
    read = {item.id for item in rubric.items if item.answer_kind.by_person}

    def run(one: NotebookRun) -> NotebookRun:
        return replace(one, cells=tuple(replace(cell, outputs=()) for cell in one.cells if cell.errors))

    def lighter(one: NotebookGrade) -> NotebookGrade:
        cells = (cell if cell.grade_id in read else replace(cell, source="") for cell in one.notebook.cells)
        notebook = replace(one.notebook, cells=tuple(cells))
        return replace(one, notebook=notebook, run=run(one.run), hidden=tuple(map(run, one.hidden)))

    return replace(grade, notebooks=tuple(map(lighter, grade.notebooks)))


def auto_score(notebook: NotebookGrade, item: ItemResult) -> float | None:
    """Return the score that is filed of an item; None where a person decides.

    What could not be read is not nought.
    """
    return None if item in notebook.to_be_read else float(item.score)


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
    """Return the grade with what a person decided in the place of what we found; a hint stays.

    What is still to be read stays so: extra credit alone is no score.
    """

    def decided(one: NotebookGrade, item: ItemResult, comments: Mapping[str, str]) -> ItemResult:
        told = replace(item, comment=comments.get(item.item, ""))
        if item.item in given.scores:
            score = given.scores[item.item]
        elif item.item in given.extra and item not in one.to_be_read:
            score = item.score + given.extra[item.item]
        else:
            return told
        verdict = Verdict.CORRECT if score >= item.points else Verdict.PARTIAL if score > 0 else Verdict.WRONG
        return replace(told, verdict=verdict, score=score, reason=Sentence("scoring.by_a_person"))

    def with_decided(one: NotebookGrade) -> NotebookGrade:
        comments = _by_item(one, given.comments)
        return replace(one, items=tuple(decided(one, item, comments) for item in one.items))

    return replace(grade, notebooks=tuple(map(with_decided, grade.notebooks)))


def or_ungraded(grade: Grade, ungraded: Mapping[str, str]) -> Grade:
    """Return a grade, or what stands in its place where newer work of its learner could not be graded: no mark.

    ``ungraded`` are the reasons by learner.
    """
    why = ungraded.get(grade.student)
    if why is None:
        return grade

    def without_mark(one: NotebookGrade) -> NotebookGrade:
        name = one.notebook.name
        items = tuple(ItemResult(item.item, Verdict.UNGRADED, 0.0, item.points, why) for item in one.items)
        return NotebookGrade(SubmittedNotebook(name, ()), NotebookRun(name, Ending.FINISHED), items)

    notebooks, standing = tuple(map(without_mark, grade.notebooks)), Standing(excused=grade.standing.excused)
    look_at = (Sentence("attention.ungraded", why=why.rstrip(".")),)
    return replace(grade, notebooks=notebooks, standing=standing, notes=(), look_at=look_at, decided_by="")


def _by_item(one: NotebookGrade, comments: Mapping[str, str]) -> dict[str, str]:
    """Return comments by item: one at the cell of an answer, which has a name of its own, is about the check below."""
    items = {item.item for item in one.items}
    found, waiting = {name: comments[name] for name in items if name in comments}, ""
    for cell in one.notebook.cells:
        name = cell.grade_id or ""
        if name not in items:
            waiting = "\n".join(filter(None, [waiting, comments.get(name, "")]))
        elif waiting:
            found[name] = "\n".join(filter(None, [waiting, found.get(name, "")]))
            waiting = ""
    return found


def without_answers(grade: Grade, shared: dict[object, ItemResult] | None = None) -> Grade:
    """Return what pages need of a grade: a large class would not fit into memory with all answers.

    Items that are the same for many learners become one object, which is in ``shared``.
    """
    known = {} if shared is None else shared

    def lighter(one: NotebookGrade) -> NotebookGrade:
        items = tuple(known.setdefault((item, getattr(item.reason, "key", "")), item) for item in one.items)
        cells = tuple(cell for cell in one.notebook.cells if cell.source)
        run = replace(one.run, cells=(), answers={})
        return replace(one, notebook=replace(one.notebook, cells=cells), run=run, items=items, hidden=())

    return replace(grade, notebooks=tuple(map(lighter, grade.notebooks)))
