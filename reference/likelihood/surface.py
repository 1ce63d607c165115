"""The criterion as a function of the relative factor alone: one surface for one grouping factor, one for several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from reference.arrays import Floats


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
        Of X'V⁻¹X, between N and Nᵀ (``inverse_root``).
    """

    gradient: Floats
    hessian: Floats
    log_residual: Floats
    information: Floats


class Surface(Protocol):
    """What the optimiser climbs down: a criterion over block-diagonal factors (Q, Q).

    ``sizes`` are the orders of the blocks, one per random term; ``cost`` the number of groups of all grouping
    factors, to which one evaluation is proportional.
    """

    @property
    def sizes(self) -> tuple[int, ...]:
        """The order of each block."""

    @property
    def cost(self) -> int:
        """The number of groups of all grouping factors."""

    @property
    def weight(self) -> float:
        """The rows of an average group."""

    def profile(self, factor: Floats) -> Any:
        """Return the criterion at a factor, and what profiling left behind."""

    def criteria(self, factors: Floats) -> Floats:
        """Return the criterion at each of m factors (m, Q, Q), as (m,)."""

    def derivatives(self, factor: Floats, directions: Floats, point: Any) -> Derivatives:
        """Return the derivatives at a factor along directions (k, Q, Q)."""

    def modes(self, factor: Floats, point: Any) -> tuple[Floats, ...]:
        """Return the conditional modes of each term, (J, q)."""

    def conditional_covariance(self, factor: Floats) -> tuple[Floats, ...]:
        """Return the covariance of each term's modes given the data, (J, q, q), over the residual variance."""
