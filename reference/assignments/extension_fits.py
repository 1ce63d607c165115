"""The fits behind the extension assignment: stores within cities, and YouTube within and between stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

import reference as engine
from reference.data.groups import read_groups
from reference.panels import CITY, MEDIA, RANDOM_INTERCEPT, Panel, PanelError

_FIXED = "week + youtube + facebook + newspaper"
NESTED = engine.parse_formula(f"sales ~ {_FIXED} + (1 | city_id/store_id)", name="stores within cities")
NULL_NESTED = engine.parse_formula("sales ~ 1 + (1 | city_id/store_id)", name="null, stores within cities")
CITIES_ONLY = engine.parse_formula(f"sales ~ {_FIXED} + (1 | city_id)", name="cities only")
CONTEXT = engine.parse_formula(
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
    pooled: engine.OlsFit
    null: engine.MixedFit
    stores_only: engine.MixedFit
    cities_only: engine.MixedFit
    nested: engine.MixedFit
    nested_ml: engine.MixedFit
    context: engine.MixedFit
    context_ml: engine.MixedFit
    store_means: Mapping[int, float]
    test: engine.LikelihoodRatio

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
    def prediction(self) -> engine.NewGroupPrediction:
        """What the nested fit says of that row for a new store in a new city."""
        return engine.predict_new_groups(self.nested, self.new_week)


def fit_extension(panel: Panel) -> ExtensionFits:
    """Return the fits behind the extension's key, or raise what ``extension_key`` raises."""
    if panel.city_id is None:
        raise PanelError(f"{panel.source} has no column {CITY!r}; the extension needs a panel of stores within cities.")
    centred = engine.group_mean_centre(panel.frame, ["youtube"], "store_id")
    codes, _ = read_groups(panel.frame, ["store_id"])
    means = centred.means["youtube"].to_numpy()
    split = panel.frame.assign(youtube_within=centred.frame["youtube"], youtube_mean=means[codes])
    nested_ml = engine.fit_mixed(panel.frame, NESTED, reml=False)
    context_ml = engine.fit_mixed(split, CONTEXT, reml=False)
    return ExtensionFits(
        panel=panel,
        pooled=engine.fit_ols(panel.frame, RANDOM_INTERCEPT),
        null=engine.fit_mixed(panel.frame, NULL_NESTED),
        stores_only=engine.fit_mixed(panel.frame, RANDOM_INTERCEPT),
        cities_only=engine.fit_mixed(panel.frame, CITIES_ONLY),
        nested=engine.fit_mixed(panel.frame, NESTED),
        nested_ml=nested_ml,
        context=engine.fit_mixed(split, CONTEXT),
        context_ml=context_ml,
        store_means=dict(zip(panel.stores, means.tolist(), strict=True)),
        test=engine.compare_nested(nested_ml, context_ml),
    )
