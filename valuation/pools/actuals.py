"""What the members of a cut pool have brought since the cut, month by month, beside its forecast.

Months are 30.4375 days from the cut-off date, whole ones only. A member's visits count at whichever
store, credits netted, net of VAT. Orders do not know the margin that the books will show: revenue
becomes margin at the margin rate of the pool's unit in the last year of its newest valuation (which
is scaled to the ledger), or at the pool's own forecast rate while there is no newer valuation. The
cost of service follows the margin; the cost of retention is taken as forecast.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection

from organization.access import Access, entered
from valuation.lookback import DAYS_PER_MONTH
from valuation.models import Pool, PoolMember, ValuedUnit

SILENT_DAYS = 31
_THROUGH = """
select (select max(v.day) from customers_visit v
    where v.store_id = s.id and v.status in ('open', 'closed'))
from unnest(%s::bigint[]) s(id)
"""
_PAID = """
with credit as (
    select store_id, original_ro_no as ro_no,
        sum(abs(pay_customer_fen) + abs(pay_insurance_fen) + abs(pay_warranty_fen)) as amount
    from customers_visit where status = 'credit' and original_ro_no <> '' and day >= %(as_of)s
    group by 1, 2
), paid as (
    select v.customer_id, v.day, v.pay_customer_fen + v.pay_insurance_fen + v.pay_warranty_fen
        - coalesce(c.amount, 0) as amount
    from valuation_poolmember m
    join valuation_pseudonym p on p.pseudonym = m.pseudonym
    join customers_visit v on v.customer_id = p.customer_id
    left join credit c on c.store_id = v.store_id and c.ro_no = v.ro_no
    where m.pool_id = %(pool)s and v.status in ('open', 'closed') and v.day >= %(as_of)s
)
select floor((day - %(as_of)s) / %(days)s)::int, count(distinct (customer_id, day)),
    sum(amount)::bigint
from paid where amount > 0 group by 1
"""
_LEFT = """
select count(*) from valuation_poolmember m where m.pool_id = %s and not exists (
    select from valuation_pseudonym p where p.pseudonym = m.pseudonym)
"""


@dataclass(frozen=True)
class Actuals:
    """``visits`` and ``revenue_fen`` of E whole months since the cut; ``net`` in yuan: margin after
    cost, comparable with the pool's collections.

    ``through``: last day that the records cover; ``margin_rate`` and whether it is ``measured``
    (of a newer valuation) or the pool's own forecast; ``erased``: members nobody knows any more,
    whose visits are missing here.
    """

    through: dt.date | None
    visits: tuple[int, ...]
    revenue_fen: tuple[int, ...]
    net: tuple[float, ...]
    margin_rate: float
    measured: bool
    erased: int


def actuals_of(pool: Pool) -> Actuals:
    """Read in the system's context, so that everybody who sees the pool sees the same figures."""
    with entered(Access.system(pool.tenant_id, "a pool since its cut")) as system:
        rows = PoolMember.objects.visible_to(system).filter(pool=pool).order_by()
        through = _through(list(rows.values_list("store_id", flat=True).distinct()))
        as_of = pool.valuation.as_of
        days = 0 if through is None else (through - as_of).days + 1
        months = min(max(int(days / DAYS_PER_MONTH + 1e-9), 0), len(pool.monthly["margin_fen"]))
        visits, revenue = [0] * months, [0] * months
        with connection.cursor() as cursor:
            if months:
                marks: dict[str, Any] = {"pool": pool.pk, "as_of": as_of, "days": DAYS_PER_MONTH}
                cursor.execute(_PAID, marks)
                for month, count, amount in cursor:
                    if month < months:
                        visits[month], revenue[month] = int(count), int(amount)
            cursor.execute(_LEFT, [pool.pk])
            erased = int(cursor.fetchone()[0])
        rate, measured = _margin_rate(system, pool)
    net = _net(pool, revenue, rate)
    return Actuals(through, tuple(visits), tuple(revenue), net, rate, measured, erased)


def _through(stores: list[int]) -> dt.date | None:
    """The day through which the stores have delivered; a store long silent brings nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_THROUGH, [stores])
        last = [row[0] for row in cursor if row[0] is not None]
    if not last:
        return None
    return min(day for day in last if (max(last) - day).days <= SILENT_DAYS)


def _margin_rate(access: Access, pool: Pool) -> tuple[float, bool]:
    """Margin ÷ revenue, and whether a newer valuation has measured it."""
    newest = (
        ValuedUnit.objects.visible_to(access)
        .filter(unit_id=pool.unit_id, valuation__as_of__gt=pool.valuation.as_of)
        .order_by("-valuation__as_of", "-valuation__created_at")
        .only("counters")
        .first()
    )
    if newest is not None and newest.counters.get("revenue_fen", 0) > 0:
        return newest.counters["margin_fen"] / newest.counters["revenue_fen"], True
    revenue = sum(pool.monthly["revenue_fen"])
    return (sum(pool.monthly["margin_fen"]) / revenue if revenue else 0.0), False


def _net(pool: Pool, revenue_fen: list[int], rate: float) -> tuple[float, ...]:
    service = float(pool.terms["service_cost_rate"])
    found = []
    for month, revenue in enumerate(revenue_fen):
        planned = pool.monthly["margin_fen"][month]
        retention = pool.monthly["cost_fen"][month] - service * planned
        found.append(max(revenue * rate * (1.0 - service) - retention, 0.0) / 100.0)
    return tuple(found)
