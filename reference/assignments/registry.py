"""The assignments the reference can answer: where their panels come from, and what is right on one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reference.assignments.extension_draws import simulate_cities
from reference.assignments.extension_key import extension_key
from reference.assignments.practice_draws import simulate_panel
from reference.assignments.practice_key import AnswerKey, practice_key
from reference.panels.datasets import LEARNERS_PANELS
from reference.panels.panel import Panel


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
        "practice": Assignment(LEARNERS_PANELS["practice"], simulate_panel, practice_key),
        "extension": Assignment(LEARNERS_PANELS["extension"], simulate_cities, extension_key),
    }
)
