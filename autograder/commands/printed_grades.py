"""What `mlm grade` prints of a class that was graded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from autograder.assignment.rubric import Rubric
from autograder.commands.console import OUT
from autograder.records.grading import Grade, LeftOut, Verdict
from autograder.records.verdict_signs import SIGNS
from autograder.results.database import address_of, name_of
from autograder.results.folder import GRADEBOOK, Asked
from autograder.results.pages import standing_in_points


def print_others(grades: Sequence[Grade], everyone: Sequence[Grade]) -> None:
    """Say who of the class was not graded now: graded before, or nothing handed in."""
    graded = {grade.student for grade in grades}
    others = [grade for grade in everyone if grade.student not in graded]
    if ungraded := [grade.name for grade in others if grade.is_ungraded]:
        OUT.print(f"Not graded the last time, and to be graded again: {', '.join(ungraded)}.")
    if before := [grade for grade in others if not grade.is_empty and not grade.is_ungraded]:
        OUT.print(f"Graded before, and on the page of the class too: {len(before)}.")
    if nothing := [grade.name for grade in others if grade.is_empty and not grade.standing.excused]:
        OUT.print(f"Nothing handed in by: {', '.join(nothing)}.")


def print_places(rubric: Rubric, into: Path, asked: Asked) -> None:
    """Say where everything is."""
    gradebook = name_of(address_of(asked.database or into / GRADEBOOK))
    OUT.print(f"\nThe class     {into / rubric.assignment}.html")
    OUT.print(f"The report    {into / rubric.assignment}-report.html\nFeedback      {into / 'feedback'}")
    OUT.print(f"Gradebook     {gradebook}")
    OUT.print(f"To be read    {into / rubric.assignment}-to-read.html")
    OUT.print(f"Read by hand  cd {into} && jupyter lab, then Nbgrader > Formgrader")


def print_grades(grades: Sequence[Grade], others: Sequence[LeftOut]) -> None:
    """Print the table of a class, and below it who is to be looked at."""
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
