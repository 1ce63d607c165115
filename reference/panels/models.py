"""The models that the course fits to its panels."""

from __future__ import annotations

from reference.data.formula import parse_formula

RANDOM_INTERCEPT = parse_formula(
    "sales ~ week + youtube + facebook + newspaper + (1 | store_id)", name="random intercept"
)
RANDOM_SLOPE = parse_formula(
    "sales ~ week + youtube + facebook + newspaper + (1 + youtube | store_id)", name="random slope"
)
#: How many stores the course calls the top.
TOP = 5
NULL_MODEL = parse_formula("sales ~ 1 + (1 | store_id)", name="null")
