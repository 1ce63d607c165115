"""Fitting a two-level linear mixed model by ML or REML, to the last digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from reference.design import Design, MixedModel, build_design, triangular_factor
from reference.errors import DesignError
from reference.likelihood import profile
from reference.optimizer import Descent, Optimum, find_optimum
from reference.panel import Floats, Panel


@dataclass(frozen=True, eq=False)
class MixedFit:
    """A fitted model. Numbers are in the units of the data.

    Parameters
    ----------
    design : Design
        The model met with the data.
    reml : bool
        Whether the criterion was the REML one.
    optimum : Optimum
        The optimiser's end point and its log.
    criterion : float
        -2 log-likelihood (ML) or REML criterion, constants included: lme4's ``deviance()`` or ``REMLcrit()``.
    coefficients : (p,)
        Fixed effects, in the order of ``design.fixed_names``.
    covariance : (p, p)
        Their covariance matrix.
    sigma : float
        Residual standard deviation.
    relative_factor : (q, q)
        Lower triangular; the random effects' covariance is sigma² times its product with its transpose.
    modes : (J, q)
        Conditional modes of the random effects, one row per group of ``design.groups``.
    """

    design: Design
    reml: bool
    optimum: Optimum
    criterion: float
    coefficients: Floats
    covariance: Floats
    sigma: float
    relative_factor: Floats
    modes: Floats

    @property
    def model(self) -> MixedModel:
        """The model that was fitted."""
        return self.design.model

    @property
    def fixed_effects(self) -> Mapping[str, float]:
        """Fixed effects by name."""
        return MappingProxyType(dict(zip(self.design.fixed_names, self.coefficients.tolist(), strict=True)))

    @property
    def random_covariance(self) -> Floats:
        """The (q, q) covariance of the random effects, in the order of ``design.random_names``."""
        return self.sigma**2 * (self.relative_factor @ self.relative_factor.T)

    @property
    def conditional_modes(self) -> pd.DataFrame:
        """Conditional modes: one row per group, indexed by its id, one column per random effect."""
        index = pd.Index(self.design.groups, name=self.model.group)
        return pd.DataFrame(self.modes, index=index, columns=list(self.design.random_names))

    @property
    def theta(self) -> Floats:
        """lme4's theta: the lower triangle of ``relative_factor``, column by column, (q(q+1)/2,)."""
        rows, columns = np.triu_indices(self.relative_factor.shape[0])
        return self.relative_factor[columns, rows]

    @property
    def rank(self) -> int:
        """The rank of the random effects' covariance, judged in scaled units."""
        return self.optimum.rank

    @property
    def singular(self) -> bool:
        """Whether that covariance lies on the boundary."""
        return self.rank < len(self.design.random_names)

    @property
    def n_parameters(self) -> int:
        """Fixed effects, covariance parameters and the residual variance."""
        return self.coefficients.size + self.theta.size + 1

    @property
    def log_likelihood(self) -> float:
        """The maximised (restricted) log-likelihood."""
        return -self.criterion / 2.0

    @property
    def aic(self) -> float:
        """Akaike's criterion, counted as lme4 does."""
        return self.criterion + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion with the number of rows, as lme4 counts it, under REML too."""
        return self.criterion + float(np.log(self.design.n_observations)) * self.n_parameters

    @property
    def fitted(self) -> Floats:
        """Conditional fitted values, (n,): fixed part plus the group's modes."""
        random = np.einsum("iq,iq->i", self.design.random, self.modes[self.design.codes])
        fitted: Floats = self.design.fixed @ self.coefficients + random
        return fitted

    @property
    def scaled_residuals(self) -> Floats:
        """Conditional residuals over sigma, (n,)."""
        return (self.design.response - self.fitted) / self.sigma

    @property
    def log(self) -> Descent:
        """The optimiser's log from the start that won."""
        return self.optimum.descents[self.optimum.chosen]


