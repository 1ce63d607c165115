"""A notebook carries the id of its release, and is graded against that release when there is a later one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nbgrader.api import Gradebook as NbgraderGradebook

from autograder.assignment.course import Course
from autograder.assignment.key import Dataset, hidden_panel
from autograder.assignment.release import make_release, parse_release, read_release, write_release
from autograder.assignment.release_file import kept_releases
from autograder.cli import main
from autograder.grading.copies import personal_panel
from autograder.grading.earlier import with_earlier
from autograder.grading.pipeline import Grading, grade_class, prepare_panels
from autograder.grading.submission import find_submissions
from autograder.records.grading import Grade
from autograder.results.folder import Asked, write_configuration
from autograder.results.gradebook import Gradebook
from autograder.sandbox.boxes import Boxes

ASSIGNMENT = """
title = "Stores"
[columns]
store_id = { group = true, call = "store" }
[models]
"random intercept" = "sales ~ week + youtube + facebook + newspaper + (1 | store_id)"
[[notebook]]
name = "task1-icc"
title = "How much of it is the store?"
item = [
  { ask = "variance", id = "var_store", model = "random intercept", level = "store_id", points = 2 },
  { ask = "variance", id = "var_residual", model = "random intercept", level = "residual", points = 2 },
  { ask = "icc", id = "icc", model = "random intercept", level = "store_id", points = 4, tolerance = 0.002 },
  { ask = "sentence", id = "icc_reading", points = 2, needs = ["icc"], slots.percent = { own = "icc", times = 100 } },
]
"""
SEED = 3


def release(course: Course) -> str:
    made = make_release(course, course.rubric("stores"))
    write_release(course, made)
    return made.id


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def own(course: Course, tmp_path: Path) -> Course:
    """A course with one task, nothing released yet."""
    folder = tmp_path / "course" / "stores"
    folder.mkdir(parents=True)
    for name in ("task1-icc.ipynb", "panel.csv"):
        shutil.copy(course.source("practice") / name, folder)
    change(folder / "task1-icc.ipynb", '\\"of\\": \\"what the predictors leave unexplained\\",', "")
    change(folder / "task1-icc.ipynb", '\\"lies\\": \\"between stores\\",', "")
    (folder / "assignment.toml").write_text(ASSIGNMENT, encoding="utf-8")
    (folder.parent / "course.toml").write_text('title = "Stores"\nassignments = ["stores"]\n', encoding="utf-8")
    return Course(folder.parent)


@pytest.fixture
def hand_in(own: Course, tmp_path: Path) -> Callable[[str, str | None], None]:
    """Hand in the solution of now, as made from a release."""

    def put(student: str, made_from: str | None) -> None:
        notebook = json.loads((own.source("stores") / "task1-icc.ipynb").read_text(encoding="utf-8"))
        shows = {"cell_type": "code", "id": "own", "metadata": {}, "outputs": [], "execution_count": None}
        notebook["cells"].append({**shows, "source": "print(len(panel), 'rows')"})
        if made_from is not None:
            notebook["metadata"]["mlm"] = {"release": made_from}
        path = tmp_path / "submitted" / student / "stores" / "task1-icc.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")

    return put


def later(course: Course) -> None:
    """Change the text of the task, the table, and a tolerance."""
    source = course.source("stores")
    (source / "panel.csv").write_bytes(hidden_panel(course.rubric("stores"), 5).panel.to_csv_bytes())
    change(source / "task1-icc.ipynb", "# Task 1", "# The first task")
    change(source / "assignment.toml", "tolerance = 0.002", "tolerance = 0.001")


def graded(course: Course, tmp_path: Path, *, personal: bool = False) -> dict[str, Grade]:
    rubric = course.rubric("stores")
    folders, _ = find_submissions(tmp_path / "submitted", "stores")
    notebooks = parse_release(make_release(course, rubric))
    panels = {one.student: personal_panel(rubric, one.student) for one in folders} if personal else {}
    grading = Grading(rubric, notebooks, prepare_panels(rubric, SEED), personal=panels)
    grading = with_earlier(course, grading, SEED)
    with Boxes() as boxes:
        return {one.student: one for one in grade_class(grading, folders, tmp_path / "grading", boxes, Asked())}


def executed(tmp_path: Path, student: str) -> str:
    return (tmp_path / "grading" / "autograded" / student / "stores" / "task1-icc.ipynb").read_text(encoding="utf-8")


def test_each_is_graded_against_the_release_it_was_made_from(own: Course, hand_in: Any, tmp_path: Path) -> None:
    first, table = release(own), (own.source("stores") / "panel.csv").read_bytes()
    hand_in("early", first)
    later(own)
    second = release(own)
    assert kept_releases(own.source("stores")).keys() == {first, second}
    hand_in("late", second)
    hand_in("lost", None)
    hand_in("strange", "0123456789abcdef")
    grades = graded(own, tmp_path)
    assert {name: (grade.score, grade.points) for name, grade in grades.items()} == dict.fromkeys(grades, (10.0, 10.0))
    then, now = (len(Dataset.from_csv(csv)) for csv in (table, (own.source("stores") / "panel.csv").read_bytes()))
    assert then != now
    for name in grades:
        assert f"{then if name == 'early' else now} rows" in executed(tmp_path, name)
    assert {name: grade.earlier for name, grade in grades.items() if grade.earlier} == {"early": first}
    assert f"Made from an earlier release ({first}), and graded against that." in grades["early"].look_at
    assert "does not keep (0123456789abcdef)" in "".join(grades["strange"].look_at)
    assert grades["late"].look_at == grades["lost"].look_at == ()
    # The text that was handed out then is not one that the learner has edited.
    assert grades["early"].notebooks[0].notebook.notes == ()
    page = (tmp_path / "grading" / "feedback" / "early" / "stores" / "index.html").read_text(encoding="utf-8")
    assert first in page
    assert "# Task 1" in executed(tmp_path, "early")


def test_panels_of_learners_are_those_of_their_release(own: Course, hand_in: Any, tmp_path: Path) -> None:
    first = release(own)
    then = personal_panel(own.rubric("stores"), "early").answers.values["var_store"]
    hand_in("early", first)
    later(own)
    assert then != personal_panel(own.rubric("stores"), "early").answers.values["var_store"]
    (grade,) = graded(own, tmp_path, personal=True).values()
    assert (grade.score, grade.earlier) == (10.0, first)
    assert grade.notebooks[0].run.answers["var_store"].value == pytest.approx(then, rel=1e-3)  # type: ignore[union-attr]


def test_points_are_those_of_now_and_a_release_with_other_cells_is_not_mixed_with_this_one(
    own: Course, hand_in: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = own.source("stores")
    for path in (source / "assignment.toml", source / "task1-icc.ipynb"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("icc_reading", "icc_words"), encoding="utf-8")
    other = release(own)
    hand_in("other", other)
    for path in (source / "assignment.toml", source / "task1-icc.ipynb"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("icc_words", "icc_reading"), encoding="utf-8")
    hand_in("early", release(own))
    change(source / "assignment.toml", "points = 4", "points = 5")
    change(source / "task1-icc.ipynb", '"points": 4', '"points": 5')
    hand_in("late", release(own))
    with pytest.raises(SystemExit) as ended:
        main(f"grade stores --submitted {tmp_path}/submitted --into {tmp_path}/grading --course {own.root}".split())
    printed = capsys.readouterr().out
    assert ended.value.code == 3
    assert "Not graded: other. This could not be graded, and that is not the learner's doing" in printed
    assert f"from the release {other}, which has other graded cells than the current one (icc_reading, icc_" in printed
    assert printed.count("11 / 11") == 2
    # With the release of before, the points stay those of now.
    with pytest.raises(SystemExit) as ended:
        main(f"regrade stores --into {tmp_path}/grading --course {own.root}".split())
    assert ended.value.code == 0
    assert "Of an earlier release, whose tolerances and words stay: early." in capsys.readouterr().out


def test_words_make_no_other_release_and_what_decides_does(own: Course) -> None:
    first = release(own)
    source = own.source("stores")
    change(source / "assignment.toml", 'title = "Stores"', 'title = "Shops"')
    change(source / "assignment.toml", "tolerance = 0.002", 'tolerance = 0.002, advice = "Think again."')
    assert release(own) == first
    change(source / "assignment.toml", "tolerance = 0.002", "tolerance = 0.003")
    second = release(own)
    change(source / "task1-icc.ipynb", "# Task 1", "# The first task")
    third = release(own)
    assert len({first, second, third}) == 3
    released = own.release("stores") / "task1-icc.ipynb"
    assert json.loads(released.read_text(encoding="utf-8"))["metadata"]["mlm"] == {"release": third}
    rubric = msgspec.structs.replace(own.rubric("stores"), check_says="recorded")
    assert make_release(own, rubric).id == third


def test_nbgraders_own_command_grades_against_the_earlier_release_too(
    own: Course, hand_in: Any, tmp_path: Path
) -> None:
    first = release(own)
    hand_in("early", first)
    later(own)
    release(own)
    with Gradebook(tmp_path / "gradebook.db") as book:
        book.prepare("stores", read_release(own, own.rubric("stores")))
    write_configuration(tmp_path, Asked(course=own.root, hidden_seed=SEED))
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"}
    line = [str(scripts / "nbgrader"), "autograde", "stores"]
    subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, check=True)
    with NbgraderGradebook(f"sqlite:///{tmp_path}/gradebook.db") as gradebook:
        assert gradebook.find_submission("stores", "early").score == 10
    shown = (tmp_path / "autograded" / "early" / "stores" / "task1-icc.ipynb").read_text(encoding="utf-8")
    assert "# Task 1" in shown
