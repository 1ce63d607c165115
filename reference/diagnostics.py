"""Readings of a fit: did it arrive, is it on the boundary, are the predictors entangled."""

from __future__ import annotations

from dataclasses import dataclass

from reference.errors import DesignError
from reference.mixed import MixedFit
from reference.ols import OlsFit

VIF_LIMIT = 5.0


@dataclass(frozen=True)
class Reading:
    """One diagnostic: what was read, its value, whether it is fine, and a sentence for a person."""

    name: str
    value: float
    fine: bool
    sentence: str


def read_convergence(fit: MixedFit) -> Reading:
    """Return what a further Newton step could gain, in -2 log-likelihood.

    Always fine: a fit that did not arrive is a ``ConvergenceError`` of :func:`~reference.mixed.fit_mixed`.
    """
    gain = fit.optimum.decrement
    starts = len(fit.optimum.descents)
    path = f"best of {starts} {'start' if starts == 1 else 'starts'}, {fit.log.start}"
    sentence = f"Converged ({path}): a further step would gain {gain:.0e}."
    return Reading("convergence", gain, True, sentence)


def read_singularity(fit: MixedFit) -> Reading:
    """Return the rank of the random effects' covariance; below full it lies on the boundary."""
    rank, full = fit.optimum.rank, fit.optimum.scales.size
    if not fit.singular:
        return Reading("singularity", rank, True, f"The random effects vary in all {full} directions.")
    sentence = (
        f"Singular: the random effects vary in {rank} of {full} directions, so a variance is 0 or a correlation ±1."
    )
    return Reading("singularity", rank, False, sentence)


def read_collinearity(fit: OlsFit) -> Reading:
    """Return the largest variance inflation factor; fine below 5 (James et al. 2013, section 3.3.3).

    Raises
    ------
    DesignError
        If the regression has no predictors.
    """
    if not fit.vif:
        raise DesignError("a regression without predictors has no collinearity to read; fit one with predictors.")
    name, value = max(fit.vif.items(), key=lambda item: item[1])
    fine = value < VIF_LIMIT
    advice = "no predictor needs to go" if fine else "its slope cannot be told from the others'"
    return Reading("collinearity", value, fine, f"The largest VIF is {value:.2f} ({name}): {advice}.")
