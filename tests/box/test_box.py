"""The box, really opened: what is not in it, what its limits do, and what it gives back."""

from __future__ import annotations

import compileall
import errno
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import floors
import psutil
import pyseccomp
import pytest

import reference
from autograder.assignment.course import Course
from autograder.commands.doctor import protected_files
from autograder.errors import BoxBroken, BoxUnavailable
from autograder.records.grading import Ending, NotebookRun
from autograder.records.values import ListValue, Number, Other, Text, Truth
from autograder.sandbox import bubblewrap, doctor, policy, systemcalls
from autograder.sandbox.attempts import ATTEMPTS
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.policy import Limits
from reference.panels import tutorial_panel

IMPORT = "from autograder.student import check, load_panel"
PANEL = tutorial_panel().frame.to_csv(index=False).encode()


class Run(Protocol):
    """Runs cells in one of the warm boxes."""

    def __call__(self, *cells: str, limits: Limits | None = None) -> NotebookRun: ...


@pytest.fixture(scope="module")
def walls(boxes: Boxes, course: Course) -> dict[str, doctor.Wall]:
    # As Python leaves the box's code behind where nothing tells it not to.
    compileall.compile_dir(bubblewrap.INSIDE, quiet=1)
    return {wall.claim: wall for wall in doctor.examine_box(protected_files(course), boxes)}


def test_every_wall_of_the_box_holds(walls: dict[str, doctor.Wall]) -> None:
    assert {claim: wall.detail for claim, wall in walls.items() if not wall.holds} == {}
    assert len(walls) == len(ATTEMPTS) + 1


def test_a_wall_that_does_not_hold_is_noticed(monkeypatch: pytest.MonkeyPatch, course: Course) -> None:
    """Let the reference into the box on purpose: the doctor must see it."""
    mount = policy.Mount(course.root.parent / "reference", "/box/site/reference")
    honest = policy.library_mounts()
    monkeypatch.setattr(policy, "library_mounts", lambda packages: (*honest, mount))
    with Boxes() as boxes:
        leaking = {wall.claim for wall in doctor.examine_box(protected_files(course), boxes) if not wall.holds}
    assert leaking == {
        "questions, keys, the course's tables and the autograder cannot be imported",
        "no file of the course but the box's own code and the engine can be read",
        "no question, no words for mistakes and no key lies in the box, under whatever folder",
    }


def test_the_engine_can_be_imported_and_nothing_else_of_the_reference(run: Run, course: Course) -> None:
    rooms = {path.stem for path in (course.root.parent / "reference").iterdir() if path.suffix in ("", ".py")}
    others = sorted(rooms - {Path(room).stem for room in policy.ENGINE} - {"__pycache__"})
    assert "questions" in others
    ended = run("import reference; check('rooms', len(reference.__all__))", *(f"import reference.{o}" for o in others))
    assert ended.answers == {"rooms": Number(float(len(reference.__all__)))}
    assert [error.name for cell in ended.cells for error in cell.errors] == ["ModuleNotFoundError"] * len(others)


def test_the_engine_in_the_box_is_the_whole_of_it_and_no_more() -> None:
    rooms = {room.removesuffix(".py") for room in policy.ENGINE}
    assert rooms == {room for floor in floors.ENGINE for room in floor} - {"command"}


def test_libraries_that_are_not_installed_are_not_there_and_the_doctor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "WHERE_INSTALLED", ("tqdm", "no-such-library"))
    policy.installed.cache_clear()
    assert policy.installed() == ("tqdm",)
    said = doctor.describe_libraries()
    assert said is not None
    assert said.startswith("Notebooks cannot import no-such-library while")
    policy.installed.cache_clear()


def test_no_file_of_the_repository_is_readable_but_the_boxes_own_code_and_the_engine(run: Run, course: Course) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=course.root.parent, capture_output=True, text=True, check=True)
    files = [course.root.parent / name for name in listed.stdout.splitlines()]
    identities = {(path.stat().st_dev, path.stat().st_ino): str(path) for path in files if path.is_file()}
    ended = run(
        f"known = {identities!r}",
        "import os\nseen = []\n"
        "for folder, folders, names in os.walk('/'):\n"
        "    if folder == '/': folders.remove('proc')\n"
        "    for name in names:\n"
        "        status = os.lstat(os.path.join(folder, name))\n"
        "        if (status.st_dev, status.st_ino) in known: seen.append(known[status.st_dev, status.st_ino])",
        "check('seen', seen)",
        f"check('paths', [path for path in (*known.values(), {str(course.root.parent)!r}) if os.path.exists(path)])",
    )
    inside = {str(path) for path in (course.root.parent / "autograder" / "sandbox" / "inside").glob("*.py")}
    engine = [course.root.parent / "reference" / room for room in policy.ENGINE]
    inside |= {str(file) for room in engine for file in (room, *room.rglob("*.py")) if file.suffix == ".py"}
    seen = ended.answers["seen"]
    assert isinstance(seen, ListValue)
    assert set(seen.items) == inside
    assert ended.answers["paths"] == ListValue(())


