"""Earlier releases of an assignment: a notebook is graded against the one that it was made from.

Which one that is the notebook itself says, so that a learner can choose among those that the course keeps, and a note
tells the teacher. nbgrader's gradebook has one set of cells for an assignment: only a release with the same ones can be
graded beside the current one, and what an item is worth is the same for all.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from threading import Lock

from autograder.assignment.course import Course
from autograder.assignment.release import ReleasedNotebook, parse_release, worth
from autograder.assignment.release_file import kept_releases, read_release_file
from autograder.assignment.rubric import Rubric, with_points
from autograder.errors import CourseError
from autograder.grading.copies import personal_panel
from autograder.grading.pipeline import Grading, prepare_panels


def with_earlier(course: Course, grading: Grading, seed: int) -> Grading:
    """Return a grading that knows the earlier releases of its course, too; ``seed`` is that of the hidden panel."""
    return replace(grading, earlier=_Earlier(course, grading, seed))


class _Earlier:
    """What each earlier release needs to be graded, prepared when the first learner hands in notebooks of it."""

    def __init__(self, course: Course, current: Grading, seed: int) -> None:
        self._current, self._seed = current, seed
        self._known = kept_releases(course.source(current.rubric.assignment))
        self._ready: dict[str, Grading] = {}
        self._lock = Lock()

    def __call__(self, release: str, student: str) -> Grading | None:
        """Return what grading a learner against a release needs; None if the course does not keep it."""
        if release not in self._known:
            return None
        with self._lock:
            if release not in self._ready:
                self._ready[release] = self._prepare(release)
            ready = self._ready[release]
            if self._current.personal and student not in ready.personal:
                own = {**ready.personal, student: personal_panel(ready.rubric, student)}
                ready = self._ready[release] = replace(ready, personal=own)
            return ready

    def _prepare(self, name: str) -> Grading:
        path = self._known[name]
        release = read_release_file(path)
        if release is None:
            raise CourseError(f"{path} is gone. Put it back, or give the command again.")
        notebooks = parse_release(release)
        now = self._current.rubric
        if differ := _graded_cells(notebooks) ^ _graded_cells(self._current.release):
            cells = ", ".join(sorted({cell for _, cell in differ}))
            raise CourseError(
                f"The notebooks were made from the release {name}, which has other graded cells than the current one "
                f"({cells}), and one gradebook cannot hold both. Grade this learner with the course as it was then, "
                "into another folder."
            )

        def spoken(language: str) -> Rubric:
            return with_points(release.rubric(path, language), {item.id: item.points for item in now.items})

        rubric = spoken(now.language)
        return replace(
            self._current,
            rubric=rubric,
            release=worth(notebooks, rubric),
            panels=prepare_panels(rubric, self._seed),
            personal={},
            earlier=lambda _release, _student: None,
            spoken=cache(spoken),
        )


def _graded_cells(release: tuple[ReleasedNotebook, ...]) -> set[tuple[str, str]]:
    return {
        (notebook.name, name) for notebook in release for name, entry in notebook.metadata.items() if entry["grade"]
    }
