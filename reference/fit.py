"""Fitting a linear mixed model by ML or REML, to the last digit, and the fitted model as its users know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from reference.arrays import Floats, block_slices
from reference.data.formula import MixedModel, parse_formula
from reference.data.tables import Missing, Table
from reference.design.design import build_design
from reference.errors import DesignError
from reference.estimates import Estimates, unit_constant
from reference.inference.intervals import profile_intervals, wald_intervals
from reference.inference.prediction import predict_conditional, predict_population
from reference.output.elsewhere import (
    FIT_OPTIONS,
    INTERVAL_OPTIONS,
    PREDICT_OPTIONS,
    SUMMARY_OPTIONS,
    missing_name,
    refuse_options,
)
from reference.output.frames import coefficient_table, interval_table, variance_table
from reference.output.summary import render_summary
from reference.output.text import Text


class MixedFit(Estimates):
    """A fitted model. Numbers are in the units of the data, names those of statsmodels where it has the thing."""

    def __getattr__(self, name: str) -> Any:
        """Say what a name of other software is called here."""
        raise AttributeError(missing_name(name), name=name, obj=self)

    def __repr__(self) -> str:
        """Return the model, how it was fitted, and to how much, in a line."""
        groups = dict.fromkeys(f"{len(term.levels)} groups of {term.group}" for term in self.terms)
        how = "REML" if self.reml else "maximum likelihood"
        return f"<MixedFit {self.model.formula!r} by {how}: {self.nobs} rows, {', '.join(groups)}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the line above, the fixed effects and the variances."""
        frames = {"Fixed effects": coefficient_table(self), "Random effects": variance_table(self)}
        style = "{:.4g}".format
        parts = (f"<p>{title}</p>{frame.to_html(float_format=style)}" for title, frame in frames.items())
        return f"<p>{escape(repr(self)[1:-1])}</p>{''.join(parts)}"

    def summary(self, *, kenward_roger: bool = False, **others: Any) -> Text:
        """Return the summary that readers of lme4 and lmerTest know, as text."""
        refuse_options("summary", others, SUMMARY_OPTIONS)
        return Text(render_summary(self, kenward_roger=kenward_roger))

    def predict(self, new: pd.DataFrame | None = None, *, groups: bool = True, **others: Any) -> pd.Series:
        """Return predictions for each row of a table, or for the rows of the fit, (n,), in units of the response.

        Parameters
        ----------
        new : pandas.DataFrame or None
            With the columns of the model, the response apart.
        groups : bool
            Whether to add what the fit knows of a row's groups, all of which it must have seen; else the prediction
            is that for an average group.

        Raises
        ------
        DesignError
            If a column is missing or not finite, a group is new, the fit kept no rows, or an option of other software
            is given.
        """
        refuse_options("predict", others, PREDICT_OPTIONS)
        table = self.design.rows if new is None else new
        values = (predict_conditional if groups else predict_population)(self, table)
        return pd.Series(values, index=table.index, name=self.model.response)

    def conf_int(self, alpha: float = 0.05, method: Literal["wald", "profile"] = "wald", **others: Any) -> pd.DataFrame:
        """Return confidence limits of all parameters at the level 1 - alpha, with their estimates, by name.

        Raises
        ------
        DesignError
            If the level is not between 0 and 1, or the method neither of these.
        ConvergenceError
            As for :func:`~reference.inference.intervals.profile_intervals`.
        """
        refuse_options("conf_int", others, INTERVAL_OPTIONS)
        limits = {"wald": wald_intervals, "profile": profile_intervals}.get(str(method).lower())
        if limits is None:
            raise DesignError(f"conf_int has the methods 'wald' and 'profile', not {method!r}; write one of them.")
        return interval_table(limits(self, 1.0 - alpha))

    def cov_params(self) -> pd.DataFrame:
        """Return the covariance of the fixed effects, by name."""
        names = list(self.design.fixed_names)
        return pd.DataFrame(self.covariance, index=names, columns=names)

    @property
    def params(self) -> pd.Series:
        """Fixed effects by name."""
        return coefficient_table(self)["estimate"]

    @property
    def bse(self) -> pd.Series:
        """Their standard errors."""
        return coefficient_table(self)["standard_error"]

    @property
    def tvalues(self) -> pd.Series:
        """Their t values."""
        return coefficient_table(self)["t"]

    @property
    def pvalues(self) -> pd.Series:
        """Their two-sided p-values, on Satterthwaite's degrees of freedom."""
        return coefficient_table(self)["p"]

    @property
    def random_effects(self) -> Mapping[str, pd.DataFrame]:
        """Conditional modes by random term: one row per group, one column per effect."""
        return _ByTerm({term.name: term.table for term in self.terms})

    @property
    def llf(self) -> float:
        """The maximised (restricted) log-likelihood."""
        return self.log_likelihood

    @property
    def nobs(self) -> int:
        """The number of rows."""
        return self.design.n_observations

    @property
    def fittedvalues(self) -> pd.Series:
        """Conditional fitted values, (n,): fixed part plus the groups' modes."""
        return pd.Series(self.fitted, index=self.design.rows.index, name=self.model.response)

    @property
    def resid(self) -> pd.Series:
        """Conditional residuals, (n,), in units of the response."""
        return pd.Series(self.residuals, index=self.design.rows.index, name="resid")

    @property
    def converged(self) -> bool:
        """True: a fit that does not reach its optimum is a ConvergenceError."""
        return True


