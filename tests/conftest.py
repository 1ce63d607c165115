"""What every test may use: the course of this checkout, its rubric, and the sample class, graded once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.key import Keyed
from autograder.pipeline import Grading, grade_class, prepare_panels, write_class_pages
from autograder.records import Grade
from autograder.release import read_release
from autograder.rubric import Rubric
from autograder.samples import build_class
from autograder.submission import find_submissions

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests" / "submissions"

#: Any seed will do; a fixed one makes a failure repeatable.
HIDDEN_SEED = 20


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def course() -> Course:
    """The course of this checkout."""
    return Course(ROOT)


@pytest.fixture(scope="session")
def rubric(course: Course) -> Rubric:
    """The rubric of the practice assignment."""
    return course.rubric("practice")


@pytest.fixture(scope="session")
def panels(rubric: Rubric) -> tuple[Keyed, ...]:
    """The tutorial's panel and a hidden one, with their answers."""
    return prepare_panels(rubric, HIDDEN_SEED)


@pytest.fixture(scope="session")
def grading(course: Course, rubric: Rubric, panels: tuple[Keyed, ...]) -> Grading:
    """What a grading run needs."""
    return Grading(rubric, read_release(course, rubric), panels)


@dataclass(frozen=True)
class GradedClass:
    """The sample class: what was handed in, where the results are, and the grades."""

    submitted: Path
    into: Path
    grades: dict[str, Grade]


@pytest.fixture(scope="session")
def graded_class(
    course: Course, rubric: Rubric, grading: Grading, tmp_path_factory: pytest.TempPathFactory
) -> GradedClass:
    """Every sample submission, graded in the box on both panels."""
    home = tmp_path_factory.mktemp("class")
    build_class(SAMPLES, course, rubric, home / "submitted")
    folders, _ = find_submissions(home / "submitted", rubric.assignment)
    grades = {grade.student: grade for grade in grade_class(grading, folders, home / "grading")}
    write_class_pages(grading, list(grades.values()), home / "grading")
    return GradedClass(home / "submitted", home / "grading", grades)


@pytest.fixture(scope="session")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for tests that open many boxes."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests of certified panels run on all that were promised."""
    parser.addoption("--panels", type=int, default=12, help="certified panels to test the rubric on; 200 for all")
