"""What lies in a results folder beside learners' pages: the gradebook's place, the seed, nbgrader's configuration."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError, GradebookError
from autograder.records.writing import write_whole
from autograder.results.database import address_of, name_of, require_gradebook
from autograder.results.filing import filing
from autograder.results.gradebook import COURSE_ID

GRADEBOOK = "gradebook.db"

#: Where the runs of notebooks are kept, so that the same one is not run again; see `autograder.sandbox.run_store`.
RUNS = "runs"


#: What nbgrader's own commands read in the folder that they are run in.
CONFIGURATION = "nbgrader_config.py"

_BOXED = """\
# By itself `nbgrader autograde` would run learners' code as you; so it runs in the box, on the panels of `mlm grade`.
c.Autograde.exporter_class = "autograder.commands.autograde.BoxedExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "autograder.commands.autograde.FileScores",
]
# A learner's Markdown is shown to the teacher in the teacher's own browser session.
c.HTMLExporter.filters = {"markdown2html": "autograder.results.safe_outputs.markdown_to_safe_html"}
c.HTMLExporter.sanitize_html = True
# Colours for code in other languages can take hours.
c.HighlightMagicsPreprocessor.enabled = False
"""

_OF_RESULTS = """\
from pathlib import Path

c = get_config()  # noqa: F821  (nbgrader provides it)
c.CourseDirectory.course_id = {course_id!r}
# This folder may be moved: what belongs to it is found beside this file.
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
# By itself `nbgrader generate_feedback --force` would delete the pages in feedback/.
c.CourseDirectory.feedback_directory = "feedback-of-nbgrader"
"""

_OF_A_COURSE = """\
from pathlib import Path

c = get_config()  # noqa: F821  (nbgrader provides it)
c.CourseDirectory.course_id = {course_id!r}
# The sources lie beside this file, each in the folder of its assignment.
c.CourseDirectory.root = str(Path(__file__).parent)
c.CourseDirectory.source_directory = "."
c.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.toml", "*.csv", "extra.py", "releases"]
c.BoxedGrading.course = str(Path(__file__).parent)
"""


@dataclass(frozen=True)
class Asked:
    """What `mlm grade` was asked for, so that `nbgrader autograde` grades in the same way.

    ``course`` is None for the installed one; ``submitted`` for what lies in the results
    folder itself, in ``submitted/``; ``hidden_seed`` for the seed that is kept there; and ``database`` for a gradebook
    there, and else the address of one of PostgreSQL. With ``anew`` no run and no grade from before is taken over.
    """

    course: Path | None = None
    submitted: Path | None = None
    hidden_seed: int | None = None
    language: str | None = None
    personal: bool = False
    database: str | None = None
    anew: bool = False


def write_configuration(into: Path, asked: Asked) -> None:
    """Write what `nbgrader formgrader` and `nbgrader autograde` need where they are run in a results folder."""
    told = {
        "course": None if asked.course is None else str(asked.course.resolve()),
        "hidden_seed": asked.hidden_seed,
        "language": asked.language,
        "personal": asked.personal or None,
    }
    text = _OF_RESULTS.format(course_id=COURSE_ID) + _BOXED
    text += "".join(f"c.BoxedGrading.{name} = {value!r}\n" for name, value in told.items() if value is not None)
    if asked.database is not None:
        address = address_of(asked.database).render_as_string(hide_password=False)
        text += f"c.CourseDirectory.db_url = {address!r}\n"
    if asked.submitted is not None and asked.submitted.resolve() != (into / "submitted").resolve():
        text += f"c.CourseDirectory.submitted_directory = {str(asked.submitted.resolve())!r}\n"
    # Whoever has the seed can make the hidden panel, and the address of a database may hold a password.
    write_whole(into / CONFIGURATION, text, mode=0o600)


def source_configuration() -> str:
    """Return what nbgrader needs in the folder of a course, whose sources lie beside its configuration."""
    return _OF_A_COURSE.format(course_id=COURSE_ID) + _BOXED


def make_results(into: Path, database: str | None = None) -> None:
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
        require_gradebook(address_of(database or into / GRADEBOOK))
        into.parent.mkdir(parents=True, exist_ok=True)
        into.mkdir(mode=0o700, exist_ok=True)


def database_of(into: Path, given: str | None) -> str | None:
    """Return the address of the database that a folder's grades go to: the one given, or the one given before.

    Without any it is None, and the gradebook is a file in the folder.

    Raises
    ------
    GradebookError
        If grades are in another place already: there is one gradebook to a folder.
    FilingError
        If it cannot be kept.
    """
    path = into / "database.txt"
    with filing(into):
        kept = path.read_text(encoding="utf-8").strip() if path.is_file() else None
    if given is None or given == kept:
        return kept
    there = name_of(address_of(kept)) if kept else str(into / GRADEBOOK)
    if kept or (into / GRADEBOOK).exists():
        raise GradebookError(
            f"--db: the grades of {into} are in {there} already, and a class has one gradebook. Leave --db out, or "
            "name another folder with --into."
        )
    return given


def keep_database(into: Path, database: str | None) -> None:
    """Keep the address of the database with the results, for their owner alone: it may hold a password."""
    if database is not None:
        with filing(into):
            write_whole(into / "database.txt", f"{database}\n", mode=0o600)


def hidden_seed(into: Path, given: int | None, *, new: bool = True) -> int:
    """Return the seed of the hidden panel: the one given, or the one this folder's grades rest on.

    It is drawn once and kept with the gradebook, so that grading again gives the same grades. Whoever knows it can
    make the hidden panel; keep it from learners. Without ``new`` none is drawn.

    Raises
    ------
    CourseError
        If the file that keeps it is damaged, or there is none to be drawn.
    FilingError
        If it cannot be kept.
    """
    path = into / "hidden-seed.txt"
    if given is not None:
        return given
    if not new and not path.exists():
        raise CourseError(f"{path} is not there. Give --hidden-seed as mlm grade was given it.")
    try:
        with filing(into):
            if not path.exists():
                write_whole(path, f"{secrets.randbits(128)}\n", mode=0o600)
            return int(path.read_text(encoding="utf-8"))
    except ValueError:
        raise CourseError(f"{path}: this should hold one whole number. Restore it, or give --hidden-seed.") from None