class _ByTerm(dict[str, pd.DataFrame]):
    """Tables by random term, which say so where a group is asked for, as in statsmodels."""

    def __missing__(self, key: object) -> pd.DataFrame:
        name = next(iter(self))
        raise KeyError(f"{key!r} is none of the terms {', '.join(self)}; write random_effects[{name!r}].loc[{key!r}]")


def fit(formula: str | MixedModel | Table, data: Table | MixedModel, *, reml: bool = True, **others: Any) -> MixedFit:
    """Return the maximum (restricted) likelihood fit of the model a formula says.

    Parameters
    ----------
    formula : str
        As for :func:`~reference.data.formula.parse_formula`, or a model. The table may also come first.
    data, reml
        As for :func:`fit_mixed`, as are ``weights``, ``missing`` and ``collinear``; ``REML`` is understood too.

    Raises
    ------
    FormulaError
        If a term is not understood; the message names it.
    DesignError, ConvergenceError
        As for :func:`fit_mixed`; or if an option of other software is given, what to do instead.

    Examples
    --------
    >>> import pandas as pd
    >>> from reference import fit
    >>> frame = pd.DataFrame({"batch": [*"AAABBBCCC"], "grams": [15.4, 14.4, 14.5, 15.9, 15.4, 15.5, 16.0, 15.1, 16.1]})
    >>> model = fit("grams ~ 1 + (1 | batch)", frame)
    >>> model
    <MixedFit 'grams ~ 1 + (1 | batch)' by REML: 9 rows, 3 groups of batch>
    >>> print(f"{model.criterion:.4f}", model.certificate.faces)
    15.5763 ()
    """
    reml = others.pop("REML", reml)
    options = {name: others.pop(name) for name in ("weights", "missing", "collinear") if name in others}
    refuse_options("fit", others, FIT_OPTIONS)
    model, table = (formula, data) if _is_model(formula) or not _is_model(data) else (data, formula)
    if not isinstance(model, str | MixedModel):
        raise DesignError("fit needs a formula and a data frame, such as fit('y ~ x + (1 | group)', frame).")
    return fit_mixed(cast("Table", table), model, reml=reml, **options)


def _is_model(given: object) -> bool:
    return isinstance(given, MixedModel) or (isinstance(given, str) and "~" in given)


