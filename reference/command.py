"""``mlm fit`` and ``mlm compare``: models fitted to a file, printed as a summary, as JSON, or side by side."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from reference.data.encoding import column_names
from reference.data.files import Decimal, read_file
from reference.data.formula import MixedModel, parse_formula
from reference.data.tables import CompleteRows, Missing, Table
from reference.fit import MixedFit, fit_mixed
from reference.inference.bootstrap import bootstrap_test
from reference.inference.group_uncertainty import probability_top, slope_intervals
from reference.inference.intervals import profile_intervals, wald_intervals
from reference.inference.ranking import slope_term
from reference.inference.variance import variance_shares
from reference.output.as_json import fit_record
from reference.output.summary import (
    render_anova,
    render_bootstrap,
    render_intervals,
    render_summary,
    share_lines,
    slope_lines,
)

# How many groups are the top, if there are as many.
TOP = 5
_BY_PROFILE = "the profile of the ML deviance"
_BY_WALD = "Wald's method, none where a random term lies on the boundary"


@dataclass(frozen=True)
class Reading:
    """How the rows of a file become those of a fit: see :func:`~reference.fit.fit_mixed`, and ``read_file``.

    ``weights`` is a column, or empty.
    """

    weights: str = ""
    missing: Missing = "drop"
    collinear: Literal["drop", "raise"] = "raise"
    decimal: Decimal | None = None

    def table(self, path: Path, *formulas: str) -> tuple[Table, list[MixedModel]]:
        """Return the table in a file, or the path where it is read piece by piece, and the models of it."""
        models = [replace(parse_formula(formula), weights=self.weights) for formula in formulas]
        frame = read_file(path, models, self.decimal)
        known = () if frame is None else frame.columns
        return path if frame is None else frame, [model.spelled_out(known) for model in models]

    def fit(self, table: Table, model: MixedModel, *, reml: bool) -> MixedFit:
        """Return the fit of a model to the table."""
        return fit_mixed(table, model, reml=reml, missing=self.missing, collinear=self.collinear)


def fit_file(
    path: Path,
    formula: str,
    *,
    reml: bool,
    reading: Reading = Reading(),
    as_json: bool = False,
    kenward_roger: bool = False,
    shares: bool = False,
    level: float | None = None,
    wald: bool = False,
    slopes: str | None = None,
) -> None:
    """Fit a model to a file, and print it.

    Parameters
    ----------
    path : Path
        As for :func:`~reference.data.files.read_file`, or else Parquet, read piece by piece.
    formula : str
        As for :func:`~reference.data.formula.parse_formula`.
    reading : Reading
        How the file is read, and which rows and columns are left out.
    reml, as_json, kenward_roger, shares, level, wald, slopes
        What ``mlm fit`` offers, explained in its help; ``level`` is that of the intervals, or None for no intervals.

    Raises
    ------
    MultilevelError
        If the formula is not understood, the file cannot be read, or the model cannot be fitted to it.
    """
    table, (model,) = reading.table(path, formula)
    fit = reading.fit(table, model, reml=reml)
    if as_json:
        sys.stdout.write(json.dumps(fit_record(fit), indent=2) + "\n")
        return
    parts = [render_summary(fit, kenward_roger=kenward_roger)]
    if shares:
        lines = share_lines({"": variance_shares(fit)})
        parts.append("\n".join(["ICC and R² after Nakagawa and Johnson:", *lines]) + "\n")
    if level is not None:
        intervals, how = (wald_intervals, _BY_WALD) if wald else (profile_intervals, _BY_PROFILE)
        parts.append(f"{level:.4g} confidence intervals by {how}:\n" + render_intervals(intervals(fit, level)))
    if slopes is not None:
        parts.append(_slopes(fit, slopes))
    sys.stdout.write("\n".join(parts))


def compare_file(
    path: Path,
    smaller: str,
    larger: str,
    *,
    draws: int,
    seed: int,
    reading: Reading = Reading(),
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> None:
    """Fit two nested models by ML to the rows of a file that are complete for both, and print their comparison.

    Parameters
    ----------
    path : Path
        As for :func:`fit_file`; a comparison needs all rows in memory.
    smaller, larger : str
        Formulas, in either order.
    reading : Reading
        As for :func:`fit_file`.
    draws, seed, progress
        As for :func:`~reference.inference.bootstrap.bootstrap_test`; without draws there is no bootstrap.

    Raises
    ------
    MultilevelError
        As for :func:`fit_file`, or if the models are not nested.
    """
    table, models = reading.table(path, smaller, larger)
    frame = table if isinstance(table, pd.DataFrame) else pd.read_parquet(path)
    names = list(dict.fromkeys(name for model in models for name in column_names(model)))
    complete = CompleteRows(names, reading.missing)
    frame = complete.of(frame)
    fits = (reading.fit(frame, model, reml=False) for model in models)
    few, many = sorted(fits, key=lambda fit: fit.n_parameters)
    if complete.left_out.rows:
        sys.stdout.write(f"{complete.left_out}. Both models are fitted to the others.\n\n")
    sys.stdout.write(render_anova(few, many))
    if draws:
        sys.stdout.write("\n" + render_bootstrap(bootstrap_test(few, many, draws=draws, seed=seed, progress=progress)))


def _slopes(fit: MixedFit, predictor: str) -> str:
    term = slope_term(fit, predictor)
    count = min(TOP, len(term.levels))
    title = f"Slopes of {predictor} by {term.group}, and the probability of each to be among the {count} steepest:"
    rows, chances = slope_intervals(fit, predictor), probability_top(fit, predictor, count)
    return "\n".join([title, *slope_lines(term.group, rows, chances, count)]) + "\n"
