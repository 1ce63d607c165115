"""What is called how in a proposed assignment: nouns for groups, and the names of answers, which variables have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from autograder.language.catalogue import DEFAULT

_PLURAL_IN_ES = ("s", "x", "z", "ch", "sh")
# Letters that are written with two others where there are only those of ASCII.
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa"})
# A sign that no word follows is a name of its own, as in the levels "B+" and "B-"; else it joins two words.
_SIGNS = {r"\+(?!\w)": "_plus_", r"[-−](?!\w)": "_minus_"}


def noun_of(column: str, language: str) -> str:
    """Return what people call one of the groups of a column: where nouns have capitals, as the table writes it."""
    if language != DEFAULT:
        return column
    return re.sub(r"_(id|nr|no)$", "", column, flags=re.IGNORECASE).replace("_", " ").casefold()


def plural_of(noun: str, language: str) -> str:
    """Return what people call several of them; outside of English the plural of a word is not known, and it stays."""
    if language != DEFAULT:
        return noun
    if noun.endswith("y") and noun[-2:-1] not in set("aeiou"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(_PLURAL_IN_ES) else f"{noun}s"


def slug(name: str) -> str:
    """Return a name in small letters, digits and underscores: ``alpha`` for α, ``dose_t_minus`` for ``dose[T.-]``."""
    for sign, word in _SIGNS.items():
        name = re.sub(sign, word, name)
    text = "".join(map(_in_ascii, name.casefold().translate(_TWO_LETTERS)))
    found = re.sub(r"\W+", "_", text, flags=re.ASCII)
    return re.sub("_+", "_", found).strip("_").casefold() or "x"


def names_of(texts: Iterable[str]) -> dict[str, str]:
    """Return a slug for each text, with a number behind those that come again."""
    found: dict[str, str] = {}
    for text in texts:
        name, number = slug(text), 2
        while name in found.values():
            name, number = f"{slug(text)}_{number}", number + 1
        found.setdefault(text, name)
    return found


def _in_ascii(one: str) -> str:
    """Return a letter without its accent, or as Unicode calls it where it is of another alphabet."""
    if one.isascii():
        return one
    plain = unicodedata.normalize("NFKD", one).encode("ascii", "ignore").decode()
    called = re.search(r" LETTER (\w+)", unicodedata.name(one, ""))
    return plain or (f"_{called[1]}_" if called else "_")
