"""A class in one run, a tenth of it hostile: what the grader itself needs, and what the honest learners get.

Large, with what it takes: ``.venv/bin/python -m pytest tests/attacks/test_large_class.py --submissions 200 -s``
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from attack_corpus import CORPUS

from autograder.assignment.course import Course
from autograder.assignment.rubric import Rubric
from autograder.assignment.samples import build_sample
from autograder.results.gradebook import Gradebook

HONEST = CORPUS.parent / "submissions" / "solution"

#: Each takes the grader's memory in another way.
HOSTILE = ("answers-nobody-asked", "small-brackets-large-objects", "wide-characters", "a-flood-of-answers")

#: Runs `mlm`, and says at the end how much memory the grader itself has held, in kilobytes.
MEASURED = """
import sys
from autograder.cli import main
try:
    main(sys.argv[1:])
finally:
    with open("/proc/self/status") as file:
        print(next(line.split()[1] for line in file if line.startswith("VmHWM")), file=sys.stderr)
"""


def test_a_large_class_needs_little_memory_and_nobody_pays(
    course: Course, rubric: Rubric, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    count = max(10, request.config.getoption("--submissions"))
    honest = [f"honest-{number:03}" for number in range(count)]
    for place in range(0, count, 10):
        attack = HOSTILE[place // 10 % len(HOSTILE)]
        honest[place] = f"hostile-{place:03}"
        build_sample(CORPUS / attack, course, rubric, tmp_path / "submitted" / honest[place])
    honest = [name for name in honest if name.startswith("honest")]
    for name in honest:
        build_sample(HONEST, course, rubric, tmp_path / "submitted" / name)
    build_sample(HONEST, course, rubric, tmp_path / "alone" / "honest-000")

    grade(course, tmp_path / "alone", tmp_path / "peaceful")
    began = time.perf_counter()
    kilobytes = grade(course, tmp_path / "submitted", tmp_path / "grading")
    seconds = (time.perf_counter() - began) / count
    print(f"{count} submissions: {seconds:.2f} s each, {kilobytes / 1000:.0f} MB in the grader at the peak")

    assert kilobytes < 400_000
    with Gradebook(tmp_path / "peaceful" / "gradebook.db") as book:
        alone = scores(book, "honest-000")
    assert sum(alone.values()) > 0
    with Gradebook(tmp_path / "grading" / "gradebook.db") as book:
        assert {name: scores(book, name) for name in honest} == dict.fromkeys(honest, alone)


def grade(course: Course, submitted: Path, into: Path) -> int:
    """Grade a folder by the command, and return the most kilobytes that its process has held."""
    options = ["--submitted", str(submitted), "--into", str(into), "--course", str(course.root), "--hidden-seed", "20"]
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, "grade", "practice", *options], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1, ended.stderr  # memos wait for a person
    return int(ended.stderr.split()[-1])


def scores(book: Gradebook, student: str) -> dict[str, float]:
    """Return what a learner earned by item."""
    submission = book._nbgrader.find_submission("practice", student)
    return {grade.name: grade.score for notebook in submission.notebooks for grade in notebook.grades}
