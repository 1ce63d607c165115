"""`nbgrader autograde` with our configuration: the marks of `mlm grade` from the box alone, and none where it fails."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook as NbgraderGradebook

from autograder.assignment.course import Course
from autograder.assignment.release import read_release
from autograder.cli import main
from autograder.grading.pipeline import Grading
from autograder.results.folder import Asked, write_configuration
from autograder.results.gradebook import Gradebook

SAMPLES = Path(__file__).resolve().parents[1] / "submissions"
CASES = sorted(path.parent.name for path in SAMPLES.glob("*/submission.toml"))
SCRIPTS = Path(sys.executable).parent

Marks = Mapping[tuple[str, str], tuple[float | None, bool]]

QUERY = """
select student.id, base_cell.name, grade.auto_score, grade.needs_manual_grade from grade
join submitted_notebook on grade.notebook_id = submitted_notebook.id
join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
join student on submitted_assignment.student_id = student.id join base_cell on grade.cell_id = base_cell.id
"""


def marks(gradebook: Path, students: Sequence[str]) -> Marks:
    with closing(sqlite3.connect(gradebook)) as connection:
        rows = connection.execute(QUERY).fetchall()
    return {(student, cell): (score, bool(waits)) for student, cell, score, waits in rows if student in students}


@dataclass(frozen=True)
class Teacher:
    """A teacher's folder with our configuration, in which nothing was graded yet."""

    folder: Path

    def hands_in(self, student: str, assignment: str, notebooks: Path) -> None:
        shutil.copytree(notebooks, self.folder / "submitted" / student / assignment, symlinks=True)

    def autograde(self, assignment: str, *options: str, path: str | None = None) -> tuple[int, str]:
        """Run nbgrader's command; return its exit code and what it said."""
        environment = {**os.environ, "PATH": path or f"{SCRIPTS}:{os.environ['PATH']}"}
        line = [str(SCRIPTS / "nbgrader"), "autograde", assignment, "--force", *options]
        done = subprocess.run(line, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def marks(self, *students: str) -> Marks:
        return marks(self.folder / "gradebook.db", students)


def teacher_in(folder: Path, course: Course, gradings: Iterable[Grading], seed: int) -> Teacher:
    folder.mkdir()
    with Gradebook(folder / "gradebook.db") as book:
        for grading in gradings:
            book.prepare(grading.rubric.assignment, grading.release)
    write_configuration(folder, Asked(course=course.root, hidden_seed=seed))
    return Teacher(folder)


@pytest.fixture
def teacher(course: Course, grading: Grading, hidden_seed: int, tmp_path: Path) -> Teacher:
    return teacher_in(tmp_path / "teacher", course, [grading], hidden_seed)


def test_marks_are_those_of_mlm_grade(
    graded_class: Any,
    course: Course,
    gradings: Mapping[str, Grading],
    hidden_seed: int,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """The numbers of one sample are typed in, and right on the learners' own panel alone."""
    drawn = random.Random(request.config.getoption("--draw"))
    count = min(len(CASES), request.config.getoption("--autograded"))
    cases = sorted({"typed-in-numbers", *drawn.sample(CASES, count)})
    teacher = teacher_in(tmp_path / "teacher", course, gradings.values(), hidden_seed)
    for case in cases:
        assignment = graded_class.grades[case].assignment
        teacher.hands_in(case, assignment, graded_class.into.parent / "submitted" / assignment / case / assignment)
    for assignment in sorted({graded_class.grades[case].assignment for case in cases}):
        code, said = teacher.autograde(assignment)
        assert code == 0, said
    ours = marks(graded_class.into / "gradebook.db", cases)
    assert teacher.marks(*cases) == ours
    assert {student for student, _ in ours} == set(cases)
    for case in cases:
        place = Path("autograded", case, graded_class.grades[case].assignment)
        for path in (graded_class.into / place).iterdir():
            shown = teacher.folder / place / path.name
            # What nbgrader knows by no name of its own it does not show, and there are marks for it all the same.
            if shown.exists():
                assert nbformat.read(shown, 4).cells == nbformat.read(path, 4).cells


def test_late_work_stays_late_where_a_roster_said_so(root: Path, tmp_path: Path, hidden_seed: int) -> None:
    """Beside the notebooks nothing says when they were handed in; `mlm grade` filed it."""
    course = Course(Path(shutil.copytree(root / "tests" / "courses" / "recovery", tmp_path / "course")))
    with (course.root / "course.toml").open("a", encoding="utf-8") as declared:
        declared.write('\n[policies]\ndue = { pain = 2026-12-01 }\nlate = "10 %"\n')
    rubric = course.rubric("pain")
    teacher = teacher_in(tmp_path / "teacher", course, [Grading(rubric, read_release(course, rubric), ())], hidden_seed)
    teacher.hands_in("ada", "pain", course.release("pain"))
    roster = tmp_path / "roster.csv"
    roster.write_text(
        "Identifier,Full name,Username,Last modified (submission)\n"
        'Participant 7,Ada,ada,"Friday, 4 December 2026, 1:05 PM"\n'
    )
    place = ("--submitted", teacher.folder / "submitted", "--into", teacher.folder, "--course", course.root)

    def grade(*options: object) -> None:
        with pytest.raises(SystemExit):
            main(["grade", "pain", "--hidden-seed", str(hidden_seed), *map(str, (*place, *options))])

    grade("--roster", roster)

    def filed() -> tuple[object, float]:
        with Gradebook(teacher.folder / "gradebook.db") as book:
            grade = book.grades("pain")["ada"]
            return grade.handed_in, grade.standing.late_days

    before = filed()
    assert before == ("2026-12-04T13:05:00", 3)
    code, said = teacher.autograde("pain")
    assert code == 0, said
    assert filed() == before
    grade()
    assert filed() == before
    notebook = next((teacher.folder / "submitted" / "ada" / "pain").glob("*.ipynb"))
    newer = nbformat.read(notebook, 4)
    newer.cells.append(nbformat.v4.new_code_cell("1"))
    nbformat.write(newer, notebook)
    grade()
    assert filed() == before
    (notebook.parent / "timestamp.txt").write_text("2026-12-06 10:00:00 UTC")
    grade()
    assert filed() == ("2026-12-06T10:00:00", 5)


MARKER = """
from pathlib import Path
Path({marker!r}).write_text("I ran as the teacher")
var_store = 1.0
"""


def hand_in_marker(teacher: Teacher, course: Course, marker: Path, student: str = "ada") -> None:
    """Hand in the solution of one task, in which a cell leaves a file behind that nobody could overlook."""
    notebook = nbformat.read(course.source("practice") / "task1-icc.ipynb", 4)
    notebook.cells.append(nbformat.v4.new_code_cell(MARKER.format(marker=str(marker))))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # As stored outputs they would be worth everything to nbgrader where it runs nothing.
            cell.outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "2"})]
    folder = teacher.folder / "submitted" / student / "practice"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "task1-icc.ipynb")


