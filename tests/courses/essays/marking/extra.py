"""A question of this course's own; see "Questions that the library does not have" in the authors' guide."""

from reference.questions import Answer, Fits, ModelName, question


@question(
    kind="statistic",
    tolerance=0.001,
    decimals=3,
    words="""
[en]
title = "Range of the {groups}"
question = "Which of the {groups} is highest above the fixed part, and which is furthest below it?"
advice = "Take the largest conditional mode less the smallest."
[en.mistakes]
upside_down = "The sign is turned round: take the smallest off the largest."
of_means = "These are the plain means of the {groups}. Not all of them have read the same: take the conditional modes."
""",
)
def mode_range(fits: Fits, *, model: ModelName, level: str) -> Answer:
    """Return the largest conditional mode of a level's intercepts less the smallest."""
    modes = fits.term(fits.mixed(model), level).modes[:, 0]
    means = fits.response(model).groupby(fits.frame[level]).mean()
    found = float(modes.max() - modes.min())
    return Answer(found, mistakes={"upside_down": -found, "of_means": float(means.max() - means.min())})
