"""How many boxes run at a time: as many as there are processors for, and memory."""

from __future__ import annotations

import os

from autograder.sandbox.cgroups import memory_there_is
from autograder.sandbox.policy import Limits


def count_workers(workers: int | None) -> int:
    """Return how many boxes to run at a time: as asked, or one per processor for which there is memory."""
    return workers or min(len(os.sched_getaffinity(0)), _room())


def _room() -> int:
    """Return how many notebooks there is memory for; at least one is tried."""
    return max(1, memory_there_is() // Limits().memory_bytes)


def memory_advice(workers: int | None) -> str | None:
    """Return a sentence where fewer boxes run than there are processors, or more than there is memory for."""
    wanted = workers or len(os.sched_getaffinity(0))
    if wanted <= _room():
        return None
    there, each = memory_there_is() / 1e9, Limits().memory_bytes / 1e9
    have = f"There are {there:.1f} GB of memory here, and a notebook may use {each:.1f} GB"
    if workers is None:
        return f"{have}, so {_room()} of {wanted} run at a time."
    return f"{have}: {wanted} at a time may want more than there is. What fails by that is run again, alone."
