"""The solutions, for who studies alone, gives an answer up, and has them: the author's own notebooks.

They come with our course, which is for study. A course that hands out releases has none in the learners' folders; there
an answer is shown with what to do, and without code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from autograder.assignment.course import installed_course
from autograder.assignment.release_file import RELEASE_FILE, read_release_file
from autograder.assignment.rubric import Item, Notebook, Rubric
from autograder.errors import CourseError
from autograder.language.catalogue import Sentence, listed
from autograder.records.grading import Verdict
from autograder.records.verdict_signs import SIGNS
from autograder.records.writing import write_whole
from autograder.tutor.cards import Card, Note, plain_card
from autograder.tutor.tutor import Tutor

_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"
#: What nbgrader leaves where a text is to be written.
_UNWRITTEN = "YOUR ANSWER HERE"


def how_it_is_done(tutor: Tutor, rubric: Rubric, notebook: Notebook, item: Item) -> tuple[Note, ...]:
    """Return the reason, the steps, and the code of an answer that is shown."""
    code = ""
    for grade_id, text in _cells(_solution(tutor, rubric, notebook)):
        if grade_id == item.id:
            break
        code = text.partition(_BEGIN)[2].partition(_END)[0].strip() or code
    parts = (("question", item.question), ("steps", item.advice), ("code", code))
    return tuple(Note(Sentence(f"card.{label}"), text) for label, text in parts if text)


def solution_card(tutor: Tutor, rubric: Rubric, notebook: Notebook) -> Card:
    """Return the card for a whole notebook: once each answer was tried or shown, its solution is put beside it."""
    progress, source = tutor.notes.read(notebook.name), _solution(tutor, rubric, notebook)
    machine = [item.id for item in notebook.item if not item.answer_kind.by_person]
    untried = [name for name in machine if name not in progress.answers and name not in progress.revealed]
    if source is None or untried:
        said = Sentence("card.attempt_first", items=listed(untried)) if source else Sentence("card.no_solution")
        return plain_card("wait", "?", notebook.name, "not_revealed", said, language=tutor.language)
    results = tutor.results(rubric, notebook, progress)
    for name in machine:
        if name not in results or results[name].verdict is not Verdict.CORRECT:
            progress = progress.with_revealed(name)
    tutor.notes.write(notebook.name, progress)
    file = tutor.folder / f"{notebook.name}-solution.ipynb"
    write_whole(file, source.read_text(encoding="utf-8"))
    said = Sentence("card.solution_written", file=file.name)
    return plain_card("wait", "◉", notebook.name, "revealed", said, language=tutor.language)


def memo_card(tutor: Tutor, rubric: Rubric, notebook: Notebook, item: Item) -> Card:
    """Return the card for a text that nobody grades here: what to look for, and then another one to compare with."""
    own = dict(_cells(tutor.folder / f"{notebook.name}.ipynb")).get(item.id, _UNWRITTEN)
    source = _solution(tutor, rubric, notebook)
    model = dict(_cells(source)).get(item.id, "")
    if source and not item.memo:  # a release tells no mark scheme
        whole = installed_course().rubric(rubric.assignment, rubric.language)
        item = next(one for one in whole.items if one.id == item.id)
    parts = [Note(str(place), part) for place, part in enumerate(item.memo.scheme if item.memo else (), 1)]
    if _UNWRITTEN in own:
        said = Sentence("card.write_first", name=item.id, notebook=f"{notebook.name}.ipynb")
    else:
        said = Sentence("card.compare_texts")
        parts += [Note(Sentence("card.model_text"), model)] if model else []
    heading = Sentence("card.plain_heading", name=item.id, what=Sentence("card.checklist"))
    lines = (Sentence("card.nothing_to_reveal"), said)
    return Card("wait", SIGNS[Verdict.NEEDS_PERSON], heading, lines, tuple(parts), language=tutor.language)


def _solution(tutor: Tutor, rubric: Rubric, notebook: Notebook) -> Path | None:
    """Return the author's notebook, if it is here, for study, and of the release that is worked on."""
    try:
        course = installed_course()
        file = course.source(rubric.assignment) / f"{notebook.name}.ipynb"
        released = read_release_file(course.release(rubric.assignment) / RELEASE_FILE)
    except CourseError:
        return None
    is_same = tutor.beside is None or (released is not None and released.id == tutor.beside.release.id)
    return file if tutor.alone and course.file.study and is_same and file.is_file() else None


def _cells(file: Path | None) -> Iterator[tuple[str | None, str]]:
    """Yield the name and the text of each cell of a notebook; of one that cannot be read, none."""
    try:
        cells = json.loads(file.read_bytes())["cells"] if file else []
        found = [(cell["metadata"].get("nbgrader", {}).get("grade_id"), cell["source"]) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    yield from ((name, text if isinstance(text, str) else "".join(text)) for name, text in found)
