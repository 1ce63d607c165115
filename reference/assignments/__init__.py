"""The assignments: answer keys, known mistakes, and panels drawn from a seed."""

from reference.assignments.extension_draws import cities_faults, simulate_cities
from reference.assignments.extension_key import extension_key
from reference.assignments.practice_draws import SimulationError, panel_faults, simulate_panel
from reference.assignments.practice_key import AnswerKey, practice_key
from reference.assignments.practice_mistakes import Value
from reference.assignments.registry import ASSIGNMENTS, Assignment
from reference.assignments.steps import Objective, Step

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
