"""Pure renderers: a grade to the page a learner reads, a class to the page a teacher looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import nbformat
from markupsafe import Markup

from autograder.assignment.rubric import Rubric
from autograder.language.catalogue import DEFAULT, Sentence, translated
from autograder.records.grading import Grade, LeftOut, Verdict
from autograder.records.verdict_signs import SIGNS, name_of
from autograder.results.given import given
from autograder.results.safe_outputs import markdown_to_safe_html, printed_text
from autograder.results.templating import template


def standing_in_points(grade: Grade, language: str = DEFAULT) -> str:
    """Return the score beside the points of what was judged; of who is excused only that."""
    if grade.standing.excused:
        return translated(Sentence("page.excused"), language)
    return f"{grade.total:g} / {grade.points_so_far:g}"


def learner_page(rubric: Rubric, grade: Grade, executed: Mapping[str, str] | None = None) -> str:
    """Return the feedback page of one learner, as HTML that needs no network.

    ``executed`` are the addresses of the pages of the notebooks as they ran, by notebook. What the learner gave is
    shown where the grade has its answers.
    """
    items = {item.id: item for item in rubric.items}
    headings = {notebook.name: notebook.title for notebook in rubric.notebook}
    answers = {
        name: given(items[name], value)
        for notebook in grade.notebooks
        for name, value in notebook.run.answers.items()
        if name in items
    }
    shown = {"grade": grade, "asked": items, "headings": headings, "given": answers, "executed": executed or {}}
    return template("learner.html").render(**in_language(rubric), **shown)


def notebook_page(rubric: Rubric, grade: Grade, notebook: str, executed: str) -> str:
    """Return the page of a learner's notebook as it ran.

    ``executed`` is the notebook as text, with clean outputs. What is shown of it is text and pictures alone.
    """
    title = next(entry.title for entry in rubric.notebook if entry.name == notebook)
    shown = {"grade": grade, "title": title, "cells": nbformat.reads(executed, as_version=4).cells}
    functions = {"markdown": lambda source: Markup(markdown_to_safe_html(source)), "plain": printed_text}
    return template("notebook.html").render(**in_language(rubric), **shown, **functions)


def class_page(rubric: Rubric, grades: Sequence[Grade], left_out: Sequence[LeftOut] = ()) -> str:
    """Return the page of a whole class: one row per learner, and one column per item.

    ``left_out`` are those whose folders were not graded.
    """
    rows = sorted(grades, key=lambda grade: grade.name)
    counted = [grade for grade in rows if not grade.standing.excused]
    columns = [[next(i for i in grade.items if i.item == item.id) for grade in counted] for item in rubric.items]
    share = [sum(result.verdict is Verdict.CORRECT for result in column) / max(len(column), 1) for column in columns]
    shown = {"grades": rows, "share": share, "left_out": left_out}
    return template("class.html").render(**in_language(rubric), **shown, signs=SIGNS)


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


def in_language(rubric: Rubric) -> dict[str, Any]:
    """Return what a page is given: the rubric, and functions that say things in its language."""

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
