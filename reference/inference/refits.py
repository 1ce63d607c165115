"""A model fitted to many responses: simulated ones, of which a bootstrap needs thousands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from reference.arrays import Floats
from reference.design.design import design_rows
from reference.design.many_responses import reduce_responses
from reference.errors import SaturationError
from reference.estimates import Estimates, unit_constant
from reference.likelihood.blocks import Blocks
from reference.optimum.many_responses import find_optima

# Numbers that the fits made side by side keep, so that they stay in the processor's cache and in the memory.
_AT_ONCE = 2**18
_MOST_ROWS = 2**24


@dataclass(frozen=True, eq=False)
class Refits:
    """A model fitted to m responses, in the units of the data.

    Parameters
    ----------
    criteria : (m,)
        As ``Estimates.criterion``.
    coefficients : (m, p)
        Fixed effects.
    sigmas : (m,)
        Residual standard deviations.
    factors : (m, Q, Q)
        Factors of the effects' relative covariance, in orthonormal units, as ``Optimum.factor``.
    """

    criteria: Floats
    coefficients: Floats
    sigmas: Floats
    factors: Floats


def simulate_responses(fit: Estimates, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield responses (n,) drawn from a fit, new random effects and new residuals each time, without end.

    They are what ``design.matrices.response`` is: less the offset, and times the roots of the weights.

    Raises
    ------
    DesignError
        If the fit kept no rows.
    """
    matrices = fit.design.matrices
    expected = matrices.fixed @ fit.coefficients
    parts = [
        (fit.sigma * term.relative_factor, effects, matrices.codes[term.factor], len(term.levels))
        for term, effects in zip(fit.terms, matrices.random, strict=True)
    ]
    while True:
        response = expected + fit.sigma * rng.standard_normal(expected.size)
        for factor, effects, codes, count in parts:
            modes = rng.standard_normal((count, len(factor))) @ factor.T
            response += np.einsum("iq,iq->i", effects, modes[codes])
        yield response


def refit_simulated(
    fits: tuple[Estimates, ...],
    source: Estimates,
    draws: int,
    seed: int,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> tuple[Refits, ...]:
    """Return models of the same rows, each fitted to the same responses drawn from ``source``.

    Raises
    ------
    DesignError
        If a fit kept no rows.
    SaturationError
        If a model fits every row exactly, and for a response that is the optimum.
    ConvergenceError
        If the fit to a response cannot be certified.
    """
    responses, waiting = simulate_responses(source, np.random.default_rng(seed)), []
    found: list[tuple[Refits, ...]] = []
    most = min(map(_at_once, fits))
    for draw in progress(range(draws)):
        waiting.append(next(responses))
        if len(waiting) == most or draw == draws - 1:
            try:
                found.append(tuple(refit_responses(fit, np.array(waiting)) for fit in fits))
            except SaturationError as error:
                raise SaturationError(f"of responses simulated from the fit, one cannot be fitted: {error}") from error
            waiting.clear()
    return tuple(_joined(parts) for parts in zip(*found, strict=True))


def refit_responses(fit: Estimates, responses: Floats) -> Refits:
    """Return a model, by ML or REML as it was, fitted to other responses (m, n) in the place of its own.

    With one grouping factor all of them are fitted side by side, and one by one only where that finds no certified
    optimum, or where the model fits every row exactly if the residual variance vanishes.

    Raises
    ------
    DesignError
        If the fit kept no rows.
    ConvergenceError
        If the fit to a response cannot be certified.
    """
    if fit.design.saturated or not isinstance(fit.design.likelihood.data, Blocks):
        return _joined([_refit(fit, response) for response in responses])
    surfaces, ols, scales = reduce_responses(fit.design, responses, reml=fit.reml)
    best, certified = find_optima(surfaces, fit.optimum.factor, fit.optimum.surface.weight)
    constant = unit_constant(fit.design, reml=fit.reml) - 2.0 * surfaces.denominator * np.log(fit.design.units.scale)
    beta = -best.inverse[:, -1, :-1] / best.inverse[:, -1, -1:]
    found = Refits(
        criteria=best.criterion + constant + 2.0 * surfaces.denominator * np.log(scales),
        coefficients=np.asarray(np.linalg.solve(fit.design.units.fixed.root, (ols + scales[:, None] * beta).T).T),
        sigmas=scales / np.abs(best.inverse[:, -1, -1]) / np.sqrt(surfaces.denominator),
        factors=best.rotation * best.scales[:, None],
    )
    for one in np.flatnonzero(~certified):
        alone = _refit(fit, responses[one])
        for values, value in zip(vars(found).values(), vars(alone).values(), strict=True):
            values[one] = value[0]
    return found


def _at_once(fit: Estimates) -> int:
    """Return how many responses are fitted side by side."""
    numbers = fit.optimum.surface.cost * fit.optimum.scales.size * (fit.optimum.scales.size + fit.coefficients.size)
    return max(1, min(_AT_ONCE // numbers, _MOST_ROWS // fit.design.n_observations))


def _refit(fit: Estimates, response: Floats) -> Refits:
    design = design_rows(replace(fit.design.matrices, response=response), fit.design.table)
    alone = Estimates.of_design(design, reml=fit.reml)
    numbers = (alone.criterion, alone.coefficients, alone.sigma, alone.optimum.factor)
    return Refits(*(np.asarray(value)[None] for value in numbers))


def _joined(parts: Iterable[Refits]) -> Refits:
    return Refits(*map(np.concatenate, zip(*(vars(part).values() for part in parts), strict=True)))
