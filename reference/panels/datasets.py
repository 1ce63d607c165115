"""The panels that learners work on, by assignment.

``practice``: the tutorial's panel, 20 stores over 10 weeks. The figures are the 200 markets of ``Advertising`` in
James, Witten, Hastie & Tibshirani (2013), *An Introduction to Statistical Learning*, Springer
(``advertising.csv``: tv, radio, newspaper in thousands of dollars, sales in thousands of units). The R package
datarium's ``marketing`` is these figures times 1.2, rounded to 2 decimals, with tv called youtube and radio facebook.
The tutorial reads its rows in order as stores 1 to 20 with weeks 1 to 10 each; the panel structure is the tutorial's
invention.

``extension``: stores within cities. The tutorial's figures cannot be given any, as its stores hardly differ and would
leave nothing for cities to share. These are simulated: ``cities.csv`` is what ``simulate_cities(CITIES_SEED)`` drew,
kept as a file so that the panel learners see does not depend on the version of a random number generator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from reference.panels.panel import Panel, PanelError

#: A panel of a learner's own lies beside the notebooks under this name.
PANEL_FILE = "panel.csv"

STORES = 20
WEEKS = 10
CITIES_SEED = 11
_SCALE = 1.2
_COLUMNS = {"youtube": "tv", "facebook": "radio", "newspaper": "newspaper", "sales": "sales"}


def tutorial_panel() -> Panel:
    """Return the tutorial's panel, read and validated afresh: 20 stores by 10 weeks, in the file's order."""
    with (resources.files("reference.panels") / "advertising.csv").open("rb") as lines:
        figures = pd.read_csv(lines)
    columns = {name: (figures[column] * _SCALE).round(2) for name, column in _COLUMNS.items()}
    stores = np.repeat(np.arange(1, STORES + 1), WEEKS)
    weeks = np.tile(np.arange(1, WEEKS + 1), STORES)
    return Panel.from_frame(pd.DataFrame({"store_id": stores, "week": weeks, **columns}), "the tutorial's panel")


def cities_panel() -> Panel:
    """Return the panel of stores within cities, read and validated afresh."""
    lines = (resources.files("reference.panels") / "cities.csv").read_bytes()
    return Panel.from_csv(lines, "the panel of cities")


LEARNERS_PANELS: Mapping[str, Callable[[], Panel]] = MappingProxyType(
    {"practice": tutorial_panel, "extension": cities_panel}
)


def panel_in(folder: Path, assignment: str = "practice") -> Panel:
    """Return the panel that lies in a folder as `PANEL_FILE`, or the assignment's if there is none.

    Raises
    ------
    PanelError
        If the file is there and is not a panel, or there is no assignment of that name.
    """
    if assignment not in LEARNERS_PANELS:
        raise PanelError(f"there is no panel {assignment!r}; take one of {', '.join(map(repr, LEARNERS_PANELS))}.")
    file = folder / PANEL_FILE
    return Panel.from_csv(file) if file.is_file() else LEARNERS_PANELS[assignment]()
