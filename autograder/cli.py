"""The command `mlm`: its words and its exit codes. What it does is in `autograder.commands`.

Exit codes: 0 all graded; 1 something needs a person; 2 what was asked cannot be done as asked; 3 the box is not safe,
or something of ours is broken; 128 and a signal's number: that signal ended it.
"""

# Each command imports what it needs when it runs: the notebook libraries take seconds, and --help should not.

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer import Argument, Option

from autograder import desk, models
from autograder.commands.interruptions import Interrupted, heeded
from autograder.desk import AssignmentArgument, CourseOption, LanguageOption, WorkersOption, course_at, require_linux
from autograder.errors import OurFault, UsageError

USAGE, BROKEN = 2, 3

#: What `pip install mlm-course` leaves out, as it is imported: it is for teachers, or is there on Linux alone.
_TEACHERS = frozenset(
    {"fcntl", "mistune", "nbconvert", "nbformat", "nbgrader", "nh3", "psutil", "pyseccomp", "sqlalchemy"}
)

#: What only grading on a cluster needs.
_CLUSTER = frozenset({"cryptography", "distributed"})

#: A full disk, a used up quota, a file system that is only read.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


app = typer.Typer(
    name="mlm",
    result_callback=lambda code, **_: sys.exit(code),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Grade, release and check the exercises of a course in multilevel modelling.",
    epilog="Exit codes: 0 all graded; 1 something needs a person; 2 not possible as asked; "
    "3 the box is not safe, or we are broken.",
)

panels_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Examine the panels that grading draws.",
    epilog="Example: mlm panels check 100 --course solutions/",
)
app.add_typer(panels_app, name="panels")
app.add_typer(desk.app)
app.add_typer(models.app)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"mlm {version('mlm-course')}")
        raise typer.Exit


@app.callback()
def _mlm(
    asked: Annotated[
        bool, Option("--version", is_eager=True, callback=_show_version, help="Print the version and end.")
    ] = False,
) -> None: ...


@app.command(epilog="Example: mlm release practice --course solutions/")
def release(
    assignment: AssignmentArgument,
    course: CourseOption = None,
    panels: Annotated[int, Option(min=1, help="Hidden panels to prove it on.")] = 20,
    workers: WorkersOption = None,
    play: Annotated[
        Path | None, Option(metavar="DIR", help="Write a page there, on which learners work in their browser.")
    ] = None,
    vendored: Annotated[
        bool, Option("--vendored", help="Put Python into that folder, too; else it is a CDN's.")
    ] = False,
    parts: Annotated[
        Path | None, Option("--from", metavar="DIR", help="A folder that has this Python, to fetch nothing.")
    ] = None,
) -> int:
    """Prove that an assignment grades as it should, and make the learners' notebooks from its source."""
    require_linux("release")
    from autograder.commands import release as command

    if play is None and (vendored or parts):
        raise UsageError("--vendored and --from say what the page of --play holds. Name its folder with --play.")
    done = command.release(course_at(course), assignment, panels=panels, workers=workers)
    return done if play is None else command.play(course_at(course), assignment, play, vendored=vendored, parts=parts)


@app.command(
    epilog='Example: mlm new my-course --data sleepstudy.csv --formula "Reaction ~ Days + (1 + Days | Subject)"'
)
def new(
    course: Annotated[Path, Argument(help="Folder of the course; one that is not there is made.", metavar="COURSE")],
    data: Annotated[Path, Option(help="The learners' table, a CSV file.", metavar="FILE")],
    formula: Annotated[str, Option(help="A mixed model of it, in quotes, as lme4 writes it.")],
    name: Annotated[str | None, Option(help="Of the assignment, a folder of the course; else the table's.")] = None,
    title: Annotated[str | None, Option(help="What pages call the assignment; else its name.")] = None,
    language: Annotated[str, Option(help="Of the notebooks and the feedback.")] = "en",
    workers: WorkersOption = None,
) -> int:
    """Make an assignment from a table and a formula: questions, notebooks with a solution, samples; and prove it."""
    require_linux("new")
    from autograder.commands import new as command

    return command.new(course, data, formula, name=name, title=title, language=language, workers=workers)


