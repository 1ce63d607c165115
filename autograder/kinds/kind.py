"""What is known of a kind of answer, in one record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from autograder.kinds.finding import Expected, Finding, Scale
from autograder.kinds.forms import Read, as_it_is
from autograder.records.values import Value

Compare: TypeAlias = Callable[[Value, Expected, Scale], Finding]
Distance: TypeAlias = Callable[[Expected, Expected, Scale], float | None]


@dataclass(frozen=True)
class Kind:
    """A kind of answer.

    Parameters
    ----------
    compare : function of (answer, right answer, scale)
        MALFORMED if the answer is not of the kind that was asked; else CORRECT, PARTIAL or WRONG. The right answer may
        also be a known wrong one that is to be recognised.
    tolerated : str
        The row of the authors' guide: an answer is right if it differs from the right one by at most this.
    distance : function of (one right answer, another, scale), optional
        How many tolerances lie between them, seen from the second; None where they are not of this kind. Without the
        function nothing is tolerated.
    finest : float, optional
        How far good software may be from the reference, in the unit of the tolerance: no tolerance may be smaller.
    read : function of (answer)
        The answer in the form that is compared, whatever it came in; as it is where it cannot be taken for that.
    exact : bool
        True where a tolerance would say nothing.
    worded : bool
        True where the right answer is written in the rubric, because it is words and not a number.
    by_person : bool
        True where a person decides.
    has_options : bool
        True where one or more of given texts are the answer.
    has_slots : bool
        True for sentences with gaps; numbers in them follow from the learner's own answers.
    is_maximised : bool
        True for what a search maximises, so that a search that went astray shows in the answer itself.
    tells_apart : function of (answer, right answer), optional
        For values by name: whether the answer shows that each was estimated, even where it is not right.
    swaps : function of (right answer), optional
        For a ranking: each pair of neighbours in words, and the ranking with the two swapped.
    """

    compare: Compare
    tolerated: str
    distance: Distance | None = None
    finest: float | None = None
    read: Read = as_it_is
    exact: bool = False
    worded: bool = False
    by_person: bool = False
    has_options: bool = False
    has_slots: bool = False
    is_maximised: bool = False
    tells_apart: Callable[[Value, Expected], bool] | None = None
    swaps: Callable[[Expected], Iterator[tuple[str, Expected]]] | None = None
