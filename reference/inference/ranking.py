"""Which groups gain most: conditional modes turned into slopes and ranks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reference.data.columns import Level
from reference.errors import DesignError
from reference.estimates import Estimates, FittedTerm


@dataclass(frozen=True)
class RankedGroup:
    """A group's place, its own slope (fixed effect plus conditional mode), and the mode alone."""

    rank: int
    group: Level
    slope: float
    deviation: float


def group_slopes(fit: Estimates, predictor: str, *, group: str | None = None) -> Mapping[Level, float]:
    """Return each group's slope: fixed effect plus conditional mode, by group id, ascending.

    In units of the response per unit of the predictor. A predictor that is in one part of the model only
    counts as zero in the other. ``group`` names the grouping factor, where several have such slopes.

    Raises
    ------
    DesignError
        If the model has no random slope for the predictor.
    """
    return MappingProxyType(
        {row.group: row.slope for row in sorted(rank_groups(fit, predictor, group=group), key=lambda r: r.group)}
    )


def rank_groups(fit: Estimates, predictor: str, *, group: str | None = None) -> tuple[RankedGroup, ...]:
    """Return the groups by slope, steepest first; a tie goes to the smaller id. See :func:`group_slopes`.

    Raises
    ------
    DesignError
        If the model has no random slope for the predictor.
    """
    term = slope_term(fit, predictor, group)
    average = fit.fixed_effects.get(predictor, 0.0)
    deviations = term.modes[:, term.effects.index(predictor)].tolist()
    order = sorted(zip(term.levels, deviations, strict=True), key=lambda pair: (-pair[1], pair[0]))
    return tuple(
        RankedGroup(place, group, average + deviation, deviation)
        for place, (group, deviation) in enumerate(order, start=1)
    )


def slope_term(fit: Estimates, predictor: str, group: str | None = None) -> FittedTerm:
    """Return the term in which a predictor's slope varies, by ``group`` if given; a DesignError if not one does."""
    terms = [term for term in fit.terms if predictor in term.effects and group in (None, term.group)]
    if len(terms) > 1:
        names = " or ".join(f"group={term.group!r}" for term in terms)
        raise DesignError(f"slopes of {predictor!r} vary by several grouping factors; say which by {names}.")
    if not terms:
        raise DesignError(
            f"the {fit.model.name} model has no random slope for {predictor!r}; fit one that has one, "
            f"such as (1 + {predictor} | {group or fit.terms[0].group})."
        )
    return terms[0]


def top_groups(fit: Estimates, predictor: str, count: int = 5, *, group: str | None = None) -> tuple[Level, ...]:
    """Return the ids of the ``count`` groups with the steepest slopes, steepest first.

    Raises
    ------
    DesignError
        If the model has no random slope for the predictor, or there are fewer groups than asked for.
    """
    ranked = rank_groups(fit, predictor, group=group)
    if not 1 <= count <= len(ranked):
        raise DesignError(f"there are {len(ranked)} groups; ask for between 1 and {len(ranked)}, not {count}.")
    return tuple(row.group for row in ranked[:count])
