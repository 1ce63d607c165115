"""Distributions that a course lets its notebooks import besides those that every box has."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from own_course import SOLUTION, make_own_course, solved

from autograder.cli import main
from autograder.errors import CourseError
from autograder.records.values import Text
from autograder.sandbox import policy, run_store
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes

#: What the tests themselves need: installed with them, and in no box.
OWN = "pluggy"
CELLS = ("from autograder.student import check", f"from {OWN} import __version__\ncheck('version', __version__)")


def test_a_package_of_the_course_can_be_imported_and_without_the_course_it_cannot() -> None:
    job = Job("task", CELLS, b"")
    with Boxes() as boxes:
        without = boxes.run(job)
    assert without.cells[1].errors[0].name == "ModuleNotFoundError"
    assert without.answers == {}
    with Boxes((OWN,)) as boxes:
        ended = boxes.run(job)
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
        ("mlm-course", r"'mlm-course', .* brings mlm-course into the box\. Remove it from 'packages'"),
        ("NBGrader", r"'NBGrader', .* brings nbgrader into the box\. Remove it"),
    ],
)
def test_a_package_that_is_missing_or_that_would_bring_the_key_is_refused(package: str, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        Boxes((package,))


def test_runs_in_boxes_with_other_packages_are_other_runs() -> None:
    job = Job("task", CELLS, b"")
    assert run_store.run_digest(job) == run_store.run_digest(job, ())
    assert run_store.run_digest(job) != run_store.run_digest(job, (OWN,))


def test_a_release_and_the_grading_have_what_the_course_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_own_course(tmp_path)
    solution = SOLUTION.replace("modes =", f"import {OWN}\nmodes =").replace("min())", f"min()) if {OWN} else 0.0")
    nbformat.write(solved(solution), folder / "one.ipynb")

    def run(*arguments: object) -> int:
        with pytest.raises(SystemExit) as ended:
            main([str(one) for one in (*arguments, "--course", tmp_path)])
        return int(ended.value.code or 0)

    with (tmp_path / "course.toml").open("a", encoding="utf-8") as file:
        file.write(f'packages = ["{OWN}"]\n')
    assert run("release", "ex", "--panels", 1) == 0
    handed_in = tmp_path / "submitted" / "ada" / "one.ipynb"
    handed_in.parent.mkdir(parents=True)
    handed_in.write_bytes((folder / "one.ipynb").read_bytes())
    assert run("grade", "ex", "--submitted", handed_in.parents[1], "--into", tmp_path / "grading") == 0
    assert "2 / 2" in capsys.readouterr().out
    (tmp_path / "course.toml").write_text('title = "Mine"\nassignments = ["ex"]\n', encoding="utf-8")
    assert run("release", "ex", "--panels", 1) == 2
    said = capsys.readouterr().err
    assert f"cell 'answer' failed in line 3, `import {OWN}`: ModuleNotFoundError: No module named '{OWN}'" in said
