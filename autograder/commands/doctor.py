"""`mlm doctor`: attempts to get out of the box, before each grading too."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from autograder.assignment.course import Course
from autograder.commands.console import ALL_GRADED, BROKEN, ERR, OUT
from autograder.errors import BoxUnavailable
from autograder.sandbox import policy
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.doctor import describe_libraries, describe_limits, examine_box


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


def require_safe_box(protected: tuple[Path, ...], boxes: Boxes) -> None:
    """Raise BoxUnavailable, naming the walls, if some do not hold."""
    leaking = [wall for wall in examine_box(protected, boxes) if not wall.holds]
    if leaking:
        lines = "\n".join(f"  - {wall.claim}: {wall.detail}" for wall in leaking)
        raise BoxUnavailable(f"The box is not safe here, so nothing was run. These do not hold:\n{lines}")


def protected_files(course: Course, more: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return every file no learner's code may see: all of ours but the box's own code and the engine."""
    packages = [Path(str(resources.files(name))) for name in ("autograder", "reference")]
    mounted = [packages[0] / "sandbox" / "inside", *(packages[1] / room for room in policy.ENGINE)]
    inside = {file for path in mounted for file in (path, *path.rglob("*"))}  # and what Python has compiled of it
    ours = [course.root, course.root / course.file.release, course.samples]
    ours += [packages[0].parent / name for name in ("course", "scripts", "tests")]  # in a checkout
    files = {file for root in (*packages, *ours, *more) for file in root.rglob("*")}
    return tuple(sorted(file for file in files - inside if file.is_file() and not file.is_symlink()))
