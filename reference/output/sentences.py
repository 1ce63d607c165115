"""A fit in sentences, with its numbers filled in: what it says of the predictors, of the groups, and of the models."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtrit

from reference.data.formula import INTERCEPT
from reference.estimates import Estimates, FittedTerm
from reference.inference.comparison import LikelihoodRatio
from reference.inference.diagnostics import ALPHA
from reference.inference.group_uncertainty import SURE, probability_top, slope_intervals
from reference.inference.ranking import slope_term
from reference.inference.satterthwaite import coefficient_tests
from reference.inference.slope_contrasts import slope_contrasts
from reference.inference.variance import variance_shares

LEVEL = 0.95


def interpret_fixed_effects(fit: Estimates) -> tuple[str, ...]:
    """Return one sentence per predictor: its effect on the response, its 95 % interval and p on Satterthwaite's df."""
    sentences = []
    for row in coefficient_tests(fit):
        if row.name == INTERCEPT:
            continue
        reach = float(stdtrit(row.df, 0.5 + LEVEL / 2.0)) * row.standard_error
        limits = f"{LEVEL:.0%} interval {_number(row.estimate - reach)} to {_number(row.estimate + reach)}, {_p(row.p)}"
        effect = f"{_number(abs(row.estimate))} {'more' if row.estimate >= 0 else 'less'} of {fit.model.response}"
        verdict = "" if row.p < ALPHA else "; the data do not rule out that it makes no difference"
        sentences.append(f"All else equal, one unit more of {row.name} goes with {effect} ({limits}){verdict}.")
    return tuple(sentences)


def interpret_random_effects(fit: Estimates) -> tuple[str, ...]:
    """Return one sentence per random effect: how far the groups differ, and where on the boundary the fit lies.

    The range given holds 95 % of all groups if their effects are normal. A variance of zero and a correlation of one
    are said to be that.
    """
    sentences = []
    for term in fit.terms:
        deviations = np.sqrt(np.diagonal(term.covariance)).tolist()
        sentences += [
            _spread(fit, term, effect, deviation) for effect, deviation in zip(term.effects, deviations, strict=True)
        ]
        if term.face:
            sentences.append(
                f"The fit is singular ({term.face}): the data do not tell all of these effects apart, so read "
                "the variances as a description, and do not interpret the correlation."
            )
    return tuple(sentences)


def interpret_shares(fit: Estimates) -> tuple[str, ...]:
    """Return the ICC and R² in words; defined at singular fits too, where some software prints NA."""
    shares, groups = variance_shares(fit), " and ".join(dict.fromkeys(term.group for term in fit.terms))
    return (
        f"Of the variance in {fit.model.response} that the predictors leave, {_percent(shares.icc_adjusted)} lies "
        f"between groups of {groups} (adjusted ICC {shares.icc_adjusted:.3f}); of all of it, "
        f"{_percent(shares.icc_unadjusted)} does (unadjusted ICC {shares.icc_unadjusted:.3f}).",
        f"The predictors account for {_percent(shares.r2_marginal)} of the variance (marginal R² "
        f"{shares.r2_marginal:.3f}), together with the groups {_percent(shares.r2_conditional)} (conditional R² "
        f"{shares.r2_conditional:.3f}).",
    )


def interpret_comparison(test: LikelihoodRatio, smaller: str, larger: str) -> tuple[str, ...]:
    """Return what a likelihood-ratio test of two models, by their names, says, and which model to keep."""
    p = test.p if np.isnan(test.p_boundary) else test.p_boundary
    laws = _p(test.p) + ("" if p == test.p else f"; on the boundary {_p(p)}")
    better = [name for name, gain in (("AIC", test.aic_gain), ("BIC", test.bic_gain)) if gain > 0]
    criteria = " and ".join(better) if better else "neither AIC nor BIC"
    keep = f"keep the {larger} model" if p < ALPHA else f"the {smaller} model is enough"
    return (
        f"The {larger} model fits better than the {smaller} one by {_number(test.statistic)} in -2 log-likelihood for "
        f"{test.df} more parameter{'s' if test.df > 1 else ''} ({laws}), and {criteria} "
        f"{'prefer' if len(better) == 2 else 'prefers'} it: {keep}.",
    )


def interpret_ranking(fit: Estimates, predictor: str, count: int = 5) -> tuple[str, ...]:
    """Return who leads by slope, how sure that is, and which groups differ from the average at all.

    Raises
    ------
    DesignError
        As for :func:`~reference.inference.group_uncertainty.probability_top`.
    """
    rows = slope_intervals(fit, predictor, LEVEL)
    chances = probability_top(fit, predictor, count)
    top = ", ".join(f"{row.group} ({_percent(chances[row.group])})" for row in rows[:count])
    lead, term = rows[0], slope_term(fit, predictor)
    like = " of groups like them" if len(slope_contrasts(fit, predictor, term)) > 1 else ""
    tiers = {tier: [str(row.group) for row in rows if row.tier == tier] for tier in ("above", "below")}
    named = [f"{', '.join(groups)} ({side} it)" for side, groups in tiers.items() if groups]
    apart = "; ".join(named) if named else "none does"
    return (
        f"The steepest slope of {predictor} is that of {term.group} {lead.group}: {_number(lead.slope)} "
        f"({LEVEL:.0%} interval {_number(lead.lower)} to {_number(lead.upper)}).",
        f"The {count} steepest, with the probability of being among them: {top}.",
        f"Different from the average slope{like} with a probability of at least {SURE:.0%}: {apart}; the other "
        f"{sum(row.tier == 'unclear' for row in rows)} cannot be told from it.",
    )


def _spread(fit: Estimates, term: FittedTerm, effect: str, deviation: float) -> str:
    what = "The level at predictors of zero" if effect == INTERCEPT else f"The slope of {effect}"
    if deviation == 0:
        return f"{what} does not vary between groups of {term.group} beyond what chance explains."
    middle = fit.fixed_effects.get(effect, 0.0)
    reach = float(ndtri(0.5 + LEVEL / 2.0)) * deviation
    limits = f"{_number(middle - reach)} and {_number(middle + reach)}"
    return (
        f"{what} varies between groups of {term.group} with a standard deviation of {_number(deviation)} around "
        f"{_number(middle)}, so {LEVEL:.0%} of groups lie between {limits}."
    )


def _number(value: float) -> str:
    return f"{value:z.3g}"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def _p(p: float) -> str:
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.4f}"
