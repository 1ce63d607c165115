"""The one door to the reference: panels, and the right and known wrong answers for a panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment.rubric import Item, Rubric
from autograder.errors import KeyUnavailable
from autograder.kinds.finding import Expected
from reference import MultilevelError
from reference.assignments import ASSIGNMENTS, AnswerKey, Assignment, Value
from reference.panels import PANEL_FILE, Panel

__all__ = ["PANEL_FILE", "AnswerKey", "Keyed", "Panel", "Value", "answer_key", "expected", "hidden_panel", "own_panel"]


@dataclass(frozen=True)
class Keyed:
    """A panel with its answers. ``hidden`` is True for a panel that was never shown."""

    panel: Panel
    answers: AnswerKey
    hidden: bool


def own_panel(rubric: Rubric, folder: Path | None = None) -> Keyed:
    """Return the panel the learner worked on, with its answers.

    Parameters
    ----------
    rubric : Rubric
        Of the assignment.
    folder : Path, optional
        The learner's. A file `PANEL_FILE` in it is the panel; without one it is the assignment's.

    Raises
    ------
    KeyUnavailable
        If the reference has no such key, or cannot read or answer that panel.
    """
    file = folder / PANEL_FILE if folder else None
    try:
        panel = Panel.from_csv(file) if file and file.is_file() else _assignment(rubric).own_panel()
    except MultilevelError as error:
        raise KeyUnavailable(f"The panel beside the notebook cannot be read: {error}") from error
    return Keyed(panel, answer_key(rubric, panel), hidden=False)


def hidden_panel(rubric: Rubric, seed: int) -> Keyed:
    """Return the simulated panel of a seed, with its answers.

    Raises
    ------
    KeyUnavailable
        If no usable panel comes of the seed, or the reference cannot answer for it.
    """
    try:
        panel = _assignment(rubric).simulate(seed)
    except MultilevelError as error:
        raise KeyUnavailable(f"No hidden panel comes of the seed {seed}: {error}") from error
    return Keyed(panel, answer_key(rubric, panel), hidden=True)


def answer_key(rubric: Rubric, panel: Panel) -> AnswerKey:
    """Return the answers to a rubric's items on a panel.

    Raises
    ------
    KeyUnavailable
        If the reference has no such key, or cannot certify its own fit.
    """
    try:
        return _assignment(rubric).key(panel)
    except MultilevelError as error:
        raise KeyUnavailable(f"The reference has no answers for this panel: {error}") from error


def _assignment(rubric: Rubric) -> Assignment:
    if rubric.key not in ASSIGNMENTS:
        raise KeyUnavailable(
            f"The rubric of {rubric.assignment!r} asks for the key {rubric.key!r}; there is {', '.join(ASSIGNMENTS)}."
        )
    return ASSIGNMENTS[rubric.key]


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
