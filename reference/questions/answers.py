"""Answer keys: what is right and what is wrong on a table, what follows from what, and what is to be minimised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
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
    """What is right and what is wrong on one table, by item.

    Parameters
    ----------
    values, mistakes, standard_errors, sizes, scores, objectives, slips : mapping
        As in :class:`Answer`, for the items that have them.
    steps : mapping
        How an answer follows from other answers of the learner.
    faults : tuple of str
        Why nobody should be graded on this table, the item's name first.
    """

    values: Mapping[str, Value]
    standard_errors: Mapping[str, float]
    mistakes: Mapping[str, Mistakes]
    sizes: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, Mapping[Level, float]] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    objectives: Mapping[str, Objective] = field(default_factory=dict)
    slips: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Leave out the mistakes that happen to be right; what is held cannot be changed."""
        distinct = {
            item: MappingProxyType({name: one for name, one in named.items() if not coincide(self.values[item], one)})
            for item, named in self.mistakes.items()
        }
        held = {"values": self.values, "standard_errors": self.standard_errors, "mistakes": distinct}
        for name, answers in held.items():
            object.__setattr__(self, name, MappingProxyType(dict(answers)))


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
