"""What a fit expects: for an average group, and for the groups it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reference.arrays import Floats, Integers, block_slices
from reference.data.encoding import DEPENDENT, Part
from reference.data.formula import INTERCEPT
from reference.data.groups import Id, group_names, read_groups
from reference.errors import DesignError
from reference.estimates import Estimates, FittedTerm
from reference.inference.intervals import normal_quantile
from reference.inference.leverage import read_leverage


@dataclass(frozen=True, eq=False)
class NewGroupPrediction:
    """What a fit says of rows of groups that it has not seen, in units of the response.

    Parameters
    ----------
    expected : (n,)
        The fixed part: the expectation in an average group.
    standard_error : (n,)
        Of ``expected``, given the estimated variances.
    deviation : (n,)
        The standard deviation of one new observation around ``expected``: its standard error, the effects of its
        groups, and the residual together.
    """

    expected: Floats
    standard_error: Floats
    deviation: Floats


def predict_new_groups(fit: Estimates, data: pd.DataFrame) -> NewGroupPrediction:
    """Return predictions for rows of new groups, each of a new one on every level.

    The variance of a new observation is x' V x + sum of z' S z over the random terms + sigma², with V the covariance
    of the fixed effects and S that of a term's effects; that the variances were estimated is left out, and a new
    observation of a weighted fit has the weight one.

    Raises
    ------
    DesignError
        If a predictor is missing, not numeric or not finite.

    References
    ----------
    Gelman & Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical Models, section 12.8.
    """
    rows, offset = _fixed(fit, data)
    of_mean = np.einsum("ip,pq,iq->i", rows, fit.covariance, rows)
    variance = of_mean + fit.sigma**2
    for term, effects in zip(fit.terms, _effects(fit, data), strict=True):
        variance = variance + np.einsum("ip,pq,iq->i", effects, term.covariance, effects)
    return NewGroupPrediction(rows @ fit.coefficients + offset, np.sqrt(of_mean), np.sqrt(variance))


def predict_intervals(
    fit: Estimates, data: pd.DataFrame, level: float | None = 0.95, *, new_groups: bool = False
) -> pd.DataFrame:
    """Return predictions of each row of a table, with intervals.

    What the fit knows of a row's groups is part of the prediction; of a group that it has not seen, the prediction is
    the expectation of an average one, and how far groups differ is part of the interval of an observation.

    Parameters
    ----------
    fit : Estimates
        The fit.
    data : pandas.DataFrame
        With the columns of the model, the response apart.
    level : float or None
        Of the intervals, between 0 and 1; None for the predictions alone.
    new_groups : bool
        Whether to take every row as one of groups not seen; then the columns of groups need not be there.

    Returns
    -------
    pandas.DataFrame
        In units of the response, by the index of ``data``: ``predicted``; its ``standard_error``, the modes' included;
        ``mean_lower`` and ``mean_upper``, limits of the expectation that is predicted; ``lower`` and ``upper``, limits
        of one new observation, of weight one. All are normal limits given the estimated variances.

    Raises
    ------
    DesignError
        If a column is missing or not finite, the level is not between 0 and 1, or intervals are asked for and a model
        with several grouping factors has more than 3,000 random effects.

    References
    ----------
    Henderson (1975), Biometrics 31(2), 423-447, for the prediction error variance.
    """
    reach = 0.0 if level is None else normal_quantile(level)
    (rows, offset), effects = _fixed(fit, data), _effects(fit, data)
    unseen = np.full(len(rows), -1)
    codes = [
        unseen if new_groups else _codes(term, data, model.group)
        for term, model in zip(fit.terms, fit.model.terms, strict=True)
    ]
    predicted, between = rows @ fit.coefficients + offset, np.zeros(len(rows))
    for term, values, code in zip(fit.terms, effects, codes, strict=True):
        known = code >= 0
        predicted[known] += np.einsum("iq,iq->i", values[known], term.modes[code[known]])
        between[~known] += np.einsum("ip,pq,iq->i", values[~known], term.covariance, values[~known])
    if level is None:
        return pd.DataFrame({"predicted": predicted}, index=data.index)
    of_mean = _error_variances(fit, rows, effects, codes)
    error, deviation = np.sqrt(of_mean), np.sqrt(of_mean + between + fit.sigma**2)
    columns = {"predicted": predicted, "standard_error": error}
    for name, spread in (("mean_", error), ("", deviation)):
        columns |= {f"{name}lower": predicted - reach * spread, f"{name}upper": predicted + reach * spread}
    return pd.DataFrame(columns, index=data.index)


def _error_variances(fit: Estimates, rows: Floats, effects: Sequence[Floats], codes: Sequence[Integers]) -> Floats:
    """Return the variances, (n,), of the errors of x'beta + z'b, with b those of the groups known."""
    shared = rows @ np.linalg.solve(fit.design.units.fixed.root, fit.optimum.point.inverse_root.T)
    if all((code < 0).all() for code in codes):
        return fit.sigma**2 * np.asarray((shared**2).sum(axis=1))
    leverage = read_leverage(fit, "predict without standard errors: --no-intervals of mlm predict, or level=None")
    weights = np.zeros((len(rows), sum(fit.optimum.surface.sizes)))
    places, cluster = np.zeros(weights.shape, dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    slices = block_slices(fit.optimum.surface.sizes)
    for term, values, code, own in zip(fit.terms, effects, codes, slices, strict=True):
        known = code >= 0
        weights[known, own] = np.linalg.solve(term.root.T, values[known].T).T
        # Either every group is a cluster, or all of them are one.
        levels, clusters = (0, code[known]) if len(leverage.effects) > 1 else (code[known], 0)
        places[known, own] = np.array(leverage.places[own])[:, levels].T
        cluster[known] = clusters
    inner = leverage.conditional[cluster[:, None, None], places[:, :, None], places[:, None]]
    carried = (leverage.relative @ leverage.fixed)[cluster[:, None], places]
    shared = shared - np.einsum("im,imp->ip", weights, carried)
    alone = np.einsum("im,imn,in->i", weights, inner, weights)
    return fit.sigma**2 * np.asarray(alone + (shared**2).sum(axis=1))


def _codes(term: FittedTerm, data: pd.DataFrame, group: tuple[str, ...]) -> Integers:
    """Return the position of each row's group among those of the fit, (n,), -1 for one that it has not seen.

    A table with one more id, of letters, has numbers as text: what is written alike is the same group.
    """
    positions = {_written(one): position for position, one in enumerate(term.ids)}
    codes, ids = read_groups(data, group)
    return np.array([positions.get(_written(one), -1) for one in ids], dtype=np.int64)[codes]


def _written(one: Id) -> tuple[str, ...]:
    return tuple(map(str, one)) if isinstance(one, tuple) else (str(one),)


def _fixed(fit: Estimates, data: pd.DataFrame) -> tuple[Floats, Floats | float]:
    """Return the fixed columns, (n, p), and the offset of rows that need not be those of the fit."""
    encoding = fit.design.encoding
    if encoding.offset:
        _matrix(fit, encoding.offset, data)
    return _matrix(fit, encoding.fixed, data), encoding.offset_of(data)


def _effects(fit: Estimates, data: pd.DataFrame) -> list[Floats]:
    """Return the columns of each random term, (n, q), of rows that need not be those of the fit."""
    return [_matrix(fit, part, data) for part in fit.design.encoding.random]


def _matrix(fit: Estimates, part: Part, data: pd.DataFrame) -> Floats:
    """Return the columns of a part, (n, k), of new rows.

    An expression such as ``x - x.mean()``, whose value in a row is another among other rows, is refused.
    """
    table = fit.design.table
    if part.spec is None or not {*"({"} & {*part.text} or table is None or data is table:
        return part.matrix(data)
    whole = part.matrix(table)
    for place in {0, len(table) // 2, len(table) - 1}:
        try:
            off = np.abs(part.matrix(table.iloc[[place]])[0] - whole[place]) > DEPENDENT * np.abs(whole).max(axis=0)
        except DesignError:
            off = np.array([name != INTERCEPT for name in part.names])
        if off.any():
            raise DesignError(
                f"{part.names[int(off.argmax())]!r} has a value only among the rows of the fit; compute it as a column "
                "of both tables, or write center(x) or scale(x), which know the mean of those rows."
            )
    return part.matrix(data)


def predict_population(fit: Estimates, data: pd.DataFrame) -> Floats:
    """Return the fixed part, offset included, for each row, (n,): the expectation for a group not seen before.

    Raises
    ------
    DesignError
        If a predictor is missing, not numeric or not finite.
    """
    rows, offset = _fixed(fit, data)
    return rows @ fit.coefficients + offset


def predict_conditional(fit: Estimates, data: pd.DataFrame) -> Floats:
    """Return predictions for the groups of the fit, modes included, (n,), in units of the response.

    Raises
    ------
    DesignError
        If a predictor or a grouping column is missing, not numeric or not finite, or a group was not in the fit.
    """
    prediction = predict_population(fit, data)
    for term, effects, model in zip(fit.terms, _effects(fit, data), fit.model.terms, strict=True):
        codes = _codes(term, data, model.group)
        if codes.min(initial=0) < 0:
            _, ids = read_groups(data.iloc[[int(codes.argmin())]], model.group)
            name = group_names(ids)[0]
            raise DesignError(
                f"{term.group} {name} was not in the fit; use predict_population for new groups, or groups=False."
            )
        prediction = prediction + np.einsum("iq,iq->i", effects, term.modes[codes])
    return prediction
