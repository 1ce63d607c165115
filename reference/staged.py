"""The profiled ML and REML criterion of a model with several grouping factors, nested or crossed. Arrays only.

The factors are eliminated one after the other, the one with the most levels first: given the others its levels are
independent. What is left of each *unit* (at first the levels; then whatever levels of the next factor they tie
together) is a small dense matrix over the later levels it touches and [X y], its *front*, handed on to the one unit
of the next factor that contains it. Nested factors keep every unit small, so that the cost is linear in the number
of levels; crossed ones end in one dense front of the order of all but the largest factor. This is the multifrontal
form of a sparse Cholesky factorisation, with units of similar size batched: the elimination tree of a mixed model is
no deeper than its factors are many, so numpy on stacks of matrices does what CHOLMOD would, its derivatives need
dense products anyway, and no compiled dependency is added. The price is that a dense remainder is refused beyond
6,000 effects.

Notation, per unit: its front S = [[G, H], [Hᵀ, E]], own effects first; Λ = L Lᵀ repeated for each own level. Then
B = L (I + LᵀGL)⁻¹ Lᵀ is the covariance of its effects given the rest, N = I - G B, the leverage A = N G, the pull
V = N H, the reach K = -B H, and E - HᵀBH is handed on. At the first factor A = RᵀW⁻¹R and V = RᵀW⁻¹P come from the
root R and the heads P of each level, W = I + R Λ Rᵀ, so that only sums of squares are added.

Derivatives run forwards through the stages to first order, one tangent per direction; an adjoint Φ of every front
then runs backwards, and picks up the gradient and the Hessian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from reference.errors import DesignError
from reference.likelihood import Derivatives
from reference.panel import Floats, Integers

# The order of the largest dense front; the fronts of a stage together hold no more numbers than one such.
_MOST_EFFECTS = 6_000
# Numbers in one batch of the first stage, so that a batch stays in memory.
_BATCH = 2_000_000
# A number added to a front in its place costs this many multiplications of a dense product.
_SCATTER = 50
# A column this much smaller than it was before those to its left were taken out is a combination of them.
_DEPENDENT = 1e-10


@dataclass(frozen=True, eq=False)
class Batch:
    """Units of one stage, padded to one shape.

    Parameters
    ----------
    own : (U, o), out : (U, r)
        The effects eliminated, and the later effects and columns of ``[X y]`` they touch, as numbers counted
        through all effects in the order of elimination; the highest number is padding.
    first : int
        Where their fronts (U, o + r, o + r) begin in the storage of the stage.
    start, width : (U,), place : (U, r)
        Where the front each is handed on to begins in the next stage's storage, its order, and the places of
        ``out`` in it; padding is at place 0, where it adds zeros.
    """

    own: Integers
    out: Integers
    first: int
    start: Integers
    width: Integers
    place: Integers

    @property
    def index(self) -> Integers:
        """Where in the next stage's storage the (U, r, r) handed on are added, flat."""
        rows = self.start[:, None] + self.place * self.width[:, None]
        return (rows[:, :, None] + self.place[:, None, :]).ravel()

    def gather(self, storage: Floats) -> Floats:
        """Return what the next stage's storage holds at the places of ``out``, (U, r, r)."""
        return storage[self.index].reshape(*self.out.shape, -1)

    def add(self, storage: Floats, handed: Floats) -> None:
        """Add (U, r, r) to the next stage's storage."""
        np.add.at(storage, self.index, handed.ravel())

    def front(self, storage: Floats) -> Floats:
        """Return the fronts, (U, o + r, o + r): a view."""
        count, order = self.own.shape[0], self.own.shape[1] + self.out.shape[1]
        return storage[self.first : self.first + count * order**2].reshape(count, order, order)


@dataclass(frozen=True, eq=False)
class Leaves:
    """Levels of the first factor in groups that share a front: c levels each, (U, c), the number J being padding.

    ``rows`` (U, c, q, q + r) holds the root and the heads, ``[R P]``, of each.
    """

    batch: Batch
    levels: Integers
    rows: Floats


@dataclass(frozen=True, eq=False)
class Stages:
    """What the profiled likelihood needs of the data, by the stages of its evaluation.

    Parameters
    ----------
    n_observations, n_fixed : int
        Rows of the table, and fixed effects p.
    sizes, n_levels : tuple of int
        Columns q_f and levels J_f of each factor, as given.
    order : tuple of int
        The factors in the order of elimination.
    leaves : tuple of Leaves
        The first factor.
    fronts : tuple of tuple of Batch
        The later factors.
    storage : tuple of arrays
        What each front holds before anything is handed on to it, one flat array for each later factor and, last,
        one for ``[X y]``.
    """

    n_observations: int
    n_fixed: int
    sizes: tuple[int, ...]
    n_levels: tuple[int, ...]
    order: tuple[int, ...]
    leaves: tuple[Leaves, ...]
    fronts: tuple[tuple[Batch, ...], ...]
    storage: tuple[Floats, ...]

    @property
    def offsets(self) -> tuple[int, ...]:
        """The number of the first effect of each factor in the order of elimination, then that of X."""
        return (0, *accumulate(self.sizes[f] * self.n_levels[f] for f in self.order))

    def split(self, matrices: Floats) -> list[Floats]:
        """Return the diagonal blocks of (..., Q, Q) in the order of elimination."""
        ends = list(accumulate(self.sizes))
        slices = [slice(ends[f] - self.sizes[f], ends[f]) for f in self.order]
        return [matrices[..., part, part] for part in slices]


