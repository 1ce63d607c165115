"""The one door to the reference: tables, and the right and known wrong answers for a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autograder.assignment.rubric import Item, Rubric
from autograder.errors import CourseError, KeyUnavailable
from autograder.kinds.finding import Expected, Scale, label
from autograder.kinds.registry import compare
from autograder.records.grading import Verdict
from autograder.sandbox.wire import key_value
from reference import DesignError, MultilevelError, questions
from reference.questions import AnswerKey, Dataset, QuestionError, SimulationError, Value

__all__ = [
    "PANEL_FILE",
    "AnswerKey",
    "Dataset",
    "Keyed",
    "Value",
    "expected",
    "hidden_panel",
    "own_panel",
    "scale_of",
]

#: A table of a learner's own lies beside the notebooks under this name.
PANEL_FILE = "panel.csv"


@dataclass(frozen=True)
class Keyed:
    """A table with its answers. ``hidden`` is True for one that was never shown."""

    panel: Dataset
    answers: AnswerKey
    hidden: bool


def own_panel(rubric: Rubric, folder: Path | None = None) -> Keyed:
    """Return the table the learner worked on, with its answers.

    Parameters
    ----------
    rubric : Rubric
        Of the assignment.
    folder : Path, optional
        The learner's. A file `PANEL_FILE` in it is the table; without one it is the assignment's.

    Raises
    ------
    KeyUnavailable
        If the table beside the notebooks cannot be read or answered for.
    CourseError
        If the assignment's own cannot be: that is its author's to mend.
    """
    file = folder / PANEL_FILE if folder else None
    answers_on = partial(questions.answer_key, rubric.setting, rubric.asked, rubric.questions)
    if file and file.is_file():
        failed = "The panel beside the notebook cannot be read"
        try:
            panel = Dataset.from_csv(file)
            failed = "The reference has no answers for this panel"
            return Keyed(panel, answers_on(panel), hidden=False)
        except MultilevelError as error:
            raise KeyUnavailable(f"{failed}: {error}") from error
    panel = assignments_panel(rubric)
    try:
        answers = answers_on(panel)
        _require_kinds(rubric, answers)
    except MultilevelError as error:
        raise CourseError(f"{rubric.assignment}: {error}") from error
    return Keyed(panel, answers, hidden=False)


def assignments_panel(rubric: Rubric) -> Dataset:
    """Return the table that the learners of an assignment work on, unless they have one of their own.

    Raises
    ------
    CourseError
        If it is no table, lacks a column, has a row without a group, or two of its groups differ in zeros before their
        numbers alone: answers do not tell them apart, as many a learner's table has 7 for "007".
    """
    try:
        panel = Dataset.from_csv(rubric.data, f"the table of {rubric.assignment}")
    except MultilevelError as error:
        raise CourseError(str(error)) from error
    for name, column in rubric.setting.columns.items():
        if name not in panel.frame and name not in rubric.setting.derive:
            has = ", ".join(map(str, panel.frame))
            raise CourseError(f"{panel.source} has no column {name!r}, of which 'columns' speaks; it has {has}.")
        if column.group and name in panel.frame and (empty := panel.empty_line(name)):
            raise CourseError(f"{panel.source}, line {empty}, column {name!r}: no group is named; fill it in.")
        ids = Counter(map(label, panel.frame[name].unique())) if column.group and name in panel.frame else Counter()
        for one, times in ids.items():
            if times > 1:
                raise CourseError(f"{panel.source}, column {name!r}: two groups go by {one!r}; give them other names.")
    return panel


def hidden_panel(rubric: Rubric, seed: int, *, tried: Callable[[int], None] = lambda tries: None) -> Keyed:
    """Return the table that is drawn from a seed, with its answers.

    It may be one on which a known mistake cannot be told from the right answer. ``tried`` is told before each draw how
    many there were.

    Raises
    ------
    CourseError
        If the assignment cannot be drawn from, or too few draws will do: what to change is said.
    KeyUnavailable
        If the reference cannot certify a fit.
    """
    asked = (rubric.setting, rubric.panels, rubric.asked, rubric.questions, assignments_panel(rubric))
    try:
        panel, answers = questions.usable_draw(*asked, seed, tried=tried)
        _require_kinds(rubric, answers)
    except (QuestionError, SimulationError, DesignError) as error:
        raise CourseError(f"{rubric.assignment}: {error}") from error
    except MultilevelError as error:
        raise KeyUnavailable(f"No hidden panel of {rubric.assignment!r} comes of the seed {seed}: {error}") from error
    return Keyed(panel, answers, hidden=True)


def _require_kinds(rubric: Rubric, answers: AnswerKey) -> None:
    """Raise QuestionError if an answer is not of the kind by which its item is compared."""
    for item in rubric.items:
        for slot, gap in item.slots.items():
            if gap.own is not None and not isinstance(answers.values.get(gap.own), (int, float)):
                raise QuestionError(f"item {item.id!r}, slot {slot!r}: {gap.own!r} is no number; name one that is.")
        if item.id not in answers.values:
            continue
        where = f"item {item.id!r}, kind {item.kind!r}: the question {item.ask!r}"
        if item.kind == "estimate" and answers.answers[item.id].standard_error is None:
            raise QuestionError(f"{where} gives no standard_error. Give one, or the item another kind.")
        if item.answer_kind.swaps and answers.answers[item.id].scores is None:
            raise QuestionError(f"{where} gives no scores. Give what it ranks by, for every name that could be in it.")
        scale = scale_of(item, answers)
        for name, value in {"right": answers.values[item.id], **answers.mistakes.get(item.id, {})}.items():
            try:
                verdict = compare(item.kind, key_value(value), value, scale).verdict
            except (TypeError, AttributeError, ValueError):
                verdict = Verdict.MALFORMED
            if verdict is Verdict.MALFORMED or (name == "right" and verdict is not Verdict.CORRECT):
                what = "an answer" if name == "right" else f"the mistake {name!r}"
                raise QuestionError(f"{where} gives {what} that is none of that kind: {value!r}. Correct one of them.")


def scale_of(item: Item, key: AnswerKey) -> Scale:
    """Return what the tolerance of an item is measured with, on the key's panel."""
    known = key.answers.get(item.id)
    return Scale(
        tolerance=item.tolerance or 0.0,
        standard_error=known.standard_error if known else None,
        size=known.size if known else None,
        decimals=item.decimals,
        scores=known.scores if known else None,
        options=item.options,
        synonyms=item.synonyms,
    )


def expected(item: Item, answers: AnswerKey) -> Expected:
    """Return the right answer to an item on the key's panel.

    Raises
    ------
    KeyUnavailable
        If neither the rubric nor the reference knows it.
    """
    if item.right is not None:
        return item.right
    if item.slots:
        return fillings(item, answers.values)
    if item.id not in answers.values:
        raise KeyUnavailable(f"Neither the rubric nor the reference knows the right answer to {item.id!r}.")
    return answers.values[item.id]


def fillings(item: Item, values: Mapping[str, object]) -> dict[str, str | float]:
    """Return what belongs into each slot of a sentence, numbers taken from values by item.

    Raises
    ------
    KeyUnavailable
        If one of them is not a number.
    """
    filled: dict[str, str | float] = {}
    for name, slot in item.slots.items():
        number = values.get(slot.own or "")
        if slot.own is not None and not isinstance(number, (int, float)):
            raise KeyUnavailable(f"The slot {name!r} takes its number from {slot.own!r}, which is not one.")
        filled[name] = slot.times * number if isinstance(number, (int, float)) else str(slot.right)
    return filled
