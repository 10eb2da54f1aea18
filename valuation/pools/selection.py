"""Who is in a pool and what flows from it: one grouped query each, over any number of customers."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from ml.curves import NODES
from valuation.inputs import binary_row
from valuation.pool_flows import Cells, MonthlyFlows, NodeSums, monthly_flows
from valuation.pools.basis import Basis
from valuation.pools.concentration import Bucketing, excess
from valuation.pools.rules import LIMITS, RULES, PoolRules, condition, first_reason, parameters
from valuation.units import Node

Integers = NDArray[np.int64]

_BASE = (
    "valuation_poolcandidate c where c.valuation_id = %(valuation)s"
    " and c.store_id = any(%(stores)s)"
)
_COUNTED = """
select {reason} as reason, c.store_id, count(*), sum(c.value_fen)::bigint, sum(c.variance)
from {base} group by 1, 2
"""
_ELIGIBLE = """
copy (select c.customer_id, c.store_id, c.value_fen, hashint8extended(c.customer_id, {seed})
    from {base} and {condition} order by 1) to stdout (format binary)
"""
_FLOWS = """
select s.fit_id, s.cap_month, {regime} as regime, count(*), sum(c.value_fen)::bigint, {sums}
from valuation_poolcandidate c
join ml_score s on s.score_set_id = %(score_set)s and s.customer_id = c.customer_id
where c.valuation_id = %(valuation)s and c.store_id = any(%(stores)s) and {condition}
group by 1, 2, 3
"""
_VISITS = [f"s.visits_at_nodes[{node}]" for node in range(1, NODES + 1)]
_ALIVE = ["s.p_alive", *(f"s.alive_at_nodes[{node}]" for node in range(1, NODES + 1))]


@dataclass(frozen=True)
class Excluded:
    """Customers left out for one first reason: a rule's or a limit's name."""

    reason: str
    customers: int
    value_fen: int


@dataclass(frozen=True)
class Selected:
    """Counts of a pool. ``by_store``: store id → customers, value in fen, variance in yuan².

    ``excess`` are the ids of customers whom a limit leaves out.
    """

    offered: int
    offered_fen: int
    excluded: tuple[Excluded, ...]
    customers: int
    value_fen: int
    by_store: dict[int, tuple[int, int, float]]
    excess: Integers

    @property
    def variance(self) -> float:
        return sum(one[2] for one in self.by_store.values())


def marks(basis: Basis, rules: PoolRules, stores: list[Node]) -> dict[str, Any]:
    """Values of all marks in the queries of pools."""
    regimes = basis.regime_of(stores)
    by_regime: dict[str, Any] = {f"regime_{one}": [] for one in set(regimes)}
    for store, regime in zip(stores, regimes, strict=True):
        by_regime[f"regime_{regime}"].append(store.id)
    return (
        parameters(rules)
        | by_regime
        | {
            "valuation": basis.valuation.pk,
            "score_set": basis.valuation.score_set_id,
            "as_of": basis.valuation.as_of,
            "stores": [store.id for store in stores],
            "regimes": regimes,
        }
    )


def select(basis: Basis, rules: PoolRules, stores: list[Node]) -> Selected:
    """Count by first reason and apply the limits.

    Raises :class:`valuation.refusals.Refused` for a limit that no pool can keep.
    """
    query = _COUNTED.format(reason=first_reason(rules), base=_BASE)
    with connection.cursor() as cursor:
        cursor.execute(query, marks(basis, rules, stores))
        rows = cursor.fetchall()
    by_store = {
        int(store): (int(count), int(value), float(variance))
        for reason, store, count, value, variance in rows
        if reason == -1
    }
    excluded = []
    for position, rule in enumerate(RULES):
        of_rule = [row for row in rows if row[0] == position]
        if rule.asked(rules):
            count, value = (sum(int(row[i]) for row in of_rule) for i in (2, 3))
            excluded.append(Excluded(rule.name, count, value))
    found = Selected(
        offered=sum(int(row[2]) for row in rows),
        offered_fen=sum(int(row[3]) for row in rows),
        excluded=tuple(excluded),
        customers=sum(one[0] for one in by_store.values()),
        value_fen=sum(one[1] for one in by_store.values()),
        by_store=by_store,
        excess=np.zeros(0, dtype=np.int64),
    )
    return _within_limits(basis, rules, stores, found) if rules.limits else found


def _within_limits(basis: Basis, rules: PoolRules, stores: list[Node], found: Selected) -> Selected:
    customer, store, value, order = eligible(basis, rules, stores)
    limits = [
        Bucketing(name, rules.limits[name], _buckets(basis, name, customer, store))
        for name in reversed(LIMITS)
        if name in rules.limits
    ]
    out = excess(value, limits, order)
    gone = np.zeros(len(value), dtype=bool)
    excluded = list(found.excluded)
    for name, mask in out.items():
        excluded.append(Excluded(name, int(mask.sum()), int(value[mask].sum())))
        gone |= mask
    by_store = {}
    for one, (count, worth, variance) in found.by_store.items():
        here = store == one
        left, lost = int((here & ~gone).sum()), int(value[here & gone].sum())
        # Customers leave by chance, so the variance that stays is in proportion to their number.
        if left:
            by_store[one] = (left, worth - lost, variance * left / count)
    return replace(
        found,
        excluded=tuple(excluded),
        customers=int((~gone).sum()),
        value_fen=int(value[~gone].sum()),
        by_store=by_store,
        excess=customer[gone],
    )


def eligible(
    basis: Basis, rules: PoolRules, stores: list[Node]
) -> tuple[Integers, Integers, Integers, Integers]:
    """Customer ids (ascending), home stores, values in fen and a hash, of all whom no rule
    excludes."""
    query = _ELIGIBLE.format(base=_BASE, condition=condition(rules), seed=basis.valuation.pk)
    names = ("customer", "store", "value", "order")
    buffer = bytearray()
    with connection.cursor() as cursor, cursor.copy(query, marks(basis, rules, stores)) as copy:
        for block in copy:
            buffer += block
    row = binary_row(dict.fromkeys(names, "i8"))
    count = (len(buffer) - 21) // row.itemsize
    table = np.frombuffer(buffer, dtype=row, count=count, offset=19)
    customer, store, value, order = (table[name].astype(np.int64) for name in names)
    return customer, store, value, order


def _buckets(basis: Basis, limit: str, customer: Integers, store: Integers) -> Integers:
    if limit == "limit_customer":
        return np.arange(len(customer))
    nodes = basis.tree.stores
    if limit == "limit_store":
        of_store = {one.id: i for i, one in enumerate(nodes)}
    elif limit == "limit_brand":
        of_store = {one.id: basis.tree.division_of(one).id for one in nodes}
    else:
        of_store = {one.id: basis.tree.region_of(one).id for one in nodes}
    known = {unit: number for number, unit in enumerate(sorted(set(of_store.values())))}
    ids = np.array(sorted(of_store), dtype=np.int64)
    bucket = np.array([known[of_store[int(one)]] for one in ids], dtype=np.int64)
    return bucket[np.searchsorted(ids, store)]


def _regime_sql(values: dict[str, Any]) -> str:
    """The regime of a customer's store: a join with a list that the planner knows nothing of would
    be made row by row."""
    names = sorted(name for name in values if name.startswith("regime_"))
    if len(names) == 1:
        return names[0].removeprefix("regime_")
    cases = [
        f"when c.store_id = any(%({name})s) then {name.removeprefix('regime_')}" for name in names
    ]
    return f"case {' '.join(cases)} end"


def _sums_sql() -> str:
    """Integer sums of node values, in the order of :class:`NodeSums` laid flat."""
    terms = [
        f"{value} * s.{anchor} * {amount}"
        for amount in ("1", "s.revenue_per_visit", "s.margin_per_visit")
        for anchor in ("anchor_first", "anchor_later")
        for value in _VISITS
    ]
    terms += [
        f"{value} * {amount}"
        for amount in ("1", "s.accident_revenue", "s.accident_margin")
        for value in _ALIVE
    ]
    return ", ".join(f"sum(({term} * 1e6)::bigint)::bigint" for term in terms)


@dataclass(frozen=True)
class PoolSums:
    """Node sums of a pool by fit, cap month and regime, and what they were made of."""

    sums: NodeSums
    cells: Cells
    customers: int
    value_fen: int


def pool_sums(
    basis: Basis, rules: PoolRules, stores: list[Node], left_out: Integers | None = None
) -> PoolSums:
    """One GROUP BY over the pool; ``left_out``: ids of customers beyond a limit."""
    asked = condition(rules)
    values = marks(basis, rules, stores)
    if left_out is not None and len(left_out):
        asked += " and c.customer_id <> all(%(left_out)s)"
        values["left_out"] = left_out.tolist()
    return _sums_where(basis, asked, values)


def kept_sums(basis: Basis, rules: PoolRules, stores: list[Node]) -> PoolSums:
    """Of the customers in the temporary table ``pool_kept`` of a pool that is being cut."""
    inside = "c.customer_id in (select customer_id from pool_kept)"
    return _sums_where(basis, inside, marks(basis, rules, stores))


def _sums_where(basis: Basis, asked: str, values: dict[str, Any]) -> PoolSums:
    query = _FLOWS.format(regime=_regime_sql(values), sums=_sums_sql(), condition=asked)
    with connection.cursor() as cursor:
        cursor.execute("set local work_mem = '64MB'")
        cursor.execute(query, values)
        rows = cursor.fetchall()
    nodes, alive = basis.maps.visits.shape[2], basis.maps.alive.shape[2]
    table = np.array(rows, dtype=np.int64).reshape(-1, 5 + 6 * nodes + 3 * alive)
    flat = table[:, 5:]
    of_visits = flat[:, : 6 * nodes].reshape(-1, 3, 2, nodes)
    of_alive = flat[:, 6 * nodes :].reshape(-1, 3, alive)
    sums = NodeSums(
        *(of_visits[:, line] for line in range(3)), *(of_alive[:, line] for line in range(3))
    )
    cells = Cells(
        group=np.zeros(len(table), dtype=np.int64),
        curve=np.array([basis.fits[int(fit)] for fit in table[:, 0]], dtype=np.int64),
        cap_month=table[:, 1],
        regime=table[:, 2],
    )
    return PoolSums(sums, cells, int(table[:, 3].sum()), int(table[:, 4].sum()))


def pool_flows(basis: Basis, found: PoolSums) -> MonthlyFlows:
    """Monthly lines of a pool as one group (1, M); present values sum to its customers' values."""
    value = np.array([found.value_fen])
    return monthly_flows(found.sums, found.cells, basis.maps, basis.flows, value)
