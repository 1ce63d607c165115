"""F tests of whole terms of the fixed part: of a factor with several levels, or of an interaction; of type III."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from formulaic import model_matrix
from formulaic.transforms.contrasts import SumContrasts
from scipy.special import fdtrc

from reference.arrays import Floats
from reference.data.columns import is_true_or_false
from reference.data.encoding import Part, exact_columns
from reference.data.formula import INTERCEPT, effects
from reference.data.idioms import FUNCTIONS
from reference.data.remarks import without_margin
from reference.errors import DesignError
from reference.estimates import Estimates
from reference.inference.kenward_roger import kenward_roger as kenward_roger_of
from reference.inference.satterthwaite import satterthwaite_freedoms

# Degrees of freedom that are the same.
_SAME = 1e-8


@dataclass(frozen=True)
class TermTest:
    """The F test of one term against zero, on its numerator and denominator degrees of freedom."""

    name: str
    numerator_df: int
    denominator_df: float
    f: float
    p: float


def term_tests(fit: Estimates, *, kenward_roger: bool = False) -> tuple[TermTest, ...]:
    """Return the F test of each term of the fixed part but the intercept, as lmerTest's ``anova`` of type III.

    A term that is part of an interaction is tested over all levels of the other factors, each with the same weight, and
    at zero of a predictor that it interacts with. Denominator degrees of freedom are Satterthwaite's, or, with a scaled
    F, Kenward and Roger's.

    Raises
    ------
    DesignError
        If the fit kept no rows, columns of a factor or an interaction were left out of it, or as for
        :func:`~reference.inference.kenward_roger.kenward_roger`.

    References
    ----------
    Kuznetsova, Brockhoff & Christensen (2017), J. Stat. Softw. 82(13), section 2, in 2.3 the hypotheses; Halekoh &
    Højsgaard (2014), J. Stat. Softw. 59(9), section 3.
    """
    rows = fit.design.rows
    test = kenward_roger_of(fit).f_test if kenward_roger else partial(_by_satterthwaite, fit)
    terms = _tested_columns(fit.design.encoding.fixed, rows)
    return tuple(TermTest(name, len(weights), *test(weights)) for name, weights in terms.items())


def _by_satterthwaite(fit: Estimates, weights: Floats) -> tuple[float, float, float]:
    """Return denominator df, F and p: the mean of squares of uncorrelated t values, each on its own df."""
    values, vectors = np.linalg.eigh(weights @ fit.covariance @ weights.T)
    contrasts = vectors.T @ weights
    f = float(np.mean((contrasts @ fit.coefficients) ** 2 / values))
    freedoms = satterthwaite_freedoms(fit, contrasts)
    if np.ptp(freedoms) < _SAME:
        df = float(freedoms.mean())
    elif freedoms.min() <= 2.0:
        df = 2.0
    else:
        expected = float((freedoms / (freedoms - 2.0)).sum())
        df = 2.0 * expected / (expected - len(freedoms))
    return df, f, float(fdtrc(len(freedoms), df, f))


class _Centred(SumContrasts):  # type: ignore[misc]  # formulaic is not typed
    """Treatment contrasts less their mean over levels, so that other terms' effects are those of an average level."""

    @SumContrasts.override  # type: ignore[untyped-decorator]
    def _get_coding_matrix(self, levels: Sequence[Any], reduced_rank: bool = True, sparse: bool = False) -> Floats:
        matrix = np.eye(len(levels))
        return matrix[:, 1:] - 1.0 / len(levels) if reduced_rank else matrix


def _tested_columns(part: Part, data: pd.DataFrame) -> Mapping[str, Floats]:
    """Return, for each term but the intercept, weights (r, k) of the k columns that are zero if the term is.

    Where a term is part of an interaction it is tested over all levels of the others, each with the same weight, so
    that treatment contrasts are centred here, and true and false, a factor with a margin, lie around zero. A predictor
    that a factor interacts with is taken at zero.
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
    alone = without_margin(effects(part.text))
    for position, factor in enumerate(dict.fromkeys(one for term in part.spec.terms for one in term.factors)):
        texts[factor] = str(factor)
        if factor.expr in frame.columns:
            texts[factor] = f"column_{position}"
            frame[texts[factor]] = frame[factor.expr]
            if factor.expr not in alone and is_true_or_false(data[factor.expr]):
                frame[texts[factor]] = frame[factor.expr] - 0.5
        if factor in part.spec.factor_contrasts:
            texts[factor] = f"C({texts[factor]}, centred)"
    text = " + ".join(["0", *(":".join(texts[one] for one in term.factors) for term in part.spec.terms)])
    coded = model_matrix(text, frame, context=FUNCTIONS | {"centred": _Centred()}, na_action="ignore")
    both = np.asarray(coded, dtype=np.float64), part.matrix(data)
    sizes = [np.linalg.norm(columns, axis=0) for columns in both]
    weights = np.linalg.lstsq(both[0] / sizes[0], both[1] / sizes[1])[0] * sizes[1] / sizes[0][:, None]
    slices = coded.model_spec.term_slices.values()
    return {str(term): weights[place] for term, place in zip(part.spec.terms, slices, strict=True) if term.degree}
