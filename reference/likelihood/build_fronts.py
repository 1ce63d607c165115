"""Building the fronts: which levels hang together, where their fronts lie, and what the data put into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from reference.arrays import Floats, Integers
from reference.errors import DesignError
from reference.likelihood.fronts import Batch, Fronts, Leaves, join_columns

# The order of the largest dense front; the fronts of a stage together hold no more numbers than one such.
_MOST_EFFECTS = 6_000
# Numbers in one batch of the first stage, so that a batch stays in memory.
_BATCH = 2_000_000
# A number added to a front in its place costs this many multiplications of a dense product.
_SCATTER = 50
# A column this much smaller than it was before those to its left were taken out is a combination of them.
_DEPENDENT = 1e-10


def build_fronts(codes: Sequence[Integers], effects: Sequence[Floats], columns: Floats) -> Fronts:
    """Return the fronts of a model with several grouping factors.

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
    order = tuple(sorted(range(len(codes)), key=lambda f: -counts[f]))
    rows = _Rows([codes[f] for f in order], [effects[f] for f in order], columns, [counts[f] for f in order])
    components = rows.components()
    groups = _group_levels(rows, components[1])
    layouts = [rows.lay_out(groups, 1, np.bincount(_last(rows.codes[0], groups)))]
    layouts += [rows.lay_out(component, stage) for stage, component in enumerate(components[1:], start=1)]
    members = [groups, *components[1:]]
    batches = [
        layout.batches(following, _last(own, parent))
        for layout, following, own, parent in zip(layouts[:-1], layouts[1:], members[:-1], members[1:], strict=True)
    ]
    storage = [np.zeros(layout.size) for layout in layouts[1:]]
    leaves = _fill(rows, groups, components[1], layouts, batches[0], storage)
    sizes = tuple(effect.shape[1] for effect in effects)
    return Fronts(
        *(columns.shape[0], columns.shape[1] - 1, sizes, counts, order),
        *(leaves, tuple(tuple(batch) for batch in batches[1:]), tuple(storage)),
    )


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
        return int(self.offsets[-1]) + int(self.columns.shape[1]) + 1

    def numbers(self, factor: int) -> Integers:
        """Return the number (n,) of the first effect of each row's level; of X for the factor after the last."""
        if factor == len(self.codes):
            return np.full_like(self.codes[0], self.offsets[-1])
        return self.offsets[factor] + self.codes[factor] * self.sizes[factor]

    def components(self) -> list[Integers]:
        """Return each row's component (n,) at every stage: levels tied together by components of the stage before."""
        components = [self.codes[0]]
        for code, count in zip(self.codes[1:], self.counts[1:], strict=True):
            before = int(components[-1].max()) + 1
            ties = coo_array((np.ones(code.size), (components[-1], before + code)), shape=(before + count,) * 2)
            labels = connected_components(ties, directed=False)[1]
            components.append(labels[components[-1]].astype(np.int64))
        return [*components, np.zeros_like(components[0])]

    def touched(self, components: Integers, factor: int) -> tuple[Integers, Integers]:
        """Return the distinct pairs of a component and a level of a factor it touches."""
        pairs = np.sort(components * self.counts[factor] + self.codes[factor])
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        return pairs // self.counts[factor], pairs % self.counts[factor]

    def orders(self, components: Integers) -> Integers:
        """Return how many effects of the factors after the first, and columns of [X y], each component touches."""
        orders = np.full(int(components.max()) + 1, self.columns.shape[1])
        for factor in range(1, len(self.codes)):
            orders += self.sizes[factor] * np.bincount(self.touched(components, factor)[0])
        return orders

    def lay_out(self, components: Integers, stage: int, crowds: Integers | None = None) -> _Layout:
        """Return the layout of the fronts of components that touch the factors from ``stage`` on."""
        starts = np.arange(int(components.max()) + 1) * self.n_ids
        keys = [(starts + self.offsets[-1])[:, None] + np.arange(self.columns.shape[1])]
        for factor in range(stage, len(self.codes)):
            component, level = self.touched(components, factor)
            first = starts[component] + self.offsets[factor] + level * self.sizes[factor]
            keys.append(first[:, None] + np.arange(self.sizes[factor]))
        last = stage if crowds is not None else min(stage + 1, len(self.codes))
        return _Layout.of(
            np.sort(np.concatenate([key.ravel() for key in keys])), self.n_ids, self.offsets[last], crowds
        )


