"""A pool by rule: counted, its 60 monthly flows, its band; against its customers' flows added up.

The rule is one that a pool builder would write: persons of half of the stores who came back at
least twice, consent to contact and drive a vehicle of at most eight years.
"""

from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from config.bench.catalogue import Order
from config.bench.filled import fill
from config.bench.group import memory
from config.bench.measurement import Stages
from organization.access import entered
from valuation.engine import create_valuation
from valuation.exact_draws import DRAWS, Compared, compare
from valuation.pool_flows import ANCHOR_MONTHS, MonthlyFlows
from valuation.pools.band import pool_band, pool_sensitivities, sampled_histories
from valuation.pools.basis import Basis, basis_of
from valuation.pools.rules import PoolRules, condition
from valuation.pools.selection import marks, pool_flows, pool_sums, select
from valuation.sensitivities import ParameterRisk, relative_gradient
from valuation.units import Node

Floats = NDArray[np.float64]

RULES = PoolRules(kind="person", visits_min=2, consent=True, vehicle_months_max=96)
# The limit by store, in percent: with 20 stores 5 is the least there is. Few customers are spread
# less evenly, and no pool of theirs stays within the tight one.
TIGHT, LOOSE, MANY = 5.5, 20.0, 20_000
REPEATS = 3
_EVERYBODY = """
select s.fit_id, s.cap_month, s.anchor_first, s.anchor_later, s.revenue_per_visit,
    s.margin_per_visit, s.accident_revenue, s.accident_margin, s.p_alive, s.visits_at_nodes,
    s.alive_at_nodes
from valuation_poolcandidate c
join ml_score s on s.score_set_id = %(score_set)s and s.customer_id = c.customer_id
where c.valuation_id = %(valuation)s and c.store_id = any(%(stores)s) and {condition}
"""


def limited_rules(customers: int) -> PoolRules:
    """The rules of a pool with a limit by store that ``customers`` can meet."""
    limit = TIGHT if customers >= MANY else LOOSE
    return PoolRules(kind="person", visits_min=2, limit_store=limit)


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: seconds of count, flows and band (best and worst of three)."""
    stages = Stages()
    limits = limited_rules(order.customers)
    filled = fill(order.customers, order.seed, stages)
    with stages.timed("value"):
        valuation, _created = create_valuation(filled.access, filled.as_of)
    runs: dict[str, list[float]] = {"count": [], "flows": [], "band": []}
    with entered(filled.access):
        basis = basis_of(valuation)
        stores = list(basis.tree.stores[: max(len(basis.tree.stores) // 2, 1)])
        with memory() as used:
            for _ in range(REPEATS):
                with stages.timed("count"):
                    selected = select(basis, RULES, stores)
                with stages.timed("flows"):
                    sums = pool_sums(basis, RULES, stores, selected.excess)
                    flows = pool_flows(basis, sums)
                with stages.timed("band"):
                    reactions = pool_sensitivities(basis, RULES, stores, selected, sums)
                    band = pool_band(reactions, basis)
                for name in runs:
                    runs[name].append(stages.seconds[name])
        with stages.timed("exact_draws"):
            drawn = _drawn(basis, stores)
        with stages.timed("with_limit"):
            limited = select(basis, limits, stores)
            pool_flows(basis, pool_sums(basis, limits, stores, limited.excess))
        with stages.timed("check"):
            counted, lines = added_up(basis, RULES, stores)
    stages.seconds |= {name: min(found) for name, found in runs.items()}
    stages.seconds |= {f"{name}_worst": max(found) for name, found in runs.items()}
    pool = round(stages.seconds["count"] + stages.seconds["flows"], 4)
    return {
        "seconds": {**stages.seconds, "pool": pool},
        **used.figures(),
        "rule": RULES.as_dict(),
        "limited_rule": limits.as_dict(),
        "pool_customers": selected.customers,
        "months": basis.maps.months,
        "margin": round(float(flows.margin.sum()) / 100, 2),
        "present_value": round(float(flows.present_value.sum()) / 100, 2),
        "p5": round(band.p5, 2),
        "p95": round(band.p95, 2),
        "draws": band.draws,
        "exact_draws": DRAWS,
        "linear_error": round(drawn.error, 5),
        "linear_deviation_ratio": round(drawn.deviation_ratio, 4),
        "peer": "every customer's monthly lines computed and added up, in the same process",
        "peer_seconds": stages.seconds["check"],
        "ratio": round(stages.seconds["check"] / stages.seconds["flows"], 1),
        "ratio_is": "peer / ours: how many times faster the GROUP BY is",
        "max_relative_difference": _largest_difference(flows, lines),
        "difference_is": "visits, months alive, revenue, margin and present value of each month,"
        " against the largest month of that line",
        "customers_agree": selected.customers == counted,
    }


def _drawn(basis: Basis, stores: list[Node]) -> Compared:
    """Of the first model, on a sample of the pool: its parameter draws, linear and exact."""
    some = sampled_histories(basis, RULES, stores, customers=3_000)[0]
    discount = basis.flows.by_regime[0]
    gradient = np.append(relative_gradient(basis.parameters[0], some, discount), 1.0)
    risk = ParameterRisk(gradient, basis.covariance(0))
    return compare(basis.parameters[0], some, discount, risk, seed=basis.terms.seed)


def added_up(basis: Basis, rules: PoolRules, stores: list[Node]) -> tuple[int, dict[str, Floats]]:
    """The same lines from every customer's own months; money in yuan, one regime."""
    maps, terms = basis.maps, basis.flows
    names = ("visits", "alive", "revenue", "margin", "present_value")
    lines = {name: np.zeros(maps.months) for name in names}
    months = np.arange(1, maps.months + 1)
    increments = maps.increments()
    customers = 0
    with connection.cursor() as cursor:
        cursor.execute(_EVERYBODY.format(condition=condition(rules)), marks(basis, rules, stores))
        while rows := cursor.fetchmany(20_000):
            scalars = np.array([row[:9] for row in rows], dtype=float)
            visits = np.array([row[9] for row in rows])
            alive = np.column_stack([scalars[:, 8], np.array([row[10] for row in rows])])
            fit = np.array([basis.fits[row[0]] for row in rows])
            expected = np.einsum("nk,nmk->nm", visits, increments[fit])
            staying = np.einsum("nk,nmk->nm", alive, maps.alive[fit])
            expected *= np.where(months <= ANCHOR_MONTHS, scalars[:, 2:3], scalars[:, 3:4])
            flowing = months <= scalars[:, 1:2]
            expected, staying = expected * flowing, staying * flowing
            margin = expected * scalars[:, 5:6] + staying * scalars[:, 7:8]
            revenue = expected * scalars[:, 4:5] + staying * scalars[:, 6:7]
            net = margin * (1 - terms.service_cost_rate) - staying * terms.retention_cost / 12
            parts = (expected, staying, revenue, margin, net * terms.by_regime[0])
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
