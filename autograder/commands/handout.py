"""`mlm handout`: notebooks for each learner, with a panel of the learner's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.assignment.course import Course
from autograder.assignment.key import PANEL_FILE, Keyed
from autograder.assignment.release import read_release
from autograder.assignment.release_file import RELEASE_FILE
from autograder.assignment.rubric import Rubric
from autograder.commands.console import ALL_GRADED, OUT, progress_bar
from autograder.grading.copies import personal_panel
from autograder.grading.roster import read_roster
from autograder.records.writing import write_whole
from autograder.results.filing import filing


def handout(course: Course, assignment: str, learners: Path, into: Path) -> int:
    """Write an assignment for each learner of a list, with a panel of the learner's own; see `mlm handout --help`."""
    rubric = course.rubric(assignment)
    released = course.release(assignment)
    read_release(course, rubric)
    students = {one.student: one.shown for one in read_roster(learners).learners}
    for name, keyed in personal_panels(rubric, tuple(students)).items():
        folder = into / name / assignment
        with filing(into):
            for file in (
                *(released / f"{notebook.name}.ipynb" for notebook in rubric.notebook),
                released / RELEASE_FILE,
            ):
                if file.is_file():
                    write_whole(folder / file.name, file.read_text(encoding="utf-8"))
            write_whole(folder / PANEL_FILE, keyed.panel.to_csv_bytes().decode("utf-8"))
    OUT.print(f"{assignment} for {len(students)} learners, each with a panel of the learner's own, is in {into}.")
    for name, shown in students.items():
        if name != shown:
            OUT.print(f"The folder of {shown} is called {name}.")
    OUT.print(f"Grade it with  mlm grade {assignment} --submitted DIR --personal")
    return ALL_GRADED


def personal_panels(rubric: Rubric, students: Sequence[str]) -> dict[str, Keyed]:
    """Return each learner's own panel, by name."""
    with progress_bar() as progress:
        return {name: personal_panel(rubric, name) for name in progress.track(students, description="Drawing panels")}
