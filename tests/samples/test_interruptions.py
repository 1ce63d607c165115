"""A grading that is killed, ended, crowded, locked out or short of disk: nothing lost, doubled or left behind.

Each is a real `mlm grade` of a small class, compared item by item with one that nobody disturbed. By default there are
two kills, and of what differs little one form of each; ten kills bring all forms:

    .venv/bin/python -m pytest tests/samples/test_interruptions.py --kills 10
"""

from __future__ import annotations

import fcntl
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from autograder.assignment.course import Course
from autograder.commands.console import NEEDS_PERSON
from autograder.commands.interruptions import Interrupted, heeded
from autograder.results.filing import LOCK
from autograder.results.progress import PROGRESS

#: What a gradebook says, without the random keys of its rows.
QUERY = """
    select a.name, sa.student_id, n.name, c.name, g.auto_score, g.manual_score, g.needs_manual_grade
    from grade g join base_cell c on c.id = g.cell_id join submitted_notebook sn on sn.id = g.notebook_id
    join notebook n on n.id = sn.notebook_id join submitted_assignment sa on sa.id = sn.assignment_id
    join assignment a on a.id = sa.assignment_id order by 1, 2, 3, 4"""
STUDENTS = "select id from student order by 1"
CELLS = "select name, type from base_cell order by 1, 2"

needs_mounts = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system of its own")


#: How a run ends that nothing came in between: a person is told that one notebook is still as it was handed out.
GRADED = NEEDS_PERSON


def gradebook(into: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(into / "gradebook.db")) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        return [connection.execute(query).fetchall() for query in (QUERY, STUDENTS, CELLS)]


def files(into: Path) -> dict[str, bytes]:
    """Return all results but the gradebook, and what says who wrote them and where."""
    others = {"gradebook.db", "nbgrader_config.py", LOCK, PROGRESS}
    paths = (path for path in into.rglob("*") if path.is_file() and path.name not in others)
    return {str(path.relative_to(into)): path.read_bytes() for path in paths}


@pytest.fixture(autouse=True)
def the_first_of_many(request: pytest.FixtureRequest) -> None:
    """Run the first of many forms of a test, and the others with ten kills or more."""
    forms = getattr(request.node, "callspec", None)
    if forms is not None and any(forms.indices.values()) and request.config.getoption("--kills") < 10:
        pytest.skip("the first form of this was run; --kills 10 runs every one")


def runs(process: psutil.Process) -> bool:
    """Return True unless a process has ended; one whose end nobody has asked for has ended, too."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Run:
    """One `mlm grade` in a process of its own."""

    def __init__(self, course: Course, submitted: Path, into: Path, *options: str) -> None:
        self.into = into
        program = str(Path(sys.executable).with_name("mlm"))
        line = [program, "grade", "practice", "--course", str(course.root), "--submitted", str(submitted)]
        line += ["--into", str(into), "--hidden-seed", "5", *options]
        self.process = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
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
        """The control groups that bear the number of this run's process."""
        return list(Path("/sys/fs/cgroup").glob(f"**/mlm-{self.process.pid}-*"))

    def require_nothing_left(self) -> None:
        """Fail where a control group or a file that was being written is left."""
        assert self.groups == []
        assert [path for path in self.into.rglob("*") if ".writing-" in path.name or "journal" in path.name] == []


