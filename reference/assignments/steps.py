"""How answers of the practice assignment follow from earlier answers, and how far estimates are from an optimum."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import chdtrc

from reference.arrays import Floats
from reference.assignments.practice_mistakes import Value
from reference.fit import MixedFit
from reference.inference.deficit import deficit_at
from reference.inference.diagnostics import ALPHA
from reference.panels.models import RANDOM_INTERCEPT, RANDOM_SLOPE, TOP

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


def intercept_objective(fit: MixedFit) -> Objective:
    """Return the objective of the variance between stores and the residual variance of a random-intercept fit."""
    return Objective(
        ("var_store", "var_residual"),
        lambda between, within: deficit_at(fit, np.array([[float(between)]]), float(within)),
    )


def centred_objective(fit: MixedFit) -> Objective:
    """Return the objective of the intercepts' variance alone, all else at its best, of a random-slope fit."""
    covariance = fit.term.covariance
    level, slope = np.sqrt(np.diagonal(covariance))
    start = [
        covariance[0, 1] / (level * slope),
        math.sqrt(max(0.0, 1.0 - (covariance[0, 1] / (level * slope)) ** 2)),
        0.0,
    ]

    def deficit(variance: float) -> float:
        if not 0.0 < variance < math.inf:
            return math.inf

        def at(place: Floats) -> float:
            factor = np.array([[math.sqrt(variance), 0.0], slope * place[:2]])
            return deficit_at(fit, factor @ factor.T, fit.sigma**2 * math.exp(place[2]))

        # Where every deficit is infinite there is nothing to compare.
        with np.errstate(over="ignore", invalid="ignore"):
            return float(minimize(at, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-6}).fun)

    return Objective(("var_intercept_centred",), lambda variance: deficit(float(variance)))


def _icc(between: float, within: float) -> float | None:
    return between / (between + within) if between > 0 and within > 0 else None


def _statistic(smaller: float, larger: float) -> float | None:
    return 2.0 * (larger - smaller) if larger > smaller else None


def _p_value(statistic: float, df: float) -> float | None:
    if statistic <= 0 or df not in range(1, _MOST_DF):
        return None
    return float(chdtrc(df, statistic))


def _aic_gain(smaller: float, larger: float, df: float) -> float | None:
    return 2.0 * (larger - smaller) - 2.0 * df if larger > smaller and df in range(1, _MOST_DF) else None


def _preferred(p: float) -> str | None:
    if not 0.0 <= p <= 1.0:
        return None
    return RANDOM_SLOPE.name if p < ALPHA else RANDOM_INTERCEPT.name


def _top(slopes: Mapping[Any, float]) -> tuple[int, ...] | None:
    if len(set(slopes.values())) <= TOP:
        return None
    return tuple(sorted(slopes, key=lambda store: (-slopes[store], str(store)))[:TOP])


PRACTICE_STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "icc": Step(("var_store", "var_residual"), _icc),
        "lrt_chi2": Step(("loglik_ri", "loglik_rs"), _statistic),
        "lrt_p": Step(("lrt_chi2", "lrt_df"), _p_value),
        "aic_gain": Step(("loglik_ri", "loglik_rs", "lrt_df"), _aic_gain),
        "preferred": Step(("lrt_p",), _preferred),
        "top5": Step(("store_slopes",), _top),
    }
)
