"""Plots of the residuals of a fit, to be looked at before its numbers are believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from reference.arrays import Floats
from reference.errors import TableError
from reference.estimates import Estimates


def save_residual_plots(fit: Estimates, path: Path) -> None:
    """Save the residuals over the fitted values, and beside it normal quantile plots of residuals and of all modes.

    Parameters
    ----------
    fit : Estimates
        Of rows in memory.
    path : Path
        A picture; what follows the last dot of its name says of which kind: png, svg, pdf and others.

    Raises
    ------
    DesignError
        If the fit kept no rows.
    TableError
        If the kind of picture is not known, or the file cannot be written.
    """
    # Matplotlib takes a second to be imported. Its figure alone needs no screen.
    from matplotlib.figure import Figure

    effects = [
        (f"{effect} by {term.group}", modes)
        for term in fit.terms
        for effect, modes in zip(term.effects, term.modes.T, strict=True)
    ]
    figure = Figure(figsize=(4.5 * (2 + len(effects)), 4.0), layout="constrained")
    spread, *normal = figure.subplots(1, 2 + len(effects))
    spread.scatter(fit.fitted, fit.scaled_residuals, s=8)
    spread.axhline(0.0, color="grey", linewidth=0.8)
    spread.set(title="Residuals", xlabel=f"fitted {fit.model.response}", ylabel="residual over sigma")
    for axes, (title, values) in zip(normal, [("Residuals", fit.scaled_residuals), *effects], strict=True):
        _quantiles(axes, title, values)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be written as a picture ({error}); name it such as residuals.png.") from error


def _quantiles(axes: Any, title: str, values: Floats) -> None:
    """Draw ordered values over the quantiles of a normal law, and the line through their quartiles."""
    expected = ndtri((np.arange(values.size) + 0.5) / values.size)
    axes.scatter(expected, np.sort(values), s=8)
    lower, upper = np.quantile(values, [0.25, 0.75])
    slope = (upper - lower) / (2.0 * float(ndtri(0.75)))
    axes.axline((0.0, (lower + upper) / 2.0), slope=slope, color="grey", linewidth=0.8)
    axes.set(title=title, xlabel="normal quantile", ylabel="ordered")
