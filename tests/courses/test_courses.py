"""Courses outside the packages: made by `mlm new` and edited, released, graded, studied."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from autograder.assignment.course import Course
from autograder.assignment.release import make_release, released_files
from autograder.cli import main
from autograder.records.grading import Verdict

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAMES = ["essays", "recovery", "schools"]


def mlm(*arguments: object) -> int:
    """Run the command in this process and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture(scope="module", params=NAMES)
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A copy of a course, with one assignment."""
    folder = tmp_path_factory.mktemp("course") / request.param
    shutil.copytree(HERE / request.param, folder)
    return Course(folder)


def test_the_tables_are_made_as_it_says(tmp_path: Path) -> None:
    subprocess.run([sys.executable, HERE / "make_tables.py", tmp_path], check=True)
    for made in tmp_path.rglob("*.csv"):
        assert made.read_bytes() == (HERE / made.relative_to(tmp_path)).read_bytes()


def test_eight_items_or_more_and_five_mistakes_or_more(own: Course) -> None:
    (assignment,) = own.assignments
    assert len(own.rubric(assignment).items) >= 8
    expected = [path.read_text("utf-8") for path in own.samples.glob("*/expect.toml")]
    assert len({mistake for text in expected for mistake in re.findall(r'^mistake = "(\w+)"', text, re.MULTILINE)}) >= 5


def test_the_release_is_the_one_of_its_sources(own: Course) -> None:
    (assignment,) = own.assignments
    for name, text in released_files(make_release(own, own.rubric(assignment))).items():
        assert (own.release(assignment) / name).read_text("utf-8") == text


@pytest.mark.drawn(1)
def test_a_class_of_samples_is_graded_as_each_says(
    own: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mlm("demo", "--course", own.root, "--into", tmp_path / "graded") == 0
    assert "Each is as its expect.toml says." in capsys.readouterr().out


@pytest.fixture
def released(own: Course, tmp_path: Path) -> Path:
    """What a learner gets, somewhere else, with the solution's answers in it."""
    (assignment,) = own.assignments
    shutil.copytree(own.release(assignment), tmp_path / "at home")
    for path in own.source(assignment).glob("*.ipynb"):
        notebook, solved = nbformat.read(tmp_path / "at home" / path.name, 4), nbformat.read(path, 4)
        for cell, answer in zip(notebook.cells, solved.cells, strict=True):
            cell.source = answer.source
        nbformat.write(notebook, tmp_path / "at home" / path.name)
    return tmp_path / "at home"


def test_a_learner_is_answered_in_a_kernel_by_the_release_alone(released: Path, own: Course) -> None:
    rubric = own.rubric(own.assignments[0])
    manager, client = start_new_kernel(cwd=str(released))
    shown: list[str] = []

    def take(message: dict[str, object]) -> None:
        content = message["content"]
        assert isinstance(content, dict)
        assert message["msg_type"] != "error", content
        if message["msg_type"] == "display_data":
            shown.append(content["data"]["text/plain"])

    try:
        for task in rubric.notebook:
            for cell in nbformat.read(released / f"{task.name}.ipynb", 4).cells:
                if cell.cell_type == "code":
                    client.execute_interactive(cell.source, output_hook=take, timeout=120)
        assert len(shown) == len(rubric.items)
        assert [text for text in shown if not text.startswith("✓")] == []
        variance = next(item for item in rubric.items if item.ask == "variance")
        client.execute_interactive(f"check('{variance.id}', {variance.id} ** 0.5)", output_hook=take, timeout=120)
        assert shown[-1].startswith("✗")
        assert variance.hints["standard_deviation"] in shown[-1]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.drawn(1)
def test_mlm_check_needs_the_release_alone(released: Path, own: Course, capsys: pytest.CaptureFixture[str]) -> None:
    for task in own.rubric(own.assignments[0]).notebook:
        assert mlm("check", released / f"{task.name}.ipynb") == 0
        printed = capsys.readouterr().out
        # No command runs a question of an author's own that came with a release.
        own_questions = [item.id for item in task.item if item.ask == "mode_range"]
        assert printed.count("compared when it is handed in") == len(own_questions)
        assert printed.count("correct") == len(task.item) - len(own_questions), printed


