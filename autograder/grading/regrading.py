"""Regrading: what a changed rubric or policies make of the answers that are kept. No notebook is run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from autograder.assignment.key import Keyed
from autograder.assignment.rubric import Item, Rubric
from autograder.errors import CourseError
from autograder.grading.attention import look_at
from autograder.grading.copies import personal_seed
from autograder.grading.pipeline import Grading, score_runs
from autograder.records.grading import Grade, ItemResult, Submission
from autograder.results.marks import Basis, basis_of, panel_digest
from autograder.results.stored import ByPerson, with_scores_by_person
from autograder.scoring.distinct_answers import tries_of

#: Lines of marks by item: what each rests on that was not given by a person.
Lines = Mapping[str, Mapping[str, Any]]


class NotKept(CourseError):
    """A learner cannot be regraded from what is stored: the sentence says what is lacking."""


@dataclass(frozen=True)
class ItemMove:
    """An item before and after, and why it moves."""

    before: ItemResult
    after: ItemResult
    why: str


@dataclass(frozen=True)
class Move:
    """A learner's grade before and after, as people see it, with what moves in it.

    ``why`` is what moves beside items; ``stored`` is what is to be kept, on ``basis``.
    """

    before: Grade
    after: Grade
    items: tuple[ItemMove, ...]
    why: tuple[str, ...]
    stored: Grade
    basis: Basis


class Regrader:
    """Regrades learners one by one, and finds the panels that their answers were computed on."""

    def __init__(self, grading: Grading, seed: int, command: str) -> None:
        """Take what is asked now, the seed of the hidden panel, and the command that is named as who did it."""
        self._grading, self._seed, self._command = grading, seed, command
        self._found: dict[tuple[str | None, str], Keyed | None] = {}

    def move(self, grade: Grade, lines: Lines, given: ByPerson) -> Move | None:
        """Return how a learner moves, whose grade is as it is kept; None if nothing does.

        Raises
        ------
        NotKept
            If what is stored does not do, and what does.
        """
        if grade.is_ungraded:
            raise NotKept("newer work could not be graded; grade again")
        used = self._grading.of(grade)
        standing = self._grading.policies.standing(grade.student, grade.handed_in)
        if grade.is_empty:
            basis, stored = basis_of(used.rubric, (), self._command), replace(grade, standing=standing)
        else:
            panels = self._panels(used, grade, lines)
            basis = basis_of(used.rubric, panels, self._command)
            stored = replace(_rescored(used, grade, panels), standing=standing, language=used.rubric.language)
        # What decided the grade before does not decide this one: grading again looks at it anew.
        stored = replace(stored, decided_by="")
        before, after = with_scores_by_person(grade, given), with_scores_by_person(stored, given)
        items = tuple(_moves(used.rubric, before, after, lines, basis))
        why = tuple(_beside_items(before, after))
        return Move(before, after, items, why, stored, basis) if items or why else None

    def _panels(self, used: Grading, grade: Grade, lines: Lines) -> tuple[Keyed, ...]:
        """Return the panels that a learner was graded on, the learner's own first."""
        asked = {(notebook.name, item.id) for notebook in used.rubric.notebook for item in notebook.item}
        had = {(notebook.notebook.name, item.item) for notebook in grade.notebooks for item in notebook.items}
        if differ := sorted({item for _, item in asked ^ had}):
            raise NotKept(f"other items are asked than were graded ({', '.join(differ)}); grade once more first")
        if not all(notebook.hidden for notebook in grade.notebooks):
            raise NotKept("graded by an earlier version, which kept too little; grade once more first")
        own, *hidden = next((str(line["panel"]).split() for line in lines.values() if line["panel"]), [""])
        # The hidden panels first: if the table is another now, they are others for all.
        found = [self._panel(used, name, self._seed, hidden=True) for name in hidden]
        if all(found):
            found.insert(0, self._panel(used, own, personal_seed(used.rubric, grade.student), hidden=False))
        panels = tuple(keyed for keyed in found if keyed is not None)
        if len(panels) != 1 + len(grade.notebooks[0].hidden):
            raise NotKept(
                "graded on tables that cannot be drawn again, as the table or the seed is another; grade again"
            )
        return panels

    def _panel(self, used: Grading, name: str, seed: int, *, hidden: bool) -> Keyed | None:
        key = (used.release[0].release, name)
        if key not in self._found:
            tries = (replace(keyed, hidden=hidden) for keyed in tries_of(used.rubric, seed))
            drawn = tries if hidden else chain(used.panels[:1], tries)
            self._found[key] = next((keyed for keyed in drawn if panel_digest(keyed) == name), None)
        return self._found[key]


