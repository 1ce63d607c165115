"""`mlm feedback`, `mlm marks` and `mlm forget`: what is made of a gradebook, and what is taken out of it."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from autograder.assignment.course import Course
from autograder.assignment.release import read_release
from autograder.assignment.rubric import Rubric
from autograder.commands.console import ALL_GRADED, NEEDS_PERSON, OUT
from autograder.errors import CourseError, GradebookError
from autograder.grading.giving_back import Filled, fill, known_learners, moodle_folders, tidy
from autograder.grading.names import safe_name
from autograder.grading.page_files import feedback_path, write_class_pages, write_feedback
from autograder.grading.pipeline import Grading
from autograder.grading.policies import read_policies
from autograder.grading.whole_class import whole_class
from autograder.records.grading import Grade
from autograder.records.writing import write_whole
from autograder.results.filing import filing, held
from autograder.results.folder import GRADEBOOK, RUNS, database_of
from autograder.results.gradebook import Gradebook
from autograder.results.progress import PROGRESS
from autograder.results.stored import or_ungraded

#: Folders of a results folder that have one for each learner; the last is nbgrader's own.
_STEPS = ("autograded", "feedback", "submitted", "feedback-of-nbgrader")
#: The folder in it for files that `mlm marks` makes, and nothing else.
_MARKS = "marks"


@contextmanager
def open_gradebook(into: Path, database: str | None) -> Iterator[Gradebook]:
    """Open the gradebook of a results folder that is there."""
    place = database_of(into, database) or into / GRADEBOOK
    if not into.is_dir() or (isinstance(place, Path) and not place.is_file()):
        raise GradebookError(f"{into}: there is no gradebook here. Name the folder of mlm grade with --into.")
    with held(into), Gradebook(place) as gradebook:
        yield gradebook


def _grades(gradebook: Gradebook, rubric: Rubric) -> dict[str, Grade]:
    grades = gradebook.grades(rubric.assignment)
    if not grades:
        raise GradebookError(f"{gradebook.name}: it has no grades of {rubric.assignment!r}. Run mlm grade first.")
    return grades


def _tell_of_other_points(rubric: Rubric, grades: Iterable[Grade]) -> None:
    """Name whoever was graded when the assignment counted other points: there is to be one maximum."""
    points = sum(item.points for item in rubric.items)
    others = [grade.name for grade in grades if not grade.is_empty and grade.points != points]
    if others:
        OUT.print(f"Graded with other points than {points:g}; mlm regrade shows what changes: {', '.join(others)}.")


def _tell_of_ungraded(grades: Iterable[Grade]) -> int:
    """Name whoever's newest work could not be graded, with the reason and what to do; return the exit code."""
    ungraded = [grade for grade in grades if grade.is_ungraded]
    for grade in ungraded:
        OUT.print(f"Not graded: {grade.name}. {grade.items[0].reason}")
    if ungraded:
        names = ", ".join(grade.name for grade in ungraded)
        OUT.print(f"No mark of earlier work is given back, and pages of it stay as they were. Grade again: {names}.")
    return NEEDS_PERSON if ungraded else ALL_GRADED


def _class(course: Course, rubric: Rubric, gradebook: Gradebook, grades: Mapping[str, Grade]) -> tuple[Grade, ...]:
    """Return the class, with those who handed in nothing, or of whom nothing could be graded yet."""
    ungraded = gradebook.ungraded(rubric.assignment)
    learners: dict[str, dict[str, str]] = {student: {} for student in ungraded} | gradebook.learners()
    policies = read_policies(course, rubric, lambda: known_learners(learners, grades))
    grading = Grading(rubric, read_release(course, rubric), (), policies=policies)
    return tuple(or_ungraded(grade, ungraded) for grade in whole_class(grading, grades, learners))


def write_class(course: Course, rubric: Rubric, gradebook: Gradebook, into: Path) -> tuple[Grade, ...]:
    """Write the pages of a class anew, as the gradebook has it, and return it."""
    everyone = _class(course, rubric, gradebook, gradebook.grades(rubric.assignment))
    write_class_pages(rubric, everyone, into)
    return everyone


def write_learner(course: Course, grade: Grade, into: Path, language: str | None = None) -> None:
    """Write a learner's page anew, in a language or else in the one that the grade was given in."""
    if not grade.is_empty:
        rubric = _rubric(course, grade.assignment, language or grade.language or None)
        write_feedback(rubric, grade, into)


@lru_cache(16)
def _rubric(course: Course, assignment: str, language: str | None) -> Rubric:
    return course.counted(course.rubric(assignment, language))


def feedback(course: Course, assignment: str, into: Path, database: str | None, language: str | None) -> int:
    """Write all pages anew from the gradebook; see `mlm feedback --help`."""
    rubric = course.counted(course.rubric(assignment, language))
    with open_gradebook(into, database) as gradebook, filing(into):
        grades = _grades(gradebook, rubric)
        written = {student for student, grade in grades.items() if not grade.is_ungraded}
        for grade in gradebook.whole_grades(assignment):
            if grade.student in written:
                write_learner(course, grade, into, language)
        everyone = write_class(course, rubric, gradebook, into)
    waiting = [grade.name for grade in grades.values() if grade.needs_person]
    OUT.print(f"Pages of {len(written)} learners are written anew in {into}.")
    _tell_of_other_points(rubric, grades.values())
    code = _tell_of_ungraded(everyone)
    if waiting:
        OUT.print(f"Still to be read by a person: {', '.join(waiting)}.")
    return NEEDS_PERSON if waiting else code


