"""A small class whose cells take milliseconds, `mlm grade` of it in a process of its own, and what came of that."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from glob import glob
from pathlib import Path
from typing import Any

import nbformat
import psutil
import sqlalchemy as sa

from autograder.assignment.course import Course
from autograder.commands.console import NEEDS_PERSON
from autograder.results.database import address_of
from autograder.results.filing import LOCK
from autograder.results.folder import GRADEBOOK
from autograder.results.progress import PROGRESS

COURSE = Course(Path(__file__).resolve().parents[1] / "courses" / "recovery")
ASSIGNMENT, NOTEBOOK = "pain", "task1-levels.ipynb"
LEARNERS = 12
PROGRAM = str(Path(sys.executable).with_name("mlm"))

#: How a run ends that nothing came in between: a person is told whose notebook is still as it was handed out.
GRADED = NEEDS_PERSON

#: What a gradebook says, without the random keys of its rows, who graded, and when.
QUERIES = (
    """select a.name, sa.student_id, n.name, c.name, g.auto_score, g.manual_score, g.needs_manual_grade
    from grade g join base_cell c on c.id = g.cell_id join submitted_notebook sn on sn.id = g.notebook_id
    join notebook n on n.id = sn.notebook_id join submitted_assignment sa on sa.id = sn.assignment_id
    join assignment a on a.id = sa.assignment_id""",
    "select id from student",
    "select name, type from base_cell",
    "select student, record from mlm_grade",
    "select student, item, score, points, tolerance, verdict, answer, panel, rubric, version from mlm_mark",
)
Content = list[list[tuple[Any, ...]]]

#: What learners did to the notebook of the solution: each has another one, some are wrong, and one fails.
CHANGES: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: text.replace("var_residual = intercepts.sigma ** 2", "var_residual = intercepts.sigma"),
    lambda text: text.replace("[0, 0] / (null", "[0, 0] * 2 / (null"),
    lambda text: text.replace("var_patient = ", "var_patient = undefined + "),
)


def write_class(folder: Path) -> Path:
    """Write what each learner handed in, the third of them the notebook as it was handed out."""
    for number in range(LEARNERS):
        name = f"learner-{number:02}"
        untouched = number == 2
        source = COURSE.release(ASSIGNMENT) if untouched else COURSE.source(ASSIGNMENT)
        notebook = nbformat.read(source / NOTEBOOK, as_version=4)
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("solution") and not untouched:
                cell.source = f"# {name}\n{CHANGES[number % len(CHANGES)](cell.source)}"
        (folder / name).mkdir(parents=True)
        nbformat.write(notebook, folder / name / NOTEBOOK)
    return folder


def gradebook(place: Path | str) -> Content:
    """Return what a gradebook says: that of a results folder, or at an address."""
    engine = sa.create_engine(address_of(place / GRADEBOOK if isinstance(place, Path) else place))
    with engine.connect() as connection:
        if isinstance(place, Path):
            assert connection.exec_driver_sql("pragma integrity_check").scalar() == "ok"
        # A run may have been killed when it had made nbgrader's tables, and not ours yet.
        there = set(sa.inspect(connection).get_table_names())
        asked = [query if query.split("from ")[1].split()[0] in there else None for query in QUERIES]
        found = [[tuple(row) for row in connection.exec_driver_sql(query)] if query else [] for query in asked]
    engine.dispose()
    # Databases differ in what they take for the order of names.
    return [sorted(rows, key=lambda row: [*map(str, row)]) for rows in found]


def files(into: Path) -> dict[str, bytes]:
    """Return all results but the gradebook, and what says who wrote them, when and where."""
    others = {GRADEBOOK, "nbgrader_config.py", "database.txt", LOCK, PROGRESS}
    paths = (path for path in into.rglob("*") if path.is_file() and path.name not in others)
    return {str(path.relative_to(into)): path.read_bytes() for path in paths}


def runs(process: psutil.Process) -> bool:
    """Return True unless a process has ended; one whose end nobody has asked for has ended, too."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Run:
    """One `mlm grade` in a process of its own."""

    def __init__(self, submitted: Path, into: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        self.into = into
        line = [PROGRAM, "grade", ASSIGNMENT, "--course", str(COURSE.root), "--submitted", str(submitted)]
        line += ["--into", str(into), "--hidden-seed", "5", *options]
        self.process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def await_file(self, name: str) -> None:
        """Return when a result is there; fail where the run ends without it."""
        while not (self.into / name).exists():
            assert self.process.poll() is None, self.process.communicate()
            self.await_end(0.02)

    def await_end(self, seconds: float) -> None:
        """Return when the run has ended, or after some seconds."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Send a signal if there is one, wait for the end, and return the exit code and what was said last."""
        family = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        if number is not None:
            self.process.send_signal(number)
        _, said = self.process.communicate()
        if number == signal.SIGKILL:
            psutil.wait_procs(family, 30)  # the boxes end by themselves, a moment later
        assert [process for process in family if runs(process)] == []
        return self.process.returncode, said.strip().splitlines()[-1] if said.strip() else ""

    @property
    def groups(self) -> list[Path]:
        """The control groups that bear the number of this run's process.

        By `glob`: `Path.glob` fails where a group of another run ends while the tree is read.
        """
        return [Path(path) for path in glob(f"/sys/fs/cgroup/**/mlm-{self.process.pid}-*", recursive=True)]

    def require_nothing_left(self) -> None:
        """Fail where a control group or a file that was being written is left."""
        assert self.groups == []
        assert [path for path in self.into.rglob("*") if ".writing-" in path.name or "journal" in path.name] == []


def status(into: Path) -> tuple[int, str]:
    """Return the exit code of `mlm status` in another process, and what it says."""
    ended = subprocess.run([PROGRAM, "status", "--into", str(into)], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def require_completed(submitted: Path, into: Path, undisturbed: Path, database: str | None = None) -> None:
    """Grade again, and fail where anything differs from a grading that was not disturbed."""
    again = Run(submitted, into)
    assert again.end()[0] == GRADED
    again.require_nothing_left()
    require_same(into, undisturbed, database)


def require_same(into: Path, undisturbed: Path, database: str | None = None) -> None:
    """Fail where a gradebook, item by item, or a page differs from those of a grading that was not disturbed."""
    assert gradebook(database or into) == gradebook(undisturbed)
    assert files(into) == files(undisturbed)


def require_whole_learners(into: Path, undisturbed: Path, database: str | None = None) -> None:
    """Fail where a learner's grade is in the gradebook in part, or differs from that of an undisturbed grading."""
    if not (database or (into / GRADEBOOK).exists()):
        return
    # The first to open a gradebook after a kill puts it right.
    scores, students, _, grades, marks = gradebook(database or into)
    expected = gradebook(undisturbed)
    known = {row[1] for row in scores}
    assert scores == [row for row in expected[0] if row[1] in known]
    assert known == {student for (student,) in students}
    assert grades == [row for row in expected[3] if row[0] in known]
    assert marks == [row for row in expected[4] if row[0] in known]
    pages = files(undisturbed)
    for name, content in files(into).items():
        if ".writing-" not in name and name.startswith(("autograded", "feedback")):
            assert content == pages[name]
