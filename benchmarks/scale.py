"""Grade simulated classes of growing size, and say what a submission costs: time, memory, and room in the gradebook.

Each grading is `mlm grade` in a process of its own, whose processor time and memory are those of the coordinator alone:
the boxes are other processes. Run from a checkout: ``.venv/bin/python benchmarks/scale.py --sizes 100 1000 5000``
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from simulated_class import COPIED, SimulatedClass

from autograder.assignment.course import Course
from autograder.grading.pipeline import prepare_panels
from reference.output.text import aligned

ROOT = Path(__file__).resolve().parents[1]
COURSE = ROOT / "tests" / "courses" / "recovery"
SEED = 20

#: Runs `mlm`, and says at the end what its own process took: seconds of processors, and bytes at the peak.
MLM = """
import json, resource, sys
from autograder.cli import main
try:
    main(sys.argv[1:])
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]), file=sys.stderr)
"""
HEAD = (
    "submissions",
    "workers",
    "s",
    "per s",
    "s each",
    "coordinator s each",
    "peak MB",
    "gradebook kB each",
    "again s",
)


@dataclass(frozen=True)
class Graded:
    """One grading: seconds by the clock, and what the coordinator took, in seconds of processors and bytes."""

    seconds: float
    processor: float
    peak: float


def grade(submitted: Path, into: Path, workers: int) -> Graded:
    """Grade a class by the command, and return what that took."""
    line = [sys.executable, "-c", MLM, "grade", "pain", "--submitted", submitted, "--into", into, "--course", COURSE]
    line += ["--hidden-seed", SEED, "--workers", workers]
    began = time.perf_counter()
    ended = subprocess.run([*map(str, line)], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if ended.returncode not in (0, 1):  # 1: somebody is to be looked at
        raise SystemExit(ended.stderr)
    processor, peak = json.loads(ended.stderr.strip().splitlines()[-1])
    return Graded(seconds, processor, peak)


def main() -> None:
    """Grade, and print the table; and, for each number of workers, how fast the smallest class is graded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 5000], help="classes to grade")
    parser.add_argument("--workers", type=int, nargs="+", default=[len(os.sched_getaffinity(0))])
    parser.add_argument("--copied", type=float, default=COPIED, help="share of a class that is run from the store")
    parser.add_argument("--keep", type=Path, help="a folder for the classes and their results; else they are removed")
    options = parser.parse_args()
    course = Course(COURSE)
    rubric = course.rubric("pain")
    simulated = SimulatedClass(course, rubric, prepare_panels(rubric, SEED))
    print("\t".join(HEAD), file=sys.stderr)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in options.sizes:
            for workers in options.workers:
                home = (options.keep or Path(scratch)) / f"{size}-{workers}"
                submitted = simulated.write(home / "submitted", size, options.copied)
                first = grade(submitted, home / "grading", workers)
                kept = (home / "grading" / "gradebook.db").stat().st_size
                again = grade(submitted, home / "grading", workers)
                row = [size, workers, first.seconds, size / first.seconds, first.seconds / size]
                row += [first.processor / size, max(first.peak, again.peak) / 1e6, kept / size / 1e3, again.seconds]
                rows.append([f"{value:.4g}" for value in row])
                print("\t".join(rows[-1]), file=sys.stderr, flush=True)
                if not options.keep:
                    shutil.rmtree(home)
    print("\n".join(aligned(HEAD, rows)))


if __name__ == "__main__":
    main()
