"""A model fitted to many responses: simulated ones, of which a bootstrap needs thousands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from reference.arrays import Floats, Integers, entry_pairs
from reference.design.design import Design, design_rows
from reference.design.elimination import row_stacks
from reference.design.standardised import choose_columns
from reference.errors import SaturationError
from reference.estimates import Estimates, unit_constant
from reference.likelihood.blocks import Blocks
from reference.likelihood.many_responses import ManyResponses
from reference.optimum.many_responses import find_optima

#: Wraps the iterable of draws, for instance ``rich.progress.track``.
Progress: TypeAlias = Callable[[Iterable[int]], Iterable[int]]

# Numbers that the fits made side by side keep, so that they stay in the processor's cache and in the memory.
_AT_ONCE = 2**18
_MOST_ROWS = 2**24


@dataclass(frozen=True, eq=False)
class Refits:
    """A model fitted to m responses, in the units of the data.

    ``criteria``, (m,), are as ``Estimates.criterion``, ``coefficients``, (m, p), the fixed effects, ``sigmas``, (m,),
    the residual standard deviations; ``factors``, (m, Q, Q), are those of the effects' relative covariance in
    orthonormal units, as ``Optimum.factor``.
    """

    criteria: Floats
    coefficients: Floats
    sigmas: Floats
    factors: Floats


def simulate_responses(fit: Estimates, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield responses (n,) drawn from a fit, new random effects and new residuals each time, without end.

    They are what ``design.matrices.response`` is: less the offset, and times the roots of the weights.
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
    progress: Progress,
) -> tuple[Refits, ...]:
    """Return models of the same rows, each fitted to the same responses drawn from ``source``.

    A ConvergenceError says that a fit cannot be certified, a SaturationError that a model fits every row exactly, and
    that for a response this is the optimum.
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


def reduce_responses(design: Design, responses: Floats, *, reml: bool) -> tuple[ManyResponses, Floats, Floats]:
    """Return the surfaces of responses (m, n) in orthonormal units, their OLS coefficients (m, p) and scales (m,).

    The coefficients are those of the orthonormal X; the scale is the root mean square of a response's residuals. For a
    design with one grouping factor, whose groups can reach the same of X whatever the response is.
    """
    matrices = design.matrices
    # Of all rows at once, as a design read in pieces standardised its columns by the first of them.
    blocks = design_rows(matrices, None).likelihood.data
    assert isinstance(blocks, Blocks)
    n, q, codes = matrices.response.size, blocks.n_random, matrices.codes[0]
    columns = choose_columns(design.encoding, matrices.columns)
    whitened = columns.standardised(matrices.columns) @ blocks.combination[:, :-1]
    fixed = whitened[:, q:]
    ols = responses @ fixed
    left = responses - ols @ fixed.T
    left -= (left @ fixed) @ fixed.T
    scales = np.sqrt(np.einsum("mn,mn->m", left, left) / n)
    rows = np.column_stack([whitened, (left / scales[:, None]).T])[np.argsort(codes, kind="stable")]
    kept, rest = _reduced(rows, np.bincount(codes), q, fixed.shape[1])
    sizes = tuple(len(term.effects) for term in design.terms)
    denominator = n - (fixed.shape[1] if reml else 0)
    parts = (
        np.ascontiguousarray(kept[:, q : whitened.shape[1]]),
        np.ascontiguousarray(kept[:, whitened.shape[1] :].swapaxes(0, 1)),
    )
    surfaces = ManyResponses(
        np.ascontiguousarray(kept[:, :q]), *parts, rest, sizes, denominator, reml, entry_pairs(sizes, sizes)
    )
    return surfaces, ols, scales


def _reduced(rows: Floats, sizes: Integers, q: int, p: int) -> tuple[Floats, Floats]:
    """Return q rows per group that hold all its random effects can reach, (q, k, J), and what is left by response."""
    width, start = rows.shape[1], q + p
    kept = np.zeros((q, width, sizes.size))
    fixed, cross, squares = np.zeros((p, p)), np.zeros((p, width - start)), np.zeros(width - start)
    for groups, stack in row_stacks(rows, sizes):
        basis = np.linalg.qr(stack[:, :, :q])[0]
        heads = basis.swapaxes(1, 2) @ stack
        kept[: heads.shape[1], :, groups] = heads.transpose(1, 2, 0)
        left = (stack - basis @ heads)[:, :, q:].reshape(-1, width - q)
        fixed += left[:, :p].T @ left[:, :p]
        cross += left[:, :p].T @ left[:, p:]
        squares += np.einsum("nm,nm->m", left[:, p:], left[:, p:])
    rest = np.empty((width - start, p + 1, p + 1))
    rest[:, :p, :p], rest[:, :p, p], rest[:, p, :p], rest[:, p, p] = fixed, cross.T, cross.T, squares
    return kept, rest
