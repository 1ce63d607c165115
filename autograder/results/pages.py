"""Pure renderers: a grade to the page a learner reads, a class to the page a teacher looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograder.assignment.rubric import Rubric
from autograder.language.catalogue import DEFAULT, Sentence, translated
from autograder.records.grading import Copy, Grade, LeftOut, Verdict
from autograder.records.verdict_signs import SIGNS, name_of
from autograder.results.templating import template


def standing_in_points(grade: Grade, language: str = DEFAULT) -> str:
    """Return the score beside the points of what was judged; of who is excused only that."""
    if grade.standing.excused:
        return translated(Sentence("page.excused"), language)
    return f"{grade.total:g} / {grade.points_so_far:g}"


def learner_page(rubric: Rubric, grade: Grade) -> str:
    """Return the feedback page of one learner, as HTML that needs no network."""
    titles = {item.id: item.title for item in rubric.items}
    headings = {notebook.name: notebook.title for notebook in rubric.notebook}
    shown = {"grade": grade, "titles": titles, "headings": headings}
    return template("learner.html").render(**_in_language(rubric), **shown)


def class_page(
    rubric: Rubric, grades: Sequence[Grade], copies: Sequence[Copy] = (), left_out: Sequence[LeftOut] = ()
) -> str:
    """Return the page of a whole class: one row per learner, one column per item, and where the class struggles.

    ``copies`` are the learners whose numbers are right on another's panel, for a person to look at; ``left_out`` those
    whose folders were not graded.
    """
    rows = sorted(grades, key=lambda grade: grade.name)
    counted = [grade for grade in rows if not grade.standing.excused]
    columns = [[next(i for i in grade.items if i.item == item.id) for grade in counted] for item in rubric.items]
    share = [sum(result.verdict is Verdict.CORRECT for result in column) / max(len(column), 1) for column in columns]
    shown = {"grades": rows, "share": share, "copies": copies, "left_out": left_out}
    return template("class.html").render(**_in_language(rubric), **shown, signs=SIGNS)


def reading_page(rubric: Rubric, grades: Sequence[Grade]) -> str:
    """Return the page for the person who grades by hand: every text that waits, beside the mark scheme.

    It may name answers, and is not for learners.
    """
    items = {item.id: item for item in rubric.items}
    texts = [
        (grade.name, items[result.item], notebook.notebook.text_of(result.item), result.found)
        for grade in sorted(grades, key=lambda grade: grade.name)
        for notebook in grade.notebooks
        for result in notebook.items
        if result.verdict is Verdict.NEEDS_PERSON
    ]
    return template("reading.html").render(rubric=rubric, texts=texts, language=DEFAULT)


def _in_language(rubric: Rubric) -> dict[str, Any]:
    """Return what every page is given: the rubric, and functions that say things in its language."""

    def said(text: str) -> str:
        return translated(text, rubric.language)

    return {
        "rubric": rubric,
        "language": rubric.language,
        "said": said,
        "say": lambda name, **gaps: said(Sentence(f"page.{name}", **gaps)),
        "verdict": lambda verdict: said(name_of(verdict)),
        "in_points": lambda grade: standing_in_points(grade, rubric.language),
    }