@dataclass(frozen=True, eq=False)
class StagedProfile:
    """The criterion at one factor, and the estimates there; as in :class:`~reference.likelihood.Profile`.

    Parameters
    ----------
    criterion : float
        -2 log-likelihood (ML) or its REML counterpart, constants included.
    beta : (p,)
        Generalised least squares coefficients.
    inverse_root : (p, p)
        N, lower triangular, with Nᵀ N = (X'V⁻¹X)⁻¹.
    residual_sum : float
        Profiled residual sum of squares.
    denominator : int
        What it is divided by for the residual variance: n under ML, n - p under REML.
    """

    criterion: float
    beta: Floats
    inverse_root: Floats
    residual_sum: float
    denominator: int

    @property
    def residual_variance(self) -> float:
        """The profiled residual variance."""
        return self.residual_sum / self.denominator

    @property
    def inverse_information(self) -> Floats:
        """(X'V⁻¹X)⁻¹, (p, p); times the residual variance it is the covariance of ``beta``."""
        return self.inverse_root.T @ self.inverse_root


def build_stages(codes: Sequence[Integers], effects: Sequence[Floats], columns: Floats) -> Stages:
    """Return the stages of a model with several grouping factors.

    Parameters
    ----------
    codes : F arrays (n,)
        The level of each row, 0 to J_f - 1, each of which must occur.
    effects : F arrays (n, q_f)
        Z_f, one after the other the columns whose coefficients vary over the levels of factor f.
    columns : (n, p + 1)
        ``[X y]``, response last. Columns of similar size lose the fewest digits.

    Raises
    ------
    DesignError
        If the factors other than the largest are tied together in fronts too large to be dense.
    """
    counts = tuple(int(code.max()) + 1 for code in codes)
    for factor, code in enumerate(codes):
        empty = np.flatnonzero(np.bincount(code) == 0)
        if empty.size:
            raise DesignError(f"level {empty[0]} of factor {factor} has no rows; number the levels that occur.")
    order = tuple(sorted(range(len(codes)), key=lambda f: -counts[f]))
    rows = _Rows([codes[f] for f in order], [effects[f] for f in order], columns, [counts[f] for f in order])
    units = rows.units()
    groups = _group_levels(rows, units[1])
    layouts = [rows.lay_out(groups, 1, np.bincount(_last(rows.codes[0], groups)))]
    layouts += [rows.lay_out(unit, stage) for stage, unit in enumerate(units[1:], start=1)]
    members = [groups, *units[1:]]
    batches = [
        layout.batches(following, _last(unit, parent))
        for layout, following, unit, parent in zip(layouts[:-1], layouts[1:], members[:-1], members[1:], strict=True)
    ]
    storage = [np.zeros(layout.size) for layout in layouts[1:]]
    leaves = _fill(rows, groups, units[1], layouts, batches[0], storage)
    sizes = tuple(effect.shape[1] for effect in effects)
    return Stages(
        *(columns.shape[0], columns.shape[1] - 1, sizes, counts, order),
        *(leaves, tuple(tuple(batch) for batch in batches[1:]), tuple(storage)),
    )


def staged_profile(factor: Floats, stages: Stages, *, reml: bool) -> StagedProfile:
    """Return the profiled deviance (ML) or REML criterion of a model with several grouping factors.

    Parameters
    ----------
    factor : (Q, Q), unit-free
        Block-diagonal, one block L_f per grouping factor in the order given to :func:`build_stages`; the effects
        of a level of factor f have covariance sigma² · L_f · L_fᵀ. Any square blocks will do, of any rank.
    stages : Stages
        In whatever units; the criterion is that of the matrices the stages came from.
    reml : bool
        True for the REML criterion.

    Returns
    -------
    StagedProfile
        Its ``criterion`` is on the -2 log-likelihood scale, constants included, comparable with lme4's
        ``deviance()`` and ``REMLcrit()``.

    Raises
    ------
    numpy.linalg.LinAlgError
        If X is rank deficient.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 3.
    """
    reduced, p = _reduce(factor, stages), stages.n_fixed
    pivots = np.log(np.diagonal(reduced.triangle))
    inverse: Any = np.linalg.inv(reduced.triangle)
    count = _denominator(stages, reml=reml)
    value = reduced.log_determinant + count * (1.0 + np.log(2.0 * np.pi / count) + 2.0 * pivots[p])
    return StagedProfile(
        criterion=float(value + 2.0 * pivots[:p].sum() if reml else value),
        beta=-inverse[p, :p] * reduced.triangle[p, p],
        inverse_root=inverse[:p, :p],
        residual_sum=float(reduced.triangle[p, p]) ** 2,
        denominator=count,
    )


