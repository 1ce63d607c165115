"""What lies in a results folder beside learners' pages: the gradebook's place, the seed, nbgrader's configuration."""

from __future__ import annotations

import secrets
from pathlib import Path

from autograder.errors import CourseError, GradebookError
from autograder.records.writing import write_whole
from autograder.results.filing import filing
from autograder.results.gradebook import COURSE_ID, require_gradebook_file

GRADEBOOK = "gradebook.db"


def write_configuration(into: Path) -> None:
    """Write what nbgrader needs to open the results: run `nbgrader formgrader` in that folder."""
    write_whole(
        into / "nbgrader_config.py",
        "c = get_config()\n"
        f"c.CourseDirectory.course_id = {COURSE_ID!r}\n"
        f"c.CourseDirectory.root = {str(into.resolve())!r}\n"
        "# A learner's Markdown is shown to the teacher in the teacher's own browser session.\n"
        'c.HTMLExporter.filters = {"markdown2html": "autograder.results.safe_outputs.markdown_to_safe_html"}\n'
        "c.HTMLExporter.sanitize_html = True\n"
        "# Colours for code in other languages can take hours.\n"
        "c.HighlightMagicsPreprocessor.enabled = False\n",
    )


def make_results(into: Path) -> None:
    """Make the results folder, for its owner alone, or refuse one that no gradebook can be kept in.

    One that is there already keeps who may enter it.

    Raises
    ------
    GradebookError
        If there is something else in the gradebook's place.
    FilingError
        If the folder cannot be made, or the gradebook cannot be written to now.
    """
    with filing(into):
        if into.exists() and not into.is_dir():
            raise GradebookError(f"{into} is not a folder. Name another one with --into.")
        require_gradebook_file(into / GRADEBOOK)
        into.parent.mkdir(parents=True, exist_ok=True)
        into.mkdir(mode=0o700, exist_ok=True)


def hidden_seed(into: Path, given: int | None) -> int:
    """Return the seed of the hidden panel: the one given, or the one this folder's grades rest on.

    It is drawn once and kept with the gradebook, so that grading again gives the same grades. Whoever knows it can
    make the hidden panel; keep it from learners.

    Raises
    ------
    CourseError
        If the file that keeps it is damaged.
    FilingError
        If it cannot be kept.
    """
    path = into / "hidden-seed.txt"
    if given is not None:
        return given
    try:
        with filing(into):
            if not path.exists():
                write_whole(path, f"{secrets.randbits(128)}\n", mode=0o600)
            return int(path.read_text(encoding="utf-8"))
    except ValueError:
        raise CourseError(f"{path}: this should hold one whole number. Restore it, or give --hidden-seed.") from None