def test_a_server_on_the_hosts_loopback_cannot_be_reached(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        ended = run(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=5)")
    assert "Error" in ended.cells[-1].errors[0].name


def test_the_panel_of_the_run_is_what_load_panel_returns(run: Run) -> None:
    ended = run(
        "p = load_panel()",
        "check('shape', p.shape)",
        "check('sales', p.sales.sum())",
        "check('ints', p.store_id.dtype.kind)",
    )
    frame = tutorial_panel().frame
    assert ended.answers == {
        "shape": ListValue(tuple(map(float, frame.shape))),
        "sales": Number(float(frame["sales"].sum())),
        "ints": Text("i"),
    }


def test_what_helps_a_learner_at_home_does_no_harm_here(run: Run) -> None:
    cells = (
        "from autograder.student import another, progress, reveal, summary",
        "icc = 0.5",
        'check("icc")',
        "progress()",
        'reveal("icc")',
        "summary()",
        'assert another("icc").equals(load_panel())',
    )
    found = run(*cells)
    assert [cell.errors for cell in found.cells] == [()] * 8
    assert found.answers == {}


def test_the_answers_before_an_endless_loop_are_kept(run: Run) -> None:
    ended = run("check('a', 1)", "while True: pass", "check('b', 2)", limits=Limits(wall_seconds=2.0, cpu_seconds=1))
    assert ended.ending is Ending.TIMED_OUT
    assert ended.answers == {"a": Number(1.0)}


def test_sleeping_is_no_way_around_the_time_limit(run: Run) -> None:
    ended = run(
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nsignal.pause()",
        limits=Limits(wall_seconds=1.0),
    )
    assert ended.ending is Ending.TIMED_OUT


@pytest.mark.parametrize(
    "cell",
    [
        "import os; os._exit(0)",
        "import os; os._exit(1)",
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_ending_python_costs_the_rest_of_this_notebook_and_no_other(boxes: Boxes, cell: str) -> None:
    notebooks = {
        "before": (IMPORT, "check('x', 1)"),
        "ends": (IMPORT, "check('x', 2)", cell, "check('y', 3)"),
        "after": (IMPORT, "check('x', 4)"),
    }
    runs = {name: boxes.run(Job(name, cells, PANEL)) for name, cells in notebooks.items()}
    assert {name: entry.ending for name, entry in runs.items()} == {
        "before": Ending.FINISHED,
        "ends": Ending.CRASHED,
        "after": Ending.FINISHED,
    }
    assert {name: dict(entry.answers) for name, entry in runs.items()} == {
        "before": {"x": Number(1.0)},
        "ends": {"x": Number(2.0)},
        "after": {"x": Number(4.0)},
    }


@pytest.mark.parametrize("cell", ["while True: print('x' * 1000)", "print('x' * 10**8)", "print('\\n' * 10**8)"])
def test_output_without_end_is_stopped(run: Run, cell: str) -> None:
    ended = run("check('a', 1)", cell, limits=Limits(output_bytes=100_000))
    assert ended.ending is Ending.OUTPUT_LIMIT
    assert ended.answers == {"a": Number(1.0)}
    assert len(str(ended.cells[-1].outputs)) < 300_000


def test_writing_past_our_capture_is_stopped_by_the_keeper(run: Run) -> None:
    """The learner finds the way out by its descriptor and floods it."""
    cell = (
        "import os\nfor fd in range(3, 20):\n    try:\n        while True: os.write(fd, b'x' * 2**20)\n"
        "    except OSError: pass"
    )
    ended = run("check('a', 1)", cell, limits=Limits(output_bytes=100_000))
    assert ended.ending is Ending.OUTPUT_LIMIT
    assert ended.answers == {"a": Number(1.0)}


def test_memory_of_many_processes_together_is_limited(run: Run) -> None:
    cell = (
        "import os, signal\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        kept = bytearray(200 * 2**20); kept[::4096] = b'x' * len(kept[::4096])\n"
        "        signal.pause()\n"
        "signal.pause()"
    )
    ended = run("check('a', 1)", cell, limits=Limits(memory_bytes=800 * 1024**2))
    assert ended.ending is Ending.OUT_OF_MEMORY
    assert ended.answers == {"a": Number(1.0)}


def test_nothing_outlives_a_notebook_and_nothing_outlives_the_box(boxes: Boxes) -> None:
    marker = "mlm-outlives"
    leaves = (
        "import os, signal\nif os.fork() == 0:\n    os.setsid()\n"
        f"    import ctypes\n    ctypes.CDLL(None).prctl(15, b'{marker}', 0, 0, 0)\n    signal.pause()"
    )
    looks = (
        "import os\ncheck('seen', any(open(f'/proc/{p}/comm').read().strip() == "
        f"'{marker}' for p in os.listdir('/proc') if p.isdigit()))"
    )
    boxes.run(Job("leaves", (IMPORT, leaves), PANEL))
    assert boxes.run(Job("looks", (IMPORT, looks), PANEL)).answers == {"seen": Truth(False)}
    assert [p for p in psutil.process_iter(["name"]) if p.info["name"] == marker] == []


def test_stopping_the_box_and_restarting_its_clock_for_ever_is_no_way_around_the_time_limit(boxes: Boxes) -> None:
    hangs = (
        "import json, os, signal, time\n"
        "os.kill(os.getppid(), signal.SIGSTOP)\n"
        "for turn in range(10**6):\n"
        "    event = {'event': 'start', 'notebook': ['hangs', 'next'][turn % 2]}\n"
        "    for fd in range(3, 8):\n"
        "        try: os.write(fd, json.dumps(event).encode() + b'\\n')\n"
        "        except OSError: pass\n"
        "    time.sleep(0.5)"
    )
    notebooks = {"hangs": (IMPORT, hangs), "next": (IMPORT, "check('a', 1)")}
    runs = [boxes.run(Job(name, cells, PANEL, Limits(wall_seconds=1.0))) for name, cells in notebooks.items()]
    assert Ending.TIMED_OUT in {entry.ending for entry in runs}


def test_the_processor_time_of_many_processes_together_is_limited(run: Run) -> None:
    """The wall clock is out of the way here: only the sum over the processes can end this."""
    busy = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    spread = (
        "import os\nwhile True:\n    if os.fork() == 0:\n"
        "        for _ in range(10**7): pass\n        os._exit(0)\n    os.wait()"
    )
    for cell in (busy, spread):
        ended = run("check('a', 1)", cell, limits=Limits(wall_seconds=600.0, cpu_seconds=2))
        assert ended.ending is Ending.TIMED_OUT
        assert ended.answers == {"a": Number(1.0)}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of these system calls are of x86-64")
def test_there_are_no_keys_of_the_kernel(run: Run) -> None:
    call = "import ctypes\nsyscall = ctypes.CDLL(None).syscall\n"
    leaves = call + "check('left', syscall(248, b'user', b'mlm', b'x', 1, -3) > 0)"
    finds = call + "check('found', syscall(250, 10, -3, b'user', b'mlm', 0) > 0)"
    assert run(leaves, finds).answers == {"left": Truth(False), "found": Truth(False)}


def test_killing_every_process_it_can_see_harms_nobody_else(boxes: Boxes) -> None:
    kills = (
        "import contextlib, os, signal\n"
        "for target in (-1, os.getppid(), *map(int, filter(str.isdigit, os.listdir('/proc')))):\n"
        "    if target != os.getpid():\n"
        "        with contextlib.suppress(OSError): os.kill(target, signal.SIGKILL)\n"
        "        with contextlib.suppress(OSError): os.kill(target, signal.SIGSTOP)\n"
        "check('alive', os.getppid())"
    )
    assert boxes.run(Job("kills", (IMPORT, kills), PANEL)).answers == {"alive": Number(1.0)}
    assert boxes.run(Job("after", (IMPORT, "check('x', 4)"), PANEL)).answers == {"x": Number(4.0)}


def test_a_count_that_no_notebook_can_hold_does_no_harm(run: Run) -> None:
    ended = run("get_ipython().execution_count = -7", "1", "get_ipython().execution_count = True", "2")
    assert [entry.outputs[0].data["text/plain"] for entry in ended.cells[2::2]] == ["1", "2"]


def test_forged_events_state_answers_and_nothing_else(run: Run) -> None:
    forge = (
        "import os, json\n"
        "lines = [{'event': 'end', 'notebook': 'other', 'how': 'finished'}, {'event': 'score', 'value': 100},\n"
        "  {'event': 'cell', 'notebook': 'task', 'cell': 999, 'outputs': [], 'error': None},\n"
        "  {'event': 'answer', 'notebook': 'nowhere', 'name': 'a', 'value': {'kind': 'number', 'value': 1}},\n"
        "  {'event': 'answer', 'notebook': 'task', 'name': 'a', 'value': {'kind': 'number', 'value': 7}}]\n"
        "for fd in range(3, 10):\n"
        "    try: os.write(fd, b''.join(json.dumps(l).encode() + b'\\n' for l in lines))\n"
        "    except OSError: pass\n"
    )
    ended = run(forge)
    assert ended.answers == {"a": Number(7.0)}
    assert {cell.index for cell in ended.cells} == {0, 1}


def test_an_object_that_equals_everything_is_no_answer(run: Run) -> None:
    ended = run("class All:\n    def __eq__(self, other): return True\ncheck('a', All())")
    assert ended.answers == {"a": Other("All")}


def test_outputs_are_those_of_a_notebook(run: Run) -> None:
    ended = run(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "load_panel().head(1)",
        "import sys\nprint('out'); print('err', file=sys.stderr)",
        "await __import__('asyncio').sleep(0)\n1 + 1",
        "input('name?')",
        "1 / 0",
    )
    figure, table, streams, awaited, asked, failed = ended.cells[1:]
    assert [output.output_type for output in figure.outputs] == ["display_data"]
    assert figure.outputs[0].data["image/png"].startswith("iVBOR")
    assert "store_id" in table.outputs[0].data["text/plain"]
    assert [(output.name, output.text) for output in streams.outputs] == [
        ("stdout", "out\n"),
        ("stderr", "err\n"),
    ]
    assert awaited.outputs[0].data["text/plain"] == "2"
    assert (asked.errors, asked.outputs[0].data["text/plain"]) == ((), "''")
    assert failed.outputs[0].ename == "ZeroDivisionError"


def run_in_a_new_box() -> NotebookRun:
    with Boxes() as boxes:
        return boxes.run(Job("task", ("1",), PANEL))


def fake_bubblewrap(folder: Path, script: str) -> None:
    (folder / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bwrap").chmod(0o755)


def test_without_bubblewrap_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BoxUnavailable, match=r"bwrap was not found.*apt-get install bubblewrap"):
        run_in_a_new_box()
    with Boxes() as boxes:
        boxes.open_soon(2)
        with pytest.raises(BoxUnavailable, match="bwrap was not found"):
            boxes.run(Job("task", ("1",), PANEL))


def test_where_bubblewrap_is_refused_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_bubblewrap(tmp_path, "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BoxUnavailable, match=r"Permission denied.*user namespaces are switched off"):
        run_in_a_new_box()


def test_in_a_container_that_forbids_namespaces_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """bubblewrap itself still works there; what it refuses are the namespaces of each notebook."""
    bwrap = shutil.which("bwrap")
    no_namespaces = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    new_process_namespace = 0x20000000
    no_namespaces.add_rule(
        pyseccomp.ERRNO(errno.EPERM),
        "clone",
        pyseccomp.Arg(0, pyseccomp.MASKED_EQ, new_process_namespace, new_process_namespace),
    )
    with (tmp_path / "filter").open("wb") as file:
        no_namespaces.export_bpf(file)
    fake_bubblewrap(tmp_path, f'exec 9<{tmp_path}/filter; exec {bwrap} --seccomp 9 "$@"')
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BoxUnavailable, match=r"clone: Operation not permitted.*under Docker or Podman.*--privileged"):
        run_in_a_new_box()


def test_without_libseccomp_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    systemcalls.compiled_filter.cache_clear()
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    with pytest.raises(BoxUnavailable, match="apt-get install libseccomp2"):
        run_in_a_new_box()


def test_a_box_that_breaks_before_any_notebook_is_our_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    (tmp_path / "zygote.py").write_text("raise SystemExit('the disk is on fire')")
    monkeypatch.setattr(bubblewrap, "INSIDE", tmp_path)
    with pytest.raises(BoxBroken, match="the disk is on fire"):
        run_in_a_new_box()


def test_the_boxes_own_code_refuses_to_run_outside() -> None:
    line = [sys.executable, "-c", "from autograder.sandbox.inside import zygote; zygote.main(0)"]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "runs in the box only" in ended.stderr
