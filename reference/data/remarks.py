"""What a reader should know of how a model reads a table: notes on the coding, and why an expression has no value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from formulaic.errors import DataMismatchWarning

from reference.data.columns import is_number, is_true_or_false
from reference.data.formula import effects, plain_reason, quoted, variables
from reference.errors import DesignError, FormulaError


def coding_notes(parts: Sequence[str], data: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence for each column that R would code in another way, given the right-hand sides of a model."""
    terms = [effects(part) for part in parts]
    names = [name for part in terms for term in part for name, method in term if method == "LOOKUP"]
    ordered = [name for name in names if getattr(data[name].dtype, "ordered", False)]
    alone = {name for part in terms for name in without_margin(part) if is_true_or_false(data[name])}
    treated = "{0} is ordered, and coded by treatment contrasts; for polynomials, as in R, write C({1}, contr.poly)."
    counted = "{0} is true or false, and enters as one or zero; for a column of each, as in R, write C({1})."
    said = [(treated, name) for name in dict.fromkeys(ordered)] + [(counted, name) for name in sorted(alone)]
    return tuple(sentence.format(name, quoted(name)) for sentence, name in said)


def without_margin(part: Iterable[tuple[tuple[str, str], ...]]) -> set[str]:
    """Return the columns of terms that are there without what remains of the term when the column is taken out."""
    found = {frozenset(factor for factor in term if factor != ("1", "LITERAL")) for term in part}
    return {factor[0] for term in found for factor in term if factor[1] == "LOOKUP" and term - {factor} not in found}


@contextmanager
def explained(text: str, data: pd.DataFrame) -> Iterator[None]:
    """Say in a DesignError why an expression has no value on a table; cells that are not finite are for the caller."""
    try:
        with np.errstate(all="ignore"):
            yield
    # What a formula calls may fail in any way; that it does is no fault of ours.
    except Exception as error:
        raise _reason(text, error, data) from error


def _reason(text: str, error: Exception, data: pd.DataFrame) -> DesignError:
    term = text.removeprefix("0 + ")
    if isinstance(error, DesignError):
        return error
    if isinstance(error, DataMismatchWarning):
        # They stand in the message as a set of Python.
        found = re.findall(r"'(?:[^'\\]|\\.)*'|[^\s,][^,]*", str(error).partition("{")[2].rpartition("}")[0])
        return DesignError(
            f"the term {term!r} meets levels that the model does not know, {', '.join(sorted(found))}; recode them, or "
            "leave such rows out."
        )
    # A stray cell that keeps a column from being one of numbers is named first.
    for name in sorted(variables(text) & set(data.columns)):
        is_number(data, name)
    return FormulaError(
        f"the term {term!r} cannot be evaluated ({plain_reason(error)}); compute it as a column of its own first."
    )
