"""Ending a run in order when a signal asks for it: boxes closed, nothing half written, one sentence.

Nothing here is imported that takes time, so that a signal is heeded from the start.
"""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

#: What asks a run to end: Ctrl-C, a service manager or `kill`, a terminal that is closed.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
    before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}

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


def end_work(futures: Iterable[Future[Any]]) -> None:
    """Return when work in boxes that nobody waits for has ended, which is soon: its notebooks are ended.

    By itself a notebook may take a minute and a half.
    """
    while wait([one for one in futures if not one.cancelled()], timeout=0.2).not_done:
        _end_notebooks()


def _end_notebooks() -> None:
    # A notebook is known by its namespace of processes, which lies within the box's; the box says that it has ended,
    # and can be closed.
    import psutil

    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(OSError, psutil.Error):  # it has ended
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            numbers = re.search(r"^NSpid:(.*)$", status, re.MULTILINE)
            if numbers is not None and len(numbers[1].split()) > 2:
                process.kill()
