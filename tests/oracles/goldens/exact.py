"""Evaluate every golden fit again at 60 digits, independently of the reference: optimum, ranks, and Satterthwaite df.

Run ``python tests/oracles/goldens/exact.py`` after ``goldens.R``; it needs gmpy2, numpy, pandas and formulaic, takes a
minute, and writes ``exact.json`` beside itself. Starting from the theta that lme4 found, Newton's method with
differences of step 1e-20 goes to the optimum of the criterion in the relative factor. A direction in which lme4's
factor has all but vanished is taken out, and stays out when the criterion rises as it returns; what is reported is
then the model of lower rank.
"""

from __future__ import annotations

import json
import re
import sys
from itertools import product
from pathlib import Path

import gmpy2
import numpy as np
import pandas as pd
from formulaic import model_matrix

HERE = Path(__file__).parent
gmpy2.get_context().precision = 200
STEP = gmpy2.mpfr(10) ** -20
SMALL = 3e-2
exact = np.vectorize(gmpy2.mpfr, otypes=[object])


class Model:
    """Cross-products of ``[Z X y]`` by connected component, predictors over their standard deviation."""

    def __init__(self, frame: pd.DataFrame, formula: str, reml: bool):
        self.reml = reml
        response, right = formula.split("~")
        fixed, *bars = right.replace("(", "\0").split("\0")
        self.terms = [term for bar in bars for term in expand(bar.split(")")[0])]
        numeric = [name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])]
        used = {name for _, group in self.terms for name in group}
        scales = {name: frame[name].std() for name in numeric if name not in used and name != response.strip()}
        scaled = frame.assign(**{name: frame[name] / scale for name, scale in scales.items()})

        def unit(effect: str) -> float:
            return float(np.prod([scales.get(part, 1.0) for part in effect.split(":")]))

        x = model_matrix(fixed.strip().rstrip("+").strip() or "1", scaled)
        self.units = exact([unit(name) for name in x.columns])
        columns = exact(np.column_stack([x.to_numpy(float), frame[response.strip()].to_numpy(float)]))
        self.n, self.p = len(frame), x.shape[1]
        self.total = columns.T @ columns
        self.effect_units, blocks = [], []
        for effects, group in self.terms:
            z = model_matrix(effects, scaled)
            self.effect_units.append(exact([unit(name) for name in z.columns]))
            labels = frame[list(group)].astype(str).agg(":".join, axis=1)
            blocks.append((exact(z.to_numpy(float)), pd.factorize(labels)[0]))
        self.components = list(components(blocks, columns))

    def evaluate(self, factors: list[np.ndarray]):
        """Return criterion, coefficients, sigma² and (X'V⁻¹X)⁻¹ at relative factors (q, r), one per term."""
        m, logdet = self.total.copy(), gmpy2.mpfr(0)
        for owners, gram, cross in self.components:
            spread = block_diagonal([factors[t] for t in owners])
            if not spread.shape[1]:
                continue
            inner = spread.T @ gram @ spread + exact(np.eye(spread.shape[1]))
            lower = cholesky(inner)
            half = forward(lower, spread.T @ cross)
            m = m - half.T @ half
            logdet += 2 * sum(gmpy2.log(lower[i, i]) for i in range(len(lower)))
        lower = cholesky(m)
        p, count = self.p, self.n - (self.p if self.reml else 0)
        rss = lower[p, p] ** 2
        value = logdet + count * (1 + gmpy2.log(2 * gmpy2.const_pi() * rss / count))
        inverse = forward(lower[:p, :p], exact(np.eye(p)))
        beta = inverse.T @ lower[p, :p]
        if self.reml:
            value += 2 * sum(gmpy2.log(lower[i, i]) for i in range(p)) + 2 * sum(map(gmpy2.log, self.units))
        return value, beta, rss / count, inverse.T @ inverse


