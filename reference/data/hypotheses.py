"""What is tested of a term of the fixed part: hypotheses of type III, as weights of the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from formulaic import model_matrix
from formulaic.transforms.contrasts import SumContrasts

from reference.arrays import Floats
from reference.data.encoding import Part, exact_columns
from reference.data.formula import INTERCEPT
from reference.data.idioms import FUNCTIONS
from reference.errors import DesignError


class _Centred(SumContrasts):  # type: ignore[misc]  # formulaic is not typed
    """Treatment contrasts less their mean over levels, so that other terms' effects are those of an average level."""

    @SumContrasts.override  # type: ignore[untyped-decorator]
    def _get_coding_matrix(self, levels: Sequence[Any], reduced_rank: bool = True, sparse: bool = False) -> Floats:
        matrix = np.eye(len(levels))
        return matrix[:, 1:] - 1.0 / len(levels) if reduced_rank else matrix


def tested_columns(part: Part, data: pd.DataFrame) -> Mapping[str, Floats]:
    """Return, for each term but the intercept, weights (r, k) of the k columns that are zero if the term is.

    Where a term is part of an interaction it is tested over all levels of the others, each with the same weight, so
    that treatment contrasts are centred here. A predictor that a factor interacts with is taken at zero.

    Raises
    ------
    DesignError
        As for :meth:`Part.columns`, or if columns of the terms were left out.

    References
    ----------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 2.3: the hypotheses of type III.
    """
    if part.spec is None:
        rows = zip(part.names, np.eye(len(part.names)), strict=True)
        return {name: row[None] for name, row in rows if name != INTERCEPT}
    if part.kept:
        raise DesignError(
            f"of {part.text!r} columns were left out, so that it is not defined what the F test of a term tests; write "
            "the combinations of levels that have rows as one factor, or read the t tests."
        )
    frame, texts = exact_columns(part.text, data, part.factors), {}
    for position, factor in enumerate(dict.fromkeys(one for term in part.spec.terms for one in term.factors)):
        texts[factor] = str(factor)
        if factor.expr in frame.columns:
            texts[factor] = f"column_{position}"
            frame[texts[factor]] = frame[factor.expr]
        if factor in part.spec.factor_contrasts:
            texts[factor] = f"C({texts[factor]}, centred)"
    text = " + ".join(["0", *(":".join(texts[one] for one in term.factors) for term in part.spec.terms)])
    coded = model_matrix(text, frame, context=FUNCTIONS | {"centred": _Centred()}, na_action="ignore")
    both = np.asarray(coded, dtype=np.float64), part.matrix(data)
    sizes = [np.linalg.norm(columns, axis=0) for columns in both]
    weights = np.linalg.lstsq(both[0] / sizes[0], both[1] / sizes[1])[0] * sizes[1] / sizes[0][:, None]
    slices = coded.model_spec.term_slices.values()
    return {str(term): weights[place] for term, place in zip(part.spec.terms, slices, strict=True) if term.degree}
