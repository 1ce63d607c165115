"""The tutorial's random-slope model by statsmodels, called in several ways, and how far from the optimum each ends."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from statsmodels.tools.numdiff import approx_fprime

from reference import criterion_at, fit_mixed
from reference.panels import RANDOM_SLOPE

FIXED = "sales ~ week + youtube + facebook + newspaper"

#: A criterion this close to the optimum gives the same answers to any digit a report prints.
ARRIVED = 1e-3
_HUNDREDS = 100.0
# Where the slope of the criterion is looked for, as a share of each number that describes the covariance.
_STEP = 1e-4


@dataclass(frozen=True)
class Attempt:
    """One call of statsmodels, in the units of the panel whatever units it was given.

    Parameters
    ----------
    name : str
        How it was called.
    criterion : float
        The REML criterion where it stopped.
    gap : float
        The same less the optimum's.
    gradient : float
        The steepest change of the criterion there, per relative change of a standard deviation.
    converged : bool
        What it says of itself.
    warned : bool
        Whether it warned.
    slopes : mapping of int to float
        The stores' YouTube slopes.
    """

    name: str
    criterion: float
    gap: float
    gradient: float
    converged: bool
    warned: bool
    slopes: Mapping[int, float]


#: Name, what YouTube is divided by, whether it is centred first, and the optimiser's names (none: as it comes).
CALLS: tuple[tuple[str, float, bool, tuple[str, ...]], ...] = (
    ("as it comes", 1.0, False, ()),
    ("as it comes, centred", 1.0, True, ()),
    ("nelder-mead", 1.0, False, ("nm",)),
    ("powell", 1.0, False, ("powell",)),
    ("hundreds, as it comes", _HUNDREDS, False, ()),
    ("hundreds, powell", _HUNDREDS, False, ("powell",)),
    ("hundreds, lbfgs", _HUNDREDS, False, ("lbfgs",)),
)


def try_statsmodels(frame: pd.DataFrame) -> tuple[Attempt, ...]:
    """Return what each of ``CALLS`` makes of a panel.

    Parameters
    ----------
    frame : pandas.DataFrame
        A panel's columns, raw.
    """
    optimum = fit_mixed(frame, RANDOM_SLOPE).criterion
    return tuple(_attempt(frame, optimum, *call) for call in CALLS)


def _attempt(
    frame: pd.DataFrame, optimum: float, name: str, divisor: float, centred: bool, methods: tuple[str, ...]
) -> Attempt:
    shift = float(frame["youtube"].mean()) if centred else 0.0
    units = frame.assign(youtube=(frame["youtube"] - shift) / divisor)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = smf.mixedlm(FIXED, units, groups="store_id", re_formula="~youtube")
        fit = model.fit(method=list(methods)) if methods else model.fit()
    theta = _theta(np.asarray(fit.cov_re), float(fit.scale))
    raw = units.assign(youtube=(frame["youtube"] - shift))
    theta[1:] /= divisor
    effects = np.array([group["youtube"] for group in fit.random_effects.values()])
    slopes = (float(fit.fe_params["youtube"]) + effects) / divisor
    criterion = criterion_at(raw, RANDOM_SLOPE, theta, reml=True)
    return Attempt(
        name=name,
        criterion=criterion,
        gap=criterion - optimum,
        gradient=_steepest(raw, theta),
        converged=bool(fit.converged),
        warned=bool(caught),
        slopes=MappingProxyType(dict(zip(map(int, fit.random_effects), slopes.tolist(), strict=True))),
    )


def _theta(covariance: np.ndarray, scale: float) -> np.ndarray:
    """Return the lower triangle, column by column, of the factor of a covariance over the residual variance."""
    relative = covariance / scale
    first = float(np.sqrt(relative[0, 0]))
    beside = float(relative[1, 0]) / first
    # statsmodels may step a hair outside of what a covariance can be.
    return np.array([first, beside, float(np.sqrt(max(relative[1, 1] - beside**2, 0.0)))])


def _steepest(frame: pd.DataFrame, theta: np.ndarray) -> float:
    """Return the largest central difference of the criterion over relative changes of the two standard deviations."""

    def criterion(scales: np.ndarray) -> float:
        return criterion_at(frame, RANDOM_SLOPE, theta * scales[[0, 1, 1]], reml=True)

    return float(np.abs(approx_fprime(np.ones(2), criterion, epsilon=2.0 * _STEP, centered=True)).max())
