"""The one composition: from a folder of submissions to grades, pages and the gradebook.

This is also the one place that turns a surprise into *ungraded*: whatever fails on our side while one learner is graded
is said of that learner, costs no mark, and stops nobody else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from math import ceil
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from autograder.assignment.key import Keyed, own_panel
from autograder.assignment.release import ReleasedNotebook
from autograder.assignment.rubric import Rubric
from autograder.errors import AutograderError, BoxUnavailable, FilingError, GradebookError
from autograder.grading.attention import look_at
from autograder.grading.evidence import add_evidence
from autograder.grading.page_files import write_pages
from autograder.grading.policies import ClassPolicies
from autograder.grading.submission import SubmissionFolder, read_submission
from autograder.language.catalogue import Sentence
from autograder.records.grading import (
    Ending,
    Grade,
    ItemResult,
    NotebookGrade,
    NotebookRun,
    Submission,
    SubmittedNotebook,
    Verdict,
)
from autograder.results.filing import filing
from autograder.results.folder import GRADEBOOK, RUNS, Asked, write_configuration
from autograder.results.gradebook import Gradebook
from autograder.results.marks import basis_of
from autograder.results.stored import NOTHING_GIVEN, decided, to_be_kept, with_scores_by_person, without_answers
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Run, Runner, count_workers
from autograder.sandbox.policy import Limits
from autograder.sandbox.run_store import RunStore, Store
from autograder.scoring.distinct_answers import checked_panel
from autograder.scoring.items import resolve_dependencies, score_notebook
from autograder.scoring.left_out import failed_only_there, shorten, told_of

_LOG = logging.getLogger("mlm")


@dataclass(frozen=True)
class Grading:
    """What is the same for every learner of a run: rubric, release, panels with their keys, limits.

    The first of the panels is the learners' own, but for those that ``personal`` has another for. ``earlier`` gives the
    same for an earlier release by its id and a learner's name; None for one that is not known. ``spoken`` gives the
    rubric in another language, for learners who read their page in one.
    """

    rubric: Rubric
    release: tuple[ReleasedNotebook, ...]
    panels: tuple[Keyed, ...]
    limits: Limits = field(default_factory=Limits)
    personal: Mapping[str, Keyed] = field(default_factory=dict)
    earlier: Callable[[str, str], Grading | None] = lambda _release, _student: None
    policies: ClassPolicies = field(default_factory=ClassPolicies)
    spoken: Callable[[str], Rubric] | None = None

    def panels_of(self, student: str) -> tuple[Keyed, ...]:
        """Return the panels that a learner's notebooks are run on, the learner's own first."""
        return (self.personal.get(student, self.panels[0]), *self.panels[1:])

    def of(self, grade: Grade) -> Grading:
        """Return what a grade was given by: this, or what an earlier release needs; in its learner's language."""
        release = (grade.earlier and self.earlier(grade.earlier, grade.student)) or self
        return release.for_learner(grade.student, grade.language)

    def for_learner(self, student: str, language: str = "") -> Grading:
        """Return this in the language of a learner, or else in the one given, and with the learner's time."""
        language = self.policies.of(student).language or language
        rubric = self.spoken(language) if self.spoken and language else self.rubric
        factor = self.policies.extra_time(student)
        wall, cpu = self.limits.wall_seconds * factor, ceil(self.limits.cpu_seconds * factor)
        return replace(self, rubric=rubric, limits=replace(self.limits, wall_seconds=wall, cpu_seconds=cpu))


def prepare_panels(rubric: Rubric, seed: int) -> tuple[Keyed, ...]:
    """Return the panels of a run with their answers: the learners' own, and the hidden one of a seed.

    Raises
    ------
    KeyUnavailable
        If the reference has no answers for a panel.
    """
    return own_panel(rubric), checked_panel(rubric, seed)


def grade_submission(grading: Grading, submission: Submission, run: Run) -> Grade:
    """Return one learner's grade: every notebook run in the box on every panel, and scored outside.

    Raises
    ------
    OurFault
        If the box or the reference fails; the learner is then not graded.
    """
    grading = grading.for_learner(submission.student)
    panels = grading.panels_of(submission.student)
    notebooks = _graded(grading, submission, panels, run)
    return Grade(
        submission.student,
        grading.rubric.assignment,
        notebooks,
        shown=submission.shown,
        notes=submission.notes,
        look_at=tuple(look_at(submission, notebooks)),
        language=grading.rubric.language,
    )


