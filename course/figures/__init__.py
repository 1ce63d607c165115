"""The figures of the course: one function each, every one with a caption and a description for those who cannot see it.

Letters are the primer's conceptual figures; numbers are the tutorial's, drawn from its results.
"""

from course.figures.caterpillar import caterpillar
from course.figures.centring import centring
from course.figures.chances import chances
from course.figures.covariance import covariance
from course.figures.gaps import gaps
from course.figures.intercept_or_slope import intercept_or_slope
from course.figures.nested_tree import nested_tree
from course.figures.null_law import null_law
from course.figures.pooled_wrong import pooled_wrong
from course.figures.profile import profile
from course.figures.residuals import residuals
from course.figures.sales_by_store import sales_by_store
from course.figures.sales_by_week import sales_by_week
from course.figures.shrinkage import shrinkage
from course.figures.store_lines import store_lines
from course.figures.style import Picture
from course.figures.weekly_prediction import weekly_prediction

__all__ = [
    "Picture",
    "caterpillar",
    "centring",
    "chances",
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
    "shrinkage",
    "store_lines",
    "weekly_prediction",
]
