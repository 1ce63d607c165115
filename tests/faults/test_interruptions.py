"""A grading that is ended, crowded, locked out or short of disk: nothing lost, doubled or left behind.

Each is a real `mlm grade` of a small class, compared item by item with one that nobody disturbed. Of what differs
little one form is tried by default, and every one with --whole.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from graded_runs import (
    ASSIGNMENT,
    COURSE,
    GRADED,
    LEARNERS,
    NOTEBOOK,
    PROGRAM,
    Run,
    gradebook,
    require_completed,
    require_same,
    require_whole_learners,
    status,
)

from autograder.commands.console import NEEDS_PERSON
from autograder.commands.interruptions import Interrupted, heeded
from autograder.results.filing import LOCK

needs_mounts = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system of its own")


@pytest.fixture(autouse=True)
def the_first_of_many(request: pytest.FixtureRequest) -> None:
    """Run the first of many forms of a test, and the others with --whole."""
    forms = getattr(request.node, "callspec", None)
    if forms is not None and any(forms.indices.values()) and not request.config.getoption("--whole"):
        pytest.skip("the first form of this was run; --whole runs every one")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order_and_the_same_command_goes_on(
    submitted: Path, undisturbed: Path, tmp_path: Path, number: signal.Signals
) -> None:
    endless = tmp_path / "submitted"
    shutil.copytree(submitted, endless)
    # A notebook that would run for a minute and a half is not waited for.
    notebook = (submitted / "learner-02" / NOTEBOOK).read_text(encoding="utf-8")
    (endless / "learner-02" / NOTEBOOK).write_text(
        notebook.replace("raise NotImplementedError", "while True: pass # "), encoding="utf-8"
    )
    run = Run(endless, tmp_path / "into", "--workers", "2")
    run.await_file(f"feedback/learner-00/{ASSIGNMENT}/index.html")
    code, said = run.end(number)
    assert code == 128 + number
    assert said == f"mlm: ended by {number.name}. What was filed so far is kept; the same command goes on from there."
    run.require_nothing_left()
    require_whole_learners(run.into, undisturbed)
    # The page of the class has who is done, and who is not; so says another terminal.
    filed = {student for (student,) in gradebook(run.into)[1]}
    page = (run.into / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")
    assert [f"learner-{place:02}" in page for place in range(LEARNERS)] == [True] * LEARNERS
    assert page.count("The run ended before.") >= LEARNERS - len(filed) - 1
    code, said = status(run.into)
    assert code == NEEDS_PERSON
    assert f"{ASSIGNMENT}: {len(filed)} of {LEARNERS} are done." in said
    assert f"ended by {number.name}" in said
    assert f"To go on: mlm grade {ASSIGNMENT} --submitted {endless} --into {run.into}" in said
    require_completed(submitted, run.into, undisturbed)
    assert f"{ASSIGNMENT}: {LEARNERS} of {LEARNERS} are done" in status(run.into)[1]


def test_a_signal_before_anything_is_filed_ends_it_in_order_too(submitted: Path, tmp_path: Path) -> None:
    run = Run(submitted, tmp_path / "into")
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


def test_two_at_once_into_one_folder(submitted: Path, undisturbed: Path, tmp_path: Path) -> None:
    first = Run(submitted, tmp_path / "into")
    first.await_file(LOCK)
    while str(first.process.pid) not in (first.into / LOCK).read_text(encoding="utf-8"):
        first.await_end(0.01)
    code, said = Run(submitted, tmp_path / "into").end()
    assert first.process.poll() is None
    assert code == 2
    assert "another run is grading into this folder" in said
    assert f"(process {first.process.pid} on {socket.gethostname()})" in said
    assert first.end()[0] == GRADED
    first.require_nothing_left()
    require_same(first.into, undisturbed)


def test_a_demonstration_leaves_alone_what_is_being_graded(tmp_path: Path) -> None:
    (tmp_path / "grading").mkdir()
    (tmp_path / "submitted" / "anna").mkdir(parents=True)
    with (tmp_path / "grading" / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = [PROGRAM, "demo", "--into", str(tmp_path), "--course", str(COURSE.root)]
        ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "another run is grading into this folder" in ended.stderr
    assert (tmp_path / "submitted" / "anna").is_dir()


@pytest.mark.parametrize("kind", ["exclusive", "immediate"])
def test_a_gradebook_that_another_program_has_locked(
    submitted: Path, undisturbed: Path, tmp_path: Path, kind: str
) -> None:
    shutil.copytree(undisturbed, tmp_path / "into")
    with closing(sqlite3.connect(tmp_path / "into" / "gradebook.db")) as other:
        other.execute(f"begin {kind}")
        code, said = Run(submitted, tmp_path / "into").end()
        other.rollback()
    assert code == 2
    assert "gradebook.db: locked by another run; wait, or end it." in said
    assert "ove it away" not in said
    assert gradebook(tmp_path / "into") == gradebook(undisturbed)
    require_completed(submitted, tmp_path / "into", undisturbed)


def test_a_gradebook_that_another_program_locks_while_learners_are_graded(
    submitted: Path, undisturbed: Path, tmp_path: Path
) -> None:
    run = Run(submitted, tmp_path / "into")
    run.await_file("nbgrader_config.py")
    with closing(sqlite3.connect(run.into / "gradebook.db", timeout=60)) as other:
        other.execute("begin immediate")
        filed = {student for (student,) in other.execute("select id from student")}
        code, said = run.end()
        other.rollback()
    if len(filed) < LEARNERS:
        assert code == 2
        assert "gradebook.db: locked by another run; wait, or end it." in said
    run.require_nothing_left()
    require_whole_learners(run.into, undisturbed)
    require_completed(submitted, run.into, undisturbed)


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[None]:
    """Mount something on a folder or file; skip where that is not allowed here."""
    if not place.exists():
        place.mkdir()
    tried = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"nothing can be mounted here: {tried.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


#: How much room there is: for nothing at all, for the lock, for a gradebook but no page, for some pages.
ROOM = [250, 4, 8, 100, 300, 400]


@needs_mounts
@pytest.mark.parametrize("kilobytes", ROOM)
def test_a_full_disk_is_a_sentence_and_a_rerun_completes(
    submitted: Path, undisturbed: Path, tmp_path: Path, kilobytes: int
) -> None:
    into = tmp_path / "into"
    with mounted(into, "-t", "tmpfs", "-o", "size=16m", "none"):
        filler = into / "filler"
        filler.write_bytes(b"x" * (16 * 1024**2 - 1024 * kilobytes))
        run = Run(submitted, into)
        code, said = run.end()
        assert code == 2, said
        assert re.search("the disk is full|the disk fails or is full|cannot be opened or written", said), said
        assert "Traceback" not in said
        run.require_nothing_left()
        require_whole_learners(into, undisturbed)
        filler.unlink()
        require_completed(submitted, into, undisturbed)


@needs_mounts
@pytest.mark.parametrize("begun", [True, False])
def test_a_folder_that_cannot_be_written_to_is_a_sentence(
    submitted: Path, undisturbed: Path, tmp_path: Path, *, begun: bool
) -> None:
    into = tmp_path / "into"
    if begun:
        shutil.copytree(undisturbed, into)
    with mounted(into, "-t", "tmpfs", "-o", "ro", "none") if not begun else read_only(into):
        code, said = Run(submitted, into).end()
        assert code == 2, said
        assert "cannot be written to" in said
    if begun:
        assert gradebook(into) == gradebook(undisturbed)
        require_completed(submitted, into, undisturbed)


@needs_mounts
def test_a_file_that_the_disk_does_not_give_is_no_word_about_its_learner(
    submitted: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Nothing can be read of the memory of a process that has ended, as of a disk that fails."""
    folder, into = tmp_path / "submitted", tmp_path / "into"
    shutil.copytree(submitted, folder)
    with mounted(folder / "learner-01" / NOTEBOOK, "--bind", "/proc/self/mem"):
        code, said = Run(folder, into).end()
    assert code == 3, said
    assert "learner-01: This could not be graded, and that is not the learner's doing" in status(into)[1]
    require_completed(submitted, into, undisturbed)


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
    (into / f"{ASSIGNMENT}.html").mkdir()


@pytest.mark.parametrize(
    "put",
    [
        *(in_the_way_of_the_pages, in_the_way_of_the_lock, in_the_way_of_the_notebooks),
        *(in_the_way_of_the_configuration, in_the_way_of_the_class_page),
    ],
)
def test_something_in_the_way_of_a_result_is_a_sentence(
    submitted: Path, tmp_path: Path, put: Callable[[Path], None]
) -> None:
    (tmp_path / "into").mkdir()
    put(tmp_path / "into")
    run = Run(submitted, tmp_path / "into")
    code, said = run.end()
    assert code == 2, said
    assert "this cannot be written" in said
    run.require_nothing_left()
