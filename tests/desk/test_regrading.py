"""A changed assignment or policy as a reviewed diff: who moves and why, written, and taken back; nothing is run."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from exports import CANVAS, roster_of

from autograder.assignment.course import Course
from autograder.assignment.key import expected, fillings
from autograder.assignment.policies import CoursePolicies
from autograder.assignment.release import read_release
from autograder.assignment.rubric import Rubric
from autograder.cli import main
from autograder.grading.giving_back import known_learners
from autograder.grading.pipeline import Grading, grade_submission, grade_without_work, prepare_panels, score_runs
from autograder.grading.policies import ClassPolicies, OwnPolicies, read_policies
from autograder.grading.regrading import Regrader, lines_of
from autograder.records.grading import Ending, Grade, NotebookRun, Standing, Submission, SubmittedNotebook, Verdict
from autograder.records.values import Value
from autograder.results.folder import keep_database
from autograder.results.gradebook import Gradebook
from autograder.results.marks import PERSON, basis_of
from autograder.results.stored import NOTHING_GIVEN, to_be_kept
from autograder.sandbox.box import Job
from autograder.sandbox.wire import key_value

SEED = 20

#: For what is the same in each of the databases.
SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@pytest.fixture(scope="session")
def both(course: Course, rubric: Rubric) -> Grading:
    """What a grading needs, with a hidden panel."""
    return Grading(rubric, read_release(course, rubric), prepare_panels(rubric, SEED))


def submission_of(both: Grading, student: str) -> Submission:
    memo = "These stores differ."
    notebooks = []
    for one in both.release:
        cells = tuple(replace(cell, source=memo) if cell.grade_id == "memo" else cell for cell in one.cells)
        notebooks.append(SubmittedNotebook(one.name, cells))
    return Submission(student, tuple(notebooks), shown=student.title())


def answered(both: Grading, student: str, off: Mapping[str, float], **more: str) -> Grade:
    """Return the grade of a learner whose answers are right, but for some that are off by a number."""
    runs = []
    for entry in both.rubric.notebook:
        each = []
        for keyed in both.panels:
            known: dict[str, Any] = dict(keyed.answers.values)
            values = known | {name: known[name] + by for name, by in off.items() if name in known}
            answers: dict[str, Value] = {}
            for item in entry.item:
                if not item.answer_kind.by_person:
                    own = values.get(item.id, expected(item, keyed.answers))
                    answers[item.id] = key_value(fillings(item, values) if item.slots else own)
            each.append(NotebookRun(entry.name, Ending.FINISHED, answers=answers))
        runs.append(each)
    submission = submission_of(both, student)
    notebooks = score_runs(both, submission, both.panels, runs)
    return Grade(student, both.rubric.assignment, notebooks, shown=submission.shown, language="en", **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Desk:
    """A results folder, and a course of its own, which may be changed."""

    into: Path
    course: Path
    place: Path | str

    def mlm(self, command: str, *arguments: object) -> int:
        """Run a command and return its exit code."""
        line = (command, "practice", *arguments, "--into", self.into, "--course", self.course)
        with pytest.raises(SystemExit) as ended:
            main([str(one) for one in line])
        assert isinstance(ended.value.code, int)
        return ended.value.code

    def change(self, old: str, new: str) -> None:
        """Change what is asked in the item of the intraclass correlation."""
        path = self.course / "practice" / "assignment.toml"
        head, item = path.read_text(encoding="utf-8").split('ask = "icc"', 1)
        assert old in item
        path.write_text(f'{head}ask = "icc"{item.replace(old, new, 1)}', encoding="utf-8")

    def policies(self, table: str, learners: str = "") -> None:
        """Write the policies of the course, and those of learners."""
        path = self.course / "course.toml"
        head = path.read_text(encoding="utf-8").partition("[policies]")[0]
        path.write_text(f"{head}[policies]\n{table}", encoding="utf-8")
        if learners:
            (self.course / "policies.csv").write_text(learners, encoding="utf-8")

    def book(self) -> Gradebook:
        """Open the gradebook."""
        return Gradebook(self.place)

    def grades(self) -> dict[str, Grade]:
        """Return the grades, with what a person gave."""
        with self.book() as book:
            return book.grades("practice", answers=True)

    def pages(self) -> dict[str, bytes]:
        """Return every page by its path."""
        return {str(path): path.read_bytes() for path in self.into.rglob("*.html")}


@pytest.fixture
def desk(place: Path | str, tmp_path: Path, course: Course, both: Grading, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Ada with everything right, and Ben whose ICC is off by 0.01; nothing that runs a notebook can be found."""
    own = tmp_path / "course"
    own.mkdir()
    shutil.copytree(course.root / "practice", own / "practice", ignore=shutil.ignore_patterns("releases"))
    released = course.release("practice").parent
    (own / "course.toml").write_text(
        f'title = "Mine"\nassignments = ["practice"]\nrelease = "{released}"\n', encoding="utf-8"
    )
    (tmp_path / "hidden-seed.txt").write_text(f"{SEED}\n", encoding="utf-8")
    if isinstance(place, str):
        keep_database(tmp_path, place)
    made = Desk(tmp_path, own, place)
    basis = basis_of(both.rubric, both.panels, "mlm grade")
    with made.book() as book:
        when = "2026-12-02T20:00:00"
        for grade in (
            answered(both, "ada", {}, handed_in=when),
            answered(both, "ben", {"icc": 0.01}, handed_in=when),
        ):
            book.write(to_be_kept(both.rubric, grade), basis)
    assert made.mlm("feedback") == 1
    monkeypatch.setenv("PATH", "/nowhere")
    return made


