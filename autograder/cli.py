"""The command `mlm`: its words and its exit codes. What it does is in `autograder.commands`.

Exit codes: 0 all graded; 1 something needs a person; 2 what was asked cannot be done as asked; 3 the box is not safe,
or something of ours is broken; 128 and a signal's number: that signal ended it.
"""

# Each command imports what it needs when it runs: the notebook libraries take seconds, and --help should not.

from __future__ import annotations

import errno
import gc
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer
from typer import Argument, Option

from autograder import desk
from autograder.commands.interruptions import Interrupted, heeded
from autograder.desk import AssignmentArgument, CourseOption, LanguageOption, WorkersOption, course_at, require_linux
from autograder.errors import OurFault, UsageError

if TYPE_CHECKING:
    from reference.command import Reading

USAGE, BROKEN = 2, 3

#: What `pip install mlm-course` leaves out, as it is imported: it is for teachers, or is there on Linux alone.
_TEACHERS = frozenset(
    {"fcntl", "mistune", "nbconvert", "nbformat", "nbgrader", "nh3", "psutil", "pyseccomp", "sqlalchemy"}
)

#: A full disk, a used up quota, a file system that is only read.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@contextmanager
def _engine() -> Iterator[None]:
    """Import the engine, and take what it refuses for something that was asked in the wrong way.

    Nothing looks for garbage meanwhile: there is none, and the search takes a tenth of the time of a small fit.
    """
    gc.disable()
    try:
        from reference.errors import MultilevelError
    finally:
        gc.enable()
    try:
        yield
    except MultilevelError as error:
        raise UsageError(str(error)) from error


app = typer.Typer(
    name="mlm",
    result_callback=sys.exit,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Grade, release and check the exercises of a course in multilevel modelling.",
    epilog="Exit codes: 0 all graded; 1 something needs a person; 2 not possible as asked; "
    "3 the box is not safe, or we are broken.",
)

panels_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Examine the panels that grading draws.")
app.add_typer(panels_app, name="panels")

TableArgument = Annotated[
    Path,
    Argument(help="A CSV, text or Excel file, or a Parquet file or folder; - is standard input.", metavar="FILE"),
]
WeightsOption = Annotated[str, Option(metavar="COLUMN", help="Residual variances are divided by this.")]
MissingOption = Annotated[
    Literal["drop", "refuse"], Option(help="Leave rows with gaps out, and say how many; or refuse them.")
]
CollinearOption = Annotated[
    Literal["drop", "refuse"], Option(help="Refuse fixed effects that others determine; or leave them out, and say so.")
]
DecimalOption = Annotated[
    Literal[".", ","] | None, Option(help="The decimal mark of the file; the other one stands between thousands.")
]

app.add_typer(desk.app)


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


def _reading(weights: str, missing: str, collinear: str, decimal: Literal[".", ","] | None) -> Reading:
    from reference.command import Reading

    return Reading(
        weights, "drop" if missing == "drop" else "raise", "drop" if collinear == "drop" else "raise", decimal
    )


@app.command(
    epilog="Example: mlm fit sales.csv 'sales ~ week + youtube + (1 + youtube | store_id)' --json. "
    "The formula is lme4's: (1 | g), (x | g), (0 + x | g), (1 + x || g), (1 | a/b), (1 | a) + (1 | b)."
)
def fit(
    table: TableArgument,
    formula: Annotated[str, Argument(help="The model, in quotes.")],
    weights: WeightsOption = "",
    missing: MissingOption = "drop",
    collinear: CollinearOption = "refuse",
    decimal: DecimalOption = None,
    ml: Annotated[bool, Option("--ml", help="Maximum likelihood; else REML.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print every number as JSON.")] = False,
    intervals: Annotated[float | None, Option(help="Print confidence intervals of this level, such as 0.95.")] = None,
    wald: Annotated[
        bool, Option("--wald", help="The intervals by Wald's method; else by the profile likelihood.")
    ] = False,
    shares: Annotated[bool, Option("--shares", help="Print ICC and R².")] = False,
    slopes: Annotated[
        str | None,
        Option(
            metavar="PREDICTOR", help="Print each group's slope of this, and how likely it is among the five steepest."
        ),
    ] = None,
    kenward_roger: Annotated[
        bool, Option("--kenward-roger", help="Tests by Kenward and Roger; else by Satterthwaite.")
    ] = False,
) -> int:
    """Fit a linear mixed model to a table, and print the summary that lme4's readers know."""
    if as_json and (kenward_roger or shares or intervals is not None or slopes is not None):
        raise UsageError("--json always prints the same numbers; leave out what changes the summary, or --json.")
    if wald and intervals is None:
        raise UsageError("--wald says how intervals are computed; say their level too, such as --intervals 0.95.")
    with _engine():
        from reference.command import fit_file

        fit_file(
            table,
            formula,
            reml=not ml,
            reading=_reading(weights, missing, collinear, decimal),
            as_json=as_json,
            kenward_roger=kenward_roger,
            shares=shares,
            level=intervals,
            wald=wald,
            slopes=slopes,
        )
    return 0


@app.command(
    epilog="Example: mlm compare sales.csv 'sales ~ youtube + (1 | store_id)' "
    "'sales ~ youtube + (1 + youtube | store_id)' --bootstrap 1000"
)
def compare(
    table: TableArgument,
    smaller: Annotated[str, Argument(help="One model, in quotes.")],
    larger: Annotated[str, Argument(help="The other; one must contain the other.")],
    weights: WeightsOption = "",
    missing: MissingOption = "drop",
    collinear: CollinearOption = "refuse",
    decimal: DecimalOption = None,
    bootstrap: Annotated[int, Option(min=0, help="Simulated tests; 0 for none.")] = 0,
    seed: Annotated[int, Option(min=0, help="Of the simulated tests.")] = 0,
) -> int:
    """Compare two nested models by a likelihood-ratio test, on the boundary too."""
    from rich.console import Console
    from rich.progress import track

    progress = partial(track, description="Simulating", console=Console(stderr=True), transient=True)
    with _engine():
        from reference.command import compare_file

        reading = _reading(weights, missing, collinear, decimal)
        compare_file(table, smaller, larger, reading=reading, draws=bootstrap, seed=seed, progress=progress)
    return 0


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
        if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in _TEACHERS:
            _end("this needs what is installed for teachers: pip install 'mlm-course[teach]'", USAGE)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            where = error.filename or "what is printed"
            _end(f"{where}: {error.strerror}. Make room, and give the same command again.", USAGE)
        # Python would end with 1, which says here that a person must read something.
        traceback.print_exc()
        _end("this is a fault of ours, and nobody's mark. Please report it with the lines above.", BROKEN)


def _end(said: object, code: int) -> NoReturn:
    print(f"mlm: {said}", file=sys.stderr)
    sys.exit(code)
