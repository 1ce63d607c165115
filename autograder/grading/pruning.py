"""Which known mistakes of an assignment nobody could tell from other answers, found on tables drawn for that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median, mode
from typing import TypeAlias

from autograder.assignment.key import Keyed, hidden_panel
from autograder.assignment.pruned import Pruned
from autograder.assignment.rubric import Rubric
from autograder.errors import ReleaseError
from autograder.scoring.distinct_answers import (
    FROM_EACH_OTHER,
    Drawn,
    Examination,
    Problem,
    examine,
)

#: Wraps a range of steps with what is done in them, for a progress bar.
Progress: TypeAlias = Callable[[range, str], Iterable[int]]

#: Tables that are drawn to see which mistakes stand in the way, and how many of them must be usable.
TABLES, ENOUGH = 24, 8


def prune(
    rubric: Rubric,
    own: Keyed,
    examined: Examination,
    first_seed: int,
    progress: Progress,
    tried: Callable[[int], None],
) -> tuple[Pruned, dict[int, Drawn]]:
    """Return the known mistakes to leave out, with the reasons, and usable panels by seed if none is.

    Left out is what is taken for another answer on the learners' own table, or hardly differs there; and then, as long
    as fewer than a third of the tables drawn would be usable, what stands in the way on most of them.

    Raises
    ------
    ReleaseError
        If nothing would be left of the mistakes of an item that has a larger tolerance than its question.
    CourseError
        If no tables can be drawn, whatever is left out.
    """
    on_own = [one for one in examined.problems if one.mistakes and one.margin < FROM_EACH_OTHER]
    ready: dict[int, Drawn] = {}
    met: list[tuple[Problem, ...]] = []
    for seed in progress(range(first_seed, first_seed + TABLES), "Examining known mistakes"):
        if len(ready) == ENOUGH:
            break
        keyed = hidden_panel(rubric, seed, tried=tried)
        found = examine(rubric, keyed)
        met.append(found.problems)
        if not met[-1]:
            ready[seed] = Drawn(keyed, found, 0)
    pruned: dict[str, dict[str, str]] = {}
    while worst := _worst(on_own, met, pruned):
        item, mistake = worst
        pruned.setdefault(item, {})[mistake] = _why(item, mistake, on_own, met)
    for item, named in pruned.items():
        if named.keys() >= own.answers.mistakes[item].keys() and _is_coarse(rubric, item):
            said = "; ".join(f"{mistake!r} {why}" for mistake, why in named.items())
            raise ReleaseError(
                f"{rubric.assignment}, item {item!r}: none of its known mistakes can be told from its other answers: "
                f"{said}. Make the tolerance smaller."
            )
    return pruned, {} if pruned else ready


def _is_coarse(rubric: Rubric, name: str) -> bool:
    """Return whether an item has a larger tolerance than its question has by itself."""
    item = next(one for one in rubric.items if one.id == name)
    usual = rubric.questions[item.ask].tolerance
    return usual is not None and (item.tolerance or 0.0) > usual


def _left(problems: Sequence[Problem], pruned: Pruned) -> list[Problem]:
    return [one for one in problems if not set(one.mistakes) & set(pruned.get(one.item, ()))]


def _worst(on_own: Sequence[Problem], met: Sequence[tuple[Problem, ...]], pruned: Pruned) -> tuple[str, str] | None:
    """Return the item and the mistake to leave out next; None if enough tables are usable, or nothing would help."""
    left = [_left(problems, pruned) for problems in met]
    counts = Counter(
        who for problems in left for who in {(one.item, name) for one in problems for name in one.mistakes}
    )
    if offending := _left(on_own, pruned):
        return max(((offending[0].item, name) for name in offending[0].mistakes), key=lambda who: counts[who])
    if sum(not problems for problems in left) * TABLES >= ENOUGH * len(met) or not counts:
        return None
    # Of two that stand in each other's way the one that also stands in others', and else the last by its name.
    return max(counts, key=lambda who: (counts[who], who))


def _why(item: str, mistake: str, on_own: Sequence[Problem], met: Sequence[tuple[Problem, ...]]) -> str:
    """Return why a mistake is left out: the answer it is nearest to, how near, and on how many tables."""
    nearest = []
    for problems in (*met, tuple(on_own)):
        if blamed := [one for one in problems if one.item == item and mistake in one.mistakes]:
            nearest.append(min(blamed, key=lambda one: one.margin))
    others = [next((name for name in one.answers if name != mistake), one.said) for one in nearest]
    apart = median(one.margin for one in nearest)
    times = sum(any(one.item == item and mistake in one.mistakes for one in problems) for problems in met)
    too = any(one.item == item and mistake in one.mistakes for one in on_own)
    where = ["the learners' table"] * too + [f"{times} of {len(met)} that were drawn"] * (times > 0)
    return f"lies {apart:.1f} tolerances from {mode(others)!r} on {' and '.join(where)}"
