"""Which names a learner can have: one rule for the folders that are graded and for the lists of a handout."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from autograder.language.catalogue import Sentence

#: File systems hold no longer names, in bytes.
LONGEST = 255

#: What is wrong with a name, by the sentence that says so; the first that holds is said.
_WRONG: Mapping[str, Callable[[str], object]] = {
    # Names of other encodings could not be written down, some characters steer a terminal, and nbgrader's pages repeat
    # a name as it is.
    "unreadable": lambda name: not name.isprintable() or set(name) & set('<>"\\'),
    "slash": lambda name: "/" in name,
    "dot": lambda name: name.startswith("."),
    "formula": lambda name: name.startswith(("=", "-", "@")),
    "plus": lambda name: "+" in name,
    "too_long": lambda name: len(os.fsencode(name)) > LONGEST,
}


def problem_of_name(name: str) -> Sentence | None:
    """Return why a name cannot be a learner's; None if it can."""
    wrong = next((key for key, holds in _WRONG.items() if holds(name)), None)
    return None if wrong is None else Sentence(f"names.{wrong}", longest=LONGEST)


def shown_name(name: str) -> str:
    """Return a name as it can be printed: cut where it is long, and its unreadable characters by their numbers."""
    readable = name if name.isprintable() and not set(name) & set('<>"\\') else ascii(name)
    return readable if len(readable) <= 60 else f"{readable[:59]}…"
