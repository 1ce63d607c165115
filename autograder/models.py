"""``mlm fit``, ``mlm compare`` and ``mlm predict``: what they are given. What they do is in `reference.command`."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option

from autograder.errors import UsageError

if TYPE_CHECKING:
    from reference.command import Reading

app = typer.Typer(rich_markup_mode=None)

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
    by: Annotated[
        str | None,
        Option(metavar="GROUP", help="With --slopes: of which groups, where the slope varies by several factors."),
    ] = None,
    kenward_roger: Annotated[
        bool, Option("--kenward-roger", help="Tests by Kenward and Roger; else by Satterthwaite.")
    ] = False,
    terms: Annotated[bool, Option("--terms", help="Print the F test of each term, of type III.")] = False,
    bootstrap: Annotated[int, Option(min=0, help="With --shares: intervals from so many simulated responses.")] = 0,
    seed: Annotated[int, Option(min=0, help="Of the simulated responses.")] = 0,
    plot: Annotated[Path | None, Option(metavar="PICTURE", help="Save residual plots, such as residuals.png.")] = None,
) -> int:
    """Fit a linear mixed model to a table, and print the summary that lme4's readers know."""
    if as_json and (kenward_roger or shares or terms or intervals is not None or slopes is not None):
        raise UsageError("--json always prints the same numbers; leave out what changes the summary, or --json.")
    if wald and intervals is None:
        raise UsageError("--wald says how intervals are computed; say their level too, such as --intervals 0.95.")
    if by is not None and slopes is None:
        raise UsageError("--by says whose slopes are printed; say of which predictor too, by --slopes.")
    if bootstrap and not shares:
        raise UsageError("--bootstrap is for the intervals of ICC and R²; give --shares too.")
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
            by=by,
            terms=terms,
            draws=bootstrap,
            seed=seed,
            plot=plot,
            progress=_simulating() if bootstrap else iter,
        )
    return 0


@app.command(
    epilog="Example: mlm predict sales.csv 'sales ~ youtube + (1 + youtube | store_id)' --new week.csv --into sold.csv"
)
def predict(
    table: TableArgument,
    formula: Annotated[str, Argument(help="The model, in quotes.")],
    new: Annotated[Path | None, Option(help="The file whose rows to predict; else FILE.", metavar="FILE")] = None,
    into: Annotated[Path | None, Option(help="The CSV file to write; else it is printed.", metavar="FILE")] = None,
    level: Annotated[float, Option(help="Of the intervals.")] = 0.95,
    no_intervals: Annotated[
        bool,
        Option("--no-intervals", help="Predictions alone; without this, at most 3,000 effects of crossed factors."),
    ] = False,
    new_groups: Annotated[bool, Option("--new-groups", help="Predict every row as one of a group not seen.")] = False,
    weights: WeightsOption = "",
    missing: MissingOption = "drop",
    collinear: CollinearOption = "refuse",
    decimal: DecimalOption = None,
    ml: Annotated[bool, Option("--ml", help="Maximum likelihood; else REML.")] = False,
) -> int:
    """Predict rows with intervals: of the groups that the model was fitted to, and of new ones."""
    with _engine():
        from reference.command import predict_file

        reading = _reading(weights, missing, collinear, decimal)
        predict_file(
            table,
            formula,
            new,
            into,
            level=None if no_intervals else level,
            new_groups=new_groups,
            reml=not ml,
            reading=reading,
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
    with _engine():
        from reference.command import compare_file

        reading = _reading(weights, missing, collinear, decimal)
        compare_file(table, smaller, larger, reading=reading, draws=bootstrap, seed=seed, progress=_simulating())
    return 0


def _simulating() -> Callable[[Iterable[int]], Iterable[int]]:
    """Return what wraps long work in a bar."""
    from rich.console import Console
    from rich.progress import track

    return partial(track, description="Simulating", console=Console(stderr=True), transient=True)
