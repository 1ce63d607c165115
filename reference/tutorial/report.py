"""The tutorial's results as plain text: aligned tables, one section per step."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

import reference as engine
from reference.output.summary import share_lines, slope_lines
from reference.output.text import aligned, format_p
from reference.panels import TOP
from reference.tutorial.results import MixedResults, Tutorial

_WIDTH = 100


def render_tutorial(results: Tutorial) -> str:
    """Return the tutorial's results as text of up to about 100 columns, ending in a newline."""
    sections = (
        _descriptives(results),
        _pooled(results),
        _mixed("Random intercept (REML)", results.intercept),
        _mixed("Random slope for YouTube (REML)", results.slope),
        _comparison(results),
        _shares(results),
        _mixed("Random slope, media centred at their grand means (REML)", results.centred),
        _centring(results),
        _ranking(results),
        _in_words(results),
    )
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _title(text: str) -> Iterator[str]:
    yield text
    yield "-" * len(text)


def _descriptives(results: Tutorial) -> Iterator[str]:
    about = results.description
    yield from _title(f"Descriptives: {results.panel.source}")
    yield f"  {about.n_observations} rows, {about.n_stores} stores"
    rows = [[name, f"{mean:.4f}", f"{about.deviations[name]:.4f}"] for name, mean in about.means.items()]
    yield from aligned(["", "mean", "sd"], rows)
    yield ""
    weeks = [
        [
            str(w.week),
            f"{w.mean:.3f}",
            f"{w.deviation:.3f}",
            str(w.count),
            f"{w.standard_error:.3f}",
            f"{results.by_week[w.week]:.3f}",
        ]
        for w in results.weeks
    ]
    yield from aligned(["week", "mean sales", "sd", "stores", "se", "predicted at mean media"], weeks)


def _pooled(results: Tutorial) -> Iterator[str]:
    fit = results.pooled
    yield from _title("Pooled OLS")
    rows = [
        [
            name,
            f"{value:.6f}",
            f"{fit.standard_errors[name]:.6f}",
            f"{fit.t[name]:.3f}",
            format_p(fit.p[name]),
            f"{fit.vif[name]:.3f}" if name in fit.vif else "",
        ]
        for name, value in fit.coefficients.items()
    ]
    yield from aligned(["", "estimate", "se", "t", "p", "VIF"], rows)
    yield f"  residual standard error {fit.sigma:.4f} on {fit.residual_df} df"
    f = f"F({fit.model_df}, {fit.residual_df}) {fit.f:.1f}"
    yield f"  R² {fit.r_squared:.4f}, adjusted {fit.adjusted_r_squared:.4f}, {f}"
    yield f"  {results.collinearity.sentence}"


def _mixed(title: str, results: MixedResults) -> Iterator[str]:
    fit = results.fit
    yield from _title(title)
    yield f"  {'REML' if fit.reml else '-2 log-likelihood'} criterion {fit.criterion:.5f}"
    rows = [
        [c.name, f"{c.estimate:.6f}", f"{c.standard_error:.6f}", f"{c.df:.2f}", f"{c.t:.3f}", format_p(c.p)]
        for c in results.coefficients
    ]
    yield from aligned(["", "estimate", "se", "df", "t", "p"], rows)
    yield ""
    lines = [
        [
            " x ".join(filter(None, (c.first, c.second))) or c.group,
            f"{c.value:.6g}",
            f"{c.sd_or_correlation:.6g}",
        ]
        for c in results.components
    ]
    yield from aligned(["random part", "(co)variance", "sd or correlation"], lines)
    quartiles = ", ".join(f"{value:.3f}" for value in results.residual_quartiles)
    yield f"  scaled residuals (quartiles): {quartiles}"
    yield from (f"  {reading.sentence}" for reading in results.readings)


def _comparison(results: Tutorial) -> Iterator[str]:
    test = results.comparison
    yield from _title("Random intercept against random slope (ML refits)")
    fits = {"random intercept": results.intercept_ml.fit, "random slope": results.slope_ml.fit}
    rows = [
        [name, str(fit.n_parameters), f"{fit.log_likelihood:.4f}", f"{fit.aic:.3f}", f"{fit.bic:.3f}"]
        for name, fit in fits.items()
    ]
    yield from aligned(["", "parameters", "log-likelihood", "AIC", "BIC"], rows)
    mixture = f"with the boundary mixture {format_p(test.p_boundary)}"
    yield f"  chi² {test.statistic:.4f} on {test.df} df, p {format_p(test.p)}; {mixture}"
    yield f"  {results.parsimony.sentence}"


def _shares(results: Tutorial) -> Iterator[str]:
    yield from _title("ICC and R² (Nakagawa and Johnson)")
    yield from share_lines({"random intercept": results.intercept.shares, "random slope": results.slope.shares})


def _centring(results: Tutorial) -> Iterator[str]:
    yield from _title("What centring changed")
    raw, centred = results.slope.fit, results.centred.fit
    means = ", ".join(f"{name} {mean:.4f}" for name, mean in results.centring.means.items())
    yield f"  grand means: {means}"
    pairs = {
        "intercept": (raw.coefficients[0], centred.coefficients[0]),
        "variance of intercepts": (raw.term.covariance[0, 0], centred.term.covariance[0, 0]),
        "youtube slope": (raw.fixed_effects["youtube"], centred.fixed_effects["youtube"]),
        "log-likelihood (REML)": (raw.log_likelihood, centred.log_likelihood),
    }
    yield from aligned(["", "raw", "centred"], [[name, f"{a:.6f}", f"{b:.6f}"] for name, (a, b) in pairs.items()])


def _ranking(results: Tutorial) -> Iterator[str]:
    yield from _title("Stores by their own YouTube slope")
    yield from slope_lines("store", results.slopes, results.chances, TOP)
    yield f"  top {TOP}: {', '.join(str(row.group) for row in results.slopes[:TOP])}"


def _in_words(results: Tutorial) -> Iterator[str]:
    yield from _title("In words")
    sentences = (
        *engine.interpret_fixed_effects(results.intercept.fit),
        *engine.interpret_shares(results.intercept.fit),
        *engine.interpret_comparison(results.comparison, "random intercept", "random slope"),
        *engine.interpret_random_effects(results.slope.fit),
        *engine.interpret_shares(results.slope.fit),
        *engine.interpret_ranking(results.slope.fit, "youtube", count=min(TOP, len(results.slopes))),
    )
    for sentence in sentences:
        yield from wrap(sentence, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
