"""Which groups gain most: conditional modes turned into slopes and ranks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reference.data.columns import Level
from reference.data.formula import INTERCEPT, quoted
from reference.errors import DesignError
from reference.estimates import Estimates, FittedTerm
from reference.inference.slope_contrasts import slope_contrasts


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
    counts as zero in the other; its interactions with what is constant within each group are part of the slope, at the
    group's values. ``group`` names the grouping factor, where several have such slopes.

    Raises
    ------
    DesignError
        If the model has no random slope for the predictor, or the slope is not one number for each group.
    """
    return MappingProxyType(
        {row.group: row.slope for row in sorted(rank_groups(fit, predictor, group=group), key=lambda r: r.group)}
    )


def rank_groups(fit: Estimates, predictor: str, *, group: str | None = None) -> tuple[RankedGroup, ...]:
    """Return the groups by slope, steepest first; a tie goes to the smaller id. See :func:`group_slopes`.

    Raises
    ------
    DesignError
        As for :func:`group_slopes`.
    """
    term = slope_term(fit, predictor, group)
    deviations = term.modes[:, term.effects.index(predictor)]
    slopes = slope_contrasts(fit, predictor, term) @ fit.coefficients + deviations
    rows = zip(slopes.tolist(), deviations.tolist(), term.levels, strict=True)
    order = sorted(rows, key=lambda row: (-row[0], -row[1], row[2]))
    return tuple(RankedGroup(place, level, slope, own) for place, (slope, own, level) in enumerate(order, start=1))


def slope_term(fit: Estimates, predictor: str, group: str | None = None) -> FittedTerm:
    """Return the term in which a predictor's slope varies, by ``group`` if given; a DesignError if not one does."""
    terms = [term for term in fit.terms if predictor in term.effects and group in (None, term.group)]
    if len(terms) > 1:
        names = " or ".join(f"group={term.group!r}" for term in terms)
        raise DesignError(
            f"slopes of {predictor!r} vary by several grouping factors; say which by {names}, in mlm fit by --by "
            f"{terms[0].group}."
        )
    if not terms:
        raise _no_slope(fit, predictor, group)
    return terms[0]


def _no_slope(fit: Estimates, predictor: str, group: str | None) -> DesignError:
    groups = list(dict.fromkeys(term.group for term in fit.terms))
    if group is not None and group not in groups:
        return DesignError(f"{group!r} is no grouping factor of the model, which has {', '.join(groups)}; name one.")
    model = f"the model {fit.model.name!r} has no random slope for {predictor!r}"
    word = re.compile(rf"(?<!\w){re.escape(predictor)}(?!\w)")
    known = [(one, term.group) for term in fit.terms for one in term.effects if one != INTERCEPT]
    alike = [one for one, its in known if group in (None, its) and word.search(one)]
    if alike:
        return DesignError(f"{model}, but for {', '.join(alike)}; name one of these.")
    elsewhere = [its for one, its in known if one == predictor]
    if elsewhere:
        return DesignError(f"{model} by {group}, but one by {elsewhere[0]}; name that.")
    table = fit.design.table
    asked = quoted(predictor) if table is not None and predictor in table.columns else predictor
    label = ":".join(map(quoted, (group or groups[0]).split(":")))
    rest = "".join(f", or rank the slopes of {one}" for one, _ in known[:1])
    return DesignError(f"{model}; fit one that has one, such as (1 + {asked} | {label}){rest}.")


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
