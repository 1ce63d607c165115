"""Where the parts of a course lie: its sources, its releases, and the rubric of each assignment.

Releases and rubrics are also part of the installed package (the wheel takes them from the same folders), so that a
learner without a checkout has them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import get_args

import msgspec

from autograder.assignment.rubric import Rubric, Says, load_rubric
from autograder.assignment.translations import in_language
from autograder.errors import CourseError

#: Lies beside released notebooks where the teacher lets `check` say less than everything.
CHECK_FILE = "check.json"


class Handed(msgspec.Struct, frozen=True):
    """What a release tells `check`: the assignment, and how much to say of an answer."""

    assignment: str
    check_says: Says


@dataclass(frozen=True)
class Course:
    """A course folder, with ``solutions/`` and ``exercises/`` in it."""

    root: Path

    def source(self, assignment: str) -> Path:
        """Return the folder of an assignment's source notebooks and its rubric."""
        return self.root / "solutions" / assignment

    def release(self, assignment: str) -> Path:
        """Return the folder of an assignment's released notebooks."""
        return self.root / "exercises" / assignment

    @property
    def assignments(self) -> tuple[str, ...]:
        """Names of the assignments there are."""
        return tuple(sorted(path.parent.name for path in (self.root / "solutions").glob("*/rubric.toml")))

    def rubric(self, assignment: str, language: str | None = None) -> Rubric:
        """Return the rubric of an assignment, its words in a language or else in the one it names.

        Raises
        ------
        UsageError
            If there is no such assignment, or no such language.
        RubricError
            If its rubric does not hold together.
        """
        if assignment not in self.assignments:
            known = ", ".join(self.assignments) or "none"
            raise CourseError(f"There is no assignment {assignment!r} in {self.root / 'solutions'}. There is: {known}.")
        folder = self.source(assignment)
        return in_language(load_rubric(folder / "rubric.toml"), folder, language)


def find_course(start: Path) -> Course:
    """Return the course a folder belongs to: the folder itself or the nearest one above with ``solutions/`` in it.

    Raises
    ------
    CourseError
        If there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if any((folder / "solutions").glob("*/rubric.toml")):
            return Course(folder)
    raise CourseError(
        f"{start.resolve()} is not in a course: no folder from here upwards has solutions/<assignment>/rubric.toml. "
        "Change into the course, or name it with --course."
    )


def installed_course() -> Course:
    """Return the course that was installed with this package, or the checkout it is installed from.

    Raises
    ------
    CourseError
        If the installation is not whole.
    """
    package = Path(str(resources.files("autograder")))
    for root in (package / "shipped", package.parent):
        if Course(root).assignments:
            return Course(root)
    raise CourseError("The exercises are missing from this installation. Install mlm-course again.")


def learners_course(folder: Path) -> Course:
    """Return the course a learner's folder belongs to: the checkout around it, or else the installed one."""
    try:
        return find_course(folder)
    except CourseError:
        return installed_course()


def check_file(rubric: Rubric) -> str:
    """Return what a release carries to learners about `check`, as text."""
    return msgspec.json.encode(Handed(rubric.assignment, rubric.check_says)).decode() + "\n"


def read_check_file(folder: Path) -> Handed | None:
    """Return what came with the notebooks about `check`; None if nothing did.

    Raises
    ------
    CourseError
        If it cannot be read.
    """
    path = folder / CHECK_FILE
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Handed)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        known = ", ".join(map(repr, get_args(Says)))
        raise CourseError(f"{path}: this should name an assignment and one of {known}. Get it again.") from None