def staged_derivatives(factor: Floats, directions: Floats, stages: Stages, *, reml: bool) -> Derivatives:
    """Return the exact derivatives of the criterion at a factor.

    Parameters
    ----------
    factor : (Q, Q)
        As for :func:`staged_profile`.
    directions : (k, Q, Q)
        The k ways the factor may move, block-diagonal as it is.
    stages : Stages
        As for :func:`staged_profile`.
    reml : bool
        As for :func:`staged_profile`.

    Notes
    -----
    With D_a the first derivative of Λ, a front hands on [K; I]ᵀ dS_a [K; I] - Vᵀ D_a V. What the way back adds to
    gradient and Hessian is in :func:`_curve` and :func:`_curve_front`. At the end F_a = T⁻¹ dM_a T⁻ᵀ is what it is
    in :func:`~reference.likelihood.derivatives`.
    """
    reduced, width = _reduce(factor, stages), stages.n_fixed + 1
    moves = [_Moves.of(block, ways) for block, ways in zip(reduced.factors, stages.split(directions), strict=True)]
    forward = _move_forward(reduced, moves, stages)
    inverse = np.linalg.inv(reduced.triangle)
    change = np.zeros((len(directions), width, width))
    for way, flat in forward.tangents[-1].items():
        change[way] = inverse @ flat.reshape(width, width) @ inverse.T
    weights = np.full(width, 1.0 if reml else 0.0)
    weights[-1] = _denominator(stages, reml=reml)
    pairs = np.maximum.outer(weights, weights)
    gradient, hessian = np.zeros(len(directions)), -np.einsum("aij,bij->ab", change * pairs, change)
    adjoint = ((inverse.T * weights) @ inverse).ravel()
    for stage in reversed(range(len(stages.fronts))):
        below = np.zeros_like(stages.storage[stage])
        for batch, gains in zip(stages.fronts[stage], forward.gains[stage], strict=True):
            phi = batch.gather(adjoint)
            batch.front(below)[:] = gains.adjoint(phi)
            _curve_front(batch, gains, phi, moves[stage + 1], forward.tangents[stage], gradient, hessian)
        adjoint = below
    for leaf, (leverage, pull) in zip(stages.leaves, forward.leaves, strict=True):
        spent = _spent(pull, leaf.batch.gather(adjoint))
        _curve(moves[0], leverage, spent, (leverage - spent).sum(axis=(0, 1)), gradient, hessian)
    return Derivatives(gradient, (hessian + hessian.T) / 2.0, change[:, -1, -1], change[:, :-1, :-1])


def staged_modes(factor: Floats, stages: Stages, point: StagedProfile) -> tuple[Floats, ...]:
    """Return the conditional modes of the effects of each grouping factor, (J_f, q_f), in the units of the data.

    ``point`` is ``staged_profile(factor, stages, ...)``.
    """
    reduced, offsets = _reduce(factor, stages), stages.offsets
    values = np.concatenate([np.zeros(offsets[-1]), point.beta, [-1.0, 0.0]])
    for stage in reversed(range(len(stages.fronts))):
        for batch, lower in zip(stages.fronts[stage], reduced.lowers[stage], strict=True):
            reach = _gains(batch, lower, reduced, stage).reach
            values[batch.own] = (reach @ values[batch.out][:, :, None])[:, :, 0]
            values[-1] = 0.0
    relative, q = reduced.factors[0], stages.sizes[stages.order[0]]
    modes = [values[start:stop] for start, stop in pairwise(offsets)]
    first = np.zeros((stages.n_levels[stages.order[0]] + 1, q))
    for leaf, whitened in zip(stages.leaves, reduced.whitened, strict=True):
        _, pull = _leaf_gains(whitened)
        first[leaf.levels] = -(pull @ values[leaf.batch.out][:, None, :, None])[..., 0] @ relative @ relative.T
    modes[0] = first[:-1]
    return tuple(modes[stages.order.index(f)].reshape(-1, stages.sizes[f]) for f in range(len(stages.sizes)))


