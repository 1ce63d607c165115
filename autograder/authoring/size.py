"""Whether a table is small enough for a course: models are fitted to a hundred tables like it, and by every learner."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from autograder.errors import CourseError
from reference import MixedModel
from reference.questions import Dataset

#: The most rows of a table, and the most groups of the smaller one of two factors that cross: with more of these a
#: single fit takes many seconds, as the matrix of the effects of both is not sparse.
MOST_ROWS, MOST_CROSSED = 20_000, 400


def require_small(model: MixedModel, data: Dataset) -> None:
    """Raise CourseError if a table is too large for a course; the message says which part of it to take."""
    sizes = {group: _count(data, group) for group in model.groups}
    why = []
    if len(data) > MOST_ROWS:
        why.append(f"it has {len(data):,} rows, and {MOST_ROWS:,} are the most")
    for one, other in combinations(sizes, 2):
        # Where one lies in the other, their combinations are the groups of one.
        crossed = _count(data, (*one, *other)) > max(sizes[one], sizes[other])
        if crossed and min(sizes[one], sizes[other]) > MOST_CROSSED:
            why.append(
                f"{sizes[one]:,} groups of {one[-1]!r} cross {sizes[other]:,} of {other[-1]!r}, and {MOST_CROSSED:,} "
                "are the most of one of the two"
            )
    if why:
        first = model.groups[0][0]
        raise CourseError(
            f"{data.source} is too large for a course: {'; '.join(why)}. Its proof fits the models to a hundred tables "
            f"like it, and every learner fits them too. Take all rows of some groups of {first!r}, drawn by chance, "
            "into a file of their own, and give that."
        )


def _count(data: Dataset, columns: Iterable[str]) -> int:
    """Return how many combinations of some columns there are."""
    return len(data.frame[list(dict.fromkeys(columns))].drop_duplicates())
