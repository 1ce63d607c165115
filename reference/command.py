"""``mlm fit``, ``mlm compare`` and ``mlm predict``: models fitted to a file, and what is printed or written of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from reference.data.columns import require_column
from reference.data.encoding import column_names
from reference.data.formula import MixedModel, parse_formula
from reference.errors import TableError
from reference.fit import MixedFit, fit_mixed
from reference.inference.bootstrap import bootstrap_shares, bootstrap_test
from reference.inference.group_uncertainty import probability_top, slope_intervals
from reference.inference.intervals import profile_intervals, wald_intervals
from reference.inference.prediction import predict_intervals
from reference.inference.ranking import slope_term
from reference.inference.term_tests import term_tests
from reference.inference.variance import variance_shares
from reference.output.as_json import fit_record
from reference.output.plots import save_residual_plots
from reference.output.summary import (
    render_anova,
    render_bootstrap,
    render_intervals,
    render_summary,
    share_lines,
    slope_lines,
    term_lines,
)

Progress: TypeAlias = "Callable[[Iterable[int]], Iterable[int]]"

# Of intervals, where none is given.
LEVEL = 0.95
# How many groups are the top, if there are as many.
TOP = 5
# How the name of a CSV file ends; pandas unpacks the others.
_CSV = (".csv", ".csv.gz", ".csv.zip", ".csv.bz2", ".csv.xz")

_BY_PROFILE = "the profile of the ML deviance"
_BY_WALD = "Wald's method, none where a random term lies on the boundary"


def fit_file(
    path: Path,
    formula: str,
    *,
    reml: bool,
    as_json: bool = False,
    kenward_roger: bool = False,
    shares: bool = False,
    level: float | None = None,
    wald: bool = False,
    slopes: str | None = None,
    terms: bool = False,
    draws: int = 0,
    seed: int = 0,
    plot: Path | None = None,
    progress: Progress = iter,
) -> None:
    """Fit a model to a CSV file, or to a Parquet file or folder, and print it.

    Parameters
    ----------
    path : Path
        A file whose name ends in ``.csv`` or, packed, in such as ``.csv.gz``, or else Parquet, read piece by piece.
    formula : str
        As for :func:`~reference.data.formula.parse_formula`.
    reml, as_json, kenward_roger, shares, level, wald, slopes, terms, plot
        What ``mlm fit`` offers, explained in its help; ``level`` is that of the intervals, or None for no intervals.
    draws, seed, progress
        As for :func:`~reference.inference.bootstrap.bootstrap_shares`; without draws the shares have no intervals.

    Raises
    ------
    MultilevelError
        If the formula is not understood, the file cannot be read, or the model cannot be fitted to it.
    """
    model = parse_formula(formula)
    fit = fit_mixed(_read_csv(path, model) if path.name.lower().endswith(_CSV) else path, model, reml=reml)
    if plot is not None:
        save_residual_plots(fit, plot)
    if as_json:
        sys.stdout.write(json.dumps(fit_record(fit), indent=2) + "\n")
        return
    parts = [render_summary(fit, kenward_roger=kenward_roger)]
    if terms:
        how = "Kenward-Roger" if kenward_roger else "Satterthwaite"
        lines = term_lines(term_tests(fit, kenward_roger=kenward_roger))
        parts.append("\n".join([f"F tests of terms (type III) by {how}'s method:", *lines]) + "\n")
    if shares:
        lines = share_lines({"": variance_shares(fit)})
        parts.append("\n".join(["ICC and R² after Nakagawa and Johnson:", *lines]) + "\n")
    if draws:
        rows = bootstrap_shares(fit, level or LEVEL, draws=draws, seed=seed, progress=progress)
        title = f"{level or LEVEL:.4g} confidence intervals of these by {draws} simulated responses:\n"
        parts.append(title + render_intervals(rows))
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
    progress: Progress = iter,
) -> None:
    """Fit two nested models to a file by ML, and print their likelihood-ratio test.

    Parameters
    ----------
    path : Path
        A CSV file; a comparison needs all rows in memory.
    smaller, larger : str
        Formulas, in either order.
    draws, seed, progress
        As for :func:`~reference.inference.bootstrap.bootstrap_test`; without draws there is no bootstrap.

    Raises
    ------
    MultilevelError
        As for :func:`fit_file`, or if the models are not nested.
    """
    models = [parse_formula(formula) for formula in (smaller, larger)]
    frame = _read_csv(path, *models)
    few, many = sorted((fit_mixed(frame, model, reml=False) for model in models), key=lambda fit: fit.n_parameters)
    sys.stdout.write(render_anova(few, many))
    if draws:
        sys.stdout.write("\n" + render_bootstrap(bootstrap_test(few, many, draws=draws, seed=seed, progress=progress)))


def predict_file(
    path: Path, formula: str, new: Path | None, into: Path | None, *, level: float, new_groups: bool, reml: bool
) -> None:
    """Fit a model to a CSV file, and write predictions of its rows, or of another file's, as CSV.

    Parameters
    ----------
    path : Path
        The file to fit.
    formula : str
        As for :func:`fit_file`.
    new, into : Path or None
        The file to predict, the one to write; without them the file itself, and the standard output.
    level, new_groups
        As for :func:`~reference.inference.prediction.predict_intervals`, whose columns come behind those of the file.
    reml : bool
        As for :func:`fit_file`.

    Raises
    ------
    MultilevelError
        As for :func:`fit_file`, or if the predictions cannot be made or written.
    """
    model = parse_formula(formula)
    rows = fitted = _read_csv(path, model)
    fit = fit_mixed(fitted, model, reml=reml)
    if new is not None:
        # The response need not be there.
        rows = _read_csv(new, replace(model, response="1"), grouped=not new_groups)
    found = predict_intervals(fit, rows, level, new_groups=new_groups)
    twice = [name for name in found.columns if name in rows.columns]
    if twice:
        raise TableError(
            f"{new or path} has a column {twice[0]!r} already, as a prediction would be called; rename it."
        )
    table = pd.concat([rows, found], axis=1).to_csv(index=False, lineterminator="\n")
    if into is None:
        sys.stdout.write(table)
        return
    try:
        into.write_text(table, encoding="utf-8")
    except OSError as error:
        raise TableError(f"{into} cannot be written ({error.strerror}); check the folder.") from error


def _slopes(fit: MixedFit, predictor: str) -> str:
    term = slope_term(fit, predictor)
    count = min(TOP, len(term.levels))
    title = f"Slopes of {predictor} by {term.group}, and the probability of each to be among the {count} steepest:"
    rows, chances = slope_intervals(fit, predictor), probability_top(fit, predictor, count)
    return "\n".join([title, *slope_lines(term.group, rows, chances, count)]) + "\n"


def _read_csv(path: Path, *models: MixedModel, grouped: bool = True) -> pd.DataFrame:
    """Return a CSV file's table, fit for the models; ids with leading zeros stay as they are written.

    Unless ``grouped``, the columns of groups need not be there.
    """
    ids = {name: str for model in models for group in model.groups for name in group}
    names = list(dict.fromkeys(name for model in models for name in column_names(model, grouped=grouped)))
    try:
        header = pd.read_csv(path, encoding="utf-8-sig", header=None, nrows=1, dtype=str, keep_default_na=False)
        # In one go, as in parts a column of codes could be numbers in one and text in another.
        frame = pd.read_csv(path, encoding="utf-8-sig", dtype=ids, low_memory=False)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        reason = " ".join(str(error).split())
        raise TableError(f"{path} cannot be read as CSV ({reason}); check the path and the format.") from error
    _check_layout(path, header.iloc[0].tolist(), frame, names)
    for name in ids:
        if name in frame.columns:
            frame[name] = _as_numbers(frame[name])
    for name in names:
        require_column(frame, name)
    return frame


def _check_layout(path: Path, header: list[str], frame: pd.DataFrame, names: list[str]) -> None:
    """Refuse what pandas would read in another way than it was meant."""
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise TableError(f"{path} separates its columns by semicolons or tabs; save it with commas.")
    for name in names:
        if header.count(name) > 1:
            raise TableError(f"column {name!r} comes twice in the header of {path}; rename or drop one of the two.")
    if frame.empty:
        raise TableError(f"{path} has a header but no rows; add some.")
    # pandas takes more cells than names for names of the rows, in front.
    if not isinstance(frame.index, pd.RangeIndex) and frame.iloc[:, -1].isna().all():
        raise TableError(f"the rows of {path} have more cells than its header; drop the commas at their ends.")


def _as_numbers(ids: pd.Series) -> pd.Series:
    """Return ids as whole numbers where that is how they are written, so that 2 comes before 10."""
    if ids.notna().all() and ids.str.fullmatch(r"-?(0|[1-9]\d{0,15})").all():
        return ids.astype("int64")
    return ids
