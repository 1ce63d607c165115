"""Centring predictors, keeping the means that were taken off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

import numpy as np
import pandas as pd

from reference.data.columns import read_column
from reference.data.groups import read_groups

Means = TypeVar("Means", Mapping[str, float], pd.DataFrame)


@dataclass(frozen=True, eq=False)
class Centred(Generic[Means]):
    """A table whose columns lost their mean, and the means by column; of groups one row each, ascending."""

    frame: pd.DataFrame
    means: Means


def grand_mean_centre(data: pd.DataFrame, columns: str | Sequence[str]) -> Centred[Mapping[str, float]]:
    """Return the table with each column's overall mean taken off.

    Centring at the grand mean is a reparametrisation: it moves the intercept and its variance, and changes
    neither the likelihood nor a slope (Enders & Tofighi 2007, Psychological Methods 12(2), 121-138).

    Parameters
    ----------
    data : pandas.DataFrame
        Left as it is.
    columns : str or sequence of str
        The columns to centre, in the units of the data.

    Raises
    ------
    DesignError
        If a column is missing, not numeric or not finite.
    """
    means = {name: float(read_column(data, name).mean()) for name in _several(columns)}
    centred = {name: read_column(data, name) - mean for name, mean in means.items()}
    return Centred(data.assign(**centred), MappingProxyType(means))


def group_mean_centre(data: pd.DataFrame, columns: str | Sequence[str], group: str) -> Centred[pd.DataFrame]:
    """Return the table with each group's own mean taken off.

    Unlike centring at the grand mean this is another model: differences between groups leave the predictors,
    and the slopes become the ones within a group (Enders & Tofighi 2007).

    Parameters
    ----------
    data, columns
        As for :func:`grand_mean_centre`, as are the errors.
    group : str
        The grouping column.
    """
    means = group_means(data, columns, group)
    codes, _ = read_groups(data, [group])
    centred = {name: read_column(data, name) - means[name].to_numpy()[codes] for name in _several(columns)}
    return Centred(data.assign(**centred), means)


def group_means(data: pd.DataFrame, columns: str | Sequence[str], group: str) -> pd.DataFrame:
    """Return each group's mean of each column: one row per group, ascending, indexed by group.

    Raises
    ------
    DesignError
        If a column is missing, not numeric or not finite.
    """
    codes, groups = read_groups(data, [group])
    counts = np.bincount(codes)
    means = {name: np.bincount(codes, weights=read_column(data, name)) / counts for name in _several(columns)}
    return pd.DataFrame(means, index=pd.Index(groups, name=group))


def _several(columns: str | Sequence[str]) -> Sequence[str]:
    return [columns] if isinstance(columns, str) else columns
