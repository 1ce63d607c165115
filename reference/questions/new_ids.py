"""Ids for the groups of a drawn table, of the same shape as those of the table it is drawn from."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from reference.arrays import Integers


def renamed(old: pd.Series, copies: Integers | None, taken: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Return new ids for the groups of a column, ascending as they come; what had no id has none."""
    keys = old if copies is None else pd.Series(list(zip(copies, old, strict=True)), dtype=object)
    codes, first = pd.factorize(keys)
    samples = old.iloc[[int(np.argmax(codes == code)) for code in range(len(first))]]
    if pd.api.types.is_numeric_dtype(old):
        found = _new_numbers(len(first), taken, rng)
    else:
        found = np.array(sorted(_new_texts([str(one) for one in samples], set(map(str, taken)), rng)), dtype=object)
    new = pd.Series(found[codes], dtype=old.dtype)
    return new.mask(old.isna()) if bool(old.isna().any()) else new


def _new_numbers(count: int, taken: pd.Series, rng: np.random.Generator) -> Integers:
    """Return ascending whole numbers with as many digits as those taken, or more where there are too few."""
    used = taken.dropna().to_numpy()
    digits = len(str(int(np.abs(used).max())))
    # Three times as many as are needed, so that chance has a choice.
    while 9 * 10 ** (digits - 1) - len(np.unique(used)) < 3 * count:
        digits += 1
    found: set[int] = set()
    used_ids = set(used.tolist())
    while len(found) < count:
        found |= {
            one
            for one in rng.integers(10 ** (digits - 1), 10**digits, count - len(found)).tolist()
            if one not in used_ids
        }
    return np.array(sorted(found), dtype=np.int64)


def _new_texts(shapes: Sequence[str], taken: set[str], rng: np.random.Generator) -> Iterator[str]:
    """Yield a new text of the shape of each: letters for letters and digits for digits.

    No two differ in the zeros before a number alone: answers do not tell "07" from "007".
    """
    used = set(map(_known_as, taken))
    for shape in shapes:
        # Digits alone stay text only with a zero first: "007".
        zero = "0" if shape.isdecimal() else ""
        body = shape[len(zero) :] or ("0" if zero else "")
        new, failed = shape, 0
        while _known_as(new) in used:
            # Where a shape has no names left, another digit makes more.
            new = zero + "".join(_like(one, rng) for one in body + "0" * (failed // 20))
            failed += 1
        used.add(_known_as(new))
        yield new


def _known_as(name: str) -> str:
    return (name.lstrip("0") or "0") if name.isdecimal() else name


def _like(one: str, rng: np.random.Generator) -> str:
    if one.isdecimal():
        return str(rng.integers(10))
    if not one.isalpha():
        return one
    return str(rng.choice(list(string.ascii_uppercase if one.isupper() else string.ascii_lowercase)))
