"""What a fit expects: for an average group, and for the groups it saw."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from reference.columns import read_groups
from reference.errors import DesignError
from reference.mixed import MixedFit
from reference.panel import MEDIA, Floats, Panel


def predict_population(fit: MixedFit, data: Panel | pd.DataFrame) -> Floats:
    """Return the fixed part for each row of a table, (n,): the expectation for a group not seen before.

    Raises
    ------
    DesignError
        If a predictor is missing, not numeric or not finite.
    """
    return fit.design.encoding.fixed.matrix(data) @ fit.coefficients


def predict_conditional(fit: MixedFit, data: Panel | pd.DataFrame) -> Floats:
    """Return predictions for the groups of the fit, modes included, (n,), in units of the response.

    Raises
    ------
    DesignError
        If a predictor or a grouping column is missing, not numeric or not finite, or a group was not in the fit.
    """
    prediction = predict_population(fit, data)
    for term, part, model in zip(fit.terms, fit.design.encoding.random, fit.model.terms, strict=True):
        positions = {level: position for position, level in enumerate(term.levels)}
        codes, levels = read_groups(data, model.group)
        unknown = [level for level in levels if level not in positions]
        if unknown:
            raise DesignError(f"{term.group} {unknown[0]} was not in the fit; use predict_population for new groups.")
        modes = term.modes[[positions[level] for level in levels]][codes]
        prediction = prediction + np.einsum("iq,iq->i", part.matrix(data), modes)
    return prediction


def predict_by_week(fit: MixedFit, panel: Panel) -> Mapping[int, float]:
    """Return the population prediction for each week of the panel with the media at their grand means.

    Raises
    ------
    DesignError
        If the model has predictors other than the week and the media.
    """
    weeks = np.unique(panel.week)
    grid = pd.DataFrame({"week": weeks, **{name: float(getattr(panel, name).mean()) for name in MEDIA}})
    return MappingProxyType(dict(zip(weeks.tolist(), predict_population(fit, grid).tolist(), strict=True)))
