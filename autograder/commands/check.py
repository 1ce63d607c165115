"""`mlm check`: one notebook, run for the learner who asks."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from rich.table import Table

from autograder.assignment.course import Course, installed_course
from autograder.assignment.release import ReleasedNotebook, parse_release, read_release
from autograder.assignment.release_file import printable
from autograder.assignment.rubric import Rubric
from autograder.commands.console import ERR, OUT
from autograder.errors import CourseError
from autograder.grading import pipeline
from autograder.grading.files import files_in
from autograder.grading.own_files import own_files
from autograder.grading.submission import notebooks_in, read_notebook
from autograder.language.catalogue import Sentence, translated
from autograder.records.grading import Submission, Verdict
from autograder.sandbox.boxes import Boxes
from autograder.tutor.checking import NOTHING_TO_COMPARE, row
from autograder.tutor.tutor import Tutor, tutor_in


def check(course: Course | None, notebook: Path, language: str | None = None) -> int:
    """Run one notebook in the box and print how its answers fare; see `mlm check --help`."""
    folder = notebook.absolute().parent
    tutor = tutor_in(folder, language, course)
    if not notebook.is_file():
        raise CourseError(f"There is no notebook {notebook}.")
    rubric, name = _rubric_of(tutor, course, notebook)
    grading = pipeline.Grading(rubric, _handed_out(tutor, course, rubric), (tutor.key(rubric),))
    released = next(entry for entry in grading.release if entry.name == name)
    with ERR.status(f"Running {notebook.name} …"), Boxes(rubric.packages) as boxes:
        beside, _ = own_files(files_in(folder, depth=0), PurePosixPath())
        submission = Submission("", (read_notebook(notebook, released),), files=beside)
        (graded,) = pipeline.grade_submission(grading, submission, boxes.run).notebooks
    table = Table(box=None, pad_edge=False, show_header=False)
    for item in graded.items:
        sign, what, said = (printable(translated(text, rubric.language)) for text in row(tutor, rubric, item))
        table.add_row(f"{sign} {item.item}", what, said)
    OUT.print(table)
    for note in graded.notebook.notes:
        OUT.print(printable(translated(Sentence("card.note", note=note), rubric.language)))
    if tutor.says_of(rubric) == "recorded":
        return 0 if all(item.verdict not in NOTHING_TO_COMPARE for item in graded.items) else 1
    recorded = {i.item for i in graded.items if i.item in rubric.withheld and i.verdict not in NOTHING_TO_COMPARE}
    return 0 if all(item.verdict is Verdict.CORRECT or item.item in recorded for item in graded.items) else 1


def _handed_out(tutor: Tutor, course: Course | None, rubric: Rubric) -> tuple[ReleasedNotebook, ...]:
    """Return the notebooks as they were handed out: those of the release beside the notebook, or of the course."""
    if tutor.beside is None:
        return read_release(course or installed_course(), rubric)
    with tutor.beside.anybodys():
        found = {notebook.name: notebook for notebook in parse_release(tutor.beside.release)}
        return tuple(found[entry.name] for entry in rubric.notebook)


def _rubric_of(tutor: Tutor, course: Course | None, notebook: Path) -> tuple[Rubric, str]:
    """Return the assignment that a file is of, and which of its notebooks it is."""
    found = [(rubric, e.name) for rubric in tutor.rubrics for e in rubric.notebook if e.name == notebook.stem]
    found = found or [
        (rubric, name)
        for rubric in tutor.rubrics
        for name in notebooks_in(notebook, _handed_out(tutor, course, rubric))[:1]
    ]
    if not found:
        raise CourseError(
            f"{notebook.name} has no cell of an assignment in it, nor the name of a notebook of one. Get the notebook "
            "again, and copy your work into it."
        )
    if len(found) > 1 and not tutor.is_sure:
        raise CourseError(
            f"{' and '.join(rubric.assignment for rubric, _ in found)} have a notebook {notebook.name} each. "
            "Put it into a folder of its assignment's name and check it there."
        )
    return found[0]
