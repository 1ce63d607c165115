"""What a teacher should know of a submission before its score is taken for the learner's work.

A zero, or a point that is missing, may have its reason in how a notebook was handed in and not in what was understood.
"""

from __future__ import annotations

from collections.abc import Iterator

from autograder.kinds.finding import ROUNDED, TOO_FEW
from autograder.language.catalogue import Sentence, few, listed
from autograder.records.grading import NotebookGrade, Submission, Verdict
from autograder.scoring.left_out import failed_before

#: So many places in a notebook are named at most.
_MOST_NAMED = 3

#: Notes that may explain a lost point, by their names in the catalogue; others are for who reads the notebook.
_TOLD = frozenset(
    f"submission.{name}"
    for name in (
        "metadata_lost",
        "nothing_recognised",
        "edited",
        "text_elsewhere",
        "not_taken",
        "unreadable",
        "files_left_out",
        "earlier_release",
        "unknown_release",
        "mixed_releases",
    )
)


def look_at(submission: Submission, graded: tuple[NotebookGrade, ...]) -> Iterator[str]:
    """Yield a sentence for everything about a submission that a person should look at."""
    if submission.is_empty:
        yield Sentence("attention.nothing")
    for one in graded:
        yield from _of_notebook(one)
    yield from filter(_is_told, submission.notes)


def _of_notebook(one: NotebookGrade) -> Iterator[str]:
    notebook = one.notebook
    if notebook.is_unread:
        yield Sentence("attention.not_read", why=notebook.problem)
    elif not notebook.absent and not any(item.score or item.verdict is Verdict.NEEDS_PERSON for item in one.items):
        yield Sentence("attention.zero", notebook=notebook.name)
    failed = [each for each in failed_before(None, notebook, one.run) if each.grade_id not in notebook.untouched]
    if failed:
        each = few((Sentence("attention.statement", place=one.place, error=one.said) for one in failed), _MOST_NAMED)
        yield Sentence("attention.left_out", notebook=notebook.name, statements=listed(each))
    # Points are lost here by how an answer was given, and not by what it is.
    lost = [
        item.item
        for item in one.items
        if item.score < item.points
        and (item.verdict is Verdict.MALFORMED or item.reason in (ROUNDED.sentence, TOO_FEW.sentence))
    ]
    if lost and not notebook.is_unread:
        yield Sentence("attention.form", notebook=notebook.name, items=listed(lost))
    if one.only_hidden:
        cells = listed(few(one.only_hidden, _MOST_NAMED))
        yield Sentence("attention.only_hidden", notebook=notebook.name, cells=cells)
    for note in filter(_is_told, notebook.notes):
        yield Sentence("attention.note", notebook=notebook.name, note=note)


def _is_told(note: str) -> bool:
    return isinstance(note, Sentence) and note.key in _TOLD