def expand(bar: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the (effects, group) of one random term, ``||`` and ``/`` written out."""
    double = "||" in bar
    left, right = (side.strip() for side in bar.split("||" if double else "|"))
    names = right.split("/")
    groups = [tuple(name for piece in names[: k + 1] for name in piece.split(":")) for k in range(len(names))]
    parts = [part.strip() for part in left.split("+")]
    if double:
        plain = [part for part in parts if part not in ("0", "1")]
        return [(effect, group) for group in groups for effect in ("1", *(f"0 + {part}" for part in plain))]
    return [(left, group) for group in groups]


def components(blocks, columns):
    """Yield (term of each level, Z'Z, Z'[X y]) for each set of levels that occur together."""
    parent: dict[tuple[int, int], tuple[int, int]] = {}

    def root(key):
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for row in range(len(columns)):
        keys = [(t, int(codes[row])) for t, (_, codes) in enumerate(blocks)]
        for key in keys[1:]:
            parent[root(key)] = root(keys[0])
        root(keys[0])
    members: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for key in sorted(parent):
        members.setdefault(root(key), []).append(key)
    rows_of = np.array([hash(root((0, int(code)))) for code in blocks[0][1]])
    for top, keys in members.items():
        rows = np.flatnonzero(rows_of == hash(top))
        z = np.column_stack([blocks[t][0][rows] * (blocks[t][1][rows] == level)[:, None] for t, level in keys])
        yield [t for t, _ in keys], z.T @ z, z.T @ columns[rows]


def block_diagonal(parts: list[np.ndarray]) -> np.ndarray:
    full = exact(np.zeros((sum(len(part) for part in parts), sum(part.shape[1] for part in parts))))
    row = column = 0
    for part in parts:
        full[row : row + part.shape[0], column : column + part.shape[1]] = part
        row, column = row + part.shape[0], column + part.shape[1]
    return full


def cholesky(matrix: np.ndarray) -> np.ndarray:
    lower, rest = exact(np.zeros(matrix.shape)), matrix.copy()
    for k in range(len(matrix)):
        lower[k:, k] = rest[k:, k] / gmpy2.sqrt(rest[k, k])
        rest[k:, k:] = rest[k:, k:] - np.outer(lower[k:, k], lower[k:, k])
    return lower


def forward(lower: np.ndarray, right: np.ndarray) -> np.ndarray:
    solved = right.copy()
    for k in range(len(lower)):
        solved[k] = solved[k] / lower[k, k]
        solved[k + 1 :] = solved[k + 1 :] - np.outer(lower[k + 1 :, k], solved[k])
    return solved


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Gauss-Jordan elimination with pivoting, of a matrix that need not be definite."""
    work = np.column_stack([matrix, right])
    size = len(matrix)
    for k in range(size):
        pivot = k + max(range(size - k), key=lambda i: abs(work[k + i, k]))
        work[[k, pivot]] = work[[pivot, k]]
        work[k] = work[k] / work[k, k]
        for i in range(size):
            if i != k:
                work[i] = work[i] - work[i, k] * work[k]
    return work[:, size:]


class Shape:
    """Factors (q, r) of given ranks by their free entries: lower trapezoids, the longest rows first."""

    def __init__(self, factors: list[np.ndarray], ranks: tuple[int, ...]):
        self.ranks, self.sizes = ranks, [len(factor) for factor in factors]
        self.places, self.orders, start = [], [], []
        for factor, rank in zip(factors, ranks, strict=True):
            u, s, _ = np.linalg.svd(factor.astype(float))
            cut = (u * s)[:, :rank]
            order = pivots(cut)
            lower = np.linalg.qr(cut[order].T)[1].T if rank else cut[order]
            places = [(i, j) for j in range(rank) for i in range(j, len(factor))]
            self.places.append(places)
            self.orders.append(order)
            start.extend(lower[i, j] for i, j in places)
        self.start = exact(np.array(start)) if start else np.array([], dtype=object)

    def factors(self, entries: np.ndarray) -> list[np.ndarray]:
        result, position = [], 0
        for size, rank, places, order in zip(self.sizes, self.ranks, self.places, self.orders, strict=True):
            factor = exact(np.zeros((size, rank)))
            for i, j in places:
                factor[order[i], j] = entries[position]
                position += 1
            result.append(factor)
        return result


def pivots(cut: np.ndarray) -> list[int]:
    """Return an order of the rows in which each leading block is as well conditioned as a greedy choice makes it."""
    rest, order = cut.copy(), []
    for _ in range(cut.shape[1]):
        sizes = np.linalg.norm(rest, axis=1)
        sizes[order] = -1.0
        best = int(sizes.argmax())
        order.append(best)
        unit = rest[best] / max(np.linalg.norm(rest[best]), np.finfo(float).tiny)
        rest = rest - np.outer(rest @ unit, unit)
    return order + [row for row in range(len(cut)) if row not in order]


def differences(model: Model, shape: Shape, at: np.ndarray):
    """Return (centre, gradient, Hessian, derivatives of log var(beta)) by central differences."""

    def evaluate(entries):
        value, _, sigma2, inverse = model.evaluate(shape.factors(entries))
        return value, exact([gmpy2.log(sigma2 * inverse[k, k]) for k in range(model.p)])

    k = len(at)
    moves = [exact(np.eye(k)[i]) * STEP for i in range(k)]
    centre = evaluate(at)
    ahead, behind = [evaluate(at + move) for move in moves], [evaluate(at - move) for move in moves]
    gradient = exact([(a[0] - b[0]) / (2 * STEP) for a, b in zip(ahead, behind, strict=True)])
    rates = np.array([(a[1] - b[1]) / (2 * STEP) for a, b in zip(ahead, behind, strict=True)])
    hessian = exact(np.zeros((k, k)))
    for i in range(k):
        hessian[i, i] = (ahead[i][0] + behind[i][0] - 2 * centre[0]) / STEP**2
        for j in range(i):
            both, neither = evaluate(at + moves[i] + moves[j])[0], evaluate(at - moves[i] - moves[j])[0]
            singles = ahead[i][0] + behind[i][0] + ahead[j][0] + behind[j][0] - 2 * centre[0]
            hessian[i, j] = hessian[j, i] = (both + neither - singles) / (2 * STEP**2)
    return centre, gradient, hessian, rates


def polish(model: Model, factors: list[np.ndarray], ranks: tuple[int, ...]):
    """Return (shape, entries, last differences) at the stationary point of the ranks given, or None."""
    shape = Shape(factors, ranks)
    at = shape.start
    for _ in range(40):
        if not len(at):
            return shape, at, None
        local = differences(model, shape, at)
        values, vectors = np.linalg.eigh(local[2].astype(float))
        if values[0] <= 0:
            slope = vectors.T @ local[1].astype(float)
            at = at - exact(vectors @ (slope / np.maximum(np.abs(values), 1e-3)))
            continue
        move = solve(local[2], local[1][:, None])[:, 0]
        if max(abs(move)) < gmpy2.mpfr(10) ** -17:
            return shape, at, local
        at = at - move * min(1, 0.5 / float(max(abs(move))))
    return None


def settled(model: Model, shape: Shape, at: np.ndarray) -> bool:
    """Whether the criterion rises when any lost direction of any term returns a little."""
    factors = shape.factors(at)
    base = model.evaluate(factors)[0]
    for t, factor in enumerate(factors):
        q, rank = factor.shape
        if rank == q:
            continue
        null = np.linalg.svd(factor.astype(float), full_matrices=True)[0][:, rank:]
        gap = np.zeros((q - rank, q - rank))
        step = 1e-8
        for i, j in product(range(q - rank), repeat=2):
            if j > i:
                continue
            extra = null[:, i] if i == j else null[:, i] + null[:, j]
            wider = [*factors]
            wider[t] = np.column_stack([factor, exact(extra * step)])
            gap[i, j] = gap[j, i] = float((model.evaluate(wider)[0] - base) / step**2)
        for i, j in product(range(q - rank), repeat=2):
            if i != j:
                gap[i, j] = (gap[i, j] - gap[i, i] - gap[j, j]) / 2 if i > j else 0.0
        gap = np.tril(gap) + np.tril(gap, -1).T
        if np.linalg.eigvalsh(gap)[0] < -1e-9:
            return False
    return True


def optimum(model: Model, factors: list[np.ndarray]):
    """Return the lowest settled stationary point over the ranks lme4's factor could have."""
    choices = []
    for factor in factors:
        values = np.linalg.svd(factor.astype(float), compute_uv=False)
        choices.append(range(int((values > SMALL).sum()), len(factor) + 1))
    best = None
    for ranks in product(*choices):
        found = polish(model, factors, ranks)
        if found is None or not settled(model, found[0], found[1]):
            continue
        value = model.evaluate(found[0].factors(found[1]))[0]
        if best is None or value < best[0] - gmpy2.mpfr(10) ** -14:
            best = (value, *found)
    if best is None:
        raise RuntimeError("no settled optimum near lme4's; look at this fit by hand")
    return best


def describe(golden: dict) -> dict:
    frame = pd.read_csv(HERE / f"{golden['panel']}.csv")
    model = Model(frame, golden["formula"], golden["reml"])
    value, shape, at, local = optimum(model, start_factors(model, golden))
    factors = shape.factors(at)
    _, beta, sigma2, inverse = model.evaluate(factors)
    nu = model.n - (model.p if model.reml else 0)
    spread = [gmpy2.mpfr(0)] * model.p
    if local is not None:
        rates = local[3]
        spread = [rates[:, k] @ solve(local[2], rates[:, k : k + 1])[:, 0] for k in range(model.p)]
    covariances = [
        sigma2 * (factor @ factor.T) / np.outer(units, units)
        for factor, units in zip(factors, model.effect_units, strict=True)
    ]
    return {
        **{key: golden[key] for key in ("panel", "md5", "formula", "reml")},
        "criterion": digits(value),
        "ranks": list(shape.ranks),
        "fixed": [digits(b / unit) for b, unit in zip(beta, model.units, strict=True)],
        "se": [digits(gmpy2.sqrt(sigma2 * inverse[k, k]) / model.units[k]) for k in range(model.p)],
        "df": [digits(1 / (part + gmpy2.mpfr(1) / nu)) for part in spread],
        "sigma": digits(gmpy2.sqrt(sigma2)),
        "covariances": [[[digits(entry) for entry in row] for row in covariance] for covariance in covariances],
    }


def start_factors(model: Model, golden: dict) -> list[np.ndarray]:
    """Return lme4's relative factors in the order of the formula's terms, predictors over their standard deviation."""
    theta = [float(value) for value in aslist(golden["theta"])]
    found = []
    for label, size in zip(aslist(golden["terms"]), aslist(golden["sizes"]), strict=True):
        lower = np.zeros((size, size))
        for j in range(size):
            for i in range(j, size):
                lower[i, j] = theta.pop(0)
        found.append((set(re.findall(r"[A-Za-z_]\w*", label)), lower))
    factors = []
    for (_, group), units in zip(model.terms, model.effect_units, strict=True):
        position = next(k for k, (names, lower) in enumerate(found) if names == set(group) and len(lower) == len(units))
        factors.append(found.pop(position)[1] * units.astype(float)[:, None])
    return factors


def aslist(value):
    return value if isinstance(value, list) else [value]


def digits(value) -> str:
    return repr(float(value))


def main() -> None:
    goldens = json.loads((HERE / "lme4.json").read_text(encoding="utf-8"))
    fits = []
    for position, golden in enumerate(goldens["fits"], start=1):
        fits.append(describe(golden))
        gap = float(fits[-1]["criterion"]) - float(golden["criterion"])
        print(f"{position:4d} of {len(goldens['fits'])}  {golden['panel']:<24} {gap:+.1e}", file=sys.stderr, flush=True)
    versions = {"gmpy2": gmpy2.version(), "numpy": np.__version__, "precision": "200 bits"}
    provenance = {**versions, "command": "python tests/oracles/goldens/exact.py"}
    text = json.dumps({"provenance": provenance, "fits": fits}, indent=1)
    (HERE / "exact.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
