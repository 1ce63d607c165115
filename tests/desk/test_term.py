"""A small class from a download to marks in the teacher's file, by the command: each step says the same numbers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from exports import CANVAS, roster_of

from autograder.assignment.course import Course
from autograder.cli import main
from autograder.results.gradebook import Gradebook

SCRIPTS = Path(sys.executable).parent


def mlm(*arguments: object) -> int:
    """Run the command in this process and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def download(path: Path, course: Course, **learners: str) -> Path:
    """Write a zip as Canvas gives it: the first notebook of each learner, solved or as released."""
    sources = {"solved": course.source("practice"), "released": course.release("practice")}
    with zipfile.ZipFile(path, "w") as made:
        for name, what in learners.items():
            made.write(sources[what] / "task1-icc.ipynb", f"{name}_5001_task1-icc.ipynb")
    return path


def test_from_a_download_to_marks_given_back(
    course: Course, place: Path | str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, roster = tmp_path / "results", roster_of(tmp_path, CANVAS)
    db = () if isinstance(place, Path) else ("--db", place)
    options = ("--into", into, "--course", course.root)
    first = download(tmp_path / "first.zip", course, lovelaceada_101="solved", eve_900="solved")
    arguments = ("grade", "practice", "--submitted", first, "--roster", roster, "--hidden-seed", 20, *options)
    assert mlm(*arguments, *db) == 1  # a stranger's file is left out
    printed = capsys.readouterr().out
    assert "Not graded: eve_900_5001_task1-icc.ipynb: nobody in the roster" in printed
    assert 'Nothing handed in by: "Bo" Søren O\'Neill, Jürgen Müller.' in printed

    late = download(tmp_path / "late.zip", course, mullerjurgen_LATE_102="released")
    assert mlm("grade", "practice", "--submitted", late, "--roster", roster, "--hidden-seed", 20, *options) == 1
    assert "Graded before, and on the page of the class too: 1." in capsys.readouterr().out
    page = (into / "practice.html").read_text(encoding="utf-8")
    for said in ("Ada Lovelace", "10 / 50", "Jürgen Müller", "0 / 50", "nothing handed in"):
        assert said in page

    if isinstance(place, str):
        assert not (into / "gradebook.db").exists()
        assert (into / "database.txt").stat().st_mode & 0o077 == 0
        assert mlm("marks", "practice", *options, "--db", f"{place}x") == 2
    with Gradebook(place if isinstance(place, str) else into / "gradebook.db") as book:
        entry = book._nbgrader.find_grade("icc", "task1-icc", "practice", "juergen")
        entry.manual_score, entry.needs_manual_grade = 2.0, False
        book._nbgrader.db.commit()
        assert {one.id: (one.first_name, one.lms_user_id) for one in book._nbgrader.students} == {
            "ada": ("Ada", "101"),
            "juergen": ("Jürgen", "102"),
            "bo": ('"Bo" Søren', "103"),
        }
    assert mlm("feedback", "practice", *options) == 0
    page = (into / "feedback" / "juergen" / "practice" / "index.html").read_text(encoding="utf-8")
    assert "A person graded this." in page
    assert "2 / 50" in (into / "practice.html").read_text(encoding="utf-8")

    assert mlm("marks", "practice", "--fill", roster, "--column", "Practice", *options) == 0
    filled = (into / "marks" / "practice-roster.csv").read_text(encoding="utf-8")
    assert filled == CANVAS.replace('A""",,12', 'A""",10,12').replace("juergen,Group B,,", "juergen,Group B,2,")
    assert mlm("marks", "practice", *options) == 0
    table = (into / "marks" / "practice-marks.csv").read_text(encoding="utf-8")
    assert "a person, in formgrader" in table

    for nobody in ("", "..", "../feedback", "nobody"):
        assert mlm("forget", nobody, *options) == 2
    assert (into / "feedback" / "ada").is_dir()
    assert mlm("forget", "ada", *options) == 0
    assert mlm("forget", "ada", *options) == 2
    left = [path for path in into.rglob("*") if path.is_file()]
    assert [path for path in left if b"Lovelace" in path.read_bytes() or "ada" in path.parts] == []
    assert "Jürgen Müller" in (into / "practice.html").read_text(encoding="utf-8")


def test_nbgrader_goes_on_in_a_results_folder_that_was_moved(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "results"
    first = download(tmp_path / "first.zip", course, lovelaceada_101="solved")
    options = ("--into", into, "--course", course.root, "--hidden-seed", 20)
    assert mlm("grade", "practice", "--submitted", first, "--roster", roster_of(tmp_path, CANVAS), *options) == 0
    moved = shutil.move(into, tmp_path / "moved")
    asked = (
        "import json; from nbgrader.apps import NbGraderAPI, NbGrader; app = NbGrader(); app.initialize([]); "
        "api = NbGraderAPI(config=app.config); "
        "print(json.dumps([api.coursedir.root, sorted(api.get_source_assignments()), "
        "[(one['id'], one['first_name'], one['score'], one['max_score']) for one in api.get_students()]]))"
    )
    environment = {**os.environ, "PATH": f"{SCRIPTS}:{os.environ['PATH']}"}
    run: Any = {"cwd": moved, "env": environment, "capture_output": True, "text": True, "check": True}
    root, assignments, students = json.loads(
        subprocess.run([sys.executable, "-c", asked], **run).stdout.splitlines()[-1]
    )
    assert root == str(moved)
    assert assignments == ["practice"]
    assert ["ada", "Ada", 10.0, 50.0] in students
    ended = subprocess.run([SCRIPTS / "nbgrader", "autograde", "practice", "--force"], **run)
    assert "ERROR" not in ended.stderr
    with Gradebook(Path(moved) / "gradebook.db") as book:
        assert book.grades("practice")["ada"].score == 10.0
        assert {line["made_by"].split(", ")[1] for line in book.changes("practice")} == {"mlm grade"}
