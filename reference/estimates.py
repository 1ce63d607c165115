"""What a fit finds: its estimates, in the units of the data, and the certificate that they are the optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Self

import numpy as np
import pandas as pd

from reference.arrays import Floats, block_slices, triangular_factor
from reference.data.columns import Level
from reference.data.formula import MixedModel
from reference.data.groups import group_names
from reference.design.design import Design, TermDesign
from reference.errors import DesignError, SaturationError
from reference.optimum.identifiability import check_identified, find_inner_optimum
from reference.optimum.optimiser import Descent, Optimum, find_optimum


@dataclass(frozen=True, eq=False)
class FittedTerm(TermDesign):
    """A random term as fitted, in the units of the data.

    Parameters
    ----------
    name : str
        The grouping factor's label, with a number behind it where a factor has several terms.
    group : str
        The label alone.
    effects : tuple of str
        The q effects that vary.
    factor : int
        The position of the grouping factor among those of the model.
    ids : (J,)
        Of the groups, ascending.
    root : (q, q)
        Upper triangular: Z = orthonormal Z · root.
    relative_factor : (q, q)
        Lower triangular; the effects' covariance is sigma² times its product with its transpose.
    covariance : (q, q)
        Of the effects.
    modes : (J, q)
        Conditional modes.
    rank : int
        Of the covariance, judged in scaled units; below q it lies on the boundary.
    """

    name: str
    relative_factor: Floats
    covariance: Floats
    modes: Floats
    rank: int

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """The ids as plain numbers or texts."""
        return group_names(self.ids)

    @property
    def table(self) -> pd.DataFrame:
        """Conditional modes: one row per group, indexed by its id, one column per effect."""
        return pd.DataFrame(self.modes, index=pd.Index(self.levels, name=self.group), columns=list(self.effects))

    @property
    def face(self) -> str:
        """Where on the boundary the covariance lies, in words; empty inside."""
        full = len(self.effects)
        if self.rank == full:
            return ""
        deviations = np.sqrt(np.diagonal(self.covariance))
        gone = [name for name, deviation in zip(self.effects, deviations, strict=True) if deviation == 0]
        if gone and self.rank == full - len(gone):
            return f"{self.name}: no variance of {', '.join(gone)}"
        if full == 2:
            sign = "+" if self.covariance[0, 1] > 0 else "-"
            return f"{self.name}: correlation of {' and '.join(self.effects)} is {sign}1"
        return f"{self.name}: {full} effects vary in {self.rank} directions only"


@dataclass(frozen=True)
class Certificate:
    """The evidence that a fit is the optimum.

    Parameters
    ----------
    criterion : float
        The fit's criterion.
    gradient : float
        The largest entry of its gradient along the covariances of the same rank, per unit of the relative factor in
        standardised units.
    decrement : float
        What a further Newton step promised to gain.
    curvature : float
        The smallest eigenvalue of the Hessian over all directions, those off the boundary included; not negative up
        to rounding.
    faces : tuple of str
        Where it lies on the boundary, one sentence per term that does.
    starts, agreeing : int
        How many starts were followed, and how many of them led to this criterion.
    """

    criterion: float
    gradient: float
    decrement: float
    curvature: float
    faces: tuple[str, ...]
    starts: int
    agreeing: int

    @property
    def on_boundary(self) -> bool:
        """Whether a covariance of the random effects is singular."""
        return bool(self.faces)


@dataclass(frozen=True, eq=False)
class Estimates:
    """What the optimum of a model's criterion says. Numbers are in the units of the data.

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
    terms : tuple of FittedTerm
        The random terms, in the order of the formula.
    """

    design: Design
    reml: bool
    optimum: Optimum
    criterion: float
    coefficients: Floats
    covariance: Floats
    sigma: float
    terms: tuple[FittedTerm, ...]

    @classmethod
    def of_design(cls, design: Design, *, reml: bool) -> Self:
        """Return the estimates of a model already met with its data.

        Raises
        ------
        ConvergenceError
            If the optimum cannot be certified.
        DesignError, SaturationError
            If the data do not determine the variances.
        """
        surface = design.surface(reml=reml)
        labels = [f"{name} by {term.group}" for term in design.terms for name in term.effects]
        if design.saturated == "both" and not reml:
            raise SaturationError(
                f"the fixed effects and those of the groups fit all {design.n_observations} rows exactly, so that the "
                "likelihood grows without end as the residual variance goes to zero: by maximum likelihood no data can "
                "tell it from zero; fit by REML, add rows to the groups, or drop an effect."
            )
        check_identified(surface, labels)
        optimum = find_inner_optimum(surface, labels) if design.saturated else find_optimum(surface)
        point = optimum.point
        sigma = design.units.scale * float(np.sqrt(point.residual_variance))
        unroot = np.linalg.inv(design.units.fixed.root)
        spread = unroot @ point.inverse_information @ unroot.T * sigma**2
        return cls(
            design=design,
            reml=reml,
            optimum=optimum,
            criterion=point.criterion + unit_constant(design, reml=reml),
            coefficients=design.units.ols + design.units.scale * (unroot @ point.beta),
            covariance=(spread + spread.T) / 2.0,
            sigma=sigma,
            terms=_fitted_terms(design, optimum, sigma),
        )

    @property
    def model(self) -> MixedModel:
        """The model that was fitted."""
        return self.design.model

    @property
    def fixed_effects(self) -> Mapping[str, float]:
        """Fixed effects by name."""
        return MappingProxyType(dict(zip(self.design.fixed_names, self.coefficients.tolist(), strict=True)))

    @property
    def term(self) -> FittedTerm:
        """The random term of a model that has one.

        Raises
        ------
        DesignError
            If the model has several; then look in ``terms``.
        """
        if len(self.terms) > 1:
            names = ", ".join(term.name for term in self.terms)
            raise DesignError(f"the model has several random terms ({names}); take one of fit.terms.")
        return self.terms[0]

    @property
    def theta(self) -> Floats:
        """lme4's theta: the lower triangles of the relative factors, column by column."""
        parts = []
        for term in self.terms:
            rows, columns = np.triu_indices(len(term.effects))
            parts.append(term.relative_factor[columns, rows])
        return np.concatenate(parts)

    @property
    def singular(self) -> bool:
        """Whether a covariance of the random effects lies on the boundary, judged in scaled units."""
        return any(term.rank < len(term.effects) for term in self.terms)

    @property
    def certificate(self) -> Certificate:
        """The evidence that this is the optimum."""
        optimum = self.optimum
        return Certificate(
            criterion=self.criterion,
            gradient=optimum.gradient,
            decrement=optimum.decrement,
            curvature=optimum.curvature,
            faces=tuple(term.face for term in self.terms if term.face),
            starts=len(optimum.descents),
            agreeing=optimum.agreeing,
        )

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

    @cached_property
    def _errors(self) -> Floats:
        """Conditional residuals, (n,), times the roots of the weights."""
        matrices = self.design.matrices
        errors: Floats = matrices.response - matrices.fixed @ self.coefficients
        for term, effects in zip(self.terms, matrices.random, strict=True):
            errors = errors - np.einsum("iq,iq->i", effects, term.modes[matrices.codes[term.factor]])
        return errors

    @property
    def residuals(self) -> Floats:
        """Conditional residuals, (n,): the response less ``fitted``."""
        return self.design.matrices.unweighted(self._errors)

    @property
    def fitted(self) -> Floats:
        """Conditional fitted values, (n,): fixed part, offset included, plus the groups' modes."""
        matrices = self.design.matrices
        return matrices.unweighted(matrices.response - self._errors) + matrices.offset

    @property
    def scaled_residuals(self) -> Floats:
        """Conditional residuals over their standard deviation, (n,): sigma, over the root of the row's weight."""
        return self._errors / self.sigma

    @property
    def log(self) -> Descent:
        """The optimiser's log from the start that won."""
        return self.optimum.descents[self.optimum.chosen]


