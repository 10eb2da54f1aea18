"""Monthly flows and present values of many customers, to the fen.

A customer's future is a handful of numbers (:mod:`ml` writes them): expected cumulative visits
E(t) at K nodes and P(alive) at K' nodes. Month-end values are a linear map of the node values,
the same for all customers of one fit ("curve"). Everything below is linear in those numbers, so

- a customer's value is one small dot product, rounded half-even to fen;
- a store's monthly lines are the same maps applied to the store's node sums.

With e_k = E(k) - E(k-1) expected visits of month k (they contain survival already), a_k the anchor
factor of the month, A_k = P(alive at k), and k not beyond the customer's cap month:

    revenue_k = e_k a_k x revenue per visit + accident rate / 12 x A_k x accident revenue
    margin_k  = e_k a_k x margin per visit  + accident rate / 12 x A_k x accident margin
    cost_k    = service cost rate x margin_k + retention cost / 12 x A_k
    value     = sum over k of (margin_k - cost_k) x discount factor_k

Rates are annual, money in yuan. Node sums are added as integers (:data:`UNITS`), so that neither
the order of rows nor the size of chunks changes a single fen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from valuation.rounding import Integers, fit_to_total, to_fen

Floats = NDArray[np.float64]

CHUNK = 65_536
ANCHOR_MONTHS = 12
UNITS = 1e6
"""Node sums are integers of a millionth of a visit or of a yuan."""


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
    def months(self) -> int:
        return int(self.visits.shape[1])

    def increments(self) -> Floats:
        """(F, M, K): visits within month k, not up to its end."""
        return np.diff(self.visits, axis=1, prepend=0.0)


@dataclass(frozen=True)
class CustomerCurves:
    """One row a customer; every field is an array of N rows (yuan, annual rates).

    ``expected`` (N, K) and ``alive`` (N, K') are node values, ``curve`` the fit's index into
    :class:`CurveMaps`, ``cap_month`` the last month with flows (0: none), ``anchor`` (N, 2) the
    factors on months 1-12 and later, ``group`` the index of the home store.
    """

    expected: Floats
    alive: Floats
    curve: Integers
    cap_month: Integers
    anchor: Floats
    revenue_per_visit: Floats
    margin_per_visit: Floats
    accident_rate: Floats
    accident_revenue: Floats
    accident_margin: Floats
    retention_cost: Floats
    group: Integers

    def __post_init__(self) -> None:
        rows = len(self.expected)
        for column in fields(self):
            array = getattr(self, column.name)
            if len(array) != rows:
                raise ValueError(f"{column.name} has {len(array)} rows, expected has {rows}")
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                bad = int((~np.isfinite(array)).reshape(rows, -1).any(axis=1).argmax())
                raise ValueError(f"{column.name} is not finite in row {bad}")

    def __len__(self) -> int:
        return len(self.expected)

    def chunks(self, rows: int = CHUNK) -> Iterator[tuple[slice, "CustomerCurves"]]:
        for start in range(0, len(self), rows):
            part = slice(start, start + rows)
            yield part, CustomerCurves(*(getattr(self, one.name)[part] for one in fields(self)))


@dataclass(frozen=True)
class FlowAssumptions:
    """Discount factors (M,) and the variable service cost as a share of gross margin."""

    discount: Floats
    service_cost_rate: float = 0.0


@dataclass(frozen=True)
class MonthlyFlows:
    """Lines of G groups over M months: visits in expected numbers, money in integer fen.

    ``margin`` is before service and retention ``cost``; ``present_value`` is of margin - cost and
    sums to the groups' values exactly.
    """

    visits: Floats
    revenue: Integers
    margin: Integers
    cost: Integers
    present_value: Integers


@dataclass(frozen=True)
class CustomerValues:
    """``value_fen`` (N,) per customer, ``group_value_fen`` (G,) their sums, and ``monthly``."""

    value_fen: Integers
    group_value_fen: Integers
    monthly: MonthlyFlows

    @property
    def total_fen(self) -> int:
        return int(self.group_value_fen.sum())


def value_customers(
    customers: CustomerCurves,
    maps: CurveMaps,
    assumptions: FlowAssumptions,
    groups: int,
    *,
    chunk: int = CHUNK,
) -> CustomerValues:
    """Value every customer and add up the flows of each of ``groups`` stores.

    Raises ``ValueError`` for an index or cap out of range, or factors not matching the months.
    """
    _check(customers, maps, assumptions, groups)
    weights = _PresentWeights.of(maps, assumptions.discount)
    keys, cells = _cells(customers, maps, groups)
    sums = NodeSums.zeros(keys.shape[1], maps)
    value = np.empty(len(customers), dtype=np.int64)
    for part, rows in customers.chunks(chunk):
        value[part] = to_fen(weights.value(rows, assumptions.service_cost_rate))
        sums.add(rows, cells[part])
    group_value = np.zeros(groups, dtype=np.int64)
    np.add.at(group_value, customers.group, value)
    group, curve, cap = keys
    flows = monthly_flows(sums, curve, cap, group, maps, assumptions, group_value)
    return CustomerValues(value, group_value, flows)


def _check(
    customers: CustomerCurves, maps: CurveMaps, assumptions: FlowAssumptions, groups: int
) -> None:
    if assumptions.discount.shape != (maps.months,):
        raise ValueError(f"{maps.months} months need as many discount factors")
    limits = (
        ("curve", customers.curve, maps.visits.shape[0] - 1),
        ("cap_month", customers.cap_month, maps.months),
        ("group", customers.group, groups - 1),
    )
    for name, column, high in limits:
        if len(column) and (column.min() < 0 or column.max() > high):
            raise ValueError(f"{name} must lie between 0 and {high}")


@dataclass(frozen=True)
class _PresentWeights:
    """Discounted node weights by fit and cap month: first months, later months, alive."""

    early: Floats
    late: Floats
    alive: Floats

    @classmethod
    def of(cls, maps: CurveMaps, discount: Floats) -> "_PresentWeights":
        present = maps.increments() * discount[None, :, None]
        first = (np.arange(maps.months) < ANCHOR_MONTHS)[None, :, None]
        return cls(
            _up_to_cap(present * first),
            _up_to_cap(present * ~first),
            _up_to_cap(maps.alive * discount[None, :, None] / 12.0),
        )

    def value(self, rows: CustomerCurves, service_cost_rate: float) -> Floats:
        """Present value in yuan of each row, (n,)."""
        at = (rows.curve, rows.cap_month)
        early = np.einsum("nk,nk->n", self.early[at], rows.expected)
        late = np.einsum("nk,nk->n", self.late[at], rows.expected)
        visits = early * rows.anchor[:, 0] + late * rows.anchor[:, 1]
        years = np.einsum("nk,nk->n", self.alive[at], rows.alive)
        accident = years * rows.accident_rate * rows.accident_margin
        margin = visits * rows.margin_per_visit + accident
        kept = margin * (1.0 - service_cost_rate) - years * rows.retention_cost
        return np.asarray(kept, dtype=np.float64)


def _up_to_cap(by_month: Floats) -> Floats:
    """(F, M, K) -> (F, M + 1, K): sums over months 1..cap, for each cap 0..M."""
    return np.pad(np.cumsum(by_month, axis=1), ((0, 0), (1, 0), (0, 0)))


@dataclass(frozen=True)
class NodeSums:
    """Integer sums (in 1/:data:`UNITS`) over the customers of C cells of equal fit and cap month.

    ``visits``, ``revenue``, ``margin``: (C, 2, K), anchored node values x amount per visit, for
    months 1-12 and later. ``accident_revenue``, ``accident_margin``, ``retention``: (C, K') alive
    node values x amount a year. A database can form the same sums by GROUP BY.
    """

    visits: Integers
    revenue: Integers
    margin: Integers
    accident_revenue: Integers
    accident_margin: Integers
    retention: Integers

    @classmethod
    def zeros(cls, cells: int, maps: CurveMaps) -> "NodeSums":
        anchored = (cells, 2, maps.visits.shape[2])
        alive = (cells, maps.alive.shape[2])
        shapes = (anchored, anchored, anchored, alive, alive, alive)
        return cls(*(np.zeros(shape, dtype=np.int64) for shape in shapes))

    def add(self, rows: CustomerCurves, cell: Integers) -> None:
        """Add the rows of one chunk to their cells."""
        order = np.argsort(cell, kind="stable")
        present, starts = np.unique(cell[order], return_index=True)

        def gather(target: Integers, values: Floats) -> None:
            whole = np.rint(values[order] * UNITS).astype(np.int64)
            target[present] += np.add.reduceat(whole, starts, axis=0)

        anchored = rows.anchor[:, :, None] * rows.expected[:, None, :]
        gather(self.visits, anchored)
        gather(self.revenue, anchored * rows.revenue_per_visit[:, None, None])
        gather(self.margin, anchored * rows.margin_per_visit[:, None, None])
        accidents = rows.alive * rows.accident_rate[:, None]
        gather(self.accident_revenue, accidents * rows.accident_revenue[:, None])
        gather(self.accident_margin, accidents * rows.accident_margin[:, None])
        gather(self.retention, rows.alive * rows.retention_cost[:, None])


def _cells(
    customers: CustomerCurves, maps: CurveMaps, groups: int
) -> tuple[NDArray[np.int64], Integers]:
    """The distinct (group, fit, cap month), (3, C), and the cell of each customer (N,)."""
    fits, caps = maps.visits.shape[0], maps.months + 1
    code = (customers.group.astype(np.int64) * fits + customers.curve) * caps + customers.cap_month
    used = np.zeros(groups * fits * caps, dtype=bool)
    used[code] = True
    cell = np.cumsum(used) - 1
    found = np.flatnonzero(used)
    keys = np.stack([found // (fits * caps), found // caps % fits, found % caps])
    return keys, cell[code]


def monthly_flows(
    sums: NodeSums,
    curve: Integers,
    cap_month: Integers,
    group: Integers,
    maps: CurveMaps,
    assumptions: FlowAssumptions,
    group_value_fen: Integers,
) -> MonthlyFlows:
    """Month lines of each group from the node sums of its cells.

    ``curve``, ``cap_month``, ``group``: (C,) indices of the cells; ``group_value_fen``: (G,) sums
    of the customers' values, to which the present-value lines are apportioned.
    """
    lines = np.zeros((4, len(group_value_fen), maps.months))
    increments = maps.increments()
    first = np.arange(maps.months) < ANCHOR_MONTHS
    order = np.argsort(group, kind="stable")
    for fit in range(maps.visits.shape[0]):
        cells = order[curve[order] == fit]
        if not len(cells):
            continue
        within = np.arange(1, maps.months + 1)[None, :] <= cap_month[cells][:, None]
        alive = maps.alive[fit].T / 12.0

        def of_visits(nodes: Integers, step: Floats = increments[fit].T) -> Floats:
            return np.where(first, nodes[:, 0] @ step, nodes[:, 1] @ step)

        rate = assumptions.service_cost_rate
        revenue = of_visits(sums.revenue[cells]) + sums.accident_revenue[cells] @ alive
        margin = of_visits(sums.margin[cells]) + sums.accident_margin[cells] @ alive
        cost = rate * margin + sums.retention[cells] @ alive
        flows = np.stack([of_visits(sums.visits[cells]), revenue, margin, cost]) * within
        present, starts = np.unique(group[cells], return_index=True)
        lines[:, present] += np.add.reduceat(flows, starts, axis=1)
    visits, revenue, margin, cost = lines / UNITS
    present_value = (margin - cost) * assumptions.discount
    exact = present_value * 100.0
    return MonthlyFlows(
        visits=visits,
        revenue=to_fen(revenue),
        margin=to_fen(margin),
        cost=to_fen(cost),
        present_value=fit_to_total(exact, group_value_fen),
    )
