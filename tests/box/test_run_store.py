"""Runs that are kept: the same thing is run once, anything that is not the same is run, and no entry is trusted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.errors import BoxBroken
from autograder.records.grading import Ending, NotebookRun
from autograder.sandbox import run_store
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.policy import Limits
from autograder.sandbox.run_store import RunStore, Store

CELLS = (
    "from autograder.student import check, load_panel",
    None,
    "check('rows', len(load_panel()))\nprint('Grüße')",
    "check('table', load_panel().describe())\n1 / 0",
    "check('none', None); check('words', ['a', 1, 2.5, True, float('inf')]); check('by', {'a': 1})",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
)


class Counted:
    """Real boxes, and how many notebooks were run in them."""

    def __init__(self, boxes: Boxes) -> None:
        self.boxes, self.count = boxes, 0

    def __call__(self, job: Job) -> NotebookRun:
        self.count += 1
        return self.boxes.run(job)


@pytest.fixture
def counted(boxes: Boxes) -> Counted:
    return Counted(boxes)


@pytest.fixture
def job(panel: bytes) -> Job:
    return Job("task", CELLS, panel, asked=frozenset({"rows", "table", "none", "words", "by"}))


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_the_same_is_run_once_also_by_another_process_later(counted, job, tmp_path):
    first = RunStore(Store(tmp_path / "runs"), counted).run(job)
    again = RunStore(Store(tmp_path / "runs"), counted).run(job)
    assert counted.count == 1
    assert again == first
    assert again.ending is Ending.FINISHED
    assert set(again.answers) == {"rows", "table", "none", "words", "by"}
    assert [cell.errors[0].name for cell in again.cells if cell.errors] == ["ZeroDivisionError"]
    assert any("image/png" in output.data for cell in again.cells for output in cell.outputs)


def test_two_at_the_same_time_are_run_once(counted, job, tmp_path):
    runs = RunStore(Store(tmp_path / "runs"), counted)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(runs.run, [job, job])
    assert one == other
    assert counted.count == 1


CHANGES: dict[str, Callable[[Job], Job]] = {
    "a byte of a cell": lambda job: replace(job, cells=(*CELLS[:-1], f"{CELLS[-1]} ")),
    "a cell that is no code": lambda job: replace(job, cells=(*CELLS, None)),
    "the notebook's name": lambda job: replace(job, name="other"),
    "a byte of a file": lambda job: replace(job, files={"own.py": b"x = 2"}),
    "a file's name": lambda job: replace(job, files={"mine.py": b"x = 1"}),
    "a byte of the panel": lambda job: replace(job, panel_csv=job.panel_csv + b"\n"),
    "limits": lambda job: replace(job, limits=Limits(wall_seconds=80.0)),
    "outputs": lambda job: replace(job, outputs=False),
    "what is asked": lambda job: replace(job, asked=frozenset({"rows"})),
    "locked cells": lambda job: replace(job, locked=frozenset({0})),
    "what follows an error": lambda job: replace(job, error_ends_cell=True),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_run_again(what, counted, job, tmp_path):
    runs = RunStore(Store(tmp_path / "runs"), counted)
    job = replace(job, files={"own.py": b"x = 1"})
    runs.run(job)
    runs.run(CHANGES[what](job))
    assert counted.count == 2
    assert len(entries(tmp_path / "runs")) == 2


def test_only_the_changed_notebook_of_two_is_run_again(counted, panel, tmp_path):
    runs = RunStore(Store(tmp_path / "runs"), counted)
    for name, cell in (("one", "1"), ("two", "2"), ("one", "1"), ("two", "3")):
        runs.run(Job(name, (cell,), panel))
    assert counted.count == 3


def test_another_box_runs_again(counted, job, tmp_path, monkeypatch):
    runs = RunStore(Store(tmp_path / "runs"), counted)
    runs.run(job)
    monkeypatch.setattr(run_store.policy, "versions", lambda packages: ("numpy 0.1",))
    run_store.box_digest.cache_clear()
    try:
        runs.run(job)
    finally:
        run_store.box_digest.cache_clear()
    assert counted.count == 2


def test_what_a_box_is_made_of_has_its_code_in_it(tmp_path):
    module = tmp_path / "one.py"
    module.write_text("a = 1")
    before = run_store.code_digest(tmp_path)
    module.write_text("a = 2")
    assert run_store.code_digest(tmp_path) != before


def _sealed(text: str) -> bytes:
    return f"{run_store._digest(text.encode())}\n{text}".encode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content.replace(b"finished", b"Finished"),
        lambda content: b"\xff\xfe" + content,
        lambda content: _sealed("{"),
        lambda content: _sealed('{"name": 1, "ending": "finished"}'),
        lambda content: _sealed('{"name": "task", "ending": "finished", "answers": {"rows": {"kind": "number"}}}'),
        lambda content: _sealed("[" * 100_000),
    ],
)
def test_a_damaged_entry_is_run_again_and_replaced(damage, counted, job, tmp_path):
    runs = RunStore(Store(tmp_path / "runs"), counted)
    first = runs.run(job)
    (entry,) = entries(tmp_path / "runs")
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    assert runs.run(job).answers == first.answers
    assert counted.count == 2
    assert runs.run(job) == RunStore(Store(tmp_path / "runs"), counted).run(job)
    assert counted.count == 2


def test_something_else_in_the_place_of_an_entry_or_of_the_folder_costs_a_run_and_no_more(counted, job, tmp_path):
    runs = RunStore(Store(tmp_path / "runs"), counted)
    runs.run(job)
    (entry,) = entries(tmp_path / "runs")
    entry.unlink()
    entry.mkdir()
    runs.run(job)
    (tmp_path / "file").write_text("")
    RunStore(Store(tmp_path / "file"), counted).run(job)
    assert counted.count == 3


@pytest.mark.parametrize(
    ("cell", "limits", "ending"),
    [
        ("while True: pass", Limits(wall_seconds=2.0, cpu_seconds=1), Ending.TIMED_OUT),
        ("import os; os.abort()", Limits(), Ending.CRASHED),
    ],
)
def test_ends_that_may_be_the_machines_are_not_kept(cell, limits, ending, counted, panel, tmp_path):
    runs = RunStore(Store(tmp_path / "runs"), counted)
    for _ in range(2):
        assert runs.run(Job("task", (cell,), panel, limits)).ending is ending
    assert counted.count == 2
    assert not (tmp_path / "runs").exists()


def test_a_fault_of_ours_is_raised_and_not_kept(counted, job, tmp_path):
    def broken(job: Job) -> NotebookRun:
        raise BoxBroken("The box ended.")

    with pytest.raises(BoxBroken):
        RunStore(Store(tmp_path / "runs"), broken).run(job)
    RunStore(Store(tmp_path / "runs"), counted).run(job)
    assert counted.count == 1


def test_the_store_is_its_owners_alone(counted, job, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir(mode=0o755)
    RunStore(Store(folder), counted).run(job)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in entries(folder)] == [0o600]


def test_what_was_not_used_is_removed(tmp_path):
    before = Store(tmp_path)
    before.write("a", "one")
    before.write("b", "two")
    now = Store(tmp_path)
    assert now.read("a") == "one"
    now.write("c", "three")
    now.remove_unused()
    assert [path.name for path in entries(tmp_path)] == ["a", "c"]
    assert now.read("b") is None
