"""The walls between one notebook and the next, what happens when a box fails, and that nothing is left behind."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

import psutil
import pytest

from autograder.errors import BoxBroken
from autograder.records.grading import Ending, NotebookRun
from autograder.records.values import ListValue, Number, Text, Truth
from autograder.sandbox import box, cgroups, doctor, processes
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.cgroups import open_group
from autograder.sandbox.policy import Limits
from autograder.sandbox.run_record import Record

IMPORT = "from autograder.student import check, load_panel"

needs_group = pytest.mark.skipif(
    (_group := open_group()) is None, reason="this machine lets us make no control group that counts memory"
)
if _group is not None:
    _group.remove()


def descendants() -> set[int]:
    """Everything that has come from this process and still runs."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


def groups() -> set[str]:
    """The control groups that this process has made."""
    # `Path.rglob` fails where a group of another run ends while the tree is read.
    return set(glob(f"/sys/fs/cgroup/**/{cgroups.PREFIX}{os.getpid()}-*", recursive=True))


def test_notebooks_that_run_at_the_same_time_do_not_find_each_other(boxes: Boxes, panel: bytes) -> None:
    """Both are there for two seconds: each offers a socket and a process, and looks for the other's all the time."""
    cell = (
        "import os, socket, time\n"
        "mine, other = NAMES\n"
        "listener = socket.socket(socket.AF_UNIX); listener.bind('\\0' + mine); listener.listen()\n"
        "open(f'/tmp/{mine}', 'w').close(); open(f'/dev/shm/{mine}', 'w').close()\n"
        "import ctypes; ctypes.CDLL(None).prctl(15, mine.encode(), 0, 0, 0)\n"
        "found, end = set(), time.monotonic() + 2\n"
        "while time.monotonic() < end:\n"
        "    for address in ('\\0' + other, f'/tmp/{other}'):\n"
        "        with socket.socket(socket.AF_UNIX) as attempt:\n"
        "            if attempt.connect_ex(address) == 0: found.add(address)\n"
        "    found |= {p for p in (f'/tmp/{other}', f'/dev/shm/{other}') if os.path.exists(p)}\n"
        "    for pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "        if open(f'/proc/{pid}/comm').read().strip() == other: found.add(pid)\n"
        "check('found', sorted(found)); check('mine', connected := mine)"
    )
    jobs = [Job("task", (IMPORT, f"NAMES = {names!r}", cell), panel) for names in (("anna", "ben"), ("ben", "anna"))]
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(boxes.run, jobs))
    assert [ended.answers["mine"] for ended in runs] == [Text("anna"), Text("ben")]
    assert [str(ended.answers["found"]) for ended in runs] == ["ListValue(items=())"] * 2


def test_nothing_that_is_set_on_an_open_file_is_found_by_the_next_notebook(boxes: Boxes, panel: bytes) -> None:
    """The box holds descriptors 0 to 2 all the time, and the devices in it are those of the host."""
    cell = (
        "import fcntl, os, struct\n"
        "def lock(file, command, start):\n"
        "    asked = struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, start, 1, 0)\n"
        "    return struct.unpack('hhqqi4x', fcntl.fcntl(file, command, asked))[0] != fcntl.F_UNLCK\n"
        "GET, SET, F_SETSIG, F_GETSIG = 36, 37, 10, 11\n"
        "other = os.open('/dev/null', os.O_RDWR)\n"
        "found = [lock(other, GET, 77), fcntl.fcntl(0, F_GETSIG), fcntl.fcntl(0, fcntl.F_GETFL) & os.O_NONBLOCK]\n"
        "check('found', found)\n"
        "lock(0, SET, 77); fcntl.fcntl(0, F_SETSIG, 33); fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK)\n"
        "try:\n    os.utime('/dev/null')\nexcept OSError: check('held', True)\n"
    )
    for name in "ab":
        ended = boxes.run(Job(name, (IMPORT, cell), panel))
        assert ended.answers == {"found": ListValue((False, 0.0, 0.0)), "held": Truth(True)}


