"""Figure 2: sales against YouTube, store by store."""

from __future__ import annotations

import numpy as np

from course.figures.style import BLUE, GREY, ORANGE, Picture, panels, styled
from course.live import number
from reference.panels import Panel

_COLUMNS = 4


@styled
def sales_by_store(panel: Panel) -> Picture:
    """Return a small panel per store: its weeks, its own line, and the line of all stores."""
    stores = panel.stores
    rows = -(-len(stores) // _COLUMNS)
    figure, grid = panels(rows, _COLUMNS, height=1.35 * rows + 0.5, sharex=True, sharey=True)
    ends = np.array([0.0, float(panel.youtube.max())])
    common = np.polyfit(panel.youtube, panel.sales, 1)
    slopes = {}
    for axes, store in zip(grid.ravel(), stores, strict=False):
        own = panel.store_id == store
        line = np.polyfit(panel.youtube[own], panel.sales[own], 1)
        slopes[store] = float(line[0])
        axes.plot(ends, np.polyval(common, ends), color=GREY, linestyle=":", linewidth=1.4)
        reach = np.array([panel.youtube[own].min(), panel.youtube[own].max()])
        axes.plot(reach, np.polyval(line, reach), color=ORANGE, linewidth=1.8)
        axes.scatter(panel.youtube[own], panel.sales[own], s=11, color=BLUE)
        axes.set_title(f"store {store}", fontsize=9, weight="normal", pad=2)
    for axes in grid.ravel()[len(stores) :]:
        axes.set_axis_off()
    figure.supxlabel("YouTube, 1,000 dollars", fontsize=11)
    figure.supylabel("sales, 1,000 units", fontsize=11)
    steep, flat = max(slopes, key=slopes.__getitem__), min(slopes, key=slopes.__getitem__)
    caption = (
        "Sales against YouTube spend by store: points are weeks, the solid line is the store's own, the dotted one "
        "that of all stores. Nothing else is held fixed here yet."
    )
    alt = (
        f"A small scatter plot for each of {len(stores)} stores, sales against YouTube spend. Every store's line "
        f"rises; the steepest is store {steep} at {number(slopes[steep], 3)} per unit, the flattest store {flat} at "
        f"{number(slopes[flat], 3)}. With few points each, the lines scatter around the common one."
    )
    return Picture("2", figure, caption, alt)