def fit_mixed(
    data: Table,
    model: MixedModel | str,
    *,
    reml: bool = True,
    weights: str | Sequence[float] | None = None,
    missing: Missing = "drop",
    collinear: Literal["drop", "raise"] = "raise",
) -> MixedFit:
    """Return the maximum (restricted) likelihood fit of a linear mixed model.

    Parameters
    ----------
    data : pandas.DataFrame, path or iterable of pandas.DataFrame
        Long format, one row per observation, in any units and any order. A model with one grouping factor may
        also be given a Parquet file or folder, a Dask data frame, or any iterable of data frames: they are read
        once, piece by piece.
    model : MixedModel or str
        The result of ``parse_formula``, or what it takes.
    reml : bool
        True for restricted maximum likelihood.
    weights : str, (n,) or None
        A column, or its values: the residual variance of a row is sigma² over its weight, as in lme4. Of what they
        scale only sigma² depends on their unit.
    missing : "drop" or "raise"
        Whether rows with a gap in a column of the model are left out, counted in ``fit.design.left_out`` and said in
        the summary, or are an error.
    collinear : "drop" or "raise"
        Whether fixed effects that others determine, such as those of an interaction in which a combination of levels
        has no rows, are left out and named in the summary, or are an error.

    Returns
    -------
    MixedFit
        Possibly singular: a variance of zero or a correlation of one is a result, not an error.

    Raises
    ------
    DesignError, SaturationError
        If the model cannot be estimated from the data.
    ConvergenceError
        If the optimum cannot be certified.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1).
    """
    if reml not in (True, False):
        raise DesignError(f"reml={reml!r} is not understood; write True for REML, or False for maximum likelihood.")
    design = build_design(*_weighted(data, model, weights), missing=missing, collinear=collinear)
    return MixedFit.of_design(design, reml=bool(reml))


def criterion_at(
    data: Table,
    model: MixedModel | str,
    theta: Floats,
    *,
    reml: bool,
    weights: str | Sequence[float] | None = None,
) -> float:
    """Return the profiled criterion at a given theta.

    Parameters
    ----------
    data, model, reml, weights
        As for :func:`fit_mixed`.
    theta : (m,)
        lme4's theta, in units of the data: the lower triangles of the terms' relative factors, column by column.

    Returns
    -------
    float
        On the scale of ``MixedFit.criterion``.

    Raises
    ------
    DesignError, SaturationError
        If theta has the wrong length or is not finite, or the model cannot be estimated from the data.
    """
    design = build_design(*_weighted(data, model, weights))
    surface = design.surface(reml=reml)
    length = sum(size * (size + 1) // 2 for size in surface.sizes)
    if np.shape(theta) != (length,) or not np.isfinite(theta).all():
        raise DesignError(f"theta must hold {length} finite numbers for the model {design.model.name!r}, not {theta}.")
    factor = np.zeros((sum(surface.sizes),) * 2)
    start = 0
    for term, part in zip(design.terms, block_slices(surface.sizes), strict=True):
        lower = np.zeros_like(term.root)
        rows, columns = np.triu_indices(lower.shape[0])
        lower[columns, rows] = theta[start : start + rows.size]
        factor[part, part] = term.root @ lower
        start += rows.size
    return float(surface.profile(factor).criterion + unit_constant(design, reml=reml))


def _weighted(data: Table, model: MixedModel | str, weights: str | Sequence[float] | None) -> tuple[Table, MixedModel]:
    """Return the table and the model with weights; those that are no column of the table become one."""
    if isinstance(model, str):
        model = parse_formula(model)
    elif not isinstance(model, MixedModel):
        raise DesignError(f"the model is a {type(model).__name__}; give the table first, and then a formula.")
    if weights is None:
        return data, model
    if isinstance(weights, str):
        return data, replace(model, weights=weights)
    if not isinstance(data, pd.DataFrame):
        raise DesignError("weights that are no column of the table need a data frame; name a column of it.")
    if not np.iterable(weights):
        raise DesignError(
            f"weights={weights!r} is neither a column's name nor a number for each row; give one of them."
        )
    if len(weights) != len(data):
        raise DesignError(f"there are {len(weights)} weights for {len(data)} rows; give one for each row.")
    if isinstance(weights, pd.Series) and not weights.index.equals(data.index):
        raise DesignError("the weights' index is not the table's; give weights.reindex(frame.index), or numbers alone.")
    # The name that R gives them.
    return data.assign(**{"(weights)": np.asarray(weights)}), replace(model, weights="(weights)")
