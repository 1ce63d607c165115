"""Work on many things at a time, of which few are under way: what was done waits for nobody, and fills no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from itertools import islice
from typing import TypeVar

Thing = TypeVar("Thing")
Done = TypeVar("Done")


def side_by_side(
    pool: Executor, work: Callable[[Thing], Done], things: Iterable[Thing], at_a_time: int
) -> Iterator[Done]:
    """Yield what the work returns for each thing, as it comes.

    So many are under way at a time, those included that are done and that the caller has not taken yet.
    """
    coming = iter(things)
    under_way = {pool.submit(work, thing) for thing in islice(coming, at_a_time)}
    while under_way:
        done = next(iter(wait(under_way, return_when=FIRST_COMPLETED).done))
        under_way.remove(done)
        yield done.result()
        under_way |= {pool.submit(work, thing) for thing in islice(coming, 1)}
