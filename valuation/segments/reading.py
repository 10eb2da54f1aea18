"""What the load of workshops is made of: weekly visits of all stores, their customers' pace.

Read for the whole group, whoever asks: seasons and the width of intervals are the group's. A visit
is a day on which a customer's car was served at a store and somebody outside the group paid; of
several orders of one day the one with the largest amount names the kind of work.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db import connection
from numpy.typing import NDArray

from ml.curves import DAYS_PER_MONTH, NODES, CurveMap
from ml.models import ModelVersion, ScoreSet
from ml.workload import HISTORY_WEEKS, WEEKS, WORK, YEAR_WEEKS, Load, monday_of, work_ahead
from organization.access import Access, entered

Floats = NDArray[np.float64]

_KINDS = " ".join(
    f"when kind in ({', '.join(repr(kind) for kind in kinds)}) then {number}"
    for number, kinds in enumerate(WORK.values())
)
_NODES = ", ".join(f"sum(anchor_first * visits_at_nodes[{n}])" for n in range(1, NODES + 1))
# Constants of this module that stand in several queries.
_PARTS = {"{kinds}": _KINDS, "{last}": str(len(WORK) - 1), "{nodes}": _NODES}
# The orders that somebody paid for from `first` until `until`, one row a kind of work.
_ORDERS = """
with credit as (
    select store_id, original_ro_no as ro_no,
        sum(abs(pay_customer_fen) + abs(pay_insurance_fen) + abs(pay_warranty_fen)) as paid
    from customers_visit
    where tenant_id = %(tenant)s and day >= %(first)s and status = 'credit'
        and original_ro_no <> '' group by 1, 2
), orders as (
    select v.customer_id, v.store_id, v.day, case {kinds} else {last} end as work,
        sum(v.pay_customer_fen + v.pay_insurance_fen + v.pay_warranty_fen
            - coalesce(c.paid, 0)) as paid
    from customers_visit v left join credit c using (store_id, ro_no)
    where v.tenant_id = %(tenant)s and v.status in ('open', 'closed')
        and v.day >= %(first)s and v.day < %(until)s
        and v.customer_id not in (select id from customers_customer
            where is_test or kind in ('insurer', 'internal'))
    group by 1, 2, 3, 4
)"""
_WEEKLY = """{orders}, visits as (
    select distinct on (customer_id, store_id, day) store_id, day, work
    from orders where paid > 0 order by customer_id, store_id, day, paid desc, work
)
select store_id, (day - %(first)s::date) / 7, work, count(*) from visits group by 1, 2, 3
"""
# By home store: visit days of customers who were known when the quarter of that day began.
_OF_KNOWN = """{orders}
select s.store_id, count(*)
from (select distinct customer_id, day from orders where paid > 0) d
join ml_score s on s.score_set_id = %(score_set)s and s.customer_id = d.customer_id
where s.born_on < %(first)s::date + (d.day - %(first)s::date) / %(quarter)s * %(quarter)s
group by 1
"""
# Who has no car any more in a few months (cap) is not expected.
_PACE = """
select store_id, fit_id, {nodes} from ml_score
where score_set_id = %(score_set)s and cap_month >= %(months)s group by 1, 2
"""
_KEPT = 24 * 3600


@dataclass(frozen=True)
class Workshops:
    """``load`` of the stores ``ids``, in their order, from so many weeks of history."""

    ids: list[int]
    load: Load
    history_weeks: int


def workshops(access: Access, score_set: ScoreSet) -> Workshops:
    """The coming weeks of all stores of the group; kept for a day, since it reads every visit."""
    key = f"workshops:1:{score_set.tenant_id}:{score_set.pk}"
    kept: Workshops | None = cache.get(key)
    if kept is None:
        with entered(Access.system(access.tenant_id, "load of the workshops")):
            kept = read_workshops(score_set)
        cache.set(key, kept, _KEPT)
    return kept


def read_workshops(score_set: ScoreSet) -> Workshops:
    """As :func:`workshops`, read anew; inside an access to the whole group."""
    monday = monday_of(score_set.as_of)
    terms = {"tenant": score_set.tenant_id, "score_set": score_set.pk, "until": monday}
    first = monday - timedelta(weeks=HISTORY_WEEKS)
    weekly = _rows(_WEEKLY, terms | {"first": first})
    year = {"first": monday - timedelta(weeks=YEAR_WEEKS), "quarter": 7 * WEEKS}
    known = dict(_rows(_OF_KNOWN, terms | year))
    pace = paces(score_set, monday)
    ids = sorted({row[0] for row in weekly} | set(pace))
    place = {store: number for number, store in enumerate(ids)}
    history = np.zeros((len(ids), len(WORK), HISTORY_WEEKS))
    for store, week, work, visits in weekly:
        history[place[store], work, week] = visits
    empty = min((row[1] for row in weekly), default=HISTORY_WEEKS - 1)
    history = history[:, :, empty:]
    load = work_ahead(
        history,
        first + timedelta(weeks=empty),
        np.array([pace.get(store, np.zeros(WEEKS)) for store in ids]).reshape(-1, WEEKS),
        history[:, :, -YEAR_WEEKS:].sum(axis=(1, 2)),
        np.array([known.get(store, 0.0) for store in ids], dtype=float),
    )
    return Workshops(ids, load, history.shape[2])


def _rows(query: str, terms: dict[str, Any]) -> list[tuple[Any, ...]]:
    query = query.replace("{orders}", _ORDERS)
    for name, part in _PARTS.items():
        query = query.replace(name, part)
    with connection.cursor() as cursor:
        cursor.execute(query, terms)
        return list(cursor.fetchall())


def paces(score_set: ScoreSet, monday: date) -> dict[int, Floats]:
    """Per home store the expected visit days of its customers in each week, shape (13,).

    Of the running week the days until the as-of date are taken to be like the rest.
    """
    rows = _rows(_PACE, {"score_set": score_set.pk, "months": _months_ahead()})
    fits = ModelVersion.objects.filter(pk__in={row[1] for row in rows}).only("parameters")
    maps = {one.pk: CurveMap.from_dict(one.parameters["map"]) for one in fits}
    passed = (score_set.as_of - monday).days
    ends = np.arange(WEEKS + 1) * 7.0 - passed
    ends[0] = 0.0
    found: dict[int, Floats] = {}
    for store, fit, *nodes in rows:
        # Interpolation may dip below nothing where hardly anybody is expected.
        monthly = np.maximum(maps[fit].monthly @ np.array(nodes, dtype=float), 0.0)
        total = np.concatenate([[0.0], np.cumsum(monthly)])
        visits = np.diff(np.interp(ends, np.arange(total.size) * DAYS_PER_MONTH, total))
        visits[0] *= 7.0 / (7 - passed)
        found[store] = found.get(store, np.zeros(WEEKS)) + visits
    return found


def _months_ahead() -> int:
    return int(np.ceil(7 * WEEKS / DAYS_PER_MONTH))
