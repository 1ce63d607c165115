"""What a teacher has at the desk, as words of the command `mlm`: grading a class, its pages, marks for elsewhere."""

# Each command imports what it needs when it runs: the notebook libraries take seconds, and --help should not.

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from autograder.commands.interruptions import heeded
from autograder.errors import UsageError

if TYPE_CHECKING:
    from autograder.assignment.course import Course

app = typer.Typer(rich_markup_mode=None)

AssignmentArgument = Annotated[str, Argument(help="Name of the assignment, a folder of the course.")]
CourseOption = Annotated[Path | None, Option(help="The folder with course.toml; else the current folder.")]
IntoOption = Annotated[Path, Option(help="Where gradebook.db, autograded/ and feedback/ go.")]
SeedOption = Annotated[int | None, Option(min=0, help="Seed of the hidden panel; else one is drawn once and kept.")]
LanguageOption = Annotated[
    str | None, Option(envvar="MLM_LANGUAGE", help="Of the feedback, such as de; else the rubric's.")
]
DatabaseOption = Annotated[
    str | None, Option(metavar="ADDRESS", help="Of the gradebook, postgresql://user@host/name; else a file in --into.")
]
WorkersOption = Annotated[int | None, Option(min=1, help="Boxes at a time; else one per processor.")]


def course_at(folder: Path | None) -> Course:
    """Return the course that a folder is, or that the current one is."""
    from autograder.assignment.course import find_course

    return find_course(folder or Path.cwd())


def require_linux(command: str) -> None:
    """Raise UsageError where there can be no box: what it is made of, Linux alone has."""
    if sys.platform != "linux":
        raise UsageError(
            f"mlm {command} runs notebooks in the box, which needs Linux; on Windows, WSL is one. The check cells of a "
            "notebook, and mlm study, work here all the same."
        )


@app.command(epilog="Example: mlm grade practice --submitted submitted/ --into grading/ --course solutions/")
def grade(
    assignment: AssignmentArgument,
    submitted: Annotated[
        Path,
        Option(
            help="A folder with one per learner, a zip as Canvas, Moodle and others give it, or nbgrader's inbound."
        ),
    ],
    into: IntoOption = Path("grading"),
    course: CourseOption = None,
    hidden_seed: SeedOption = None,
    workers: WorkersOption = None,
    personal: Annotated[
        bool, Option("--personal", help="Learners have panels of their own, from mlm handout.")
    ] = False,
    roster: Annotated[
        Path | None, Option(help="The class: names, or a CSV export; who is whose, and who is missing.")
    ] = None,
    student: Annotated[list[str] | None, Option(help="Grade this learner alone; may be given again.")] = None,
    language: LanguageOption = None,
    db: DatabaseOption = None,
    force: Annotated[bool, Option("--force", help="Run everything anew, unchanged notebooks too.")] = False,
    local_cluster: Annotated[
        bool, Option("--local-cluster", help="Run notebooks in so many Dask workers on this machine.")
    ] = False,
    scheduler: Annotated[
        str | None, Option(metavar="ADDRESS", help="Run notebooks on the workers of a Dask scheduler, tls://HOST:8786.")
    ] = None,
    certificate: Annotated[
        Path | None, Option(metavar="FILE", help="What lets into that cluster, from mlm certificate.")
    ] = None,
) -> int:
    """Grade a class, each learner in the box, on the known panel and on a hidden one."""
    require_linux("grade")
    with heeded():
        from autograder.commands import grade as command
        from autograder.commands.cluster import Workers
        from autograder.results.folder import Asked

        asked = Asked(None, submitted, hidden_seed, language, personal, db, force)
        where = Workers(workers, local_cluster, scheduler, certificate)
        return command.grade(course_at(course), assignment, asked, into, student or (), where, roster)[0]


@app.command(epilog="Example: mlm certificate --to cluster.pem")
def certificate(
    to: Annotated[Path, Option(metavar="FILE", help="The file to write, for your account alone.")] = Path(
        "mlm-cluster.pem"
    ),
) -> int:
    """Make what encrypts a cluster of yours and keeps others out, and say how its machines are started."""
    from autograder.commands import cluster as command

    return command.certificate(to)


