"""Distributions that a course lets its notebooks import besides those that every box has."""

from __future__ import annotations

import pytest

from autograder.errors import CourseError
from autograder.records.values import Text
from autograder.sandbox import policy, run_store
from autograder.sandbox.boxes import Boxes, Job, run_job

#: What the tests themselves need: installed with them, and in no box.
OWN = "pluggy"
CELLS = ("from autograder.student import check", f"from {OWN} import __version__\ncheck('version', __version__)")


def test_a_package_of_the_course_can_be_imported_and_without_the_course_it_cannot() -> None:
    job = Job({"task": CELLS}, b"")
    without = run_job(job)["task"]
    assert without.cells[1].errors[0].name == "ModuleNotFoundError"
    assert without.answers == {}
    with Boxes((OWN,)) as boxes:
        ended = boxes.run(job)["task"]
    (version,) = (line.split()[1] for line in policy.versions((OWN,)) if line.startswith(f"{OWN} "))
    assert ended.answers == {"version": Text(version)}


def test_what_a_package_requires_comes_with_it() -> None:
    mounted = {mount.target for mount in policy.library_mounts(("beautifulsoup4",))} - {
        mount.target for mount in policy.library_mounts()
    }
    assert {"/box/site/bs4", "/box/site/soupsieve"} <= mounted


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("no-such-library", "'no-such-library', which course.toml lets .* 'packages', is not to be had: .* install it"),
        ("mlm-course", r"'mlm-course', .* brings mlm-course, nbgrader into the box\. Remove it from 'packages'"),
        ("NBGrader", r"'NBGrader', .* brings nbgrader into the box\. Remove it"),
    ],
)
def test_a_package_that_is_missing_or_that_would_bring_the_key_is_refused(package: str, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        Boxes((package,))


def test_runs_in_boxes_with_other_packages_are_other_runs() -> None:
    job = Job({"task": CELLS}, b"")
    assert run_store.run_digest("task", job) == run_store.run_digest("task", job, ())
    assert run_store.run_digest("task", job) != run_store.run_digest("task", job, (OWN,))
