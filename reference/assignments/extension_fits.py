"""The fits behind the extension assignment: stores within cities, and YouTube within and between stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import pandas as pd

from reference.data.centring import group_mean_centre
from reference.data.formula import parse_formula
from reference.data.groups import read_groups
from reference.fit import MixedFit, fit_mixed
from reference.inference.comparison import LikelihoodRatio, compare_nested
from reference.inference.ols import OlsFit, fit_ols
from reference.inference.prediction import NewGroupPrediction, predict_new_groups
from reference.panels.models import RANDOM_INTERCEPT
from reference.panels.panel import CITY, MEDIA, Panel, PanelError

_FIXED = "week + youtube + facebook + newspaper"
NESTED = parse_formula(f"sales ~ {_FIXED} + (1 | city_id/store_id)", name="stores within cities")
NULL_NESTED = parse_formula("sales ~ 1 + (1 | city_id/store_id)", name="null, stores within cities")
CITIES_ONLY = parse_formula(f"sales ~ {_FIXED} + (1 | city_id)", name="cities only")
CONTEXT = parse_formula(
    "sales ~ week + youtube_within + youtube_mean + facebook + newspaper + (1 | city_id/store_id)",
    name="within and between stores",
)


@dataclass(frozen=True, eq=False)
class ExtensionFits:
    """Every model the extension and its known mistakes need, fitted to one panel.

    REML fits unless the name ends in ``_ml``. ``context`` has YouTube as each store's mean and the deviation from it;
    ``test`` compares the ML fits without and with that distinction.
    """

    panel: Panel
    pooled: OlsFit
    null: MixedFit
    stores_only: MixedFit
    cities_only: MixedFit
    nested: MixedFit
    nested_ml: MixedFit
    context: MixedFit
    context_ml: MixedFit
    store_means: Mapping[int, float]
    test: LikelihoodRatio

    @property
    def variances(self) -> tuple[float, float, float]:
        """Variances of cities, of stores within cities, and of weeks within stores, in squared units of sales."""
        return variances(self.nested)

    @property
    def slopes(self) -> tuple[float, float]:
        """The slopes on YouTube within and between stores, per unit."""
        effects = self.context.fixed_effects
        return effects["youtube_within"], effects["youtube_mean"]

    @cached_property
    def new_week(self) -> pd.DataFrame:
        """One row: the panel's last week, with each medium at its mean over all rows."""
        means = {name: [float(getattr(self.panel, name).mean())] for name in MEDIA}
        return pd.DataFrame({"week": [int(self.panel.week.max())], **means})

    @cached_property
    def prediction(self) -> NewGroupPrediction:
        """What the nested fit says of that row for a new store in a new city."""
        return predict_new_groups(self.nested, self.new_week)


def variances(fit: MixedFit) -> tuple[float, float, float]:
    """Return the variances of cities, of stores within cities, and of weeks within stores, of a nested fit."""
    city, store = (float(term.covariance[0, 0]) for term in fit.terms)
    return city, store, fit.sigma**2


def fit_extension(panel: Panel) -> ExtensionFits:
    """Return the fits behind the extension's key.

    Raises
    ------
    PanelError
        If the panel has no cities.
    DesignError, ConvergenceError
        If a model cannot be fitted to the panel.
    """
    if panel.city_id is None:
        raise PanelError(f"{panel.source} has no column {CITY!r}; the extension needs a panel of stores within cities.")
    centred = group_mean_centre(panel.frame, ["youtube"], "store_id")
    codes, stores = read_groups(panel.frame, ["store_id"])
    means = centred.means["youtube"].to_numpy()
    split = panel.frame.assign(youtube_within=centred.frame["youtube"], youtube_mean=means[codes])
    nested_ml, context_ml = fit_mixed(panel.frame, NESTED, reml=False), fit_mixed(split, CONTEXT, reml=False)
    return ExtensionFits(
        panel=panel,
        pooled=fit_ols(panel.frame, RANDOM_INTERCEPT),
        null=fit_mixed(panel.frame, NULL_NESTED),
        stores_only=fit_mixed(panel.frame, RANDOM_INTERCEPT),
        cities_only=fit_mixed(panel.frame, CITIES_ONLY),
        nested=fit_mixed(panel.frame, NESTED),
        nested_ml=nested_ml,
        context=fit_mixed(split, CONTEXT),
        context_ml=context_ml,
        store_means=cast("Mapping[int, float]", dict(zip(stores, means.tolist(), strict=True))),
        test=compare_nested(nested_ml, context_ml),
    )
