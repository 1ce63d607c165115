"""How far the groups can be told apart: variances of conditional modes, intervals of slopes, and who is at the top.

All of it takes the variances as known, at their estimates, and what is left uncertain as normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from scipy.special import ndtr

from reference.arrays import Floats, block_slices
from reference.data.columns import Level
from reference.errors import DesignError
from reference.estimates import Estimates, FittedTerm
from reference.inference.intervals import normal_quantile
from reference.inference.leverage import read_leverage
from reference.inference.ranking import rank_groups, slope_term

Tier = Literal["above", "unclear", "below"]

# A group is above or below the average when that is as probable as this.
SURE = 0.95
_DRAWS = 100_000
# Numbers drawn at a time, so that many groups do not fill the memory.
_DRAWN_AT_ONCE = 2**22


@dataclass(frozen=True)
class GroupSlope:
    """A group's slope, and how sure one can be of it.

    Parameters
    ----------
    group : str or int
        Its id.
    slope : float
        Fixed effect plus conditional mode.
    deviation : float
        The conditional mode alone: the slope less the average one.
    standard_error : float
        Root of the prediction error variance of the slope, the uncertainty of the fixed effect included.
    lower, upper : float
        Limits of the interval.
    above : float
        The probability that the group's slope is steeper than the average one; one half where slopes do not vary.
    """

    group: Level
    slope: float
    deviation: float
    standard_error: float
    lower: float
    upper: float
    above: float

    @property
    def tier(self) -> Tier:
        """Whether the slope lies above or below the average with a probability of at least 95 %."""
        if self.above >= SURE:
            return "above"
        return "below" if self.above <= 1.0 - SURE else "unclear"


def conditional_covariances(fit: Estimates) -> tuple[Floats, ...]:
    """Return the covariance of each group's effects given the data, one (J, q, q) per random term.

    In units of the data: what lme4's ``ranef(condVar = TRUE)`` holds. The fixed effects are taken as known.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 5.3.
    """
    spreads = fit.design.by_term(fit.optimum.point.conditional_covariance(fit.optimum.factor))
    backs = [np.linalg.inv(design.root) for design in fit.design.terms]
    pairs = zip(spreads, backs, strict=True)
    return tuple(fit.sigma**2 * (back @ spread[:, own, own] @ back.T) for (spread, own), back in pairs)


def slope_intervals(
    fit: Estimates, predictor: str, level: float = 0.95, *, group: str | None = None
) -> tuple[GroupSlope, ...]:
    """Return each group's slope with its interval, steepest first.

    Parameters
    ----------
    fit : Estimates
        With a random slope for the predictor.
    predictor : str
        Its name.
    level : float
        Of confidence, between 0 and 1.
    group : str or None
        The grouping factor, where several have such slopes.

    Returns
    -------
    tuple of GroupSlope
        In units of the response per unit of the predictor.

    Raises
    ------
    DesignError
        If the model has no random slope for the predictor, the level is not between 0 and 1, or a model with several
        grouping factors has more than 3,000 random effects.

    References
    ----------
    Henderson (1975), Biometrics 31(2), 423-447, for the prediction error variance.
    """
    reach = normal_quantile(level)
    errors = _prediction_errors(fit, predictor, group)
    own = np.einsum("kll->kl", errors.own).ravel()
    spread = fit.sigma * np.sqrt(own + (errors.shared**2).sum(axis=2).ravel())
    apart = fit.sigma * np.sqrt(own + ((errors.shared - errors.average) ** 2).sum(axis=2).ravel())
    by_level = dict(zip(errors.term.levels, zip(spread.tolist(), apart.tolist(), strict=True), strict=True))
    rows = []
    for row in rank_groups(fit, predictor, group=group):
        error, distance = by_level[row.group]
        above = float(ndtr(row.deviation / distance)) if distance > 0 else 0.5
        limits = row.slope - reach * error, row.slope + reach * error
        rows.append(GroupSlope(row.group, row.slope, row.deviation, error, *limits, above))
    return tuple(rows)


def probability_top(
    fit: Estimates, predictor: str, count: int = 5, *, group: str | None = None, draws: int = _DRAWS, seed: int = 0
) -> Mapping[Level, float]:
    """Return the probability that each group is among the ``count`` steepest, by group id, ascending.

    The slopes of all groups are drawn jointly around their predictions and ranked; the probabilities add up to
    ``count``, and have a standard error of at most 0.5 / √draws. Where slopes do not vary every group has the same.

    Raises
    ------
    DesignError
        As for :func:`slope_intervals`, or if there are fewer groups than asked for or no draws.

    References
    ----------
    Laird & Louis (1989), J. Educ. Stat. 14(1), 29-46, for ranks by their distribution rather than by point estimates.
    """
    errors = _prediction_errors(fit, predictor, group)
    levels, effect = errors.term.levels, errors.term.effects.index(predictor)
    if not 1 <= count <= len(levels):
        raise DesignError(f"there are {len(levels)} groups; ask for between 1 and {len(levels)}, not {count}.")
    if draws < 1:
        raise DesignError(f"a probability needs at least one draw; got {draws}.")
    if not errors.term.covariance[effect, effect] > 0:
        return MappingProxyType(dict.fromkeys(levels, count / len(levels)))
    rng = np.random.default_rng(seed)
    hits = np.zeros(len(levels))
    modes, roots = errors.term.modes[:, effect], _roots(errors.own)
    # What all slopes share does not change their order.
    apart = (errors.shared - errors.average).reshape(len(levels), -1)
    at_once = max(1, _DRAWN_AT_ONCE // len(levels))
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        alone = np.einsum("kml,skl->skm", roots, rng.standard_normal((size, *roots.shape[:2])))
        together = rng.standard_normal((size, apart.shape[1])) @ apart.T
        slopes = modes + fit.sigma * (alone.reshape(size, -1) + together)
        top = np.argpartition(-slopes, count - 1, axis=1)[:, :count]
        hits += np.bincount(top.ravel(), minlength=len(levels))
    return MappingProxyType(dict(zip(levels, (hits / draws).tolist(), strict=True)))


@dataclass(frozen=True, eq=False)
class _PredictionErrors:
    """The errors of the groups' slopes over sigma: normal, an ``own`` part plus ``shared`` · u for one u ~ N(0, I_p).

    Parameters
    ----------
    term : FittedTerm
        The random term of the slope, its J = K · L groups in K clusters of L.
    own : (K, L, L)
        The covariance of the part that is not shared.
    shared : (K, L, p)
        By group.
    average : (p,)
        The same for the fixed effect alone.
    """

    term: FittedTerm
    own: Floats
    shared: Floats
    average: Floats


def _prediction_errors(fit: Estimates, predictor: str, group: str | None) -> _PredictionErrors:
    term = slope_term(fit, predictor, group)
    leverage, position = read_leverage(fit), fit.terms.index(term)
    part = block_slices(fit.optimum.surface.sizes)[position]
    back = np.linalg.inv(fit.design.terms[position].root)[term.effects.index(predictor)]
    places = np.array(leverage.places[part]).T
    select = np.zeros((len(places), leverage.relative.shape[0]))
    select[np.arange(len(places))[:, None], places] = back
    contrast = np.array([float(name == predictor) for name in fit.design.fixed_names])
    average = fit.optimum.point.inverse_root @ np.linalg.solve(fit.design.fixed_root.T, contrast)
    shared = average - (select @ leverage.relative) @ leverage.fixed
    return _PredictionErrors(term, select @ leverage.conditional @ select.T, shared, average)


def _roots(covariances: Floats) -> Floats:
    """Return factors (K, L, L) of covariances that may be singular."""
    values, vectors = np.linalg.eigh(covariances)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :], dtype=np.float64)
