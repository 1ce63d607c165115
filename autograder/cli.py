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
from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.interruptions import Interrupted, heeded
from autograder.errors import OurFault, UsageError

NEEDS_PERSON, USAGE, BROKEN = 1, 2, 3

#: A full disk, a used up quota, a file system that is only read.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def _exit_with(code: int) -> None:
    raise typer.Exit(code)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Import without looking for garbage: there is none, and the search takes a tenth of the time of a small fit."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


app = typer.Typer(
    name="mlm",
    result_callback=_exit_with,
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

AssignmentArgument = Annotated[str, typer.Argument(help="Name of the assignment, a folder in solutions/.")]
CourseOption = Annotated[
    Path | None,
    typer.Option("--course", help="The course folder; else the one around the current folder.", show_default=False),
]
IntoOption = Annotated[Path, typer.Option("--into", help="Where gradebook.db, autograded/ and feedback/ go.")]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--hidden-seed", min=0, help="Seed of the hidden panel; else one is drawn once and kept.", show_default=False
    ),
]
LanguageOption = Annotated[
    str | None,
    typer.Option(
        "--language", envvar="MLM_LANGUAGE", help="Of the feedback, such as de; else the rubric's.", show_default=False
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Boxes at a time; else one per processor.", show_default=False)
]


@app.command(epilog="Example: mlm grade practice --submitted submitted/ --into grading/")
def grade(
    assignment: AssignmentArgument,
    submitted: Annotated[Path, typer.Option("--submitted", help="Folder with one folder per learner.")],
    into: IntoOption = Path("grading"),
    course: CourseOption = None,
    hidden_seed: SeedOption = None,
    workers: WorkersOption = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="Learners have panels of their own, from mlm handout.")
    ] = False,
    language: LanguageOption = None,
) -> int:
    """Grade a class, each learner in the box, on the known panel and on a hidden one."""
    with heeded():
        from autograder.commands import grade as command
        from autograder.commands.console import course_at

        return command.grade(
            course_at(course),
            assignment,
            submitted,
            into,
            hidden_seed=hidden_seed,
            workers=workers,
            personal=personal,
            language=language,
        )


@app.command(epilog="Example: mlm handout practice --learners names.txt --into handout/")
def handout(
    assignment: AssignmentArgument,
    learners: Annotated[Path, typer.Option("--learners", help="A text with a learner's name to a line.")],
    into: Annotated[Path, typer.Option("--into", help="Where the folders of the learners go.")] = Path("handout"),
    course: CourseOption = None,
) -> int:
    """Write the released notebooks for each learner, with a panel that nobody else has."""
    from autograder.commands import handout as command
    from autograder.commands.console import course_at

    return command.handout(course_at(course), assignment, learners, into)


@app.command(epilog="Example: mlm release practice")
def release(
    assignment: AssignmentArgument,
    course: CourseOption = None,
    panels: Annotated[int, typer.Option("--panels", min=1, help="Hidden panels to prove it on.")] = 20,
    workers: WorkersOption = None,
) -> int:
    """Prove that an assignment grades as it should, and make the learners' notebooks in exercises/ from solutions/."""
    from autograder.commands import release as command
    from autograder.commands.console import course_at

    return command.release(course_at(course), assignment, panels=panels, workers=workers)


@app.command(epilog="Example: mlm check exercises/practice/task1-icc.ipynb")
def check(
    notebook: Annotated[Path, typer.Argument(help="A notebook of an assignment, under its own name.")],
    course: CourseOption = None,
    language: LanguageOption = None,
) -> int:
    """Run one notebook and say how each answer fares; for learners.

    Exit code 0: every answer is right. 1: something is not, or is for a person to read.
    """
    from autograder.assignment.course import find_course
    from autograder.commands import check as command

    return command.check(find_course(course) if course else None, notebook, language)


@app.command(epilog="Example: mlm study my-course --language de")
def study(
    folder: Annotated[Path, typer.Argument(help="Where the exercises go; what is there stays.")] = Path("mlm-study"),
    jupyter: Annotated[
        list[str] | None, typer.Argument(help="Options for JupyterLab, after --.", metavar="[-- OPTIONS]")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Of JupyterLab.", show_default=False)
    ] = None,
    copy_only: Annotated[bool, typer.Option("--copy-only", help="Start nothing, for VS Code and others.")] = False,
    language: LanguageOption = None,
    course: CourseOption = None,
) -> int:
    """Copy the exercises into a folder to study on your own, and open JupyterLab on them."""
    from autograder.tutor import study

    arguments = study.options(port=port, browser=browser, more=jupyter or ())
    return study.study(course, folder, language, None if copy_only else arguments)


@panels_app.command("certify", hidden=True)  # its name in version 0.1
@panels_app.command("check", epilog="Example: mlm panels check 100 --confusion")
def check_panels(
    count: Annotated[int, typer.Argument(min=1, help="How many seeds to examine.")],
    assignment: Annotated[str, typer.Option("--assignment", help="Name of the assignment.")] = "practice",
    first: Annotated[int, typer.Option("--first", min=0, help="The first seed.")] = 0,
    confusion: Annotated[bool, typer.Option("--confusion", help="Print what each answer is taken for.")] = False,
    course: CourseOption = None,
) -> int:
    """Say how many seeds give a panel on which right and wrong answers are told apart, and why the rest do not."""
    from autograder.commands import release as command
    from autograder.commands.console import course_at

    return command.check_panels(course_at(course), assignment, count, first, confusion=confusion)


