"""One rule of names: what a learner is called in folders, the gradebook and addresses, and where people read it."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Mapping

#: nbgrader's gradebook holds no longer names, in characters, and file systems none, in bytes; what is cut leaves room
#: for what tells two names apart.
_LONGEST, _LONGEST_BYTES, _CUT, _CUT_BYTES = 128, 255, 110, 200

#: Characters that a path, an address, or a page of nbgrader's, which repeats a name as it is, would take for its own.
_UNSAFE = frozenset('<>"\\/+')

#: A spreadsheet takes a name that begins so for a formula, and a program one that begins with a dash for an option.
_UNSAFE_FIRST = "=-@."

#: Joiners are letters' neighbours in some scripts; other characters that do not print could steer a terminal.
_JOINERS = frozenset("\u200c\u200d")

_MOST_SHOWN = 60


def safe_name(name: str) -> str:
    """Return the name that a learner's results are filed under: the name itself, where it is safe everywhere.

    Otherwise it is as much of it as is safe, and eight characters that tell it from every other name. The same name
    always gives the same one, and a safe name gives itself.
    """
    kept = "".join(c if c.isprintable() and c not in _UNSAFE else "_" for c in unicodedata.normalize("NFC", name))
    kept = kept.lstrip(_UNSAFE_FIRST)
    if kept == name and len(name) <= _LONGEST and len(os.fsencode(name)) <= _LONGEST_BYTES:
        return name
    cut = kept[:_CUT].encode("utf-8")[:_CUT_BYTES].decode("utf-8", "ignore")
    return f"{cut}{'-' if cut else ''}{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def learner_name(known: Mapping[str, str]) -> str:
    """Return a learner's name as a roster gave it, for people to read; empty if none did."""
    return shown_name(" ".join(filter(None, (known.get("first_name"), known.get("last_name")))))


def shown_name(name: str) -> str:
    """Return a name as people read it: cut where it is long, and what could steer a terminal by its number."""
    shown = "".join(c if c.isprintable() or c in _JOINERS else ascii(c)[1:-1] for c in name)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[: _MOST_SHOWN - 1]}…"
