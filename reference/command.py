"""``mlm fit``, ``mlm compare`` and ``mlm predict``: models fitted to a file, and what is printed or written of them."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from reference.data.encoding import column_names
from reference.data.files import Decimal, read_file
from reference.data.formula import MixedModel, parse_formula
from reference.data.tables import CompleteRows, Missing, Table, read_parquet
from reference.errors import TableError
from reference.fit import MixedFit, fit_mixed
from reference.inference.bootstrap import bootstrap_shares, bootstrap_test
from reference.inference.group_uncertainty import probability_top, slope_intervals
from reference.inference.intervals import profile_intervals, wald_intervals
from reference.inference.prediction import predict_intervals
from reference.inference.ranking import slope_term
from reference.inference.refits import Progress
from reference.inference.slope_contrasts import slope_contrasts
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

# Of intervals, where none is given.
LEVEL = 0.95
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

    def model(self, formula: str) -> MixedModel:
        """Return the model that a formula says, weighted."""
        return replace(parse_formula(formula), weights=self.weights)

    def rows(self, path: Path, *models: MixedModel) -> pd.DataFrame:
        """Return the whole table in a file, of Parquet too."""
        frame = read_file(path, models, self.decimal)
        if frame is None:
            frame = pd.concat([pd.DataFrame(), *read_parquet(path)], ignore_index=True)
        if frame.empty:
            raise TableError(f"{path} has no rows; add some.")
        return frame

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
    by: str | None = None,
    terms: bool = False,
    draws: int = 0,
    seed: int = 0,
    plot: Path | None = None,
    progress: Progress = iter,
) -> None:
    """Fit a model to a file, of Parquet too, and print what ``mlm fit`` offers, as its help explains.

    ``level`` is that of the intervals, or None for no intervals; without draws the shares have none. ``by`` names the
    grouping factor of the slopes, where several have some. A MultilevelError says what is not understood, cannot be
    read, or cannot be fitted.
    """
    model = reading.model(formula)
    frame = read_file(path, [model], reading.decimal)
    fit = reading.fit(path if frame is None else frame, model, reml=reml)
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
        parts.append(_slopes(fit, slopes, by))
    sys.stdout.write("\n".join(parts))


def compare_file(
    path: Path,
    smaller: str,
    larger: str,
    *,
    draws: int,
    seed: int,
    reading: Reading = Reading(),
    progress: Progress = iter,
) -> None:
    """Fit two nested models by ML to the rows of a file that are complete for both, and print their comparison.

    The formulas may come in either order; all rows must fit into the memory; without draws there is no bootstrap. A
    MultilevelError says what :func:`fit_file` would say, or that the models are not nested.
    """
    models = [reading.model(formula) for formula in (smaller, larger)]
    frame = reading.rows(path, *models)
    models = [model.spelled_out(frame.columns) for model in models]
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


def predict_file(
    path: Path,
    formula: str,
    new: Path | None,
    into: Path | None,
    *,
    level: float | None,
    new_groups: bool,
    reml: bool,
    reading: Reading = Reading(),
) -> None:
    """Fit a model to a file, and write predictions of its rows, or of the file ``new``, as CSV.

    The columns of :func:`~reference.inference.prediction.predict_intervals` come behind those of the file; a row with
    a gap in what its prediction needs has none. Without a level there are no intervals, and without ``into`` all goes
    to the standard output. A MultilevelError says what :func:`fit_file` would say, or that predictions cannot be made
    or written.
    """
    rows = reading.rows(path, model := reading.model(formula))
    fit = reading.fit(rows, model, reml=reml)
    # Neither the response nor weights need be there.
    model = replace(fit.model, response="1", weights="")
    if new is not None:
        rows = reading.rows(new, model)
    complete = CompleteRows(column_names(model, grouped=not new_groups), reading.missing)
    found = predict_intervals(fit, complete.of(rows), level, new_groups=new_groups)
    twice = [name for name in found.columns if name in rows.columns]
    if twice:
        raise TableError(
            f"{new or path} has a column {twice[0]!r} already, as a prediction would be called; rename it."
        )
    said = [*fit.design.notes]
    if complete.left_out.rows:
        said.append(f"Of {new or path}, {complete.left_out}; they have no predictions.")
    sys.stderr.writelines(f"{sentence}\n" for sentence in said)
    text = pd.concat([rows, found], axis=1).to_csv(index=False, lineterminator="\n")
    if into is None:
        sys.stdout.write(text)
        return
    try:
        into.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TableError(f"{into} cannot be written ({error.strerror}); check the folder.") from error


def _slopes(fit: MixedFit, predictor: str, group: str | None) -> str:
    term = slope_term(fit, predictor, group)
    count = min(TOP, len(term.levels))
    title = f"Slopes of {predictor} by {term.group}, and the probability of each to be among the {count} steepest:"
    if len(slope_contrasts(fit, predictor, term)) > 1:
        title += (
            "\nInteractions with what is constant in a group are part of its slope; the average is of groups like it."
        )
    rows = slope_intervals(fit, predictor, group=group)
    chances = probability_top(fit, predictor, count, group=group)
    return "\n".join([title, *slope_lines(term.group, rows, chances, count)]) + "\n"
