"""The course's tables and the models fitted to them."""

from reference.panels.datasets import tutorial_panel
from reference.panels.models import NULL_MODEL, RANDOM_INTERCEPT, RANDOM_SLOPE, TOP
from reference.panels.panel import COLUMNS, MEDIA, Panel, PanelError

__all__ = [
    "COLUMNS",
    "MEDIA",
    "NULL_MODEL",
    "RANDOM_INTERCEPT",
    "RANDOM_SLOPE",
    "TOP",
    "Panel",
    "PanelError",
    "tutorial_panel",
]
