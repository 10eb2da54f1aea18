"""The rows that pool rules are asked of: renewed with the group's newest valuation.

One narrow row a customer, so that a rule over a million customers is one scan; the wide curves stay
with the scores and are joined only for the flows.
"""

from typing import Any

from valuation.models import Valuation

NEWER = """
select exists (select from valuation_valuation where tenant_id = %(tenant)s
    and (as_of, id) > (%(as_of)s, %(valuation)s))
"""
FORGET = "delete from valuation_poolcandidate where tenant_id = %(tenant)s"
# Of the cars held on the day: the youngest one's age and brand, the longest warranty.
RENEW = """
with cars as materialized (
    select o.customer_id, max(coalesce(v.built_on, o.sold_on)) as youngest,
        max(v.warranty_until) as warranty_until, max(v.brand) as brand
    from customers_ownership o join customers_vehicle v on v.id = o.vehicle_id
    where coalesce(o.owned_from, o.sold_on, %(as_of)s - 1) < %(as_of)s
        and coalesce(o.owned_to, 'infinity') > %(as_of)s
    group by 1
), willing as materialized (
    select customer_id from customers_consent where purpose = 'marketing'
    group by 1 having bool_and(given)
)
insert into valuation_poolcandidate (tenant_id, store_id, valuation_id, customer_id, value_fen,
    variance, kind, frequency, p_alive, last_visit_on, grade, risk, tags, consented,
    vehicle_months, warranty_until, brand)
select %(tenant)s, v.store_id, %(valuation)s, v.customer_id, v.value_fen, v.variance, c.kind,
    s.frequency, s.p_alive, s.last_visit_on, s.grade, s.risk, s.tags,
    w.customer_id is not null and not c.do_not_contact,
    least(greatest((%(as_of)s - cars.youngest) / 30.4375, 0), 32000)::smallint,
    cars.warranty_until, coalesce(cars.brand, '')
from valued v
join ml_score s on s.score_set_id = %(score_set)s and s.customer_id = v.customer_id
join customers_customer c on c.id = v.customer_id
left join cars on cars.customer_id = v.customer_id
left join willing w on w.customer_id = v.customer_id
"""


def renew(cursor: Any, valuation: Valuation) -> None:
    """Put the customers of ``valuation`` in the place of the former one's.

    A valuation of a day before the newest one's leaves them as they are. Needs the temporary table
    ``valued`` of the valuation that is being written, inside an entered access.
    """
    values = {
        "tenant": valuation.tenant_id,
        "valuation": valuation.pk,
        "as_of": valuation.as_of,
        "score_set": valuation.score_set_id,
    }
    cursor.execute(NEWER, values)
    if cursor.fetchone()[0]:
        return
    cursor.execute(FORGET, values)
    cursor.execute(RENEW, values)
    cursor.execute("select valuation_refresh_statistics()")
