"""The explorer of shrinkage: sliders, and a picture that the reader's browser computes by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from course.live import number
from reference import MixedFit

#: Slider, what it is called, smallest, largest, step.
_SLIDERS = (
    ("rows", "Weeks for each store", 1, 60, 1),
    ("between", "Variance between stores", 0.0, 6.0, 0.01),
    ("within", "Variance within a store", 0.05, 10.0, 0.05),
)


@dataclass(frozen=True)
class Shrinkage:
    """An explorer that starts where a fit of a random intercept ended.

    Parameters
    ----------
    distances : tuple of float
        Of each group: the mean of its rows' distances from the fixed effects.
    rows : int
        For each group.
    between, within : float
        The two variances.
    """

    distances: tuple[float, ...]
    rows: int
    between: float
    within: float

    @classmethod
    def of(cls, fit: MixedFit, frame: pd.DataFrame) -> Shrinkage:
        """Return the explorer of a fit with one random intercept and as many rows in each group, and of its table."""
        term = fit.terms[0]
        groups = (frame[fit.model.response] - fit.predict(frame, groups=False)).groupby(frame[term.group])
        between, within = float(term.covariance[0, 0]), float(fit.sigma**2)
        return cls(tuple(map(float, groups.mean())), int(groups.size().iloc[0]), between, within)

    def _repr_html_(self) -> str:
        """Return the sliders and the picture; the script fills them in."""
        values = {"rows": self.rows, "between": number(self.between), "within": number(self.within)}
        sliders = "".join(
            f'<label>{label} <input type="range" name="{name}" min="{low}" max="{high}" step="{step}" '
            f'value="{values[name]}"><span></span></label>'
            for name, label, low, high, step in _SLIDERS
        )
        height = 12 * len(self.distances) + 8
        return (
            f'<div class="shrinkage" data-distances="{json.dumps(self.distances)}">{sliders}<p role="status"></p>'
            f'<svg viewBox="0 0 400 {height}" aria-hidden="true"></svg></div>'
            '<script src="../_static/shrinkage.js" defer></script>'
        )
