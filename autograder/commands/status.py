"""`mlm status`: how far a grading is, or how it ended, as another terminal sees it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from autograder.commands.console import ALL_GRADED, NEEDS_PERSON, OUT, few
from autograder.errors import CourseError
from autograder.results.filing import holder
from autograder.results.progress import FINISHED, PROGRESS, Progress, read_progress


def status(into: Path) -> int:
    """Print how far the grading into a folder is; see `mlm status --help`."""
    # First who holds the folder: whoever ends in between has written how.
    by, progress = holder(into), read_progress(into)
    if progress is None:
        if by is None:
            raise CourseError(
                f"{into}: there is no grading here, nor was one. Name the folder of mlm grade with --into."
            )
        OUT.print(f"{into}: {by} works in it. How far it is stands in {PROGRESS}, which cannot be read yet.")
        return ALL_GRADED
    running = by == progress.process and not progress.ended
    OUT.print(f"{progress.assignment}: {progress.done} of {progress.total} are done{_unchanged(progress)}.")
    OUT.print(_so_far(progress) if running else _ended(progress))
    if progress.ungraded:
        OUT.print(f"Not graded, by a failure that is not the learner's: {progress.ungraded}.")
        OUT.print("\n".join(f"  {line}" for line in progress.why))
    if not running and progress.ended != FINISHED:
        OUT.print(f"To go on: {progress.command}")
    return ALL_GRADED if (running or progress.ended == FINISHED) and not progress.ungraded else NEEDS_PERSON


def _unchanged(progress: Progress) -> str:
    return f", {progress.unchanged} of them unchanged since they were graded before" if progress.unchanged else ""


def _so_far(progress: Progress) -> str:
    now = f" Being graded: {few(progress.now)}." if progress.now else ""
    return f"It has run since {_said(progress.began)} ({progress.process}): {progress.left}.{now}"


def _ended(progress: Progress) -> str:
    if not progress.ended:
        return f"It was killed, or the machine stopped; {_said(progress.written)} is when it was last heard of."
    if progress.ended == FINISHED:
        return f"It ended at {_said(progress.written)}."
    return f"It was stopped at {_said(progress.written)}: {progress.ended}"


def _said(time: datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"
