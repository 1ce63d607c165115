"""The profiled ML and REML criterion of a two-level model, with its exact gradient and Hessian. Arrays only.

Notation: per group W_j = I + R_j Λ R_jᵀ with Λ = L Lᵀ; M = rest + Σ P_jᵀ W_j⁻¹ P_j, whose leading block is
X'V⁻¹X and whose last entry, after eliminating X, is the profiled residual sum of squares (R_j: ``roots``,
P_j: ``heads``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.design import Blocks
from reference.panel import Floats


@dataclass(frozen=True, eq=False)
class Profile:
    """The criterion at one factor, and what profiling left behind.

    Parameters
    ----------
    criterion : float
        -2 log-likelihood (ML) or its REML counterpart, constants included.
    beta : (p,)
        Generalised least squares coefficients.
    inverse_information : (p, p)
        (X'V⁻¹X)⁻¹; times the residual variance it is the covariance of ``beta``.
    residual_sum : float
        Profiled residual sum of squares.
    denominator : int
        What it is divided by for the residual variance: n under ML, n - p under REML.
    leverage : (J, q, q)
        R_jᵀ W_j⁻¹ R_j.
    reach : (J, q, p + 1)
        R_jᵀ W_j⁻¹ P_j.
    """

    criterion: float
    beta: Floats
    inverse_information: Floats
    residual_sum: float
    denominator: int
    leverage: Floats
    reach: Floats

    @property
    def residual_variance(self) -> float:
        """The profiled residual variance."""
        return self.residual_sum / self.denominator

    @property
    def contrast(self) -> Floats:
        """(-beta, 1): the combination of ``[X y]`` that is the residual."""
        return np.append(-self.beta, 1.0)


@dataclass(frozen=True, eq=False)
class Derivatives:
    """First and second derivatives of the criterion along k directions of the factor.

    Parameters
    ----------
    gradient : (k,), hessian : (k, k)
        Of the criterion.
    log_residual : (k,)
        Of the logarithm of the profiled residual variance.
    information : (k, p, p)
        Of X'V⁻¹X.
    """

    gradient: Floats
    hessian: Floats
    log_residual: Floats
    information: Floats


def profile(factor: Floats, blocks: Blocks, *, reml: bool) -> Profile:
    """Return the profiled deviance (ML) or REML criterion of a two-level model.

    Parameters
    ----------
    factor : (q, q), unit-free
        Cov(b) = sigma² · factor · factorᵀ. Any square factor will do; one of lower rank is the boundary, not
        an error.
    blocks : Blocks
        In whatever units; the criterion is that of the matrices the blocks came from.
    reml : bool
        True for the REML criterion.

    Returns
    -------
    Profile
        Its ``criterion`` is on the -2 log-likelihood scale, constants included, comparable with lme4's
        ``deviance()`` and ``REMLcrit()``.

    Raises
    ------
    numpy.linalg.LinAlgError
        If X is rank deficient.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 3.
    """
    n, p, q = blocks.n_observations, blocks.n_fixed, blocks.n_random
    spread = blocks.roots @ factor
    lower = np.linalg.cholesky(np.eye(q) + spread @ spread.swapaxes(1, 2))
    whitened = np.linalg.solve(lower, np.concatenate([blocks.roots, blocks.heads], axis=2))
    roots, heads = whitened[:, :, :q], whitened[:, :, q:]
    flat = heads.reshape(-1, p + 1)
    triangle = np.linalg.cholesky(blocks.rest + flat.T @ flat)
    inverse = np.linalg.inv(triangle[:p, :p])
    residual_sum = float(triangle[p, p]) ** 2
    denominator = n - p if reml else n
    criterion = 2.0 * float(np.log(np.diagonal(lower, axis1=1, axis2=2)).sum())
    criterion += denominator * (1.0 + float(np.log(2.0 * np.pi * residual_sum / denominator)))
    if reml:
        criterion += 2.0 * float(np.log(np.diagonal(triangle)[:p]).sum())
    turned = roots.swapaxes(1, 2)
    return Profile(
        criterion=criterion,
        beta=inverse.T @ triangle[p, :p],
        inverse_information=inverse.T @ inverse,
        residual_sum=residual_sum,
        denominator=denominator,
        leverage=turned @ roots,
        reach=turned @ heads,
    )


def derivatives(factor: Floats, directions: Floats, point: Profile, *, reml: bool) -> Derivatives:
    """Return the exact derivatives of the criterion at a factor.

    Parameters
    ----------
    factor : (q, q)
        Where ``point`` was computed.
    directions : (k, q, q)
        The k ways the factor may move.
    point : Profile
        ``profile(factor, ...)``.
    reml : bool
        As for ``point``.

    Notes
    -----
    By the chain rule through Λ = L Lᵀ: along directions a and b, Λ moves by D_a = E_a Lᵀ + L E_aᵀ and bends
    by D_ab = E_a E_bᵀ + E_b E_aᵀ. The criterion depends on Λ through log det W_j and M alone.
    """
    k, q = directions.shape[:2]
    p = point.beta.size
    moved = directions @ factor.T
    moved = moved + moved.swapaxes(1, 2)
    stacked = directions.reshape(k * q, q)
    bent = (stacked @ stacked.T).reshape(k, q, k, q).transpose(0, 2, 1, 3)
    bent = bent + bent.swapaxes(2, 3)
    first, second = _information_derivatives(moved, bent, point)
    sum_leverage = point.leverage.sum(axis=0).ravel()
    turned = moved[:, None] @ point.leverage
    gradient = moved.reshape(k, -1) @ sum_leverage
    hessian = bent.reshape(k, k, -1) @ sum_leverage
    hessian = hessian - turned.reshape(k, -1) @ turned.swapaxes(2, 3).reshape(k, -1).T

    contrast, inverse = point.contrast, point.inverse_information
    pushed = first @ contrast
    residual = pushed @ contrast / point.residual_sum
    residual2 = second @ contrast @ contrast - 2.0 * pushed[:, :p] @ inverse @ pushed[:, :p].T
    gradient = gradient + point.denominator * residual
    hessian = hessian + point.denominator * (residual2 / point.residual_sum - np.outer(residual, residual))
    information = first[:, :p, :p]
    if reml:
        scaled = inverse @ information
        gradient = gradient + scaled.trace(axis1=1, axis2=2)
        hessian = hessian + second[:, :, :p, :p].reshape(k, k, -1) @ inverse.ravel()
        hessian = hessian - scaled.reshape(k, -1) @ scaled.swapaxes(1, 2).reshape(k, -1).T
    return Derivatives(gradient, (hessian + hessian.T) / 2.0, residual, information)


def _information_derivatives(moved: Floats, bent: Floats, point: Profile) -> tuple[Floats, Floats]:
    """Return the first (k, p+1, p+1) and second (k, k, p+1, p+1) derivatives of M."""
    k, q = moved.shape[:2]
    width = point.reach.shape[2]
    flat = point.reach.reshape(-1, q * width)
    products = (flat.T @ flat).reshape(q, width, q, width).transpose(0, 2, 1, 3).reshape(q * q, width * width)
    first = -(moved.reshape(k, -1) @ products).reshape(k, width, width)
    pushed = moved[:, None] @ point.reach
    levered = point.leverage @ pushed
    left = pushed.transpose(0, 3, 1, 2).reshape(k * width, -1)
    right = levered.transpose(0, 3, 1, 2).reshape(k * width, -1)
    mixed = (left @ right.T).reshape(k, width, k, width)
    mixed = mixed.transpose(0, 2, 1, 3)
    curved = (bent.reshape(k * k, -1) @ products).reshape(k, k, width, width)
    return first, mixed + mixed.transpose(1, 0, 2, 3) - curved
