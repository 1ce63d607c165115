"""A course: its ``course.toml``, and where its assignments, its releases and its samples lie.

Ours is also part of the installed package (the wheel takes it from the same folders), so that a
learner without a checkout has it too.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib import resources
from pathlib import Path

import msgspec

from autograder.assignment.contents import Policies
from autograder.assignment.declaration import load_rubric
from autograder.assignment.policies import CoursePolicies
from autograder.assignment.rubric import AfterError, Rubric, Says, with_points
from autograder.errors import CourseError
from autograder.language.catalogue import DEFAULT

COURSE_FILE = "course.toml"


class CourseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ``course.toml``: the assignments in their order, policies for all of them, and where the rest lies.

    ``packages`` are distributions that notebooks may import besides those that every box has. ``release`` is the folder
    of the released notebooks and ``samples`` that of sample submissions, from the course's
    folder. ``policies`` say when work is due, and what counts.
    """

    title: str
    assignments: tuple[str, ...]
    language: str = DEFAULT
    check_says: Says = "everything"
    after_error: AfterError = "next statement"
    study: bool = False
    packages: tuple[str, ...] = ()
    release: str = "release"
    samples: str = "samples"
    policies: CoursePolicies = CoursePolicies()

    def __post_init__(self) -> None:
        """Refuse policies for an assignment that there is not."""
        for name in (*self.policies.due, *self.policies.dropped):
            if name not in self.assignments:
                known = ", ".join(self.assignments)
                raise ValueError(f"table 'policies': there is no assignment {name!r}. There are: {known}")

    @property
    def defaults(self) -> Policies:
        """What holds for every assignment that says nothing else."""
        return Policies(self.language, self.check_says, self.after_error, self.study, self.packages)


@dataclass(frozen=True)
class Course:
    """A course: a folder with a ``course.toml``, and a folder for each assignment."""

    root: Path

    @cached_property
    def file(self) -> CourseFile:
        """What its ``course.toml`` says.

        Raises
        ------
        CourseError
            If it cannot be read.
        """
        path = self.root / COURSE_FILE
        try:
            return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8-sig")), CourseFile)
        except OSError as error:
            raise CourseError(f"{path} cannot be read: {error.strerror}.") from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise CourseError(f"{path}: {error}. Correct it as course/authors.md says.") from None

    def source(self, assignment: str) -> Path:
        """Return the folder of an assignment: its source notebooks, its table, and what is asked."""
        return self.root / assignment

    def release(self, assignment: str) -> Path:
        """Return the folder of an assignment's released notebooks."""
        return self.root / self.file.release / assignment

    @property
    def samples(self) -> Path:
        """The folder of the sample submissions."""
        return self.root / self.file.samples

    @property
    def assignments(self) -> tuple[str, ...]:
        """Names of the assignments, in the course's order."""
        return self.file.assignments

    def require_apart(self, submitted: Path) -> None:
        """Raise CourseError if the course lies where learners' files are: a file of theirs could pass for it."""
        if self.root.resolve().is_relative_to(submitted.resolve()):
            raise CourseError(
                f"The course {self.root} lies in the folder of the submissions, where learners' files are. Name "
                "another course with --course, or another folder with --submitted."
            )

    def rubric(self, assignment: str, language: str | None = None, *, whole: bool = False) -> Rubric:
        """Return the rubric of an assignment, its words in a language or else in the one it names.

        With ``whole`` it has the known mistakes that `mlm release` left out.

        Raises
        ------
        UsageError
            If there is no such assignment, or no such language.
        RubricError
            If it does not hold together.
        """
        if assignment not in self.assignments:
            known = ", ".join(self.assignments) or "none"
            raise CourseError(f"{self.root / COURSE_FILE} has no assignment {assignment!r}. It has: {known}.")
        return load_rubric(self.source(assignment), self.file.defaults, language, whole=whole)

    def counted(self, rubric: Rubric) -> Rubric:
        """Return a rubric as a class is graded by it: what the policies drop is worth nothing.

        Raises
        ------
        CourseError
            If the policies drop an item that it does not have.
        """
        dropped = self.file.policies.dropped.get(rubric.assignment, ())
        known = [item.id for item in rubric.items]
        for name in dropped:
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(known)}."
                where = f"{self.root / COURSE_FILE}, table 'policies', key 'dropped'"
                raise CourseError(f"{where}: {rubric.assignment} has no item {name!r}. {hint}")
        return with_points(rubric, dict.fromkeys(dropped, 0.0))


def find_course(folder: Path) -> Course:
    """Return the course that a folder is.

    Raises
    ------
    CourseError
        If it is none.
    """
    if (folder / COURSE_FILE).is_file():
        return Course(folder)
    below = next((path.parent for path in sorted(folder.glob(f"*/{COURSE_FILE}"))), None)
    hint = f"Did you mean --course {below}?" if below else "Change into the course, or name it with --course."
    raise CourseError(f"{folder.resolve()} is not a course: it has no {COURSE_FILE}. {hint}")


def installed_course() -> Course:
    """Return the course that was installed with this package, or that of the checkout it is installed from.

    Raises
    ------
    CourseError
        If the installation is not whole.
    """
    package = Path(str(resources.files("autograder")))
    for root in (package / "shipped" / "solutions", package.parent / "solutions"):
        if (root / COURSE_FILE).is_file():
            return Course(root)
    raise CourseError("The exercises are missing from this installation. Install mlm-course again.")
