"""A grading that is killed, whose boxes or database are taken away, or whose files are damaged: it goes on.

Each fault is a real one, its moment drawn by --draw. After it the same command is given again, and the gradebook, item
by item, and all pages are those of a grading that nobody disturbed. The whole suite, with fifty kills and another seed:

    .venv/bin/python -m pytest tests/faults --whole --draw 1
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
from graded_runs import (
    ASSIGNMENT,
    GRADED,
    LEARNERS,
    Run,
    gradebook,
    require_completed,
    require_same,
    require_whole_learners,
    status,
)
from postgresql_server import Server

from autograder.commands.console import NEEDS_PERSON
from autograder.results.filing import LOCK
from autograder.results.folder import GRADEBOOK
from autograder.results.progress import PROGRESS


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> random.Random:
    """What moments are drawn from."""
    return random.Random(f"{request.config.getoption('--draw')} {request.node.name}")


def page_of(number: int) -> str:
    """Return where a learner's page is, in the results folder."""
    return f"feedback/learner-{number:02}/{ASSIGNMENT}/index.html"


def test_killed_at_any_moment_and_run_again_nothing_is_lost_or_doubled(
    submitted: Path, undisturbed: Path, tmp_path: Path, request: pytest.FixtureRequest, draw: random.Random
) -> None:
    """The moments are drawn between the first file and the last; each run goes on from where the last was killed."""
    moments = [LOCK, GRADEBOOK, *map(page_of, range(LEARNERS)), f"{ASSIGNMENT}.html"]
    kills = request.config.getoption("--kills") or (50 if request.config.getoption("--whole") else 3)
    runs: list[Run] = []
    into = tmp_path / "into-0"
    for number in range(kills):
        run = Run(submitted, into)
        runs.append(run)
        run.await_file(draw.choice(moments))
        run.await_end(draw.uniform(0.0, 1.0))
        if run.end(signal.SIGKILL)[0] == -signal.SIGKILL and (into / PROGRESS).exists():
            code, said = status(into)
            killed = f"To go on: mlm grade {ASSIGNMENT} --submitted {submitted} --into {into}"
            assert (code == NEEDS_PERSON and killed in said) or "It ended at" in said
        require_whole_learners(into, undisturbed)
        if draw.random() < 0.5 or number == kills - 1:
            require_completed(submitted, into, undisturbed)
            assert [group for run in runs for group in run.groups] == [], "a later run removes what a killed one left"
            shutil.rmtree(into)
            into = tmp_path / f"into-{number + 1}"


def boxes_of(run: Run) -> list[psutil.Process]:
    """Return the processes that make a run's boxes, without those of notebooks, which learners' code can end too."""
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(run.process.pid).children(recursive=True)
        names = {one.pid: one.name() for one in family}
        return [one for one in family if "bwrap" in (names[one.pid], names.get(one.ppid()))]
    return []


def test_boxes_that_are_killed_cost_nobody_a_mark(
    submitted: Path, undisturbed: Path, tmp_path: Path, draw: random.Random
) -> None:
    run = Run(submitted, tmp_path / "into")
    for number in sorted(draw.sample(range(LEARNERS - 4), 2)):
        while run.process.poll() is None and len(list(run.into.glob("feedback/*/*/index.html"))) <= number:
            run.await_end(0.02)
        if boxes := boxes_of(run):
            with suppress(psutil.NoSuchProcess):
                draw.choice(boxes).kill()
    code, _ = run.end()
    assert code in (GRADED, 3), "who could not be graded is said to be so, and has no mark"
    require_whole_learners(run.into, undisturbed)
    require_completed(submitted, run.into, undisturbed)


