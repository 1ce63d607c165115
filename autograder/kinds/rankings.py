"""The kind whose answer is names in order, best first."""

from __future__ import annotations

import math
from collections.abc import Iterator

from autograder.kinds.finding import RIGHT, Expected, Finding, Scale, label, spread, wrong
from autograder.kinds.forms import read_names
from autograder.kinds.kind import Kind
from autograder.kinds.refusals import malformed, quoted
from autograder.language.catalogue import Sentence
from autograder.records.grading import Verdict
from autograder.records.values import ListValue, Value


def _compare(value: Value, expected: Expected, scale: Scale) -> Finding:
    if not isinstance(expected, tuple):
        raise TypeError("The reference must give a ranking here.")
    if not isinstance(value, ListValue):
        return malformed("ranking", value)
    given, wanted = [label(name) for name in value.items], [label(name) for name in expected]
    if given == wanted or _near_ties(given, wanted, scale):
        return RIGHT
    known = [label(name) for name in scale.scores or given]
    if unknown := [name for name in given if name not in known]:
        return wrong("no_names", given=quoted(unknown[:2]), known=quoted(known[:3]))
    if len(given) != len(wanted):
        return wrong("length", wanted=len(wanted), given=len(given))
    if sorted(given) == sorted(wanted):
        return Finding(Verdict.PARTIAL, 0.5, Sentence("comparison.order"))
    return wrong("other_ones")


def _near_ties(given: list[str], wanted: list[str], scale: Scale) -> bool:
    """Return whether a ranking differs from the right one by swaps of names that an optimiser cannot tell apart."""
    if not scale.scores or len(given) != len(wanted) or len(set(given)) != len(given):
        return False
    scores = {label(name): score for name, score in scale.scores.items()}
    if not scores.keys() >= set(given):
        return False
    noise = scale.tolerance * spread(scores.values())
    ordered = [scores[name] for name in given]
    left_out = [score for name, score in scores.items() if name not in given]
    in_order = all(earlier >= later - noise for place, earlier in enumerate(ordered) for later in ordered[place + 1 :])
    return in_order and min(ordered) >= max(left_out, default=-math.inf) - noise


def _swaps(right: Expected) -> Iterator[tuple[str, Expected]]:
    if isinstance(right, tuple):
        for place in range(len(right) - 1):
            swapped = (*right[:place], right[place + 1], right[place], *right[place + 2 :])
            yield f"places {place + 1} and {place + 2}", swapped


RANKING = Kind(
    _compare,
    "nothing; with a `tolerance`, names whose scores are closer than that share of their spread may swap",
    finest=1e-4,
    read=read_names,
    swaps=_swaps,
)