@dataclass(frozen=True)
class GivenBack:
    """What `mlm marks` was asked for: a file to fill, its column, a worksheet for pages, and where the result goes."""

    fill: Path | None = None
    column: str | None = None
    worksheet: Path | None = None
    to: Path | None = None
    so_far: bool = False


def marks(course: Course, assignment: str, into: Path, database: str | None, asked: GivenBack) -> int:
    """Give marks back: in a file of Canvas or Moodle, as a zip of pages, or as a table; see `mlm marks --help`."""
    rubric = course.counted(course.rubric(assignment))
    if asked.fill is not None and asked.worksheet is not None:
        raise CourseError("--fill and --pages: give the command once with each; a run writes one file.")
    for read in filter(None, (asked.fill, asked.worksheet)):
        if asked.to and asked.to.exists() and read.exists() and asked.to.samefile(read):
            raise CourseError(f"--to {asked.to}: this is the file that is read. Name another one.")
    with open_gradebook(into, database) as gradebook:
        everyone = _class(course, rubric, gradebook, _grades(gradebook, rubric))
        grades = {grade.student: grade for grade in everyone}
        learners = known_learners(gradebook.learners(), grades)
        changes = gradebook.changes(assignment)
    _tell_of_other_points(rubric, everyone)
    code = _tell_of_ungraded(everyone)
    if asked.worksheet is not None:
        to = asked.to or into / _MARKS / f"{assignment}-feedback.zip"
        return max(code, _zip_pages(into, grades, moodle_folders(asked.worksheet, learners), to))
    if asked.fill is None:
        to = asked.to or into / _MARKS / f"{assignment}-marks.csv"
        with filing(into):
            write_whole(to, tidy(grades, changes, learners), mode=0o600)
        OUT.print(f"All marks, with what each rests on, are in {to}.")
        return code
    to = asked.to or into / _MARKS / f"{assignment}-{asked.fill.name}"
    done = fill(asked.fill, (rubric.title, assignment), grades, learners, asked.column, so_far=asked.so_far)
    return max(code, _report(done, asked.fill, into, to))


def _report(done: Filled, path: Path, into: Path, to: Path) -> int:
    """Write a filled file, and say whom it leaves out."""
    with filing(into):
        write_whole(to, done.content, mode=0o600)
    OUT.print(f"Grades written into {to}: {len(done.filled)}. No other byte differs from {path}.")
    for said, names in (
        ("Excused", done.excused),
        ("Still to be read by a person, and left out (--so-far fills in what there is)", done.waiting),
        ("Not graded, and left as they were in the file", done.ungraded),
        ("In the file, and without a grade here", done.without),
        ("Graded, and not in the file", done.not_there),
    ):
        if names:
            OUT.print(f"{said}: {', '.join(names)}.")
    return NEEDS_PERSON if done.waiting or done.not_there else ALL_GRADED


def _zip_pages(into: Path, grades: Mapping[str, Grade], folders: Mapping[str, str], to: Path) -> int:
    """Write a zip of feedback pages that Moodle takes; those of earlier work are left out."""
    graded = {name: grade for name, grade in grades.items() if not grade.is_ungraded}
    pages = {folders[name]: feedback_path(into, grade) for name, grade in graded.items() if name in folders}
    there = {folder: page for folder, page in pages.items() if page.is_file()}
    without = [grade.name for name, grade in graded.items() if not grade.is_empty and folders.get(name) not in there]
    if not there and not set(folders) - set(graded):
        raise CourseError("Nobody in the worksheet has a page here. Is it of another course?")
    unfinished = to.with_name(f".writing-{to.name}")
    with filing(into):
        to.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as made:
            for folder, page in there.items():
                made.write(page, f"{folder}/feedback.html")
                for notebook in sorted(page.parent.glob("*-executed.html")):
                    made.write(notebook, f"{folder}/{notebook.name}")
        unfinished.replace(to)
    OUT.print(f"{len(there)} pages are in {to}. In Moodle: Upload multiple feedback files in a zip.")
    if without:
        OUT.print(f"Graded, and without a page in it: {', '.join(without)}.")
    return NEEDS_PERSON if without else ALL_GRADED


def forget(course: Course, student: str, into: Path, database: str | None) -> int:
    """Remove every trace of a learner from a results folder; see `mlm forget --help`."""
    student = safe_name(student)  # nothing in it leads out of the folders that are removed
    with open_gradebook(into, database) as gradebook, filing(into):
        known = {*gradebook.learners(), *(one for name in course.assignments for one in gradebook.grades(name))}
        folders = [into / step / student for step in _STEPS]
        if not student or (student not in known and not any(folder.is_dir() for folder in folders)):
            names = ", ".join(sorted(known)[:20]) or "nobody"
            raise CourseError(f"{student}: nobody here is filed under this name. There are: {names}.")
        gradebook.forget(student)
        # What a run showed may be the learner's: whatever no other learner's grade is made of goes.
        used = gradebook.runs()
        for path in (into / RUNS).glob("*"):
            if path.name not in used:
                path.unlink()
        for name in course.assignments:
            if (into / f"{name}.html").exists():
                write_class(course, course.counted(course.rubric(name)), gradebook, into)
        # Last, as the same command, given again after an interruption, finds by them what is left to do.
        (into / PROGRESS).unlink(missing_ok=True)
        for folder in (into / _MARKS, *folders):
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder)
    OUT.print(f"Nothing of {student} is left in {into}. What lies elsewhere is yours to remove.")
    return ALL_GRADED
