"""The tutorial's panel: 20 stores over 10 weeks. The figures are the 200 markets of ``Advertising`` in
James, Witten, Hastie & Tibshirani (2013), *An Introduction to Statistical Learning*, Springer
(``advertising.csv``: tv, radio, newspaper in thousands of dollars, sales in thousands of units). The R package
datarium's ``marketing`` is these figures times 1.2, rounded to 2 decimals, with tv called youtube and radio facebook.
The tutorial reads its rows in order as stores 1 to 20 with weeks 1 to 10 each; the panel structure is the tutorial's
invention.
"""

from __future__ import annotations

from importlib import resources

import numpy as np
import pandas as pd

from reference.panels.panel import Panel

STORES = 20
WEEKS = 10
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