def test_every_notebook_draws_random_numbers_of_its_own(boxes: Boxes, panel: bytes) -> None:
    cell = (
        "import random, numpy, uuid, tempfile\n"
        "check('drawn', [random.random(), numpy.random.rand(), uuid.uuid4().hex, tempfile.mktemp()])"
    )
    runs = [boxes.run(Job(name, (IMPORT, cell), panel)) for name in "abc"]
    drawn = [str(ended.answers["drawn"]).split(",") for ended in runs]
    assert [len(set(column)) for column in zip(*drawn, strict=True)] == [3, 3, 3, 3]


def test_numpy_threads_and_processes_work_after_the_fork(boxes: Boxes, panel: bytes) -> None:
    """Neither BLAS, nor matplotlib, nor a pool of either kind waits for a lock that the fork left closed."""
    cell = (
        "import concurrent.futures, multiprocessing, numpy, matplotlib.pyplot as plt\n"
        "square = numpy.ones((600, 600))\n"
        "def work(n): return float((square @ square)[0, 0]) * n\n"
        "with concurrent.futures.ThreadPoolExecutor(2) as pool: threads = sum(pool.map(work, [1, 2]))\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool: forks = sum(pool.map(work, [1, 2]))\n"
        "plt.hist(square.ravel()); plt.savefig('figure.png')\n"
        "check('threads', threads); check('forks', forks)"
    )
    ended = boxes.run(Job("task", (IMPORT, cell), panel, Limits(wall_seconds=60.0)))
    assert ended.ending is Ending.FINISHED
    assert ended.answers == {"threads": Number(1800.0), "forks": Number(1800.0)}


def test_a_box_that_has_ended_between_notebooks_is_replaced(panel: bytes) -> None:
    job = Job("task", (IMPORT, "check('x', 1)"), panel)
    with Boxes() as boxes:
        boxes.run(job)
        (opened,) = boxes._idle.queue
        family = processes.family(opened.root)
        family[-1].kill()
        psutil.wait_procs(family)
        assert boxes.run(job).answers == {"x": Number(1.0)}


