"""Who runs beside whom: what failed is run once more, alone, before anything is said of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol, TypeVar

from autograder.errors import BoxBroken

Ran = TypeVar("Ran", covariant=True)


class Once(Protocol[Ran]):
    """Runs something once; ``alone`` says that nothing else of the same turns runs meanwhile."""

    def __call__(self, *, alone: bool) -> Ran:
        """Return what came of it; BoxBroken if that says nothing about the learner."""


class Turns:
    """Lets notebooks run beside each other, or one of them alone."""

    def __init__(self) -> None:
        """Begin with nobody running."""
        self._change = threading.Condition()
        self._running = self._waiting = 0

    def run(self, once: Once[Ran]) -> Ran:
        """Return what one run returns; if it fails by BoxBroken, what it returns once more, alone."""
        # Only what fails once more, alone, is told.
        with contextlib.suppress(BoxBroken), self.turn(alone=False):
            return once(alone=False)
        with self.turn(alone=True):
            return once(alone=True)

    @contextlib.contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """Run while no other does if alone; else with others, but not while one runs alone or waits for that."""
        with self._change:
            self._waiting += alone
            self._change.wait_for(lambda: not (self._running if alone else self._waiting))
            self._running += 1
        try:
            yield
        finally:
            with self._change:
                self._running -= 1
                self._waiting -= alone
                self._change.notify_all()
