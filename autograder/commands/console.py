"""What all commands share: where they print, and how they end."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ALL_GRADED, NEEDS_PERSON, BROKEN = 0, 1, 3

OUT = Console(soft_wrap=True, markup=False, highlight=False)
ERR = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)


def progress_bar() -> Progress:
    """Return a bar that says how far long work is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=ERR)
