"""What decides a learner's grade, as a digest: whom grading again would give the same, and need not be run for.

It is of what was handed in, as it is read, and of everything else: the course, the panels' seed, the system, all
libraries, and all code of ours. What a person gave is looked up in the gradebook.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib import resources
from importlib.metadata import distributions
from pathlib import Path

import msgspec

from autograder.assignment.course import COURSE_FILE, Course
from autograder.assignment.rubric import Rubric
from autograder.grading.files import HandedIn, Unreadable, files_in
from autograder.grading.page_files import feedback_path, notebook_paths
from autograder.grading.policies import ClassPolicies
from autograder.grading.submission import SubmissionFolder
from autograder.records.grading import Grade
from autograder.results.folder import Asked
from autograder.sandbox.policy import Limits
from autograder.sandbox.run_store import box_digest, digest_of


def decides(
    course: Course,
    rubric: Rubric,
    asked: Asked,
    seed: int,
    folders: Iterable[SubmissionFolder],
    policies: ClassPolicies,
) -> dict[str, str]:
    """Return a digest of what decides each learner's grade, by learner; of whoever's files can be read."""
    packages = [Path(str(resources.files(name))) for name in ("autograder", "reference")]
    folders_of_ours = (*packages, course.source(rubric.assignment), course.release(rubric.assignment))
    ours = [path for folder in folders_of_ours for path in sorted(folder.rglob("*"))]
    ours = [path for path in (*ours, course.root / COURSE_FILE) if path.is_file() and path.suffix != ".pyc"]
    libraries = sorted({f"{one.name} {one.version}" for one in distributions()})
    code = [(str(path), hashlib.sha256(path.read_bytes()).hexdigest()) for path in ours]
    # As they were read: a file may have changed since, or lie elsewhere, as a table may.
    read = [hashlib.sha256(rubric.data).hexdigest(), msgspec.to_builtins(rubric.items), rubric.after_error]
    common = digest_of(
        [box_digest(rubric.packages), libraries, code, read, asdict(Limits()), seed, rubric.language, asked.personal]
    )
    found = {}
    for one in folders:
        with suppress(Exception):  # whatever keeps it from being read is met again, and told, where it is graded
            around = [] if one.around in (None, one.path) else list(_read(files_in(one.around or one.path)))
            own = [one.student, one.handed_in, list(_read(files_in(one.path))), around, repr(policies.of(one.student))]
            found[one.student] = digest_of([common, own])
    return found


def _read(files: Iterable[HandedIn]) -> Iterator[tuple[str, str, int]]:
    """Yield each file's name, a digest of what is in it or why that cannot be had, and its place in order of time."""
    all_files = list(files)
    times = sorted({file.time for file in all_files})
    for file in all_files:
        try:
            content = hashlib.sha256(file.read()).hexdigest()
        except Unreadable as unreadable:
            content = str(unreadable.why)
        yield str(file.path), content, times.index(file.time)


def as_shown(grades: Mapping[str, Grade], folders: Iterable[SubmissionFolder], into: Path) -> dict[str, Grade]:
    """Return the grades of the learners in these folders who go by the same name, and whose pages are all there."""
    found = {}
    for one in folders:
        grade = grades.get(one.student)
        if grade is not None and grade.shown == one.shown:
            pages = () if grade.is_empty else (feedback_path(into, grade), *notebook_paths(into, grade))
            if all(path.is_file() for path in pages):
                found[one.student] = grade
    return found