@app.command(epilog="Example: mlm status --into grading/")
def status(into: IntoOption = Path("grading")) -> int:
    """Say how far the grading into a folder is, from another terminal, or how it ended and what to type to go on.

    Exit code 1: it was stopped or killed, or somebody could not be graded.
    """
    require_linux("status")
    from autograder.commands import status as command

    return command.status(into)


@app.command(epilog="Example: mlm handout practice --learners names.txt --into handout/ --course solutions/")
def handout(
    assignment: AssignmentArgument,
    learners: Annotated[Path, Option(help="The class: a name to a line, or a CSV export.")],
    into: Annotated[Path, Option(help="Where the folders of the learners go.")] = Path("handout"),
    course: CourseOption = None,
) -> int:
    """Write the released notebooks for each learner, with a panel that nobody else has."""
    from autograder.commands import handout as command

    return command.handout(course_at(course), assignment, learners, into)


@app.command(epilog="Example: mlm feedback practice --into grading/ --course solutions/")
def feedback(
    assignment: AssignmentArgument,
    into: IntoOption = Path("grading"),
    course: CourseOption = None,
    language: LanguageOption = None,
    db: DatabaseOption = None,
) -> int:
    """Write all pages anew from the gradebook, with what a person gave since; nothing is run.

    Exit code 1: something is still to be read by a person.
    """
    with heeded():
        from autograder.commands import desk as command

        return command.feedback(course_at(course), assignment, into, db, language)


@app.command(epilog="Example: mlm regrade practice --into grading/ --course solutions/")
def regrade(
    assignment: AssignmentArgument,
    dry_run: Annotated[bool, Option("--dry-run", help="Show who would move; this is what it does by itself.")] = False,
    apply: Annotated[bool, Option("--apply", help="Write it into the gradebook and the pages.")] = False,
    undo: Annotated[bool, Option("--undo", help="Take back what was applied last.")] = False,
    into: IntoOption = Path("grading"),
    course: CourseOption = None,
    hidden_seed: Annotated[int | None, Option(min=0, help="As mlm grade was given it, if it was.")] = None,
    db: DatabaseOption = None,
) -> int:
    """Show who moves by a changed assignment or policy, from what to what and why; no notebook is run.

    Exit code 0: nobody moves, or it is applied. 1: somebody moves, or cannot be regraded from what is stored.
    """
    with heeded():
        from autograder.commands import regrade as command

        if dry_run + apply + undo > 1:
            raise UsageError("--dry-run, --apply and --undo: give the command once with each.")
        return command.regrade(course_at(course), assignment, into, db, command.Asked(apply, undo, hidden_seed))


@app.command(epilog="Example: mlm marks practice --fill canvas-export.csv --into grading/ --course solutions/")
def marks(
    assignment: AssignmentArgument,
    fill: Annotated[Path | None, Option(help="Your export of Canvas, or Moodle's grading worksheet.")] = None,
    column: Annotated[str | None, Option(help="Heading of the column to fill, if it is not the assignment's.")] = None,
    so_far: Annotated[bool, Option("--so-far", help="Fill in scores with something still to be read, too.")] = False,
    pages: Annotated[Path | None, Option(help="Moodle's worksheet: makes a zip of feedback pages for it.")] = None,
    to: Annotated[Path | None, Option(help="File to write; else one in --into.")] = None,
    into: IntoOption = Path("grading"),
    course: CourseOption = None,
    db: DatabaseOption = None,
) -> int:
    """Give marks back to Canvas or Moodle, one column of your own file filled; or as a table with all that is known.

    Exit code 1: somebody waits for a person, or is not in the file.
    """
    with heeded():
        from autograder.commands import desk as command

        asked = command.GivenBack(fill, column, pages, to, so_far)
        return command.marks(course_at(course), assignment, into, db, asked)


@app.command(epilog="Example: mlm forget ada --into grading/ --course solutions/")
def forget(
    learner: Annotated[str, Argument(help="The name that the learner's results are filed under.")],
    into: IntoOption = Path("grading"),
    course: CourseOption = None,
    db: DatabaseOption = None,
) -> int:
    """Remove every trace of a learner from a results folder: grades, pages, notebooks, runs, what was collected."""
    with heeded():
        from autograder.commands import desk as command

        return command.forget(course_at(course), learner, into, db)