def by_hand(book: Gradebook, student: str, score: float) -> None:
    """Do what formgrader does when a person gives an ICC a score and a comment."""
    entry = book._nbgrader.find_grade("icc", "task1-icc", "practice", student)
    entry.manual_score, entry.needs_manual_grade = score, False
    book._nbgrader.find_comment("answer_icc", "task1-icc", "practice", student).manual_comment = "Nearly."
    book._nbgrader.db.commit()


def test_a_changed_tolerance_is_shown_written_and_taken_back(
    desk: Desk, both: Grading, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.mlm("regrade") == 0
    assert "0 move, 2 do not." in capsys.readouterr().out
    before, pages = desk.grades(), desk.pages()
    assert before["ben"].score == before["ada"].score - 4
    desk.change("points = 4", "points = 4\ntolerance = 0.05")

    assert desk.mlm("regrade", "--dry-run") == 1
    said = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "Ben 40 / 44 → 44 / 44" in lines
    tolerance = next(item.tolerance for item in both.rubric.items if item.id == "icc")
    assert f"icc 0 / 4 → 4 / 4 tolerance {tolerance} to 0.05" in lines
    assert "1 move, 1 do not." in lines
    assert (desk.grades(), desk.pages()) == (before, pages)

    assert desk.mlm("regrade", "--apply") == 0
    with desk.book() as book:
        assert book.grades("practice")["ben"].score == 44
        assert book._nbgrader.find_submission("practice", "ben").score == 44
        line = [one for one in book.changes("practice") if (one["student"], one["item"]) == ("ben", "icc")][-1]
        assert (line["made_by"].split(", ")[1], line["tolerance"], line["score"]) == ("mlm regrade", 0.05, 4.0)
    changed = {Path(path).parent.parent.name for path, text in desk.pages().items() if text != pages[path]}
    assert changed == {"ben", desk.into.parent.name}

    page = desk.into / "feedback" / "ben" / "practice" / "index.html"
    page.unlink()
    page.mkdir()  # it cannot be written: then the grade stays as it is, and the same command goes on later
    assert desk.mlm("regrade", "--undo") == 2
    page.rmdir()
    assert desk.grades()["ben"].score == 44
    assert desk.mlm("regrade", "--undo") == 0
    assert (desk.grades(), desk.pages()) == (before, pages)
    with desk.book() as book:
        assert book._nbgrader.find_submission("practice", "ben").score == 40
        line = [one for one in book.changes("practice") if (one["student"], one["item"]) == ("ben", "icc")][-1]
        assert (line["made_by"].split(", ")[1], line["tolerance"]) == ("mlm regrade --undo", tolerance)
    assert desk.mlm("regrade", "--undo") == 2
    assert "there is no regrade of 'practice' to take back" in capsys.readouterr().err


def test_an_undo_says_that_an_earlier_regrade_is_still_applied(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    before = desk.grades()
    for points in (5, 6):
        desk.change(f"points = {points - 1}", f"points = {points}")
        assert desk.mlm("regrade", "--apply") == 0
    told = "The regrade before it, of 2, is still applied"
    for earlier in (True, False):
        assert desk.mlm("regrade", "--undo") == 0
        assert (told in capsys.readouterr().out) == earlier
    assert desk.grades() == before


def test_points_dropped_items_and_what_a_person_gave(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    with desk.book() as book:
        by_hand(book, "ben", 3.0)
    before = desk.grades()
    desk.change("points = 4", "points = 5")
    desk.policies('dropped = { practice = ["lrt_chi2"] }\n')
    assert desk.mlm("feedback") == 1
    assert "Graded with other points than 49; mlm regrade shows what changes: Ada, Ben." in capsys.readouterr().out
    assert desk.mlm("regrade", "--apply") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Ada 44 / 44 → 43 / 43 icc 4 / 4 → 5 / 5 points 4 to 5 lrt_chi2 2 / 2 → 0 / 0 dropped" in said
    assert "Ben 43 / 44 → 41 / 43 icc 3 / 4 → 3 / 5 points 4 to 5" in said
    with desk.book() as book:
        grades = book.grades("practice")
        assert {name: (one.score, one.points) for name, one in grades.items()} == {"ada": (43, 49), "ben": (41, 49)}
        assert book._nbgrader.find_assignment("practice").max_score == 49
        assert next(item for item in grades["ben"].items if item.item == "icc").comment == "Nearly."
        assert book._nbgrader.find_submission("practice", "ben").score == 41
    page = (desk.into / "feedback" / "ada" / "practice" / "index.html").read_text(encoding="utf-8")
    assert "43 of 43 points so far</strong>; 6 are still to be read by a person" in page
    assert "This does not count." in page
    assert "43 / 43<br>6 to be read" in (desk.into / "practice.html").read_text(encoding="utf-8")
    assert desk.mlm("regrade", "--undo") == 0
    assert desk.grades() == before
    with desk.book() as book:
        assert book._nbgrader.find_assignment("practice").max_score == 50


@SQLITE
def test_being_late_takes_points_from_the_sum_and_from_no_item(
    desk: Desk, both: Grading, capsys: pytest.CaptureFixture[str]
) -> None:
    due = 'time_zone = "Europe/Vienna"\ndue = { practice = 2026-12-01T20:30:00 }\ngrace = 45\nlate = "10 %"\n'
    learners = "learner,assignment,extension\nBen,practice,2026-12-02\n"
    desk.policies(due, learners)
    # They handed in at 21:00 in Vienna, a day and half an hour after.
    assert desk.mlm("regrade", "--apply") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Ada 44 / 44 → 39 / 44 late penalty 0 to 5 1 move, 1 do not." in said
    grades = desk.grades()
    assert grades["ada"].standing == Standing(1, 5.0)
    assert (grades["ada"].score, grades["ada"].total, grades["ben"].total) == (44, 39, 40)
    with desk.book() as book:
        submitted = book._nbgrader.find_submission("practice", "ada")
        assert (submitted.score, submitted.late_submission_penalty) == (44, 5)
    page = (desk.into / "feedback" / "ada" / "practice" / "index.html").read_text(encoding="utf-8")
    assert "Days begun after it was due: 1. For these, 5 of the 44 points are taken off." in page
    assert "39 / 44<br>6 to be read<br>late by 1 d: −5" in (desk.into / "practice.html").read_text(encoding="utf-8")
    assert desk.mlm("marks") == 0
    with (desk.into / "marks" / "practice-marks.csv").open(encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["student"] == "ada"]
    assert sum(float(row["score"] or 0) for row in rows) == 39
    assert rows[-1]["verdict"] == "late by 1 d"
    assert desk.mlm("marks", "--fill", roster_of(desk.into, CANVAS), "--column", "Practice", "--so-far") == 1
    assert b'A""",39,12' in (desk.into / "marks" / "practice-roster.csv").read_bytes()

    early = due.replace("2026-12-01", "2026-11-22")
    for table, learner, days, penalty in (
        (due.replace("45", "15"), "", 2, 10.0),
        (early.replace('"10 %"', "2"), "", 10, 20.0),
        (early + 'most = "15 %"\n', "", 10, 7.5),
        (due, "ada,,2026-12-02 21:00", 0, 0.0),
        (due, "Ada,practice,2026-12-02T21:00:00+01:00\nada,,2026-11-01", 0, 0.0),
        (due, "ada,,2026-12-01", 1, 5.0),
    ):
        desk.policies(table, f"learner,assignment,extension\n{learner}\n")
        read = read_policies(Course(desk.course), both.rubric, lambda: known_learners({}, grades))
        assert read.standing("ada", grades["ada"].handed_in) == Standing(days, penalty)


@SQLITE
def test_who_is_excused_is_said_so_everywhere(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    with desk.book() as book:
        book.enter_learners({"bo": {"first_name": "Bo", "lms_user_id": "103"}})
    desk.policies("", "learner;excused;language\nBo;yes;\nada;yes;de\n")
    assert desk.mlm("regrade", "--apply") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Ada 44 / 44 → excused excused language en to de" in said
    page = (desk.into / "practice.html").read_text(encoding="utf-8")
    assert page.count('<td class="number">excused') == 2
    assert (
        "Du bist von dieser Aufgabe befreit"
        in desk.pages()[str(desk.into / "feedback/ada/practice/index.html")].decode()
    )
    assert desk.mlm("marks", "--fill", roster_of(desk.into, CANVAS), "--column", "Practice") == 1
    assert "Excused: " in capsys.readouterr().out
    filled = (desk.into / "marks" / "practice-roster.csv").read_text(encoding="utf-8")
    assert 'A""",EX,12' in filled
    assert filled.count("EX") == 2
    assert desk.mlm("marks") == 0
    assert "ada,Ada,2026-12-02T20:00:00,excused\n" in (desk.into / "marks" / "practice-marks.csv").read_text().replace(
        "\r", ""
    )


@SQLITE
def test_who_cannot_be_regraded_is_named_and_holds_up_nobody(
    desk: Desk, both: Grading, capsys: pytest.CaptureFixture[str]
) -> None:
    basis = basis_of(both.rubric, both.panels, "mlm grade")
    old = to_be_kept(both.rubric, answered(both, "eve", {"icc": 0.01}))
    with desk.book() as book:
        book.write(replace(old, notebooks=tuple(replace(one, hidden=()) for one in old.notebooks)), basis)
        book.write(replace(old, student="zoe"), replace(basis, panel="0123456789abcdef fedcba9876543210"))
    desk.change("points = 4", "points = 4\ntolerance = 0.05")
    assert desk.mlm("regrade", "--apply") == 1
    said = capsys.readouterr().out
    assert "1 move, 1 do not." in said
    assert "Eve: graded by an earlier version, which kept too little; grade once more first." in said
    assert "Eve: graded on tables that cannot be drawn again" in said
    # Graded again since: that stays.
    with desk.book() as book:
        book.write(to_be_kept(both.rubric, answered(both, "ben", {"icc": 0.02})), basis)
    since = desk.grades()
    assert desk.mlm("regrade", "--undo") == 1
    assert "Graded again since, and left as they are: ben." in capsys.readouterr().out
    assert desk.grades() == since


@SQLITE
def test_earlier_work_is_not_regraded_where_newer_work_could_not_be_graded(
    desk: Desk, both: Grading, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = grade_without_work(both, "ben", "Ben", Verdict.UNGRADED, "The box ended early.")
    page = desk.into / "feedback" / "ben" / "practice" / "index.html"
    with desk.book() as book:
        book.note_ungraded(failed)
    before = page.read_bytes()
    desk.change("points = 4", "points = 4\ntolerance = 0.05")
    assert desk.mlm("regrade", "--apply") == 1
    said = capsys.readouterr().out
    assert "0 move, 1 do not." in said
    assert "Cannot be regraded from what is stored: Ben: " in said
    assert page.read_bytes() == before
    with desk.book() as book:
        assert book.ungraded("practice") == {"ben": "The box ended early."}
        assert book._nbgrader.find_submission("practice", "ben").score == 40
    assert "The box ended early" in (desk.into / "practice.html").read_text(encoding="utf-8")


@SQLITE
def test_policies_that_do_not_fit_are_refused_by_file_and_line(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for table, learners, said in (
        (
            'dropped = { practice = ["lrt_chi"] }',
            "",
            "key 'dropped': practice has no item 'lrt_chi'. Did you mean 'lrt_chi2'?",
        ),
        ("due = { practise = 2026-12-01T12:00:00 }", "", "there is no assignment 'practise'. There are: practice"),
        ('time_zone = "Vienna"', "", "there is no 'Vienna'; write it as 'Europe/Vienna'"),
        ('late = "ten"', "", "key 'late': 'ten' is no amount"),
        ('due = { practice = "soon" }', "", "key 'due': 'soon' is no time; write practice = 2026-12-01T23:59:00"),
        (
            "",
            "learner,excused\nada,no\n\nadda,yes\n",
            "policies.csv, line 4: nobody here is called 'adda'. Did you mean ada",
        ),
        ("", "learner,extended\nada,yes\n", "policies.csv, line 1: the columns are learner, assignment, extension"),
        ("", "learner,extension\nada,24.12.2026\n", "policies.csv, line 2: '24.12.2026' is no time. Write 2026-12-24"),
        ("", "learner,extra_time\nada,0.5\n", "policies.csv, line 2: '0.5' is no factor from 1 to 10"),
        ("", "learner,excused\nada,1\n", "policies.csv, line 2: write yes or no"),
        ("", "learner,language\nada,xx\n", "policies.csv, line 2: there are no words in 'xx'"),
        ("", "learner,assignment\nada,essay\n", "policies.csv, line 2: there is no assignment 'essay'"),
        ("", "learner,excused\nada,no\nAda,yes\n", "policies.csv, line 3: Ada is in a line before, too"),
    ):
        (desk.course / "policies.csv").unlink(missing_ok=True)
        desk.policies(table, learners)
        assert desk.mlm("regrade") == 2, said
        assert said in capsys.readouterr().err
    (desk.course / "policies.csv").unlink()
    desk.policies("")
    (desk.into / "hidden-seed.txt").unlink()
    assert desk.mlm("regrade") == 2
    assert "Give --hidden-seed as mlm grade was given it" in capsys.readouterr().err
    assert desk.mlm("regrade", "--apply", "--undo") == 2


def test_extra_time_is_given_in_the_box(both: Grading) -> None:
    jobs: list[Job] = []

    def run(job: Job) -> NotebookRun:
        jobs.append(job)
        return NotebookRun(job.name, Ending.FINISHED)

    slow = replace(both, policies=ClassPolicies(own={"ada": OwnPolicies(extra_time=1.5)}))
    for student in ("ada", "ben"):
        grade_submission(slow, submission_of(both, student), run)
    limits = {(job.limits.wall_seconds, job.limits.cpu_seconds) for job in jobs}
    assert limits == {(135.0, 68), (90.0, 45)}


def test_what_was_kept_of_every_sample_gives_the_grade_that_it_has(
    gradings: dict[str, Grading], graded_class: object, hidden_seed: int
) -> None:
    into: Path = graded_class.into  # type: ignore[attr-defined]
    with Gradebook(into / "gradebook.db") as book:
        for assignment, grading in gradings.items():
            regrader = Regrader(grading, hidden_seed, "test")
            lines = lines_of(book.changes(assignment), PERSON)
            for grade in book.kept(assignment):
                assert regrader.move(grade, lines.get(grade.student, {}), NOTHING_GIVEN) is None, grade.student


def test_work_that_is_due_on_a_day_is_due_at_its_end() -> None:
    policies = CoursePolicies(due={"practice": date(2026, 12, 1)}, time_zone="Europe/Vienna")
    class_ = ClassPolicies(policies, policies.zoned(policies.due["practice"]))
    late = {when: class_.standing("ada", when).late_days for when in ("2026-12-01T22:59:00", "2026-12-01T23:01:00")}
    assert list(late.values()) == [0, 1]
