"""Monthly flows of a pool from sums over its customers.

A customer's future is a handful of numbers (:mod:`ml` writes them): expected cumulative visits
E(t) at K nodes, and P(alive) at K' nodes of which the first is the as-of date. Month-end values
are a linear map of the node values, the same for all customers of one fit. What follows is linear
in those numbers, so the lines of any pool are the maps applied to sums of node values over cells
of customers with the same fit and cap month. A database forms such sums by GROUP BY,
:mod:`valuation.cash_flows` in memory.

With e_k = E(k) - E(k-1) expected visits of month k (they contain survival already), a_k the anchor
factor of the month, A_k = P(alive at k), and k not beyond the customer's cap month:

    revenue_k = e_k a_k x revenue per visit + A_k x accident revenue
    margin_k  = e_k a_k x margin per visit  + A_k x accident margin
    cost_k    = service cost rate x margin_k + retention cost / 12 x A_k
    value     = sum over k of (margin_k - cost_k) x discount factor_k

All of them, visits too, times the standing of the store in month k: 1 while the brand's
authorisation lasts, the probability of its renewal afterwards. Standing and discount factors come
in regimes (a division's premium, a store's authorisation); every store belongs to one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.refusals import as_fraction, refuse_any, within
from valuation.rounding import FEN_PER_YUAN, Integers, fit_to_total, to_fen

Floats = NDArray[np.float64]

ANCHOR_MONTHS = 12
UNITS = 1e6
"""Node sums are integers of a millionth of a visit, a yuan or a customer."""


@dataclass(frozen=True)
class CurveMaps:
    """From node values to month ends 1..M, per fit.

    ``visits``: (F, M, K), cumulative visits at month ends = visits[f] @ E at nodes (E(0) = 0).
    ``alive``: (F, M, K'), P(alive) at month ends = alive[f] @ alive node values.
    Values already given by month use an identity matrix as map.
    """

    visits: Floats
    alive: Floats

    def __post_init__(self) -> None:
        if self.visits.ndim != 3 or self.alive.ndim != 3:
            raise ValueError("curve maps have the shape (fits, months, nodes)")
        if self.visits.shape[:2] != self.alive.shape[:2]:
            raise ValueError("visit and alive maps must agree in fits and months")

    @property
    def fits(self) -> int:
        return int(self.visits.shape[0])

    @property
    def months(self) -> int:
        return int(self.visits.shape[1])

    def increments(self) -> Floats:
        """(F, M, K): visits within month k, not up to its end."""
        return np.diff(self.visits, axis=1, prepend=0.0)


@dataclass(frozen=True)
class FlowAssumptions:
    """Discount factors (M,), service cost as a share of margin, retention cost in yuan a year.

    With several regimes ``discount`` is (R, M), and so is ``standing``, the probability that a
    store still stands for its brand (all 1 where it is left out).
    """

    discount: Floats
    service_cost_rate: float = 0.0
    retention_cost: float = 0.0
    standing: Floats | None = None

    @property
    def by_regime(self) -> Floats:
        """Discount factors, (R, M)."""
        return np.atleast_2d(self.discount)

    @property
    def standing_by_regime(self) -> Floats:
        """(R, M)."""
        return np.ones_like(self.by_regime) if self.standing is None else self.standing

    def __post_init__(self) -> None:
        if self.standing is not None and self.standing.shape != self.by_regime.shape:
            raise ValueError("standing and discount factors must agree in regimes and months")
        refuse_any(
            [
                as_fraction("service_cost_rate", self.service_cost_rate),
                within("retention_cost", self.retention_cost, 0.0, 1e6),
            ]
        )


@dataclass(frozen=True)
class Cells:
    """Indices (C,) of what the customers of each cell share: home store, fit, cap month, regime
    (by default the only one)."""

    group: Integers
    curve: Integers
    cap_month: Integers
    regime: Integers | None = None

    @property
    def regimes(self) -> Integers:
        return np.zeros_like(self.group) if self.regime is None else self.regime


@dataclass(frozen=True)
class NodeSums:
    """Integer sums, in 1/:data:`UNITS`, over the customers of C cells.

    ``visits``, ``revenue``, ``margin``: (C, 2, K), node values x anchor factor (x amount a visit),
    for months 1-12 and for later ones. ``alive`` and, x amount a month, ``accident_revenue`` and
    ``accident_margin``: (C, K'). Integers, so that the order of rows changes nothing.
    """

    visits: Integers
    revenue: Integers
    margin: Integers
    alive: Integers
    accident_revenue: Integers
    accident_margin: Integers

    @classmethod
    def zeros(cls, cells: int, maps: CurveMaps) -> "NodeSums":
        anchored = (cells, 2, maps.visits.shape[2])
        alive = (cells, maps.alive.shape[2])
        shapes = (anchored, anchored, anchored, alive, alive, alive)
        return cls(*(np.zeros(shape, dtype=np.int64) for shape in shapes))


@dataclass(frozen=True)
class MonthlyFlows:
    """Lines (G, M) of G groups over M months.

    ``visits`` and ``alive`` (customers at month ends) are expected numbers, money is integer fen.
    ``margin`` is before ``cost`` (service and retention); ``present_value``, of margin - cost,
    sums to the groups' values exactly.
    """

    visits: Floats
    alive: Floats
    revenue: Integers
    margin: Integers
    cost: Integers
    present_value: Integers


@dataclass(frozen=True)
class FitFlows:
    """Month lines of the cells of one fit, in yuan and numbers; rows follow ``cells``."""

    cells: Integers
    visits: Floats
    alive: Floats
    revenue: Floats
    margin: Floats
    cost: Floats
    discount: Floats


def flows_by_fit(
    sums: NodeSums, cells: Cells, maps: CurveMaps, assumptions: FlowAssumptions
) -> Iterator[FitFlows]:
    """The cells' lines fit by fit, rows ordered by group; nothing flows beyond the cap month."""
    increments = maps.increments()
    months = np.arange(1, maps.months + 1)
    order = np.argsort(cells.group, kind="stable")
    for fit in range(maps.fits):
        rows = order[cells.curve[order] == fit]
        if not len(rows):
            continue
        flowing = months <= cells.cap_month[rows][:, None]

        def of_visits(nodes: Integers, step: Floats = increments[fit].T) -> Floats:
            return np.where(months <= ANCHOR_MONTHS, nodes[:, 0] @ step, nodes[:, 1] @ step)

        step = maps.alive[fit].T
        alive = sums.alive[rows] @ step
        margin = of_visits(sums.margin[rows]) + sums.accident_margin[rows] @ step
        revenue = of_visits(sums.revenue[rows]) + sums.accident_revenue[rows] @ step
        cost = assumptions.service_cost_rate * margin + assumptions.retention_cost / 12.0 * alive
        regime = cells.regimes[rows]
        earning = flowing * assumptions.standing_by_regime[regime]
        scales = (earning, flowing, earning, earning, earning)
        lines = (of_visits(sums.visits[rows]), alive, revenue, margin, cost)
        visits, alive, revenue, margin, cost = (
            line * scale / UNITS for line, scale in zip(lines, scales, strict=True)
        )
        discount = assumptions.by_regime[regime]
        yield FitFlows(rows, visits, alive, revenue, margin, cost, discount)


def _add_by_group(target: Floats, group: Integers, lines: Floats) -> None:
    """Add rows of ``lines`` (n, ...) to ``target`` (G, ...) at ``group`` (n,), which ascends."""
    present, starts = np.unique(group, return_index=True)
    target[present] += np.add.reduceat(lines, starts, axis=0)


def monthly_flows(
    sums: NodeSums,
    cells: Cells,
    maps: CurveMaps,
    assumptions: FlowAssumptions,
    group_value_fen: Integers,
) -> MonthlyFlows:
    """Month lines of each group from the node sums of its cells.

    ``group_value_fen``: (G,) sums of the customers' values in fen, to which the present-value
    lines are apportioned.
    """
    lines = np.zeros((6, len(group_value_fen), maps.months))
    for flows in flows_by_fit(sums, cells, maps, assumptions):
        present = (flows.margin - flows.cost) * flows.discount
        parts = (flows.visits, flows.alive, flows.revenue, flows.margin, flows.cost, present)
        for target, part in zip(lines, parts, strict=True):
            _add_by_group(target, cells.group[flows.cells], part)
    visits, alive, revenue, margin, cost, present = lines
    exact = present * FEN_PER_YUAN
    return MonthlyFlows(
        visits=visits,
        alive=alive,
        revenue=to_fen(revenue),
        margin=to_fen(margin),
        cost=to_fen(cost),
        present_value=fit_to_total(exact, group_value_fen),
    )


def shock_sensitivities(
    sums: NodeSums, cells: Cells, maps: CurveMaps, assumptions: FlowAssumptions, groups: int
) -> Floats:
    """(G, 3): each group's change of value, in yuan, by log of attrition, margin and volume.

    Attrition m turns survival S(k) = A_k / A_0 into S^m, so its derivative at m = 1 is the present
    value of each month's flow x log S(k), taken cell by cell: for customers whose rates of loss
    vary by a quarter within a cell this is about 5% too large, on the cautious side. Margin and
    volume scale margins and the service cost with them, but not the cost of retention; here they
    are the same number, and differ in their volatility.
    """
    result = np.zeros((groups, 3))
    for flows in flows_by_fit(sums, cells, maps, assumptions):
        now = sums.alive[flows.cells, 0][:, None] / UNITS
        left = np.divide(flows.alive, now, out=np.ones_like(flows.alive), where=flows.alive > 0)
        net = ((flows.margin - flows.cost) * np.log(left) * flows.discount).sum(axis=1)
        earned = (flows.margin * flows.discount).sum(axis=1)
        earned *= 1.0 - assumptions.service_cost_rate
        changes = np.stack([net, earned, earned], axis=1)
        _add_by_group(result, cells.group[flows.cells], changes)
    return result
