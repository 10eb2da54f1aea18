"""P5, P50 and P95 of a pool: the valuation's three layers, for the pool's own customers.

The reaction to the models' parameters is taken from a sample of the pool itself, because customers
chosen by a rule react otherwise than all of their fit; their covariance is the valuation's.
"""

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from valuation.pool_flows import Cells, shock_sensitivities
from valuation.pools.basis import Basis
from valuation.pools.rules import PoolRules, condition
from valuation.pools.selection import PoolSums, Selected, marks
from valuation.sensitivities import Histories, ParameterRisk, relative_gradient, stacked
from valuation.uncertainty import DRAWS, Band, Sensitivities, value_band
from valuation.units import Node

Floats = NDArray[np.float64]

SAMPLE = 20_000
_SAMPLED = """
select s.fit_id, s.frequency, s.recency_days, s.age_days, s.cap_month, s.margin_per_visit,
    s.accident_margin
from valuation_poolcandidate c
join ml_score s on s.score_set_id = %(score_set)s and s.customer_id = c.customer_id
where c.valuation_id = %(valuation)s and c.store_id = any(%(stores)s) and {condition}
    and mod(hashint8(c.customer_id), %(every)s) = 0
order by c.customer_id
"""


def pool_sensitivities(
    basis: Basis, rules: PoolRules, stores: list[Node], selected: Selected, found: PoolSums
) -> Sensitivities:
    """What the pool's value reacts to, in yuan."""
    flows, maps = basis.flows, basis.maps
    fits = Cells(found.cells.curve, found.cells.curve, found.cells.cap_month, found.cells.regime)
    # The reaction to the log of margin is the present margin after service cost.
    by_fit = shock_sensitivities(found.sums, fits, maps, flows, maps.fits)[:, 1]
    gradient, covariance = stacked(_risks(basis, rules, stores, selected, by_fit), by_fit)
    whole = shock_sensitivities(found.sums, found.cells, maps, flows, 1)
    worth = np.array([one[1] for one in selected.by_store.values()], dtype=float)
    share = worth / worth.sum() if worth.sum() else np.full(len(worth), 1 / max(len(worth), 1))
    after_tax = 1.0 - basis.terms.tax_rate
    return Sensitivities(
        expected=selected.value_fen / 100.0,
        gradient=gradient,
        covariance=covariance,
        process_variance=selected.variance * after_tax**2,
        shocks=share[:, None] * whole,
    )


def sampled_histories(
    basis: Basis, rules: PoolRules, stores: list[Node], customers: int
) -> list[Histories]:
    """By fit, the histories of about SAMPLE of the pool's ``customers``, chosen by a hash."""
    values = marks(basis, rules, stores)
    values["every"] = max(customers // SAMPLE, 1)
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLED.format(condition=condition(rules)), values)
        rows = np.array(cursor.fetchall(), dtype=float).reshape(-1, 7)
    fit = np.array([basis.fits[int(one)] for one in rows[:, 0]], dtype=np.int64)
    found = []
    for number in range(len(basis.parameters)):
        x, t_x, age, cap, margin, accident = rows[fit == number, 1:].T
        found.append(Histories(x, t_x, age, cap.astype(np.int64), margin, accident))
    return found


def _risks(
    basis: Basis, rules: PoolRules, stores: list[Node], selected: Selected, by_fit: Floats
) -> list[ParameterRisk]:
    discount = basis.flows.by_regime[0]
    histories = sampled_histories(basis, rules, stores, selected.customers)
    risks = []
    for number, (params, some) in enumerate(zip(basis.parameters, histories, strict=True)):
        reaction = np.zeros(4)
        if by_fit[number] and len(some):
            reaction = relative_gradient(params, some, discount)
        risks.append(ParameterRisk(np.append(reaction, 1.0), basis.covariance(number)))
    return risks


def pool_band(sensitivities: Sensitivities, basis: Basis, draws: int = DRAWS) -> Band:
    """Seeded by the assumption set: the same pool has the same band."""
    return value_band(sensitivities, basis.terms.shocks, seed=basis.terms.seed, draws=draws)
