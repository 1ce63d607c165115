"""The library of questions: each knows its value on any table, its known mistakes, and its words."""

from reference.questions import (
    coefficients,  # noqa: F401
    comparisons,  # noqa: F401
    computed,  # noqa: F401
    contextual,  # noqa: F401
    explained,  # noqa: F401
    fixed,  # noqa: F401
    groups,  # noqa: F401
    known_groups,  # noqa: F401
    likelihoods,  # noqa: F401
    means,  # noqa: F401
    predictions,  # noqa: F401
    variances,  # noqa: F401
)
from reference.questions.answers import Answer, AnswerKey, Objective, Step, Value, coincide
from reference.questions.dataset import Dataset
from reference.questions.draws import Panels
from reference.questions.fits import RESIDUAL, Fits
from reference.questions.formulas import require_plain
from reference.questions.key import answer_key, steps_of
from reference.questions.question import (
    LIBRARY,
    ItemName,
    ModelName,
    Question,
    Words,
    collecting,
    fill,
    gaps,
    mistake_words,
    question,
)
from reference.questions.setting import Asked, Column, Items, QuestionError, Setting
from reference.questions.usable_tables import SimulationError, faults, usable_draw

__all__ = [
    "LIBRARY",
    "RESIDUAL",
    "Answer",
    "AnswerKey",
    "Asked",
    "Column",
    "Dataset",
    "Fits",
    "ItemName",
    "Items",
    "ModelName",
    "Objective",
    "Panels",
    "Question",
    "QuestionError",
    "Setting",
    "SimulationError",
    "Step",
    "Value",
    "Words",
    "answer_key",
    "coincide",
    "collecting",
    "faults",
    "fill",
    "gaps",
    "mistake_words",
    "question",
    "require_plain",
    "steps_of",
    "usable_draw",
]
