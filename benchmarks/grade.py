"""Measure what grading costs: the same submissions in the box, without any box, and graded by nbgrader and otter.

Run from a checkout: ``.venv/bin/python benchmarks/grade.py --submissions 20 --rounds 3``, or, to compare this checkout
with a commit, ``.venv/bin/python benchmarks/grade.py --against main --submissions 10 --pairs 12``

All contenders run one after the other in every round, so that a busy machine is busy for all of them; what is printed
is the median of the rounds. The floor is what no grader can do without: the cells of the same notebooks, in a fork of a
process that has imported the scientific stack, with no box around it.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.util
import os
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

# Before anything imports a BLAS: a process with threads cannot be forked safely.
os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"

import psutil
from paired import ASSIGNMENT, MEMO_WAITS, ROOT, SEED, command, compare, make_class, show_ratios
from rich.console import Console
from rich.table import Table

from autograder.assignment.course import Course
from autograder.assignment.release import read_release
from autograder.grading.pipeline import prepare_panels
from autograder.grading.submission import read_notebook
from autograder.sandbox import processes
from autograder.sandbox.boxes import Boxes, Job
from autograder.sandbox.inside import notebook as inside
from autograder.sandbox.policy import Limits

Notebooks = dict[str, tuple[str | None, ...]]


@dataclass
class Measured:
    """One contender: seconds per submission by round, of the clock and of the processors, and the peak memory in MB."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    memory: float = 0.0
    private: float = 0.0

    @property
    def median(self) -> float:
        """Seconds per submission."""
        return statistics.median(self.seconds)


@contextlib.contextmanager
def measured(into: Measured, submissions: int) -> Iterator[None]:
    """Enter the time and the peak memory of what happens inside."""
    done = threading.Event()
    watcher = threading.Thread(target=_watch_memory, args=(into, done))
    watcher.start()
    began, used = time.perf_counter(), _cpu_seconds()
    try:
        yield
        into.seconds.append((time.perf_counter() - began) / submissions)
        into.cpu_seconds.append((_cpu_seconds() - used) / submissions)
    finally:
        done.set()
        watcher.join()


def _cpu_seconds() -> float:
    # Of a box that has been closed not all is told to who started it: this is right for boxes that are still open.
    return processes.cpu_seconds(processes.family(os.getpid()))


def _watch_memory(into: Measured, done: threading.Event) -> None:
    while not done.wait(0.5):
        total = 0.0
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                memory = process.memory_full_info()
                total += memory.pss / 1e6
                # What notebooks are forked from is shared by all of them, and counted in the total alone.
                if process.children() == [] and (parent := process.parent()) is not None and parent.name() != "bwrap":
                    into.private = max(into.private, memory.uss / 1e6)
        into.memory = max(into.memory, total)


