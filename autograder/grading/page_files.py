"""Where the pages of learners and of a class lie in a results folder, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.assignment.release import ReleasedNotebook
from autograder.assignment.rubric import Rubric
from autograder.records.grading import Copy, Grade, LeftOut
from autograder.records.writing import write_whole
from autograder.results.class_report import report_page
from autograder.results.executed_notebook import executed_notebook
from autograder.results.filing import filing
from autograder.results.pages import class_page, learner_page, notebook_page, reading_page


def write_pages(rubric: Rubric, release: Sequence[ReleasedNotebook], grade: Grade, into: Path) -> None:
    """Write a learner's executed notebooks and feedback pages."""
    released = {notebook.name: notebook for notebook in release}
    for notebook, path in zip(grade.notebooks, notebook_paths(into, grade), strict=True):
        executed = executed_notebook(notebook, released[notebook.notebook.name], rubric.language)
        write_whole(path, executed)
    write_feedback(rubric, grade, into)


def write_feedback(rubric: Rubric, grade: Grade, into: Path) -> None:
    """Write a learner's feedback page, and beside it a page of each notebook that was handed in, as it ran."""
    page, shown = feedback_path(into, grade), {}
    for notebook, executed in zip(grade.notebooks, notebook_paths(into, grade), strict=True):
        name = notebook.notebook.name
        if notebook.notebook.problem is None and executed.is_file():
            shown[name] = f"{name}-executed.html"
            text = notebook_page(rubric, grade, name, executed.read_text(encoding="utf-8"))
            write_whole(page.with_name(shown[name]), text)
    write_whole(page, learner_page(rubric, grade, shown))


def notebook_paths(into: Path, grade: Grade) -> list[Path]:
    """Return where a learner's executed notebooks lie."""
    return [executed_path(into, grade, one.notebook.name) for one in grade.notebooks]


def executed_path(into: Path, grade: Grade, notebook: str) -> Path:
    """Return where a learner's notebook lies as it ran."""
    return into / "autograded" / grade.student / grade.assignment / f"{notebook}.ipynb"


def feedback_path(into: Path, grade: Grade) -> Path:
    """Return where a learner's feedback page lies."""
    return into / "feedback" / grade.student / grade.assignment / "index.html"


def write_class_pages(
    rubric: Rubric,
    grades: Sequence[Grade],
    into: Path,
    copies: Sequence[Copy] = (),
    left_out: Sequence[LeftOut] = (),
) -> None:
    """Write the page that shows the whole class, the report on it, and the page for who grades by hand."""
    name = rubric.assignment
    with filing(into):
        write_whole(into / f"{name}.html", class_page(rubric, grades, left_out))
        write_whole(into / f"{name}-report.html", report_page(rubric, grades, copies, left_out))
        write_whole(into / f"{name}-to-read.html", reading_page(rubric, grades))
