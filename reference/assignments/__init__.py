"""The assignments: answer keys, known mistakes, and panels drawn from a seed."""

from reference.assignments.extension_draws import identify_cities, simulate_cities
from reference.assignments.extension_key import extension_key
from reference.assignments.practice_draws import Identification, SimulationError, identify, simulate_panel
from reference.assignments.practice_key import AnswerKey, practice_key
from reference.assignments.practice_mistakes import Value
from reference.assignments.registry import ASSIGNMENTS, Assignment
from reference.assignments.steps import Objective, Step, deficit_at

__all__ = [
    "ASSIGNMENTS",
    "AnswerKey",
    "Assignment",
    "Identification",
    "Objective",
    "SimulationError",
    "Step",
    "Value",
    "deficit_at",
    "extension_key",
    "identify",
    "identify_cities",
    "practice_key",
    "simulate_cities",
    "simulate_panel",
]
