"""What a fit expects: for an average group, and for the groups it saw."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from reference.columns import predictor_matrix, read_groups
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
    return predictor_matrix(data, fit.model.fixed) @ fit.coefficients


def predict_conditional(fit: MixedFit, data: Panel | pd.DataFrame) -> Floats:
    """Return the fixed part plus the group's conditional modes for each row of a table, (n,).

    Raises
    ------
    DesignError
        If a predictor or the grouping column is missing, not numeric or not finite, or a group was not in the fit.
    """
    positions = {group: position for position, group in enumerate(fit.design.groups)}
    codes, groups = read_groups(data, fit.model.group)
    unknown = [group for group in groups if group not in positions]
    if unknown:
        raise DesignError(f"{fit.model.group} {unknown[0]} was not in the fit; use predict_population for new groups.")
    modes = fit.modes[[positions[group] for group in groups]][codes]
    random = np.einsum("iq,iq->i", predictor_matrix(data, fit.model.random), modes)
    conditional: Floats = predict_population(fit, data) + random
    return conditional


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
