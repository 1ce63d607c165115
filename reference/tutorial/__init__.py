"""The tutorial's analysis of a panel, whole."""

from reference.tutorial.report import render_tutorial
from reference.tutorial.results import Tutorial, predict_by_week, run_tutorial

__all__ = [
    "Tutorial",
    "predict_by_week",
    "render_tutorial",
    "run_tutorial",
]
