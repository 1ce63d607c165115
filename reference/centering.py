"""Centring predictors, keeping the means that were taken off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import pandas as pd

from reference.errors import DesignError
from reference.panel import MEDIA, Panel

Means: TypeAlias = MappingProxyType[str, float]


@dataclass(frozen=True, eq=False)
class GrandMeanCentred:
    """A table whose columns lost their grand mean, and the means."""

    frame: pd.DataFrame
    means: Means


@dataclass(frozen=True, eq=False)
class GroupMeanCentred:
    """A table whose columns lost their group's mean, and the means: one row per group, ascending."""

    frame: pd.DataFrame
    means: pd.DataFrame


def grand_mean_centre(data: Panel | pd.DataFrame, columns: Sequence[str] = MEDIA) -> GrandMeanCentred:
    """Return the table with each column's overall mean taken off.

    Centring at the grand mean is a reparametrisation: it moves the intercept and its variance, and changes
    neither the likelihood nor a slope (Enders & Tofighi 2007, Psychological Methods 12(2), 121-138).

    Parameters
    ----------
    data : Panel or pandas.DataFrame
        Left as it is.
    columns : sequence of str
        The columns to centre, in the units of the data.

    Raises
    ------
    DesignError
        If a column is not there.
    """
    frame = _copy_with(data, columns)
    means = {name: float(frame[name].mean()) for name in columns}
    for name, mean in means.items():
        frame[name] = frame[name] - mean
    return GrandMeanCentred(frame, MappingProxyType(means))


def group_mean_centre(
    data: Panel | pd.DataFrame, columns: Sequence[str] = MEDIA, group: str = "store_id"
) -> GroupMeanCentred:
    """Return the table with each group's own mean taken off.

    Unlike centring at the grand mean this is another model: differences between groups leave the predictors,
    and the slopes become the ones within a group (Enders & Tofighi 2007).

    Raises
    ------
    DesignError
        If a column is not there.
    """
    frame = _copy_with(data, (*columns, group))
    means = group_means(frame, columns, group)
    own = means.loc[frame[group].to_numpy()]
    for name in columns:
        frame[name] = frame[name].to_numpy() - own[name].to_numpy()
    return GroupMeanCentred(frame, means)


def group_means(data: Panel | pd.DataFrame, columns: Sequence[str] = MEDIA, group: str = "store_id") -> pd.DataFrame:
    """Return each group's mean of each column: one row per group, ascending, indexed by group.

    Raises
    ------
    DesignError
        If a column is not there.
    """
    frame = _copy_with(data, (*columns, group))
    return frame.groupby(group, sort=True)[list(columns)].mean()


def _copy_with(data: Panel | pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    frame = data.frame if isinstance(data, Panel) else data.copy()
    for name in columns:
        if name not in frame.columns:
            raise DesignError(
                f"column {name!r} is not in the table; centre one of {', '.join(map(str, frame.columns))}."
            )
    return frame
