"""Power of an experiment in stores, found by drawing its sales from the fitted model and analysing each drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from reference import MixedFit, coefficient_tests, fit
from reference.arrays import Floats

LEVEL = 0.05
_WITH = "sales ~ extra + (1 | store)"
_BEFORE = "sales ~ later + extra + (1 | store)"
ROWS, CHANGES = "weeks with, rows as if independent", "each store's mean with, less its mean before"
AFTER, BOTH = "weeks with, a level for each store", "weeks before and with, a level for each store"


@dataclass(frozen=True)
class Experiment:
    """Pairs of stores, of which one spends more for some weeks, after as many weeks in which neither does.

    Parameters
    ----------
    pairs, weeks : int
        How many pairs of stores, and how many weeks before and as many with the extra spend.
    usual, extra : float
        YouTube spend of a usual week, and what is added to it, in the units of the panel.
    """

    pairs: int
    weeks: int
    usual: float
    extra: float


@dataclass(frozen=True)
class Share:
    """A share of simulated experiments, and how many there were."""

    value: float
    draws: int

    @property
    def standard_error(self) -> float:
        """The Monte-Carlo error: what another seed may change, as a standard error."""
        return float(np.sqrt(self.value * (1.0 - self.value) / self.draws))


def found(
    model: MixedFit,
    experiment: Experiment,
    *,
    effect: float,
    draws: int,
    seed: int,
    analyses: tuple[str, ...] = (ROWS, AFTER, CHANGES, BOTH),
) -> dict[str, Share]:
    """Return by analysis the share of simulated experiments in which the extra spend is found to matter at 5 %.

    Stores are drawn from the model: each has a level and a slope of its own, as far apart as the fit says. Media other
    than the extra spend are as usual in all weeks.

    Parameters
    ----------
    model : MixedFit
        With a random slope of YouTube.
    experiment : Experiment
        Its size and its spend.
    effect : float
        Pieces, in the units of sales, that the extra spend brings in an average store. At zero the share is that of
        false alarms; the stores differ about it all the same.
    draws, seed : int
        How many experiments, and where the random numbers start.
    analyses : tuple of str
        Of ``ROWS``, ``AFTER``, ``CHANGES`` and ``BOTH``.
    """
    sales = _drawn(model, experiment, effect, draws, np.random.default_rng(seed))
    values = {analysis: _p_values(sales, analysis) for analysis in analyses}
    return {analysis: Share(float(np.mean(p < LEVEL)), draws) for analysis, p in values.items()}


def _drawn(model: MixedFit, experiment: Experiment, effect: float, draws: int, rng: np.random.Generator) -> Floats:
    """Return sales (draws, arms, pairs, periods, weeks): the arm without and with, the period before and with."""
    shape = (draws, 2, experiment.pairs, 2, experiment.weeks)
    departures: Floats = rng.standard_normal((*shape[:3], 2)) @ (model.sigma * model.term.relative_factor.T)
    level, slope = departures[..., 0, None, None], departures[..., 1, None, None]
    spends = np.zeros((2, 1, 2, 1))
    spends[1, :, 1] = 1.0
    expected = level + slope * (experiment.usual + experiment.extra * spends) + effect * spends
    drawn: Floats = expected + model.sigma * rng.standard_normal(shape)
    return drawn


def _p_values(sales: Floats, analysis: str) -> Floats:
    """Return the p-value of the extra spend in each experiment, (draws,)."""
    if analysis in (AFTER, BOTH):
        return np.array([_multilevel(drawn, analysis) for drawn in sales])
    if analysis == ROWS:
        arms = sales[:, :, :, 1].reshape(len(sales), 2, -1)
    else:
        arms = sales[:, :, :, 1].mean(axis=-1) - sales[:, :, :, 0].mean(axis=-1)
    return np.asarray(ttest_ind(arms[:, 1], arms[:, 0], axis=1).pvalue)


def _multilevel(sales: Floats, analysis: str) -> float:
    kept = slice(None) if analysis == BOTH else slice(1, None)
    arm, pair, later, _ = np.indices(sales.shape)[:, :, :, kept]
    columns = {"store": 2 * pair + arm, "later": later, "extra": arm * later, "sales": sales[:, :, kept]}
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    return coefficient_tests(fit(_BEFORE if analysis == BOTH else _WITH, frame))[-1].p
