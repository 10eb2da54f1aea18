"""A customer's future as eight numbers.

The expected transactions E(t) of one fit are smooth in s = log(1 + t/c)/log(1 + H/c), H the
horizon, c = 2α (over a grid of fits, c = 2α was 4 to 50 times more exact than c = α, and c = 4α
worse again for young customers). They are therefore kept at the Chebyshev-Lobatto nodes of s in
[0, 1] and interpolated by the barycentric formula (Berrut & Trefethen 2004, SIAM Review 46(3),
section 5). t = 0 is a ninth node: E(0) = 0, while the curve of being alive starts at P(alive).

The map from nodes to month ends is linear and the same for all customers of one fit, so the flows
of any pool are this map applied to the sum of its customers' nodes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.transaction_models import AnyParameters, futures

Floats = NDArray[np.float64]

DAYS_PER_MONTH = 30.4375
NODES = 8
HORIZON_MONTHS = 60
_BEND = 2.0


@dataclass(frozen=True)
class CurveMap:
    """From the values at :attr:`node_days` to month ends 1..``months``.

    ``bend`` (days) is the c of the module's text, the same for all customers of one fit.
    """

    bend: float
    months: int = HORIZON_MONTHS

    def __post_init__(self) -> None:
        if not (np.isfinite(self.bend) and self.bend > 0):
            raise ValueError(f"bend must be positive and finite, got {self.bend}")
        if self.months < 1:
            raise ValueError(f"a horizon has at least one month, got {self.months}")

    def as_dict(self) -> dict[str, Any]:
        return {"bend": self.bend, "months": self.months}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(**values)

    @property
    def _all_nodes(self) -> Floats:
        """The nine nodes on [0, 1], ascending, 0 included."""
        return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.arange(NODES + 1) / NODES))

    @property
    def _span(self) -> float:
        return float(np.log1p(self.months * DAYS_PER_MONTH / self.bend))

    @property
    def node_days(self) -> Floats:
        """Days after the as-of date at which a curve is evaluated, shape (8,)."""
        return np.asarray(self.bend * np.expm1(self._all_nodes[1:] * self._span))

    @cached_property
    def _interpolation(self) -> Floats:
        """Month ends from all nine nodes, shape (months, 9)."""
        month_ends = np.arange(1, self.months + 1) * DAYS_PER_MONTH
        s = np.log1p(month_ends / self.bend) / self._span
        weights = (-1.0) ** np.arange(NODES + 1)
        weights[[0, -1]] /= 2.0
        apart = s[:, None] - self._all_nodes[None, :]
        hit = np.isclose(apart, 0.0, rtol=0.0, atol=1e-14)
        terms = weights / np.where(hit, 1.0, apart)
        result = terms / terms.sum(axis=1, keepdims=True)
        exact = hit.any(axis=1)
        result[exact] = hit[exact]
        return result

    @cached_property
    def cumulative(self) -> Floats:
        """(months, 8): expected transactions up to each month end = this @ nodes."""
        return np.ascontiguousarray(self._interpolation[:, 1:])

    @cached_property
    def monthly(self) -> Floats:
        """(months, 8): expected transactions of each month = this @ nodes."""
        return np.diff(self.cumulative, axis=0, prepend=0.0)

    @cached_property
    def alive(self) -> Floats:
        """(months, 9): P(alive at each month end) = this @ [P(alive), nodes of the alive curve]."""
        return self._interpolation


@dataclass(frozen=True)
class Curves:
    """Futures of n customers of one fit.

    ``p_alive`` (n,) at the as-of date; ``visits`` (n, 8) expected transactions and ``alive``
    (n, 8) probability alive, both at ``map.node_days``.
    """

    map: CurveMap
    p_alive: Floats
    visits: Floats
    alive: Floats

    def monthly_visits(self) -> Floats:
        """Expected transactions of each month, shape (n, months)."""
        return self.visits @ self.map.monthly.T

    def monthly_alive(self) -> Floats:
        """P(alive) at each month end, shape (n, months).

        Given alive at T, drop-out comes at rate λp, so P(alive at T + t) is
        P(alive at T)·E[exp(−λ·p·t)] under the posterior of λ and p: Fader, Hardie & Lee (2005),
        appendix, with the expectation taken as in :mod:`ml.bgnbd`.
        """
        start = np.column_stack([self.p_alive, self.alive])
        return np.clip(start @ self.map.alive.T, 0.0, 1.0)


def curves(
    params: AnyParameters, x: Floats, t_x: Floats, age: Floats, months: int = HORIZON_MONTHS
) -> Curves:
    """Evaluate the futures of all customers of one fit at the eight nodes (times in days)."""
    curve_map = CurveMap(_BEND * params.alpha, months)
    p_alive, visits, alive = futures(params, x, t_x, age, curve_map.node_days)
    return Curves(curve_map, p_alive, visits, alive)
