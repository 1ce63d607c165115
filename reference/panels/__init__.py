"""The course's tables and the models fitted to them."""

from reference.panels.datasets import PANEL_FILE, cities_panel, panel_in, tutorial_panel
from reference.panels.models import NULL_MODEL, RANDOM_INTERCEPT, RANDOM_SLOPE, TOP
from reference.panels.panel import CITY, COLUMNS, MEDIA, Panel, PanelError

__all__ = [
    "CITY",
    "COLUMNS",
    "MEDIA",
    "NULL_MODEL",
    "PANEL_FILE",
    "RANDOM_INTERCEPT",
    "RANDOM_SLOPE",
    "TOP",
    "Panel",
    "PanelError",
    "cities_panel",
    "panel_in",
    "tutorial_panel",
]
