"""The whole tutorial as one record of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from reference.arrays import Floats
from reference.data.centring import GrandMeanCentred, grand_mean_centre
from reference.data.columns import Level
from reference.fit import MixedFit, fit_mixed
from reference.inference.comparison import LikelihoodRatio, compare_nested
from reference.inference.diagnostics import (
    Reading,
    read_collinearity,
    read_convergence,
    read_icc,
    read_parsimony,
    read_singularity,
    read_variances,
)
from reference.inference.group_uncertainty import GroupSlope, probability_top, slope_intervals
from reference.inference.ols import OlsFit, fit_ols
from reference.inference.prediction import predict_conditional, predict_population
from reference.inference.ranking import RankedGroup, rank_groups
from reference.inference.satterthwaite import Coefficient, coefficient_tests
from reference.inference.variance import VarianceComponent, VarianceShares, variance_components, variance_shares
from reference.panels.models import RANDOM_INTERCEPT, RANDOM_SLOPE, TOP
from reference.panels.panel import MEDIA, Panel


@dataclass(frozen=True)
class Description:
    """Sizes, and means and standard deviations (n - 1) by column."""

    n_observations: int
    n_stores: int
    means: Mapping[str, float]
    deviations: Mapping[str, float]


@dataclass(frozen=True)
class Week:
    """Sales over the stores in one week: mean, standard deviation (n - 1), count, standard error."""

    week: int
    mean: float
    deviation: float
    count: int
    standard_error: float


@dataclass(frozen=True, eq=False)
class MixedResults:
    """A fit with everything the tutorial says about it."""

    fit: MixedFit
    coefficients: tuple[Coefficient, ...]
    components: tuple[VarianceComponent, ...]
    shares: VarianceShares
    residual_quartiles: Floats
    readings: tuple[Reading, ...]


@dataclass(frozen=True, eq=False)
class Tutorial:
    """Every number of the tutorial, in its order.

    ``intercept`` and ``slope`` are REML fits, those ending in ``_ml`` their ML refits, ``centred`` is
    ``slope`` on grand-mean centred media. ``by_week`` predicts an average store at mean media from
    ``intercept``; ``rows`` are the conditional predictions of ``slope``, (n,); ``slopes`` its store slopes with their
    intervals, in the order of ``ranking``, and ``chances`` the probability of each store to be among the five steepest.
    """

    panel: Panel
    description: Description
    weeks: tuple[Week, ...]
    pooled: OlsFit
    intercept: MixedResults
    slope: MixedResults
    intercept_ml: MixedResults
    slope_ml: MixedResults
    comparison: LikelihoodRatio
    parsimony: Reading
    centring: GrandMeanCentred
    centred: MixedResults
    ranking: tuple[RankedGroup, ...]
    slopes: tuple[GroupSlope, ...]
    chances: Mapping[Level, float]
    by_week: Mapping[int, float]
    rows: Floats
    collinearity: Reading


def run_tutorial(panel: Panel) -> Tutorial:
    """Return the results of the tutorial's analysis of a panel.

    Raises
    ------
    DesignError, ConvergenceError
        If a model cannot be fitted to the panel.
    """
    intercept, slope = fit_mixed(panel.frame, RANDOM_INTERCEPT), fit_mixed(panel.frame, RANDOM_SLOPE)
    intercept_ml = fit_mixed(panel.frame, RANDOM_INTERCEPT, reml=False)
    slope_ml = fit_mixed(panel.frame, RANDOM_SLOPE, reml=False)
    centring = grand_mean_centre(panel.frame, MEDIA)
    pooled = fit_ols(panel.frame, RANDOM_INTERCEPT)
    comparison = compare_nested(intercept_ml, slope_ml)
    return Tutorial(
        panel=panel,
        description=describe_panel(panel),
        weeks=describe_weeks(panel),
        pooled=pooled,
        intercept=describe_fit(intercept),
        slope=describe_fit(slope),
        intercept_ml=describe_fit(intercept_ml),
        slope_ml=describe_fit(slope_ml),
        comparison=comparison,
        parsimony=read_parsimony(comparison),
        centring=centring,
        centred=describe_fit(fit_mixed(centring.frame, RANDOM_SLOPE)),
        ranking=rank_groups(slope, "youtube"),
        slopes=slope_intervals(slope, "youtube"),
        chances=probability_top(slope, "youtube", min(TOP, len(panel.stores))),
        by_week=predict_by_week(intercept, panel),
        rows=predict_conditional(slope, panel.frame),
        collinearity=read_collinearity(pooled),
    )


def describe_panel(panel: Panel) -> Description:
    """Return the sizes of a panel and the mean and standard deviation of sales and media."""
    frame = panel.frame[["sales", *MEDIA]]
    means = {str(name): float(value) for name, value in frame.mean().items()}
    deviations = {str(name): float(value) for name, value in frame.std(ddof=1).items()}
    return Description(len(panel), len(panel.stores), MappingProxyType(means), MappingProxyType(deviations))


def describe_weeks(panel: Panel) -> tuple[Week, ...]:
    """Return sales by week, ascending; the deviation of a week with one store is ``nan``."""
    weeks = []
    for week in np.unique(panel.week).tolist():
        sales = panel.sales[panel.week == week]
        deviation = float(sales.std(ddof=1)) if sales.size > 1 else float("nan")
        weeks.append(Week(week, float(sales.mean()), deviation, sales.size, deviation / float(np.sqrt(sales.size))))
    return tuple(weeks)


def describe_fit(fit: MixedFit) -> MixedResults:
    """Return a fit with its tests, components, shares, quartiles of the scaled residuals (five), readings."""
    return MixedResults(
        fit=fit,
        coefficients=coefficient_tests(fit),
        components=variance_components(fit),
        shares=variance_shares(fit),
        residual_quartiles=np.quantile(fit.scaled_residuals, [0.0, 0.25, 0.5, 0.75, 1.0]),
        readings=(read_convergence(fit), read_singularity(fit), read_variances(fit), read_icc(fit)),
    )


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
