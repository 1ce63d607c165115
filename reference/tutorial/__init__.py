"""The tutorial's analysis of a panel, whole."""

from reference.inference.prediction import predict_by_week
from reference.tutorial.report import render_tutorial
from reference.tutorial.results import TOP, Tutorial, run_tutorial

__all__ = [
    "TOP",
    "Tutorial",
    "predict_by_week",
    "render_tutorial",
    "run_tutorial",
]
