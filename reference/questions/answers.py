"""Answer keys: what is right and what is wrong on a table, what follows from what, and what is to be minimised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from reference.data.columns import Level

#: An answer as a learner could give it: a number, a text, names in order, or numbers by name.
Value: TypeAlias = float | int | str | tuple[Level, ...] | Mapping[str, float] | Mapping[Level, float]
Mistakes: TypeAlias = Mapping[str, Value]

COINCIDES = 1e-6
_SOFTWARE = 1e-3


@dataclass(frozen=True)
class Step:
    """An answer that follows from others.

    Parameters
    ----------
    inputs : tuple of str
        The answers it follows from.
    compute : callable
        From their values, as a learner gave them, to the answer; None where they are trivial or senseless, so that
        nothing follows: a variance of zero, a negative statistic, slopes that are all the same.
    """

    inputs: tuple[str, ...]
    compute: Callable[..., Value | None]


def follows(inputs: Sequence[str | None], compute: Callable[..., Value | None]) -> Step | None:
    """Return the step from items that were looked for; None where one of them is not asked."""
    asked = tuple(item for item in inputs if item is not None)
    return Step(asked, compute) if len(asked) == len(inputs) else None


@dataclass(frozen=True)
class Objective:
    """How good estimates are by the criterion that they are meant to minimise.

    Parameters
    ----------
    inputs : tuple of str
        The answers that are the variances of a fit.
    deficit : callable
        From their values to the criterion there less the lowest one: zero at the optimum, infinite where a variance is
        negative.
    """

    inputs: tuple[str, ...]
    deficit: Callable[..., float]


@dataclass(frozen=True)
class Answer:
    """What a question knows on one table.

    Parameters
    ----------
    value : Value
        The right answer.
    mistakes : mapping
        Known wrong answers by name, each made by doing it. One that happens to be right here is left out of the key.
    standard_error : float, optional
        Of an estimate.
    size : float, optional
        Of a variance: one that would matter, so that zero and a millionth of it are the same.
    scores : mapping, optional
        What a ranking ranks by, for every name that could be in it.
    objective : Objective, optional
        What the answer, alone or with others, is meant to minimise.
    slips : mapping
        Wrong numbers that a card has words of its own for, and how far from each one is taken for it. They need not be
        told apart from all else: they are looked at last. For the library's questions alone.
    faults : tuple of str
        Why nobody should be graded on this table: what is asked has no clear answer here.
    """

    value: Value
    mistakes: Mistakes = field(default_factory=dict)
    standard_error: float | None = None
    size: float | None = None
    scores: Mapping[Level, float] | None = None
    objective: Objective | None = None
    slips: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def nearly(number: float) -> tuple[float, float]:
    """Return a slip that other software may make: the number, and how far from it such software comes."""
    return number, _SOFTWARE * abs(number)


@dataclass(frozen=True)
class AnswerKey:
    """What is right and what is wrong on one table.

    Parameters
    ----------
    answers : mapping
        By item, where there is an answer that can be computed.
    steps : mapping
        How the answer to an item follows from other answers of the learner.
    """

    answers: Mapping[str, Answer]
    steps: Mapping[str, Step]

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """The right answers by item."""
        return {item: one.value for item, one in self.answers.items()}

    @cached_property
    def mistakes(self) -> Mapping[str, Mistakes]:
        """The known mistakes by item."""
        return {item: one.mistakes for item, one in self.answers.items()}

    @property
    def faults(self) -> tuple[str, ...]:
        """Why nobody should be graded on this table, the item's name first."""
        return tuple(f"{item}: {fault}" for item, one in self.answers.items() for fault in one.faults)


def coincide(right: Value, wrong: Value, relative: float = COINCIDES) -> bool:
    """Return whether two values of one kind are the same, numbers within a relative distance of ``right``."""
    if isinstance(right, Mapping) and isinstance(wrong, Mapping):
        others: dict[Level, float] = dict(wrong.items())
        return right.keys() == others.keys() and all(
            coincide(value, others[name], relative) for name, value in right.items()
        )
    if isinstance(right, float) and isinstance(wrong, float):
        return abs(wrong - right) <= relative * abs(right)
    return bool(right == wrong)
