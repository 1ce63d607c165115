"""The figures of the course: one function each, every one with a caption and a description for those who cannot see it.

Letters are the primer's conceptual figures; numbers are the tutorial's, drawn from its results.
"""

from course.figures.concepts import centring, correlations, covariance, intercept_or_slope, nested_tree, pooled_wrong
from course.figures.fits import gaps, null_law, profile, residuals, shuffled_law
from course.figures.sales import sales_by_store, sales_by_week, sales_together, weekly_prediction
from course.figures.stores import caterpillar, chances, shrinkage, store_fits, store_lines
from course.figures.style import Picture

__all__ = [
    "Picture",
    "caterpillar",
    "centring",
    "chances",
    "correlations",
    "covariance",
    "gaps",
    "intercept_or_slope",
    "nested_tree",
    "null_law",
    "pooled_wrong",
    "profile",
    "residuals",
    "sales_by_store",
    "sales_by_week",
    "sales_together",
    "shrinkage",
    "shuffled_law",
    "store_fits",
    "store_lines",
    "weekly_prediction",
]
