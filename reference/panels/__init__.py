"""The course's tables and the models fitted to them."""

from reference.panels.panel import (
    COLUMNS,
    MEDIA,
    NULL_MODEL,
    RANDOM_INTERCEPT,
    RANDOM_SLOPE,
    TOP,
    Panel,
    PanelError,
    tutorial_panel,
)

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
