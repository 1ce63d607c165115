"""A fit as text, in the form a reader of lme4 and lmerTest knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from reference.data.columns import Level
from reference.errors import ComparisonError
from reference.estimates import Estimates
from reference.inference.bootstrap import BootstrapTest
from reference.inference.comparison import compare_nested
from reference.inference.group_uncertainty import GroupSlope
from reference.inference.intervals import Interval
from reference.inference.kenward_roger import kenward_roger_tests
from reference.inference.satterthwaite import Coefficient, coefficient_tests
from reference.inference.term_tests import TermTest
from reference.inference.variance import SHARES, VarianceShares, variance_components
from reference.output.text import aligned, format_p

_DIGITS = 4
_MOST_DECIMALS = 7
# The fixed effects whose correlations lme4 still prints.
_MOST_CORRELATED = 12
_STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"), (0.1, "."), (1.0, ""))


def render_summary(fit: Estimates, *, kenward_roger: bool = False) -> str:
    """Return the summary of a fit, laid out like that of lmerTest, ending in a newline.

    The formula, the criterion, the quartiles of the scaled residuals (where the rows are in memory), the variances of
    the random effects, the fixed effects with Satterthwaite degrees of freedom, or with standard errors and degrees of
    freedom by Kenward and Roger, their correlations, where the fit lies on the boundary, and its certificate.

    Raises
    ------
    DesignError
        With ``kenward_roger``, as for :func:`~reference.inference.kenward_roger.kenward_roger`.
    """
    table, method = (kenward_roger_tests, "Kenward-Roger") if kenward_roger else (coefficient_tests, "Satterthwaite")
    how = "REML" if fit.reml else "maximum likelihood"
    lines = [f"Linear mixed model fit by {how}, t-tests by {method}'s method", f"Formula: {fit.model.formula}", ""]
    lines += _criterion(fit)
    if fit.design.table is not None:
        quartiles = np.quantile(fit.scaled_residuals, [0.0, 0.25, 0.5, 0.75, 1.0])
        cells = [f"{value:z.4f}" for value in quartiles]
        lines += ["", "Scaled residuals:", *aligned(["Min", "1Q", "Median", "3Q", "Max"], [cells], left=0)]
    groups = "; ".join(dict.fromkeys(f"{term.group}, {len(term.levels)}" for term in fit.terms))
    lines += ["", "Random effects:", *_components(fit), f"Number of obs: {fit.design.n_observations}, groups: {groups}"]
    lines += fit.design.notes
    lines += ["", "Fixed effects:", *_coefficients(table(fit))]
    if fit.coefficients.size > 1:
        lines += ["", "Correlation of fixed effects:", *_correlations(fit)]
    return "\n".join([*lines, "", *_evidence(fit)]) + "\n"


def render_variance_components(fit: Estimates) -> str:
    """Return the variances of the random effects and the residual, laid out like lme4's ``VarCorr``."""
    return "\n".join(_components(fit)) + "\n"


def render_anova(*fits: Estimates) -> str:
    """Return the likelihood-ratio tests of two or more nested ML fits, each against the one before it.

    Where a variance is tested, for which the p of the chi² law is too large, the one that is right on the boundary
    stands beside it, if there is a simple law.

    Raises
    ------
    ComparisonError
        As for :func:`~reference.inference.comparison.compare_nested`, or if there are fewer than two fits.
    """
    if len(fits) < 2:
        raise ComparisonError("a comparison needs at least two fits; give the smaller model first.")
    ordered = sorted(fits, key=lambda fit: fit.n_parameters)
    tests = [compare_nested(smaller, larger) for smaller, larger in pairwise(ordered)]
    header = ["", "npar", "AIC", "BIC", "logLik", "-2*logLik", "Chisq", "Df", "Pr(>Chisq)"]
    header += ["on the boundary"] if any(test.variances for test in tests) else []
    rows = []
    for fit, test in zip(ordered, [None, *tests], strict=True):
        numbers = (fit.aic, fit.bic, fit.log_likelihood, fit.criterion)
        row = [fit.model.name, str(fit.n_parameters), *(f"{number:z.2f}" for number in numbers)]
        tail = ["", "", "", ""]
        if test is not None:
            boundary = format_p(test.p_boundary) if test.variances and not np.isnan(test.p_boundary) else ""
            tail = [f"{test.statistic:z.4f}", str(test.df), format_p(test.p), boundary]
        rows.append([*row, *tail][: len(header)])
    return "\n".join(aligned(header, rows)) + "\n"


def render_intervals(intervals: Sequence[Interval]) -> str:
    """Return confidence intervals as a table."""
    rows = [[row.name, *(f"{value:z.6g}" for value in (row.estimate, row.lower, row.upper))] for row in intervals]
    return "\n".join(aligned(["", "estimate", "lower", "upper"], rows)) + "\n"


def term_lines(tests: Sequence[TermTest]) -> Iterator[str]:
    """Yield a table of F tests."""
    rows = [
        [row.name, str(row.numerator_df), f"{row.denominator_df:.3f}", f"{row.f:.4f}", format_p(row.p)] for row in tests
    ]
    yield from aligned(["", "NumDF", "DenDF", "F value", "Pr(>F)"], rows)


def share_lines(shares: Mapping[str, VarianceShares]) -> Iterator[str]:
    """Yield a table of the ICC and R² of fits by name."""
    rows = [[name, *(f"{getattr(one, share):z.4f}" for share in SHARES)] for name, one in shares.items()]
    yield from aligned(["", "ICC adjusted", "unadjusted", "R² marginal", "conditional"], rows)


