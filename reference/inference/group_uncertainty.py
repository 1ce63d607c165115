"""How far the groups can be told apart: variances of conditional modes, intervals of slopes, and who is at the top.

All of it takes the variances as known, at their estimates, and what is left uncertain as normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.special import ndtr, ndtri

from reference.arrays import Floats, Integers, block_slices
from reference.data.columns import Level
from reference.errors import DesignError
from reference.estimates import Estimates, FittedTerm
from reference.inference.intervals import normal_quantile
from reference.inference.leverage import read_leverage
from reference.inference.ranking import rank_groups, slope_term
from reference.inference.slope_contrasts import slope_contrasts

Tier = Literal["above", "unclear", "below"]

# A group is above or below the average when that is as probable as this.
SURE = 0.95
_DRAWS = 100_000
# With more groups than this, and so many times the top, most hardly ever come up, and are not drawn; no chance.
_MANY = 1_000
_RARE = 20
_NEVER = 1e-12
# Relative variance by which slopes that are the same are put into an order.
_TIE = 1e-16
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
        Fixed effect plus conditional mode; interactions with what is constant within a group are in it.
    deviation : float
        The conditional mode alone: the slope less that of an average group like it.
    standard_error : float
        Root of the prediction error variance of the slope, the uncertainty of the fixed effect included.
    lower, upper : float
        Limits of the interval.
    above : float
        The probability that the group's slope is steeper than that of an average group like it, the average one where
        there are no interactions; one half where slopes do not vary.
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
    backs = (np.linalg.inv(term.root) for term in fit.terms)
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
        If the model has no random slope for the predictor, the slope is not one number for each group, the level is
        not between 0 and 1, or a model with several grouping factors has more than 3,000 random effects.

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
        if len(errors.slopes) == 1:
            return MappingProxyType(dict.fromkeys(levels, count / len(levels)))
        # Too little to change an order, but of groups alike each comes first as often.
        errors = replace(errors, own=errors.own + _TIE * np.abs(errors.apart).max() ** 2 * np.eye(errors.own.shape[1]))
    modes = (errors.slopes - errors.slopes[0] + errors.term.modes[:, effect]) / fit.sigma
    rng = np.random.default_rng(seed)
    sparse = errors.own.shape[1] == 1 and len(levels) > max(_MANY, _RARE * count)
    hits = (_sparse_hits if sparse else _hits)(errors, modes, count, draws, rng)
    return MappingProxyType(dict(zip(levels, (hits / draws).tolist(), strict=True)))


def _hits(errors: _PredictionErrors, modes: Floats, count: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return in how many draws each group is among the first, given the modes over sigma."""
    values, vectors = np.linalg.eigh(errors.own)
    roots, hits = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :], np.zeros(modes.size)
    at_once = max(1, _DRAWN_AT_ONCE // modes.size)
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        alone = np.einsum("kml,skl->skm", roots, rng.standard_normal((size, *roots.shape[:2])))
        together = rng.standard_normal((size, errors.apart.shape[1])) @ errors.apart.T
        slopes = modes + alone.reshape(size, -1) + together
        top = np.argpartition(-slopes, count - 1, axis=1)[:, :count]
        hits += np.bincount(top.ravel(), minlength=modes.size)
    return hits


def _sparse_hits(errors: _PredictionErrors, modes: Floats, count: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return the same for many groups, each a cluster, of which only those are drawn that come up above a bar.

    How far what is shared can carry a group is bounded by its length in these draws. So a group's chance to come up is
    known but for that, and its own part a normal one cut off from below. Where fewer than ``count`` groups are above
    the bar, all others are drawn too, cut off from above.
    """
    shared = rng.standard_normal((draws, errors.apart.shape[1]))
    spread = np.sqrt(np.maximum(errors.own[:, 0, 0], np.finfo(float).tiny))
    highest = modes + np.linalg.norm(errors.apart, axis=1) * np.linalg.norm(shared, axis=1).max()
    bar = _bar(highest, spread, count + 4.0 * np.sqrt(count) + 4.0)
    chance = ndtr((highest - bar) / spread)
    groups, places = _occasions(chance, draws, rng)
    slopes = modes[groups] - spread[groups] * ndtri(chance[groups] * (1.0 - rng.random(groups.size)))
    slopes += np.einsum("ij,ij->i", errors.apart[groups], shared[places])
    up = np.flatnonzero(slopes > bar)
    by_draw = coo_array((up, (places[up], groups[up])), shape=(draws, modes.size)).tocsr()
    above, order = np.diff(by_draw.indptr), by_draw.data
    table = np.full((draws, max(count, int(above.max()))), -np.inf)
    table[np.repeat(np.arange(draws), above), np.arange(order.size) - np.repeat(by_draw.indptr[:-1], above)] = slopes[
        order
    ]
    least = np.partition(table, -count, axis=1)[:, -count]
    first = order[(slopes[order] >= least[places[order]])]
    hits = np.bincount(groups[first], minlength=modes.size).astype(float)
    for draw in np.flatnonzero(above < count):
        middle = modes + errors.apart @ shared[draw]
        others = middle + spread * ndtri(ndtr((bar - middle) / spread) * (1.0 - rng.random(modes.size)))
        others[by_draw.indices[by_draw.indptr[draw] : by_draw.indptr[draw + 1]]] = -np.inf
        missing = count - int(above[draw])
        hits[np.argpartition(-others, missing - 1)[:missing]] += 1.0
    return hits


def _bar(highest: Floats, spread: Floats, expected: float) -> float:
    """Return the height that so many normal values of these means and deviations are expected to exceed."""
    from scipy.optimize import brentq  # takes a while to import, and few need it

    reach = 40.0 * float(spread.max())
    low, high = float(highest.min()) - reach, float(highest.max()) + reach
    return float(brentq(lambda bar: float(ndtr((highest - bar) / spread).sum()) - expected, low, high))


def _occasions(chance: Floats, draws: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Return the pairs of group and draw in which the groups come up, each by its chance, by the gaps between them."""
    many = draws * chance
    counts = (many + 8.0 * np.sqrt(many) + 20.0).astype(np.int64)
    groups = np.repeat(np.arange(chance.size), counts)
    gaps = np.minimum(rng.geometric(np.maximum(chance, _NEVER)[groups]), draws + 1)
    places, stops = np.cumsum(gaps), np.cumsum(counts)
    places -= np.repeat(np.concatenate([[0], places[stops[:-1] - 1]]), counts) + 1
    inside = places < draws
    return groups[inside], places[inside]


@dataclass(frozen=True, eq=False)
class _PredictionErrors:
    """The errors of the groups' slopes over sigma: normal, an ``own`` part plus ``shared`` · u for one u ~ N(0, I_p).

    The J = K · L groups of the slope's ``term`` lie in K clusters of L: ``own``, (K, L, L), is the covariance of the
    part that is not shared, ``shared``, (K, L, p), goes by group, and ``average``, (K, L, p) or (1, 1, p), is the same
    for the fixed effects alone, whose estimates ``slopes`` are, (J,) or (1,).
    """

    term: FittedTerm
    own: Floats
    shared: Floats
    average: Floats
    slopes: Floats

    @property
    def apart(self) -> Floats:
        """The shared part by group, (J, p), less what all slopes share, as that does not change their order."""
        apart: Floats = self.shared - self.average[0, 0]
        return apart.reshape(-1, apart.shape[2])


def _prediction_errors(fit: Estimates, predictor: str, group: str | None) -> _PredictionErrors:
    term = slope_term(fit, predictor, group)
    leverage = read_leverage(fit, "take the slopes alone, by rank_groups")
    position = fit.terms.index(term)
    part = block_slices(fit.optimum.surface.sizes)[position]
    back = np.linalg.inv(term.root)[term.effects.index(predictor)]
    places = np.array(leverage.places[part]).T
    select = np.zeros((len(places), leverage.relative.shape[0]))
    select[np.arange(len(places))[:, None], places] = back
    contrasts = slope_contrasts(fit, predictor, term)
    weights = fit.optimum.point.inverse_root @ np.linalg.solve(fit.design.units.fixed.root.T, contrasts.T)
    of_modes = (select @ leverage.relative) @ leverage.fixed
    average = weights.T.reshape(of_modes.shape if len(contrasts) > 1 else (1, 1, -1))
    own = select @ leverage.conditional @ select.T
    return _PredictionErrors(term, own, average - of_modes, average, contrasts @ fit.coefficients)