@pytest.fixture(scope="module")
def submitted(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two learners who handed in one notebook each, and the first of another's."""
    home = tmp_path_factory.mktemp("submitted")
    for name in ("anna", "ben", "carla"):
        (home / name).mkdir()
        source = course.release("practice") if name == "ben" else course.source("practice")
        shutil.copy(source / "task1-icc.ipynb", home / name)
    return home


@pytest.fixture(scope="module")
def undisturbed(course: Course, submitted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a grading that nothing came in between."""
    run = Run(course, submitted, tmp_path_factory.mktemp("undisturbed") / "into")
    assert run.end()[0] == GRADED
    run.require_nothing_left()
    return run.into


def require_completed(course: Course, submitted: Path, into: Path, undisturbed: Path) -> None:
    """Grade again, and fail where anything differs from a grading that was not disturbed."""
    again = Run(course, submitted, into)
    assert again.end()[0] == GRADED
    again.require_nothing_left()
    assert gradebook(into) == gradebook(undisturbed)
    assert files(into) == files(undisturbed)


def require_whole_learners(into: Path, undisturbed: Path) -> None:
    """Fail where a learner's grade is in the gradebook in part, or differs from that of an undisturbed grading."""
    if not (into / "gradebook.db").exists():
        return
    # The first to open a gradebook after a kill puts it right.
    scores, students, _ = gradebook(into)
    expected, _, _ = gradebook(undisturbed)
    known = {row[1] for row in scores}
    assert scores == [row for row in expected if row[1] in known]
    assert known == {student for (student,) in students}
    for name, content in files(into).items():
        if ".writing-" not in name and name.startswith(("autograded", "feedback")):
            assert content == files(undisturbed)[name]


def test_killed_at_any_moment_and_run_again_nothing_is_lost_or_doubled(
    course: Course, submitted: Path, undisturbed: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The moments are drawn between the first file and the last; each run goes on from where the last was killed."""
    draw = random.Random(request.config.getoption("--draw"))
    moments = ["gradebook.db", "feedback/anna", "feedback/ben", "feedback/carla/practice", "practice.html"]
    runs = []
    for _ in range(request.config.getoption("--kills")):
        into = tmp_path / "into" if draw.random() < 0.5 else tmp_path / f"into-{len(runs)}"
        run = Run(course, submitted, into)
        runs.append(run)
        run.await_file(draw.choice([LOCK, *moments]))
        run.await_end(draw.uniform(0.0, 2.0))
        run.end(signal.SIGKILL)
        require_whole_learners(into, undisturbed)
    for into in {run.into for run in runs}:
        require_completed(course, submitted, into, undisturbed)
    assert [group for run in runs for group in run.groups] == [], "a later run removes what a killed one left"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order_and_the_same_command_goes_on(
    course: Course, submitted: Path, undisturbed: Path, tmp_path: Path, number: signal.Signals
) -> None:
    endless = tmp_path / "submitted"
    shutil.copytree(submitted, endless)
    # A notebook that would run for a minute and a half is not waited for.
    notebook = (submitted / "ben" / "task1-icc.ipynb").read_text(encoding="utf-8")
    (endless / "ben" / "task1-icc.ipynb").write_text(
        notebook.replace("raise NotImplementedError", "while True: pass # "), encoding="utf-8"
    )
    run = Run(course, endless, tmp_path / "into", "--workers", "2")
    run.await_file("feedback/anna/practice/index.html")
    code, said = run.end(number)
    assert code == 128 + number
    assert said == (f"mlm: ended by {number.name}. What was filed so far is kept; the same command goes on from there.")
    run.require_nothing_left()
    require_whole_learners(run.into, undisturbed)
    require_completed(course, submitted, run.into, undisturbed)


def test_a_signal_before_anything_is_filed_ends_it_in_order_too(
    course: Course, submitted: Path, tmp_path: Path
) -> None:
    run = Run(course, submitted, tmp_path / "into")
    run.await_file(LOCK)
    code, said = run.end(signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert said.startswith("mlm: ended by SIGINT.")
    run.require_nothing_left()


@heeded()
def import_that_meets(number: signal.Signals) -> None:
    """Fail as a library written in C does that is being imported when a signal comes."""
    try:
        signal.raise_signal(number)
    except Interrupted as interrupted:
        raise ImportError("initialization failed") from interrupted
    raise ImportError("not there")


def test_a_signal_is_heeded_where_a_library_makes_an_error_of_it() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted, match="ended by SIGTERM") as ended:
        import_that_meets(signal.SIGTERM)
    assert ended.value.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_ignored_signal_stays_so_and_other_errors_stay_as_they_are() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.raises(ImportError, match="not there"):
            import_that_meets(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_two_at_once_into_one_folder(course: Course, submitted: Path, undisturbed: Path, tmp_path: Path) -> None:
    first = Run(course, submitted, tmp_path / "into")
    first.await_file(LOCK)
    while str(first.process.pid) not in (first.into / LOCK).read_text(encoding="utf-8"):
        first.await_end(0.01)
    code, said = Run(course, submitted, tmp_path / "into").end()
    assert first.process.poll() is None
    assert code == 2
    assert "another run is grading into this folder" in said
    assert f"(process {first.process.pid} on {socket.gethostname()})" in said
    assert first.end()[0] == GRADED
    first.require_nothing_left()
    assert gradebook(first.into) == gradebook(undisturbed)
    assert files(first.into) == files(undisturbed)


def test_a_demonstration_leaves_alone_what_is_being_graded(course: Course, tmp_path: Path) -> None:
    (tmp_path / "grading").mkdir()
    (tmp_path / "submitted" / "anna").mkdir(parents=True)
    program = str(Path(sys.executable).with_name("mlm"))
    with (tmp_path / "grading" / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = [program, "demo", "--into", str(tmp_path), "--course", str(course.root)]
        ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "another run is grading into this folder" in ended.stderr
    assert (tmp_path / "submitted" / "anna").is_dir()


@pytest.mark.parametrize("kind", ["exclusive", "immediate"])
def test_a_gradebook_that_another_program_has_locked(
    course: Course, submitted: Path, undisturbed: Path, tmp_path: Path, kind: str
) -> None:
    shutil.copytree(undisturbed, tmp_path / "into")
    with closing(sqlite3.connect(tmp_path / "into" / "gradebook.db")) as other:
        other.execute(f"begin {kind}")
        code, said = Run(course, submitted, tmp_path / "into").end()
        other.rollback()
    assert code == 2
    assert "gradebook.db: locked by another run; wait, or end it." in said
    assert "ove it away" not in said
    assert gradebook(tmp_path / "into") == gradebook(undisturbed)
    require_completed(course, submitted, tmp_path / "into", undisturbed)


def test_a_gradebook_that_another_program_locks_while_learners_are_graded(
    course: Course, submitted: Path, undisturbed: Path, tmp_path: Path
) -> None:
    run = Run(course, submitted, tmp_path / "into")
    run.await_file("nbgrader_config.py")
    with closing(sqlite3.connect(run.into / "gradebook.db", timeout=60)) as other:
        other.execute("begin immediate")
        filed = {student for (student,) in other.execute(STUDENTS)}
        code, said = run.end()
        other.rollback()
    if len(filed) < 3:
        assert code == 2
        assert "gradebook.db: locked by another run; wait, or end it." in said
    run.require_nothing_left()
    require_whole_learners(run.into, undisturbed)
    require_completed(course, submitted, run.into, undisturbed)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount something on a folder; skip where that is not allowed here."""
    folder.mkdir(exist_ok=True)
    tried = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"nothing can be mounted here: {tried.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


#: How much room there is: for nothing at all, for the lock, for a gradebook but no page, for some pages.
ROOM = [250, 4, 8, 100, 300, 400]


@needs_mounts
@pytest.mark.parametrize("kilobytes", ROOM)
def test_a_full_disk_is_a_sentence_and_a_rerun_completes(
    course: Course, submitted: Path, undisturbed: Path, tmp_path: Path, kilobytes: int
) -> None:
    into = tmp_path / "into"
    with mounted(into, "-t", "tmpfs", "-o", "size=16m", "none"):
        filler = into / "filler"
        filler.write_bytes(b"x" * (16 * 1024**2 - 1024 * kilobytes))
        run = Run(course, submitted, into)
        code, said = run.end()
        assert code == 2, said
        assert re.search("the disk is full|the disk fails or is full|cannot be opened or written", said), said
        assert "Traceback" not in said
        run.require_nothing_left()
        require_whole_learners(into, undisturbed)
        filler.unlink()
        require_completed(course, submitted, into, undisturbed)


@needs_mounts
@pytest.mark.parametrize("begun", [True, False])
def test_a_folder_that_cannot_be_written_to_is_a_sentence(
    course: Course, submitted: Path, undisturbed: Path, tmp_path: Path, *, begun: bool
) -> None:
    into = tmp_path / "into"
    if begun:
        shutil.copytree(undisturbed, into)
    with mounted(into, "-t", "tmpfs", "-o", "ro", "none") if not begun else read_only(into):
        code, said = Run(course, submitted, into).end()
        assert code == 2, said
        assert "cannot be written to" in said
    if begun:
        assert gradebook(into) == gradebook(undisturbed)
        require_completed(course, submitted, into, undisturbed)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield


def in_the_way_of_the_lock(into: Path) -> None:
    (into / LOCK).mkdir()


def in_the_way_of_the_pages(into: Path) -> None:
    (into / "feedback").touch()


def in_the_way_of_the_notebooks(into: Path) -> None:
    (into / "autograded").symlink_to("nowhere")


def in_the_way_of_the_configuration(into: Path) -> None:
    (into / "nbgrader_config.py").mkdir()


def in_the_way_of_the_class_page(into: Path) -> None:
    (into / "practice.html").mkdir()


@pytest.mark.parametrize(
    "put",
    [
        *(in_the_way_of_the_pages, in_the_way_of_the_lock, in_the_way_of_the_notebooks),
        *(in_the_way_of_the_configuration, in_the_way_of_the_class_page),
    ],
)
def test_something_in_the_way_of_a_result_is_a_sentence(
    course: Course, submitted: Path, tmp_path: Path, put: Callable[[Path], None]
) -> None:
    (tmp_path / "into").mkdir()
    put(tmp_path / "into")
    run = Run(course, submitted, tmp_path / "into")
    code, said = run.end()
    assert code == 2, said
    assert "this cannot be written" in said
    run.require_nothing_left()
