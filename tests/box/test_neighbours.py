"""No notebook pays for another: what ends one for want of memory or time is told apart by whose doing it was."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import BoxBroken
from autograder.records.grading import Ending
from autograder.records.values import Number
from autograder.sandbox import box, cgroups, clock
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.clock import lost_seconds
from autograder.sandbox.keeper import PATIENCE, Memory, _Walls
from autograder.sandbox.policy import Limits
from autograder.sandbox.turns import Turns

IMPORT = "from autograder.student import check, load_panel"

seconds = st.floats(0.0, 1e4)


@given(seconds, seconds, seconds, st.integers(1, 64))
def test_no_more_time_is_lost_than_passed(passed: float, ran: float, waited: float, processors: int) -> None:
    assert 0.0 <= lost_seconds(passed, ran, waited, processors) <= passed


@given(st.floats(0.01, 1e4), st.integers(1, 16), st.integers(0, 64))
def test_who_has_the_whole_machine_loses_nothing(passed: float, processors: int, more: int) -> None:
    """Its own processes wait for each other then."""
    assert lost_seconds(passed, processors * passed, more * passed, processors) == 0.0


@given(st.floats(0.01, 1e4), st.floats(0.0, 1.0), st.integers(1, 16))
def test_one_process_loses_what_it_waits(passed: float, share: float, processors: int) -> None:
    lost = lost_seconds(passed, share * passed, (1.0 - share) * passed, processors)
    assert lost == pytest.approx((1.0 - share) * passed)


def test_who_sleeps_loses_nothing() -> None:
    assert lost_seconds(10.0, 0.0, 0.0, 2) == 0.0


class Times(NamedTuple):
    """What the kernel says that the processors of a machine did."""

    user: float
    nice: float
    system: float
    idle: float
    iowait: float
    irq: float
    softirq: float
    steal: float


class VirtualMachine:
    """Two processors for a notebook and others, of whose every second some is stolen; it keeps the time itself."""

    def __init__(self, ran: float, others: float, stolen: float, waited: float) -> None:
        self.ran, self.others, self.stolen, self.waited = ran, others, stolen, waited
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sched_getaffinity(self, _: int) -> set[int]:
        return {0, 1}

    def cpu_times(self) -> Times:
        idle = 2.0 - self.ran - self.others - self.stolen
        return Times(*(self.now * each for each in (self.ran, 0, self.others, idle, 0, 0, 0, self.stolen)))

    def cpu_seconds(self) -> float:
        return self.now * self.ran

    def waited_seconds(self) -> float:
        return self.waited

    def clock(self, monkeypatch: pytest.MonkeyPatch) -> clock.Clock:
        """Return the clock of a notebook after 90 seconds, at each of which it looked."""
        for module in ("time", "os", "psutil"):
            monkeypatch.setattr(clock, module, self)
        counting = clock.Clock(self)
        for self.now in range(1, 91):
            counting.look()
        return counting


@pytest.mark.parametrize(
    ("ran", "others", "stolen", "waited", "lost"),
    [
        pytest.param(0.5, 1.5, 0.0, 0.3, 0.3, id="nothing is stolen"),
        pytest.param(0.2, 0.0, 0.8, 0.0, 0.8, id="it runs alone"),
        pytest.param(0.2, 0.2, 1.6, 0.0, 0.8, id="two notebooks share what is left"),
        pytest.param(0.1, 0.1, 0.8, 0.5, 0.9, id="two share one processor, and wait for each other too"),
        pytest.param(1.0, 0.0, 1.0, 0.0, 0.5, id="it runs on both processors"),
        pytest.param(0.1, 0.0, 0.4, 0.0, 0.4, id="it sleeps half of the time"),
        pytest.param(0.0, 0.2, 0.8, 0.0, 0.0, id="it sleeps, and others are stolen from"),
        pytest.param(0.0, 0.0, 0.1, 0.0, 0.0, id="all sleep"),
        pytest.param(0.01, 0.39, 1.6, 0.0, 0.04, id="it hardly runs, and others are stolen from"),
    ],
)
def test_what_is_stolen_from_the_machine_is_lost_by_those_who_run(
    monkeypatch: pytest.MonkeyPatch, ran: float, others: float, stolen: float, waited: float, lost: float
) -> None:
    counting = VirtualMachine(ran, others, stolen, waited).clock(monkeypatch)
    assert counting.lost == pytest.approx(90 * lost)
    assert counting.counted == pytest.approx(90 * (1.0 - lost))
    assert counting.ran_freely is (lost <= clock.LITTLE)


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Keep the machine busy, as other people's work does."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_a_busy_machine_times_nobody_out(boxes: Boxes, panel: bytes) -> None:
    """On an empty machine this takes two of its five seconds; here it takes many more on the wall."""
    computes = "import time\nwhile time.process_time() < 2.0: pass\ncheck('done', 1)"
    limits = Limits(wall_seconds=5.0, cpu_seconds=20)
    with busy_processes(8 * len(os.sched_getaffinity(0))):
        ended = boxes.run(Job("task", (IMPORT, computes), panel, limits))
    assert (ended.ending, ended.answers) == (Ending.FINISHED, {"done": Number(1.0)})


def test_sleeping_on_a_busy_machine_is_no_way_around_the_time_limit(boxes: Boxes, panel: bytes) -> None:
    with busy_processes(2 * len(os.sched_getaffinity(0))):
        ended = boxes.run(Job("task", ("import time; time.sleep(10**6)",), panel, Limits(wall_seconds=2.0)))
    assert ended.ending is Ending.TIMED_OUT


@pytest.mark.drawn(1)
@pytest.mark.parametrize("grouped", [True, False])
def test_many_processes_beside_it_time_nobody_out(
    panel: bytes, monkeypatch: pytest.MonkeyPatch, *, grouped: bool
) -> None:
    if not grouped:
        monkeypatch.setattr(box, "open_group", lambda: None)
    burns = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    computes = "import time\nwhile time.process_time() < 1.5: pass\ncheck('done', 1)"
    with Boxes() as boxes, ThreadPoolExecutor(2) as pool:
        burner = pool.submit(boxes.run, Job("task", (burns,), panel, Limits(cpu_seconds=8)))
        job = Job("task", (IMPORT, computes), panel, Limits(wall_seconds=2.5, cpu_seconds=20))
        ended = boxes.run(job)
        assert (ended.ending, ended.answers) == (Ending.FINISHED, {"done": Number(1.0)})
        assert burner.result().ending is Ending.TIMED_OUT


def test_a_box_opens_where_its_processes_are_the_first_to_end_already() -> None:
    """As in some containers; what was set there can be lowered by nobody inside."""
    opens = (
        "open('/proc/self/oom_score_adj', 'w').write('1000')\n"
        "from autograder.sandbox.box import Job\n"
        "from autograder.sandbox.boxes import Boxes\n"
        "cell = 'print(open(\"/proc/self/oom_score_adj\").read().strip())'\n"
        "with Boxes() as boxes: print(boxes.run(Job('task', (cell,), b'')).cells[0].outputs[0].text)"
    )
    ended = subprocess.run([sys.executable, "-c", opens], capture_output=True, text=True, check=False)
    assert (ended.stdout.strip(), ended.stderr) == ("1000", "")


def test_who_runs_alone_runs_beside_nobody() -> None:
    """Whoever comes later waits for the one who waits to be alone."""
    turns, order = Turns(), list[str]()

    def run(name: str, *, alone: bool) -> None:
        with turns.turn(alone=alone):
            order.append(f"{name} begins")
            order.append(f"{name} ends")

    with ThreadPoolExecutor(2) as pool, turns.turn(alone=False):
        pool.submit(run, "alone", alone=True)
        while not turns._waiting:
            pass
        pool.submit(run, "later", alone=False)
        assert order == []
    assert order == ["alone begins", "alone ends", "later begins", "later ends"]


class Starved:
    """A notebook that never gets the processor, and what its tasks wait."""

    def __init__(self) -> None:
        self.waited = 1e9

    def cpu_seconds(self) -> float:
        return 0.0

    def waited_seconds(self) -> float:
        return self.waited

    def memory(self, *, killed: bool = False) -> Memory:
        return Memory.FITS


@pytest.mark.parametrize("alone", [False, True])
def test_a_machine_without_time_is_no_verdict(monkeypatch: pytest.MonkeyPatch, *, alone: bool) -> None:
    monkeypatch.setattr(clock, "busy_seconds", lambda: 1e3 * time.monotonic())
    limits = Limits(wall_seconds=0.05)
    walls = _Walls(Starved(), limits, alone=alone)
    met = None
    while met is None:
        met = walls.met()
    assert isinstance(met, BoxBroken)
    assert "too busy with other work" in str(met)
    assert walls.clock.passed > PATIENCE * limits.wall_seconds
    assert walls.clock.counted < limits.wall_seconds


@pytest.mark.parametrize("alone", [False, True])
def test_who_waits_while_nobody_else_runs_waits_for_its_own(monkeypatch: pytest.MonkeyPatch, *, alone: bool) -> None:
    """Tasks that run at the same moments, in short bursts, seem to wait for others."""
    monkeypatch.setattr(clock, "busy_seconds", lambda: 0.0)
    monkeypatch.setattr(clock, "TICK", 0.0)
    walls = _Walls(Starved(), Limits(wall_seconds=0.05), alone=alone)
    met = None
    while met is None:
        met = walls.met()
    assert met is Ending.TIMED_OUT


HOGS = {
    "pages": "kept = []\nwhile True: kept.append(bytearray(b'x' * 2**24))",
    "many processes": (
        "import os, signal\nfor _ in range(6):\n    if os.fork() == 0: break\n"
        "kept = []\nwhile True: kept.append(bytearray(b'x' * 2**22))"
    ),
    "files and pages": (
        "for n in range(3):\n    with open(f'/dev/shm/{n}', 'wb') as file: file.write(bytes(2**24 - 1))\n"
        "kept = []\nwhile True: kept.append(bytearray(b'x' * 2**20))"
    ),
    "the number that chooses": (
        "try: open('/proc/self/oom_score_adj', 'w').write('-1000')\nexcept OSError: pass\n"
        "kept = []\nwhile True: kept.append(bytearray(b'x' * 2**22))"
    ),
}

#: Runs in a group of its own: an honest notebook again and again, beside others that take memory.
CLASS = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from autograder.errors import BoxBroken
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.cgroups import memory_there_is
from autograder.sandbox import box
from autograder.sandbox.policy import Limits
from autograder.sandbox.turns import Turns

hogs, limit, grouped = json.loads(sys.stdin.read())
if not grouped:
    box.open_group = lambda: None
honest = "from autograder.student import check\\nkept = bytearray(b'x' * 10**8)\\ncheck('sum', sum(kept[:10]))"
with Boxes() as boxes, ThreadPoolExecutor(2) as pool:
    def run(cell, limits):
        try:
            ended = boxes.run(Job("task", (cell,), b"", limits))
            return [str(ended.ending), len(ended.answers)]
        except BoxBroken as broken:
            return [str(broken), 0]
    hurting = pool.submit(lambda: [run(hog, Limits(memory_bytes=limit)) for hog in hogs])
    found = [run(honest, Limits())]
    while not hurting.done():
        found.append(run(honest, Limits()))
    print(json.dumps({"hogs": hurting.result(), "honest": found, "there": memory_there_is()}))
"""


