"""Results as tables that a page, a notebook and a terminal show: captions, headed rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from course.live import number, p_value, significant
from reference import Coefficient, MixedFit, OlsFit, Reading, VarianceComponent
from reference.output.text import aligned
from reference.tutorial import Tutorial

_WORDS = {"Intercept": "intercept", "Residual": "residual"}


@dataclass(frozen=True)
class Table:
    """A caption, the heads of the columns, and rows whose first entry heads the row; cells of prose may wrap."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    prose: bool = False

    def _repr_mimebundle_(self, **_options: object) -> dict[str, str]:
        # A heading without words would be read out as one.
        head = "".join(f'<th scope="col">{escape(cell)}</th>' if cell else "<td></td>" for cell in self.head)
        body = "".join(
            f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
            for first, *cells in self.rows
        )
        caption = escape(self.caption)
        # A box that scrolls must be reachable by keyboard, and then say what it is.
        box = f'<div class="results" role="region" tabindex="0" aria-label="{escape(self.caption, quote=True)}">'
        look = "results prose" if self.prose else "results"
        table = f'<table class="{look}"><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        lines = aligned(list(self.head), [list(row) for row in self.rows])
        return {
            "text/html": f"{box}{table}<tbody>{body}</tbody></table></div>",
            "text/plain": "\n".join([self.caption, *lines]),
        }


def coefficients(caption: str, rows: Sequence[Coefficient]) -> Table:
    """Return the fixed effects of a mixed model with their t tests on Satterthwaite's degrees of freedom."""
    head = ("", "estimate", "standard error", "df", "t", "p")
    body = tuple(
        (_word(c.name), number(c.estimate, 4), number(c.standard_error, 4), number(c.df, 1), number(c.t), _p(c.p))
        for c in rows
    )
    return Table(caption, head, body)


def pooled(caption: str, fit: OlsFit) -> Table:
    """Return the coefficients of pooled least squares with their t tests and variance inflation factors."""
    head = ("", "estimate", "standard error", "t", "p", "VIF")
    body = tuple(
        (
            _word(name),
            number(value, 4),
            number(fit.standard_errors[name], 4),
            number(fit.t[name]),
            _p(fit.p[name]),
            number(fit.vif[name]) if name in fit.vif else "",
        )
        for name, value in fit.coefficients.items()
    )
    return Table(caption, head, body)


def components(caption: str, rows: Sequence[VarianceComponent]) -> Table:
    """Return the variances and covariances of the random part."""
    body = tuple(
        (
            " with ".join(_word(name) for name in (c.first, c.second) if name) or _word(c.group),
            "covariance" if c.second else "variance",
            significant(c.value, 4),
            "correlation" if c.second else "standard deviation",
            significant(c.sd_or_correlation, 4),
        )
        for c in rows
    )
    return Table(caption, ("effect", "", "value", "", "value"), body)


def shares(caption: str, results: Tutorial) -> Table:
    """Return ICC and R² of the two mixed models side by side."""
    columns = [results.intercept.shares, results.slope.shares]
    body = (
        ("ICC, adjusted", *(number(s.icc_adjusted, 4) for s in columns)),
        ("ICC, unadjusted", *(number(s.icc_unadjusted, 4) for s in columns)),
        ("R², marginal", *(number(s.r2_marginal, 4) for s in columns)),
        ("R², conditional", *(number(s.r2_conditional, 4) for s in columns)),
    )
    return Table(caption, ("", "random intercept", "random slope"), body)


def comparison(caption: str, smaller: MixedFit, larger: MixedFit) -> Table:
    """Return the two models of a likelihood-ratio test, both fitted by maximum likelihood."""
    body = tuple(
        (name, str(f.n_parameters), number(f.log_likelihood, 4), number(f.criterion, 4), number(f.aic), number(f.bic))
        for name, f in (("random intercept", smaller), ("random slope", larger))
    )
    return Table(caption, ("model", "parameters", "log-likelihood", "deviance", "AIC", "BIC"), body)


def readings(caption: str, rows: Sequence[Reading]) -> Table:
    """Return diagnostic readings, each with what to make of it."""
    return Table(
        caption,
        ("reading", "fine?", "what it says"),
        tuple((r.name, "yes" if r.fine else "look", r.sentence) for r in rows),
        prose=True,
    )


def ranking(caption: str, results: Tutorial) -> Table:
    """Return the stores by their own YouTube slope: interval, chance of the top five, and tier."""
    body = tuple(
        (
            f"store {row.group}",
            number(row.slope, 4),
            f"{number(row.lower, 4)} to {number(row.upper, 4)}",
            number(results.chances[row.group]),
            row.tier,
        )
        for row in results.slopes
    )
    return Table(caption, ("", "slope", "95 % interval", "chance of top five", "against the average"), body)


def _word(name: str) -> str:
    return _WORDS.get(name, name)


def _p(p: float) -> str:
    return p_value(p).removeprefix("p = ").removeprefix("p ") if np.isfinite(p) else ""
