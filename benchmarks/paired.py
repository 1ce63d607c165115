"""Time `mlm grade` of this checkout and of a commit in alternated pairs, for ``benchmarks/grade.py --against``."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scipy.stats import binom

from autograder.assignment.course import Course

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENT = "practice"
SEED = 20

#: How `mlm grade` ends where everything is graded but the memos, which a person reads.
MEMO_WAITS = 1

#: Runs `mlm` of the checkout it is started in, with the libraries of this interpreter.
MLM = """
import os, autograder
assert autograder.__file__.startswith(os.getcwd()), f"{autograder.__file__} is not of {os.getcwd()}"
from autograder.cli import main
main()
"""


def make_class(course: Course, folder: Path, submissions: int) -> Path:
    """Write so many copies of the solution as submissions, in nbgrader's layout."""
    for number in range(submissions):
        target = folder / "submitted" / f"learner-{number:03}" / ASSIGNMENT
        target.mkdir(parents=True)
        for source in course.source(ASSIGNMENT).glob("*.ipynb"):
            shutil.copy(source, target)
    return folder / "submitted"


def command(*line: object, cwd: Path, also_good: int = 0) -> None:
    """Run a command quietly; its own words are shown if it cannot do its work."""
    # nbgrader calls programs that lie beside it.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment["PYTHONPATH"] = str(cwd)  # before what is installed: the packages of the checkout it runs in, if any
    words = [str(word) for word in line]
    ended = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode not in (0, also_good):
        raise SystemExit(f"{line[0]} failed: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")


@contextlib.contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """Check a commit out into a folder, for as long as the context lasts."""
    command("git", "worktree", "add", "--detach", folder, commit, cwd=ROOT)
    try:
        yield folder
    finally:
        command("git", "worktree", "remove", "--force", folder, cwd=ROOT)


def compare(commit: str, submissions: int, pairs: int, scratch: Path) -> list[float]:
    """Return, for each pair of gradings of one class, the seconds of this checkout over those of a commit."""
    submitted, ratios = make_class(Course(ROOT / "solutions"), scratch, submissions), []
    grade = ("grade", ASSIGNMENT, "--submitted", submitted, "--hidden-seed", SEED)
    with checked_out(commit, scratch.resolve() / "other") as other:
        for turn in range(pairs + 1):
            seconds = {}
            # A machine that slows down or speeds up does so for both: each comes first in every other pair.
            for checkout in (ROOT, other)[:: 1 if turn % 2 else -1]:
                into = Path(tempfile.mkdtemp(dir=scratch)) / "grading"
                began = time.perf_counter()
                where = ("--into", into, "--course", checkout / "solutions")
                command(sys.executable, "-c", MLM, *grade, *where, cwd=checkout, also_good=MEMO_WAITS)
                seconds[checkout] = time.perf_counter() - began
            ratio = seconds[ROOT] / seconds[other]
            what = f"pair {turn} of {pairs}" if turn else "to warm up, not counted"
            print(f"{what}: {seconds[ROOT]:.2f} s / {seconds[other]:.2f} s = {ratio:.3f}", file=sys.stderr)
            ratios += [ratio] if turn else []
    return ratios


def show_ratios(ratios: list[float], commit: str) -> None:
    """Print the pairs' ratios, their median and its interval: two of the ratios, whatever their distribution is."""
    ordered, n = sorted(ratios), len(ratios)
    place = max(1, int(binom.ppf(0.025, n, 0.5)))
    covers = 1.0 - 2.0 * float(binom.cdf(place - 1, n, 0.5))
    print(f"This checkout over {commit}, pair by pair: {', '.join(f'{ratio:.3f}' for ratio in ratios)}")
    print(f"Median {statistics.median(ratios):.3f}, 95 % interval {ordered[place - 1]:.3f} to {ordered[n - place]:.3f}")
    print(f"(order statistics {place} and {n - place + 1} of {n}, which hold the median in {covers:.1%} of such runs)")
    if covers < 0.95:
        print("That is less than 95 %: take 6 pairs or more.")
