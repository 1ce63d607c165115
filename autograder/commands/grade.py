"""`mlm grade` and `mlm demo`: a class graded, filed and printed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.table import Table

from autograder.assignment.course import Course
from autograder.assignment.release import read_release
from autograder.assignment.samples import build_class, unexpected
from autograder.commands.console import ALL_GRADED, BROKEN, ERR, NEEDS_PERSON, OUT, progress_bar
from autograder.commands.doctor import protected_files, require_safe_box
from autograder.commands.handout import personal_panels
from autograder.grading import pipeline
from autograder.grading.earlier import with_earlier
from autograder.grading.submission import find_submissions
from autograder.grading.workers import count_workers, memory_advice
from autograder.records.grading import Grade, LeftOut, Verdict
from autograder.records.verdict_signs import SIGNS
from autograder.results.filing import filing, held
from autograder.results.folder import Asked, make_results
from autograder.results.folder import hidden_seed as drawn_seed
from autograder.results.pages import most_urgent
from autograder.sandbox.boxes import Boxes


def grade(
    course: Course,
    assignment: str,
    submitted: Path,
    into: Path,
    hidden_seed: int | None = None,
    workers: int | None = None,
    language: str | None = None,
    *,
    personal: bool = False,
) -> int:
    """Grade every submission of a folder and file the results in another; see `mlm grade --help`."""
    return _grade(course, assignment, submitted, into, hidden_seed, workers, language, personal=personal)[0]


def _grade(
    course: Course,
    assignment: str,
    submitted: Path,
    into: Path,
    hidden_seed: int | None = None,
    workers: int | None = None,
    language: str | None = None,
    *,
    personal: bool = False,
) -> tuple[int, Sequence[Grade]]:
    course.require_apart(submitted)
    rubric = course.rubric(assignment, language)
    folders, others = find_submissions(submitted, assignment)
    released = read_release(course, rubric)
    make_results(into)
    if advice := memory_advice(workers):
        ERR.print(advice)
    with held(into):
        seed = drawn_seed(into, hidden_seed)
        own = personal_panels(rubric, [folder.student for folder in folders]) if personal else {}
        with Boxes(rubric.packages) as boxes:
            boxes.open_soon(count_workers(workers))
            with (
                ERR.status("Preparing the panels, and trying to get out of the box …"),
                ThreadPoolExecutor(1) as beside,
            ):
                protected = protected_files(course, [*(folder.path for folder in folders), into])
                walls = beside.submit(require_safe_box, protected, boxes)
                try:
                    panels = pipeline.prepare_panels(rubric, seed)
                    grading = with_earlier(course, pipeline.Grading(rubric, released, panels, personal=own), seed)
                    walls.result()
                except BaseException:
                    boxes.end_runs()
                    raise
            with progress_bar() as progress:
                asked = Asked(course.root, submitted, hidden_seed, language, personal)
                done = pipeline.grade_class(grading, folders, into, workers=workers, boxes=boxes, asked=asked)
                grades = list(progress.track(done, total=len(folders), description=f"Grading {assignment}"))
        copies = pipeline.class_copies(grading, grades)
        left_out = [one for one in others if one.is_learner]
        page, to_read = pipeline.write_class_pages(grading, grades, into, copies, left_out)
    _print_grades(grades, others)
    for copy in copies:
        OUT.print(f"Look at {copy.student}: {', '.join(copy.items)} are right on the panel of {copy.other} only.")
    OUT.print(f"\nThe class     {page}\nFeedback      {into / 'feedback'}\nGradebook     {into / 'gradebook.db'}")
    OUT.print(f"To be read    {to_read}\nRead by hand  cd {into} && jupyter lab, then Nbgrader > Formgrader")
    for_a_person = copies or left_out or any(grade.needs_person or grade.look_at for grade in grades)
    code = BROKEN if any(grade.is_ungraded for grade in grades) else NEEDS_PERSON if for_a_person else ALL_GRADED
    return code, grades


def _print_grades(grades: Sequence[Grade], others: Sequence[LeftOut]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("Learner", no_wrap=True, max_width=40)
    table.add_column("Points", no_wrap=True, justify="right")
    table.add_column("Right", no_wrap=True, justify="right")
    table.add_column("Look at first", no_wrap=True)
    for grade in sorted(grades, key=lambda g: g.name):
        if grade.is_empty:
            table.add_row(grade.name, "", "", f"{SIGNS[Verdict.MISSING]} nothing handed in")
            continue
        right = sum(item.verdict is Verdict.CORRECT for item in grade.items)
        urgent = most_urgent(grade)
        table.add_row(grade.name, grade.shown_score, f"{right} / {len(grade.items)}", f"{SIGNS[urgent]} {urgent}")
    for one in others:
        if one.is_learner:
            table.add_row(one.name, "", "", f"{SIGNS[Verdict.UNGRADED]} not graded")
    OUT.print(table)
    for one in others:
        OUT.print(f"Not graded: {one}.")
    for grade in grades:
        if grade.is_ungraded:
            OUT.print(f"Not graded: {grade.name}. {grade.items[0].reason}")
    for grade in sorted(grades, key=lambda g: g.name):
        if grade.look_at:
            OUT.print(f"Look at {grade.name}: {'; '.join(why.rstrip('.') for why in grade.look_at)}.")
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
    code, grades = _grade(course, rubric.assignment, submitted, into / "grading", workers=workers)
    samples = [(course.samples / one.student, one) for one in grades]
    told = [(folder, one) for folder, one in samples if (folder / "expect.toml").is_file()]
    differs = [f"{one.student}: {line}." for folder, one in told for line in unexpected(folder, rubric, one)]
    if told:
        OUT.print(
            "\n".join(["\nNot as expect.toml says:", *differs] if differs else ["Each is as its expect.toml says."])
        )
    # Memos wait for a person, as they should: the demonstration has done all it can.
    return ALL_GRADED if code == NEEDS_PERSON and not differs else code