def _last(components: Integers, values: Integers) -> Integers:
    """Return the value (n,) that the rows of each component share, (components,)."""
    shared = np.zeros(int(components.max()) + 1, dtype=np.int64)
    shared[components] = values
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
    above, order = _last(first, parents), rows.orders(parents)
    height = rows.sizes[0] * np.bincount(above)
    scattered = np.bincount(_last(key[first], parents), weights=rows.orders(key[first]).astype(np.float64) ** 2)
    dense = (height * order**2 <= _SCATTER * scattered) & (height * order <= 10 * _BATCH)
    merged = np.where(dense[above], key.size + above, key)
    return np.unique(merged, return_inverse=True)[1][first]


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where each front of a stage lies in its storage, and where in the front each effect.

    ``keys`` are component * n_ids + number, ascending, and ``place`` the place of each in its front; ``start`` and
    ``width`` are those of the components. ``shapes`` lists the components of each batch and their padded orders.
    """

    keys: Integers
    n_ids: int
    place: Integers
    start: Integers
    width: Integers
    shapes: list[tuple[Integers, int, int]]

    @property
    def size(self) -> int:
        return sum(int(order) ** 2 for order in self.width.tolist())

    @classmethod
    def of(cls, keys: Integers, n_ids: int, own_end: int, crowds: Integers | None) -> _Layout:
        component, number = np.divmod(keys, n_ids)
        total = np.bincount(component)
        own = np.bincount(component[number < own_end], minlength=total.size)
        shapes, padded, width = [], np.zeros_like(own), np.zeros_like(own)
        for members in _alike(own, total - own, np.ones_like(own) if crowds is None else crowds):
            orders = int(own[members].max()), int((total - own)[members].max())
            padded[members], width[members] = orders[0], sum(orders)
            pieces = 1 if crowds is None else -(-members.size * orders[1] ** 2 // _BATCH)
            shapes += [(piece, *orders) for piece in np.array_split(members, min(pieces, members.size))]
        if crowds is None:
            _check_size(width)
        rank = np.arange(keys.size) - (np.cumsum(total) - total)[component]
        place = np.where(rank < own[component], rank, rank - own[component] + padded[component])
        ordered = np.concatenate([members for members, _, _ in shapes])
        start = np.zeros_like(own)
        start[ordered] = np.cumsum(width[ordered] ** 2) - width[ordered] ** 2
        return cls(keys, n_ids, place, start, width, shapes)

    def find(self, components: Integers, numbers: Integers) -> Integers:
        """Return the places of effects in the fronts of components."""
        return self.place[np.searchsorted(self.keys, components * self.n_ids + numbers)]

    def batches(self, following: _Layout, parents: Integers) -> list[Batch]:
        """Return the batches, handed on to the fronts ``parents`` (components,) of the next stage."""
        component, number = np.divmod(self.keys, self.n_ids)
        batches = []
        ends = np.searchsorted(component, np.arange(self.start.size + 1))
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
    """Return the components in classes of similar sizes: within a factor of √2 of each other."""
    classes = np.column_stack([np.ceil(2.0 * np.log2(np.maximum(size, 1))) for size in sizes])
    kind = np.unique(classes, axis=0, return_inverse=True)[1].ravel()
    return np.split(np.argsort(kind, kind="stable"), np.cumsum(np.bincount(kind))[:-1])


def _check_size(width: Integers) -> None:
    if int(np.sum(width**2)) > _MOST_EFFECTS**2:
        raise DesignError(
            f"the grouping factors are crossed such that their effects are tied together in {width.size} dense "
            f"matrices of order up to {width.max()}, more than the equivalent of one of order {_MOST_EFFECTS}; drop a "
            "random effect of a grouping factor other than that with most groups, or merge some of its groups."
        )


def _fill(
    rows: _Rows,
    groups: Integers,
    components: Integers,
    layouts: Sequence[_Layout],
    batches: list[Batch],
    storage: list[Floats],
) -> tuple[Leaves, ...]:
    """Return the leaves, and fill the fronts of the second factor and of [X y] with what no leaf explains.

    The columns of [X y] and of factors the first is nested in are made orthogonal to its effects row by row, so that
    their products lose nothing; of the products of other factors those of the heads are subtracted.
    """
    first, q, offsets = rows.codes[0], rows.sizes[0], rows.offsets
    basis, roots = _orthonormal(rows.effects[0], first, rows.counts[0])
    shelves, heads, levels = _shelve(_last(first, groups), layouts[0], q)
    outer, crossed = layouts[0].width[groups], np.zeros(rows.n_ids, dtype=bool)
    parts = []
    for factor, values in enumerate([*rows.effects[1:], rows.columns], start=1):
        numbers = rows.numbers(factor)
        places = shelves[first] + layouts[0].find(groups, numbers)
        for row, column in np.ndindex(q, values.shape[1]):
            np.add.at(heads, places + row * outer + column, basis[:, row] * values[:, column])
        if factor < len(rows.codes) and rows.touched(first, factor)[0].size > rows.counts[0]:
            crossed[offsets[factor] : offsets[factor + 1]] = True
            left = values
        else:
            left = _without(values, basis, first, rows.counts[0])
        parts.append((left, layouts[1].find(components, numbers)))
    storage[-1] += (parts[-1][0].T @ parts[-1][0]).ravel()
    _add_products(parts, layouts[1].start[components], layouts[1].width[components], storage[0])
    leaves, begin = [], 0
    for batch, crowd in zip(batches, levels, strict=True):
        shape = (*crowd.shape, q, batch.out.shape[1])
        head = heads[begin : begin + int(np.prod(shape))].reshape(shape)
        begin += head.size
        lost = join_columns(head * crossed[batch.out][:, None, None, :])
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