def test_a_course_is_proved(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One of them, drawn by --draw, on two hidden tables; all of them with --courses 3."""
    count, seed = request.config.getoption("--courses"), request.config.getoption("--draw")
    for place in range(count):
        name = NAMES[(seed + place) % len(NAMES)]
        shutil.copytree(HERE / name, tmp_path / name)
        before = {path: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
        assert mlm("release", Course(tmp_path / name).assignments[0], "--course", tmp_path / name, "--panels", 2) == 0
        assert "Proved on the learners' panel and on 2 hidden ones." in capsys.readouterr().out
        assert {path: path.read_bytes() for path in before} == before


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which the authors' guide was followed, word by word, as far as the release."""
    folder = tmp_path_factory.mktemp("tour")
    shutil.copy(ROOT / "tests" / "oracles" / "goldens" / "sleepstudy.csv", folder)
    guide = (ROOT / "course" / "authors.md").read_text("utf-8")
    section = guide.split("## From a table")[1].split("\n## ")[0]
    new, demo, release, grade = re.findall(r"```sh\nmlm (.*?)\n```", section, re.DOTALL)
    run(folder, new)
    run(folder, demo)
    run(folder, release)
    shutil.copytree(folder / "graded" / "submitted", folder / "submitted")
    run(folder, grade, code=1)  # who handed in nothing is for a person to look at
    return folder


def run(folder: Path, arguments: str, code: int = 0) -> None:
    command = f'"{sys.executable}" -c "from autograder.cli import main; main()" {arguments}'
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    with (folder / "printed.txt").open("a") as printed:
        printed.write(done.stdout)


def test_the_guides_tour_ends_with_a_graded_class(tour: Path) -> None:
    printed = (tour / "printed.txt").read_text("utf-8")
    assert "18 items in 3 notebooks" in printed
    assert printed.count("Proved on the learners' panel and on 20 hidden ones.") == 2
    assert "Each is as its expect.toml says." in printed
    for page in (
        "graded/grading/sleepstudy.html",
        "grading/sleepstudy.html",
        "my-course/release/sleepstudy/release.json",
    ):
        assert (tour / page).is_file()


def test_a_course_that_is_there_gets_a_second_assignment_and_nothing_is_overwritten(
    tour: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course = tour / "my-course"
    before = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
    formula = ("--data", tour / "sleepstudy.csv", "--formula", "Reaction ~ Days + (1 | Subject)")
    assert mlm("new", course, *formula) == 2
    assert "is there already" in capsys.readouterr().err
    assert mlm("new", course, *formula, "--name", "../up") == 2
    assert "a name is made of letters" in capsys.readouterr().err
    assert mlm("new", course, "--data", tour / "none.csv", "--formula", "y ~ (1 | g)", "--name", "other") == 2
    assert "none.csv" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in course.rglob("*") if path.is_file()} == before
    assert mlm("new", course, *formula, "--name", "intercepts", "--language", "de") == 0
    assert Course(course).assignments == ("sleepstudy", "intercepts")
    assert "Weise diese Namen zu" in json.dumps(
        nbformat.read(course / "intercepts" / "task1-levels.ipynb", 4), ensure_ascii=False
    )


def test_nbgrader_makes_the_same_notebooks_in_a_course_of_ones_own(tour: Path, tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(tour / "my-course", course)
    shutil.rmtree(course / "release")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "sleepstudy"]
    # nbgrader calls another command of its environment by name.
    there = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=course, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.suffix for path in (course / "release" / "sleepstudy").iterdir()) == [".ipynb"] * 3
    for path in (course / "release" / "sleepstudy").iterdir():
        made, ours = nbformat.read(path, 4), nbformat.read(tour / "my-course" / "release" / "sleepstudy" / path.name, 4)
        assert made.cells == ours.cells


def test_samples_show_one_wrong_item_each(tour: Path) -> None:
    expected = [path.read_text("utf-8") for path in (tour / "my-course" / "samples").glob("*/expect.toml")]
    wrong = [text for text in expected if f'verdict = "{Verdict.WRONG}"' in text]
    assert len(wrong) >= 5
    assert all(text.count("verdict") == 1 for text in wrong)
