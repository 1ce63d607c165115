"""`mlm doctor`: attempts to get out of the box, before each grading too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.assignment.course import Course
from autograder.commands.console import ALL_GRADED, BROKEN, ERR, OUT
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.doctor import describe_libraries, describe_limits, examine_box, own_files


def doctor(course: Course) -> int:
    """Examine the box and print which of its walls hold; see `mlm doctor --help`."""
    with ERR.status("Trying to get out of the box …"), Boxes(course.file.packages) as boxes:
        walls = examine_box(protected_files(course), boxes)
    for wall in walls:
        OUT.print(f"✓ {wall.claim}" if wall.holds else f"✗ {wall.claim}: {wall.detail}")
    broken = sum(not wall.holds for wall in walls)
    OUT.print(f"{broken} of these do not hold: nothing is graded here." if broken else "Every wall of the box holds.")
    OUT.print(describe_limits())
    if absent := describe_libraries():
        OUT.print(absent)
    return BROKEN if broken else ALL_GRADED


def protected_files(course: Course, more: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return every file no learner's code may see: all of ours but the box's own code and the engine."""
    return own_files([course.root, course.root / course.file.release, course.samples, *more])
