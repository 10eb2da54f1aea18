"""What customers paid since a forecast was made, in the forecast's own months.

Month k of a forecast runs from k − 1 to k months of 30.4375 days after its date, not by the
calendar: a valuation as of the 21st expects nothing of the three weeks before.
"""

import datetime as dt
import itertools
import math
from collections.abc import Sequence
from typing import Any

from django.db import connection

from organization.access import Access, current_access, entered
from valuation.lookback import DAYS_PER_MONTH

PAID = """
with credit as (
    select store_id, original_ro_no as ro_no,
        sum(abs(pay_customer_fen) + abs(pay_insurance_fen) + abs(pay_warranty_fen)) as amount
    from customers_visit where status = 'credit' and original_ro_no <> '' group by 1, 2
), member as (
    select p.customer_id from valuation_valuedcustomer c
    join valuation_pseudonym p on p.pseudonym = c.pseudonym
    where c.valuation_id = %(of)s and c.store_id = any(%(stores)s)
), due as (
    select * from unnest(%(starts)s::date[], %(ends)s::date[]) with ordinality
        as month(starts, ends, number)
), orders as (
    select v.day, v.pay_customer_fen + v.pay_insurance_fen + v.pay_warranty_fen
        - coalesce(c.amount, 0) as paid
    from member m join customers_visit v on v.customer_id = m.customer_id
    left join credit c on c.store_id = v.store_id and c.ro_no = v.ro_no
    where v.status in ('open', 'closed') and v.day >= %(first)s and v.day < %(last)s
)
select due.number::int, coalesce(sum(paid) filter (where paid > 0), 0)::bigint
from due left join orders on orders.day >= due.starts and orders.day < due.ends
group by 1 order by 1
"""


def windows(since: dt.date, until: dt.date, most: int) -> list[tuple[dt.date, dt.date]]:
    """The months of a forecast that had ended by ``until``: (first day, day after the last)."""
    ends = [since + dt.timedelta(days=math.ceil(k * DAYS_PER_MONTH)) for k in range(most + 1)]
    return [(a, b) for a, b in itertools.pairwise(ends) if b <= until]


def paid_by_valued(
    valuation_id: int, stores: Sequence[int], months: Sequence[tuple[dt.date, dt.date]]
) -> list[int]:
    """Fen that the customers whom a valuation gave to ``stores`` paid, by month, wherever in the
    group they went. Counted in the system's access: sums, no rows."""
    if not months:
        return []
    values: dict[str, Any] = {
        "of": valuation_id,
        "stores": list(stores),
        "starts": [one for one, _end in months],
        "ends": [one for _start, one in months],
        "first": months[0][0],
        "last": months[-1][1],
    }
    tenant_id = current_access().tenant_id
    system = Access.system(tenant_id, "actual against forecast")
    with entered(system), connection.cursor() as cursor:
        cursor.execute(PAID, values)
        return [int(amount) for _number, amount in cursor.fetchall()]
