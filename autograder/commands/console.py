"""What all commands share: where they print, how they end, and the course they work on."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from autograder.assignment.course import Course, find_course

ALL_GRADED, NEEDS_PERSON, BROKEN = 0, 1, 3

OUT = Console(soft_wrap=True, markup=False, highlight=False)
ERR = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)


def course_at(folder: Path | None) -> Course:
    """Return the course around a folder, or around the current one."""
    return find_course(folder or Path.cwd())


def progress_bar() -> Progress:
    """Return a bar that says how far long work is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=ERR)
