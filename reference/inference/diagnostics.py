"""Readings of a fit: did it arrive, is it on the boundary, do its variances and its size make sense."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.errors import DesignError
from reference.estimates import Estimates
from reference.inference.comparison import LikelihoodRatio
from reference.inference.ols import OlsFit
from reference.inference.variance import variance_shares

VIF_LIMIT = 5.0
# An ICC below which the grouping hardly matters for the slopes; a p above which a larger model is not worth its size.
ICC_GATE = 0.05
ALPHA = 0.05
# How much more or less variance than the response has a model may imply.
_MOST_VARIANCE = 2.0


@dataclass(frozen=True)
class Reading:
    """One diagnostic: what was read, its value, whether it is fine, and a sentence for a person."""

    name: str
    value: float
    fine: bool
    sentence: str


def read_convergence(fit: Estimates) -> Reading:
    """Return what a further Newton step could gain, in -2 log-likelihood.

    Always fine: a fit that did not arrive is a ``ConvergenceError`` of :func:`~reference.estimates.fit_mixed`.
    """
    gain = fit.optimum.decrement
    starts = len(fit.optimum.descents)
    path = f"best of {starts} {'start' if starts == 1 else 'starts'}, {fit.log.start}"
    sentence = f"Converged ({path}): a further step would gain {gain:.0e}."
    return Reading("convergence", gain, True, sentence)


def read_singularity(fit: Estimates) -> Reading:
    """Return the rank of the random effects' covariance; below full it lies on the boundary."""
    rank, full = fit.optimum.rank, fit.optimum.scales.size
    if not fit.singular:
        return Reading("singularity", rank, True, "Regular: every random effect varies, and no correlation is ±1.")
    sentence = (
        f"Singular: the random effects vary in {rank} of {full} directions, so a variance is 0 or a correlation ±1."
    )
    return Reading("singularity", rank, False, sentence)


def read_variances(fit: Estimates) -> Reading:
    """Return the variance the model implies for the response over the one it has; fine between one half and two.

    Raises
    ------
    DesignError
        If the fit read its table in pieces and kept no rows.
    """
    shares = variance_shares(fit)
    ratio = (shares.fixed + shares.random + shares.residual) / float(np.var(fit.design.matrices.response, ddof=1))
    fine = 1.0 / _MOST_VARIANCE <= ratio <= _MOST_VARIANCE
    verdict = "as it should be" if fine else "look for a group or a row that differs wildly from the others"
    sentence = f"The model implies {ratio:.2f} times the variance that {fit.model.response} has: {verdict}."
    return Reading("variances", ratio, fine, sentence)


def read_icc(fit: Estimates) -> Reading:
    """Return the adjusted ICC; fine from 0.05 on, below which groups hardly differ.

    The sentence says what ignoring the groups would do: with m rows in an average group the variance of a group-level
    mean grows by the design effect, 1 + (m - 1) ICC.

    References
    ----------
    Hox, Moerbeek & van de Schoot (2017), Multilevel Analysis, 3rd ed., chapters 1 and 12.
    """
    icc = variance_shares(fit).icc_adjusted
    fewest = min(len(term.levels) for term in fit.terms)
    effect = 1.0 + (fit.design.n_observations / fewest - 1.0) * icc
    fine = icc >= ICC_GATE
    small = "the groups hardly differ, and pooled least squares gives nearly the same slopes"
    verdict = "worth modelling, if it is more than chance" if fine else small
    return Reading("icc", icc, fine, f"The adjusted ICC is {icc:.3f} (design effect {effect:.2f}): {verdict}.")


def read_parsimony(test: LikelihoodRatio) -> Reading:
    """Return p of a larger model against a smaller one, on the boundary where that is known; fine below 0.05.

    References
    ----------
    Matuschek, Kliegl, Vasishth, Baayen & Bates (2017), J. Mem. Lang. 94, 305-315, for choosing the random effects by
    such tests rather than keeping all of them.
    """
    p = test.p if np.isnan(test.p_boundary) else test.p_boundary
    fine = p < ALPHA
    verdict = (
        "the larger model is worth its parameters" if fine else "take the smaller model, which says the same in less"
    )
    gains = f"p {p:.4f}, AIC gains {test.aic_gain:.1f}, BIC {test.bic_gain:.1f}"
    return Reading("parsimony", p, fine, f"Parsimony ({gains}): {verdict}.")


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
