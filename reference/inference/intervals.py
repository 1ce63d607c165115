"""Standard errors of variances, and confidence intervals: Wald's, and those of the profile likelihood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import ndtri

from reference.arrays import block_slices
from reference.errors import DesignError
from reference.estimates import Estimates
from reference.inference.profile_likelihood import EffectSlice, Place, Slice, VarianceParameter, VarianceSlice, place_of
from reference.optimum.starts import choose_starts

SIGMA = "sigma"
# How precisely a limit is solved for, relative to the distance of its guess from the estimate.
_PRECISION = 1e-10
# A deviance this far below the cutoff at what was taken for a limit means that it was not the lowest.
_LOWER = 1e-6
# How far a guess of a limit is moved out when it falls short, at least, and how often.
_OUTWARD = 1.25
_MOST_MOVES = 100
_MOST_LIMITS = 5
# What a standard error of a correlation may add to a guess at most.
_MOST_SPREAD = 0.5


@dataclass(frozen=True)
class Interval:
    """A parameter, its estimate and its confidence limits, in units of the data.

    Named ``sd effect | group``, ``correlation effect, effect | group``, ``sigma``, or by the fixed effect. The
    estimate of a correlation is nan where one of the deviations is zero.
    """

    name: str
    estimate: float
    lower: float
    upper: float


def wald_intervals(fit: Estimates, level: float = 0.95) -> tuple[Interval, ...]:
    """Return normal-theory intervals of the variance parameters and the fixed effects.

    Symmetric on the scale of the fixed effects, of the logarithm of a standard deviation, and of Fisher's z of a
    correlation, with standard errors from the inverse exact Hessian of the criterion by the delta method. The
    parameters of a random term on the boundary are left out: they have no normal approximation.

    Parameters
    ----------
    fit : Estimates
        ML or REML.
    level : float
        Between 0 and 1.

    Returns
    -------
    tuple of Interval
        By random term the lower triangle of the covariance, column by column (as lme4's); sigma; fixed effects.

    Raises
    ------
    DesignError
        If the level is not between 0 and 1.

    References
    ----------
    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 2.4.3; for the fixed effects lme4's
    ``confint(method = "Wald")``.
    """
    z = normal_quantile(level)
    rows = []
    for parameter in variance_parameters(fit):
        estimate, error = estimate_of(fit, parameter), _error(fit, parameter)
        if np.isinf(error):
            continue
        forth, back = (np.arctanh, np.tanh) if len(parameter.effects) == 2 else (np.log, np.exp)
        middle = float(forth(estimate))
        rows.append(
            Interval(parameter.name, estimate, float(back(middle - z * error)), float(back(middle + z * error)))
        )
    reach = z * np.sqrt(np.diagonal(fit.covariance))
    limits = (fit.coefficients, fit.coefficients - reach, fit.coefficients + reach)
    return (*rows, *map(Interval, fit.design.fixed_names, *(values.tolist() for values in limits)))


def profile_intervals(fit: Estimates, level: float = 0.95) -> tuple[Interval, ...]:
    """Return the intervals in which no value of a parameter is rejected by a likelihood-ratio test on 1 df.

    A limit is where the ML deviance, minimised over all other parameters, rises above its minimum by the square of the
    normal quantile on the way from the estimate outwards; several starts look for a lower deviance there. Where it
    stays below that up to the boundary of the parameter space, the limit is the boundary: 0 for a standard deviation
    (the deviance is that of the model without the effect) and -1 or 1 for a correlation. If the deviance rises above
    that more than once, the limit is one of these places.

    Parameters
    ----------
    fit : Estimates
        A REML fit is refitted by ML, so the estimates are those of ML. Singular fits are welcome.
    level : float
        Between 0 and 1.

    Returns
    -------
    tuple of Interval
        In the order of :func:`wald_intervals`, with all variance parameters.

    Raises
    ------
    DesignError
        If the level is not between 0 and 1.
    ConvergenceError
        If the minimum at some value of a parameter is not found.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 5.1: lme4's
    ``confint(method = "profile")``, which reads the limits off a spline where these are solved for.
    """
    z = normal_quantile(level)
    best = Estimates.of_design(fit.design, reml=False) if fit.reml else fit
    surface = best.optimum.surface
    starts = (best.optimum.factor, *(start.factor for start in choose_starts(surface)[:2]))
    return (
        *(_profile_variance(VarianceSlice(best, parameter, starts), z) for parameter in variance_parameters(best)),
        *(_profile_effect(best, effect, z) for effect in range(best.coefficients.size)),
    )


def variance_parameters(fit: Estimates) -> Iterator[VarianceParameter]:
    """Yield the lower triangles of the terms' covariances, column by column, and sigma."""
    for position, term in enumerate(fit.terms):
        for column, name in enumerate(term.effects):
            yield VarianceParameter(f"sd {name} | {term.name}", position, (column,))
            for row in range(column + 1, len(term.effects)):
                label = f"correlation {name}, {term.effects[row]} | {term.name}"
                yield VarianceParameter(label, position, (row, column))
    yield VarianceParameter(SIGMA, -1, ())


def estimate_of(fit: Estimates, parameter: VarianceParameter) -> float:
    """Return the estimate of a variance parameter; nan for a correlation with an effect that does not vary."""
    if not parameter.effects:
        return fit.sigma
    rows = fit.terms[parameter.term].relative_factor[list(parameter.effects)]
    lengths = np.linalg.norm(rows, axis=1)
    if len(rows) == 1:
        return fit.sigma * float(lengths[0])
    if not lengths.all():
        return float("nan")
    return float(np.clip(rows[0] @ rows[1] / lengths.prod(), -1.0, 1.0))


def variance_standard_errors(fit: Estimates) -> Mapping[tuple[str, str], float]:
    """Return asymptotic standard errors of the variances, by (random term, effect), and ``("Residual", "")``.

    From the inverse Hessian of the criterion over the factor and the residual variance, by the delta method,
    in squared units of the data. A term on the boundary is left out: its variances have no normal approximation.

    References
    ----------
    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 2.4.3.
    """
    errors = {("Residual", ""): 2.0 * fit.sigma**2 * _error(fit, VarianceParameter(SIGMA, -1, ()))}
    for position, term in enumerate(fit.terms):
        for effect, name in enumerate(term.effects):
            error = _error(fit, VarianceParameter(name, position, (effect,)))
            if np.isfinite(error):
                errors[term.name, name] = 2.0 * float(term.covariance[effect, effect]) * error
    return MappingProxyType(errors)


def normal_quantile(level: float) -> float:
    """Return how many standard errors the limits of a normal interval lie from the estimate, or refuse the level."""
    if not 0.0 < level < 1.0:
        raise DesignError(f"a confidence level must lie between 0 and 1, such as 0.95; got {level}.")
    return float(ndtri(0.5 + level / 2.0))


def _error(fit: Estimates, parameter: VarianceParameter) -> float:
    """Return the standard error of a log deviation or of Fisher's z; infinity for a term on the boundary."""
    optimum, position, effects = fit.optimum, parameter.term, list(parameter.effects)
    if effects and fit.terms[position].rank < len(fit.terms[position].effects):
        return float("inf")
    # Sigma² given the factor has variance 2 sigma⁴ / nu.
    own = 0.5 / optimum.point.denominator
    if not optimum.rank:
        return float(np.sqrt(own))
    local = optimum.active
    rate = 0.5 * local.log_residual
    if effects:
        part = block_slices(optimum.surface.sizes)[position]
        back = np.linalg.inv(fit.terms[position].root)[effects]
        rows, moved = back @ optimum.factor[part], back @ optimum.active_directions[:, part]
        lengths = np.linalg.norm(rows, axis=1)[:, None]
        rows, moved = rows / lengths, moved / lengths
        growth = (moved * rows).sum(axis=2)
        if len(effects) == 1:
            rate = rate + growth[:, 0]
        else:
            correlation, own = float(rows[0] @ rows[1]), 0.0
            turned = moved[:, 0] @ rows[1] + moved[:, 1] @ rows[0] - correlation * growth.sum(axis=1)
            rate = turned / (1.0 - correlation**2)
    return float(np.sqrt(2.0 * rate @ np.linalg.solve(local.hessian, rate) + own))


def _profile_variance(along: VarianceSlice, z: float) -> Interval:
    fit, parameter = along.fit, along.parameter
    estimate, error = estimate_of(fit, parameter), _error(fit, parameter)
    if np.isnan(estimate):
        # Any correlation with an effect that does not vary is as good as another.
        return Interval(parameter.name, estimate, -1.0, 1.0)
    # On the boundary the error is infinite, and fmin takes the other value.
    if len(parameter.effects) == 2:
        spread = float(np.fmin((1.0 - estimate**2) * error, _MOST_SPREAD))
        limits = _limits(along, estimate, spread, (-1.0, 1.0), z)
    elif parameter.effects:
        # The deviation that makes an effect vary as much as the residual.
        unit = fit.sigma / np.linalg.norm(fit.terms[parameter.term].root[:, parameter.effects[0]])
        spread = float(np.fmin(estimate * error, estimate + unit))
        limits = _limits(along, estimate, spread, (0.0, np.inf), z)
    else:
        logarithms = _limits(along, float(np.log(estimate)), error, (-np.inf, np.inf), z)
        limits = (float(np.exp(logarithms[0])), float(np.exp(logarithms[1])))
    return Interval(parameter.name, estimate, *limits)


def _profile_effect(fit: Estimates, effect: int, z: float) -> Interval:
    estimate, error = float(fit.coefficients[effect]), float(np.sqrt(fit.covariance[effect, effect]))
    limits = _limits(EffectSlice(fit, effect), estimate, error, (-np.inf, np.inf), z)
    return Interval(fit.design.fixed_names[effect], estimate, *limits)


def _limits(along: Slice, estimate: float, spread: float, bounds: tuple[float, float], z: float) -> tuple[float, float]:
    """Return the limits on both sides; ``spread`` is about a standard error."""
    centre = place_of(along.fit, estimate, along.fit.optimum)
    return (
        _limit(along, centre, estimate - z * spread, bounds[0], z),
        _limit(along, centre, estimate + z * spread, bounds[1], z),
    )


def _limit(along: Slice, centre: Place, guess: float, bound: float, z: float) -> float:
    """Return where the profile, going from the centre through the guess, crosses the cutoff; or the bound."""
    inner = centre
    for _ in range(_MOST_LIMITS):
        limit = _cross(along, inner, guess, bound, z)
        if limit.value == bound:
            break
        inner = along.anywhere(limit.value, limit)
        if inner.excess >= z**2 - _LOWER:
            break
        guess = limit.value + 0.1 * (limit.value - centre.value)
    return limit.value


def _cross(along: Slice, inner: Place, guess: float, bound: float, z: float) -> Place:
    """Return the place at the cutoff beyond an inner place below it; or at the bound, if that is below it too."""
    # Imported here because it takes as long as pandas, and a fit without intervals does without.
    from scipy.optimize import brentq

    places = {inner.value: inner}

    def above(value: float) -> float:
        if value not in places:
            near = min(places.values(), key=lambda place: abs(place.value - value))
            places[value] = along.lowest(value, near)
        return float(np.sqrt(max(0.0, places[value].excess))) - z

    last, far = inner.value, guess
    for _ in range(_MOST_MOVES):
        if abs(far - inner.value) >= abs(bound - inner.value):
            far = bound
        if above(far) > 0 or far == bound:
            break
        last, stretch = far, max(_OUTWARD, 1.1 * z / (above(far) + 1.1 * z))
        far = inner.value + stretch * (far - inner.value)
    if above(far) > 0:
        far = float(brentq(above, last, far, xtol=_PRECISION * abs(far - inner.value), rtol=1e-14))
    return places[far]
