"""Kinds whose answer is words: choices, a text, a sentence with gaps, and a text that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from autograder.kinds.finding import RIGHT, Expected, Finding, Scale, close, label, malformed, wrong
from autograder.kinds.kind import Kind
from autograder.records.grading import Verdict
from autograder.records.values import ListValue, MappingValue, Scalar, Text, Value

_NUMBER_IN_A_SENTENCE = 0.01


def _choice(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(value, Text):
        return malformed("choice", value)
    return RIGHT if label(value.value) == label(expected) else wrong("other_choice")


def _choices(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, tuple):
        raise TypeError("The rubric must give the right choices here.")
    if not isinstance(value, ListValue) or not all(isinstance(item, str) for item in value.items):
        return malformed("choices", value)
    given, wanted = {label(item) for item in value.items}, {label(item) for item in expected}
    if given == wanted:
        return RIGHT
    too_many, too_few = len(given - wanted), len(wanted - given)
    if too_many and too_few:
        return wrong("too_many_and_too_few")
    return wrong("too_many" if too_many else "too_few")


def _text(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(value, Text):
        return malformed("text", value)
    return RIGHT if value.value.split() == str(expected).split() else wrong("other_text")


def _slots(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, Mapping):
        raise TypeError("The rubric must give a word or a number for each slot here.")
    wanted = {label(name): filling for name, filling in expected.items()}
    if not isinstance(value, MappingValue):
        return malformed("slots", value, slots=", ".join(wanted))
    given = {label(name): filling for name, filling in zip(value.keys, value.values, strict=True)}
    lacking = [name for name, filling in wanted.items() if not _fits(given.get(name), filling)]
    if not lacking:
        return RIGHT
    share = 1.0 - len(lacking) / len(wanted)
    return replace(
        wrong("gaps", gaps=", ".join(lacking)), verdict=Verdict.PARTIAL if share else Verdict.WRONG, share=share
    )


def _fits(given: Scalar, wanted: object) -> bool:
    if isinstance(wanted, str):
        return isinstance(given, str) and label(given) == label(wanted)
    if type(given) is not float or not isinstance(wanted, (int, float)):
        return False
    return close(given, float(wanted), _NUMBER_IN_A_SENTENCE * abs(wanted), Scale(0.0)) is not None


def _by_person(value: Value, expected: Expected, scale: Scale) -> Finding:
    raise TypeError("A person decides on this; there is nothing to compare it with.")


CHOICE = Kind(_choice, "nothing; letter case does not count", exact=True, worded=True)
CHOICES = Kind(_choices, "nothing, in any order", exact=True, worded=True)
TEXT = Kind(_text, "nothing; spaces do not count", exact=True, worded=True)
SLOTS = Kind(
    _slots,
    "the words of a sentence, and the learner's own numbers in it as rounded",
    exact=True,
    worded=True,
    has_slots=True,
)
MANUAL = Kind(_by_person, "a person decides", exact=True, by_person=True)
