"""`mlm grade` and `mlm demo`: a class graded, filed and printed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from rich.table import Table

from autograder.assignment.course import Course
from autograder.assignment.release import ReleasedNotebook, read_release
from autograder.assignment.rubric import Rubric
from autograder.assignment.samples import build_class, unexpected
from autograder.commands.console import ALL_GRADED, BROKEN, ERR, NEEDS_PERSON, OUT, progress_bar
from autograder.commands.doctor import protected_files, require_safe_box
from autograder.commands.handout import personal_panels
from autograder.errors import CourseError
from autograder.grading import pipeline
from autograder.grading.earlier import with_earlier
from autograder.grading.found_class import FoundClass, find_class
from autograder.grading.giving_back import known_learners
from autograder.grading.names import learner_name
from autograder.grading.policies import read_policies
from autograder.grading.roster import Learner, Roster
from autograder.grading.submission import SubmissionFolder
from autograder.grading.whole_class import class_copies, whole_class
from autograder.records.grading import Copy, Grade, LeftOut, Verdict
from autograder.records.verdict_signs import SIGNS
from autograder.results.database import address_of, name_of
from autograder.results.filing import filing, held
from autograder.results.folder import GRADEBOOK, Asked, database_of, keep_database, make_results
from autograder.results.folder import hidden_seed as drawn_seed
from autograder.results.gradebook import Gradebook
from autograder.results.pages import standing_in_points
from autograder.sandbox.boxes import Boxes, count_workers, memory_advice

# What is expected of a sample was seen on these hidden panels, and on a few others a wrong fit happens to do better.
_SAMPLES_SEED = 20


def grade(
    course: Course,
    assignment: str,
    asked: Asked,
    into: Path,
    students: Sequence[str] = (),
    workers: int | None = None,
    roster: Path | None = None,
) -> tuple[int, Sequence[Grade]]:
    """Grade the submissions of a class or of some learners; return the exit code too. See `mlm grade --help`."""
    course.require_apart(asked.submitted or into)
    rubric = course.counted(course.rubric(assignment, asked.language))
    released = read_release(course, rubric)
    asked = replace(asked, course=course.root, database=database_of(into, asked.database))
    submitted = asked.submitted or into / "submitted"
    found = find_class(submitted, assignment, [one.name for one in released], roster, into)
    folders = _named(found.folders, students)
    make_results(into, asked.database)
    if advice := memory_advice(workers):
        ERR.print(advice)
    with held(into):
        found.write(into)
        asked = replace(asked, submitted=found.submitted)
        keep_database(into, asked.database)
        grading, grades = _graded(course, rubric, released, found, folders, into, asked, workers)
        left_out = [] if students else [one for one in found.others if one.is_learner]
        everyone, copies = _file_class(grading, grades, into, asked, left_out)
    _print_grades(grades, [] if students else found.others)
    for copy in copies:
        OUT.print(f"Look at {copy.student}: {', '.join(copy.items)} are right on the panel of {copy.other} only.")
    graded = {grade.student for grade in grades}
    before = [grade for grade in everyone if grade.student not in graded and not grade.is_empty]
    if before:
        OUT.print(f"Graded before, and on the page of the class too: {len(before)}.")
    others = [grade for grade in everyone if grade.student not in graded and grade.is_empty]
    nothing = [grade.name for grade in others if not grade.standing.excused]
    if nothing:
        OUT.print(f"Nothing handed in by: {', '.join(nothing)}.")
    _print_places(rubric, into, asked)
    for_a_person = copies or left_out or any(grade.needs_person or grade.look_at for grade in grades)
    code = BROKEN if any(grade.is_ungraded for grade in grades) else NEEDS_PERSON if for_a_person else ALL_GRADED
    return code, grades


def _graded(
    course: Course,
    rubric: Rubric,
    released: tuple[ReleasedNotebook, ...],
    found: FoundClass,
    folders: tuple[SubmissionFolder, ...],
    into: Path,
    asked: Asked,
    workers: int | None,
) -> tuple[pipeline.Grading, Sequence[Grade]]:
    """Try the box, draw the panels, and grade; return what was the same for all, and the grades."""
    seed = drawn_seed(into, asked.hidden_seed)
    own = personal_panels(rubric, [folder.student for folder in folders]) if asked.personal else {}
    policies = read_policies(course, rubric, lambda: _known(found, into, asked))
    with Boxes(rubric.packages) as boxes:
        boxes.open_soon(count_workers(workers))
        with ERR.status("Preparing the panels, and trying to get out of the box …"), ThreadPoolExecutor(1) as beside:
            protected = protected_files(course, [*(folder.path for folder in folders), into])
            walls = beside.submit(require_safe_box, protected, boxes)
            try:
                panels = pipeline.prepare_panels(rubric, seed)
                spoken = cache(lambda language: course.counted(course.rubric(rubric.assignment, language)))
                grading = pipeline.Grading(rubric, released, panels, personal=own, policies=policies, spoken=spoken)
                grading = with_earlier(course, grading, seed)
                walls.result()
            except BaseException:
                boxes.end_runs()
                raise
        folders = _entered(found, folders, into, asked)
        with progress_bar() as progress:
            done = pipeline.grade_class(grading, folders, into, workers=workers, boxes=boxes, asked=asked)
            grades = progress.track(done, total=len(folders), description=f"Grading {rubric.assignment}")
            return grading, list(grades)


def _known(found: FoundClass, into: Path, asked: Asked) -> Roster:
    """Return everybody that policies may be about: in the list of the class or the gradebook, or who handed in."""
    there = {one.student: one for one in found.learners}
    there |= {one.student: Learner(one.student, one.shown, 0, {}) for one in found.folders if one.student not in there}
    if asked.database or (into / GRADEBOOK).exists():
        with filing(into), Gradebook(asked.database or into / GRADEBOOK) as gradebook:
            kept = known_learners(gradebook.learners(), {}).learners
        there = {one.student: one for one in kept} | there
    return Roster(Path("the class"), tuple(there.values()))


def _entered(
    found: FoundClass, folders: tuple[SubmissionFolder, ...], into: Path, asked: Asked
) -> tuple[SubmissionFolder, ...]:
    """Enter what is known of learners in the gradebook, and return the folders with the names that it has for them."""
    with filing(into), Gradebook(asked.database or into / GRADEBOOK) as gradebook:
        gradebook.enter_learners({one.student: one.details for one in found.learners})
        names = {student: learner_name(known) for student, known in gradebook.learners().items()}
    return tuple(replace(one, shown=names.get(one.student) or one.shown) for one in folders)


def _named(folders: tuple[SubmissionFolder, ...], students: Sequence[str]) -> tuple[SubmissionFolder, ...]:
    """Return the folders of some learners, or of all if none is named."""
    known = {name: folder for folder in folders for name in (folder.shown, folder.student)}
    if unknown := [name for name in students if name not in known]:
        near = get_close_matches(unknown[0], known, 3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise CourseError(f"--student {unknown[0]}: nobody of that name handed anything in.{hint}")
    return tuple(dict.fromkeys(known[name] for name in students)) or folders


def _file_class(
    grading: pipeline.Grading, grades: Sequence[Grade], into: Path, asked: Asked, left_out: Sequence[LeftOut]
) -> tuple[Sequence[Grade], Sequence[Copy]]:
    """Write the pages of the class as the gradebook has it, with what this run adds; return the class and copies."""
    with filing(into), Gradebook(asked.database or into / GRADEBOOK) as gradebook:
        kept = gradebook.grades(grading.rubric.assignment, answers=asked.personal)
        everyone = whole_class(grading, kept, gradebook.learners(), grades)
    if asked.personal:
        others = [one.student for one in everyone if one.student not in grading.personal]
        grading = replace(grading, personal={**grading.personal, **personal_panels(grading.rubric, others)})
    copies = class_copies(grading, everyone)
    pipeline.write_class_pages(grading, everyone, into, copies, left_out)
    return everyone, copies


def _print_places(rubric: Rubric, into: Path, asked: Asked) -> None:
    gradebook = name_of(address_of(asked.database or into / GRADEBOOK))
    OUT.print(f"\nThe class     {into / rubric.assignment}.html\nFeedback      {into / 'feedback'}")
    OUT.print(f"Gradebook     {gradebook}")
    OUT.print(f"To be read    {into / rubric.assignment}-to-read.html")
    OUT.print(f"Read by hand  cd {into} && jupyter lab, then Nbgrader > Formgrader")


def _print_grades(grades: Sequence[Grade], others: Sequence[LeftOut]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("Learner", no_wrap=True, max_width=40)
    table.add_column("Points", no_wrap=True, justify="right")
    table.add_column("To read", no_wrap=True, justify="right")
    table.add_column("Right", no_wrap=True, justify="right")
    table.add_column("Look at first", no_wrap=True)
    for grade in sorted(grades, key=lambda g: g.name):
        if grade.is_empty:
            standing = standing_in_points(grade) if grade.standing.excused else ""
            table.add_row(grade.name, standing, "", "", f"{SIGNS[Verdict.MISSING]} nothing handed in")
            continue
        right = sum(item.verdict is Verdict.CORRECT for item in grade.items)
        urgent = min((item.verdict for item in grade.items), key=list(Verdict).index)
        to_read = f"{grade.points_to_be_read:g}" if grade.needs_person else ""
        counted = f"{right} / {len(grade.items)}"
        table.add_row(grade.name, standing_in_points(grade), to_read, counted, f"{SIGNS[urgent]} {urgent}")
    for one in others:
        if one.is_learner:
            table.add_row(one.name, "", "", "", f"{SIGNS[Verdict.UNGRADED]} not graded")
    OUT.print(table)
    for one in others:
        OUT.print(f"Not graded: {one}.")
    for grade in grades:
        if grade.is_ungraded:
            OUT.print(f"Not graded: {grade.name}. {grade.items[0].reason}")
    for grade in sorted(grades, key=lambda g: g.name):
        if grade.look_at:
            OUT.print(f"Look at {grade.name}: {'; '.join(why.rstrip('.') for why in grade.look_at)}.")
    for grade in sorted(grades, key=lambda g: g.name):
        if grade.standing.penalty:
            OUT.print(f"Late: {grade.name}, days: {grade.standing.late_days}, points: -{grade.standing.penalty:g}.")
    waiting = sum(grade.needs_person for grade in grades)
    if waiting:
        OUT.print(f"{waiting} of {len(grades)} submissions have something that a person must read.")


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
    code, grades = grade(course, rubric.assignment, asked, into / "grading", workers=workers)
    samples = [(course.samples / one.student, one) for one in grades]
    told = [(folder, one) for folder, one in samples if (folder / "expect.toml").is_file()]
    differs = [f"{one.student}: {line}." for folder, one in told for line in unexpected(folder, rubric, one)]
    if told:
        OUT.print(
            "\n".join(["\nNot as expect.toml says:", *differs] if differs else ["Each is as its expect.toml says."])
        )
    # Memos wait for a person, as they should: the demonstration has done all it can.
    return ALL_GRADED if code == NEEDS_PERSON and not differs else code
