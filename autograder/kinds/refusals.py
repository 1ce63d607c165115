"""What is said of an answer that cannot be taken: what was asked for, what it is, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.kinds.finding import Finding, label
from autograder.kinds.forms import number_of, pairs_of
from autograder.language.catalogue import Sentence, listed, together
from autograder.records.grading import Verdict
from autograder.records.values import (
    TOO_LARGE,
    TYPES,
    ListValue,
    MappingValue,
    NotFinite,
    Nothing,
    Number,
    Other,
    Scalar,
    Table,
    Text,
    Truth,
    Value,
    describe,
)

#: So many names of a learner's own are quoted, cut to so many characters.
_MOST_NAMES, _LONGEST_NAME = 3, 40


def malformed(wanted: str, value: Value, **gaps: str) -> Finding:
    """Return the finding for a value that is not what was ``wanted``, a name in the words' section of that name."""
    asked = Sentence(f"wanted.{wanted}", **gaps)
    said = list(_troubles(value)) if wanted == "by_name" else []
    if not said:
        said = [Sentence("comparison.malformed", wanted=asked, found=describe(value)), *_next_step(wanted, value)]
    return Finding(Verdict.MALFORMED, 0.0, together(said))


def quoted(names: Sequence[Scalar]) -> str | None:
    """Return a few names as they stand in a sentence, with nothing in them that steers a terminal; None for many."""
    if len(names) > _MOST_NAMES:
        return None
    return listed(["".join(filter(str.isprintable, label(name)))[:_LONGEST_NAME] for name in names])


def _troubles(value: Value) -> Iterator[str]:
    """Yield what is wrong with names and entries that are in pairs, as they should be."""
    pairs = pairs_of(value) or ()
    names = [label(name) for name, _ in pairs]
    empty = [name for name, entry in pairs if number_of(entry) is None]
    if empty:
        yield _of_names("no_number", empty)
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        yield _of_names("twice", twice)


def _of_names(what: str, names: Sequence[Scalar]) -> str:
    few = quoted(names)
    return (
        Sentence(f"names_given.{what}_of_many", count=len(names))
        if few is None
        else Sentence(f"names_given.{what}", names=few)
    )


def unlike_names(wanted: Sequence[str], given: Sequence[str]) -> str:
    """Return the sentence for values whose names, as labels, are not those that were asked for."""
    lacking, unknown = [name for name in wanted if name not in given], [name for name in given if name not in wanted]
    if given and "0" not in wanted and sorted(given) == sorted(map(str, range(len(given)))):
        return Sentence("names_given.positions", last=len(given) - 1)
    if 0 < len(unknown) == len(given) <= len(wanted):
        return Sentence("names_given.others", given=quoted(given[:_MOST_NAMES]), wanted=quoted(wanted[:_MOST_NAMES]))
    said = [_of_names(what, names) for what, names in (("lacking", lacking), ("unknown", unknown)) if names]
    return together(said)


def _next_step(wanted: str, value: Value) -> Iterator[str]:
    """Yield what to do next, where there is something to say."""
    several = "entry" if wanted in ("number", "whole_number") else wanted.removesuffix("_of")
    match value:
        case Nothing():
            yield Sentence("step.nothing")
        case NotFinite():
            yield Sentence("step.not_finite")
        case Other(type=name) if name in TYPES["function"]:
            yield Sentence("step.call")
        case Other(type=name) if name in TYPES["iterator"]:
            yield Sentence("step.go_through")
        case Other() if value != TOO_LARGE:
            yield Sentence("step.take_from_it")
        case Truth() if several == "entry":
            yield Sentence("step.compares")
        case Text() | Number() if several in ("ranking", "choices"):
            yield Sentence("step.brackets")
        case Text() if several == "entry":
            yield Sentence("step.number_alone")
        case Number() | Text() | ListValue() if several == "by_name":
            yield Sentence("step.name_each")
        case MappingValue() | Table() if several in ("ranking", "choices"):
            yield Sentence("step.names_alone")
        case Table(form=form, columns=columns) if several == "by_name" and columns:
            yield Sentence(f"step.column_of_{form}", column=_written(columns[-1]))
        case ListValue(items) | MappingValue(values=items) | Table(rows=items) if (
            several in ("entry", "choice") and items
        ):
            yield _one_of(value)


def _one_of(value: Value) -> str:
    """Return how one entry is taken, in Python, as an example with the learner's own labels."""
    match value:
        case ListValue((_, _, *_)):
            return Sentence("step.one_entry", example="[0]")
        case MappingValue((name, _, *_)):
            return Sentence("step.one_entry", example=f"[{_written(name)}]")
        case Table((*_, column), (row, *_), form="frame"):
            return Sentence("step.one_entry", example=f".loc[{_written(row)}, {_written(column)}]")
        case Table((*_, column), (row, *_)):
            return Sentence("step.one_entry", example=f"[{_written(row)}][{_written(column)}]")
        case _:
            return Sentence("step.alone")


def _written(name: Scalar) -> str:
    """Return a label as it is written in Python, a long or strange one as three dots."""
    if isinstance(name, float):
        return label(name)
    text = str(name)
    return f'"{text}"' if text.isprintable() and len(text) <= _LONGEST_NAME and not {*text} & {*'"\\'} else "…"
