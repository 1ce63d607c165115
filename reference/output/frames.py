"""Results as data frames, to filter, plot and save."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reference.estimates import Estimates
from reference.inference.intervals import Interval
from reference.inference.kenward_roger import kenward_roger_tests
from reference.inference.satterthwaite import coefficient_tests
from reference.inference.variance import variance_components


def coefficient_table(fit: Estimates, *, kenward_roger: bool = False) -> pd.DataFrame:
    """Return the fixed effects by name: estimate, standard error, degrees of freedom, t and p.

    Satterthwaite's degrees of freedom, or standard errors and degrees of freedom by Kenward and Roger.

    Raises
    ------
    DesignError
        With ``kenward_roger``, as for :func:`~reference.inference.kenward_roger.kenward_roger`.
    """
    rows = kenward_roger_tests(fit) if kenward_roger else coefficient_tests(fit)
    return pd.DataFrame(list(rows)).set_index("name")


def variance_table(fit: Estimates) -> pd.DataFrame:
    """Return the variances and covariances, one row each, in the order of lme4's ``VarCorr``."""
    return pd.DataFrame(list(variance_components(fit)))


def interval_table(intervals: Sequence[Interval]) -> pd.DataFrame:
    """Return confidence intervals by parameter: estimate, lower and upper limit."""
    return pd.DataFrame(list(intervals)).set_index("name")
