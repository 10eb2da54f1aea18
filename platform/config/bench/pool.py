"""A pool by rule: its 60 monthly flows by one GROUP BY, against its customers' flows added up.

The rule is one that a pool builder would write: persons of half of the stores who have come back
at least twice.
"""

from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from config.bench.catalogue import Order
from config.bench.group import Trained, load_and_train, memory
from config.bench.measurement import Stages
from ml.configuration import DEFAULTS
from ml.curves import NODES, CurveMap
from ml.lifetime_value import alive_months
from ml.models import ModelVersion
from organization.access import entered
from organization.models import Unit
from valuation.discounting import discount_factors
from valuation.pool_flows import (
    ANCHOR_MONTHS,
    Cells,
    CurveMaps,
    FlowAssumptions,
    MonthlyFlows,
    NodeSums,
    monthly_flows,
)

Floats = NDArray[np.float64]

MIN_VISITS = 2
REPEATS = 3
_RULE = """
from ml_score where score_set_id = %(score_set)s and segment = 'person'
    and store_id = any(%(stores)s) and frequency >= %(min_visits)s
"""
_VISITS = [f"visits_at_nodes[{node}]" for node in range(1, NODES + 1)]
_ALIVE = ["p_alive", *(f"alive_at_nodes[{node}]" for node in range(1, NODES + 1))]
_AMOUNTS = ("1", "revenue_per_visit", "margin_per_visit")


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: seconds of the flows (best and worst of three), and of the check."""
    stages = Stages()
    trained = load_and_train(order, stages)
    with entered(trained.access):
        rule = _rule(trained)
        maps, position = _maps(trained)
        seconds = []
        with memory() as used:
            for _ in range(REPEATS):
                with stages.timed("pool"):
                    customers, flows = pool_flows(rule, maps, position)
                seconds.append(stages.seconds["pool"])
        with stages.timed("check"):
            counted, lines = added_up(rule, maps, position)
    stages.seconds["pool"] = min(seconds)
    return {
        "seconds": {**stages.seconds, "pool_worst": max(seconds)},
        **used.figures(),
        "rule": f"persons of {len(rule['stores'])} stores with at least {MIN_VISITS} repeat visits",
        "pool_customers": customers,
        "months": maps.months,
        "margin": round(float(flows.margin.sum()) / 100, 2),
        "present_value": round(float(flows.present_value.sum()) / 100, 2),
        "peer": "every customer's monthly lines computed and added up, in the same process",
        "peer_seconds": stages.seconds["check"],
        "ratio": round(stages.seconds["check"] / min(seconds), 1),
        "ratio_is": "peer / ours: how many times faster the GROUP BY is",
        "max_relative_difference": _largest_difference(flows, lines),
        "difference_is": "visits, months alive, revenue, margin and present value of each month,"
        " against the largest month of that line",
        "customers_agree": customers == counted,
    }


def _rule(trained: Trained) -> dict[str, Any]:
    stores = list(Unit.objects.filter(level="store").order_by("pk").values_list("pk", flat=True))
    return {
        "score_set": trained.score_set,
        "stores": stores[: max(len(stores) // 2, 1)],
        "min_visits": MIN_VISITS,
    }


def _maps(trained: Trained) -> tuple[CurveMaps, dict[int, int]]:
    """The curve maps of the score set's fits, and the position of each fit's id among them."""
    versions = ModelVersion.objects.filter(
        kind=ModelVersion.Kind.LIFETIME_VALUE, run__score_set=trained.score_set
    )
    maps = {v.pk: CurveMap.from_dict(v.parameters["map"]) for v in versions.order_by("pk")}
    found = CurveMaps(
        visits=np.stack([one.cumulative for one in maps.values()]),
        alive=np.stack([alive_months(one) for one in maps.values()]),
    )
    return found, {pk: number for number, pk in enumerate(maps)}


def _sums_sql() -> str:
    """Integer sums of node values, in the order of :class:`NodeSums` laid flat."""
    terms = [
        f"{value} * {anchor} * {amount}"
        for amount in _AMOUNTS
        for anchor in ("anchor_first", "anchor_later")
        for value in _VISITS
    ]
    terms += [
        f"{value} * {amount}"
        for amount in ("1", "accident_revenue", "accident_margin")
        for value in _ALIVE
    ]
    sums = ", ".join(f"sum(({term} * 1e6)::bigint)::bigint" for term in terms)
    return (
        f"select fit_id, cap_month, count(*), sum(ltv_fen)::bigint, {sums} {_RULE}"
        " group by fit_id, cap_month"
    )


def pool_flows(
    rule: dict[str, Any], maps: CurveMaps, position: dict[int, int]
) -> tuple[int, MonthlyFlows]:
    """Customers of a pool and its lines as one group, inside an entered access."""
    with connection.cursor() as cursor:
        cursor.execute(_sums_sql(), rule)
        table = np.array(cursor.fetchall(), dtype=np.int64)
    flat, nodes = table[:, 4:], maps.visits.shape[2]
    alive = maps.alive.shape[2]
    of_visits = flat[:, : 6 * nodes].reshape(-1, 3, 2, nodes)
    of_alive = flat[:, 6 * nodes :].reshape(-1, 3, alive)
    sums = NodeSums(
        *(of_visits[:, line] for line in range(3)), *(of_alive[:, line] for line in range(3))
    )
    cells = Cells(
        group=np.zeros(len(table), dtype=np.int64),
        curve=np.array([position[fit] for fit in table[:, 0]]),
        cap_month=table[:, 1],
    )
    value = np.array([table[:, 3].sum()])
    return int(table[:, 2].sum()), monthly_flows(sums, cells, maps, _assumptions(maps), value)


def _assumptions(maps: CurveMaps) -> FlowAssumptions:
    """Those of the scores' own value, so that values per customer are the scores' too."""
    return FlowAssumptions(discount_factors(DEFAULTS["discount_rate"], maps.months))


def added_up(
    rule: dict[str, Any], maps: CurveMaps, position: dict[int, int]
) -> tuple[int, dict[str, Floats]]:
    """The same lines from every customer's own months; money in yuan."""
    columns = "fit_id, cap_month, anchor_first, anchor_later, revenue_per_visit, margin_per_visit,"
    columns += " accident_revenue, accident_margin, p_alive, visits_at_nodes, alive_at_nodes"
    lines = {
        name: np.zeros(maps.months)
        for name in ("visits", "alive", "revenue", "margin", "present_value")
    }
    months = np.arange(1, maps.months + 1)
    discount = _assumptions(maps).discount
    increments = maps.increments()
    customers = 0
    with connection.cursor() as cursor:
        cursor.execute(f"select {columns} {_RULE}", rule)
        while rows := cursor.fetchmany(20_000):
            scalars = np.array([row[:9] for row in rows], dtype=float)
            visits = np.array([row[9] for row in rows])
            alive = np.column_stack([scalars[:, 8], np.array([row[10] for row in rows])])
            fit = np.array([position[row[0]] for row in rows])
            expected = np.einsum("nk,nmk->nm", visits, increments[fit])
            staying = np.einsum("nk,nmk->nm", alive, maps.alive[fit])
            expected *= np.where(months <= ANCHOR_MONTHS, scalars[:, 2:3], scalars[:, 3:4])
            flowing = months <= scalars[:, 1:2]
            expected, staying = expected * flowing, staying * flowing
            margin = expected * scalars[:, 5:6] + staying * scalars[:, 7:8]
            revenue = expected * scalars[:, 4:5] + staying * scalars[:, 6:7]
            parts = (expected, staying, revenue, margin, margin * discount)
            for name, part in zip(lines, parts, strict=True):
                lines[name] += part.sum(axis=0)
            customers += len(rows)
    return customers, lines


def _largest_difference(flows: MonthlyFlows, lines: dict[str, Floats]) -> float:
    found = {
        "visits": flows.visits,
        "alive": flows.alive,
        "revenue": flows.revenue / 100,
        "margin": flows.margin / 100,
        "present_value": flows.present_value / 100,
    }
    return max(
        float(np.abs(found[name] - line).max() / np.abs(line).max()) for name, line in lines.items()
    )
