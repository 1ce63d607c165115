"""Whether the figures of a sentence are the learner's own answers, rounded.

A figure is a number that says how large something is: not a store, a year, a budget, a level of confidence or a count
of weeks. A figure that equals an answer as rounded agrees. One that comes near an answer, and is neither a limit of an
interval nor said of a single store, does not. Of any other nothing is said: it may be right for all that is known here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autograder.memo.numbers import QuotedNumber, StoreMention
from autograder.memo.words import UNIT_AFTER, UNIT_ANYWHERE

#: The gains asked for are those of so many more units, and a unit of sales is so many pieces.
EXTRA_UNITS = 10.0
PIECES = 1_000.0

#: By name: an answer that is a gain, the one of the average store, and the one that no store exceeds.
GAIN = "gain"
AVERAGE = "gain_average"
BEST = "gain_best_store"
P_VALUE = "lrt_p"
ICC = "icc"

#: A figure is near an answer, and meant to be it, if neither is more than a third larger than the other.
NEAR = 4 / 3

_NO_MORE_THAN = 60
_COUNTED = re.compile(
    r"\.? ?(?:more |further |extra |of the )?(?:weeks?|wochen?|months?|monate?n?|quarters?|quartale?n?|years?|jahre?n?|"
    r"days?|tage?n?|stores?|filialen?|shops?|sentences?|models?|modelle?n?|media|medien|rows|zeilen|times|mal|points?|"
    r"parameters?|degrees|predictors?|(?:st|nd|rd|th)\b)",
    re.IGNORECASE,
)
_MONEY_BEFORE = re.compile(r"(?:[$€£]|\b(?:usd|eur)) ?$", re.IGNORECASE)
_MONEY_AFTER = re.compile(
    r" ?(?:(?:thousand|million|tausend|mio\.?|k) ?)?(?:[$€£]|k\b|dollars?\b|euros?\b|usd\b|eur\b)", re.I
)
_UNITS = r" ?(?:(?:more|extra|additional|further|mehr|weitere[nr]?|zusätzliche[nr]?) )?(?:units?|einheit(?:en)?)\b"
_MORE_UNITS = re.compile(_UNITS, re.IGNORECASE)
_OF_SALES = re.compile(rf"{_UNITS} (?:of |in |an |von |mehr )?(?:sales|absatz|umsatz)\b", re.IGNORECASE)
_SPENT = re.compile(
    rf"{_UNITS} (?:of |on |in |for |auf |für |von |an )?(?:the )?(?:youtube|spend|budget|ad|media|werb)", re.I
)
_ONE_UNIT = re.compile(
    r"\b(?:(?:per|each|every|a|single|pro|je|one) (?:more |extra |additional )?unit|an (?:extra |additional )unit|"
    r"(?:pro|je|eine) (?:weitere |zusätzliche )?einheit)\b",
    re.IGNORECASE,
)
_PIECES = re.compile(
    r"[) ]{0,2}(?:(?!thousand|tausend|units?\b|einheit)[^\W\d]+ ){0,2}(?:pieces|items|stück|copies|pcs)\b",
    re.IGNORECASE,
)
_LEVEL = re.compile(
    r"[- (]{0,2}(?:[^\W\d]+[- ]){0,3}?(?:interval|ci\b|confiden|sure\b|certain|level|sicher|konfidenz|vertrauen|niveau|"
    r"range\b|bootstrap)",
    re.IGNORECASE,
)
_P_BEFORE = re.compile(r"\bp(?:[- ]?(?:values?|werte?))?\W{1,4}(?:[^\W\d]+\W{1,4}){0,3}$|\bp[<>=]$", re.IGNORECASE)
_ICC_BEFORE = re.compile(r"\b(?:icc|intra-?class\w*|intraklassen\w*)\W{1,4}(?:[^\W\d]+\W{1,4}){0,4}$", re.IGNORECASE)
_BELOW = re.compile(
    r"(?:[<≤]=?|\b(?:below|under|(?:less|smaller|lower) than|unter|kleiner als))\W{0,2}$", re.IGNORECASE
)
_ABOVE = re.compile(
    r"(?:(?<![-=–])[>≥]=?|\b(?:above|over|(?:more|larger|greater) than|über|größer als))\W{0,2}$", re.IGNORECASE
)
_TO = re.compile(r" ?(?:to|bis|through|-|–|\.\.\.?|…) ?$", re.IGNORECASE)
_AND = re.compile(r"(?:,|;| and| und| or) ?$", re.IGNORECASE)
_OPEN = re.compile(r"(?:\b(?:between|zwischen)(?: \w+)? |[\[(])$", re.IGNORECASE)
_ERROR = re.compile(
    r"(?:±|\+ ?/ ?-|\+-|\bplus or minus|\bgive or take|\bplus minus|"
    r"\b(?:standard error|se|standardfehler)\b[^0-9]{0,15}) ?$",
    re.IGNORECASE,
)
_MEANT_AVERAGE = re.compile(
    r"\b(?:average|mean|typical|overall|durchschnitt\w*|mittlere\w*|typische\w*)\b", re.IGNORECASE
)
_MEANT_BEST = re.compile(
    r"\b(?:best|top|strongest|leading|beste\w*|stärkste\w*) (?:store|shop|filiale)\b", re.IGNORECASE
)
_APART = re.compile(r"[,;:.()]|\b(?:and|und|while|but|aber)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Figure:
    """A figure as quoted, and what it was compared with.

    ``agrees`` is None where nothing is said of it; ``answer`` is then empty. A p-value (``is_p``) has no unit.
    """

    written: str
    start: int
    answer: str
    agrees: bool | None
    has_unit: bool
    is_p: bool
    in_interval: bool


def intervals(text: str, numbers: Sequence[QuotedNumber]) -> frozenset[int]:
    """Return which numbers of a sentence are limits of an interval or an error, by position."""
    found = set()
    for position, number in enumerate(numbers):
        before = text[max(0, number.start - _NO_MORE_THAN) : number.start]
        if _ERROR.search(before):
            found.add(position)
        if position == 0:
            continue
        first = numbers[position - 1]
        between = text[first.end : number.start] if number.start - first.end < _NO_MORE_THAN else "far away"
        opened = _OPEN.search(text[max(0, first.start - 30) : first.start])
        closes = not opened or opened.group() not in ("[", "(") or text[number.end : number.end + 1] in ("]", ")")
        has_fraction = not (first.whole and number.whole) or number.percent
        if has_fraction and (_TO.fullmatch(between) or (_AND.fullmatch(between) and opened and closes)):
            found |= {position - 1, position}
    return frozenset(found)


def judge_figures(
    text: str, stores: Sequence[StoreMention], numbers: Sequence[QuotedNumber], answers: Mapping[str, float]
) -> tuple[Figure, ...]:
    """Return the figures of a sentence, each compared with a learner's own answers.

    Parameters
    ----------
    text : str
        A sentence.
    stores, numbers : sequence
        What `find_stores` and `find_numbers` found in it.
    answers : mapping
        Finite numbers by name. Names that begin with ``gain`` are for `EXTRA_UNITS` more units and in units of sales;
        others between 0 and 1 may be quoted in percent.
    """
    limits = intervals(text, numbers)
    gains = [value for name, value in answers.items() if name.startswith(GAIN)]
    quotes_gain = any(_equal(number, gain) for number in numbers if not number.percent for gain in gains)
    scene = _Scene(text, stores, numbers, tuple(_steps(text, numbers)), quotes_gain)
    has_unit = bool(UNIT_ANYWHERE.search(text))
    found = []
    for position, number in enumerate(numbers):
        before = text[max(0, number.start - _NO_MORE_THAN) : number.start]
        if _is_no_figure(text, before, number):
            continue
        is_p = bool(_P_BEFORE.search(before))
        answer, agrees = _judge(scene, position, before, answers, in_interval=position in limits)
        unit = has_unit or bool(UNIT_AFTER.match(text, number.end))
        can_have_unit = not is_p and not number.percent
        found.append(
            Figure(number.written, number.start, answer, agrees, unit and can_have_unit, is_p, position in limits)
        )
    return tuple(found)


@dataclass(frozen=True)
class _Scene:
    """A sentence with what stands in it: by how many more units its gains may be, and if one of them agrees."""

    text: str
    stores: Sequence[StoreMention]
    numbers: Sequence[QuotedNumber]
    steps: tuple[float, ...]
    quotes_gain: bool

    def meant(self, position: int) -> str:
        """Return what the number is said of: average, best, store, or nothing that can be told."""
        number = self.numbers[position]
        stop = self.numbers[position + 1].start if position + 1 < len(self.numbers) else len(self.text)
        after = self.text[number.end : min(stop, number.end + _NO_MORE_THAN)]
        labels = list(_labels(after, self._stores_between(number.end, number.end + len(after)), number.end))
        if labels and not _APART.search(after[: min(labels)[0]]):
            return min(labels)[1]
        start = max(0, number.start - 4 * _NO_MORE_THAN)
        before = self.text[start : number.start]
        return max(_labels(before, self._stores_between(start, number.start), start), default=(0, ""))[1]

    def _stores_between(self, start: int, end: int) -> Sequence[StoreMention]:
        first = bisect_left(self.stores, start, key=lambda store: store.start)
        return self.stores[first : bisect_left(self.stores, end, key=lambda store: store.start)]


def _labels(text: str, stores: Sequence[StoreMention], start: int) -> Iterator[tuple[int, str]]:
    yield from ((match.start(), "average") for match in _MEANT_AVERAGE.finditer(text))
    yield from ((match.start(), "best") for match in _MEANT_BEST.finditer(text))
    yield from ((store.start - start, "store") for store in stores)


def _steps(text: str, numbers: Sequence[QuotedNumber]) -> Iterator[float]:
    """Yield the numbers of more units that the gains of a sentence may be for."""
    yield EXTRA_UNITS
    if _ONE_UNIT.search(text):
        yield 1.0
    for number in numbers[:20]:
        value = number.readings[0][0]
        if not number.whole or number.percent or value <= 0:
            continue
        if _is_money(text, text[max(0, number.start - 5) : number.start], number):
            yield from (value / 1000.0 for value, _ in number.readings)
        elif _MORE_UNITS.match(text, number.end) and not _OF_SALES.match(text, number.end):
            yield value


def _is_money(text: str, before: str, number: QuotedNumber) -> bool:
    return bool(_MONEY_BEFORE.search(before) or _MONEY_AFTER.match(text, number.end))


def _is_no_figure(text: str, before: str, number: QuotedNumber) -> bool:
    value = number.readings[0][0]
    if number.percent:
        return bool(_LEVEL.match(text, number.end))
    if _is_money(text, before, number) and any(half >= 0.5 for _, half in number.readings):
        return True
    if not number.whole:
        return False
    is_year = len(number.written) == 4 and 1900 <= value <= 2100
    is_step = _SPENT.match(text, number.end) or (
        value in (1, EXTRA_UNITS, 100) and _MORE_UNITS.match(text, number.end) and not _OF_SALES.match(text, number.end)
    )
    is_unit = any(reading == PIECES for reading, _ in number.readings)
    return bool(is_year or is_step or is_unit or _COUNTED.match(text, number.end))


def _judge(
    scene: _Scene, position: int, before: str, answers: Mapping[str, float], *, in_interval: bool
) -> tuple[str, bool | None]:
    """Return the answer that a figure is meant to be, and whether it agrees; no name and None if there is none."""
    number = scene.numbers[position]
    for cue, name in ((_P_BEFORE, P_VALUE), (_ICC_BEFORE, ICC)):
        if name in answers and cue.search(before):
            return name, _agrees_as_said(number, answers[name], before)
    if _BELOW.search(before) or _ABOVE.search(before):
        return "", None
    targets = {name: tuple(_targets(scene, number, name, value)) for name, value in answers.items()}
    for name in sorted(targets, key=lambda name: not name.startswith(GAIN)):
        if any(_equal(number, target) for target in targets[name]):
            return name, True
    if in_interval:
        return "", None
    for name, value in answers.items():
        if number.percent and name.startswith(GAIN) and _equal(number, 100.0 * value):
            return name, False  # a gain is in units of sales, and not a share
    return _nearest(scene, position, targets)


def _agrees_as_said(number: QuotedNumber, value: float, before: str) -> bool:
    scale = 100.0 if number.percent else 1.0
    if _BELOW.search(before):
        return any(scale * value <= quoted for quoted, _ in number.readings)
    if _ABOVE.search(before):
        return any(scale * value >= quoted for quoted, _ in number.readings)
    return any(abs(quoted - scale * value) <= half * (1 + 1e-6) for quoted, half in number.readings)


def _targets(scene: _Scene, number: QuotedNumber, name: str, value: float) -> Iterator[float]:
    """Yield what a number would be if it were this answer."""
    if name.startswith(GAIN):
        if not number.percent:
            in_pieces = bool(_PIECES.match(scene.text, number.end))
            may_be_pieces = number.whole and len(number.written) >= 2 and not _OF_SALES.match(scene.text, number.end)
            for step in scene.steps:
                yield from [value * step / EXTRA_UNITS] * (not in_pieces)
                yield from [value * PIECES * step / EXTRA_UNITS] * (in_pieces or may_be_pieces)
    elif not number.percent:
        yield value
    elif 0.0 <= value <= 1.0:
        yield 100.0 * value


def _equal(number: QuotedNumber, target: float) -> bool:
    """Return whether a number is this target, rounded, and not rounded beyond recognition as 1 is for 0.58."""
    return any(
        abs(quoted - target) <= min(half * (1 + 1e-6), (NEAR - 1) * abs(target)) and quoted
        for quoted, half in number.readings
    )


def _nearest(scene: _Scene, position: int, targets: Mapping[str, Sequence[float]]) -> tuple[str, bool | None]:
    number, meant = scene.numbers[position], scene.meant(position)
    if not meant and scene.quotes_gain:
        meant = "store"  # "0.58 and 0.53 there": beside a gain that agrees, another may be that of another store
    in_pieces = bool(_PIECES.match(scene.text, number.end))
    if number.whole and not number.percent and not in_pieces:
        return "", None  # too many things are counted in small whole numbers
    near = []
    for name, values in targets.items():
        only = {"average": AVERAGE, "best": BEST, "store": BEST}.get(meant)
        if name.startswith(GAIN) and only in targets and name != only:
            continue
        for quoted, _ in number.readings:
            ratios = [quoted / value for value in values if value and not value.is_integer()]
            # A single store may gain anything up to what the best one gains.
            floor = 1.0 if meant == "store" and name.startswith(GAIN) else 1 / NEAR
            near += [(max(ratio, 1 / ratio), name) for ratio in ratios if floor < ratio < NEAR]
    return (min(near)[1], False) if near else ("", None)
