"""The one door to the reference: tables, and the right and known wrong answers for a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import reference.questions as library
from autograder.assignment.rubric import Item, Rubric
from autograder.errors import KeyUnavailable, UsageError
from autograder.kinds.finding import Expected
from reference import MultilevelError
from reference.questions import AnswerKey, Dataset, SimulationError, Value

__all__ = [
    "PANEL_FILE",
    "AnswerKey",
    "Dataset",
    "Keyed",
    "Value",
    "answer_key",
    "expected",
    "hidden_panel",
    "own_panel",
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
    UsageError
        If the assignment's own cannot be: that is its author's to mend.
    """
    file = folder / PANEL_FILE if folder else None
    try:
        if file and file.is_file():
            panel = Dataset.from_csv(file)
            return Keyed(panel, answer_key(rubric, panel), hidden=False)
    except MultilevelError as error:
        raise KeyUnavailable(f"The panel beside the notebook cannot be read: {error}") from error
    try:
        panel = assignments_panel(rubric)
        answers = library.answer_key(rubric.setting, rubric.asked, rubric.library, panel)
    except MultilevelError as error:
        raise UsageError(f"{rubric.assignment}: {error}") from error
    return Keyed(panel, answers, hidden=False)


def assignments_panel(rubric: Rubric) -> Dataset:
    """Return the table that the learners of an assignment work on, unless they have one of their own."""
    return Dataset.from_csv(rubric.data, f"the table of {rubric.assignment}")


def hidden_panel(rubric: Rubric, seed: int) -> Keyed:
    """Return the table that is drawn from a seed, with its answers.

    Raises
    ------
    KeyUnavailable
        If no usable table comes of the seed.
    """
    asked = (rubric.setting, rubric.panels, rubric.asked, rubric.library, assignments_panel(rubric))
    try:
        panel, answers = library.usable_draw(*asked, seed)
    except (SimulationError, MultilevelError) as error:
        raise KeyUnavailable(f"No hidden panel of {rubric.assignment!r} comes of the seed {seed}: {error}") from error
    return Keyed(panel, answers, hidden=True)


def answer_key(rubric: Rubric, panel: Dataset) -> AnswerKey:
    """Return the answers to a rubric's items on a table.

    Raises
    ------
    KeyUnavailable
        If the reference has none, or cannot certify its own fit.
    """
    try:
        return library.answer_key(rubric.setting, rubric.asked, rubric.library, panel)
    except MultilevelError as error:
        raise KeyUnavailable(f"The reference has no answers for this panel: {error}") from error


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
