"""Ending a run in order when a signal asks for it: boxes closed, nothing half written, one sentence.

Nothing here is imported that takes time, so that a signal is heeded from the start.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

#: What asks a run to end: Ctrl-C, a service manager or `kill`, a terminal that is closed. Windows has no SIGHUP.
SIGNALS = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__)


class Interrupted(BaseException):
    """A signal asked the run to end; no piece of work takes this for a failure of its own."""

    def __init__(self, number: int) -> None:
        """Keep which signal it was."""
        name = signal.Signals(number).name
        super().__init__(f"ended by {name}. What was filed so far is kept; the same command goes on from there.")
        #: What a shell shows of a program that a signal ended.
        self.exit_code = 128 + number


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Raise `Interrupted` in the main thread at the first signal that asks to end; later ones change nothing.

    A signal that is ignored stays so, as by `nohup`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: handler for n in SIGNALS if (handler := signal.getsignal(n)) is not signal.SIG_IGN}
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> NoReturn:
        received.append(number)
        for each in before:
            signal.signal(each, signal.SIG_IGN)  # the boxes are being closed, and that takes a second
        raise Interrupted(number)

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    except Exception as error:
        if received:  # what is written in C, such as a library being imported, makes an error of its own of it
            raise Interrupted(received[0]) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