@app.command(epilog="Example: mlm check exercises/practice/task1-icc.ipynb")
def check(
    notebook: Annotated[Path, Argument(help="A notebook of an assignment, under any name.")],
    course: CourseOption = None,
    language: LanguageOption = None,
) -> int:
    """Run one notebook in the box, which needs Linux, and say how each answer fares; for learners.

    Exit code 0: every answer is right. 1: something is not, or is for a person to read.
    """
    require_linux("check")
    from autograder.commands import check as command

    return command.check(course_at(course) if course else None, notebook, language)


@app.command(epilog="Example: mlm study my-course --language de")
def study(
    folder: Annotated[Path, Argument(help="Where the exercises go; what is there stays.")] = Path("mlm-study"),
    jupyter: Annotated[
        list[str] | None, Argument(help="Options for JupyterLab, after --.", metavar="[-- OPTIONS]")
    ] = None,
    browser: Annotated[bool, Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    port: Annotated[int | None, Option(min=1, max=65535, help="Of JupyterLab.")] = None,
    copy_only: Annotated[bool, Option("--copy-only", help="Start nothing, for VS Code and others.")] = False,
    language: LanguageOption = None,
    course: CourseOption = None,
) -> int:
    """Copy the exercises into a folder to study on your own, and open JupyterLab on them."""
    from autograder.tutor import study

    arguments = study.options(port=port, browser=browser, more=jupyter or ())
    return study.study(course, folder, language, None if copy_only else arguments)


@panels_app.command("certify", hidden=True)  # its name in version 0.1
@panels_app.command("check", epilog="Example: mlm panels check 100 --confusion --course solutions/")
def check_panels(
    count: Annotated[int, Argument(min=1, help="How many seeds to examine.")],
    assignment: Annotated[str | None, Option(help="Name of the assignment; else the course's first.")] = None,
    first: Annotated[int, Option(min=0, help="The first seed.")] = 0,
    confusion: Annotated[bool, Option("--confusion", help="Print what each answer is taken for.")] = False,
    course: CourseOption = None,
) -> int:
    """Say how many seeds give a panel on which right and wrong answers are told apart, and why the rest do not."""
    from autograder.commands import release as command

    return command.check_panels(course_at(course), assignment, count, first, confusion=confusion)


@app.command(epilog="Example: mlm doctor")
def doctor(course: CourseOption = None) -> int:
    """Try to get out of the box, and say which of its walls hold here."""
    require_linux("doctor")
    from autograder.assignment.course import installed_course
    from autograder.commands import doctor as command

    return command.doctor(course_at(course) if course else installed_course())


@app.command(epilog="Example: mlm demo practice --into build/demo --course solutions/")
def demo(
    assignment: Annotated[str | None, Argument(help="Name of the assignment; else the course's first.")] = None,
    into: Annotated[Path, Option(help="Where the sample class and its grades go.")] = Path("build/demo"),
    course: CourseOption = None,
    workers: WorkersOption = None,
) -> int:
    """Build a class of sample submissions, grade it, and say where the pages are."""
    require_linux("demo")
    with heeded():
        from autograder.commands import grade as command

        return command.demo(course_at(course), assignment, into, workers=workers)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, with every error of ours as one sentence and an exit code."""
    # What checks the form of notebooks would spend seconds on grammars of web addresses, of which they have none.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    try:
        app(args=arguments)
    except UsageError as error:
        _end(error, USAGE)
    except OurFault as error:
        _end(error, BROKEN)
    except Interrupted as interrupted:
        _end(interrupted, interrupted.exit_code)
    except Exception as error:
        missing = (error.name or "").split(".")[0] if isinstance(error, ModuleNotFoundError) else ""
        if missing in _TEACHERS:
            _end("this needs what is installed for teachers: pip install 'mlm-course[teach]'", USAGE)
        if missing in _CLUSTER:
            _end("this needs what is installed for clusters: pip install 'mlm-course[teach,cluster]'", USAGE)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            where = error.filename or "what is printed"
            _end(f"{where}: {error.strerror}. Make room, and give the same command again.", USAGE)
        # Python would end with 1, which says here that a person must read something.
        traceback.print_exc()
        _end("this is a fault of ours, and nobody's mark. Please report it with the lines above.", BROKEN)


def _end(said: object, code: int) -> NoReturn:
    print(f"mlm: {said}", file=sys.stderr)
    sys.exit(code)
