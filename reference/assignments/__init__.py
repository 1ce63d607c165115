"""The assignments: answer keys, known mistakes, and panels drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reference.assignments.answer_key import AnswerKey, Objective, Step, Value
from reference.assignments.extension_draws import cities_faults, simulate_cities
from reference.assignments.extension_key import extension_key
from reference.assignments.practice_draws import SimulationError, panel_faults, simulate_panel
from reference.assignments.practice_key import practice_key
from reference.panels import Panel, cities_panel, tutorial_panel

__all__ = [
    "ASSIGNMENTS",
    "AnswerKey",
    "Assignment",
    "Objective",
    "SimulationError",
    "Step",
    "Value",
    "cities_faults",
    "extension_key",
    "panel_faults",
    "practice_key",
    "simulate_cities",
    "simulate_panel",
]


@dataclass(frozen=True)
class Assignment:
    """How an assignment is answered.

    Parameters
    ----------
    own_panel : callable
        Returns the panel that learners work on.
    simulate : callable
        From a seed to a panel that has one clear answer to every question.
    key : callable
        From a panel to the right answers and the known wrong ones.
    """

    own_panel: Callable[[], Panel]
    simulate: Callable[[int], Panel]
    key: Callable[[Panel], AnswerKey]


ASSIGNMENTS: Mapping[str, Assignment] = MappingProxyType(
    {
        "practice": Assignment(tutorial_panel, simulate_panel, practice_key),
        "extension": Assignment(cities_panel, simulate_cities, extension_key),
    }
)
