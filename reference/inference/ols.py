"""Pooled ordinary least squares, which forgets that rows belong to groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from reference.data.encoding import read_encoding
from reference.data.formula import MixedModel
from reference.design.orthonormal import check_fixed_part
from reference.errors import DesignError


@dataclass(frozen=True)
class OlsFit:
    """A pooled regression; mappings go by the name of the coefficient, ``Intercept`` first.

    ``sigma`` is the residual standard error on ``residual_df`` degrees of freedom, in units of the response;
    ``f`` tests all slopes at once (nan if there are none); ``vif`` has one variance inflation factor per predictor.
    """

    coefficients: Mapping[str, float]
    standard_errors: Mapping[str, float]
    t: Mapping[str, float]
    p: Mapping[str, float]
    sigma: float
    r_squared: float
    adjusted_r_squared: float
    f: float
    f_p: float
    model_df: int
    residual_df: int
    vif: Mapping[str, float]


def fit_ols(data: pd.DataFrame, model: MixedModel) -> OlsFit:
    """Return the pooled least squares fit of a model's fixed part.

    Parameters
    ----------
    data : pandas.DataFrame
        Long format.
    model : MixedModel
        Its random part is ignored.

    Raises
    ------
    DesignError
        If a column is missing, not numeric, not finite, constant, or depends on the others, or if there are not
        more rows than coefficients.

    References
    ----------
    James, Witten, Hastie & Tibshirani (2013), An Introduction to Statistical Learning, sections 3.2 and 3.3.3
    (VIF).
    """
    if not isinstance(model, MixedModel):
        raise DesignError(
            f"the model is a {type(model).__name__}; give the table first, then what parse_formula returns."
        )
    # Imported here because it takes longer than all else together, and most of the package does without.
    from statsmodels.regression.linear_model import OLS

    matrices = read_encoding(model, data).matrices(data)
    root = check_fixed_part(matrices)
    fixed, matrix = matrices.encoding.fixed, matrices.fixed
    names, slopes = fixed.names, fixed.names[int(fixed.has_intercept) :]
    result: Any = OLS(matrices.response, matrix).fit()

    def named(values: Any) -> Mapping[str, float]:
        return MappingProxyType(dict(zip(names, np.asarray(values).tolist(), strict=True)))

    spread = np.linalg.norm(matrix - matrix.mean(axis=0), axis=0)
    inflation = (np.linalg.norm(np.linalg.inv(root), axis=1) * spread) ** 2
    return OlsFit(
        coefficients=named(result.params),
        standard_errors=named(result.bse),
        t=named(result.tvalues),
        p=named(result.pvalues),
        sigma=float(np.sqrt(result.scale)),
        r_squared=float(result.rsquared),
        adjusted_r_squared=float(result.rsquared_adj),
        f=float(result.fvalue) if slopes else float("nan"),
        f_p=float(result.f_pvalue) if slopes else float("nan"),
        model_df=int(result.df_model),
        residual_df=int(result.df_resid),
        vif=MappingProxyType(dict(zip(slopes, inflation[len(names) - len(slopes) :].tolist(), strict=True))),
    )
