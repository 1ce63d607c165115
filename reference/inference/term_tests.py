"""F tests of whole terms of the fixed part: of a factor with several levels, or of an interaction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import fdtrc

from reference.arrays import Floats
from reference.data.hypotheses import tested_columns
from reference.estimates import Estimates
from reference.inference.kenward_roger import kenward_roger as kenward_roger_of
from reference.inference.satterthwaite import satterthwaite_freedoms

# Degrees of freedom that are the same.
_SAME = 1e-8


@dataclass(frozen=True)
class TermTest:
    """The F test of one term against zero, on its numerator and denominator degrees of freedom."""

    name: str
    numerator_df: int
    denominator_df: float
    f: float
    p: float


def term_tests(fit: Estimates, *, kenward_roger: bool = False) -> tuple[TermTest, ...]:
    """Return the F test of each term of the fixed part but the intercept, as lmerTest's ``anova`` of type III.

    A term that is part of an interaction is tested over all levels of the other factors, each with the same weight, and
    at zero of a predictor that it interacts with. Denominator degrees of freedom are Satterthwaite's, or, with a scaled
    F, Kenward and Roger's.

    Raises
    ------
    DesignError
        If the fit kept no rows, columns of a factor or an interaction were left out of it, or as for
        :func:`~reference.inference.kenward_roger.kenward_roger`.

    References
    ----------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 2; Halekoh & Højsgaard (2014), J. Stat.
    Softw. 59(9), section 3.
    """
    rows = fit.design.rows
    test = kenward_roger_of(fit).f_test if kenward_roger else partial(_by_satterthwaite, fit)
    terms = tested_columns(fit.design.encoding.fixed, rows)
    return tuple(TermTest(name, len(weights), *test(weights)) for name, weights in terms.items())


def _by_satterthwaite(fit: Estimates, weights: Floats) -> tuple[float, float, float]:
    """Return denominator df, F and p: the mean of squares of uncorrelated t values, each on its own df."""
    values, vectors = np.linalg.eigh(weights @ fit.covariance @ weights.T)
    contrasts = vectors.T @ weights
    f = float(np.mean((contrasts @ fit.coefficients) ** 2 / values))
    freedoms = satterthwaite_freedoms(fit, contrasts)
    if np.ptp(freedoms) < _SAME:
        df = float(freedoms.mean())
    elif freedoms.min() <= 2.0:
        df = 2.0
    else:
        expected = float((freedoms / (freedoms - 2.0)).sum())
        df = 2.0 * expected / (expected - len(freedoms))
    return df, f, float(fdtrc(len(freedoms), df, f))
