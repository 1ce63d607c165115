"""`mlm new`: a course, or one more assignment of it, from a table and the formula of a mixed model."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from autograder.assignment.contents import ASSIGNMENT_FILE
from autograder.assignment.course import COURSE_FILE, Course, CourseFile
from autograder.authoring.files import assignment_toml, course_toml, samples, with_assignment
from autograder.authoring.notebooks import source_notebook
from autograder.authoring.proposal import propose
from autograder.commands.console import ERR, OUT
from autograder.commands.release import release
from autograder.errors import CourseError, UsageError
from autograder.grading.release_gate import PANELS
from autograder.language.catalogue import require_language
from autograder.records.writing import write_whole
from autograder.results.folder import CONFIGURATION, source_configuration
from reference import MultilevelError
from reference.questions import Dataset


def new(
    root: Path, data: Path, formula: str, *, name: str | None, title: str | None, language: str, workers: int | None
) -> int:
    """Write an assignment, prove it, and release it; see `mlm new --help`."""
    require_language(language)
    name = name or re.sub(r"\W+", "-", data.stem, flags=re.ASCII).strip("-").casefold() or "assignment"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise CourseError(f"--name {name!r}: a name is made of letters, digits, - and _; it is also a folder.")
    declared = _declared(root, name, title or name, language)
    try:
        with ERR.status("Reading the table, and trying questions on tables like it …"):
            table = Dataset.from_csv(data)
            proposal = propose(table, formula, language)
            fits = proposal.fits(table)
            notebooks = {task.name: source_notebook(name, proposal, task, fits, language) for task in proposal.tasks}
    except MultilevelError as error:
        said = str(error)
        raise CourseError(said if said.startswith(str(data)) else f"{data}: {said}") from error
    files = {f"{notebook}.ipynb": text for notebook, text in notebooks.items()}
    files[ASSIGNMENT_FILE] = assignment_toml(title or name, data.name, proposal, language)
    _write(root, name, data, files, declared)
    for remark in proposal.remarks:
        OUT.print(remark)
    OUT.print(f"{root / name}: {len(proposal.items.asked)} items in {len(proposal.tasks)} notebooks.")
    course = Course(root)
    try:
        code = release(course, name, panels=PANELS, workers=workers)
    except UsageError as error:
        raise CourseError(
            f"{error}\nThe assignment is written, and not released. Correct it in {root / name}, or remove that folder "
            f"and its name in {root / COURSE_FILE}; then give:  mlm release {name} --course {root}"
        ) from error
    rubric = course.rubric(name)
    for sample, texts in samples(proposal, rubric, fits):
        for file, text in texts.items():
            write_whole(course.samples / sample / file, text)
    OUT.print(f"Samples are in {course.samples}. See them graded:  mlm demo {name} --course {root} --into graded")
    OUT.print(f"Write who asks and why into each notebook, and then:  mlm release {name} --course {root}")
    return code


def _write(root: Path, name: str, data: Path, files: Mapping[str, str], declared: str) -> None:
    """Write an assignment's files and its table, name it in the course, and let nbgrader know where things are."""
    (root / name).mkdir(parents=True)
    shutil.copyfile(data, root / name / data.name)
    for file, text in files.items():
        write_whole(root / name / file, text)
    write_whole(root / COURSE_FILE, declared)
    if not (root / CONFIGURATION).exists():
        write_whole(root / CONFIGURATION, source_configuration())


def _declared(root: Path, name: str, title: str, language: str) -> str:
    """Return what course.toml is to say, or refuse a folder that is in use."""
    if (root / name).exists():
        raise CourseError(f"{root / name} is there already. Give another --name, or remove that folder.")
    there = Course(root).file if (root / COURSE_FILE).exists() else CourseFile(title, (name,))
    if name in (there.release, there.samples):
        raise CourseError(f"--name {name!r}: the course keeps its {name} there. Give another --name.")
    if not (root / COURSE_FILE).exists():
        return course_toml(title, name, language)
    text = with_assignment((root / COURSE_FILE).read_text(encoding="utf-8-sig"), name)
    if text is None:
        raise CourseError(f'{root / COURSE_FILE}: no list of assignments is found. Write it as assignments = ["..."].')
    return text
