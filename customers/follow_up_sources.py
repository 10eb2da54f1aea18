"""Where follow-ups come from: one query a reason over the whole group.

Each yields customer_id, vehicle_id, due_on (the day by which to call; never before the
day it is made) and evidence (JSON, as
``customers.reasons`` reads it). Parameters: tenant, today, score_set and
those of ``PARAMETERS``.
"""

from customers.actions import INSURANCE_LAPSED_DAYS, INSURANCE_RENEWAL_DAYS, LOST_POOL_DAYS
from customers.tags import DETRACTOR_UP_TO, LOST_AFTER_DAYS

WARRANTY_DAYS = 30
LOW_NPS_DAYS = 7
DECLINED_FROM_DAYS, DECLINED_UNTIL_DAYS = 7, 60
RECALL_DAYS = 730
PARAMETERS: dict[str, int] = {
    "recall_days": RECALL_DAYS,
    "detractor": DETRACTOR_UP_TO,
    "low_nps_days": LOW_NPS_DAYS,
    "insurance_ahead": INSURANCE_RENEWAL_DAYS,
    "insurance_behind": INSURANCE_LAPSED_DAYS,
    "warranty_days": WARRANTY_DAYS,
    "declined_from": DECLINED_FROM_DAYS,
    "declined_until": DECLINED_UNTIL_DAYS,
    "lost_after": LOST_AFTER_DAYS,
    "lost_pool": LOST_POOL_DAYS,
}

RECALL = """
select o.customer_id, e.vehicle_id, e.day + 7 as due_on,
    jsonb_build_object('happened_on', e.day, 'what', coalesce(nullif(e.reason, ''), e.detail))
from customers_event e join customers_ownership o on o.vehicle_id = e.vehicle_id
where e.tenant_id = %(tenant)s and e.kind = 'recall_notice' and e.day > %(today)s - %(recall_days)s
    and e.status not in ('done', 'closed', 'resolved', 'completed', 'cancelled')
    and (o.owned_to is null or o.owned_to > %(today)s)
"""
LOW_NPS = """
select s.customer_id, s.vehicle_id, s.day + 1,
    jsonb_build_object('happened_on', s.day, 'score', s.score, 'what', s.reason)
from customers_survey s where s.tenant_id = %(tenant)s and s.customer_id is not null
    and s.score <= %(detractor)s and s.day between %(today)s - %(low_nps_days)s and %(today)s
"""
INSURANCE = """
select o.customer_id, o.vehicle_id, v.insurance_until - %(insurance_ahead)s,
    jsonb_build_object('until_on', v.insurance_until)
from customers_ownership o join customers_vehicle v on v.id = o.vehicle_id
where o.tenant_id = %(tenant)s and (o.owned_to is null or o.owned_to > %(today)s)
    and v.insurance_until between %(today)s - %(insurance_behind)s
    and %(today)s + %(insurance_ahead)s
"""
WARRANTY = """
select o.customer_id, o.vehicle_id, v.warranty_until - %(warranty_days)s,
    jsonb_build_object('until_on', v.warranty_until)
from customers_ownership o join customers_vehicle v on v.id = o.vehicle_id
where o.tenant_id = %(tenant)s and (o.owned_to is null or o.owned_to > %(today)s)
    and v.warranty_until between %(today)s and %(today)s + %(warranty_days)s
"""
DECLINED = """
select v.customer_id, v.vehicle_id, v.day + 14,
    jsonb_build_object('happened_on', v.day, 'what', string_agg(distinct l.description, '、'))
from customers_visit v join customers_visitline l on l.visit_id = v.id
where v.tenant_id = %(tenant)s and l.declined and v.status in ('open', 'closed')
    and v.day between %(today)s - %(declined_until)s and %(today)s - %(declined_from)s
group by v.id, v.customer_id, v.vehicle_id, v.day
"""
# Only who still has a vehicle; a service that is open on the list already says the same.
LOST = """
select last.customer_id, (
        select min(o.vehicle_id) from customers_ownership o where o.customer_id = last.customer_id
            and (o.owned_to is null or o.owned_to > %(today)s) having count(*) = 1
    ), last.day + %(lost_after)s,
    jsonb_build_object('last_on', last.day)
from (
    select customer_id, max(day) as day from customers_visit
    where tenant_id = %(tenant)s and status in ('open', 'closed') group by 1
) last
where last.day between %(today)s - %(lost_pool)s and %(today)s - %(lost_after)s
    and exists (select 1 from customers_ownership o where o.customer_id = last.customer_id
        and (o.owned_to is null or o.owned_to > %(today)s)
        and coalesce(o.sold_on, o.owned_from, last.day) <= %(today)s - %(lost_after)s)
    and not exists (select 1 from customers_followup f where f.customer_id = last.customer_id
        and f.closed_at is null and f.reason in ('due', 'first_service'))
"""
# The model speaks where no rule does, and for the upper two grades only: a list of a third of all
# customers is no list.
MODEL_RISK = """
select s.customer_id, (
        select min(o.vehicle_id) from customers_ownership o where o.customer_id = s.customer_id
            and (o.owned_to is null or o.owned_to > %(today)s) having count(*) = 1
    ), %(today)s + 7, jsonb_build_object('signs', s.reasons)
from {scores} s where s.score_set_id = %(score_set)s and s.risk = 'high' and s.in_churn_population
    and s.grade in ('A', 'B') and not exists (
        select 1 from customers_followup f
        where f.customer_id = s.customer_id and f.closed_at is null)
    and (not exists (select 1 from customers_ownership o where o.customer_id = s.customer_id)
        or exists (select 1 from customers_ownership o where o.customer_id = s.customer_id
            and (o.owned_to is null or o.owned_to > %(today)s)))
"""

BY_RECORDS: dict[str, str] = {
    "recall": RECALL,
    "low_nps": LOW_NPS,
    "insurance_renewal": INSURANCE,
    "warranty_ending": WARRANTY,
    "declined_work": DECLINED,
    "lost": LOST,
}
