"""The first process of ours in the box: import the scientific stack once, then start one process per notebook.

No code of a learner ever runs in this process, and it reads nothing that a learner's process writes. Orders come from
the keeper outside by the socket whose descriptor is the first argument: one packet each, with descriptors for the job,
the panel, the filter, the way out, and the control groups to join. Back by the same socket go ``ready`` and, for each
notebook, how its first process ended. The socket is closed in every process that is started here.

For each notebook there are two processes: the first of its process namespace, which only waits, watches the clock and
ends whatever is left; and the second, where the learner's code runs.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from typing import Any

from . import walls
from .notebook import Notebooks
from .recording import FINISHED, OUTPUT_LIMIT

#: How a notebook's first process says that the second ended otherwise: its processor time was used up, it failed, it
#: was killed, or it was still there when even a machine without time for it should have been done.
TIMED_OUT, CRASHED, KILLED, OVERDUE = 98, 99, 100, 101

#: What is added to how soon the kernel ends a process where the machine's memory ends: boxes go before what keeps them.
_ENDS_SOONER = 500

#: Begins what is said where this machine does not let the walls around a notebook be built.
REFUSED = "walls refused:"

#: For walls that are built for nobody.
ANY_UNUSED_USER = 61184

_LONGEST_ORDER, _MOST_DESCRIPTORS = 4096, 16

#: Between two looks for processes that have ended, in seconds: this one's time is not counted as a notebook's.
_PAUSE = 0.002


def main(descriptor: int) -> None:
    """Prepare everything that notebooks share, then obey orders until there are no more."""
    if os.getpid() != 2 or not os.path.isdir("/box/run"):
        sys.exit("This program runs in the box only.")
    control = socket.socket(fileno=descriptor)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    if os.geteuid() == 0:
        os.setgroups([])
        walls.uncover_proc()
    with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
        if int(file.read()) < _ENDS_SOONER:  # a container may have set more, which nobody in it can take back
            file.write(f"{_ENDS_SOONER}")
    walls.leave_keyring()
    walls.hide_memory()
    _try_walls()
    sys.path.append("/box/site")
    notebooks = Notebooks()
    gc.collect()
    gc.freeze()  # a notebook that looked through what it never uses would copy every page of it
    control.send(b'{"event": "ready"}')
    while _obey(control, notebooks):
        pass
    os._exit(0)  # taking the scientific stack down in order would take a second, and changes nothing


def _try_walls() -> None:
    """Build the walls of a notebook once for nobody; end with the reason where this machine refuses them."""
    limits = {"scratch_bytes": 4096, "memory_bytes": 1 << 30, "processes": 1, "file_bytes": 4096, "open_files": 64}
    try:
        child = walls.start_apart(ANY_UNUSED_USER if os.geteuid() == 0 else walls.USER)
        if child == 0:
            status = 1
            try:
                walls.close_in(limits, b"")
                walls.hide_mounts()
                status = 0
            except OSError as error:
                print(f"{REFUSED} {error}", file=sys.stderr, flush=True)
            finally:
                os._exit(status)
    except OSError as error:
        sys.exit(f"{REFUSED} {error}")
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(1)


def _obey(control: socket.socket, notebooks: Notebooks) -> bool:
    """Run one notebook as ordered and report its end; False when the keeper has gone."""
    order, descriptors, _, _ = socket.recv_fds(control, _LONGEST_ORDER, _MOST_DESCRIPTORS)
    if not descriptors:
        return bool(order)  # an order to stop a notebook that has just ended
    child = walls.start_apart(json.loads(order)["user"])
    if child == 0:
        _stay_apart(control, descriptors, notebooks)
    for descriptor in descriptors:
        os.close(descriptor)
    process = os.pidfd_open(child)
    if process not in select.select([process, control.fileno()], [], [])[0]:
        signal.pidfd_send_signal(process, signal.SIGKILL)  # stopped by the keeper, or left by it
    os.close(process)
    _, status = os.waitpid(child, 0)
    # Descriptors that were sent over sockets and never received keep their files, and so memory, until the kernel
    # looks for them, which it does when a socket is closed.
    for end in socket.socketpair():
        end.close()
    control.send(json.dumps({"event": "ended", "status": status}).encode())
    return True


def _stay_apart(control: socket.socket, descriptors: list[int], notebooks: Notebooks) -> None:
    """Be the first process of a notebook: build its walls, start the second one, and see to its end."""
    status = 1
    try:
        control.close()
        way_out, job_file, panel_file, filter_file, *groups = descriptors
        job, system_calls = json.loads(_read(job_file)), _read(filter_file)
        walls.close_in(job["limits"], _read(panel_file))
        _close_all_but(way_out, *groups)
        # Python handles an interrupt, so that the kernel would let a learner's process end this one by it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGINT})
        begun, begins = os.pipe()
        child = os.fork()
        if child == 0:
            _run(job, system_calls, way_out, groups, begins, notebooks)
        walls.give_up_rights(system_calls)
        os.close(begins)
        if os.read(begun, 1):
            status = _await_end(child, job["limits"])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


def _close_all_but(*kept: int) -> None:
    last = 2
    for descriptor in sorted(kept):
        os.closerange(last + 1, descriptor)
        last = descriptor
    os.closerange(last + 1, 1 << 16)


def _run(
    job: dict[str, Any], system_calls: bytes, way_out: int, groups: list[int], begins: int, notebooks: Notebooks
) -> None:
    """Be the process in which the learner's code runs."""
    status = CRASHED
    try:
        _enter(system_calls, groups)
        walls.limit_cpu(job["limits"]["cpu_seconds"])
        os.write(begins, b"!")
        # What is open here is open in no other notebook: an open file keeps what is set on it.
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nowhere, descriptor)
        _close_all_but(way_out)
        notebooks.run(job, way_out)
        status = FINISHED
    finally:
        os._exit(status)


def _enter(system_calls: bytes, groups: list[int]) -> None:
    """Go where no notebook comes out of."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD, signal.SIGINT})
        os.setsid()
        for group in groups:
            # Join: the kernel takes the right to do so from who opened the file. The process that waits stays outside,
            # as it might be the one that ends where the group's memory does.
            os.write(group, b"0")
        walls.hide_mounts()
        walls.give_up_rights(system_calls)
        walls.hide_memory(hidden=False)  # a program may look at itself
    except BaseException:
        traceback.print_exc()
        raise


def _await_end(child: int, limits: dict[str, Any]) -> int:
    """Wait for a notebook's process, end whatever is left, and return how it ended."""
    end = time.monotonic() + limits["wall_seconds"]
    while (left := end - time.monotonic()) > 0:
        found, status, used = os.wait4(-1, os.WNOHANG)
        if found == child:
            spent = used.ru_utime + used.ru_stime >= limits["cpu_seconds"]
            return TIMED_OUT if spent else _ending(status)
        if not found:
            signal.sigtimedwait({signal.SIGCHLD}, left)
            time.sleep(_PAUSE)  # whoever sends this signal without end keeps this process from nothing else
    return OVERDUE


def _ending(status: int) -> int:
    if os.WIFSIGNALED(status):
        ends: dict[int, int] = {signal.SIGXCPU: TIMED_OUT, signal.SIGKILL: KILLED}
        return ends.get(os.WTERMSIG(status), CRASHED)
    code = os.WEXITSTATUS(status)
    return code if code in (FINISHED, OUTPUT_LIMIT) else CRASHED