def _rescored(used: Grading, grade: Grade, panels: Sequence[Keyed]) -> Grade:
    """Return a grade as it is kept, scored by what is asked now."""
    runs = [(one.run, *one.hidden) for one in grade.notebooks]
    submission = Submission(
        grade.student, tuple(one.notebook for one in grade.notebooks), shown=grade.shown, notes=grade.notes
    )
    warned = {item.item: item.warnings for item in grade.items}
    notebooks = score_runs(used, submission, panels, runs, warned)
    return replace(grade, notebooks=notebooks, look_at=tuple(look_at(submission, notebooks)))


def _moves(rubric: Rubric, before: Grade, after: Grade, lines: Lines, basis: Basis) -> Iterator[ItemMove]:
    now = {new.item: new for new in after.items}
    pairs = {old.item: (old, now[old.item]) for old in before.items}
    for item in rubric.items if not before.is_empty else ():
        old, new = pairs[item.id]
        if _seen(old) != _seen(new):
            rests_on = [name for name in item.rests_on if _seen(pairs[name][0])[:2] != _seen(pairs[name][1])[:2]]
            why = list(_why(item, old, new, lines.get(item.id, {}), basis, rests_on))
            yield ItemMove(old, new, ", ".join(why))


def _seen(item: ItemResult) -> tuple[object, ...]:
    """Return what people see of an item."""
    return item.score, item.verdict, item.points, item.reason, item.hint


def _why(
    item: Item, old: ItemResult, new: ItemResult, line: Mapping[str, Any], basis: Basis, rests_on: Sequence[str]
) -> Iterator[str]:
    """Yield why an item moves: what was changed of it, or else what it rests on, or else that its words are others."""
    named = False
    if old.points != new.points:
        named = True
        yield f"points {old.points:g} to {new.points:g}" if new.points else "dropped"
    tolerance = line.get("tolerance")
    if tolerance is not None and item.tolerance is not None and tolerance != item.tolerance:
        named = True
        yield f"tolerance {tolerance:g} to {item.tolerance:g}"
    if named:
        return
    if _seen(old)[:2] == _seen(new)[:2]:
        yield "words"
    elif rests_on:
        yield f"rests on {', '.join(rests_on)}"
    elif line.get("version") == basis.version or line.get("rubric") != basis.rubric:
        yield "rubric"
    else:
        yield f"version {line.get('version')} to {basis.version}"


def _beside_items(before: Grade, after: Grade) -> Iterator[str]:
    was, now = before.standing, after.standing
    if was.excused != now.excused:
        yield "excused" if now.excused else "no longer excused"
    if was.penalty != now.penalty:
        yield f"late penalty {was.penalty:g} to {now.penalty:g}"
    if before.language != after.language:
        yield f"language {before.language} to {after.language}"


def lines_of(changes: Iterable[Mapping[str, Any]], by_person: str) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return, by learner and item, the last line of each mark that was not made by a person."""
    last: dict[str, dict[str, Mapping[str, Any]]] = {}
    for line in changes:
        if line["made_by"] != by_person:
            last.setdefault(line["student"], {})[line["item"]] = line
    return last
