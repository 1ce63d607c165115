"""The release gate: before learners get an assignment, it is proved that its rubric tells right from wrong."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec

from autograder.assignment.course import Course
from autograder.assignment.extra import EXTRA_FILE
from autograder.assignment.key import Keyed, own_panel
from autograder.assignment.pruned import Pruned, leave_out
from autograder.assignment.release import ReleasedNotebook
from autograder.assignment.rubric import Rubric, deciding
from autograder.errors import ReleaseError
from autograder.grading.pipeline import Grading, grade_submission
from autograder.grading.proof_faults import given_away, wrong_in_solution
from autograder.grading.pruning import Progress, prune
from autograder.grading.recognition import recognise
from autograder.grading.sanitise import sanitise
from autograder.grading.submission import read_notebook
from autograder.records.grading import Submission
from autograder.sandbox import policy
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.run_store import RunStore, Store, code_digest, digest_of
from autograder.scoring.distinct_answers import FROM_EACH_OTHER, Drawn, Examination, Pair, draw, examine

#: How many hidden panels a release is proved on, and the seed of the first.
PANELS = 20
FIRST_SEED = 7_000


@dataclass(frozen=True)
class Proof:
    """What was proved: the two answers that were nearest to each other on any panel.

    ``pruned`` holds the known mistakes that had to be left out for that, with the reasons.
    """

    closest: Pair
    pruned: Pruned


def prove(
    course: Course,
    rubric: Rubric,
    release: tuple[ReleasedNotebook, ...],
    store: Store,
    *,
    panels: int = PANELS,
    workers: int = 1,
    progress: Progress = lambda steps, _: steps,
    tried: Callable[[int], None] = lambda tries: None,
) -> Proof:
    """Return the proof that an assignment grades as it should.

    ``rubric`` has all its known mistakes; those that cannot be told from other answers are left out, and said.
    ``tried`` is told before each draw of a table how many there were for this panel.

    On the learners' own panel and on hidden ones: no two known answers to an item are confused, the solution, run in
    the box, earns every point that a machine gives, and the release as it is handed out earns none. What is in
    ``store`` is not run again; after a proof it holds what that used.

    Raises
    ------
    ReleaseError
        Naming the item and what is wrong with it.
    OurFault
        If the box or the reference fails.
    """
    opened = Boxes(rubric.packages)  # what they lack is said before all else
    source = course.source(rubric.assignment)
    tables = _Tables(store, code_digest(source / EXTRA_FILE), tried)
    own = own_panel(rubric)
    examined = examine(rubric, own)
    _require_apart(rubric, examined)
    pruned = tables.prune(rubric, own, examined, progress)
    if pruned:
        rubric = leave_out(rubric, pruned)
        own = own_panel(rubric)
        examined = examine(rubric, own)
    closest, keys = examined.closest, [own]
    for number in progress(range(panels), "Comparing answers"):
        drawn = tables.draw(rubric, FIRST_SEED + number)
        keys.append(drawn.keyed)
        closest = min(closest, drawn.examination.closest, key=lambda pair: pair.margin)
    with opened as boxes, ThreadPoolExecutor(workers) as pool:
        run = RunStore(store, boxes.run, boxes.packages).run
        untouched = Submission("release", tuple(sanitise(recognise(r.cells, r), r) for r in release))
        graded = grade_submission(Grading(rubric, release, (own,)), untouched, run)
        if said := given_away(rubric, source, graded):
            raise ReleaseError(said)
        # The notebooks alone: the rubric lies beside them, and must never come near a box.
        solution = Submission("solution", tuple(read_notebook(source / f"{r.name}.ipynb", r) for r in release))
        grades = pool.map(lambda keyed: grade_submission(Grading(rubric, release, (keyed,)), solution, run), keys)
        for number in progress(range(len(keys)), "Running the solution"):
            if said := wrong_in_solution(rubric, source, next(grades), keys[number]):
                raise ReleaseError(said)
    store.remove_unused()
    return Proof(closest, pruned)


class _Tables:
    """The tables of a proof. What takes long to find of them is kept in the store: mistakes to leave out, and tries."""

    def __init__(self, store: Store, extra: str, tried: Callable[[int], None]) -> None:
        self._store, self._extra, self._tried = store, extra, tried
        self._ready: dict[int, Drawn] = {}

    def prune(self, rubric: Rubric, own: Keyed, examined: Examination, progress: Progress) -> Pruned:
        """Return which known mistakes to leave out, found once for everything that decides it; see `pruning.prune`."""
        digest = self._digest(rubric, "pruned", FIRST_SEED)
        known = self._store.read(digest)
        if known is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                return msgspec.json.decode(known, type=dict[str, dict[str, str]])
        pruned, self._ready = prune(rubric, own, examined, FIRST_SEED, progress, self._tried)
        self._store.write(digest, msgspec.json.encode(pruned).decode())
        return pruned

    def draw(self, rubric: Rubric, seed: int) -> Drawn:
        """Return the panel of a seed; which of its tries will do is kept, as most of the time goes into the others."""
        digest = self._digest(rubric, seed)
        known = self._store.read(digest)
        attempt = int(known) if known and known.isdecimal() else None
        drawn = self._ready.get(seed) or draw(rubric, seed, attempt, self._tried)
        if known != str(drawn.attempt):
            self._store.write(digest, str(drawn.attempt))
        return drawn

    def _digest(self, rubric: Rubric, *what: str | int) -> str:
        """Return the digest of everything that decides what is drawn, and how answers are told apart there."""
        table = [msgspec.to_builtins(rubric.setting), msgspec.to_builtins(rubric.panels), rubric.data.hex()]
        items = [deciding(item) for item in rubric.items]
        return digest_of([_code(), self._extra, rubric.assignment, *what, table, items])


@cache
def _code() -> list[str]:
    packages = [Path(str(resources.files(name))) for name in ("autograder", "reference")]
    return [code_digest(*packages), sys.version, *policy.versions()]


def _require_apart(rubric: Rubric, examined: Examination) -> None:
    """Raise ReleaseError for what leaving out a mistake would not mend, or where a smaller tolerance would."""
    items = {item.id: item for item in rubric.items}
    for problem in sorted(examined.problems, key=lambda one: one.margin):
        item = items[problem.item]
        own, usual = item.tolerance or 0.0, rubric.questions[item.ask].tolerance
        if problem.mistakes and (problem.margin >= FROM_EACH_OTHER or usual is None or own <= usual):
            continue
        advice = (
            f"Make the tolerance smaller: its question has {usual:g}." if problem.mistakes else "Correct the rubric."
        )
        raise ReleaseError(f"{rubric.assignment}, item {problem} on the learners' own panel. {advice}")
