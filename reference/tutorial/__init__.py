"""The tutorial's analysis of a panel, whole."""

from reference.tutorial.report import render_tutorial
from reference.tutorial.results import Tutorial, run_tutorial

__all__ = [
    "Tutorial",
    "render_tutorial",
    "run_tutorial",
]