def unit_constant(design: Design, *, reml: bool) -> float:
    """Return what must be added to a criterion in orthonormal units to have it in the units of the data."""
    constant = 2.0 * design.surface(reml=reml).denominator * float(np.log(design.units.scale))
    if reml:
        constant += 2.0 * float(np.log(np.diagonal(design.units.fixed.root)).sum())
    if design.model.weights and (root := design.matrices.root_weights) is not None:
        constant -= 2.0 * float(np.log(root).sum())
    return constant


def _fitted_terms(design: Design, optimum: Optimum, sigma: float) -> tuple[FittedTerm, ...]:
    modes = design.by_term(optimum.point.modes(optimum.factor))
    slices = block_slices(optimum.surface.sizes)
    taken = {term.group for term in design.terms}
    count: dict[str, int] = {}
    terms = []
    for term, (of_factor, own), part, rank in zip(design.terms, modes, slices, optimum.ranks, strict=True):
        back = np.asarray(np.linalg.inv(term.root), dtype=np.float64)
        lower = lower_factor(back @ optimum.factor[part, part], rank)
        repeat = count[term.group] = count.get(term.group, -1) + 1
        while repeat and f"{term.group}.{repeat}" in taken:
            repeat = count[term.group] = repeat + 1
        terms.append(
            FittedTerm(
                **vars(term),
                name=f"{term.group}.{repeat}" if repeat else term.group,
                relative_factor=lower,
                covariance=sigma**2 * (lower @ lower.T),
                modes=of_factor[:, own] @ (design.units.scale * back.T),
                rank=rank,
            )
        )
    return tuple(terms)


def lower_factor(factor: Floats, rank: int) -> Floats:
    """Return the lower triangular factor (q, q) of the same covariance, diagonal not negative, zero beyond rank."""
    lower = np.zeros_like(factor)
    if rank:
        lower[:, :rank] = triangular_factor(factor[:, :rank].T).T
    signs = np.where(np.diagonal(lower) < 0, -1.0, 1.0)
    # Adding zero turns -0.0 into 0.0.
    return lower * signs + 0.0
