"""A class graded on Dask workers has the marks that it has without them, whatever befalls a worker."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import cloudpickle
import pytest
from attack_corpus import CORPUS
from distributed import Client

from autograder.assignment.course import Course
from autograder.assignment.rubric import Rubric
from autograder.assignment.samples import build_sample
from autograder.errors import BoxBroken
from autograder.grading.pipeline import Grading, grade_class
from autograder.grading.submission import SubmissionFolder
from autograder.records.grading import CellRun, Ending, Grade, NotebookRun
from autograder.results.folder import Asked
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes, Runner
from autograder.sandbox.cluster.coordinator import Cluster
from autograder.sandbox.cluster.worker import different

Folders = tuple[SubmissionFolder, ...]

HOSTILE = ("crashes-the-interpreter", "small-brackets-large-objects")

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test


@pytest.fixture(scope="module")
def submitted(course: Course, rubric: Rubric, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """An honest learner and two others, each with one notebook."""
    home = tmp_path_factory.mktemp("submitted")
    (home / "anna").mkdir()
    shutil.copy(course.source("practice") / "task1-icc.ipynb", home / "anna")
    for name in HOSTILE:
        build_sample(CORPUS / name, course, rubric, home / name)
    return tuple(SubmissionFolder(folder.name, folder) for folder in sorted(home.iterdir()))


def graded(runner: Runner, grading: Grading, folders: Folders, into: Path) -> dict[str, Grade]:
    return {one.student: one for one in grade_class(grading, folders, into, runner, Asked(), 2)}


@pytest.fixture(scope="module")
def here(grading: Grading, submitted: Folders, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Grade]:
    """The grades of the class without workers."""
    with Boxes() as boxes:
        return graded(boxes, grading, submitted, tmp_path_factory.mktemp("here"))


def test_marks_are_those_without_workers(
    cluster: Cluster, here: dict[str, Grade], grading: Grading, submitted: Folders, tmp_path: Path
) -> None:
    there = graded(cluster, grading, submitted, tmp_path)
    assert there == here
    assert sum(grade.score for grade in there.values()) > 0
    assert {grade.is_ungraded for grade in there.values()} == {False}


def lie(dask_worker: object) -> None:
    """Let a worker send what is no result."""
    dask_worker.plugins["mlm-boxes"].run = lambda order, *, alone: b"50 points"  # type: ignore[attr-defined]


def be_honest(dask_worker: object) -> None:
    """Let a worker do its work again."""
    del dask_worker.plugins["mlm-boxes"].run  # type: ignore[attr-defined]


def test_a_worker_that_sends_no_results_costs_no_mark(
    cluster: Cluster, here: dict[str, Grade], grading: Grading, submitted: Folders, tmp_path: Path
) -> None:
    liar, other = sorted(cluster._workers(tried=True))
    cluster._client.run(lie, workers=[liar])
    assert graded(cluster, grading, submitted, tmp_path) == here
    cluster._client.run(lie, workers=[other])
    with pytest.raises(BoxBroken) as refused:
        cluster.run(Job("task1-icc", ("1",), b"a\n1\n"))
    cluster._client.run(be_honest)
    assert str(refused.value).startswith("task1-icc, on the worker ")
    assert liar in str(refused.value) or other in str(refused.value)
    assert "The result is malformed" in str(refused.value)


@contextmanager
def killed_when_busy(client: Client, *, everyone: bool) -> Iterator[None]:
    """End a worker without a warning as soon as it runs a notebook; all others with it, if asked."""
    processes, over = client.run(os.getpid), Event()

    def kill() -> None:
        while not (busy := [address for address, orders in client.processing().items() if orders]):
            assert not over.is_set(), "no worker was ever busy"
        for address in processes if everyone else busy[:1]:
            os.kill(processes[address], signal.SIGKILL)

    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill)
        try:
            yield
        finally:
            over.set()
        killed.result()


def test_a_worker_that_is_lost_costs_no_mark(
    cluster: Cluster, here: dict[str, Grade], grading: Grading, submitted: Folders, tmp_path: Path
) -> None:
    with killed_when_busy(cluster._client, everyone=False):
        assert graded(cluster, grading, submitted, tmp_path) == here


def test_workers_that_start_again_are_tried_and_go_on(cluster: Cluster) -> None:
    before = cluster._workers()
    with killed_when_busy(cluster._client, everyone=True):
        run = cluster.run(Job("task", ("import time; time.sleep(5)",), b"a\n1\n"))
    assert run == NotebookRun("task", Ending.FINISHED, (CellRun(0, ()),))
    assert cluster._workers(tried=True).keys().isdisjoint(before)


def test_workers_that_start_again_before_anybody_looks_go_on_as_well(cluster: Cluster) -> None:
    """Dask hands out no order to them that was there before they took any."""
    before = cluster._workers().keys()
    with ThreadPoolExecutor(1) as pool:
        with cluster._looking, killed_when_busy(cluster._client, everyone=True):
            run = pool.submit(cluster.run, Job("task", ("import time; time.sleep(5)",), b"a\n1\n"))
            while not (now := cluster._workers(tried=True).keys()) or not now.isdisjoint(before):
                pass
        assert run.result().ending is Ending.FINISHED


def end_all_when_asked(processes: list[int], dask_worker: object) -> None:
    """Let a worker end all workers without a warning, itself last, as soon as somebody fetches a result from it."""

    def end(**_: object) -> None:
        for process in (*(one for one in processes if one != os.getpid()), os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    dask_worker.handlers["get_data"] = end  # type: ignore[attr-defined]


def test_workers_that_are_lost_with_a_result_run_the_notebook_again(cluster: Cluster) -> None:
    processes = list(cluster._client.run(os.getpid).values())
    cluster._client.run(end_all_when_asked, processes)
    run = cluster.run(Job("task", ("print(1 + 1)",), b"a\n1\n"))
    assert (run.ending, [cell.outputs[0].text for cell in run.cells]) == (Ending.FINISHED, ["2\n"])
    assert set(processes).isdisjoint(cluster._client.run(os.getpid).values())


def test_a_run_that_is_ended_waits_for_nobody(cluster: Cluster) -> None:
    ended = Cluster(cluster._client)
    ended.end_runs()
    with pytest.raises(BoxBroken, match="was ended"):
        ended.run(Job("task", ("import time; time.sleep(60)",), b"a\n1\n"))


def test_differences_are_named_and_not_all_of_them() -> None:
    here = {"Python": "3.11", "numpy": "2.1", "scipy": "1.13"}
    assert different(here, here) is None
    assert different(here, {**here, "numpy": "2.2"}) == (
        "It has other versions: numpy is 2.2, and here 2.1. Install the same there."
    )
    assert "scipy is not there, and here 1.13" in str(different(here, {"Python": "3.11"}))
    assert "and 4 more" in str(different({}, {str(number): "1" for number in range(9)}))
