"""What a fit expects: for an average group, and for the groups it saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reference.arrays import Floats
from reference.data.groups import group_names, read_groups
from reference.errors import DesignError
from reference.estimates import Estimates


@dataclass(frozen=True, eq=False)
class NewGroupPrediction:
    """What a fit says of rows of groups that it has not seen, in units of the response.

    Parameters
    ----------
    expected : (n,)
        The fixed part: the expectation in an average group.
    standard_error : (n,)
        Of ``expected``, given the estimated variances.
    deviation : (n,)
        The standard deviation of one new observation around ``expected``: its standard error, the effects of its
        groups, and the residual together.
    """

    expected: Floats
    standard_error: Floats
    deviation: Floats


def predict_new_groups(fit: Estimates, data: pd.DataFrame) -> NewGroupPrediction:
    """Return predictions for rows of new groups, each of a new one on every level.

    The variance of a new observation is x' V x + sum of z' S z over the random terms + sigma², with V the covariance
    of the fixed effects and S that of a term's effects; that the variances were estimated is left out, and a new
    observation of a weighted fit has the weight one.

    Raises
    ------
    DesignError
        If a predictor is missing, not numeric or not finite.

    References
    ----------
    Gelman & Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical Models, section 12.8.
    """
    encoding = fit.design.encoding
    rows = encoding.fixed.matrix(data)
    of_mean = np.einsum("ip,pq,iq->i", rows, fit.covariance, rows)
    variance = of_mean + fit.sigma**2
    for term, part in zip(fit.terms, encoding.random, strict=True):
        effects = part.matrix(data)
        variance = variance + np.einsum("ip,pq,iq->i", effects, term.covariance, effects)
    return NewGroupPrediction(rows @ fit.coefficients + encoding.offset_of(data), np.sqrt(of_mean), np.sqrt(variance))


def predict_population(fit: Estimates, data: pd.DataFrame) -> Floats:
    """Return the fixed part, offset included, for each row, (n,): the expectation for a group not seen before.

    Raises
    ------
    DesignError
        If a predictor is missing, not numeric or not finite.
    """
    encoding = fit.design.encoding
    return encoding.fixed.matrix(data) @ fit.coefficients + encoding.offset_of(data)


def predict_conditional(fit: Estimates, data: pd.DataFrame) -> Floats:
    """Return predictions for the groups of the fit, modes included, (n,), in units of the response.

    Raises
    ------
    DesignError
        If a predictor or a grouping column is missing, not numeric or not finite, or a group was not in the fit.
    """
    prediction = predict_population(fit, data)
    for term, part, model in zip(fit.terms, fit.design.encoding.random, fit.model.terms, strict=True):
        positions = {one: position for position, one in enumerate(term.ids)}
        codes, ids = read_groups(data, model.group)
        unknown = [one for one in ids if one not in positions]
        if unknown:
            name = group_names((unknown[0],))[0]
            raise DesignError(f"{term.group} {name} was not in the fit; use predict_population for new groups.")
        modes = term.modes[[positions[one] for one in ids]][codes]
        prediction = prediction + np.einsum("iq,iq->i", part.matrix(data), modes)
    return prediction
