"""The fits behind the practice assignment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import reference as engine
from reference.panels import MEDIA, NULL_MODEL, RANDOM_INTERCEPT, RANDOM_SLOPE, TOP, Panel


@dataclass(frozen=True, eq=False)
class PracticeFits:
    """Every model the practice assignment and its known mistakes need, fitted to one panel.

    REML fits unless the name ends in ``_ml``; ``centred`` and ``within`` are ``slope`` with the media centred at
    their grand means and at their store's; ``test`` compares the two ML fits.
    """

    panel: Panel
    pooled: engine.OlsFit
    null: engine.MixedFit
    intercept: engine.MixedFit
    intercept_ml: engine.MixedFit
    slope: engine.MixedFit
    slope_ml: engine.MixedFit
    centred: engine.MixedFit
    within: engine.MixedFit
    media_means: Mapping[str, float]
    test: engine.LikelihoodRatio

    @cached_property
    def store_slopes(self) -> Mapping[int, float]:
        """Each store's own slope on YouTube by its id, a whole number in a panel."""
        return cast("Mapping[int, float]", engine.group_slopes(self.slope, "youtube"))

    @cached_property
    def top_stores(self) -> tuple[int, ...]:
        """The ids of the stores with the ``TOP`` steepest slopes, steepest first."""
        return cast("tuple[int, ...]", engine.top_groups(self.slope, "youtube", TOP))


def fit_practice(panel: Panel) -> PracticeFits:
    """Return the fits behind the practice key, or raise what ``practice_key`` raises."""
    grand = engine.grand_mean_centre(panel.frame, MEDIA)
    intercept_ml = engine.fit_mixed(panel.frame, RANDOM_INTERCEPT, reml=False)
    slope_ml = engine.fit_mixed(panel.frame, RANDOM_SLOPE, reml=False)
    return PracticeFits(
        panel=panel,
        pooled=engine.fit_ols(panel.frame, RANDOM_INTERCEPT),
        null=engine.fit_mixed(panel.frame, NULL_MODEL),
        intercept=engine.fit_mixed(panel.frame, RANDOM_INTERCEPT),
        intercept_ml=intercept_ml,
        slope=engine.fit_mixed(panel.frame, RANDOM_SLOPE),
        slope_ml=slope_ml,
        centred=engine.fit_mixed(grand.frame, RANDOM_SLOPE),
        within=engine.fit_mixed(engine.group_mean_centre(panel.frame, MEDIA, "store_id").frame, RANDOM_SLOPE),
        media_means=grand.means,
        test=engine.compare_nested(intercept_ml, slope_ml),
    )
