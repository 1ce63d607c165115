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

    @property
    def stores(self) -> int:
        """How many stores take part."""
        return 2 * self.pairs


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
    rng = np.random.default_rng(seed)
    counts = dict.fromkeys(analyses, 0)
    for _ in range(draws):
        frame = _drawn(model, experiment, effect, rng)
        for analysis in analyses:
            counts[analysis] += _p(frame, analysis) < LEVEL
    return {analysis: Share(count / draws, draws) for analysis, count in counts.items()}


def _drawn(model: MixedFit, experiment: Experiment, effect: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return an experiment's rows: store, whether it is later, whether there is extra spend, and sales."""
    departures: Floats = rng.standard_normal((experiment.stores, 2)) @ (model.sigma * model.term.relative_factor.T)
    rows = 2 * experiment.weeks
    store = np.repeat(np.arange(experiment.stores), rows)
    later = np.tile(np.repeat([0.0, 1.0], experiment.weeks), experiment.stores)
    extra = later * (store % 2)
    level, slope = departures[store].T
    sales = level + slope * (experiment.usual + experiment.extra * extra) + effect * extra
    sales += model.sigma * rng.standard_normal(store.size)
    return pd.DataFrame({"store": store, "later": later, "extra": extra, "sales": sales})


def _p(frame: pd.DataFrame, analysis: str) -> float:
    if analysis == BOTH:
        return coefficient_tests(fit(_BEFORE, frame))[-1].p
    late = frame[frame["later"] == 1.0]
    if analysis == AFTER:
        return coefficient_tests(fit(_WITH, late))[-1].p
    if analysis == CHANGES:
        change = frame.pivot_table("sales", "store", "later").diff(axis=1)[1.0].to_numpy()
        return float(ttest_ind(change[1::2], change[::2]).pvalue)
    return float(ttest_ind(late["sales"][late["extra"] == 1.0], late["sales"][late["extra"] == 0.0]).pvalue)
