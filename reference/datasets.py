"""The tutorial's panel."""
from __future__ import annotations
from importlib import resources
import numpy as np
import pandas as pd
from reference.panel import Panel
def tutorial_panel() -> Panel:
    file = resources.files("reference") / "data" / "advertising.csv"
    with file.open("rb") as lines:
        spend = pd.read_csv(lines)
    panel = pd.DataFrame({"store_id": np.repeat(np.arange(1, 21), 10), "week": np.tile(np.arange(1, 11), 20)})
    for name, column in {"youtube": "tv", "facebook": "radio", "newspaper": "newspaper", "sales": "sales"}.items():
        panel[name] = (spend[column] * 1.2).round(2)
    return Panel.from_frame(panel, source="the tutorial's panel")
