"""The fits behind the practice assignment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reference.data.centring import grand_mean_centre, group_mean_centre
from reference.fit import MixedFit, fit_mixed
from reference.inference.comparison import LikelihoodRatio, compare_nested
from reference.inference.ols import OlsFit, fit_ols
from reference.panels.models import NULL_MODEL, RANDOM_INTERCEPT, RANDOM_SLOPE
from reference.panels.panel import MEDIA, Panel


@dataclass(frozen=True, eq=False)
class PracticeFits:
    """Every model the practice assignment and its known mistakes need, fitted to one panel.

    REML fits unless the name ends in ``_ml``; ``centred`` and ``within`` are ``slope`` with the media centred at
    their grand means and at their store's; ``test`` compares the two ML fits.
    """

    panel: Panel
    pooled: OlsFit
    null: MixedFit
    intercept: MixedFit
    intercept_ml: MixedFit
    slope: MixedFit
    slope_ml: MixedFit
    centred: MixedFit
    within: MixedFit
    media_means: Mapping[str, float]
    test: LikelihoodRatio

    @property
    def reml_chi2(self) -> float:
        """The difference of REML criteria, the classic mistake for the test's statistic."""
        return self.intercept.criterion - self.slope.criterion


def fit_practice(panel: Panel) -> PracticeFits:
    """Return the fits behind the practice key.

    Raises
    ------
    DesignError, ConvergenceError
        If a model cannot be fitted to the panel.
    """
    grand = grand_mean_centre(panel.frame, MEDIA)
    intercept_ml = fit_mixed(panel.frame, RANDOM_INTERCEPT, reml=False)
    slope_ml = fit_mixed(panel.frame, RANDOM_SLOPE, reml=False)
    return PracticeFits(
        panel=panel,
        pooled=fit_ols(panel.frame, RANDOM_INTERCEPT),
        null=fit_mixed(panel.frame, NULL_MODEL),
        intercept=fit_mixed(panel.frame, RANDOM_INTERCEPT),
        intercept_ml=intercept_ml,
        slope=fit_mixed(panel.frame, RANDOM_SLOPE),
        slope_ml=slope_ml,
        centred=fit_mixed(grand.frame, RANDOM_SLOPE),
        within=fit_mixed(group_mean_centre(panel.frame, MEDIA, "store_id").frame, RANDOM_SLOPE),
        media_means=grand.means,
        test=compare_nested(intercept_ml, slope_ml),
    )
