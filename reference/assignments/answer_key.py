"""Answer keys: what is right and what is wrong on a panel, what follows from what, and what is to be minimised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from scipy.special import chdtrc

from reference import MixedFit, deficit_at, variance_standard_errors

Value: TypeAlias = float | int | str | tuple[int, ...] | Mapping[str, float] | Mapping[int, float]
Mistakes: TypeAlias = Mapping[str, Value]

COINCIDES = 1e-6
_MOST_DF = 100


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
class AnswerKey:
    """What is right and what is wrong on one panel, by item.

    Parameters
    ----------
    values : mapping
        The right answers.
    standard_errors : mapping
        Of those that have one.
    mistakes : mapping
        Known wrong answers by name. One that happens to be right on this panel is left out.
    sizes : mapping
        Of variances: one that would matter, so that zero and a millionth of it are the same.
    scores : mapping
        What a ranking ranks by, for every name that could be in it.
    steps : mapping
        How an answer follows from other answers of the learner.
    objectives : mapping
        By name: what answers that are estimates together are meant to minimise.
    """

    values: Mapping[str, Value]
    standard_errors: Mapping[str, float]
    mistakes: Mapping[str, Mistakes]
    sizes: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    objectives: Mapping[str, Objective] = field(default_factory=dict)

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
        others = dict(wrong.items())
        return right.keys() == others.keys() and all(
            coincide(value, others[name], relative) for name, value in right.items()
        )
    if isinstance(right, float) and isinstance(wrong, float):
        return abs(wrong - right) <= relative * abs(right)
    return bool(right == wrong)


def variances(fit: MixedFit) -> tuple[float, ...]:
    """Return the variance of each random term's first effect, and of the residual, in squared units of the response."""
    return (*(float(term.covariance[0, 0]) for term in fit.terms), fit.sigma**2)


def variance_errors(fit: MixedFit, *items: str) -> dict[str, float]:
    """Return the standard errors of :func:`variances` by item; on the boundary a variance has none."""
    errors = variance_standard_errors(fit)
    names = [*((term.name, term.effects[0]) for term in fit.terms), ("Residual", "")]
    return {item: errors[name] for item, name in zip(items, names, strict=False) if name in errors}


def variances_objective(fit: MixedFit, *items: str) -> Objective:
    """Return the objective of the :func:`variances` of a fit whose terms are random intercepts, by item."""
    return Objective(
        items, lambda *values: deficit_at(fit, np.diag(np.array(values[:-1], dtype=np.float64)), float(values[-1]))
    )


def share_step(variances: tuple[str, ...], *above: int) -> Step:
    """Return the step from variances, by item, to the share of those at some places in all of them."""

    def share(*levels: float) -> float | None:
        return sum(levels[place] for place in above) / sum(levels) if min(levels) > 0 else None

    return Step(variances, share)


def is_df(df: float) -> bool:
    """Return whether a number is one of degrees of freedom that a likelihood-ratio test could have."""
    return df in range(1, _MOST_DF)


def p_value(statistic: float, df: float) -> float | None:
    """Return p of a likelihood-ratio statistic, as a step does."""
    return float(chdtrc(df, statistic)) if statistic > 0 and is_df(df) else None
