"""`mlm certificate`, and `mlm grade` on a cluster, as a teacher types them: who is let in, and who is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from autograder.assignment.course import Course
from autograder.cli import main
from autograder.errors import BoxUnavailable
from autograder.sandbox.box import Job
from autograder.sandbox.cluster.coordinator import Cluster

CERTIFICATE = "cluster.pem"
SCHEDULER = ("distributed.cli.dask_scheduler", "--protocol", "tls", "--host", "127.0.0.1", "--port", "0")
LOST = r"The scheduler was lost\. What was filed so far is kept"


def mlm(*arguments: object) -> int:
    """Run the command in this process and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def grade(course: Course, tmp_path: Path) -> Sequence[object]:
    """What grades a class of one learner."""
    (tmp_path / "submitted" / "anna").mkdir(parents=True)
    shutil.copy(course.source("practice") / "task1-icc.ipynb", tmp_path / "submitted" / "anna")
    places = ("--submitted", tmp_path / "submitted", "--into", tmp_path / "grading", "--course", course.root)
    return ("grade", "practice", *places)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scheduler", "tcp://10.0.0.7:8786"], "elsewhere and not encrypted"),
        (["--scheduler", "tcp://scheduler.example:8786"], "elsewhere and not encrypted"),
        (["--scheduler", "http://localhost:8786"], "no address of a scheduler"),
        (["--scheduler", "tls://localhost:8786"], "needs --certificate FILE"),
        (["--scheduler", "tls://localhost:8786", "--certificate", "nowhere.pem"], "nowhere.pem: no such file"),
        (["--scheduler", "tcp://[::1]:8786", "--certificate", "nowhere.pem"], "the address is then tls://[::1]:8786"),
        (["--scheduler", "tcp://localhost:8786", "--workers", "2"], "leave out --workers"),
        (["--scheduler", "tcp://localhost:8786", "--local-cluster"], "leave out --workers"),
        (["--certificate", "cluster.pem"], "name it by --scheduler"),
    ],
)
def test_options_that_would_be_unsafe_or_say_nothing_are_refused(
    grade: Sequence[object], options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mlm(*grade, *options) == 2
    assert said in capsys.readouterr().err


@contextmanager
def process(folder: Path, *command: str, awaited: str, **environment: str) -> Iterator[str]:
    """Run a program of Dask until it says something, and then beside the caller; give the line."""
    pem = [f"--tls-{kind}={CERTIFICATE}" for kind in ("ca-file", "cert", "key")]
    line = [sys.executable, "-m", *command, "--no-dashboard", "--dashboard-address", "127.0.0.1:0", *pem]
    started = subprocess.Popen(
        line,
        cwd=folder,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    with started as running:
        assert running.stderr is not None
        try:
            yield next(line for line in running.stderr if awaited in line)
        finally:
            running.kill()
            running.stderr.read()


def test_workers_that_would_not_do_are_refused_by_name(
    grade: Sequence[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mlm("certificate", "--to", CERTIFICATE) == 0
    assert "dask worker tls://SCHEDULER:8786" in capfd.readouterr().out
    assert (tmp_path / CERTIFICATE).stat().st_mode & 0o777 == 0o600
    assert mlm("certificate", "--to", CERTIFICATE) == 2
    (tmp_path / "programs").mkdir()
    with ExitStack() as running:
        said = running.enter_context(process(tmp_path, *SCHEDULER, awaited="Scheduler at:"))
        address = said.split()[-1]
        options = (*grade, "--scheduler", address, "--certificate", CERTIFICATE)
        assert mlm(*options) == 3
        assert "The scheduler has no worker." in capfd.readouterr().err
        worker = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--name")
        others = {"with-no-box": {"PATH": str(tmp_path / "programs")}, "of-old": {"OPENBLAS_CORETYPE": "Prescott"}}
        for name, environment in others.items():
            running.enter_context(process(tmp_path, *worker, name, awaited="Registered to:", **environment))
        assert mlm(*options) == 3
    refused = capfd.readouterr().err
    assert "These workers are refused, and nothing was run:" in refused
    assert "- of-old at tls://127.0.0.1:" in refused
    assert "OPENBLAS_CORETYPE is Prescott, and here" in refused
    assert "- with-no-box at tls://127.0.0.1:" in refused
    assert "The program bwrap was not found" in refused
    assert not (tmp_path / "grading" / "feedback").exists()


@pytest.fixture
def scheduling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Cluster, ExitStack]]:
    """A cluster of one worker whose box was not tried yet, and what ends its scheduler when it is closed."""
    monkeypatch.chdir(tmp_path)
    assert mlm("certificate", "--to", CERTIFICATE) == 0
    with ExitStack() as running, ExitStack() as scheduler:
        address = scheduler.enter_context(process(tmp_path, *SCHEDULER, awaited="Scheduler at:")).split()[-1]
        worker = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny")
        running.enter_context(process(tmp_path, *worker, awaited="Registered to:"))
        yield running.enter_context(Cluster.connected(address, Path(CERTIFICATE))), scheduler


def test_a_scheduler_that_is_lost_ends_the_grading(scheduling: tuple[Cluster, ExitStack]) -> None:
    """Whoever runs then, and whoever comes later: Dask tells them different things."""
    cluster, scheduler = scheduling
    cluster.require_safe(())
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(cluster.run, Job("task", ("import time; time.sleep(60)",), b"a\n1\n"))
        scheduler.close()
        with pytest.raises(BoxUnavailable, match=LOST):
            run.result()
    while cluster._client.status != "closed":
        with pytest.raises(BoxUnavailable, match=LOST):
            cluster.run(Job("task", ("1",), b"a\n1\n"))
    with pytest.raises(BoxUnavailable, match=LOST):
        cluster.run(Job("task", ("1",), b"a\n1\n"))
    with pytest.raises(BoxUnavailable, match=LOST):
        cluster.require_safe(())


def test_a_scheduler_that_is_lost_before_the_first_notebook(scheduling: tuple[Cluster, ExitStack]) -> None:
    cluster, scheduler = scheduling
    with ThreadPoolExecutor(1) as pool:
        tried = pool.submit(cluster.require_safe, ())
        scheduler.close()
        with pytest.raises(BoxUnavailable, match=LOST):
            tried.result()
