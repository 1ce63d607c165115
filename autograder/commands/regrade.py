"""`mlm regrade`: what a changed assignment makes of the answers that are kept, shown, applied or taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from autograder.assignment.course import Course
from autograder.assignment.key import own_panel
from autograder.assignment.release import read_release
from autograder.commands.console import ALL_GRADED, NEEDS_PERSON, OUT
from autograder.commands.desk import open_gradebook, write_class, write_learner
from autograder.errors import CourseError, GradebookError
from autograder.grading.earlier import with_earlier
from autograder.grading.giving_back import known_learners
from autograder.grading.page_files import executed_path
from autograder.grading.pipeline import Grading
from autograder.grading.policies import read_policies
from autograder.grading.regrading import Move, Regrader, lines_of
from autograder.language.catalogue import DEFAULT
from autograder.records.grading import Grade, ItemResult
from autograder.records.writing import write_whole
from autograder.results.executed_notebook import rescored
from autograder.results.filing import filing
from autograder.results.folder import hidden_seed
from autograder.results.gradebook import Gradebook
from autograder.results.marks import PERSON, basis_of
from autograder.results.pages import standing_in_points
from autograder.results.regrades import new_batch
from autograder.results.stored import NOTHING_GIVEN, with_scores_by_person

_COMMAND = "mlm regrade"


@dataclass(frozen=True)
class Asked:
    """What `mlm regrade` was asked for: to apply what it shows, or to take back what it applied last."""

    apply: bool = False
    undo: bool = False
    hidden_seed: int | None = None


@dataclass
class _Class:
    """How a class moves, who stays, and who cannot be regraded, with the reason."""

    moves: list[Move] = field(default_factory=list)
    same: int = 0
    not_kept: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)


def regrade(course: Course, assignment: str, into: Path, database: str | None, asked: Asked) -> int:
    """Show, apply or take back a regrade; see `mlm regrade --help`."""
    with open_gradebook(into, database) as gradebook, filing(into):
        if asked.undo:
            return _undo(course, assignment, gradebook, into)
        kept = gradebook.kept(assignment)
        if not kept:
            raise GradebookError(f"{gradebook.name}: it has no grades of {assignment!r}. Run mlm grade first.")
        grading = _grading(course, assignment, gradebook, kept)
        seed = hidden_seed(into, asked.hidden_seed, new=False)
        grading = with_earlier(course, grading, seed)
        found = _moves(Regrader(grading, seed, _COMMAND), gradebook, kept)
        _print(found)
        if not asked.apply:
            return NEEDS_PERSON if found.moves or found.not_kept else ALL_GRADED
        batch = new_batch()
        for move in found.moves:
            # Where this is interrupted in between, the same command still has this learner to move.
            _write(course, move.after, into)
            gradebook.write(move.stored, move.basis, batch)
        write_class(course, grading.rubric, gradebook, into)
    OUT.print(f"Written into {gradebook.name}, and the pages in {into}: {len(found.moves)}.")
    if found.moves:
        OUT.print(f"To take it back:  mlm regrade {assignment} --undo")
    return NEEDS_PERSON if found.not_kept else ALL_GRADED


def _grading(course: Course, assignment: str, gradebook: Gradebook, kept: Sequence[Grade]) -> Grading:
    spoken = cache(lambda language: course.counted(course.rubric(assignment, language)))
    rubric = spoken(None)
    learners = known_learners(gradebook.learners(), {grade.student: grade for grade in kept})
    policies = read_policies(course, rubric, lambda: learners)
    return Grading(rubric, read_release(course, rubric), (own_panel(rubric),), policies=policies, spoken=spoken)


def _moves(regrader: Regrader, gradebook: Gradebook, kept: Sequence[Grade]) -> _Class:
    """Return how each learner of a class moves."""
    found = _Class()
    assignment = kept[0].assignment
    lines, given = lines_of(gradebook.changes(assignment), PERSON), gradebook.by_person(assignment)
    for grade in kept:
        try:
            move = regrader.move(grade, lines.get(grade.student, {}), given.get(grade.student, NOTHING_GIVEN))
        except CourseError as why:  # what is stored does not do, or an earlier release does not
            found.not_kept.append(f"{grade.name}: {str(why).rstrip('.')}")
            continue
        found.moves += [move] if move else []
        found.same += move is None
        found.earlier += [grade.name] if grade.earlier else []
    return found


def _print(found: _Class) -> None:
    for move in sorted(found.moves, key=lambda move: move.after.name):
        total = f"{standing_in_points(move.before)} → {standing_in_points(move.after)}"
        OUT.print(f"{move.after.name:40}  {total}")
        for why in move.why:
            OUT.print(f"    {why}")
        for item in move.items:
            points = f"{_points(item.before)} → {_points(item.after)}"
            OUT.print(f"    {item.after.item:24}  {points:>20}  {item.why}")
    OUT.print(f"{len(found.moves)} move, {found.same} do not.")
    for one in sorted(found.not_kept):
        OUT.print(f"Cannot be regraded from what is stored: {one}.")
    if found.earlier:
        OUT.print(f"Of an earlier release, whose tolerances and words stay: {', '.join(found.earlier)}.")


def _points(item: ItemResult) -> str:
    return f"{item.score:g} / {item.points:g}"


def _write(course: Course, grade: Grade, into: Path) -> None:
    """Write a learner's page anew, and the scores in the notebooks as they ran."""
    write_learner(course, grade, into)
    for notebook in grade.notebooks:
        path = executed_path(into, grade, notebook.notebook.name)
        if path.is_file():
            write_whole(path, rescored(path.read_text(encoding="utf-8"), notebook, grade.language or DEFAULT))


def _undo(course: Course, assignment: str, gradebook: Gradebook, into: Path) -> int:
    rubric = course.counted(course.rubric(assignment))
    given = gradebook.by_person(assignment)
    made_by = basis_of(rubric, (), f"{_COMMAND} --undo").made_by
    back, since = 0, []
    for student, grade in gradebook.take_back_regrade(assignment, made_by):
        if grade is None:
            since.append(student)
        else:
            back += 1
            _write(course, with_scores_by_person(grade, given.get(student, NOTHING_GIVEN)), into)
    if not back and not since:
        raise GradebookError(f"{gradebook.name}: there is no regrade of {assignment!r} to take back.")
    write_class(course, rubric, gradebook, into)
    OUT.print(f"As before the last regrade, with their pages: {back}.")
    if earlier := gradebook.last_regrade(assignment):  # such as the first part of one that was interrupted
        OUT.print(f"The regrade before it, of {len(earlier)}, is still applied; --undo once more takes it back, too.")
    if since:
        OUT.print(f"Graded again since, and left as they are: {', '.join(since)}.")
    return NEEDS_PERSON if since else ALL_GRADED
