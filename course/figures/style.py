"""One look for all figures, colours that everyone can tell apart, and the words that stand for a picture."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Grid: TypeAlias = NDArray[Any]

# Okabe and Ito (2008), Color Universal Design: told apart with any form of colour vision. No figure uses colour alone.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
INK, GREY, PALE = "#1A1A1A", "#6B6B6B", "#C8C8C8"
# Below, near and above zero: orange to purple, which no colour blindness merges.
DIVERGING = "PuOr"

# Inches. Drawn narrow with large letters, so that a phone shows them at nearly their size.
WIDTH, HEIGHT = 5.6, 3.9

_LOOK: Any = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.xmargin": 0.03,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 2.0,
    # Letters as shapes need no font where the page is read; a fixed salt makes the same picture the same file.
    "svg.fonttype": "path",
    "svg.hashsalt": "mlm-course",
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 10,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 10,
}

#: Lets a function draw in the course's look, whatever matplotlib is set to around it.
styled = mpl.rc_context(_LOOK)


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure, what is printed below it, and what is read out in its place.

    Parameters
    ----------
    name : str
        Its number or letter in the course.
    figure : matplotlib.figure.Figure
        Drawn, and not registered with pyplot, so that it is shown once.
    caption : str
        What to see in it, in a sentence or two.
    alt : str
        What it shows, for those who do not see it: the axes, and the finding with its numbers.
    """

    name: str
    figure: Figure
    caption: str
    alt: str

    @cached_property
    def svg(self) -> bytes:
        """The figure as SVG: drawn once, since the layout moves a hair when it is drawn again."""
        buffer = io.BytesIO()
        with mpl.rc_context(_LOOK):
            self.figure.savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_options: object) -> dict[str, str]:
        source = "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode("ascii")
        width, height = (round(96 * inches) for inches in self.figure.get_size_inches())
        image = f'<img src="{source}" alt="{escape(self.alt, quote=True)}" width="{width}" height="{height}">'
        caption = f"<figcaption><b>Figure {self.name}.</b> {escape(self.caption)}</figcaption>"
        return {
            "text/html": f'<figure class="picture" data-figure="{self.name}">{image}{caption}</figure>',
            "text/plain": f"Figure {self.name}. {self.caption}\n{self.alt}",
        }


def canvas(height: float = HEIGHT) -> tuple[Figure, Axes]:
    """Return an empty figure with one pair of axes."""
    figure = Figure(figsize=(WIDTH, height))
    return figure, figure.subplots()


def panels(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, Grid]:
    """Return an empty figure with a grid (rows, columns) of axes; options go to ``Figure.subplots``."""
    figure = Figure(figsize=(WIDTH, height))
    return figure, np.asarray(figure.subplots(rows, columns, squeeze=False, **options))
