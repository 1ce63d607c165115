"""The whole tutorial as one record of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

import reference as engine
from reference import MixedFit
from reference.arrays import Floats
from reference.data.centring import Centred
from reference.data.columns import Level
from reference.panels import MEDIA, RANDOM_INTERCEPT, RANDOM_SLOPE, TOP, Panel


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
    coefficients: tuple[engine.Coefficient, ...]
    components: tuple[engine.VarianceComponent, ...]
    shares: engine.VarianceShares
    residual_quartiles: Floats
    readings: tuple[engine.Reading, ...]


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
    pooled: engine.OlsFit
    intercept: MixedResults
    slope: MixedResults
    intercept_ml: MixedResults
    slope_ml: MixedResults
    comparison: engine.LikelihoodRatio
    parsimony: engine.Reading
    centring: Centred[Mapping[str, float]]
    centred: MixedResults
    ranking: tuple[engine.RankedGroup, ...]
    slopes: tuple[engine.GroupSlope, ...]
    chances: Mapping[Level, float]
    by_week: Mapping[int, float]
    rows: Floats
    collinearity: engine.Reading


def run_tutorial(panel: Panel) -> Tutorial:
    """Return the results of the tutorial's analysis of a panel.

    Raises
    ------
    DesignError, ConvergenceError
        If a model cannot be fitted to the panel.
    """
    intercept, slope = engine.fit_mixed(panel.frame, RANDOM_INTERCEPT), engine.fit_mixed(panel.frame, RANDOM_SLOPE)
    intercept_ml = engine.fit_mixed(panel.frame, RANDOM_INTERCEPT, reml=False)
    slope_ml = engine.fit_mixed(panel.frame, RANDOM_SLOPE, reml=False)
    centring = engine.grand_mean_centre(panel.frame, MEDIA)
    pooled = engine.fit_ols(panel.frame, RANDOM_INTERCEPT)
    comparison = engine.compare_nested(intercept_ml, slope_ml)
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
        parsimony=engine.read_parsimony(comparison),
        centring=centring,
        centred=describe_fit(engine.fit_mixed(centring.frame, RANDOM_SLOPE)),
        ranking=engine.rank_groups(slope, "youtube"),
        slopes=engine.slope_intervals(slope, "youtube"),
        chances=engine.probability_top(slope, "youtube", min(TOP, len(panel.stores))),
        by_week=_by_week(intercept, panel),
        rows=engine.predict_conditional(slope, panel.frame),
        collinearity=engine.read_collinearity(pooled),
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
    readings = (engine.read_convergence, engine.read_singularity, engine.read_variances, engine.read_icc)
    return MixedResults(
        fit=fit,
        coefficients=engine.coefficient_tests(fit),
        components=engine.variance_components(fit),
        shares=engine.variance_shares(fit),
        residual_quartiles=np.quantile(fit.scaled_residuals, [0.0, 0.25, 0.5, 0.75, 1.0]),
        readings=tuple(read(fit) for read in readings),
    )


def _by_week(fit: MixedFit, panel: Panel) -> Mapping[int, float]:
    """Return the population prediction for each week of a panel with the media at their grand means."""
    weeks = np.unique(panel.week)
    grid = pd.DataFrame({"week": weeks, **{name: float(getattr(panel, name).mean()) for name in MEDIA}})
    return MappingProxyType(dict(zip(weeks.tolist(), engine.predict_population(fit, grid).tolist(), strict=True)))
