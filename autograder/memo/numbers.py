"""Which stores a sentence names, and which numbers it states that are not stores.

A sentence is a learner's and may be anything: every pattern is bounded or gives nothing back once it has matched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

#: "Stores 1 to 5" names what lies between, as long as it is not more than so many.
MAX_RANGE = 30

#: No sentence has more numbers to it.
MAX_NUMBERS = 500

_STORE = re.compile(
    r"\b(?:store_?ids?|stores?|shops?|outlets?|branch(?:es)?|filialen?|läden|laden|geschäfte?n?|märkten?|markt|"
    r"standorte?n?)\b|\btop (?:[0-9]|two|three|four|five)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(r"[\s:(\"'=]{0,4}(?:(?:no|nos|nr|numbers?|nummern?|ids?)\b\.?[\s:]{0,3})?", re.IGNORECASE)
_ARE = re.compile(r" (?:[^\W\d]{1,30} ){0,7}?(?:are|is|sind|ist|namely|nämlich|like)[\s:(]{1,3}", re.IGNORECASE)
_WITHIN = re.compile(r"\b(?:in|for|of|from|für|von) (?:[^\W\d]{1,30} ){0,3}$", re.IGNORECASE)
_ID = re.compile(r"#?([A-Za-z]{0,3}[-_]?[0-9]{1,6})(?!\w|\.[0-9]|,[0-9]{3}(?![0-9]))")
_SIGN = re.compile(r"(?<![\w&])(?:#|nos?\. ?|nr\. ?)(?=[0-9])", re.IGNORECASE)
_DIGIT = re.compile(r"(?<![\w.,$€#-])[0-9]")
_JOIN = re.compile(
    r"(?:(?P<to>[-–](?=[0-9])|\s(?:to|bis|through)\s)|\s?[,;/&+]\s?(?:(?:and|und|or|then|dann)\s)?|"
    r"\s(?:and|und|or|oder|sowie|then|dann)\s)(?:(?:the|maybe|perhaps|possibly|also|vielleicht|evtl\.)\s)?"
    r"(?P<word>(?:stores?|filialen?|shops?)\s)?",
    re.IGNORECASE,
)
_NOUN = (
    r"(?:units?|einheit(?:en)?|weeks?|wochen?|months?|monate?n?|quarters?|quartale?n?|years?|jahre?n?|days?|tage?n?|"
    r"stores?|shops?|filialen?|sentences?|sätze|models?|modelle?n?|times|mal|pieces|items|stück|thousand|tausend|"
    r"million|dollars?|euros?|usd|eur|k|out of)\b"
)
_MORE = r"(?:(?:more|extra|additional|further|mehr|weitere[nr]?|zusätzliche[nr]?) )?"
_COUNTED = re.compile(rf" ?(?:[%‰€$]|percent\b|prozent\b|per cent\b|{_MORE}{_NOUN}|(?:st|nd|rd|th)\b)", re.IGNORECASE)
_OTHER_LIST = re.compile(
    r"\b(?:weeks?|wochen?|tasks?|steps?|points?|budgets?|units?|years?|quarters?|q|models?) ?[(:=]?$",
    re.IGNORECASE,
)
_AVOIDED = re.compile(
    r"\b(?:not|never|rather than|instead of|except|unlike|than|nicht|statt|anstatt|außer|avoid)"
    r"(?: (?:in|into|to|for|on|at|the|by|die|der|für|any|of)){0,3} (?:(?:stores?|filialen?|shops?) )?#?$",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"\b(?:from|vs\.?|versus|compared (?:to|with)|against|gegenüber|verglichen mit)\b[^;:!?]{0,30}$", re.IGNORECASE
)
_LEAST = re.compile(
    r"\b(?:least|lowest|smallest|worst|weakest|bottom|wenigsten|geringste\w*|kleinste\w*|schlechteste\w*)\b",
    re.IGNORECASE,
)

_NUMBER = re.compile(
    r"(?<![\w.,])(?:[0-9]{1,15}(?:[.,'][0-9]{1,15}){0,4}|\.[0-9]{1,15})(?:[eE][-+]?[0-9]{1,3})?(?![0-9])"
)
_POWER = re.compile(r" ?[×x·] ?10 ?\^? ?[{(]?(-?[0-9]{1,2})(?![0-9.,])")
_PERCENT = re.compile(r"(?: |-)?(?:%|percent\b|per cent\b|prozent\b|pct\b)", re.IGNORECASE)


@dataclass(frozen=True)
class StoreMention:
    """A store where a sentence names it: ``avoided`` as in "not in store 3", ``aside`` as in "store 3 gains least"."""

    name: str
    start: int
    end: int
    avoided: bool
    aside: bool


@dataclass(frozen=True)
class QuotedNumber:
    """A number where a sentence states it.

    ``readings`` are pairs of a value and half a unit of the last digit that counts: "1,250" is a thousand and more, or
    one and a quarter, the likelier first. A percentage has the value before its sign. ``whole`` is True where the
    likelier reading has no fraction.
    """

    written: str
    start: int
    end: int
    readings: tuple[tuple[float, float], ...]
    percent: bool
    whole: bool


def plain_name(store: object) -> str:
    """Return a store's name as text, the same for 7, 7.0, "07" and "7"."""
    text = str(int(store)) if isinstance(store, float) and store.is_integer() else str(store).strip()
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text.casefold()


