"""The value of every customer to the fen, and the monthly lines of their stores.

The formula is that of :mod:`valuation.pool_flows`. A customer's value is one small dot product of
its node values with discounted weights, rounded half-even to fen; stores and totals are integer
sums of customers. Neither the order of rows nor the size of chunks changes a single fen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from valuation.pool_flows import (
    ANCHOR_MONTHS,
    UNITS,
    Cells,
    CurveMaps,
    FlowAssumptions,
    MonthlyFlows,
    NodeSums,
    monthly_flows,
)
from valuation.rounding import Integers, to_fen

Floats = NDArray[np.float64]

CHUNK = 65_536


@dataclass(frozen=True)
class CustomerCurves:
    """One row a customer; every field is an array of N rows (yuan net of VAT).

    ``expected`` (N, K) and ``alive`` (N, K') are node values, the first of ``alive`` P(alive) at
    the as-of date; ``curve`` the fit's index into :class:`CurveMaps`; ``cap_month`` the last month
    with flows (0: none); ``anchor`` (N, 2) the factors on months 1-12 and later; accident amounts
    are those of a month in which the customer is alive; ``group`` the index of the home store,
    ``regime`` that of its discount factors and standing (left out: the only one).
    """

    expected: Floats
    alive: Floats
    curve: Integers
    cap_month: Integers
    anchor: Floats
    revenue_per_visit: Floats
    margin_per_visit: Floats
    accident_revenue: Floats
    accident_margin: Floats
    group: Integers
    regime: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        rows = len(self.expected)
        if rows and not len(self.regime):
            object.__setattr__(self, "regime", np.zeros(rows, dtype=np.int64))
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
class CustomerValues:
    """``value_fen`` (N,) per customer, ``group_value_fen`` (G,) their sums, ``monthly`` lines.

    ``undiscounted_fen`` (N,) is each customer's margin less cost without discounting. ``sums``
    and ``cells`` are what the lines were made of (see ``pool_flows.shock_sensitivities``).
    """

    value_fen: Integers
    undiscounted_fen: Integers
    group_value_fen: Integers
    monthly: MonthlyFlows
    sums: NodeSums
    cells: Cells

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
    undiscounted = replace(assumptions, discount=np.ones_like(assumptions.discount))
    value = _present(customers, maps, assumptions, chunk).value_fen
    nominal = _present(customers, maps, undiscounted, chunk).value_fen
    cells, cell = _cells(customers, maps, groups)
    sums = NodeSums.zeros(len(cells.group), maps)
    for part, rows in customers.chunks(chunk):
        _add(sums, rows, cell[part])
    group_value = np.zeros(groups, dtype=np.int64)
    np.add.at(group_value, customers.group, value)
    flows = monthly_flows(sums, cells, maps, assumptions, group_value)
    return CustomerValues(value, nominal, group_value, flows, sums, cells)


@dataclass(frozen=True)
class Present:
    """Per customer (N,): discounted expected visits and months alive, and their value in fen.

    The value is linear in the two numbers: they explain it.
    """

    visits: Floats
    months_alive: Floats
    value_fen: Integers


def present(
    customers: CustomerCurves,
    maps: CurveMaps,
    assumptions: FlowAssumptions,
    *,
    chunk: int = CHUNK,
) -> Present:
    """Each customer's value and what it is made of; with factors of 1, undiscounted.

    Raises as :func:`value_customers`.
    """
    groups = int(customers.group.max(initial=0)) + 1
    _check(customers, maps, assumptions, groups)
    return _present(customers, maps, assumptions, chunk)


def _present(
    customers: CustomerCurves, maps: CurveMaps, assumptions: FlowAssumptions, chunk: int
) -> Present:
    weights = _NodeWeights.of(maps, assumptions.by_regime * assumptions.standing_by_regime)
    size = len(customers)
    visits, months, value = np.empty(size), np.empty(size), np.empty(size, dtype=np.int64)
    for part, rows in customers.chunks(chunk):
        visits[part], months[part] = weights.visits(rows), weights.months_alive(rows)
        margin = visits[part] * rows.margin_per_visit + months[part] * rows.accident_margin
        upkeep = months[part] * (assumptions.retention_cost / 12.0)
        value[part] = to_fen(margin * (1.0 - assumptions.service_cost_rate) - upkeep)
    return Present(visits, months, value)


def _check(
    customers: CustomerCurves, maps: CurveMaps, assumptions: FlowAssumptions, groups: int
) -> None:
    if assumptions.by_regime.shape[1] != maps.months:
        raise ValueError(f"{maps.months} months need as many discount factors")
    limits = (
        ("curve", customers.curve, maps.fits - 1),
        ("cap_month", customers.cap_month, maps.months),
        ("group", customers.group, groups - 1),
        ("regime", customers.regime, len(assumptions.by_regime) - 1),
    )
    for name, column, high in limits:
        if len(column) and (column.min() < 0 or column.max() > high):
            raise ValueError(f"{name} must lie between 0 and {high}")


@dataclass(frozen=True)
class _NodeWeights:
    """Discounted node weights by regime, fit and cap month: first months, later ones, alive."""

    early: Floats
    late: Floats
    alive: Floats

    @classmethod
    def of(cls, maps: CurveMaps, discount: Floats) -> "_NodeWeights":
        """``discount`` (R, M), standing included."""
        factors = discount[:, None, :, None]
        present = maps.increments()[None] * factors
        first = (np.arange(maps.months) < ANCHOR_MONTHS)[None, None, :, None]
        return cls(
            _up_to_cap(present * first),
            _up_to_cap(present * ~first),
            _up_to_cap(maps.alive[None] * factors),
        )

    def visits(self, rows: CustomerCurves) -> Floats:
        """Discounted expected visits up to the cap, anchored, (n,)."""
        at = (rows.regime, rows.curve, rows.cap_month)
        early = np.einsum("nk,nk->n", self.early[at], rows.expected)
        late = np.einsum("nk,nk->n", self.late[at], rows.expected)
        return np.asarray(early * rows.anchor[:, 0] + late * rows.anchor[:, 1])

    def months_alive(self, rows: CustomerCurves) -> Floats:
        """Discounted expected months alive up to the cap, (n,)."""
        at = (rows.regime, rows.curve, rows.cap_month)
        return np.asarray(np.einsum("nk,nk->n", self.alive[at], rows.alive))


def _up_to_cap(by_month: Floats) -> Floats:
    """(R, F, M, K) -> (R, F, M + 1, K): sums over months 1..cap, for each cap 0..M."""
    return np.pad(np.cumsum(by_month, axis=2), ((0, 0), (0, 0), (1, 0), (0, 0)))


def _cells(customers: CustomerCurves, maps: CurveMaps, groups: int) -> tuple[Cells, Integers]:
    """The distinct cells that customers fall into, and the cell of each customer (N,)."""
    fits, caps = maps.fits, maps.months + 1
    code = (customers.group.astype(np.int64) * fits + customers.curve) * caps + customers.cap_month
    used = np.zeros(groups * fits * caps, dtype=bool)
    used[code] = True
    found = np.flatnonzero(used)
    cell = (np.cumsum(used) - 1)[code]
    # A group is one store's, so all customers of a cell have the regime of any of them.
    regime = np.zeros(len(found), dtype=np.int64)
    regime[cell] = customers.regime
    return Cells(found // (fits * caps), found // caps % fits, found % caps, regime), cell


def _add(sums: NodeSums, rows: CustomerCurves, cell: Integers) -> None:
    """Add the rows of one chunk to their cells."""
    order = np.argsort(cell, kind="stable")
    present, starts = np.unique(cell[order], return_index=True)

    def gather(target: Integers, values: Floats) -> None:
        whole = np.rint(values[order] * UNITS).astype(np.int64)
        target[present] += np.add.reduceat(whole, starts, axis=0)

    anchored = rows.anchor[:, :, None] * rows.expected[:, None, :]
    gather(sums.visits, anchored)
    gather(sums.revenue, anchored * rows.revenue_per_visit[:, None, None])
    gather(sums.margin, anchored * rows.margin_per_visit[:, None, None])
    gather(sums.alive, rows.alive)
    gather(sums.accident_revenue, rows.alive * rows.accident_revenue[:, None])
    gather(sums.accident_margin, rows.alive * rows.accident_margin[:, None])