class Floor:
    """Workers that run notebooks with no box: each a warm process that forks for every notebook."""

    def __init__(self, shell: inside.Notebooks, notebooks: Notebooks, workers: int, scratch: Path) -> None:
        """Fork the workers, before there are any threads; they wait."""
        self.workers: list[socket.socket] = []
        for _ in range(workers):
            ours, theirs = socket.socketpair()
            if os.fork() == 0:
                ours.close()
                while share := theirs.recv(1):
                    for _ in range(share[0]):
                        _run_without_box(shell, notebooks, scratch)
                    theirs.send(b"!")
                os._exit(0)
            theirs.close()
            self.workers.append(ours)

    def run(self, submissions: int) -> None:
        """Run so many submissions, shared among the workers."""
        for place, worker in enumerate(self.workers):
            worker.send(bytes([submissions // len(self.workers) + (place < submissions % len(self.workers))]))
        for worker in self.workers:
            worker.recv(1)


def _run_without_box(shell: inside.Notebooks, notebooks: Notebooks, scratch: Path) -> None:
    for name in notebooks:
        way_out, inner = os.pipe()
        child = os.fork()
        if child == 0:
            inside.WORK = f"{tempfile.mkdtemp(dir=scratch)}/work"
            job = {**Job(notebooks, b"").order(name), "limits": {"output_bytes": Limits().output_bytes}}
            try:
                shell.run(job, inside.Channel(inner))
            finally:
                os._exit(0)
        os.close(inner)
        while os.read(way_out, 1 << 20):
            pass
        os.close(way_out)
        os.waitpid(child, 0)


def run_boxes(boxes: Boxes, notebooks: Notebooks, panels: list[bytes], submissions: int, workers: int) -> None:
    """Run every submission on every panel in boxes that are open already."""
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda _: [boxes.run(Job(notebooks, panel)) for panel in panels], range(submissions)))


def prepare_nbgrader(course: Course, submitted: Path, folder: Path) -> Path:
    """Make a course of nbgrader's with the same assignment and submissions."""
    folder.mkdir()
    shutil.copytree(course.source(ASSIGNMENT), folder / "source" / ASSIGNMENT)
    shutil.copytree(submitted, folder / "submitted")
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'benchmark'\n")
    command(Path(sys.executable).with_name("nbgrader"), "generate_assignment", ASSIGNMENT, cwd=folder)
    return folder


def prepare_otter(folder: Path) -> Path:
    """Make an otter configuration with one test for each notebook; otter runs the cells whatever the tests are."""
    (folder / "tests").mkdir(parents=True)
    test = {"name": "q1", "points": 1, "suites": [{"cases": [{"code": ">>> True\nTrue"}], "type": "doctest"}]}
    (folder / "tests" / "q1.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n")
    command(sys.executable, "-m", "otter", "generate", "--no-environment", "-o", folder / "autograder.zip", cwd=folder)
    return folder / "autograder.zip"


class Comparison:
    """All contenders over the same submissions, and what was measured of each."""

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        """Prepare the submissions and the contenders."""
        course = Course(ROOT / "solutions")
        rubric = course.rubric(ASSIGNMENT)
        released = read_release(course, rubric)
        read = [read_notebook(course.source(ASSIGNMENT) / f"{r.name}.ipynb", r) for r in released]
        self.notebooks = {n.name: tuple(c.source if c.cell_type == "code" else None for c in n.cells) for n in read}
        self.panels = [keyed.panel.to_csv_bytes() for keyed in prepare_panels(rubric, SEED)]
        self.options, self.count, self.scratch = options, options.submissions, scratch
        (scratch / "panel.csv").write_bytes(self.panels[0])
        inside.PANEL = str(scratch / "panel.csv")
        shell = inside.Notebooks()
        gc.collect()
        gc.freeze()  # as a box does, and here there is more that notebooks never use
        self.floors = {n: Floor(shell, self.notebooks, n, scratch) for n in options.workers}
        self.submitted = make_class(course, scratch, self.count)
        self.nbgrader = prepare_nbgrader(course, self.submitted, scratch / "nbgrader") if options.nbgrader else None
        has_otter = options.otter and importlib.util.find_spec("otter") is not None
        self.otter = prepare_otter(scratch / "otter") if has_otter else None
        self.found: dict[str, Measured] = {}

    def measure(self, name: str, work: Callable[..., object], *arguments: object, submissions: int = 0) -> None:
        """Enter what a piece of work takes and needs."""
        entry = self.found.setdefault(name, Measured())
        with measured(entry, submissions or self.count):
            work(*arguments)
        print(f"{name}: {entry.seconds[-1]:.2f} s per submission", file=sys.stderr)

    def measure_round(self, turn: int) -> None:
        """Run every contender once."""
        for n in self.options.workers:
            self.measure(f"floor, {n} at a time", self.floors[n].run, self.count)
            with Boxes() as boxes:
                run_boxes(boxes, {"warm": ("1",)}, self.panels[:1], n, n)
                for name, panels in (("one panel", self.panels[:1]), ("hidden panel too", self.panels)):
                    work = partial(run_boxes, boxes, self.notebooks, panels)
                    self.measure(f"box, {name}, {n} at a time", work, self.count, n)
        tools = Path(sys.executable).parent
        into = self.scratch / f"grading-{turn}"
        ours = (tools / "mlm", "grade", ASSIGNMENT, "--submitted", self.submitted, "--into", into)
        self.measure("mlm grade", partial(command, *ours, "--hidden-seed", SEED, cwd=ROOT, also_good=MEMO_WAITS))
        if self.nbgrader is not None:
            theirs = (tools / "nbgrader", "autograde", ASSIGNMENT, "--force")
            self.measure("nbgrader autograde", partial(command, *theirs, cwd=self.nbgrader))
        if self.otter is not None:
            # One submission is enough: otter starts anew for every notebook.
            self.measure("otter run", self._run_otter, submissions=1)

    def _run_otter(self) -> None:
        for notebook in sorted((self.submitted / "learner-000" / ASSIGNMENT).glob("*.ipynb")):
            command(sys.executable, "-m", "otter", "run", "-a", self.otter, notebook, cwd=self.scratch / "otter")


def show(found: dict[str, Measured], options: argparse.Namespace) -> None:
    """Print the table and the ratios that the project promises."""
    out = Console(soft_wrap=True, markup=False, highlight=False, width=120)
    first, *more = options.workers
    floor = found[f"floor, {first} at a time"].median
    table = Table(box=None, pad_edge=False)
    for name in ("", "s per submission", "floors", "CPU s", "peak MB", "private MB of a child"):
        table.add_column(name, no_wrap=True, justify="right" if name else "left")
    for name, entry in found.items():
        cpu = f"{statistics.median(entry.cpu_seconds):.2f}" if "at a time" in name else "–"
        numbers = (f"{entry.median:.2f}", f"{entry.median / floor:.2f}", cpu)
        table.add_row(name, *numbers, f"{entry.memory:.0f}", f"{entry.private:.0f}")
    out.print(f"{options.submissions} submissions of five notebooks; medians of {options.rounds} rounds.")
    out.print(table)
    pairs = [
        ("One panel in the box, over the floor", f"box, one panel, {first} at a time", f"floor, {first} at a time"),
        ("nbgrader autograde, over mlm grade", "nbgrader autograde", "mlm grade"),
    ]
    for n in more:
        for kind in ("floor", "box, hidden panel too"):
            words = f"Throughput with {n} at a time, over {first} ({kind})"
            pairs.append((words, f"{kind}, {first} at a time", f"{kind}, {n} at a time"))
    box, bare = (found[f"{name}, {first} at a time"].cpu_seconds for name in ("box, one panel", "floor"))
    ratio = statistics.median(a / b for a, b in zip(box, bare, strict=True))
    out.print(f"One panel in the box, over the floor, in processor time: {ratio:.2f}")
    for words, above, below in pairs:
        if above in found:
            rounds = [a / b for a, b in zip(found[above].seconds, found[below].seconds, strict=True)]
            out.print(f"{words}: {statistics.median(rounds):.2f} (rounds {', '.join(f'{r:.2f}' for r in rounds)})")


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(
        description="Measure what grading costs, in and without the box, and beside other graders.",
        epilog="Examples: benchmarks/grade.py --submissions 20 --rounds 3 --workers 1 2; "
        "benchmarks/grade.py --against HEAD~1 --submissions 10 --pairs 12",
    )
    parser.add_argument("--submissions", type=int, default=20, help="how many copies of the solution (20)")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is run (3)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="how many at a time (1 2)")
    parser.add_argument("--no-nbgrader", dest="nbgrader", action="store_false", help="leave nbgrader out")
    parser.add_argument("--no-otter", dest="otter", action="store_false", help="leave otter out, if installed")
    parser.add_argument("--against", metavar="COMMIT", help="compare mlm grade of this checkout with that of a commit")
    parser.add_argument("--pairs", type=int, default=10, help="with --against: how many pairs of gradings (10)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.against:
            ratios = compare(options.against, options.submissions, options.pairs, Path(scratch))
            return show_ratios(ratios, options.against)
        comparison = Comparison(options, Path(scratch))
        for turn in range(options.rounds):
            comparison.measure_round(turn)
        show(comparison.found, options)


if __name__ == "__main__":
    main()
