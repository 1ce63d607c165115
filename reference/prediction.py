"""What a fit expects: for an average group, and for the groups it saw."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from reference.design import predictor_matrix
from reference.errors import DesignError
from reference.mixed import MixedFit
from reference.panel import MEDIA, Floats, Panel


def predict_population(fit: MixedFit, data: Panel | pd.DataFrame) -> Floats:
    """Return the fixed part for each row of a table, (n,): the expectation for a group not seen before.

    Raises
    ------
    DesignError
        If a predictor is missing.
    """
    return predictor_matrix(data, fit.model.fixed) @ fit.coefficients


def predict_conditional(fit: MixedFit, data: Panel | pd.DataFrame) -> Floats:
    """Return the fixed part plus the group's conditional modes for each row of a table, (n,).

    Raises
    ------
    DesignError
        If a predictor is missing, or a group was not in the fit.
    """
    frame = data.frame if isinstance(data, Panel) else data
    positions = {group: position for position, group in enumerate(fit.design.groups)}
    labels = frame[fit.model.group].tolist()
    unknown = [label for label in labels if label not in positions]
    if unknown:
        raise DesignError(f"{fit.model.group} {unknown[0]} was not in the fit; use predict_population for new groups.")
    modes = fit.modes[[positions[label] for label in labels]]
    random = np.einsum("iq,iq->i", predictor_matrix(data, fit.model.random), modes)
    conditional: Floats = predict_population(fit, data) + random
    return conditional


def predict_by_week(fit: MixedFit, panel: Panel) -> Mapping[int, float]:
    """Return the population prediction for each week of the panel with the media at their grand means."""
    weeks = np.unique(panel.week)
    grid = pd.DataFrame({"week": weeks, **{name: float(getattr(panel, name).mean()) for name in MEDIA}})
    return MappingProxyType(dict(zip(weeks.tolist(), predict_population(fit, grid).tolist(), strict=True)))