@contextlib.contextmanager
def small_machine(memory_bytes: int) -> Iterator[Path]:
    """Make a group in which so much memory is, as in a container, and yield its folder."""
    own = dict(cgroups._own_groups())
    version = 1 if "memory" in own else 2
    parent = own.get("memory") or own.get("")
    if parent is None or (version == 2 and not cgroups._gives(parent)):
        pytest.skip("this machine lets us make no control group that counts memory")
    folder = parent / f"mlm-test-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / ("memory.limit_in_bytes" if version == 1 else "memory.max")).write_text(str(memory_bytes))
    except OSError as error:
        pytest.skip(f"this machine lets us make no control group that counts memory: {error}")
    try:
        yield folder
    finally:
        folder.rmdir()


def graded_on(folder: Path, hogs: list[str], limit: int, *, grouped: bool = True) -> dict[str, Any]:
    """Run the class in a group, and return what came of it."""
    enter = f"open({str(folder / 'cgroup.procs')!r}, 'w').write('0')\n"
    command = [sys.executable, "-c", enter + CLASS]
    ended = subprocess.run(
        command, input=json.dumps([hogs, limit, grouped]), capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.drawn(1)
@pytest.mark.parametrize(("hogs", "grouped"), [(list(HOGS), True), (["pages"], False)])
def test_where_memory_ends_for_all_no_innocent_pays(hogs: list[str], *, grouped: bool) -> None:
    """The machine is smaller than what one notebook may use, and no limit is met: so that is no verdict either."""
    with small_machine(1_300_000_000) as folder:
        found = graded_on(folder, [HOGS[hog] for hog in hogs], 3 * 1024**3, grouped=grouped)
    assert {tuple(one) for one in found["honest"]} == {("finished", 1)}
    assert ["want of memory" in said for said, _ in found["hogs"]] == [True] * len(hogs)
    assert found["there"] == pytest.approx(1.3e9, rel=0.01)


def test_who_meets_the_own_limit_there_is_out_of_memory() -> None:
    with small_machine(1_300_000_000) as folder:
        found = graded_on(folder, [HOGS["many processes"]], 500 * 10**6)
    assert {tuple(one) for one in found["honest"]} == {("finished", 1)}
    assert found["hogs"] == [["out of memory", 0]]


def test_the_memory_of_a_group_of_version_2_is_that_of_the_smallest_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "user" / "session"
    own.mkdir(parents=True)
    (tmp_path / "own").write_text("0::/user/session\n")
    (own / "memory.max").write_text("max\n")
    (own.parent / "memory.max").write_text("2000000\n")
    monkeypatch.setattr(cgroups, "MOUNTS", tmp_path)
    monkeypatch.setattr(cgroups, "OWN_GROUPS", tmp_path / "own")
    assert cgroups.memory_there_is() == 2_000_000
