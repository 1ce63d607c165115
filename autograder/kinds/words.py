"""Kinds whose answer is words: choices, a text, a sentence with gaps, and a text that a person reads."""

from __future__ import annotations

import math
from collections.abc import Mapping

from autograder.kinds.finding import RIGHT, Expected, Finding, Scale, close, label, wrong
from autograder.kinds.forms import folded, folded_words, number_of, read_chosen, read_filled, read_word
from autograder.kinds.kind import Kind
from autograder.kinds.refusals import malformed
from autograder.language.catalogue import Sentence, listed, together
from autograder.records.grading import Verdict
from autograder.records.values import ListValue, MappingValue, Number, Scalar, Text, Truth, Value

_NUMBER_IN_A_SENTENCE = 0.01

#: As they are folded.
_ARTICLES = frozenset({"the", "a", "an", "der", "die", "das", "dem", "den", "ein", "eine", "einem", "einer"})

#: Names of the two truth values.
_TRUTHS = (("true", "1", "yes", "ja"), ("false", "0", "no", "nein"))


def _choice(value: Value, expected: Expected, scale: Scale) -> Finding:
    given = None
    if isinstance(value, (Text, Number, Truth)):
        given = _option(label(value.value), scale.options or (str(expected),), scale.synonyms)
    if given is not None:
        return RIGHT if label(given) == label(expected) else wrong("other_choice")
    if scale.options or not isinstance(value, Text):
        return _malformed("choice", value, scale)
    return wrong("other_choice_or_spelling")


def _choices(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, tuple):
        raise TypeError("The rubric must give the right choices here.")
    if not isinstance(value, ListValue) or not all(isinstance(item, str) for item in value.items):
        return _malformed("choices", value, scale)
    known = scale.options or tuple(map(str, expected))
    options = [_option(str(item), known, scale.synonyms) for item in value.items]
    if scale.options and None in options:
        return _malformed("choices", value, scale)
    wanted = {label(item) for item in expected}
    given = {label(item if option is None else option) for item, option in zip(value.items, options, strict=True)}
    if given == wanted:
        return RIGHT
    too_many, too_few = len(given - wanted), len(wanted - given)
    if too_many and too_few:
        return wrong("too_many_and_too_few")
    return wrong("too_many" if too_many else "too_few")


def _option(
    given: str,
    options: tuple[str, ...],
    synonyms: Mapping[str, tuple[str, ...]] = {},
) -> str | None:
    """Return the option that a text is, however it is spelt; None where it is none of them, or could be several."""
    called = {option: (option, *synonyms.get(option, ())) for option in options}
    for spelling in (label, folded, _truth, _without_articles):
        same = [
            option for option, names in called.items() if spelling(given) and spelling(given) in map(spelling, names)
        ]
        if len(same) == 1:
            return same[0]
    return None


def _without_articles(text: str) -> str:
    return "".join(word for word in folded_words(text) if word not in _ARTICLES)


def _truth(text: str) -> str:
    """Return the truth value that a text names; no text where it names none."""
    return next((names[0] for names in _TRUTHS if label(text) in names), "")


def _malformed(wanted: str, value: Value, scale: Scale) -> Finding:
    """Return the finding for what is none of the options, which it names where they are known."""
    if not scale.options:
        return malformed(wanted, value)
    options = ", ".join(f'"{option}"' for option in scale.options)
    if isinstance(value, Text) and wanted == "choice":
        return Finding(Verdict.MALFORMED, 0.0, Sentence("comparison.no_option", options=options))
    if isinstance(value, ListValue) and wanted == "choices":
        return Finding(Verdict.MALFORMED, 0.0, Sentence("comparison.no_options", options=options))
    return malformed(f"{wanted}_of", value, options=options)


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
    said = [Sentence("comparison.gaps", gaps=", ".join(lacking))]
    numbers = [name for name in lacking if not isinstance(wanted[name], str) and name in given]
    found = {
        "gaps_empty": [name for name in lacking if name not in given],
        "gaps_with_numbers": [name for name in numbers if isinstance(given[name], str)],
        "gaps_in_other_units": [name for name in numbers if _is_in_other_units(given[name], wanted[name])],
    }
    said += [Sentence(f"comparison.{what}", gaps=listed(names)) for what, names in found.items() if names]
    return Finding(Verdict.PARTIAL if share else Verdict.WRONG, share, together(said))


def _is_in_other_units(given: Scalar, wanted: object) -> bool:
    """Return whether a number is a share where a per cent belongs, or the other way, or of one unit where of ten."""
    number = number_of(given)
    if number is None or not isinstance(wanted, (int, float)):
        return False
    return any(math.isclose(number, factor * wanted, rel_tol=_NUMBER_IN_A_SENTENCE) for factor in (0.01, 0.1, 100.0))


def _fits(given: Scalar, wanted: object) -> bool:
    if isinstance(wanted, str):
        return isinstance(given, str) and _option(given, (wanted,)) is not None
    number = number_of(given)
    if number is None or not isinstance(wanted, (int, float)):
        return False
    found = close(number, float(wanted), _NUMBER_IN_A_SENTENCE * abs(wanted), Scale(0.0))
    return found is not None and found.share > 0.0


def _by_person(value: Value, expected: Expected, scale: Scale) -> Finding:
    raise TypeError("A person decides on this; there is nothing to compare it with.")


CHOICE = Kind(
    _choice,
    "nothing; case, spaces, hyphens, articles and a plural's s do not count",
    read=read_word,
    exact=True,
    worded=True,
    has_options=True,
)
CHOICES = Kind(_choices, "nothing, in any order", read=read_chosen, exact=True, worded=True, has_options=True)
TEXT = Kind(_text, "nothing; spaces do not count", read=read_word, exact=True, worded=True)
SLOTS = Kind(
    _slots,
    "the words of a sentence, and the learner's own numbers in it as rounded",
    read=read_filled,
    exact=True,
    worded=True,
    has_slots=True,
)
MANUAL = Kind(_by_person, "a person decides", exact=True, by_person=True)
