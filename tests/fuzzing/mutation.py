"""Mutate files and lines of JSON, as chance or a hostile hand would."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

Json = Any

#: What is put where something else was expected.
_STRANGE: tuple[Callable[[], Json], ...] = (
    lambda: None,
    lambda: True,
    lambda: -1,
    lambda: 0.1,
    lambda: 1e308,
    lambda: -1e-320,
    lambda: 2**63,
    lambda: 10**400,
    lambda: float("nan"),
    lambda: float("-inf"),
    lambda: "",
    lambda: "nan",
    lambda: "\ud800",
    lambda: "\x00\x1b[2J\u202e",
    lambda: "<script>alert(1)</script>",
    lambda: "9" * 5_000,
    lambda: "x" * 200_000,
    lambda: [],
    lambda: {},
    lambda: [None] * 30_000,
    lambda: {str(number): number for number in range(3_000)},
    lambda: _nested(list, 400),
    lambda: _nested(dict, 400),
    lambda: {"kind": "number", "value": 1.0},
    lambda: {"nbgrader": {"grade_id": "icc", "grade": True, "points": 10**6, "locked": False}},
)


def _nested(kind: type, depth: int) -> Json:
    inner: Json = 1
    for _ in range(depth):
        inner = [inner] if kind is list else {"a": inner}
    return inner


def mutate_bytes(content: bytes, chance: random.Random) -> bytes:
    """Return bytes with some of them flipped, cut out, repeated, or put in, or with brackets without end."""
    mutated = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 50))):
        place = chance.randrange(len(mutated) + 1)
        match chance.randrange(5):
            case 0 if place < len(mutated):
                mutated[place] = chance.randrange(256)
            case 1:
                del mutated[place : place + chance.choice((1, 10, 1_000))]
            case 2:
                mutated[place:place] = mutated[place : place + chance.choice((1, 100))]
            case 3:
                mutated[place:place] = chance.choice(
                    (b"\x00", b"\xff\xfe", b'"', b"\\", b"\\ud800", b"1e999", b",", b"}")
                )
            case _:
                mutated[place:place] = chance.choice((b"[", b'{"a":')) * chance.choice((2, 100_000))
    return bytes(mutated)


def mutate_json(document: Json, chance: random.Random) -> Json:
    """Return a JSON document in which some values, keys or elements are replaced, dropped, repeated or shuffled."""
    document = json.loads(json.dumps(document))
    for _ in range(chance.choice((1, 1, 1, 2, 4, 20))):
        containers = list(_containers(document))
        if not containers:
            return chance.choice(_STRANGE)()
        container = chance.choice(containers)
        if isinstance(container, dict):
            _mutate_mapping(container, chance)
        else:
            _mutate_list(container, chance)
    return document


def _in_place_of(value: Json, chance: random.Random) -> Json:
    """Return something strange, as often as not of the same kind as what was there."""
    strange = [make() for make in _STRANGE]
    alike = [one for one in strange if type(one) is type(value)]
    return chance.choice(alike if alike and chance.random() < 0.6 else strange)


def _containers(node: Json) -> list[Json]:
    waiting, found = [node], []
    while waiting:
        one = waiting.pop()
        if isinstance(one, (dict, list)) and one:
            found.append(one)
            waiting += list(one.values()) if isinstance(one, dict) else one[:200]
    return found


def _mutate_mapping(mapping: dict[str, Json], chance: random.Random) -> None:
    key = chance.choice(list(mapping))
    match chance.randrange(4):
        case 0:
            del mapping[key]
        case 1:
            mapping[chance.choice(("", "kind", "nbgrader", "source", "\x00", key.upper()))] = mapping.pop(key)
        case 2 if isinstance(mapping[key], (str, list)) and mapping[key]:
            mapping[key] = list(mapping[key]) if isinstance(mapping[key], str) else str(mapping[key])
        case _:
            mapping[key] = _in_place_of(mapping[key], chance)


def _mutate_list(items: list[Json], chance: random.Random) -> None:
    place = chance.randrange(len(items))
    match chance.randrange(5):
        case 0:
            del items[place]
        case 1:
            items.insert(place, items[place])
        case 2:
            chance.shuffle(items)
        case 3:
            items[place] = items[chance.randrange(len(items))]
        case _:
            items[place] = _in_place_of(items[place], chance)


def mutate(document: Json, chance: random.Random) -> bytes:
    """Return a JSON document as bytes, with its structure or its bytes mutated, or both."""
    how = chance.choice((0, 1, 1, 2))
    if how:
        document = mutate_json(document, chance)
    content = json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return content if how == 1 else mutate_bytes(content, chance)