def slope_lines(group: str, slopes: Sequence[GroupSlope], chances: Mapping[Level, float], count: int) -> Iterator[str]:
    """Yield a table of group slopes, steepest first, with intervals and chances to be among the first."""
    largest = max(abs(row.slope) for row in slopes)
    own = _column([row.slope for row in slopes], largest, 5)
    deviations = _column([row.deviation for row in slopes], largest, 5)
    limits = _column([limit for row in slopes for limit in (row.lower, row.upper)], largest, 3)
    rows = [
        [
            str(place + 1),
            str(row.group),
            own[place],
            deviations[place] if row.deviation < 0 else f"+{deviations[place]}",
            " to ".join(limits[2 * place : 2 * place + 2]),
            f"{chances[row.group]:z.2f}",
            row.tier,
        ]
        for place, row in enumerate(slopes)
    ]
    header = ["rank", group, "slope", "from average", "95 % interval", f"in top {count}", "average"]
    yield from aligned(header, rows)


def render_bootstrap(result: BootstrapTest) -> str:
    """Return the p-values of a likelihood-ratio test side by side: chi², mixture if on the boundary, bootstrap."""
    test, draws = result.test, result.statistics.size
    rows = [["chi²", format_p(test.p), f"{test.df} df" + ("; too large for a variance" if test.variances else "")]]
    if test.variances and not np.isnan(test.p_boundary):
        rows.append(["mixture", format_p(test.p_boundary), "of chi² laws, as the variance tested lies on the boundary"])
    zeros = f"{draws} simulated tests, {result.share_at_zero:.0%} of them zero"
    rows.append(["bootstrap", format_p(result.p), f"{zeros}; ± {result.standard_error:.1g} by chance"])
    lines = [f"Likelihood-ratio statistic: {test.statistic:z.4f}", "", *aligned(["law", "p", ""], rows)]
    return "\n".join(lines) + "\n"


def _criterion(fit: Estimates) -> list[str]:
    if fit.reml:
        return [f"REML criterion: {fit.criterion:z.4f}"]
    header = ["AIC", "BIC", "logLik", "-2*logLik", "df.resid"]
    numbers = [f"{x:z.2f}" for x in (fit.aic, fit.bic, fit.log_likelihood, fit.criterion)]
    rest = str(fit.design.n_observations - fit.n_parameters)
    return list(aligned(header, [[*numbers, rest]], left=0))


def _components(fit: Estimates) -> list[str]:
    lines = variance_components(fit)
    variances = [line for line in lines if not line.second]
    values = _column([line.value for line in variances])
    deviations = _column([line.sd_or_correlation for line in variances])
    rows, last = [], ""
    for line, value, deviation in zip(variances, values, deviations, strict=True):
        # The residual has no effects, though a grouping factor may be called like it.
        pairs = [pair for pair in lines if line.first and (pair.group, pair.second) == (line.group, line.first)]
        shown = ["" if np.isnan(pair.sd_or_correlation) else f"{pair.sd_or_correlation:z.2f}" for pair in pairs]
        rows.append(["" if line.group == last and line.first else line.group, line.first, value, deviation, *shown])
        last = line.group
    width = max(len(row) for row in rows)
    header = ["Groups", "Name", "Variance", "Std.Dev.", *(["Corr"] if width > 4 else [])]
    padded = [row + [""] * (width - len(row)) for row in rows]
    return list(aligned(header + [""] * (width - len(header)), padded, left=2))


def _coefficients(rows: Sequence[Coefficient]) -> list[str]:
    both = _column([value for row in rows for value in (row.estimate, row.standard_error)])
    lines = []
    for position, row in enumerate(rows):
        estimate, error = both[2 * position : 2 * position + 2]
        stars = next(sign for limit, sign in _STARS if row.p <= limit)
        lines.append([row.name, estimate, error, f"{row.df:z.3f}", f"{row.t:z.3f}", format_p(row.p), stars.ljust(3)])
    header = ["", "Estimate", "Std. Error", "df", "t value", "Pr(>|t|)", ""]
    return [*aligned(header, lines), "---", "*** below 0.001, ** below 0.01, * below 0.05, . below 0.1"]


def _correlations(fit: Estimates) -> list[str]:
    errors = np.sqrt(np.diagonal(fit.covariance))
    correlations = fit.covariance / np.outer(errors, errors)
    names = fit.design.fixed_names
    if len(names) > _MOST_CORRELATED:
        return [
            f"  not shown for more than {_MOST_CORRELATED}; cov_params() of the fit in Python has their covariances."
        ]
    rows = [[names[i], *(f"{correlations[i, j]:z.3f}" for j in range(i))] for i in range(1, len(names))]
    return list(aligned(["", *names[:-1]], [row + [""] * (len(names) - len(row)) for row in rows]))


def _evidence(fit: Estimates) -> Iterator[str]:
    certificate = fit.certificate
    if certificate.on_boundary:
        yield "Boundary (singular) fit: " + "; ".join(certificate.faces) + "."
    starts = f"{certificate.agreeing} of {certificate.starts} start{'s' if certificate.starts > 1 else ''}"
    yield (
        f"Certified optimum: gradient {certificate.gradient:.0e}, a further step would gain "
        f"{certificate.decrement:.0e}; {starts} led here."
    )


def _column(values: Sequence[float], size: float | None = None, digits: int = _DIGITS) -> list[str]:
    """Return numbers with decimals for so many digits of that size, else of the smallest, or with an exponent."""
    sizes = [abs(value) for value in values if value != 0 and np.isfinite(value)]
    size = size or min(sizes, default=1.0)
    decimals = digits - 1 - int(np.floor(np.log10(size)))
    if decimals > _MOST_DECIMALS or max(sizes, default=0.0) >= 1e9:
        return [f"{value:.{digits - 1}e}" for value in values]
    return [f"{value:z.{max(0, decimals)}f}" for value in values]
