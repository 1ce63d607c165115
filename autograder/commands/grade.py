"""`mlm grade` and `mlm demo`: a class graded, filed and printed."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rich.progress import TextColumn

from autograder.assignment.course import Course
from autograder.assignment.release import ReleasedNotebook, read_release
from autograder.assignment.rubric import Rubric
from autograder.assignment.samples import build_class, unexpected
from autograder.commands.cluster import HERE, Workers, require_safe
from autograder.commands.console import ALL_GRADED, BROKEN, ERR, NEEDS_PERSON, OUT, few, progress_bar
from autograder.commands.doctor import protected_files
from autograder.commands.handout import personal_panels
from autograder.commands.interruptions import Interrupted
from autograder.commands.printed_grades import print_grades, print_others, print_places
from autograder.errors import CourseError
from autograder.grading import pipeline, unchanged
from autograder.grading.earlier import with_earlier
from autograder.grading.found_class import FoundClass, find_class
from autograder.grading.giving_back import known_learners
from autograder.grading.names import learner_name
from autograder.grading.page_files import write_class_pages
from autograder.grading.policies import ClassPolicies, read_policies
from autograder.grading.roster import Learner, Roster
from autograder.grading.submission import SubmissionFolder
from autograder.grading.whole_class import class_copies, whole_class
from autograder.records.grading import Copy, Grade, LeftOut, Verdict
from autograder.results.filing import filing, held
from autograder.results.folder import GRADEBOOK, Asked, database_of, keep_database, make_results, write_configuration
from autograder.results.folder import hidden_seed as drawn_seed
from autograder.results.gradebook import Gradebook
from autograder.results.progress import Recorder
from autograder.results.stored import or_ungraded
from autograder.sandbox.boxes import count_workers
from autograder.sandbox.cgroups import remove_all_left_behind

if TYPE_CHECKING:
    from autograder.sandbox.boxes import Boxes
    from autograder.sandbox.cluster.coordinator import Cluster

# What is expected of a sample was seen on these hidden panels, and on a few others a wrong fit happens to do better.
_SAMPLES_SEED = 20


#: Who was graded, by learner: with the grade where the gradebook has none, or may have an earlier one.
_Graded: TypeAlias = dict[str, Grade | None]


@dataclass(frozen=True)
class _Run:
    """What `mlm grade` was asked for, as it was read, and where its progress is noted."""

    course: Course
    rubric: Rubric
    released: tuple[ReleasedNotebook, ...]
    found: FoundClass
    into: Path
    asked: Asked
    left_out: Sequence[LeftOut]
    workers: Workers
    recorder: Recorder

    @property
    def gradebook(self) -> Path | str:
        """Where the gradebook is, or will be."""
        return self.asked.database or self.into / GRADEBOOK


def grade(
    course: Course,
    assignment: str,
    asked: Asked,
    into: Path,
    students: Sequence[str] = (),
    workers: Workers = HERE,
    roster: Path | None = None,
) -> tuple[int, Sequence[Grade]]:
    """Grade the submissions of a class or of some learners; return the exit code too. See `mlm grade --help`."""
    course.require_apart(asked.submitted or into)
    rubric = course.counted(course.rubric(assignment, asked.language))
    released = read_release(course, rubric)
    again = _command(course, assignment, asked, into, students, workers, roster)
    asked = replace(asked, course=course.root, database=database_of(into, asked.database))
    submitted = asked.submitted or into / "submitted"
    found = find_class(submitted, assignment, [one.name for one in released], roster, into)
    count = len(_named(found.folders, students))
    make_results(into, asked.database)
    if advice := workers.advice():
        ERR.print(advice)
    with held(into), Recorder(into, assignment, again, count) as recorder:
        keep_database(into, asked.database)  # before anything can be interrupted: the command to go on leaves it out
        found = found.written(into)
        folders = _named(found.folders, students)
        asked = replace(asked, submitted=found.submitted)
        left_out = [] if students else [one for one in found.others if one.is_learner]
        run = _Run(course, rubric, released, found, into, asked, left_out, workers, recorder)
        grading, graded = _graded(run, folders)
        everyone, copies = _file_class(run, grading, graded)
    filed = {grade.student: grade for grade in everyone}
    grades = [grade or filed[student] for student, grade in graded.items()]
    print_grades(grades, [] if students else found.others)
    for copy in copies:
        OUT.print(f"Look at {copy.student}: {', '.join(copy.items)} are right on the panel of {copy.other} only.")
    print_others(grades, everyone)
    print_places(rubric, into, asked)
    for_a_person = copies or left_out or any(grade.needs_person or grade.look_at for grade in grades)
    code = BROKEN if any(grade.is_ungraded for grade in grades) else NEEDS_PERSON if for_a_person else ALL_GRADED
    return code, grades


def _command(
    course: Course,
    assignment: str,
    asked: Asked,
    into: Path,
    students: Sequence[str],
    workers: Workers,
    roster: Path | None,
) -> str:
    """Return the command that does the same from any folder; an address of a database is kept in the results."""
    options = {
        "submitted": asked.submitted and asked.submitted.resolve(),
        "into": into.resolve(),
        "course": course.root.resolve(),
        "hidden-seed": asked.hidden_seed,
        "workers": workers.count,
        "scheduler": workers.scheduler,
        "certificate": workers.certificate and workers.certificate.resolve(),
        "roster": roster and roster.resolve(),
        "language": asked.language,
    }
    words = ["mlm", "grade", assignment]
    words += [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]
    words += [word for name in students for word in ("--student", name)]
    flags = {"personal": asked.personal, "force": asked.anew, "local-cluster": workers.local_cluster}
    words += [f"--{name}" for name, wanted in flags.items() if wanted]
    return shlex.join(words)


def _graded(run: _Run, folders: tuple[SubmissionFolder, ...]) -> tuple[pipeline.Grading, _Graded]:
    """Grade whoever's grade could be another one than before; return what was the same for all, and who was graded."""
    rubric, asked = run.rubric, run.asked
    seed = drawn_seed(run.into, asked.hidden_seed)
    policies = read_policies(run.course, rubric, lambda: _known(run))
    folders, decides, same = _unchanged(run, folders, seed, policies)
    own = personal_panels(rubric, [folder.student for folder in folders]) if asked.personal else {}
    spoken = cache(lambda language: run.course.counted(run.course.rubric(rubric.assignment, language)))
    none_drawn = pipeline.Grading(rubric, run.released, (), personal=own, policies=policies, spoken=spoken)
    graded: _Graded = dict.fromkeys(same)
    run.recorder.note(done=len(same), unchanged=len(same))
    left = tuple(folder for folder in folders if folder.student not in same)
    if not left:
        remove_all_left_behind()  # as no box is opened, which does
        with filing(run.into):
            write_configuration(run.into, asked)
        return with_earlier(run.course, none_drawn, seed), graded
    with run.workers.boxes(rubric.packages) as boxes:
        grading = _prepared(run, none_drawn, left, boxes, seed)
        left = _entered(run, left)
        count = run.workers.at_a_time(boxes)
        grades = pipeline.grade_class(grading, left, run.into, boxes, asked, count, decides, watch=run.recorder.watch)
        try:
            with closing(grades):
                for grade in _shown(grades, run.recorder, rubric.assignment):
                    graded[grade.student] = grade if grade.is_ungraded or grade.is_empty else None
        except Interrupted:
            _file_class(run, grading, graded, [folder for folder in left if folder.student not in graded])
            ERR.print(f"{len(graded)} of {len(folders)} are graded: {run.into / rubric.assignment}.html")
            raise
    return grading, graded