def fit_mixed(data: Panel | pd.DataFrame, model: MixedModel, *, reml: bool = True) -> MixedFit:
    """Return the maximum (restricted) likelihood fit of a two-level model.

    Parameters
    ----------
    data : Panel or pandas.DataFrame
        Long format, one row per observation, in any units and any order.
    model : MixedModel
        For instance ``RANDOM_INTERCEPT`` or ``RANDOM_SLOPE``.
    reml : bool
        True for restricted maximum likelihood.

    Returns
    -------
    MixedFit
        Possibly singular: a variance of zero or a correlation of one is a result, not an error.

    Raises
    ------
    DesignError, SaturationError
        If the model cannot be estimated from the data.
    ConvergenceError
        If no optimum was reached.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1).

    Examples
    --------
    >>> from reference import RANDOM_INTERCEPT, fit_mixed, tutorial_panel
    >>> fit = fit_mixed(tutorial_panel(), RANDOM_INTERCEPT)
    >>> print(f"{fit.criterion:.4f}")
    875.7667
    """
    design = build_design(data, model)
    optimum = find_optimum(design.blocks, reml=reml)
    point = optimum.point
    sigma = design.scale * float(np.sqrt(point.residual_variance))
    unroot = np.linalg.inv(design.fixed_root)
    spread = unroot @ point.inverse_information @ unroot.T * sigma**2
    back = np.asarray(np.linalg.inv(design.random_root), dtype=np.float64)
    pull = point.pull @ optimum.factor @ optimum.factor.T
    return MixedFit(
        design=design,
        reml=reml,
        optimum=optimum,
        criterion=point.criterion + unit_constant(design, reml=reml),
        coefficients=design.ols + design.scale * (unroot @ point.beta),
        covariance=(spread + spread.T) / 2.0,
        sigma=sigma,
        relative_factor=_canonical(back @ optimum.factor, optimum.rank),
        modes=design.scale * pull @ back.T,
    )


def criterion_at(data: Panel | pd.DataFrame, model: MixedModel, theta: Floats, *, reml: bool) -> float:
    """Return the profiled criterion at a given theta.

    Parameters
    ----------
    data, model, reml
        As for :func:`fit_mixed`.
    theta : (q(q+1)/2,)
        lme4's theta, in units of the data: the lower triangle of the relative factor, column by column.

    Returns
    -------
    float
        On the scale of ``MixedFit.criterion``.

    Raises
    ------
    DesignError, SaturationError
        If theta has the wrong length or is not finite, or the model cannot be estimated from the data.
    """
    design = build_design(data, model)
    q = len(design.random_names)
    if np.shape(theta) != (q * (q + 1) // 2,) or not np.isfinite(theta).all():
        raise DesignError(f"theta must hold {q * (q + 1) // 2} finite numbers for the {model.name} model, not {theta}.")
    factor = np.zeros((q, q))
    rows, columns = np.triu_indices(q)
    factor[columns, rows] = theta
    point = profile(design.random_root @ factor, design.blocks, reml=reml)
    return point.criterion + unit_constant(design, reml=reml)


def unit_constant(design: Design, *, reml: bool) -> float:
    """Return what must be added to a criterion in orthonormal units to have it in the units of the data."""
    count = design.residual_df if reml else design.n_observations
    constant = 2.0 * count * float(np.log(design.scale))
    if reml:
        constant += 2.0 * float(np.log(np.diagonal(design.fixed_root)).sum())
    return constant


def _canonical(factor: Floats, rank: int) -> Floats:
    """Return the lower triangular factor of the same covariance, diagonal not negative, zero beyond rank."""
    lower = np.zeros_like(factor)
    if rank:
        lower[:, :rank] = triangular_factor(factor[:, :rank].T).T
    signs = np.where(np.diagonal(lower) < 0, -1.0, 1.0)
    # Adding zero turns -0.0 into 0.0.
    return lower * signs + 0.0
