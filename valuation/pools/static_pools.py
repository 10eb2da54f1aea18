"""Static pools: quarterly first-visit cohorts of a pool, attrition and revenue, fitted and actual.

**Attrition** at the end of elapsed quarter e: share of the cohort without a visit in the four
quarters up to and including e. Fitted attrition is 1 - P(alive) of a new customer of the cohort's
models; the two differ by those who are alive but come less than once a year, so the fitted line
lies below. **Visits** are compared like with like: repeat visit days a customer up to e, against
the E(t) of a new customer (Fader, Hardie & Lee 2005, eq. 9), weighted by the models of the cohort's
customers. The pool's customers were chosen by what they did: an old cohort shows the survivors that
the rules let in, and its actual lines lie above the fitted ones.
"""

from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from ml.curves import curves
from valuation.history import quarter_ordinal
from valuation.pools.basis import Basis

Floats = NDArray[np.float64]

QUARTERS = 20
COHORTS = 24

_VISITED = """
create temp table pool_seen on commit drop as
select k.customer_id, k.first_quarter,
    extract(year from v.day)::int * 4 + (extract(month from v.day)::int - 1) / 3
        - (left(k.first_quarter, 4)::int * 4 + right(k.first_quarter, 1)::int - 1) as elapsed,
    count(distinct v.day) as days,
    sum(v.pay_customer_fen + v.pay_insurance_fen + v.pay_warranty_fen)::bigint as revenue_fen
from pool_kept k join customers_visit v on v.customer_id = k.customer_id
where k.first_quarter <> '' and v.status in ('open', 'closed') and v.day < %(as_of)s
    and v.pay_customer_fen + v.pay_insurance_fen + v.pay_warranty_fen > 0
group by 1, 2, 3
"""
_SUMS = """
select first_quarter, elapsed, sum(days)::bigint, sum(revenue_fen)::bigint from pool_seen
where elapsed between 0 and %(last)s group by 1, 2
"""
# A visit is seen for four quarters or until the next one, whichever comes first.
_SEEN = """
select first_quarter, elapsed + later, count(*) from (
    select first_quarter, elapsed,
        least(coalesce(lead(elapsed) over (partition by customer_id order by elapsed) - elapsed, 4),
            4) as until
    from pool_seen) s, generate_series(0, s.until - 1) later
where elapsed >= 0 and elapsed + later <= %(last)s group by 1, 2
"""
_SIZES = """
select first_quarter, fit, count(*) from pool_kept where first_quarter <> '' group by 1, 2
"""


def fitted_newcomers(basis: Basis) -> tuple[Floats, Floats]:
    """Repeat visits and P(alive) of a new customer at quarter ends 1..QUARTERS, (F, Q) each."""
    start = np.zeros(1)
    visits, alive = [], []
    ends = np.arange(1, QUARTERS + 1) * 3 - 1
    for params in basis.parameters:
        future = curves(params, start, start, start)
        visits.append(np.cumsum(future.monthly_visits()[0])[ends])
        alive.append(future.monthly_alive()[0][ends])
    return np.array(visits), np.array(alive)


def static_pools(basis: Basis) -> list[dict[str, Any]]:
    """The youngest COHORTS cohorts: size, and lines by elapsed quarter that had ended.

    ``attrition``, ``visits``, ``revenue_fen`` (a customer, cumulative) and their fitted twins.
    Inside the transaction that cuts the pool.
    """
    import pandas as pd

    as_of = basis.valuation.as_of
    # The quarter in which the day lies has not ended.
    current = int(quarter_ordinal(pd.Series([pd.Timestamp(as_of)]))[0])
    with connection.cursor() as cursor:
        cursor.execute(_VISITED, {"as_of": as_of})
        cursor.execute(_SUMS, {"last": QUARTERS})
        sums = {(cohort, int(e)): (int(d), int(r)) for cohort, e, d, r in cursor}
        cursor.execute(_SEEN, {"last": QUARTERS})
        seen = {(cohort, int(e)): int(count) for cohort, e, count in cursor}
        cursor.execute(_SIZES)
        sizes: dict[str, dict[int, int]] = {}
        for cohort, fit, count in cursor:
            sizes.setdefault(cohort, {})[int(fit)] = int(count)
        cursor.execute("drop table pool_seen")
    visits, alive = fitted_newcomers(basis)
    found = []
    for cohort in sorted(sizes)[-COHORTS:]:
        first = int(cohort[:4]) * 4 + int(cohort[-1]) - 1
        ended = min(current - first, QUARTERS)
        if ended > 0:
            found.append(_cohort(cohort, sizes[cohort], ended, sums, seen, visits, alive))
    return found


def _cohort(
    name: str,
    by_fit: dict[int, int],
    ended: int,
    sums: dict[tuple[str, int], tuple[int, int]],
    seen: dict[tuple[str, int], int],
    visits: Floats,
    alive: Floats,
) -> dict[str, Any]:
    size = sum(by_fit.values())
    weight = np.zeros(len(visits))
    for fit, count in by_fit.items():
        weight[fit] = count / size
    days = np.cumsum([sums.get((name, e), (0, 0))[0] for e in range(ended)])
    revenue = np.cumsum([sums.get((name, e), (0, 0))[1] for e in range(ended)])
    here = np.array([seen.get((name, e), 0) for e in range(ended)])

    def shown(values: Any) -> list[float]:
        return [round(float(v), 6) for v in values]

    return {
        "cohort": name,
        "customers": size,
        "attrition": shown(1.0 - here / size),
        "visits": shown(days / size - 1.0),
        "revenue_fen": [round(float(v) / size) for v in revenue],
        "fitted_attrition": shown(1.0 - weight @ alive[:, :ended]),
        "fitted_visits": shown(weight @ visits[:, :ended]),
    }