def staged_conditional_covariance(factor: Floats, stages: Stages) -> tuple[Floats, ...]:
    """Return the covariance of each level's effects given the data and beta, over the residual variance.

    The diagonal blocks (J_f, q_f, q_f) of Λ^½ (Λ^½ᵀ Z'Z Λ^½ + I)⁻¹ Λ^½ᵀ for each grouping factor; times the residual
    variance they are lme4's ``condVar``.
    """
    reduced = _reduce(factor, stages)
    found = [np.zeros((stages.n_levels[f] + 1, stages.sizes[f], stages.sizes[f])) for f in stages.order]
    adjoint = np.zeros_like(stages.storage[-1])
    for stage in reversed(range(len(stages.fronts))):
        below, q = np.zeros_like(stages.storage[stage]), stages.sizes[stages.order[stage + 1]]
        for batch, lower in zip(stages.fronts[stage], reduced.lowers[stage], strict=True):
            front = batch.front(below)
            front[:] = _gains(batch, lower, reduced, stage).adjoint(batch.gather(adjoint))
            count, own = batch.own.shape
            blocks = front[:, :own, :own].reshape(count, own // q, q, own // q, q)
            levels = np.minimum((batch.own[:, ::q] - stages.offsets[stage + 1]) // q, len(found[stage + 1]) - 1)
            found[stage + 1][levels] = np.diagonal(blocks, axis1=1, axis2=3).transpose(0, 3, 1, 2)
        adjoint = below
    relative = reduced.factors[0]
    reach, eye = relative @ relative.T, np.eye(len(relative))
    for leaf, whitened in zip(stages.leaves, reduced.whitened, strict=True):
        spread = leaf.rows[..., : len(relative)] @ relative
        prior = relative @ np.linalg.inv(eye + spread.swapaxes(-1, -2) @ spread) @ relative.T
        pull = _leaf_gains(whitened)[1]
        found[0][leaf.levels] = prior + reach @ _spent(pull, leaf.batch.gather(adjoint)) @ reach
    return tuple(found[stages.order.index(f)][:-1] for f in range(len(stages.sizes)))


@dataclass(frozen=True, eq=False)
class _Reduced:
    """One evaluation: blocks of the factor, log det I + Λ½ᵀZ'ZΛ½, T, and per stage what derivatives are made of."""

    factors: list[Floats]
    log_determinant: float
    triangle: Floats
    whitened: list[Floats]
    lowers: list[list[Floats]]
    storage: list[Floats]


def _reduce(factor: Floats, stages: Stages) -> _Reduced:
    """Eliminate one factor after the other."""
    factors, storage = stages.split(factor), [start.copy() for start in stages.storage]
    whitened: list[Floats] = []
    lowers: list[list[Floats]] = []
    q, total = len(factors[0]), 0.0
    for leaf in stages.leaves:
        spread = leaf.rows[..., :q] @ factors[0]
        lower = np.linalg.cholesky(np.eye(q) + spread @ spread.swapaxes(-1, -2))
        whitened.append(np.linalg.solve(lower, leaf.rows))
        half = _joined(whitened[-1][..., q:])
        leaf.batch.add(storage[0], half.swapaxes(1, 2) @ half)
        total += _log_pivots(lower)
    for stage, (batches, relative) in enumerate(zip(stages.fronts, factors[1:], strict=True)):
        lowers.append([])
        for batch in batches:
            own, front = batch.own.shape[1], batch.front(storage[stage])
            spread = _each(relative.T, front[:, :own])
            middle = _each(relative.T, spread[:, :, :own].swapaxes(1, 2))
            lower = np.linalg.cholesky(np.eye(own) + middle)
            half = np.linalg.solve(lower, spread[:, :, own:])
            batch.add(storage[stage + 1], front[:, own:, own:] - half.swapaxes(1, 2) @ half)
            lowers[-1].append(lower)
            total += _log_pivots(lower)
    width = stages.n_fixed + 1
    triangle: Any = np.linalg.cholesky(storage[-1].reshape(width, width))
    return _Reduced(factors, total, triangle, whitened, lowers, storage)


def _log_pivots(lower: Any) -> float:
    return 2.0 * float(np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum())


def _denominator(stages: Stages, *, reml: bool) -> int:
    return stages.n_observations - (stages.n_fixed if reml else 0)


def _joined(rows: Floats) -> Floats:
    """Return the rows (U, c, q, r) of all levels of a group under each other, (U, c q, r)."""
    return rows.reshape(rows.shape[0], -1, rows.shape[3])


def _each(small: Floats, stacked: Floats) -> Floats:
    """Return (I ⊗ small) times each matrix of a stack: ``small`` (q, q) on each q rows."""
    rows = stacked.reshape(*stacked.shape[:-2], -1, small.shape[0], stacked.shape[-1])
    return np.asarray((small @ rows).reshape(stacked.shape), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Gains:
    """B, N, A, V and K of a batch; see the notation of this module."""

    covariance: Floats
    shrink: Floats
    leverage: Floats
    pull: Floats
    reach: Floats
    prior: Floats

    def adjoint(self, phi: Floats) -> Floats:
        """Return the adjoint of the fronts, given that (U, r, r) of what they hand on."""
        across = self.reach @ phi
        own = self.covariance + across @ self.reach.swapaxes(1, 2)
        return np.block([[own, across], [across.swapaxes(1, 2), phi]])


def _gains(batch: Batch, lower: Floats, reduced: _Reduced, stage: int) -> _Gains:
    relative, own, front = reduced.factors[stage + 1], batch.own.shape[1], batch.front(reduced.storage[stage])
    half = np.linalg.solve(lower, _each(relative.T, np.broadcast_to(np.eye(own), lower.shape)))
    covariance = half.swapaxes(1, 2) @ half
    inner, outer = front[:, :own, :own], front[:, :own, own:]
    shrink = np.eye(own) - inner @ covariance
    reach = -covariance @ outer
    return _Gains(covariance, shrink, shrink @ inner, outer + inner @ reach, reach, relative @ relative.T)


def _leaf_gains(whitened: Floats) -> tuple[Floats, Floats]:
    """Return A (U, c, q, q) and V (U, c, q, r)."""
    q = whitened.shape[2]
    products = whitened[..., :q].swapaxes(-1, -2) @ whitened
    return products[..., :q], products[..., q:]


@dataclass(frozen=True, eq=False)
class _Moves:
    """The directions that move one factor: their numbers (w,), themselves (w, q, q), and D_a (w, q, q)."""

    ways: list[int]
    directions: Floats
    moved: Floats

    @classmethod
    def of(cls, relative: Floats, directions: Floats) -> _Moves:
        ways = np.flatnonzero(directions.any(axis=(1, 2)))
        moved = directions[ways] @ relative.T
        return cls(ways.tolist(), directions[ways], moved + moved.swapaxes(1, 2))


@dataclass(frozen=True, eq=False)
class _Forward:
    """The pass forwards: gains of each stage, and its storage differentiated along each direction that moves it."""

    leaves: list[tuple[Floats, Floats]]
    gains: list[list[_Gains]]
    tangents: list[dict[int, Floats]]


def _move_forward(reduced: _Reduced, moves: list[_Moves], stages: Stages) -> _Forward:
    leaves = [_leaf_gains(whitened) for whitened in reduced.whitened]
    tangents = [{way: np.zeros_like(stages.storage[0]) for way in moves[0].ways}]
    for leaf, (_, pull) in zip(stages.leaves, leaves, strict=True):
        for way, moved in zip(moves[0].ways, moves[0].moved, strict=True):
            leaf.batch.add(tangents[0][way], -_joined(pull).swapaxes(1, 2) @ _joined(moved @ pull))
    gains: list[list[_Gains]] = []
    for stage, (batches, move) in enumerate(zip(stages.fronts, moves[1:], strict=True)):
        ways = sorted({*tangents[stage], *move.ways})
        tangents.append({way: np.zeros_like(stages.storage[stage + 1]) for way in ways})
        gains.append([_gains(*pair, reduced, stage) for pair in zip(batches, reduced.lowers[stage], strict=True)])
        for batch, gain in zip(batches, gains[-1], strict=True):
            own = batch.own.shape[1]
            for way, flat in tangents[stage].items():
                front = batch.front(flat)
                across = front[:, own:, :own] @ gain.reach
                met = gain.reach.swapaxes(1, 2) @ front[:, :own, :own] @ gain.reach
                batch.add(tangents[-1][way], front[:, own:, own:] + across + across.swapaxes(1, 2) + met)
            for way, moved in zip(move.ways, move.moved, strict=True):
                batch.add(tangents[-1][way], -gain.pull.swapaxes(1, 2) @ _each(moved, gain.pull))
    return _Forward(leaves, gains, tangents)


def _spent(pull: Floats, phi: Floats) -> Floats:
    """Return V Φ Vᵀ of each level (U, c, q, q), from V (U, c, q, r) and Φ (U, r, r)."""
    weighted = (_joined(pull) @ phi).reshape(pull.shape)
    return np.asarray(weighted @ pull.swapaxes(-1, -2), dtype=np.float64)


def _curve(move: _Moves, leverage: Floats, spent: Floats, gap: Floats, gradient: Floats, hessian: Floats) -> None:
    """Add what directions of the factor eliminated contribute, alone and with each other.

    Blocks A and V Φ Vᵀ (..., q, q) of every pair of levels of a unit, and the sum ``gap`` of A - V Φ Vᵀ over single
    levels. The criterion moves by tr(D_a gap) and bends by tr(D_ab gap) + Σ tr(D_a A D_b (2 V Φ Vᵀ - A)).
    """
    q, count = gap.shape[0], len(move.ways)
    gradient[move.ways] += np.einsum("aij,ij->a", move.moved, gap)
    coupled = leverage.reshape(-1, q * q).T @ (2.0 * spent - leverage).reshape(-1, q * q)
    coupled = coupled.reshape(q, q, q, q).transpose(2, 0, 1, 3).reshape(q * q, q * q)
    moved, directions = move.moved.reshape(count, -1), move.directions.reshape(count, -1)
    bent = 2.0 * directions @ (gap @ move.directions).reshape(count, -1).T
    hessian[np.ix_(move.ways, move.ways)] += bent + moved @ coupled @ moved.T


def _curve_front(
    batch: Batch,
    gain: _Gains,
    phi: Floats,
    move: _Moves,
    tangents: dict[int, Floats],
    gradient: Floats,
    hessian: Floats,
) -> None:
    """Add what a batch of fronts contributes to the gradient and the Hessian.

    With X_a the own rows of dS_a [K; I], two directions of factors eliminated before add
    -tr(B dG_a B dG_b) - 2 tr(Φ X_aᵀ B X_b), and one of these with one of the front's own adds
    tr(D_b (N dG_a Nᵀ - 2 N X_a Φ Vᵀ)).
    """
    q, (count, own) = gain.prior.shape[0], batch.own.shape
    spread = gain.pull @ phi
    if move.ways:
        shape = (count, own // q, q, own // q, q)
        leverage = gain.leverage.reshape(shape).transpose(0, 1, 3, 2, 4)
        spent = (spread @ gain.pull.swapaxes(1, 2)).reshape(shape).transpose(0, 1, 3, 2, 4)
        gap = np.einsum("ussij->ij", leverage - spent)
        _curve(move, leverage, spent, gap, gradient, hessian)
    early = list(tangents)
    shrunk, turned, reached, bowed = [], [], [], []
    for way, flat in tangents.items():
        front = batch.front(flat)[:, :own]
        inner = gain.shrink @ front[:, :, :own]
        met = front[:, :, :own] @ gain.reach + front[:, :, own:]
        outer = gain.shrink @ met
        mixed = _by_level(inner, gain.shrink, q) - 2.0 * _by_level(outer, spread, q)
        crossed = np.einsum("bij,ij->b", move.moved, mixed)
        hessian[way, move.ways] += crossed
        hessian[move.ways, way] += crossed
        # B = Λ N, block by block.
        shrunk.append(_each(gain.prior, inner).ravel())
        turned.append(_each(gain.prior, inner).swapaxes(1, 2).ravel())
        reached.append((met @ phi).ravel())
        bowed.append(_each(gain.prior, outer).ravel())
    if early:
        bends = np.array(shrunk) @ np.array(turned).T + 2.0 * np.array(reached) @ np.array(bowed).T
        hessian[np.ix_(early, early)] -= bends


def _by_level(left: Floats, right: Floats, q: int) -> Floats:
    """Return the sum over levels of left · rightᵀ, (q, q), from rows (U, s q, k) of both."""
    shape = (left.shape[0], -1, q, left.shape[2])
    ours, theirs = (part.reshape(shape).transpose(2, 0, 1, 3).reshape(q, -1) for part in (left, right))
    return np.asarray(ours @ theirs.T, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows, factors in the order of elimination, and how effects are numbered through."""

    codes: list[Integers]
    effects: list[Floats]
    columns: Floats
    counts: list[int]

    @property
    def sizes(self) -> list[int]:
        return [effect.shape[1] for effect in self.effects]

    @property
    def offsets(self) -> list[int]:
        """The number of the first effect of each factor, then that of X."""
        return [0, *accumulate(size * count for size, count in zip(self.sizes, self.counts, strict=True))]

    @property
    def n_ids(self) -> int:
        """One more than there are effects and columns of [X y]: the last number is padding."""
        return self.offsets[-1] + self.columns.shape[1] + 1

    def units(self) -> list[Integers]:
        """Return the unit (n,) of each row at every stage: levels tied together by units of the stage before."""
        units = [self.codes[0]]
        for code, count in zip(self.codes[1:], self.counts[1:], strict=True):
            before = int(units[-1].max()) + 1
            ties = coo_array((np.ones(code.size), (units[-1], before + code)), shape=(before + count,) * 2)
            labels = connected_components(ties, directed=False)[1]
            units.append(labels[units[-1]].astype(np.int64))
        return [*units, np.zeros_like(units[0])]

    def touched(self, units: Integers, factor: int) -> tuple[Integers, Integers]:
        """Return the distinct pairs of a unit and a level of a factor it touches."""
        pairs = np.unique(units * self.counts[factor] + self.codes[factor])
        return pairs // self.counts[factor], pairs % self.counts[factor]

    def orders(self, units: Integers) -> Integers:
        """Return how many effects of the factors after the first, and columns of [X y], each unit touches."""
        orders = np.full(int(units.max()) + 1, self.columns.shape[1])
        for factor in range(1, len(self.codes)):
            orders += self.sizes[factor] * np.bincount(self.touched(units, factor)[0])
        return orders

    def lay_out(self, units: Integers, stage: int, crowds: Integers | None = None) -> _Layout:
        """Return the layout of the fronts of units that touch the factors from ``stage`` on."""
        starts = np.arange(int(units.max()) + 1) * self.n_ids
        keys = [(starts + self.offsets[-1])[:, None] + np.arange(self.columns.shape[1])]
        for factor in range(stage, len(self.codes)):
            unit, level = self.touched(units, factor)
            first = starts[unit] + self.offsets[factor] + level * self.sizes[factor]
            keys.append(first[:, None] + np.arange(self.sizes[factor]))
        last = stage if crowds is not None else min(stage + 1, len(self.codes))
        return _Layout.of(
            np.sort(np.concatenate([key.ravel() for key in keys])), self.n_ids, self.offsets[last], crowds
        )


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where each front of a stage lies in its storage, and where in the front each effect.

    ``keys`` are unit * n_ids + number, ascending, and ``place`` the place of each in its front; ``start`` and
    ``width`` are those of the units. ``shapes`` lists the units of each batch and their padded orders.
    """

    keys: Integers
    n_ids: int
    place: Integers
    start: Integers
    width: Integers
    shapes: list[tuple[Integers, int, int]]

    @property
    def size(self) -> int:
        return int((self.width**2).sum())

    @classmethod
    def of(cls, keys: Integers, n_ids: int, own_end: int, crowds: Integers | None) -> _Layout:
        unit, number = np.divmod(keys, n_ids)
        total = np.bincount(unit)
        own = np.bincount(unit[number < own_end], minlength=total.size)
        shapes, padded, width = [], np.zeros_like(own), np.zeros_like(own)
        for members in _alike(own, total - own, np.ones_like(own) if crowds is None else crowds):
            orders = int(own[members].max()), int((total - own)[members].max())
            padded[members], width[members] = orders[0], sum(orders)
            pieces = 1 if crowds is None else -(-members.size * orders[1] ** 2 // _BATCH)
            shapes += [(piece, *orders) for piece in np.array_split(members, min(pieces, members.size))]
        if crowds is None:
            _check_size(width)
        rank = np.arange(keys.size) - (np.cumsum(total) - total)[unit]
        place = np.where(rank < own[unit], rank, rank - own[unit] + padded[unit])
        ordered = np.concatenate([members for members, _, _ in shapes])
        start = np.zeros_like(own)
        start[ordered] = np.cumsum(width[ordered] ** 2) - width[ordered] ** 2
        return cls(keys, n_ids, place, start, width, shapes)

    def find(self, units: Integers, numbers: Integers) -> Integers:
        """Return the places of effects in the fronts of units."""
        return self.place[np.searchsorted(self.keys, units * self.n_ids + numbers)]

    def batches(self, following: _Layout, parents: Integers) -> list[Batch]:
        """Return the batches, handed on to the fronts ``parents`` (units,) of the next stage."""
        unit, number = np.divmod(self.keys, self.n_ids)
        batches = []
        ends = np.searchsorted(unit, np.arange(self.start.size + 1))
        for members, own, outer in self.shapes:
            numbers = np.full((members.size, own + outer), self.n_ids - 1)
            lengths = np.diff(ends)[members]
            row = np.repeat(np.arange(members.size), lengths)
            entry = np.arange(row.size) + np.repeat(ends[members] - np.cumsum(lengths) + lengths, lengths)
            numbers[row, self.place[entry]] = number[entry]
            parent, out = parents[members], numbers[:, own:]
            real = out < self.n_ids - 1
            place = np.zeros_like(out)
            place[real] = following.find(np.broadcast_to(parent[:, None], out.shape)[real], out[real])
            link = following.start[parent], following.width[parent], place
            batches.append(Batch(numbers[:, :own], out, int(self.start[members[0]]), *link))
        return batches


def _alike(*sizes: Integers) -> list[Integers]:
    """Return the units in classes of similar sizes: within a factor of √2 of each other."""
    classes = np.column_stack([np.ceil(2.0 * np.log2(np.maximum(size, 1))) for size in sizes])
    kind = np.unique(classes, axis=0, return_inverse=True)[1].ravel()
    return np.split(np.argsort(kind, kind="stable"), np.cumsum(np.bincount(kind))[:-1])


def _check_size(width: Integers) -> None:
    if int(np.sum(width**2)) > _MOST_EFFECTS**2:
        raise DesignError(
            f"the grouping factors are crossed such that {int(width.max())} effects are tied together in one dense "
            f"matrix, or smaller ones in {width.size}, more than the equivalent of one of {_MOST_EFFECTS}; drop a "
            "random effect of the grouping factors with fewer groups, or model their groups as fixed effects."
        )


def _last(units: Integers, values: Integers) -> Integers:
    """Return the value (n,) that the rows of each unit share, (units,)."""
    shared = np.zeros(int(units.max()) + 1, dtype=np.int64)
    shared[units] = values
    return shared


def _group_levels(rows: _Rows, parents: Integers) -> Integers:
    """Return the group (n,) of each row: levels of the first factor that share a front of heads.

    Levels that touch the same single level of each later factor are one group, others are one each; unless so much
    of the parent's front is touched that one dense product for all of its levels costs less.
    """
    first, key = rows.codes[0], np.zeros(rows.counts[0], dtype=np.int64)
    single = np.ones(rows.counts[0], dtype=bool)
    for factor in range(1, len(rows.codes)):
        single &= np.bincount(rows.touched(first, factor)[0]) == 1
        key = np.unique(key * rows.counts[factor] + _last(first, rows.codes[factor]), return_inverse=True)[1]
    key = np.unique(np.where(single, key, key.size + np.arange(key.size)), return_inverse=True)[1]
    groups = key[first]
    parent, height = _last(groups, parents), rows.sizes[0] * np.bincount(_last(first, parents))
    scattered = np.bincount(parent, weights=rows.orders(groups).astype(np.float64) ** 2)
    order = rows.orders(parents)
    dense = (height * order**2 <= _SCATTER * scattered) & (height * order <= 10 * _BATCH)
    merged = np.where(dense[parents], int(groups.max()) + 1 + parents, groups)
    return np.unique(merged, return_inverse=True)[1]


def _fill(
    rows: _Rows,
    groups: Integers,
    units: Integers,
    layouts: Sequence[_Layout],
    batches: list[Batch],
    storage: list[Floats],
) -> tuple[Leaves, ...]:
    """Return the leaves, and fill the fronts of the second factor and of [X y] with what no leaf explains.

    Columns that a level of the first factor shares by all its rows, as [X y] and factors it is nested in, are made
    orthogonal to its effects row by row, so that their products lose nothing; of the others' products those of
    the heads are subtracted.
    """
    first, q, offsets = rows.codes[0], rows.sizes[0], rows.offsets
    basis, roots = _orthonormal(rows.effects[0], first, rows.counts[0])
    shelves, heads, levels = _shelve(_last(first, groups), layouts[0], q)
    parts, crossed = [], np.zeros(rows.n_ids, dtype=bool)
    for factor in range(1, len(rows.codes) + 1):
        last = factor == len(rows.codes)
        values = rows.columns if last else rows.effects[factor]
        numbers = (
            np.full_like(first, offsets[-1]) if last else offsets[factor] + rows.codes[factor] * rows.sizes[factor]
        )
        places = shelves[first] + layouts[0].find(groups, numbers)
        for row, column in np.ndindex(q, values.shape[1]):
            outer = layouts[0].width[groups]
            np.add.at(heads, places + row * outer + column, basis[:, row] * values[:, column])
        if not last and np.unique(first * rows.counts[factor] + rows.codes[factor]).size > rows.counts[0]:
            crossed[offsets[factor] : offsets[factor + 1]] = True
        else:
            values = _without(values, basis, first, rows.counts[0])
        parts.append((values, layouts[1].find(units, numbers)))
    storage[-1] += (parts[-1][0].T @ parts[-1][0]).ravel()
    _add_products(parts, layouts[1].start[units], layouts[1].width[units], storage[0])
    leaves, begin = [], 0
    for batch, crowd in zip(batches, levels, strict=True):
        shape = (*crowd.shape, q, batch.out.shape[1])
        head = heads[begin : begin + int(np.prod(shape))].reshape(shape)
        begin += head.size
        lost = _joined(head * crossed[batch.out][:, None, None, :])
        if crossed.any():
            batch.add(storage[0], -lost.swapaxes(1, 2) @ lost)
        leaves.append(Leaves(batch, crowd, np.concatenate([roots[crowd], head], axis=3)))
    return tuple(leaves)


def _shelve(groups: Integers, layout: _Layout, q: int) -> tuple[Integers, Floats, list[Integers]]:
    """Return where the heads of each level begin, room for all of them, and the levels (U, c) of each batch."""
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups)
    ends = np.cumsum(counts)
    shelves, levels, begin = np.zeros(groups.size + 1, dtype=np.int64), [], 0
    for members, _, outer in layout.shapes:
        slots = np.arange(int(counts[members].max()))
        taken = slots < counts[members][:, None]
        crowd = np.full(taken.shape, groups.size)
        crowd[taken] = order[((ends - counts)[members][:, None] + slots)[taken]]
        shelves[crowd] = begin + np.arange(crowd.size).reshape(crowd.shape) * q * outer
        levels.append(crowd)
        begin += crowd.size * q * outer
    return shelves[:-1], np.zeros(begin), levels


def _orthonormal(values: Floats, codes: Integers, count: int) -> tuple[Floats, Floats]:
    """Return columns (n, q) that are orthonormal within each level, and the roots (J + 1, q, q), the last zero.

    Gram-Schmidt, twice. A column that depends on those before it within a level is zero there.
    """
    basis, roots = np.zeros_like(values), np.zeros((count + 1, values.shape[1], values.shape[1]))
    for position in range(values.shape[1]):
        column = values[:, position]
        whole = np.sqrt(np.bincount(codes, weights=column**2))
        for before in (*range(position), *range(position)):
            step = np.bincount(codes, weights=basis[:, before] * column)
            roots[:-1, before, position] += step
            column = column - basis[:, before] * step[codes]
        left = np.sqrt(np.bincount(codes, weights=column**2))
        sound = left > _DEPENDENT * whole
        roots[:-1, position, position] = np.where(sound, left, 0.0)
        basis[:, position] = column * np.where(sound, 1.0 / np.where(sound, left, 1.0), 0.0)[codes]
    return basis, roots


def _without(values: Floats, basis: Floats, codes: Integers, count: int) -> Floats:
    """Return what the basis leaves of columns, level by level."""
    rest = values.copy()
    for row, column in np.ndindex(basis.shape[1], values.shape[1]):
        step = np.bincount(codes, weights=basis[:, row] * values[:, column], minlength=count)
        rest[:, column] -= basis[:, row] * step[codes]
    return rest


def _add_products(parts: Sequence[tuple[Floats, Integers]], start: Integers, width: Integers, storage: Floats) -> None:
    """Add the products of the columns of all parts to the fronts, but for those of [X y] with itself."""
    for values, place in parts[:-1]:
        for others, other in parts:
            for i, j in np.ndindex(values.shape[1], others.shape[1]):
                products = values[:, i] * others[:, j]
                np.add.at(storage, start + (place + i) * width + other + j, products)
                if others is parts[-1][0]:
                    np.add.at(storage, start + (other + j) * width + place + i, products)