def test_a_box_that_ends_under_a_notebook_is_our_fault(panel: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was running is run once more, alone; not graded if that fails too; and the next one gets a new box."""
    take = Record.take
    opened: list[box.Box] = []
    start = box.Box.__init__

    def noted(self: box.Box, *arguments: object) -> None:
        opened.append(self)
        start(self, *arguments)  # type: ignore[arg-type]

    def kill(self: Record, line: bytes) -> None:
        take(self, line)
        if b"die" in line:
            processes.family(opened[-1].root)[2].kill()

    monkeypatch.setattr(box.Box, "__init__", noted)
    monkeypatch.setattr(Record, "take", kill)
    with Boxes() as boxes:
        with pytest.raises(BoxBroken, match="The box ended while a notebook ran"):
            boxes.run(Job("task", (IMPORT, "check('die', 1)", "import signal; signal.pause()"), panel))
        assert len(opened) == 2
        assert boxes.run(Job("task", (IMPORT, "check('x', 1)"), panel)).answers == {"x": Number(1.0)}


def mounts() -> list[str]:
    """Return what is mounted here, but for what other tests mount meanwhile in folders of their own."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "/pytest-of-" not in line]


def test_nothing_is_left_of_boxes_that_were_closed(panel: bytes, pytestconfig: pytest.Config) -> None:
    """Processes, control groups, mounts, files; of a large class with ``--submissions 200``."""
    submissions = pytestconfig.getoption("submissions")
    leaves = (
        "import os, signal\n"
        "for folder in ('/tmp', '/dev/shm', '.'): open(f'{folder}/left', 'w').write('x' * 10**6)\n"
        "if os.fork() == 0:\n    os.setsid()\n    signal.pause()"
    )
    before = descendants(), groups()
    mounted, files = mounts(), set(os.listdir(tempfile.gettempdir()))
    with Boxes() as boxes, ThreadPoolExecutor(2) as pool:
        boxes.open_soon(3)  # of which two will be needed
        jobs = [Job(f"task{number}", (leaves,), panel) for number in range(5)]
        runs = list(pool.map(boxes.run, jobs * submissions))
        assert descendants() > before[0]
    assert [ended.ending for ended in runs] == [Ending.FINISHED] * 5 * submissions
    assert (descendants(), groups()) == before
    assert mounts() == mounted
    assert [name for name in set(os.listdir(tempfile.gettempdir())) - files if name.startswith(("mlm", "left"))] == []


FILLS = "import os\nfor n in range(400):\n    with open(f'/dev/shm/{n}', 'wb') as file: file.write(bytes(2**22))"
FORKS = (
    "import os, signal\n"
    "for _ in range(6):\n"
    "    if os.fork() == 0:\n"
    "        kept = bytearray(200 * 2**20); kept[::4096] = b'x' * len(kept[::4096])\n"
    "        signal.pause()\n"
    "signal.pause()"
)


def run_in_new_box(panel: bytes, *cells: str, limits: Limits) -> NotebookRun:
    with Boxes() as boxes:
        return boxes.run(Job("task", (IMPORT, *cells), panel, limits))


SENDS = (
    "import socket\n"
    "one, other = socket.socketpair()\n"
    "kept = [open(f'/dev/shm/{n}', 'wb') for n in range(6)]\n"
    "for file in kept: file.write(bytes(15 * 2**20)); file.flush()\n"
    "socket.send_fds(one, [b'x'], [one.fileno(), other.fileno(), *(file.fileno() for file in kept)])"
)


@needs_group
def test_memory_that_a_notebook_left_is_not_taken_from_the_next_one(panel: bytes) -> None:
    """Files sent over sockets that are in flight themselves belong to nobody until the kernel looks for them."""
    limits = Limits(memory_bytes=2**30)
    with Boxes() as boxes:
        for _ in range(12):
            left = boxes.run(Job("task", (SENDS,), panel, limits))
            assert left.ending is Ending.FINISHED
        honest = boxes.run(Job("task", (IMPORT, "check('x', len(bytes(6 * 10**8)))"), panel, limits))
    assert honest.answers == {"x": Number(6e8)}


@needs_group
def test_files_in_memory_count_as_memory(boxes: Boxes, panel: bytes) -> None:
    limits = Limits(memory_bytes=2**30, scratch_bytes=2**31, file_bytes=2**23)
    ended = boxes.run(Job("task", (IMPORT, "check('a', 1)", FILLS), panel, limits))
    assert ended.ending is Ending.OUT_OF_MEMORY
    assert ended.answers == {"a": Number(1.0)}


def test_without_control_groups_the_processes_are_looked_at(panel: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "open_group", lambda: None)
    monkeypatch.setattr(doctor, "open_group", lambda: None)
    ended = run_in_new_box(panel, "check('a', 1)", FORKS, limits=Limits(memory_bytes=800 * 2**20))
    assert ended.ending is Ending.OUT_OF_MEMORY
    assert ended.answers == {"a": Number(1.0)}
    assert "rlimits" in doctor.describe_limits()


def test_a_control_group_of_version_2_is_used_as_one_of_version_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are those of the kernel's documentation; this machine may have either version."""
    (tmp_path / "user" / "session").mkdir(parents=True)
    (tmp_path / "user" / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (tmp_path / "own").write_text("0::/user/session\n")
    monkeypatch.setattr(cgroups, "MOUNTS", tmp_path)
    monkeypatch.setattr(cgroups, "OWN_GROUPS", tmp_path / "own")
    (group,) = cgroups._candidates()
    assert group.memory.parent == tmp_path / "user"
    group.memory.mkdir()
    group.limit(Limits(memory_bytes=1000, processes=8))
    assert (group.memory / "memory.max").read_text() == "1000"
    assert (group.memory / "pids.max").read_text() == "8"
    (group.memory / "memory.events.local").write_text("low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n")
    (group.memory / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n")
    assert (group.memory_ends(), group.cpu_seconds()) == (cgroups.MemoryEnds(met=2, killed=1), 2.5)


def test_what_a_notebook_shows_is_what_jupyter_shows(boxes: Boxes, panel: bytes) -> None:
    cells = (
        "from IPython.display import clear_output, display\nhandle = display(1, display_id=True); handle.update(2)",
        "print('gone'); clear_output(); print('kept')",
        "%matplotlib inline\n%config InlineBackend.figure_format = 'png'",
        "%%capture kept\nprint('not shown')",
        "kept.stdout",
        "exit()",
        "print('not the end')",
    )
    ended = boxes.run(Job("task", cells, panel))
    shown = [[output.text or output.data.get("text/plain") for output in cell.outputs] for cell in ended.cells]
    assert shown == [["2"], ["kept\n"], [], [], ["'not shown\\n'"], [], ["not the end\n"]]
    assert ended.ending is Ending.FINISHED
