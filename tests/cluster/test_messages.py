"""What a worker sends back is believed only if it is a result of the order, in form and in size."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import BoxBroken
from autograder.records.grading import Ending, NotebookRun
from autograder.records.values import Number
from autograder.sandbox.box import Job
from autograder.sandbox.cluster.messages import (
    Failed,
    Sent,
    Transcript,
    digest,
    read_order,
    read_result,
    write_order,
    write_result,
)
from autograder.sandbox.keeper import EACH_LINE, most_sent
from autograder.sandbox.policy import Limits

JOB = Job("task", ("check('icc', 1)", None), b"a,b\n1,2\n", asked=frozenset({"icc"}), files={"own.py": b"\x00\xff"})
ORDER = write_order(JOB)
ANSWER = b'{"event":"answer","notebook":"task","name":"icc","value":{"kind":"number","value":0.5}}'
ASKED_BY_NOBODY = ANSWER.replace(b"icc", b"grade")
OF_ANOTHER = ANSWER.replace(b"task", b"memo").replace(b"0.5", b"0.7")
NO_CELL = b'{"event":"cell","notebook":"task","cell":2,"outputs":[]}'
text = st.text(st.characters(), max_size=20)  # lone surrogates are among them


def sent(*lines: bytes, order: bytes = ORDER, ending: Ending = Ending.FINISHED) -> bytes:
    transcript = Transcript()
    for line in lines:
        transcript.take(line)
    return write_result(Sent(digest(order), ending, bytes(transcript.lines)))


@given(text, st.lists(text | st.none()), st.none() | st.frozensets(text), st.dictionaries(text, st.binary()))
def test_a_worker_reads_the_job_that_was_ordered(
    name: str, cells: list[str | None], asked: frozenset[str] | None, files: dict[str, bytes]
) -> None:
    job = Job(name, tuple(cells), b"a\n1\n", Limits(wall_seconds=1.5), asked, outputs=False, files=files)
    assert read_order(write_order(job)) == job
    locked = Job(name, tuple(cells), b"", locked=frozenset({0, 2}), error_ends_cell=True)
    assert read_order(write_order(locked)) == locked


def test_what_left_the_box_is_taken_apart_here() -> None:
    run = read_result(sent(b"\xff{", ANSWER, b"", ASKED_BY_NOBODY, OF_ANOTHER, NO_CELL), JOB, ORDER)
    assert run == NotebookRun("task", Ending.FINISHED, (), {"icc": Number(0.5)})


UNKNOWN_END = msgspec.msgpack.encode({"type": "sent", "order": digest(ORDER), "ending": "praised", "lines": b""})
WITH_A_SCORE = msgspec.msgpack.encode(
    {"type": "sent", "order": digest(ORDER), "ending": "finished", "lines": b"", "score": 50}
)
MOST = most_sent(JOB.limits)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (None, "malformed"),
        ({"score": 50}, "malformed"),
        (b"", "malformed"),
        (b"\xff" * 50, "malformed"),
        (sent(ANSWER)[:-1], "malformed"),
        (sent(ANSWER) + b"\x00", "malformed"),
        (UNKNOWN_END, "malformed"),
        (WITH_A_SCORE, "malformed"),
        (sent(ANSWER, order=write_order(Job("task", ("1",), b""))), "foreign"),
        (b"\xff" * (MOST + 8_193), "oversized"),
        (sent(*[b""] * (MOST // EACH_LINE)), "oversized"),
        (write_result(Failed(digest(ORDER), "The box ended while a notebook ran.")), "The box ended"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_else_is_refused_by_name(message: object, said: str) -> None:
    with pytest.raises(BoxBroken, match=said):
        read_result(message, JOB, ORDER)


@given(st.binary() | st.integers(0, len(sent(ANSWER)) - 1).map(lambda n: sent(ANSWER)[:n] + b"\x93" + sent(ANSWER)[n:]))
def test_no_bytes_do_more_than_be_refused(message: bytes) -> None:
    try:
        run = read_result(message, JOB, ORDER)
    except BoxBroken:
        return
    assert run.name == "task"
    assert run.answers.keys() <= {"icc"}
