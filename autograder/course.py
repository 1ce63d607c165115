"""Where the parts of a course lie: its sources, its releases, and the rubric of each assignment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError
from autograder.rubric import Rubric, load_rubric
from autograder.translations import in_language


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
