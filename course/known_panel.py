"""A panel whose stores differ, and by how much is known: how well does the model find what is there?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from course.figures.stores import own_lines
from reference import MixedFit, fit_mixed, slope_intervals
from reference.data.columns import Level
from reference.panels import RANDOM_SLOPE, TOP, Panel


@dataclass(frozen=True, eq=False)
class KnownPanel:
    """A panel, and the YouTube slope that each of its stores really has."""

    panel: Panel
    slopes: Mapping[Level, float]


@dataclass(frozen=True)
class Recovery:
    """What the random-slope model made of a known panel.

    Parameters
    ----------
    spread : float
        The estimated standard deviation of the slopes.
    own_error, model_error : float
        Root mean square errors of the stores' slopes: each store's own regression, and the model's prediction.
    covered : float
        The share of stores whose true slope lies in its 95 % interval.
    top_found : int
        How many of the truly steepest ``TOP`` are among the model's.
    singular : bool
        Whether the fit is.
    """

    spread: float
    own_error: float
    model_error: float
    covered: float
    top_found: int
    singular: bool


def known_panel(panel: Panel, fit: MixedFit, *, level: float, slope: float, seed: int) -> KnownPanel:
    """Return a panel with the weeks and media of another, and sales drawn with stores that differ.

    Parameters
    ----------
    panel : Panel
        For stores, weeks and media.
    fit : MixedFit
        For the average effects and the scatter of the weeks.
    level, slope : float
        Standard deviations of the stores' levels, in units of sales, and of their slopes; drawn independently.
    seed : int
        Where the random numbers start.
    """
    rng = np.random.default_rng(seed)
    stores, codes = np.unique(panel.store_id, return_inverse=True)
    levels, slopes = level * rng.standard_normal(stores.size), slope * rng.standard_normal(stores.size)
    effects = fit.fixed_effects
    average = effects["Intercept"] + sum(
        effects[name] * getattr(panel, name) for name in effects if name != "Intercept"
    )
    noise = fit.sigma * rng.standard_normal(len(panel))
    frame = panel.frame.assign(sales=average + levels[codes] + slopes[codes] * panel.youtube + noise)
    truth = dict(zip(stores.tolist(), (effects["youtube"] + slopes).tolist(), strict=True))
    return KnownPanel(Panel.from_frame(frame, "a panel whose stores differ"), MappingProxyType(truth))


def recover(known: KnownPanel) -> Recovery:
    """Return how near the random-slope model, and each store's own regression, come to the truth."""
    fit = fit_mixed(known.panel.frame, RANDOM_SLOPE)
    rows = slope_intervals(fit, "youtube")
    truth = pd.Series(known.slopes)
    believed = pd.Series({row.group: row.slope for row in rows})
    own = pd.Series(own_lines(known.panel, fit)[:, 1], index=known.panel.stores)
    return Recovery(
        spread=float(fit.term.covariance[1, 1] ** 0.5),
        own_error=_error(own - truth),
        model_error=_error(believed - truth),
        covered=float(np.mean([row.lower <= known.slopes[row.group] <= row.upper for row in rows])),
        top_found=len(set(truth.nlargest(TOP).index) & set(believed.nlargest(TOP).index)),
        singular=fit.singular,
    )


def _error(differences: pd.Series) -> float:
    return float(np.sqrt((differences**2).mean()))
