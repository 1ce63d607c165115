"""A class of attackers between honest neighbours, graded once, with a look at the host before and after."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from attack_corpus import Attack, choose, fill_in, read_corpus
from attacked_class import AttackedClass
from attacked_host import adopt_orphans, lay_bait, snapshot

from autograder.assignment.course import Course
from autograder.assignment.rubric import Rubric
from autograder.assignment.samples import build_sample
from autograder.grading import pipeline
from autograder.grading.page_files import write_class_pages
from autograder.grading.pipeline import Grading, grade_class
from autograder.grading.submission import SubmissionFolder
from autograder.records.grading import Grade
from autograder.results.folder import GRADEBOOK, Asked
from autograder.results.gradebook import Gradebook
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.policy import Limits

HONEST = Path(__file__).resolve().parents[1] / "submissions" / "solution"

#: An honest learner sits after so many attackers.
BATCH = 10


@pytest.fixture(scope="session")
def attacks(request: pytest.FixtureRequest) -> tuple[Attack, ...]:
    """The attacks of this run, in the order of the class."""
    return choose(read_corpus(), request.config.getoption("--attacks"), request.config.getoption("--draw"))


@pytest.fixture(scope="session")
def attacked_class(
    attacks: tuple[Attack, ...],
    course: Course,
    rubric: Rubric,
    grading: Grading,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[AttackedClass]:
    """The chosen attacks, graded in one class with honest learners first, last, and after each batch."""
    home = tmp_path_factory.mktemp("attacked")
    home.chmod(0o755)
    temporary = home / "temporary"
    temporary.mkdir()
    with lay_bait(home / "bait") as bait:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(temporary))
            patch.setattr(tempfile, "tempdir", None)
            adopt_orphans()
            seating = _seating(attacks)
            facts = {
                **bait.facts,
                "COURSE": str(course.root.parent),
                "NEIGHBOUR": str(home / "submitted" / "honest-0"),
                "GRADEBOOK": str(home / "grading" / "gradebook.db"),
                "SEED": str(home / "grading" / "hidden-seed.txt"),
            }
            _hand_in(seating, course, rubric, home / "submitted", facts)
            first = (SubmissionFolder("honest-0", home / "submitted" / "honest-0"),)
            with Boxes() as boxes:
                (alone,) = grade_class(grading, first, home / "peaceful", boxes, Asked())
            _open_results(grading, home / "grading")
            trees = (home / "submitted", home / "bait", course.root, course.root.parent / "exercises")
            trees += (course.root.parent / "autograder", course.root.parent / "reference", home / "peaceful")
            before = snapshot(trees, temporary)
            limits = {attack.name: attack.expected.box_limits() for attack in attacks}
            _limit_each(patch, limits)
            folders = tuple(SubmissionFolder(name, home / "submitted" / name) for name in seating)
            with Boxes() as boxes:
                graded = list(grade_class(grading, folders, home / "grading", boxes, Asked()))
            grades = {grade.student: grade for grade in graded}
            write_class_pages(grading.rubric, list(grades.values()), home / "grading")
            after = snapshot(trees, temporary)
        honest = tuple(name for name, attack in seating.items() if attack is None)
        yield AttackedClass(attacks, honest, grades, alone, home / "grading", home / "peaceful", bait, before, after)


def _seating(attacks: tuple[Attack, ...]) -> dict[str, Attack | None]:
    """Return attackers by name in the order of the class, with honest learners (None) between them."""
    seating: dict[str, Attack | None] = {"honest-0": None}
    waiting = iter(attacks)
    while batch := list(islice(waiting, BATCH)):
        seating |= {attack.name: attack for attack in batch}
        seating[f"honest-{sum(one is None for one in seating.values())}"] = None
    return seating


def _hand_in(
    seating: dict[str, Attack | None], course: Course, rubric: Rubric, submitted: Path, facts: dict[str, str]
) -> None:
    corpus = Path(__file__).resolve().parent
    for name, attack in seating.items():
        build_sample(HONEST if attack is None else corpus / name, course, rubric, submitted / name)
        fill_in(submitted / name, facts)
        if attack is None:
            # One notebook is enough to see whether a neighbour was hurt.
            for path in submitted.glob(f"{name}/task[2-5]*.ipynb"):
                path.unlink()


def _open_results(grading: Grading, into: Path) -> None:
    """Make what an attacker may look for before the class is graded: a gradebook and the hidden panel's seed."""
    with Gradebook(into / GRADEBOOK) as gradebook:
        gradebook.prepare(grading.rubric.assignment, grading.release)
    (into / "hidden-seed.txt").write_text("20\n", encoding="utf-8")


def _limit_each(patch: pytest.MonkeyPatch, limits: dict[str, Limits]) -> None:
    """Run each attack with limits of its own, so that a bomb ends soon and an honest learner has time."""
    grade_folder = pipeline.grade_folder

    def limited(grading: Grading, folder: SubmissionFolder, *boxes: Any) -> Grade:
        return grade_folder(replace(grading, limits=limits.get(folder.student, grading.limits)), folder, *boxes)

    patch.setattr(pipeline, "grade_folder", limited)