@app.command(epilog="Example: mlm doctor")
def doctor(course: CourseOption = None) -> int:
    """Try to get out of the box, and say which of its walls hold here."""
    from autograder.commands import doctor as command
    from autograder.commands.console import course_at

    return command.doctor(course_at(course))


@app.command(epilog="Example: mlm demo --into build/demo")
def demo(
    into: Annotated[Path, typer.Option("--into", help="Where the sample class and its grades go.")] = Path(
        "build/demo"
    ),
    course: CourseOption = None,
    workers: WorkersOption = None,
) -> int:
    """Build a class of sample submissions, grade it, and say where the pages are."""
    with heeded():
        from autograder.commands import grade as command
        from autograder.commands.console import course_at

        return command.demo(course_at(course), into, workers=workers)


@app.command(
    epilog="Example: mlm fit sales.csv 'sales ~ week + youtube + (1 + youtube | store_id)' --json. "
    "The formula is lme4's: (1 | g), (x | g), (0 + x | g), (1 + x || g), (1 | a/b), (1 | a) + (1 | b)."
)
def fit(
    table: Annotated[Path, typer.Argument(help="A CSV file, or a Parquet file or folder.", metavar="FILE")],
    formula: Annotated[str, typer.Argument(help="The model, in quotes.")],
    ml: Annotated[bool, typer.Option("--ml", help="Maximum likelihood; else REML.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every number as JSON.")] = False,
    intervals: Annotated[
        float | None,
        typer.Option("--intervals", help="Print confidence intervals of this level, such as 0.95.", show_default=False),
    ] = None,
    wald: Annotated[
        bool, typer.Option("--wald", help="The intervals by Wald's method; else by the profile likelihood.")
    ] = False,
    shares: Annotated[bool, typer.Option("--shares", help="Print ICC and R².")] = False,
    slopes: Annotated[
        str | None,
        typer.Option(
            "--slopes",
            metavar="PREDICTOR",
            help="Print each group's slope of this, and how likely it is among the five steepest.",
            show_default=False,
        ),
    ] = None,
    kenward_roger: Annotated[
        bool, typer.Option("--kenward-roger", help="Tests by Kenward and Roger; else by Satterthwaite.")
    ] = False,
) -> int:
    """Fit a linear mixed model to a table, and print the summary that lme4's readers know."""
    with _without_collecting():
        from reference.command import fit_file
        from reference.errors import MultilevelError

    if as_json and (kenward_roger or shares or intervals is not None or slopes is not None):
        raise UsageError("--json always prints the same numbers; leave out what changes the summary, or --json.")
    if wald and intervals is None:
        raise UsageError("--wald says how intervals are computed; say their level too, such as --intervals 0.95.")
    try:
        fit_file(
            table,
            formula,
            reml=not ml,
            as_json=as_json,
            kenward_roger=kenward_roger,
            shares=shares,
            level=intervals,
            wald=wald,
            slopes=slopes,
        )
    except MultilevelError as error:
        raise UsageError(str(error)) from error
    return 0


@app.command(
    epilog="Example: mlm compare sales.csv 'sales ~ youtube + (1 | store_id)' "
    "'sales ~ youtube + (1 + youtube | store_id)' --bootstrap 1000"
)
def compare(
    table: Annotated[Path, typer.Argument(help="A CSV file.", metavar="FILE")],
    smaller: Annotated[str, typer.Argument(help="One model, in quotes.")],
    larger: Annotated[str, typer.Argument(help="The other; one must contain the other.")],
    bootstrap: Annotated[int, typer.Option("--bootstrap", min=0, help="Simulated tests; 0 for none.")] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the simulated tests.")] = 0,
) -> int:
    """Compare two nested models by a likelihood-ratio test, on the boundary too."""
    from rich.console import Console
    from rich.progress import track

    with _without_collecting():
        from reference.command import compare_file
        from reference.errors import MultilevelError

    console = Console(stderr=True)
    try:
        compare_file(
            table,
            smaller,
            larger,
            draws=bootstrap,
            seed=seed,
            progress=lambda draws: track(draws, description="Simulating", console=console, transient=True),
        )
    except MultilevelError as error:
        raise UsageError(str(error)) from error
    return 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, with every error of ours as one sentence and an exit code."""
    # What checks the form of notebooks would spend seconds on grammars of web addresses, of which they have none.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    try:
        app(args=arguments)
    except UsageError as error:
        print(f"mlm: {error}", file=sys.stderr)
        sys.exit(USAGE)
    except OurFault as error:
        print(f"mlm: {error}", file=sys.stderr)
        sys.exit(BROKEN)
    except Interrupted as interrupted:
        print(f"mlm: {interrupted}", file=sys.stderr)
        sys.exit(interrupted.exit_code)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            where = error.filename or "what is printed"
            print(f"mlm: {where}: {error.strerror}. Make room, and give the same command again.", file=sys.stderr)
            sys.exit(USAGE)
        # Python would end with 1, which says here that a person must read something.
        traceback.print_exc()
        print(
            "mlm: this is a fault of ours, and nobody's mark. Please report it with the lines above.", file=sys.stderr
        )
        sys.exit(BROKEN)
