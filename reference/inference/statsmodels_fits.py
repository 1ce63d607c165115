"""A mixed model of statsmodels, fitted with scalings and restarts, and checked against the certified optimum."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from reference.arrays import Floats
from reference.data.formula import parse_formula
from reference.design.design import build_design
from reference.errors import ConvergenceError, DesignError
from reference.estimates import Estimates
from reference.inference.comparison import deficit_at

# A search that ends this close to the optimum's criterion has its variances to four digits.
_ARRIVED = 1e-7
# What statsmodels computes there may differ by this much: its criterion, and fixed effects in standard errors.
_CRITERION, _EFFECTS = 1e-4, 1e-3
# Optimiser, and the relative variances that it starts from.
_SEARCHES = (("bfgs", 1.0), ("lbfgs", 0.01))
# A variance of zero, in residual ones: by zero itself statsmodels would divide, and to large ones it must be added.
_ZEROS = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)


def fit_statsmodels(model: Any, *, reml: bool = True) -> Any:
    """Return statsmodels' result for a mixed model, at its optimum.

    The model is searched by statsmodels itself with scaled columns and restarts. Each end is judged by the criterion
    that the engine computes at the variances found, since statsmodels' ``llf`` and ``converged`` can be wrong. If no
    search arrives, the variances of the certified fit are taken.

    Parameters
    ----------
    model : statsmodels.regression.mixed_linear_model.MixedLM
        From ``smf.mixedlm(formula, frame, groups=..., re_formula=..., vc_formula=...)``. In a row a variance component
        may have one column other than zero, as ``"0 + C(room)"`` and ``"0 + hours"`` have.
    reml : bool
        True for restricted maximum likelihood.

    Returns
    -------
    statsmodels.regression.mixed_linear_model.MixedLMResults
        In the units of the data: ``fe_params``, ``cov_re``, ``vcomp``, ``scale``, ``random_effects``, ``llf``. A
        variance of zero is given as a tiny one, 1e-10 of the residual's if that will do. The standard errors of the
        fixed effects are those of generalised least squares: statsmodels' own are wrong where a variance is zero.

    Raises
    ------
    DesignError, SaturationError
        If the model cannot be estimated from the data, or a variance component has several columns in a row.
    ConvergenceError
        If statsmodels cannot hold the optimum in the units of the data, or the optimum cannot be certified.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1): the criterion.
    """
    if not hasattr(model, "row_indices"):
        raise DesignError(
            f"the model is a {type(model).__name__}; give what smf.mixedlm(formula, frame, groups=...) returns, before "
            "its .fit()."
        )
    certified = Estimates.of_design(build_design(*_as_formula(model)), reml=reml)
    scaled, roots, unit = _scaled(model)
    covariances = [term.covariance / certified.sigma**2 for term in certified.terms]
    for covariance, scale in _searches(scaled, reml=reml):
        found = [root @ part @ root.T for root, part in zip(roots, covariance, strict=True)]
        if deficit_at(certified, scale * unit**2 * block_diag(*found), scale * unit**2) < _ARRIVED:
            covariances = found
            break
    for zero in _ZEROS:
        lifted = [part + zero * root @ root.T for part, root in zip(covariances, roots, strict=True)]
        try:
            result = _fit(model, lifted, reml=reml, method="bfgs", gtol=np.inf)
        except np.linalg.LinAlgError:  # so small a zero is lost beside the other variances
            continue
        off = (np.asarray(result.fe_params) - certified.coefficients) / np.sqrt(np.diagonal(certified.covariance))
        if abs(-2.0 * result.llf - certified.criterion) < _CRITERION and np.abs(off).max() < _EFFECTS:
            result._results.normalized_cov_params[: model.k_fe, : model.k_fe] = certified.covariance / result.scale
            return result
    raise ConvergenceError(
        f"statsmodels cannot compute with the optimum, {certified.criterion:.6f}, in these units: give each column "
        "a unit in which its numbers are of ordinary size, such as thousands, or use reference.fit."
    )


def _as_formula(model: Any) -> tuple[pd.DataFrame, Any]:
    """Return a table and a model of the engine's that say what statsmodels' model says."""
    group = _by_row(model, [np.full((len(rows), 1), k) for k, rows in enumerate(model.row_indices.values())])
    columns: dict[str, Any] = {"response": model.endog, "group": group}
    columns |= {f"fixed {name}": x for name, x in zip(model.exog_names, model.exog.T, strict=True)}
    fixed = " + ".join(f"`{name}`" for name in list(columns)[2:])
    terms = []
    if model.k_re:
        effects = {f"random effect {k}": z for k, z in enumerate(model.exog_re.T, 1)}
        columns |= effects
        terms.append(f"(0 + {' + '.join(f'`{name}`' for name in effects)} | group)")
    for name, mats in zip(model.exog_vc.names, map(_dense, model.exog_vc.mats), strict=True):
        if any((np.count_nonzero(mat, axis=1) > 1).any() for mat in mats):
            raise DesignError(f"the variance component {name!r} has several columns in a row; use reference.fit.")
        column = _by_row(model, [np.abs(mat).argmax(axis=1)[:, None] for mat in mats])
        level, labels = pd.factorize(pd.MultiIndex.from_arrays([group, column]))
        columns |= {f"component {name}": _by_row(model, mats), f"level of {name}": level}
        # Levels that are the groups are one factor with them: the engine then has one factor less.
        terms.append(f"(0 + `component {name}` | {'group' if len(labels) == len(mats) else f'`level of {name}`'})")
    return pd.DataFrame(columns), parse_formula(f"response ~ 0 + {fixed} + {' + '.join(terms)}")


def _dense(mats: list[Any]) -> list[Floats]:
    return [np.asarray(mat.toarray() if hasattr(mat, "toarray") else mat) for mat in mats]


def _by_row(model: Any, mats: list[Any]) -> Any:
    """Return the sums of the rows of the groups' matrices, in the order of the table."""
    rows = np.concatenate([model.row_indices[label] for label in model.group_labels])
    return np.concatenate([mat.sum(axis=1) for mat in mats])[np.argsort(rows)]


