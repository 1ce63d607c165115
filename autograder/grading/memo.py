"""What can be counted in a text that a person grades: its length, the learner's own numbers, and the names in it.

It reads characters and not meaning, and suggests no score: a person reads the text beside the mark scheme.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mistune

from autograder.assignment.rubric import Memo
from autograder.kinds.finding import label
from autograder.language.catalogue import listed
from autograder.records.grading import Found

MAX_CHARACTERS = 20_000

# A piece without a full stop that is shorter is a greeting, a signature or a label, and no sentence.
_FEWEST_WORDS = 4
# A number may differ from what it stands for by this share at most, however it was rounded: 1 does not stand for 0.58.
_COARSEST = 1 / 3

# Every pattern is bounded, or gives nothing back once it has matched: the time grows with the text and no faster.
_WORD = re.compile(r"\w+(?:[.,'’-]\w+)*")
_ABBREVIATION = re.compile(
    r"\b(?:e\.g|i\.e|approx|ca|vs|resp|incl|dr|mrs?|nos?(?=\. ?[0-9])|nr|z\. ?b|d\. ?h|bzw|inkl)\.", re.IGNORECASE
)
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?…])[\"'”“’)\]]* (?=[^a-zäöü])")
_FULL_STOP = re.compile(r"[.!?…][\"'”“’)\]]*$")
_GROUP_SPACE = re.compile(r"(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_NUMBER = re.compile(
    r"(?<![\w.,])((?:[0-9]{1,15}(?:[.,'][0-9]{1,15}){0,4}|\.[0-9]{1,15})(?:[eE][-+]?[0-9]{1,2})?)(?![0-9])"
    r"([ \u00a0\u202f]?(?:%|percent\b|per cent\b|prozent\b))?",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:[.,'][0-9]{3})+")


@dataclass(frozen=True)
class _Number:
    """A number as written, and what it may be read as (1,250 is two numbers), with half a unit of the last digit."""

    written: str
    readings: tuple[tuple[float, float], ...]
    percent: bool

    def stands_for(self, value: float) -> bool:
        """Return whether it is a value, rounded; its sign is left to the words around it."""
        target = abs(value) * (100.0 if self.percent else 1.0)
        # A little more than half a unit, for values that lie halfway between two decimals.
        return any(abs(read - target) <= min(half * (1.0 + 1e-6), _COARSEST * target) for read, half in self.readings)


def read_memo(
    text: str, asked: Memo, figures: Mapping[str, float], top: Sequence[object], names: Iterable[object]
) -> tuple[Found, ...]:
    """Return what was found in a text, for the person who grades it.

    The text is Markdown, with anything in it; what lies beyond `MAX_CHARACTERS` is not read, nor is HTML. ``figures``
    are the learner's own answers by name, those that are numbers; ``top`` is what is best in the ranking that the text
    should follow, and ``names`` everything that could have been in it.
    """
    tokens = mistune.create_markdown(renderer=None)(text[:MAX_CHARACTERS])
    assert isinstance(tokens, list), "that is what there is without a renderer"
    blocks = list(_blocks(tokens))
    plain = "\n".join(block for block, _ in blocks)
    known = [label(name) for name in (*top, *names)]
    numbers = list(_numbers(plain))
    mentioned = _mentioned(plain, numbers, known)
    free = [number for number in numbers if label(number.written) not in mentioned or number.percent]
    found = [_length(blocks, asked, is_cut=len(text) > MAX_CHARACTERS)]
    found += [_figure(name, figures.get(name), free) for name in asked.figures]
    return (*found, _names([label(name) for name in top], mentioned)) if top else tuple(found)


def _blocks(tokens: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bool]]:
    """Yield the plain text of each block of Markdown, and whether it is a heading."""
    for token in tokens:
        if token["type"] in ("list", "list_item", "block_quote"):
            yield from _blocks(token["children"])
        elif token["type"] != "block_html":
            yield _plain(token), token["type"] == "heading"


def _plain(token: Mapping[str, Any]) -> str:
    if token["type"] in ("softbreak", "linebreak"):
        return " "
    if "children" in token:
        return "".join(map(_plain, token["children"]))
    return "" if token["type"] == "inline_html" else str(token.get("raw", ""))


def _length(blocks: Sequence[tuple[str, bool]], asked: Memo, *, is_cut: bool) -> Found:
    words = sum(len(_WORD.findall(block)) for block, _ in blocks)
    count = sum(_count_sentences(block) for block, is_heading in blocks if not is_heading)
    fewest, most = asked.sentences or (1, count)
    said = f"About {count} sentence{'s' * (count != 1)} and {words} word{'s' * (words != 1)}"
    wanted = f"; {fewest} to {most} sentences are asked for" if asked.sentences else ""
    cut = f" Only the first {MAX_CHARACTERS:,} characters were read." if is_cut else ""
    return Found(fewest <= count <= most and not is_cut, f"{said}{wanted}.{cut}")


def _count_sentences(block: str) -> int:
    text = _ABBREVIATION.sub(lambda match: match[0].replace(".", ""), " ".join(block.split()))
    pieces = ((len(_WORD.findall(piece)), _FULL_STOP.search(piece)) for piece in _BETWEEN_SENTENCES.split(text))
    return sum(words >= (2 if ends else _FEWEST_WORDS) for words, ends in pieces)


def _numbers(text: str) -> Iterator[_Number]:
    for match in _NUMBER.finditer(_GROUP_SPACE.sub("'", text).replace("’", "'")):
        # "14,1,16" is no number but a list of some.
        for written in [match[1]] if any(_readings(match[1])) else re.findall("[0-9]+", match[1]):
            yield _Number(written, tuple(_readings(written)), bool(match[2]))


def _readings(written: str) -> Iterator[tuple[float, float]]:
    mantissa, _, exponent = written.lower().partition("e")
    marks = re.findall(r"[.,']", mantissa)
    digits, factor = re.sub(r"[.,']", "", mantissa), 10.0 ** int(exponent or 0)
    if marks and marks[-1] != "'" and marks.count(marks[-1]) == 1:
        unit = 10.0 ** -len(mantissa.rpartition(marks[-1])[2])
        yield int(digits) * unit * factor, 0.5 * unit * factor
    if not marks or (len(set(marks)) == 1 and _GROUPED.fullmatch(mantissa)):
        yield int(digits) * factor, 0.5 * factor


def _figure(name: str, value: float | None, numbers: Sequence[_Number]) -> Found:
    if value is None:
        return Found(False, f"The learner has no answer {name} that could be quoted.")
    there = dict.fromkeys(f"{n.written}{' %' * n.percent}" for n in numbers if n.stands_for(value))
    if there:
        return Found(True, f"{name} ({value:.4g}) is there: {listed(list(there))}.")
    return Found(False, f"{name} ({value:.4g}) is not there, neither in full nor rounded.")


def _mentioned(text: str, numbers: Sequence[_Number], known: Iterable[str]) -> list[str]:
    """Return the names in a text, in order of the known ones; one that is a number may be a plain number there."""
    whole = {number.written for number in numbers if not number.percent}
    folded = text.casefold()
    return [
        name
        for name in dict.fromkeys(known)
        if (name in whole if name.isdigit() else re.search(rf"(?<!\w){re.escape(name)}(?!\w)", folded))
    ]


def _names(top: Sequence[str], mentioned: Sequence[str]) -> Found:
    best, others = [name for name in mentioned if name in top], [name for name in mentioned if name not in top]
    said = f"Of the best, {listed(top)}, it names {listed(best) if best else 'none'}."
    also = f" It also has {listed(others)}: other names, or plain numbers." if others else ""
    return Found(bool(best), said + also)
