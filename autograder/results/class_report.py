"""A pure renderer: the grades of a class to the report that its teacher reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.assignment.rubric import Item, Rubric
from autograder.language.catalogue import Sentence
from autograder.records.grading import Copy, Ending, Grade, LeftOut, Verdict
from autograder.results.class_statistics import (
    FEWEST_LEARNERS,
    ClassModel,
    Shares,
    class_model,
    item_statistics,
    shares_of,
)
from autograder.results.pages import in_language
from autograder.results.pictures import dots, histogram
from autograder.results.templating import template
from autograder.scoring.items import ELSEWHERE

#: An interval of 95 per cent reaches so many standard errors to both sides.
_TO_BOTH_SIDES = 1.96


@dataclass(frozen=True)
class Misconception:
    """A known mistake, in the words that its learners read, with the items that it was found in.

    ``held_by`` are its learners, each with the id of the first item that it was found in.
    """

    name: str
    words: str
    items: tuple[Item, ...]
    held_by: tuple[tuple[Grade, str], ...]


def report_page(
    rubric: Rubric, grades: Sequence[Grade], copies: Sequence[Copy] = (), left_out: Sequence[LeftOut] = ()
) -> str:
    """Return the report on a class: totals, items, misconceptions, whom to look at, and the class as a model.

    Parameters
    ----------
    rubric : Rubric
        Of the assignment.
    grades : sequence of Grade
        Of the class, without answers or with them. Those who are excused are left out.
    copies : sequence of Copy
        The learners whose numbers are right on another's panel.
    left_out : sequence of LeftOut
        Those whose folders were not graded.
    """
    everyone = sorted((one for one in grades if not one.standing.excused), key=lambda grade: grade.name)
    shares = shares_of(rubric, everyone)
    shown: dict[str, Any] = in_language(rubric)
    said = shown["said"]
    shown |= {
        "tell": lambda name, **gaps: said(Sentence(f"report.{name}", **gaps)),
        "shares": shares,
        "nothing": sum(grade.is_empty for grade in everyone),
        "left_out": left_out,
        "copies": [_titled(rubric, copy) for copy in copies],
        "items": item_statistics(shares),
        "fewest": FEWEST_LEARNERS,
        "dot_of": lambda correlation: dots([correlation], within=(-1.0, 1.0)).dots[0],
        "misconceptions": misconceptions(rubric, shares.grades),
        "limits": list(_limits(rubric, everyone)),
        "matters": _matters(everyone),
        "typed_in": _typed_in(rubric, shares.grades),
    }
    return template("report.html").render(**shown, **_totals(rubric, shares), **_model(shares))


def misconceptions(rubric: Rubric, grades: Sequence[Grade]) -> list[Misconception]:
    """Return the known mistakes of a class, those that most learners hold first.

    Mistakes of several items are one where the same words explain them.
    """
    found: dict[tuple[str, str], tuple[dict[str, Item], dict[str, tuple[Grade, str]]]] = {}
    items = {item.id: item for item in rubric.items}
    for grade in grades:
        for result in grade.items:
            if result.mistake is None:
                continue
            item = items[result.item]
            words = item.hints.get(result.mistake, "")
            of, held_by = found.setdefault((words, "" if words else result.mistake), ({}, {}))
            of[item.id] = item
            held_by.setdefault(grade.student, (grade, item.id))
    each = (
        Misconception(name, words, tuple(of.values()), tuple(held_by.values()))
        for (words, name), (of, held_by) in found.items()
    )
    return sorted(each, key=lambda one: -len(one.held_by))


def _titled(rubric: Rubric, copy: Copy) -> Mapping[str, Any]:
    titles = {item.id: item.title for item in rubric.items}
    return {"student": copy.student, "other": copy.other, "items": [titles[name] for name in copy.items]}


def _totals(rubric: Rubric, shares: Shares) -> dict[str, Any]:
    """Return what the page says of the totals, and the bars of their picture."""
    totals = [grade.total for grade in shares.grades]
    points = sum(item.points for item in rubric.items)
    if not totals:
        return {"totals": None}
    bars = histogram(totals, points)
    quartiles = dict(zip(("lower", "median", "upper"), np.quantile(totals, [0.25, 0.5, 0.75]), strict=True))
    numbers = {"lowest": min(totals), **quartiles, "highest": max(totals), "mean": np.mean(totals)}
    return {
        "totals": {"count": len(totals), **{name: f"{number:.4g}" for name, number in numbers.items()}},
        "points": points,
        "waiting": sum(grade.needs_person for grade in shares.grades),
        "bars": bars,
        "bars_said": ", ".join(f"{bar.low:g}–{bar.high:g}: {bar.count}" for bar in bars if bar.count),
    }


def _model(shares: Shares) -> dict[str, Any]:
    model = class_model(shares)
    if not isinstance(model, ClassModel):
        return {"why_no_model": model}
    spreads = [_TO_BOTH_SIDES * one.standard_error for one in model.modes]
    drawn = dots([one.mode for one in model.modes], spreads=spreads, mark=0.0)
    return {"why_no_model": None, "model": model, "modes": drawn}


def _limits(rubric: Rubric, grades: Iterable[Grade]) -> Iterable[tuple[Grade, str, Verdict]]:
    """Yield whose notebooks did not come to their end, with the notebook's title, and why."""
    titles = {notebook.name: notebook.title for notebook in rubric.notebook}
    for grade in grades:
        for one in grade.notebooks:
            if one.run.ending is not Ending.FINISHED:
                yield grade, titles[one.notebook.name], Verdict(one.run.ending.value)


#: What a person should look at, by what it is about; sentences that are of none of these come last.
_MATTERS = ("edited", "left_out", "form", "only_hidden", "handed_in")


def _matters(grades: Sequence[Grade]) -> list[tuple[str, list[tuple[Grade, list[str]]]]]:
    """Return what there is to look at, by what it is about, with the learners and the sentences on them."""
    found = ((one, [(grade, [s for s in grade.look_at if _matter(s) == one]) for grade in grades]) for one in _MATTERS)
    some = ((one, [(grade, sentences) for grade, sentences in each if sentences]) for one, each in found)
    return [(one, each) for one, each in some if each]


def _matter(sentence: str) -> str:
    if not isinstance(sentence, Sentence):
        return "handed_in"  # of another version
    note = sentence.gaps.get("note")
    if isinstance(note, Sentence) and note.key == "submission.edited":
        return "edited"
    name = sentence.key.removeprefix("attention.")
    return name if name in _MATTERS else "handed_in"


def _typed_in(rubric: Rubric, grades: Sequence[Grade]) -> list[tuple[list[Grade], list[Item]]]:
    """Return who gave what is right on the panel they saw and on no other, those with the same items together."""
    items = {item.id: item for item in rubric.items}
    found: dict[tuple[str, ...], list[Grade]] = {}
    for grade in grades:
        if same := tuple(result.item for result in grade.items if result.reason == ELSEWHERE):
            found.setdefault(same, []).append(grade)
    ordered = sorted(found.items(), key=lambda pair: -len(pair[1]))
    return [(each, [items[name] for name in same]) for same, each in ordered]
