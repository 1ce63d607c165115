"""What comes out of the box is hostile until it is parsed."""

from __future__ import annotations

import json
import math
import tracemalloc

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.records import values
from autograder.sandbox import wire
from autograder.sandbox.policy import Limits
from autograder.sandbox.wire import parse_event, plain_value


def line(value: object) -> bytes:
    return json.dumps({"event": "answer", "notebook": "task", "name": "icc", "value": value}).encode()


def test_an_answer_is_read() -> None:
    event = parse_event(line({"kind": "number", "value": 1}))
    assert event == wire.Answer("task", "icc", values.Number(1.0))


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"event":"answer"}',
        b'{"event":"grade","notebook":"task","score":10}',
        b'{"event":"answer","notebook":"task","name":"icc","value":{"kind":"number","value":NaN}}',
        b'{"event":"answer","notebook":"task","name":"icc","value":{"kind":"number","value":1e999}}',
        b'{"event":"answer","notebook":"task","name":"icc","value":{"kind":"number","value":' + b"9" * 5000 + b"}}",
        b'{"event":"answer","notebook":"task","name":"\\ud800","value":{"kind":"nothing"}}',
        b'{"event":"answer","notebook":"task","name":"icc","value":{"kind":"pickle","value":"gASV"}}',
        b'{"event":"answer","notebook":"task","name":"icc","value":{"kind":"number","value":1,"score":10}}',
        b'{"event":"answer","notebook":"task","name":"icc","value":{"kind":"sequence","items":[[1]]}}',
        b'{"event":"cell","notebook":"t","cell":1,"outputs":[{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}]}",
        b"\xff\xfe",
    ],
)
def test_what_is_not_exactly_an_event_is_none(hostile: bytes) -> None:
    assert parse_event(hostile) is None


def test_a_long_text_is_not_there_many_times_while_it_is_read() -> None:
    """Escapes at its end let the parser copy all of it."""
    room = Limits().output_bytes
    for length in (room - 1024, 2 * room):
        text = b'{"output_type":"stream","text":"' + b"a" * length + b'\\n"}'
        sent = b'{"event":"cell","notebook":"task","cell":0,"outputs":[' + text + b"]}"
        tracemalloc.start()
        event = parse_event(sent)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert isinstance(event, wire.CellDone)
        assert event.run.left_out is (length > room)
        assert peak < 3 * room


@given(st.binary(max_size=200))
def test_no_bytes_raise(content: bytes) -> None:
    parse_event(content)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_json_raises(value: object) -> None:
    parse_event(json.dumps({"event": "answer", "notebook": "t", "name": "n", "value": value}).encode())


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "sequence", "items": [1] * (wire.MAX_ELEMENTS + 1)},
        {"kind": "mapping", "keys": [1, 2], "values": [1]},
        {"kind": "table", "columns": ["a"], "index": [1], "rows": [[1, 2]]},
        {"kind": "text", "value": "x" * (wire.MAX_TEXT + 1)},
    ],
)
def test_what_is_too_large_or_out_of_step_is_no_value(value: object) -> None:
    event = parse_event(line(value))
    assert isinstance(event, wire.Answer)
    assert isinstance(event.value, values.Other)


class EqualsEverything:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, values.Number(3.0)),
        (np.float64(0.5), values.Number(0.5)),
        (np.int64(3), values.Number(3.0)),
        (np.array(2.0), values.Number(2.0)),
        (True, values.Truth(True)),
        (np.bool_(False), values.Truth(False)),
        ("text", values.Text("text")),
        (np.str_("text"), values.Text("text")),
        (None, values.Nothing()),
        (math.nan, values.NotFinite("nan")),
        (-math.inf, values.NotFinite("-inf")),
        ("nan", values.Text("nan")),
        (10**400, values.Other("int")),
        (1j, values.Other("complex")),
        (0.5 + 0j, values.Number(0.5)),
        (EqualsEverything(), values.Other("EqualsEverything")),
        ([1, "a", None], values.ListValue((1.0, "a", None))),
        ({2, 1}, values.ListValue((1.0, 2.0))),
        (np.arange(3), values.ListValue((0.0, 1.0, 2.0))),
        (pd.Index([14, 1]), values.ListValue((14.0, 1.0))),
        ({14: 0.5}, values.MappingValue((14.0,), (0.5,))),
        (pd.Series([0.5], index=[14]), values.MappingValue((14.0,), (0.5,))),
        (pd.DataFrame({"a": [1], "b": ["x"]}), values.Table(("a", "b"), (0.0,), ((1.0, "x"),))),
        ([[1, 2]], values.ListValue((1.0, 2.0))),
        ([0] * 30_000, values.TOO_LARGE),
    ],
)
def test_values_become_plain_data_or_the_name_of_their_type(value: object, expected: values.Value) -> None:
    assert plain_value(value) == expected


@given(
    st.floats()
    | st.integers()
    | st.text()
    | st.lists(st.floats(allow_nan=False))
    | st.dictionaries(st.text(), st.floats())
)
def test_a_plain_value_survives_the_way_out(value: object) -> None:
    plain = plain_value(value)
    event = parse_event(
        json.dumps({"event": "answer", "notebook": "t", "name": "n", "value": msgspec.to_builtins(plain)}).encode()
    )
    assert isinstance(event, wire.Answer)
    assert event.value == plain
    assert values.describe(plain)
