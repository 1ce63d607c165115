"""Figure A: weeks belong to stores, and stores to the company."""

from __future__ import annotations

from matplotlib.axes import Axes

from course.figures.style import BLUE, GREY, INK, ORANGE, Picture, canvas, styled
from reference.panels import Panel

_SHOWN = 3
_CENTRES = (0.17, 0.5, 0.83)


@styled
def nested_tree(panel: Panel) -> Picture:
    """Return the two levels of a panel as a tree: the company, its stores, and each store's weeks."""
    figure, axes = canvas(height=3.4)
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    stores, weeks = len(panel.stores), len(panel) // len(panel.stores)
    labels = (f"store {panel.stores[0]}", "…", f"store {panel.stores[-1]}")
    _box(axes, 0.5, 0.88, "the company", INK)
    for centre, label in zip(_CENTRES, labels, strict=True):
        axes.plot([0.5, centre], [0.82, 0.62], color=GREY, linewidth=1.2, zorder=1)
        _box(axes, centre, 0.56, label, BLUE)
        for step, week in zip((-0.11, 0.0, 0.11), ("week\n1", "…", f"week\n{weeks}"), strict=True):
            axes.plot([centre, centre + step], [0.5, 0.3], color=GREY, linewidth=1.2, zorder=1)
            axes.text(centre + step, 0.23, week, ha="center", va="center", color=INK, fontsize=9.5)
    axes.text(0.0, 0.72, "level 2", color=BLUE, fontsize=10, weight="bold")
    axes.text(
        0.0, 0.06, "level 1: one row of the table for each store and week", color=ORANGE, fontsize=10, weight="bold"
    )
    caption = (
        f"A nested structure. Each of the {stores} stores is seen in {weeks} weeks; every week's figures belong to one "
        "store and to no other."
    )
    alt = (
        f"A tree with three storeys. At the top the company; below it {stores} stores, of which the first and the last "
        f"are drawn; below each store its own {weeks} weeks. The weeks are level 1, the stores level 2."
    )
    return Picture("A", figure, caption, alt)


def _box(axes: Axes, x: float, y: float, label: str, colour: str) -> None:
    style = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": colour, "linewidth": 1.6}
    axes.text(x, y, label, ha="center", va="center", bbox=style, color=INK, zorder=2)