def test_a_database_that_is_stopped_and_started(
    submitted: Path, undisturbed: Path, tmp_path: Path, postgresql: Server, draw: random.Random
) -> None:
    address, into = postgresql.database("faults"), tmp_path / "into"
    run = Run(submitted, into, "--db", address)
    run.await_file(page_of(draw.randrange(LEARNERS // 2)))
    postgresql.stop()
    code, said = run.end()
    assert code == 2, said
    assert "the database cannot be used now" in said
    assert "open-sesame" not in said + status(into)[1]
    code, said = Run(submitted, into).end()
    assert code == 2, said
    postgresql.start()
    require_whole_learners(into, undisturbed, address)
    require_completed(submitted, into, undisturbed, address)


def test_two_at_once_into_one_database(submitted: Path, undisturbed: Path, tmp_path: Path, postgresql: Server) -> None:
    address = postgresql.database("shared")
    first = Run(submitted, tmp_path / "into", "--db", address)
    first.await_file(page_of(0))
    code, said = Run(submitted, tmp_path / "other", "--db", address).end()
    assert first.end()[0] == GRADED
    if code != GRADED:  # the first may have been done before the second wrote
        assert code == 2
        assert "another run is writing to this gradebook" in said
    require_same(first.into, undisturbed, address)


def damage(path: Path, draw: random.Random) -> None:
    """Cut a file off, empty it, or change a byte of it, as a failing disk does."""
    content = path.read_bytes()
    place = draw.randrange(len(content))
    path.write_bytes(draw.choice([b"", content[:place], content[:place] + b"\xff" + content[place + 1 :]]))


def test_damaged_runs_pages_progress_and_grades_are_made_again(
    submitted: Path, undisturbed: Path, tmp_path: Path, draw: random.Random
) -> None:
    into = tmp_path / "into"
    shutil.copytree(undisturbed, into)
    grades = dict(gradebook(into)[3])
    for number in draw.sample(range(LEARNERS), 4):
        (into / page_of(number)).unlink()  # so that the runs of this learner are read again
        for name in json.loads(grades[f"learner-{number:02}"])["runs"]:
            damage(into / "runs" / name, draw)
    damage(into / PROGRESS, draw)
    status(into)
    shutil.rmtree(into / "autograded" / "learner-05")
    with closing(sqlite3.connect(into / GRADEBOOK)) as connection:
        connection.execute("update mlm_grade set record = substr(record, 1, 100) where student = 'learner-07'")
        connection.execute("update grade set auto_score = 0.5 where id = (select min(id) from grade)")
        connection.commit()
    require_completed(submitted, into, undisturbed)


def test_who_is_unchanged_is_not_run_again_unless_that_is_asked_for(
    submitted: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Where the program bwrap is not found there can be no box: then nothing can be run."""
    into, no_box = tmp_path / "into", {**os.environ, "PATH": str(tmp_path)}
    shutil.copytree(undisturbed, into)
    assert Run(submitted, into, environment=no_box).end()[0] == GRADED
    require_same(into, undisturbed)
    assert f"{LEARNERS} of {LEARNERS} are done, {LEARNERS} of them unchanged" in status(into)[1]

    code, said = Run(submitted, into, "--force", environment=no_box).end()
    assert code == 3
    assert "bwrap" in said
    changed = tmp_path / "submitted"
    shutil.copytree(submitted, changed)
    shutil.copytree(submitted / "learner-00", changed / "learner-01", dirs_exist_ok=True)
    assert Run(changed, into, environment=no_box).end()[0] == 3, "what was handed in anew must be run"


def test_everything_is_run_anew_where_that_is_asked_for(submitted: Path, undisturbed: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    shutil.copytree(undisturbed, into)
    before = {path: path.stat().st_mtime_ns for path in (into / "runs").iterdir()}
    assert Run(submitted, into, "--force").end()[0] == GRADED
    assert all(path.stat().st_mtime_ns > before[path] for path in before), "every run was made anew"
    require_same(into, undisturbed)


def test_what_a_person_gave_stays_and_is_shown_where_nothing_is_run(
    submitted: Path, undisturbed: Path, tmp_path: Path
) -> None:
    into = tmp_path / "into"
    shutil.copytree(undisturbed, into)
    item = """id = (select g.id from grade g join base_cell c on c.id = g.cell_id join submitted_notebook n
        on n.id = g.notebook_id join submitted_assignment a on a.id = n.assignment_id
        where a.student_id = 'learner-01' and c.name = 'var_residual')"""
    with closing(sqlite3.connect(into / GRADEBOOK)) as connection:
        connection.execute(f"update grade set manual_score = 0.75, needs_manual_grade = 0 where {item}")
        connection.commit()
    for _ in range(2):  # the first time the learner's page is made anew, the second time it is as it was
        assert Run(submitted, into).end()[0] == GRADED
        assert "0.75 of 1" in (into / page_of(1)).read_text(encoding="utf-8")
    assert f"{LEARNERS} of them unchanged" in status(into)[1]
    marks = [row for row in gradebook(into)[4] if row[:2] == ("learner-01", "var_residual")]
    assert [row[2] for row in marks] == [0.0, 0.75]
