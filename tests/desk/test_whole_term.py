"""A term of sixty learners, from somebody else's table to marks in the teacher's files: every step's numbers agree.

The course is made by `mlm new`, what is handed in comes as Canvas and Moodle give it, and a person marks in formgrader,
in a real browser.
"""

from __future__ import annotations

import csv
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from simulated import Person, add_memo, canvas_export, moodle_worksheet, people, roster

from autograder.assignment.course import Course
from autograder.assignment.samples import build_class
from autograder.cli import main
from autograder.results.gradebook import Gradebook

SCRIPTS = Path(sys.executable).parent
PATIENCE = 180_000  # milliseconds, for a machine with much else to do
FORMULA = "Reaction ~ Days + (1 + Days | Subject)"


def mlm(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture(scope="module")
def exam(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course of reaction times, with a text that a person grades put into it by its author."""
    folder = tmp_path_factory.mktemp("term") / "exam"
    table = root / "tests" / "oracles" / "goldens" / "sleepstudy.csv"
    assert mlm("new", folder, "--data", table, "--formula", FORMULA, "--name", "sleep") == 0
    course = Course(folder)
    add_memo(course)
    assert mlm("release", "sleep", "--course", folder) == 0
    return course


@pytest.fixture(scope="module")
def handed_in(exam: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebooks of each sample, by its name."""
    folder = tmp_path_factory.mktemp("samples")
    build_class(exam.samples, exam, exam.rubric("sleep"), folder)
    return folder


@pytest.fixture(scope="module")
def class_(handed_in: Path) -> tuple[Person, ...]:
    """Sixty learners, of whom the last two hand in nothing."""
    return people(60, (path.name for path in handed_in.iterdir()))


def canvas_zip(path: Path, class_: tuple[Person, ...], handed_in: Path, late: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for one in class_:
            for number, file in enumerate(sorted((handed_in / one.sample / "sleep").glob("*.ipynb"))):
                made.write(file, f"somebody{late}_{one.canvas_id}_{5000 + number}_{file.name}")
    return path


def moodle_zip(path: Path, class_: tuple[Person, ...], handed_in: Path) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for one in class_:
            for file in (handed_in / one.sample / "sleep").glob("*.ipynb"):
                made.write(file, f"{one.name}_{one.number}_assignsubmission_file/{file.name}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest) -> str | None:
    """Where the gradebook is to be: in the results folder, or on a server."""
    if request.param == "sqlite":
        return None
    address: str = request.getfixturevalue("postgresql").database("term")
    return address


class Desk:
    """What a teacher does in this term, in one results folder."""

    def __init__(self, course: Course, into: Path, address: str | None) -> None:
        self.course, self.into, self.address = course, into, address
        self.options = ("--into", into, "--course", course.root)

    def __call__(self, command: str, *arguments: object) -> int:
        return mlm(command, *(() if command == "forget" else ("sleep",)), *arguments, *self.options)

    def page_of(self, one: Person) -> str:
        return (self.into / "feedback" / one.login / "sleep" / "index.html").read_text(encoding="utf-8")

    def pages(self) -> list[Path]:
        return sorted((self.into / "feedback").rglob("*"))

    def gradebook(self) -> Gradebook:
        return Gradebook(self.address or self.into / "gradebook.db")

    def agree(self) -> dict[str, float]:
        """Return the totals of the gradebook, once the table of all marks and nbgrader were seen to say the same."""
        with self.gradebook() as book:
            grades = book.grades("sleep")
            theirs = {
                one.student_id: max(0.0, one.score - one.late_submission_penalty)
                for one in book._nbgrader.assignment_submissions("sleep")
            }
        totals = {name: grade.total for name, grade in grades.items() if not grade.is_empty}
        assert theirs == pytest.approx(totals)
        assert self("marks") == 0
        told: dict[str, float] = dict.fromkeys(totals, 0.0)
        with (self.into / "marks" / "sleep-marks.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["score"]:
                    told[row["student"]] += float(row["score"])
        assert {name: max(0.0, score) for name, score in told.items()} == pytest.approx(totals)
        return totals


def filled(path: Path, column: int, delimiter: str = ",") -> dict[str, str]:
    """Return what stands in a column of a file that was filled, by the learner in the first."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row[0]: row[column] for row in csv.reader(file, delimiter=delimiter)}


def rest_of(path: Path, column: int, delimiter: str) -> list[list[str]]:
    """Return the cells of a file but those of one column."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row[:column] + row[column + 1 :] for row in csv.reader(file, delimiter=delimiter)]


def nbgrader(into: Path, *arguments: str) -> None:
    """Run a command of nbgrader as a teacher would."""
    environment = {**os.environ, "PATH": f"{SCRIPTS}:{os.environ['PATH']}"}
    ran = subprocess.run([SCRIPTS / "nbgrader", *arguments], cwd=into, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "ERROR" not in ran.stderr


@contextmanager
def formgrader(
    into: Path, chromium: Callable[[], AbstractContextManager[Any]]
) -> Iterator[Callable[[str, Mapping[str, str]], None]]:
    """Start JupyterLab where a teacher would; yield what opens a submission in formgrader and types into its cells."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = [SCRIPTS / "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.ip=127.0.0.1"]
    environment = {**os.environ, "JUPYTER_TOKEN": "open-sesame", "PATH": f"{SCRIPTS}:{os.environ['PATH']}"}
    with (into.parent / "log").open("w") as log:
        server = subprocess.Popen(line, cwd=into, env=environment, stdout=log, stderr=log)
    with server, chromium() as browser:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                with suppress(subprocess.TimeoutExpired):
                    server.wait(timeout=0.2)
                    pytest.fail(f"JupyterLab ended:\n{(into.parent / 'log').read_text()}")
        page: Any = browser.new_page(viewport={"width": 1280, "height": 1400})
        page.set_default_timeout(PATIENCE)
        page.goto(f"http://127.0.0.1:{port}/formgrader/?token=open-sesame")
        page.get_by_role("link", name="sleep").first.wait_for()

        def mark(submission: str, given: Mapping[str, str]) -> None:
            page.goto(f"http://127.0.0.1:{port}/formgrader/submissions/{submission}/")
            page.wait_for_load_state("networkidle")
            for cell, typed in given.items():
                box = page.locator(f"#{cell}")
                box.fill(typed)
                with page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
                    box.blur()
                assert saved.value.ok

        yield mark
        server.terminate()


def test_a_term_of_sixty(
    exam: Course,
    class_: tuple[Person, ...],
    handed_in: Path,
    address: str | None,
    chromium: Callable[[], AbstractContextManager[Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    course = Course(Path(shutil.copytree(exam.root, tmp_path / "exam")))
    points = sum(item.points for item in course.rubric("sleep").items)
    desk = Desk(course, tmp_path / "results", address)
    in_canvas, in_moodle, late = class_[:30], class_[30:55], class_[55:58]
    canvas, worksheet, listed = (tmp_path / name for name in ("canvas.csv", "worksheet.csv", "roster.csv"))
    canvas.write_text(canvas_export(class_, points), encoding="utf-8")
    worksheet.write_text(moodle_worksheet(class_, points), encoding="utf-8-sig")
    listed.write_text(roster(class_, late), encoding="utf-8")

    # Collected from both systems, and graded.
    desk.into.mkdir(mode=0o700)
    (desk.into / "hidden-seed.txt").write_text("20\n", encoding="utf-8")
    grade = ("grade", "--roster", listed, *(("--db", address) if address else ()))
    assert desk(*grade, "--submitted", canvas_zip(tmp_path / "first.zip", in_canvas, handed_in)) == 1
    assert desk(*grade, "--submitted", moodle_zip(tmp_path / "second.zip", in_moodle, handed_in)) == 1
    before = desk.agree()
    assert before.keys() == {one.login for one in (*in_canvas, *in_moodle)}
    by_sample: dict[str, set[float]] = {}
    for one in (*in_canvas, *in_moodle):
        by_sample.setdefault(one.sample, set()).add(before[one.login])
    assert all(len(totals) == 1 for totals in by_sample.values())
    assert by_sample["sleep-solution"] == {points - 3}  # the memo is still to be read
    assert by_sample["sleep-untouched"] == {0.0}

    # Three late ones leave the others as they are.
    assert desk(*grade, "--submitted", canvas_zip(tmp_path / "late.zip", late, handed_in, "_LATE")) == 1
    assert "Graded before, and on the page of the class too: 55." in capsys.readouterr().out
    after = desk.agree()
    assert {name: after[name] for name in before} == before
    assert len(after) == 58
    page = (desk.into / "sleep.html").read_text(encoding="utf-8")
    assert all(one.name.replace("'", "&#39;").replace('"', "&#34;") in page for one in class_)

    # Memos and an appeal, in formgrader.
    read = {class_[0].login: ("2.5", "A clear proposal."), late[0].login: ("3", "")}
    appeal = next(one for one in class_ if one.sample == "sleep-var-subject-standard-deviation")
    with desk.gradebook() as book:
        notebook = book._nbgrader.find_submission_notebook
        memos = {name: notebook("task3-groups", "sleep", name).id for name in read}
        appealed = notebook("task1-levels", "sleep", appeal.login).id
    with formgrader(desk.into, chromium) as mark:
        for name, (score, comment) in read.items():
            mark(memos[name], {"note": score, **({"note-comment": comment} if comment else {})})
        mark(appealed, {"var_subject": "0.5", "answer_var_subject-comment": "The root, and said so."})
    assert desk("feedback") == 1
    marked = desk.agree()
    given = {class_[0].login: 2.5, late[0].login: 3.0, appeal.login: 0.5}
    assert marked == pytest.approx({name: score + given.get(name, 0.0) for name, score in after.items()})
    assert "A clear proposal." in desk.page_of(class_[0])
    for said in ("The root, and said so.", "standard deviation"):  # the hint stays
        assert said in desk.page_of(appeal)

    # A changed tolerance, seen, applied, and taken back.
    declared = course.source("sleep") / "assignment.toml"
    as_it_was = declared.read_text(encoding="utf-8")
    item = 'id = "icc_subject_null", '
    declared.write_text(as_it_was.replace(item, f"{item}tolerance = 0.9, "), encoding="utf-8")
    assert desk("regrade") == 1
    moved = {one.login for one in class_ if one.sample == "sleep-icc-subject-null-upside-down"} & marked.keys()
    assert f"{len(moved)} move, {58 - len(moved)} do not." in capsys.readouterr().out
    assert desk.agree() == marked
    assert desk("regrade", "--apply") == 0
    wider = {name: score + 2.0 * (name in moved) for name, score in marked.items()}
    assert desk.agree() == pytest.approx(wider)
    assert desk("regrade", "--undo") == 0
    assert desk.agree() == marked
    declared.write_text(as_it_was, encoding="utf-8")

    # Late, with an extension for one; and one of those who handed in nothing is excused.
    with (course.root / "course.toml").open("a", encoding="utf-8") as policies:
        policies.write('\n[policies]\ndue = { sleep = 2026-12-01T23:59:00 }\nlate = "10 %"\n')
    rows = f"learner,extension,excused\n{late[2].login},2026-12-05,\n{class_[59].login},,yes\n"
    (course.root / "policies.csv").write_text(rows, encoding="utf-8")
    assert desk("regrade", "--apply") == 0
    penalty = dict.fromkeys((one.login for one in late[:2]), 2 * points / 10)
    punctual = {name: max(0.0, round(score - penalty.get(name, 0.0), 2)) for name, score in marked.items()}
    assert desk.agree() == pytest.approx(punctual)

    # nbgrader's own commands.
    pages = desk.pages()
    for command in (["autograde", "sleep", "--force"], ["generate_feedback", "sleep"], ["export"]):
        nbgrader(desk.into, *command)
        assert desk.agree() == pytest.approx(punctual)
        assert desk.pages() == pages
    assert desk("feedback") == 1
    assert class_[1].name in desk.page_of(class_[1])

    # Given back, in the files of both systems: one column, and the names as they were.
    assert desk("marks", "--so-far", "--fill", canvas, "--column", "Sleep") == 0
    assert desk("marks", "--so-far", "--fill", worksheet) == 0
    cells = filled(desk.into / "marks" / "sleep-canvas.csv", 4)
    assert cells.pop(class_[59].sortable) == "EX"
    numbers = {one.login: float(cells[one.sortable]) for one in class_ if cells.get(one.sortable)}
    assert numbers == pytest.approx(punctual)
    cells = filled(desk.into / "marks" / "sleep-worksheet.csv", 4, ";")
    numbers = {one.login: cells[f"Teilnehmer/in{one.number}"].replace(",", ".") for one in class_}
    assert {name: float(cell) for name, cell in numbers.items() if cell} == pytest.approx(punctual)
    for name, column, separator in (("canvas.csv", 4, ","), ("worksheet.csv", 4, ";")):
        ours, theirs = (
            rest_of(path, column, separator) for path in (desk.into / "marks" / f"sleep-{name}", tmp_path / name)
        )
        assert ours == theirs

    # Forgotten, and a report on all others.
    gone = class_[7]
    assert desk("forget", gone.login) == 0
    assert desk.agree() == pytest.approx({name: score for name, score in punctual.items() if name != gone.login})
    files = [path for path in desk.into.rglob("*") if path.is_file()]
    assert [path for path in files if gone.login in path.parts or gone.name.encode() in path.read_bytes()] == []
    report = (desk.into / "sleep-report.html").read_text(encoding="utf-8")
    assert all(one.name in report for one in class_ if one.login in moved)
    assert class_[59].name not in report