def find_stores(text: str, known: Iterable[str] = ()) -> tuple[StoreMention, ...]:
    """Return the stores a sentence names, in order.

    Parameters
    ----------
    text : str
        A sentence with plain quotes and spaces.
    known : iterable of str
        Plain names to look for besides: a name that is a word cannot be told from other words otherwise, nor a list
        of numbers without the word store from other numbers.
    """
    known_names = frozenset(known)
    lists: dict[int, list[_Listed]] = {}
    for listed in [*_after_words(text), *_after_signs(text), *_known(text, known_names)]:
        lists.setdefault(listed[0][0], listed)
    is_about_stores = bool(_STORE.search(text))
    for listed in _bare_lists(text):
        if is_about_stores or all(known_names.issuperset(names) for _, _, names in listed):
            lists.setdefault(listed[0][0], listed)
    found: dict[tuple[int, str], StoreMention] = {}
    for first, listed in sorted(lists.items()):
        before = text[max(0, first - 50) : first]
        avoided = bool(_AVOIDED.search(before))
        for start, end, names in listed:
            aside = bool(_LEAST.search(text[max(0, start - 40) : end + 40]) or _COMPARED.search(before))
            for name in names:
                found.setdefault((start, name), StoreMention(name, start, end, avoided, aside))
    return tuple(found[place] for place in sorted(found, key=lambda place: place[0]))


_Listed = tuple[int, int, tuple[str, ...]]


def _after_words(text: str) -> Iterator[list[_Listed]]:
    done = 0
    for word in _STORE.finditer(text):
        if word.start() < done:
            continue  # "store 14 and store 1" was read as one list; each would be read again from every store on
        lead = _LEAD.match(text, word.end())
        if lead and (listed := _listed(text, lead.end())):
            done = listed[-1][1]
            yield listed
        elif are := _ARE.match(text, word.end()):
            listed = _listed(text, are.end())
            # "The best store is 14" names one; "the gain in the best store is 6" does not.
            if len(listed) >= 2 or (listed and not _WITHIN.search(text[max(0, word.start() - 60) : word.start()])):
                done = listed[-1][1]
                yield listed


def _after_signs(text: str) -> Iterator[list[_Listed]]:
    done = 0
    for sign in _SIGN.finditer(text):
        if sign.start() >= done and (listed := _listed(text, sign.end())):
            done = listed[-1][1]
            yield listed


def _known(text: str, known: Iterable[str]) -> Iterator[list[_Listed]]:
    for name in known:
        if name and not name.isdigit():
            for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE):
                yield [(match.start(), match.end(), (name,))]


def _bare_lists(text: str) -> Iterator[list[_Listed]]:
    """Yield lists of three numbers and more, which in a sentence about stores are stores."""
    position = 0
    while digit := _DIGIT.search(text, position):
        listed = _listed(text, digit.start())
        if len(listed) >= 3 and not _OTHER_LIST.search(text[max(0, digit.start() - 14) : digit.start()]):
            yield listed
        position = listed[-1][1] if listed else digit.end()