def _graded(grading: Grading, submission: Submission, panels: tuple[Keyed, ...], run: Run) -> tuple[NotebookGrade, ...]:
    asked = {entry.name: frozenset(item.id for item in entry.item) for entry in grading.rubric.notebook}
    tables = [(keyed, keyed.panel.to_csv_bytes()) for keyed in panels]

    def ran(notebook: SubmittedNotebook, table: bytes, *, hidden: bool) -> NotebookRun:
        if notebook.problem is not None:
            return NotebookRun(notebook.name, Ending.FINISHED)
        return run(
            Job(
                notebook.name,
                tuple(cell.source if cell.cell_type == "code" else None for cell in notebook.cells),
                table,
                grading.limits,
                asked[notebook.name],
                outputs=not hidden,  # what cells show on a hidden panel is shown to nobody
                locked=frozenset(place for place, cell in enumerate(notebook.cells) if cell.locked),
                files=submission.files,
                error_ends_cell=grading.rubric.after_error == "next cell",
            )
        )

    runs = [[ran(notebook, table, hidden=keyed.hidden) for keyed, table in tables] for notebook in submission.notebooks]
    return score_runs(grading, submission, panels, runs)


def score_runs(
    grading: Grading,
    submission: Submission,
    panels: Sequence[Keyed],
    runs: Sequence[Sequence[NotebookRun]],
    warned: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[NotebookGrade, ...]:
    """Return a learner's notebooks with their items scored: ``runs`` are by notebook, each on every panel.

    ``warned`` are the warnings before each item's check, where what the cells showed is not kept.
    """
    graded = []
    for notebook, (own, *hidden) in zip(submission.notebooks, runs, strict=True):
        items = score_notebook(grading.rubric, notebook, list(zip(panels, (own, *hidden), strict=True)))
        only_hidden = failed_only_there(notebook, own, hidden)
        graded.append(NotebookGrade(notebook, own, items, only_hidden, told_of(notebook, own), tuple(hidden)))
    resolved = resolve_dependencies(grading.rubric, [item for notebook in graded for item in notebook.items])
    graded = [replace(n, items=tuple(resolved[item.item] for item in n.items)) for n in graded]
    return add_evidence(grading.rubric, graded, panels[0], grading.release, warned)


def grade_folder(grading: Grading, folder: SubmissionFolder, run: Callable[..., NotebookRun]) -> Grade:
    """Return one learner's grade, or one that is *ungraded* throughout if anything of ours fails.

    ``run`` is that of a `RunStore`: the grade says which of the kept runs are of it.

    Raises
    ------
    BoxUnavailable
        If no box can be built: then nobody can be graded, and the run ends.
    """
    used: set[str] = set()
    noting = partial(run, used=used)
    grade = _guarded(grading, folder, lambda: _grade_by_release(grading, folder, noting), BoxUnavailable)
    standing = grading.policies.standing(folder.student, folder.handed_in)
    return replace(grade, runs=tuple(sorted(used)), handed_in=folder.handed_in, standing=standing)


def _grade_by_release(grading: Grading, folder: SubmissionFolder, run: Run) -> Grade:
    """Return one learner's grade against the release that the notebooks were made from, if the course keeps it."""
    submission = read_submission(folder, grading.release)
    made_from = submission.release
    if made_from is None or made_from == grading.release[0].release:
        return grade_submission(grading, submission, run)
    own = grading.earlier(made_from, folder.student)
    note = Sentence(f"submission.{'earlier' if own else 'unknown'}_release", release=made_from)
    if own:
        submission = read_submission(folder, own.release)
    submission = replace(submission, notes=(note, *submission.notes))
    return replace(grade_submission(own or grading, submission, run), earlier=made_from if own else None)


def _guarded(
    grading: Grading, whose: SubmissionFolder | Grade, work: Callable[[], Grade], *ends_run: type[Exception]
) -> Grade:
    """Return what a piece of work on one learner returns, or an *ungraded* grade if it fails on our side.

    ``ends_run`` are the failures that every learner would meet: they are raised.
    """
    try:
        return work()
    except ends_run:
        raise
    except AutograderError as fault:
        return _ungraded(grading, whose, str(fault))
    except Exception as surprise:
        _LOG.exception("While grading %s", whose.student)
        return _ungraded(grading, whose, f"{type(surprise).__name__}: {surprise}")


def _ungraded(grading: Grading, whose: SubmissionFolder | Grade, why: str) -> Grade:
    # What went wrong may quote what was handed in.
    reason = f"This could not be graded, and that is not the learner's doing: {shorten(why, 1_000)}"
    return grade_without_work(grading, whose.student, whose.shown, Verdict.UNGRADED, reason)


def grade_without_work(grading: Grading, student: str, shown: str, verdict: Verdict, why: str) -> Grade:
    """Return a grade with one verdict throughout: nothing was run. What is missing was not handed in."""
    absent = verdict is Verdict.MISSING
    notebooks = []
    for entry, released in zip(grading.rubric.notebook, grading.release, strict=True):
        items = tuple(ItemResult(item.id, verdict, 0.0, item.points, why) for item in entry.item)
        notebook = SubmittedNotebook(entry.name, released.cells, why if absent else None, absent=absent)
        notebooks.append(NotebookGrade(notebook, NotebookRun(entry.name, Ending.FINISHED), items))
    return Grade(student, grading.rubric.assignment, tuple(notebooks), shown=shown)


def grade_class(
    grading: Grading,
    folders: tuple[SubmissionFolder, ...],
    into: Path,
    boxes: Runner,
    asked: Asked,
    workers: int | None = None,
    decides: Mapping[str, str] | None = None,
    watch: Callable[[Sequence[str]], None] = lambda _names: None,
) -> Generator[Grade]:
    """Grade learners side by side and yield each grade once its pages and its gradebook entry are written.

    ``into`` is where ``gradebook.db``, ``autograded/``, ``feedback/`` and ``runs/`` go; a run that is in there is not
    repeated unless that is asked for. ``asked`` is what nbgrader is told there, for its commands to grade in the same
    way. ``workers`` boxes run at a time, or as many as there are processors. ``decides`` is a digest for each learner
    that is kept with the grade; ``watch`` is told the names of those who are being graded, whenever they change.

    Raises
    ------
    GradebookError
        If the gradebook cannot be used; nothing is written then.
    FilingError
        If nothing more can be filed; what was filed before is kept.
    BoxUnavailable
        If no box can be built.
    """
    count = count_workers(workers)
    with ThreadPoolExecutor(count) as pool:
        run = RunStore(Store(into / RUNS), boxes.run, boxes.packages, anew=asked.anew).run

        def graded() -> Iterator[Grade]:
            for grade in _as_they_come(pool, partial(grade_folder, grading), run, folders, count, watch):
                settled = all((into / RUNS / name).is_file() for name in grade.runs)
                yield replace(grade, decided_by=(decides or {}).get(grade.student, "") if settled else "")

        try:
            with filing(into):
                yield from _file_grades(grading, graded(), into, asked)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            boxes.end_runs()
            raise


def _as_they_come(
    pool: Executor,
    grade: Callable[..., Grade],
    run: Run,
    folders: Iterable[SubmissionFolder],
    count: int,
    watch: Callable[[Sequence[str]], None],
) -> Iterator[Grade]:
    """Yield grades as they are made, ``count`` at a time.

    As many more wait for their turn or to be filed: a grade holds all that its cells showed.
    """
    folders = iter(folders)
    under_way: dict[Future[Grade], str] = {}
    while True:
        for folder in islice(folders, 2 * count - len(under_way)):
            under_way[pool.submit(grade, folder, run)] = folder.shown or folder.student
        watch([name for one, name in under_way.items() if not one.done()][:count])
        if not under_way:
            return
        for done in wait(under_way, return_when=FIRST_COMPLETED).done:
            del under_way[done]
            yield done.result()
            break


def _file_grades(grading: Grading, grades: Iterable[Grade], into: Path, asked: Asked) -> Iterator[Grade]:
    """File grades as they come. Only one thread does: nbgrader's SQLite gradebook takes one writer at a time."""
    with Gradebook(asked.database or into / GRADEBOOK) as gradebook:
        gradebook.prepare(grading.rubric.assignment, grading.release)
        write_configuration(into, asked)
        # Formgrader lists an assignment by the folder of its sources, which may be empty.
        (into / "source" / grading.rubric.assignment).mkdir(parents=True, exist_ok=True)
        for grade in grades:
            file = partial(_file_grade, grading, grade, gradebook, into)
            filed = _guarded(grading, grade, file, GradebookError, FilingError, OSError, SQLAlchemyError)
            if filed.is_ungraded:
                gradebook.note_ungraded(filed)
            yield filed


def _file_grade(grading: Grading, grade: Grade, gradebook: Gradebook, into: Path) -> Grade:
    if grade.is_ungraded:
        return grade
    used = grading.of(grade)
    given = gradebook.by_person(grade.assignment, grade.student).get(grade.student, NOTHING_GIVEN)
    if not grade.is_empty:
        write_pages(used.rubric, used.release, with_scores_by_person(grade, given), into)
    by = grade.decided_by and decided(grade.decided_by, given)
    kept = replace(to_be_kept(grading.rubric, grade), decided_by=by)
    gradebook.write(kept, basis_of(used.rubric, used.panels_of(grade.student), "mlm grade"))
    kept = with_scores_by_person(kept, given)
    return kept if grading.personal else without_answers(kept)
