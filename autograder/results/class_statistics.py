"""A class in numbers: how hard each item is, how it tells learners apart, and the class as a multilevel model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from autograder.assignment.rubric import Item, Rubric
from autograder.language.catalogue import Sentence
from autograder.records.grading import Grade, ItemResult, NotebookGrade
from reference import MultilevelError, conditional_covariances, fit
from reference.arrays import Floats

#: With fewer learners a variance between them rests on next to nothing, and they are better described one by one.
FEWEST_LEARNERS = 10
#: With fewer items they cannot stand for others.
FEWEST_ITEMS = 3
#: A residual variance of shares that is smaller is none: every score is told by its learner or its item.
_NOTHING = 1e-9


@dataclass(frozen=True)
class Shares:
    """The shares of their points that learners earned.

    ``values`` is (learners, items), from 0 to 1, and nan where it is not known yet.
    """

    grades: tuple[Grade, ...]
    items: tuple[Item, ...]
    values: Floats


@dataclass(frozen=True)
class ItemStatistics:
    """How an item fared: of ``learners``, the mean share of its points, and how it goes with the other items.

    ``discrimination`` is nan where it is not defined, or where there are too few learners.
    """

    item: Item
    learners: int
    difficulty: float
    discrimination: float


@dataclass(frozen=True)
class ItemMode:
    """How much easier an item is than the average one, in shares of its points, and the standard error of that."""

    item: Item
    mode: float
    standard_error: float


@dataclass(frozen=True)
class ClassModel:
    """Shares of points with crossed random effects of learners and items: variances, in squared shares.

    ``reliability`` is that of the total of the points.
    """

    learner: float
    item: float
    residual: float
    reliability: float
    modes: tuple[ItemMode, ...]

    @property
    def total(self) -> float:
        """The three variances together."""
        return self.learner + self.item + self.residual

    @property
    def variances(self) -> dict[str, float]:
        """The variances by what they are between."""
        return {"learner": self.learner, "item": self.item, "residual": self.residual}


def shares_of(rubric: Rubric, grades: Sequence[Grade]) -> Shares:
    """Return the shares of points of those who handed in and were graded, and of the items that give points."""
    there = tuple(grade for grade in grades if not grade.is_empty and not grade.is_ungraded)
    items = tuple(item for item in rubric.items if item.points)
    values = np.full((len(there), len(items)), math.nan)
    for row, grade in enumerate(there):
        found = {one.item: _share(notebook, one) for notebook in grade.notebooks for one in notebook.items}
        values[row] = [found.get(item.id, math.nan) for item in items]
    return Shares(there, items, values)


def _share(notebook: NotebookGrade, result: ItemResult) -> float:
    return math.nan if result in notebook.to_be_read or not result.points else result.score / result.points


def item_statistics(shares: Shares) -> tuple[ItemStatistics, ...]:
    """Return how each item fared, in the order of the rubric; an item that nobody has a score of is left out.

    The discrimination is the item-rest correlation: of the share of the item's points with the share of the points of
    all others, so that an item is not correlated with itself. It is the corrected item-total correlation of Henrysson
    (1963), Psychometrika 28(2). What is not known yet is left out of both.
    """
    points, known = np.array([item.points for item in shares.items]), ~np.isnan(shares.values)
    found = []
    for place, item in enumerate(shares.items):
        others = np.arange(len(shares.items)) != place
        rest_points = known[:, others] @ points[others]
        rows = known[:, place] & (rest_points > 0)
        own = shares.values[known[:, place], place]
        rest = np.nan_to_num(shares.values[rows][:, others]) @ points[others] / rest_points[rows]
        if own.size:
            correlation = _correlation(shares.values[rows, place], rest)
            found.append(ItemStatistics(item, own.size, float(own.mean()), correlation))
    return tuple(found)


def _correlation(one: Floats, other: Floats) -> float:
    if one.size < FEWEST_LEARNERS or np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])


def class_model(shares: Shares) -> ClassModel | Sentence:
    """Return the class as a multilevel model, or a sentence that says why there is none.

    The share of an item's points is taken to be ``1 + (1 | learner) + (1 | item)``, by REML: the crossed design p x i
    of generalisability theory. The reliability is its generalisability coefficient for relative decisions, of the
    total in which each item counts by its points: sigma_p^2 / (sigma_p^2 + sigma_pi^2 * sum(w^2) / sum(w)^2). Where all
    items have the same points, all shares are known, and sigma_p^2 is not 0, it is Cronbach's alpha.

    Scores are bounded, and depend on each other where one answer is computed from another: all this is approximate.

    References
    ----------
    Cronbach, Gleser, Nanda & Rajaratnam (1972), The Dependability of Behavioral Measurements. Brennan (2001),
    Generalizability Theory, chapter 2. Snijders & Bosker (2012), Multilevel Analysis, section 4.3, on fewer than ten
    groups.
    """
    known = ~np.isnan(shares.values)
    learners, asked = known.any(axis=1), known.any(axis=0)
    if learners.sum() < FEWEST_LEARNERS or asked.sum() < FEWEST_ITEMS:
        gaps = {"learners": int(learners.sum()), "items": int(asked.sum())}
        return Sentence("report.too_small", **gaps, fewest_learners=FEWEST_LEARNERS, fewest_items=FEWEST_ITEMS)
    rows, columns = np.nonzero(known)
    if np.ptp(shares.values[known]) == 0.0:
        return Sentence("report.no_variance")
    long = pd.DataFrame({"learner": rows.astype(str), "item": columns.astype(str), "share": shares.values[known]})
    try:
        fitted = fit("share ~ 1 + (1 | learner) + (1 | item)", long)
    except MultilevelError:
        return Sentence("report.no_fit")
    residual, between = fitted.sigma**2, {term.group: float(term.covariance[0, 0]) for term in fitted.terms}
    if residual < _NOTHING:
        return Sentence("report.no_fit")
    if between["learner"] == 0.0:
        return Sentence("report.no_variance")
    place = next(place for place, term in enumerate(fitted.terms) if term.group == "item")
    term, errors = fitted.terms[place], conditional_covariances(fitted)[place][:, 0, 0] ** 0.5
    modes = (
        ItemMode(shares.items[int(name)], float(mode), float(error))
        for name, mode, error in zip(term.ids, term.modes[:, 0], errors, strict=True)
    )
    weights = np.array([shares.items[place].points for place in np.flatnonzero(asked)])
    noise = residual * float((weights**2).sum() / weights.sum() ** 2)
    reliability = between["learner"] / (between["learner"] + noise)
    ordered = tuple(sorted(modes, key=lambda one: one.mode))
    return ClassModel(between["learner"], between["item"], residual, reliability, ordered)