def _scaled(model: Any) -> tuple[Any, list[Floats], float]:
    """Return the model with orthogonal columns of size one, maps of its effects to ours, and its response's unit."""
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    size = np.sqrt(model.nobs)
    exog = size * np.linalg.qr(model.exog)[0]
    residuals = model.endog - exog @ (exog.T @ model.endog) / model.nobs
    unit = float(residuals.std())
    roots = [np.linalg.inv(np.linalg.qr(model.exog_re)[1] / size)] if model.k_re else []
    mats = [_dense(one) for one in model.exog_vc.mats]
    sizes = [size / np.sqrt(sum(float((mat**2).sum()) for mat in one)) for one in mats]
    vc = VCSpec(
        model.exog_vc.names,
        model.exog_vc.colnames,
        [[mat * factor for mat in one] for one, factor in zip(mats, sizes, strict=True)],
    )
    scaled = MixedLM(
        residuals / unit,
        exog,
        groups=model.groups,
        exog_re=model.exog_re @ roots[0] if roots else None,
        exog_vc=vc if model.k_vc else None,
    )
    return scaled, [*roots, *(np.array([[factor]]) for factor in sizes)], unit


def _searches(scaled: Any, *, reml: bool) -> Iterator[tuple[list[Floats], float]]:
    """Yield the terms' covariances in residual variances, and that variance, where each search of statsmodels ends."""
    for method, start in _SEARCHES:
        sizes = ([scaled.k_re] if scaled.k_re else []) + [1] * scaled.k_vc
        try:
            end = _fit(scaled, [start * np.eye(size) for size in sizes], reml=reml, method=method)
        except np.linalg.LinAlgError:
            continue
        parts = [end.cov_re_unscaled] if scaled.k_re else []
        yield [*parts, *(np.array([[one]]) for one in end.params_object.vcomp)], float(end.scale)


def _fit(model: Any, covariances: list[Floats], *, reml: bool, **how: Any) -> Any:
    from statsmodels.regression.mixed_linear_model import MixedLMParams

    # Below 1e-10, whatever the units, statsmodels takes a variance for zero and its inverse for zero, not infinity.
    model.get_fe_params = partial(type(model).get_fe_params, model, tol=-np.inf)
    cov_re = covariances[0] if model.k_re else np.zeros((0, 0))
    vcomp = np.array([float(part[0, 0]) for part in covariances[1 if model.k_re else 0 :]])
    start = MixedLMParams.from_components(np.zeros(model.k_fe), cov_re=cov_re, vcomp=vcomp)
    # What it warns of is judged by the criterion instead.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return model.fit(start_params=start, reml=reml, **how)
