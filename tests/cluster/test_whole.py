"""A class of 200 and the whole attack corpus, graded with two workers and without: equal marks, item by item.

.venv/bin/python -m pytest tests/cluster/test_whole.py --whole -s
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import pytest
from attack_corpus import CORPUS, fill_in, read_corpus
from attacked_host import lay_bait
from everyday_corpus import hand_in, read_cases

from autograder.assignment.course import Course
from autograder.assignment.rubric import Rubric
from autograder.assignment.samples import build_sample
from autograder.grading import pipeline
from autograder.grading.pipeline import Grading, grade_class
from autograder.grading.submission import SubmissionFolder
from autograder.records.grading import Grade, Verdict
from autograder.results.folder import Asked
from autograder.sandbox.boxes import Boxes, Runner
from autograder.sandbox.cluster.coordinator import Cluster
from autograder.sandbox.policy import Limits

LEARNERS = 200


def graded(runner: Runner, grading: Grading, submitted: Path, into: Path) -> dict[str, Grade]:
    """Grade a class, and print how long it took."""
    folders = tuple(SubmissionFolder(path.name, path) for path in sorted(submitted.iterdir()))
    began = time.perf_counter()
    grades = {one.student: one for one in grade_class(grading, folders, into, runner, Asked(), 2)}
    print(f"{type(runner).__name__}: {len(grades)} graded in {time.perf_counter() - began:.0f} s")
    return grades


def items_that_differ(here: dict[str, Grade], there: dict[str, Grade]) -> list[str]:
    """Return each item of each learner that is not the same with workers, and print how many there are in all."""
    assert here.keys() == there.keys()
    pairs = [(name, *pair) for name in here for pair in zip(here[name].items, there[name].items, strict=True)]
    print(f"{len(pairs)} items of {len(here)} learners, {sum(one.score for _, one, _ in pairs):g} points")
    return [f"{name}: {one} and with workers {other}" for name, one, other in pairs if one != other]


def test_a_class_of_two_hundred(cluster: Cluster, course: Course, grading: Grading, tmp_path: Path) -> None:
    for number, (name, case) in enumerate(islice(cycle(read_cases().items()), LEARNERS)):
        folder = tmp_path / "submitted" / f"{number:03}-{name}"
        hand_in(case, course, folder)
        (folder / "number.txt").write_text(f"{number}\n")  # nobody's run is taken for another's
    with Boxes() as boxes:
        here = graded(boxes, grading, tmp_path / "submitted", tmp_path / "here")
    there = graded(cluster, grading, tmp_path / "submitted", tmp_path / "there")
    assert items_that_differ(here, there) == []
    assert len(there) == LEARNERS


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attack with the limits of its own folder, so that a bomb ends soon."""
    limits = {attack.name: attack.expected.box_limits() for attack in read_corpus()}
    grade_folder = pipeline.grade_folder

    def grade(grading: Grading, folder: SubmissionFolder, *run: object) -> Grade:
        return grade_folder(replace(grading, limits=limits.get(folder.student, Limits())), folder, *run)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "grade_folder", grade)


@pytest.mark.usefixtures("limited")
def test_the_attack_corpus(cluster: Cluster, course: Course, rubric: Rubric, grading: Grading, tmp_path: Path) -> None:
    attacks = read_corpus()
    with lay_bait(tmp_path / "bait") as bait:
        facts = {name: str(tmp_path) for name in ("COURSE", "NEIGHBOUR", "GRADEBOOK", "SEED")} | bait.facts
        for attack in attacks:
            build_sample(CORPUS / attack.name, course, rubric, tmp_path / "submitted" / attack.name)
            fill_in(tmp_path / "submitted" / attack.name, facts)
        with Boxes() as boxes:
            here = graded(boxes, grading, tmp_path / "submitted", tmp_path / "here")
        there = graded(cluster, grading, tmp_path / "submitted", tmp_path / "there")
        assert bait.visitors() == []
        assert bait.bystander.poll() is None
    # Where the machine chooses how an attack ends, by time or by memory, its folder allows several verdicts.
    chance = {
        (attack.name, item.id)
        for attack in attacks
        for item in rubric.items
        if not isinstance(attack.expected.of_item(item.id, attack.sample, rubric).verdict, Verdict)
    }
    for name, grade in there.items():
        certain = [one for one in grade.items if (name, one.item) not in chance]
        assert certain == [one for one in here[name].items if (name, one.item) not in chance], name
        assert grade.score == here[name].score, name
    differ = items_that_differ(here, there)
    print(f"{len(there)} attacks, {len(differ)} items differ where the machine may choose", *differ, sep="\n")