def _unchanged(
    run: _Run, folders: tuple[SubmissionFolder, ...], seed: int, policies: ClassPolicies
) -> tuple[tuple[SubmissionFolder, ...], dict[str, str], dict[str, Grade]]:
    """Return the folders with the names to show, what decides each learner's grade, and the grades that stay."""
    begun = run.asked.database or (run.into / GRADEBOOK).exists()
    if begun:
        folders = _entered(run, folders)
    decides = unchanged.decides(run.course, run.rubric, run.asked, seed, folders, policies)
    if not begun or run.asked.anew:
        return folders, decides, {}
    with filing(run.into), Gradebook(run.gradebook) as gradebook:
        same = gradebook.unchanged(run.rubric.assignment, decides)
    return folders, decides, unchanged.as_shown(same, folders, run.into)


def _prepared(
    run: _Run, none_drawn: pipeline.Grading, folders: Sequence[SubmissionFolder], boxes: Boxes | Cluster, seed: int
) -> pipeline.Grading:
    """Try the box, draw the panels, and return what is the same for all learners."""
    boxes.open_soon(count_workers(run.workers.count))
    with ERR.status("Preparing the panels, and trying to get out of the box …"), ThreadPoolExecutor(1) as beside:
        protected = protected_files(run.course, [*(folder.path for folder in folders), run.into])
        walls = beside.submit(require_safe, protected, boxes)
        try:
            grading = replace(none_drawn, panels=pipeline.prepare_panels(run.rubric, seed))
            grading = with_earlier(run.course, grading, seed)
            walls.result()
        except BaseException:
            boxes.end_runs()
            raise
    return grading


def _shown(grades: Iterable[Grade], recorder: Recorder, assignment: str) -> Iterator[Grade]:
    """Yield grades, and say in a bar and in the results folder how far it is."""
    with progress_bar(TextColumn("{task.fields[left]}  {task.fields[now]}")) as bar:
        task = bar.add_task(f"Grading {assignment}", total=recorder.progress.total, left="", now="")
        for grade in grades:
            recorder.filed(grade)
            progress = recorder.progress
            bar.update(task, completed=progress.done, left=progress.left, now=few(progress.now))
            yield grade
        bar.update(task, left="", now="")


