"""What all commands share: where they print, and how they end."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

#: Of a name, so many letters are shown where many are.
_LONGEST = 20

ALL_GRADED, NEEDS_PERSON, BROKEN = 0, 1, 3

OUT = Console(soft_wrap=True, markup=False, highlight=False)
ERR = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)


def progress_bar(*columns: ProgressColumn) -> Progress:
    """Return a bar that says how far long work is, with more columns at its end."""
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), *columns)
    return Progress(*shown, console=ERR)


def few(names: Sequence[str], most: int = 3) -> str:
    """Return the first of some names, each shortened, and how many more there are."""
    shown = ", ".join(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