def _listed(text: str, position: int) -> list[_Listed]:
    """Return the stores listed from a position on."""
    listed: list[_Listed] = []
    is_range = False
    while item := _ID.match(text, position):
        name = plain_name(item.group(1))
        is_year = len(name) == 4 and name.startswith(("19", "20"))
        if is_year or name == "0" or _COUNTED.match(text, item.end()):
            return listed[:-1] if is_range else listed  # of "3 to 5 weeks" neither is a store
        names = _through(listed[-1][2][-1], name) if is_range else (name,)
        listed.append((item.start(1), item.end(), names))
        joined = _JOIN.match(text, item.end())
        if joined is None or (joined.group("to") and joined.group("word")):
            break  # "from store 3 to store 14" is no range
        position, is_range = joined.end(), joined.group("to") is not None
    return listed


def _through(first: str, last: str) -> tuple[str, ...]:
    if first.isdigit() and last.isdigit() and 0 < int(last) - int(first) <= MAX_RANGE:
        return tuple(str(number) for number in range(int(first) + 1, int(last) + 1))
    return (last,)


def find_numbers(text: str, stores: Iterable[StoreMention], *, german: bool = False) -> tuple[QuotedNumber, ...]:
    """Return the numbers of a sentence that are not stores, in order.

    Parameters
    ----------
    text : str
        A sentence with plain quotes and spaces.
    stores : iterable of StoreMention
        The stores in it.
    german : bool
        True where "1.250" more likely has thousands than a fraction, and "1,250" a fraction.
    """
    taken = {position for store in stores for position in range(store.start, store.end)}
    found: list[QuotedNumber] = []
    end = 0
    for match in islice(_NUMBER.finditer(text), MAX_NUMBERS):
        if match.start() < end or match.start() in taken or match.end() - 1 in taken:
            continue
        readings = tuple(_readings(match.group(), german=german))
        power = _POWER.match(text, match.end())
        end = power.end() if power else match.end()
        factor = 10.0 ** int(power.group(1)) if power else 1.0
        sign = -1.0 if text[: match.start()].endswith(("(-", " -", "=-")) or text[: match.start()] == "-" else 1.0
        readings = tuple((sign * value * factor, half * factor) for value, half in readings)
        if readings and all(map(math.isfinite, (part for reading in readings for part in reading))):
            percent = _PERCENT.match(text, end)
            end = percent.end() if percent else end
            whole = readings[0][1] >= 0.5
            found.append(QuotedNumber(text[match.start() : end], match.start(), end, readings, bool(percent), whole))
    return tuple(found)


def _readings(written: str, *, german: bool) -> Iterator[tuple[float, float]]:
    """Yield what a number can be read as: its value, and half a unit of the last digit that counts."""
    mantissa, _, exponent = written.lower().partition("e")
    marks = [mark for mark in mantissa if mark in ".,'"]
    groups = re.split(r"[.,']", mantissa)
    thousands = bool(marks) and 1 <= len(groups[0]) <= 3 and groups[0] != "0" and all(len(g) == 3 for g in groups[1:])
    fraction = marks[-1:] != ["'"] and (len(marks) <= 1 or (len(set(marks)) == 2 and marks.count(marks[-1]) == 1))
    as_thousands = ["".join(groups)] if thousands and len(set(marks)) == 1 else []
    as_fraction = ["".join(groups[:-1]) + "." + groups[-1]] if marks and fraction else []
    order = as_fraction + as_thousands if (marks[-1:] == [","]) == german else as_thousands + as_fraction
    for digits in order if marks else [mantissa]:
        yield _value(digits, int(exponent or 0))


def _value(digits: str, exponent: int) -> tuple[float, float]:
    _, point, fraction = digits.partition(".")
    zeros = len(digits) - len(digits.rstrip("0"))
    # The zeros of 450 need not count; with a single digit before them there would be nothing left to compare.
    last = -len(fraction) if point else zeros if len(digits) - zeros >= 2 else 0
    return float(f"{digits}e{exponent}"), float(f"0.5e{last + exponent}")