def test_no_learners_code_runs_outside_the_box(teacher: Teacher, course: Course, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    hand_in_marker(teacher, course, marker)
    code, said = teacher.autograde("practice")
    assert code == 0, said
    assert not marker.exists()
    found = {cell: score for (_, cell), (score, _) in teacher.marks("ada").items() if score}
    assert found == {"var_store": 2.0, "var_residual": 2.0, "icc": 4.0, "icc_reading": 2.0}
    # Options that let nbgrader run nothing, and take what was handed in with a notebook, change nothing here.
    assert teacher.autograde("practice", "--no-execute", "--ExecutePreprocessor.timeout=5")[0] == 0
    assert {cell: score for (_, cell), (score, _) in teacher.marks("ada").items() if score} == found
    # By itself nbgrader does run it: the marker would be there.
    configuration = teacher.folder / "nbgrader_config.py"
    lines = configuration.read_text(encoding="utf-8").splitlines(keepends=True)
    configuration.write_text("".join(line for line in lines if "CourseDirectory" in line or "get_config" in line))
    teacher.autograde("practice")
    assert marker.exists()


def damage_seed(teacher: Teacher) -> str:
    (teacher.folder / "hidden-seed.txt").write_text("seed\n")
    write_configuration(teacher.folder, Asked())
    return "hidden-seed.txt: this should hold one whole number"


def forget_exporter(teacher: Teacher) -> str:
    path = teacher.folder / "nbgrader_config.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("c.Autograde.exporter_class", "not_any_more"), encoding="utf-8")
    return "nbgrader_config.py lacks c.Autograde.exporter_class"


def ask_for_another_course(teacher: Teacher) -> str:
    write_configuration(teacher.folder, Asked(course=teacher.folder, hidden_seed=7))
    return "course.toml cannot be read"


def ask_for_a_learners_course(teacher: Teacher) -> str:
    course = teacher.folder / "submitted" / "ada" / "practice"
    (course / "course.toml").write_text('title = "Mine"\nassignments = ["practice"]\n', encoding="utf-8")
    write_configuration(teacher.folder, Asked(course=course, hidden_seed=7))
    return "lies in the folder of the submissions"


@pytest.mark.parametrize("damage", [damage_seed, forget_exporter, ask_for_another_course, ask_for_a_learners_course])
def test_what_fails_on_our_side_is_no_mark(teacher: Teacher, course: Course, tmp_path: Path, damage: Any) -> None:
    hand_in_marker(teacher, course, tmp_path / "marker")
    with NbgraderGradebook(f"sqlite:///{teacher.folder / 'gradebook.db'}") as book, book.db.no_autoflush:
        # As if something had been graded before, and a person had decided on one cell.
        book.update_or_create_student("ada")
        book.update_or_create_submission("practice", "ada")
        for cell in ("var_store", "icc"):
            book.find_grade(cell, "task1-icc", "practice", "ada").auto_score = 1.0
        book.find_grade("icc", "task1-icc", "practice", "ada").manual_score = 3.0
        book.db.commit()
    said_of_it = damage(teacher)
    code, said = teacher.autograde("practice")
    assert code != 0
    assert said_of_it in said
    assert {score for score, _ in teacher.marks("ada").values()} == {None}
    assert {cell for (_, cell), (_, waits) in teacher.marks("ada").items() if not waits} == {"icc"}
    assert not (teacher.folder / "autograded" / "ada" / "practice").exists()
    assert not (tmp_path / "marker").exists()


def test_without_a_box_nobody_is_graded(teacher: Teacher, course: Course, tmp_path: Path) -> None:
    hand_in_marker(teacher, course, tmp_path / "marker")
    code, said = teacher.autograde("practice", path=str(SCRIPTS))
    assert code != 0
    assert "bwrap was not found" in said
    assert {score for score, _ in teacher.marks("ada").values()} == {None}
    assert not (tmp_path / "marker").exists()


def test_a_file_of_another_name_is_graded_with_the_others(teacher: Teacher, course: Course, tmp_path: Path) -> None:
    """To nbgrader it is no notebook of the assignment, and worth nothing."""
    hand_in_marker(teacher, course, tmp_path / "marker")
    folder = teacher.folder / "submitted" / "ada" / "practice"
    shutil.copy(course.source("practice") / "task4-centring.ipynb", folder / "task4-centring (1).ipynb")
    code, said = teacher.autograde("practice")
    assert code == 0, said
    scores = {cell: score for (_, cell), (score, _) in teacher.marks("ada").items()}
    assert (scores["icc"], scores["unchanged"]) == (4.0, 2.0)


def test_the_checkouts_own_configuration_grades_in_the_same_way(root: Path, tmp_path: Path) -> None:
    write_configuration(tmp_path, Asked())
    written = (tmp_path / "nbgrader_config.py").read_text(encoding="utf-8")
    lines = written[written.index("c.Autograde.exporter_class") :].split("# A learner's Markdown")[0]
    assert lines in (root / "nbgrader_config.py").read_text(encoding="utf-8")


def test_the_configuration_says_what_mlm_grade_was_asked(course: Course, tmp_path: Path) -> None:
    write_configuration(tmp_path, Asked(course.root, tmp_path, hidden_seed=7, language="de", personal=True))
    written = (tmp_path / "nbgrader_config.py").read_text(encoding="utf-8")
    for told in (f"course = {str(course.root)!r}", "hidden_seed = 7", "language = 'de'", "personal = True"):
        assert f"\nc.BoxedGrading.{told}\n" in written
    # The seed makes the hidden panel.
    assert (tmp_path / "nbgrader_config.py").stat().st_mode & 0o077 == 0
