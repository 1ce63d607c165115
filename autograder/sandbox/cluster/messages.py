"""What goes to a worker and what comes back, as bytes; what comes back is parsed as hostile input.

An order is a job as JSON. A result holds the very lines that left the box, which are taken apart where grades are made
and nowhere before: by `autograder.sandbox.wire`, as if the box stood there. How the notebook ended is the word of the
worker's keeper, which is ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict

import msgspec

from autograder.errors import BoxBroken
from autograder.records.grading import Ending, NotebookRun
from autograder.sandbox.box import Job
from autograder.sandbox.keeper import most_sent, weight
from autograder.sandbox.policy import Limits
from autograder.sandbox.run_record import Record

#: What a result holds besides the lines, in bytes; and how long a worker's own sentence may be.
_MOST_REST, MOST_FAULT = 8_192, 2_000


class Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="sent"):
    """A notebook was run: the digest of the order, how it ended, and what it sent, each line with its end."""

    order: str
    ending: Ending
    lines: bytes


class Failed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="failed"):
    """The worker's box failed: the digest of the order, and a sentence."""

    order: str
    fault: str


_RESULT: msgspec.msgpack.Decoder[Sent | Failed] = msgspec.msgpack.Decoder(Sent | Failed)


class Transcript:
    """The lines that a notebook sends, kept as they come."""

    def __init__(self) -> None:
        """Begin with none."""
        self.lines = bytearray()

    def take(self, line: bytes | bytearray) -> None:
        """Enter a line; the keeper bounds how much there is."""
        self.lines += line
        self.lines += b"\n"


def write_order(job: Job) -> bytes:
    """Return a job as a worker reads it."""
    further = {
        "panel": base64.b64encode(job.panel_csv).decode("ascii"),
        "limits": asdict(job.limits),
        "asked": None if job.asked is None else sorted(job.asked),
        "outputs": job.outputs,
    }
    return json.dumps({**job.order, **further}).encode("ascii")


def read_order(order: bytes) -> Job:
    """Return the job that was ordered."""
    told = json.loads(order)
    return Job(
        told["name"],
        tuple(told["cells"]),
        base64.b64decode(told["panel"]),
        Limits(**told["limits"]),
        None if told["asked"] is None else frozenset(told["asked"]),
        outputs=told["outputs"],
        locked=frozenset(told["locked"]),
        files={path: base64.b64decode(content) for path, content in told["files"].items()},
        error_ends_cell=told["error_ends_cell"],
    )


def digest(order: bytes) -> str:
    """Return what a result names its order by."""
    return hashlib.sha256(order).hexdigest()


def write_result(result: Sent | Failed) -> bytes:
    """Return a result as it travels."""
    return msgspec.msgpack.encode(result)


def read_result(message: object, job: Job, order: bytes) -> NotebookRun:
    """Return the run that a result states of a job.

    Raises
    ------
    BoxBroken
        If the worker says that its box failed; or if the result is larger than a box may send, not of the form of one,
        or of another order. It then says nothing about the learner.
    """
    most = most_sent(job.limits)
    if not isinstance(message, bytes):
        raise BoxBroken("The result is malformed: it is not bytes.")
    if len(message) > most + _MOST_REST:
        raise BoxBroken(f"The result is oversized: {len(message)} bytes, and {most + _MOST_REST} are the most.")
    try:
        result = _RESULT.decode(message)
    except msgspec.MsgspecError as error:
        raise BoxBroken(f"The result is malformed: {error}.") from error
    if result.order != digest(order):
        raise BoxBroken("The result is foreign: it answers another order.")
    if isinstance(result, Failed):
        raise BoxBroken(result.fault[:MOST_FAULT])
    if weight(result.lines) > most:
        raise BoxBroken("The result is oversized: it has more lines than a box may send.")
    record = Record(job.name, len(job.cells), job.asked, outputs=job.outputs)
    for line in result.lines.split(b"\n")[:-1]:
        record.take(line)
    return record.finish(result.ending)