def _known(run: _Run) -> Roster:
    """Return everybody that policies may be about: in the list of the class or the gradebook, or who handed in."""
    there = {one.student: one for one in run.found.learners}
    there |= {one.student: Learner(one.student, one.shown, 0, {}) for one in run.found.folders} | there
    if run.asked.database or (run.into / GRADEBOOK).exists():
        with filing(run.into), Gradebook(run.gradebook) as gradebook:
            kept = known_learners(gradebook.learners(), {}).learners
        there = {one.student: one for one in kept} | there
    return Roster(Path("the class"), tuple(there.values()))


def _entered(run: _Run, folders: tuple[SubmissionFolder, ...]) -> tuple[SubmissionFolder, ...]:
    """Enter what is known of learners in the gradebook, and return the folders with what it has on them.

    That are their names, and when their work was handed in, where nothing says so this time: newer work is not earlier.
    """
    with filing(run.into), Gradebook(run.gradebook) as gradebook:
        gradebook.enter_learners({one.student: one.details for one in run.found.learners})
        names = {student: learner_name(known) for student, known in gradebook.learners().items()}
        times = gradebook.handed_in(run.rubric.assignment)

    def filed(one: SubmissionFolder) -> SubmissionFolder:
        time = one.handed_in or times.get(one.student, "")
        return replace(one, shown=names.get(one.student) or one.shown, handed_in=time)

    return tuple(map(filed, folders))


def _named(folders: tuple[SubmissionFolder, ...], students: Sequence[str]) -> tuple[SubmissionFolder, ...]:
    """Return the folders of some learners, or of all if none is named."""
    known = {name: folder for folder in folders for name in (folder.shown, folder.student)}
    if unknown := [name for name in students if name not in known]:
        near = get_close_matches(unknown[0], known, 3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise CourseError(f"--student {unknown[0]}: nobody of that name handed anything in.{hint}")
    return tuple(dict.fromkeys(known[name] for name in students)) or folders


def _file_class(
    run: _Run, grading: pipeline.Grading, graded: _Graded, waiting: Sequence[SubmissionFolder] = ()
) -> tuple[Sequence[Grade], Sequence[Copy]]:
    """Write the pages of the class as the gradebook has it, with what this run adds; return the class and copies.

    Whoever is still ``waiting`` to be graded, and was not graded before, is shown as not graded.
    """
    personal = run.asked.personal
    with filing(run.into), Gradebook(run.gradebook) as gradebook:
        kept = gradebook.grades(run.rubric.assignment, answers=personal)
        later = [
            pipeline.grade_without_work(grading, one.student, one.shown, Verdict.UNGRADED, "The run ended before.")
            for one in waiting
            if one.student not in kept
        ]
        found = whole_class(grading, kept, gradebook.learners(), [*filter(None, graded.values()), *later])
        before = gradebook.ungraded(run.rubric.assignment)
    everyone = [one if one.student in graded else or_ungraded(one, before) for one in found]
    if personal:
        others = [one.student for one in everyone if one.student not in grading.personal]
        grading = replace(grading, personal={**grading.personal, **personal_panels(run.rubric, others)})
    copies = class_copies(grading, everyone)
    write_class_pages(grading.rubric, everyone, run.into, copies, run.left_out)
    return everyone, copies


def demo(course: Course, assignment: str | None, into: Path, *, workers: int | None) -> int:
    """Build and grade the class of sample submissions; see `mlm demo --help`."""
    rubric = course.rubric(assignment or course.assignments[0])
    submitted = into / "submitted"
    make_results(into / "grading")
    with held(into / "grading"), filing(into):
        if submitted.exists():
            shutil.rmtree(submitted)
        names = build_class(course.samples, course, rubric, submitted)
    OUT.print(f"A class of {len(names)} sample submissions is in {submitted}.")
    asked = Asked(submitted=submitted, hidden_seed=_SAMPLES_SEED)
    code, grades = grade(course, rubric.assignment, asked, into / "grading", workers=Workers(workers))
    samples = [(course.samples / one.student, one) for one in grades]
    told = [(folder, one) for folder, one in samples if (folder / "expect.toml").is_file()]
    differs = [f"{one.student}: {line}." for folder, one in told for line in unexpected(folder, rubric, one)]
    if told:
        OUT.print(
            "\n".join(["\nNot as expect.toml says:", *differs] if differs else ["Each is as its expect.toml says."])
        )
    # Memos wait for a person, as they should: the demonstration has done all it can.
    return ALL_GRADED if code == NEEDS_PERSON and not differs else code
