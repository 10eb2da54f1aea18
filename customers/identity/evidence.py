"""Strong evidence: what shows without asking anybody that two numbers are one customer.

One identity number; one mobile and one name; one vehicle at one time and one name. Never across
kinds, never a test record, never a mobile alone. What many names share shows nothing: a salesman's
own mobile, an identity number of a manager, a vehicle number typed as a dummy.
"""

# ruff: noqa: S608 - SQL is put together from this module's own parts, values go as parameters.

from dataclasses import dataclass
from typing import Any

from django.db import connection

from customers.identity.homes import NAME_KEY
from customers.identity.state import OWN

# A couple, their parents, a child: more names than that on one mobile are no household.
MOBILE_NAMES = 5
# A maiden name, a typing error; beyond that the number is not the person's.
ID_NAMES = 3
VEHICLE_OWNERS = 12
# "Mr Wang" may be two people.
TITLES = "(先生|女士|小姐|太太|夫人|师傅|经理|老板|老师|总)$"

ID_NUMBER, MOBILE_AND_NAME, VEHICLE_AND_NAME = "id_number", "mobile_and_name", "vin_and_name"


@dataclass(frozen=True)
class Pair:
    """Two numbers, the customers that they are by themselves, and what shows that they are one."""

    source_a: int
    source_b: int
    own_a: int
    own_b: int
    by: str


# Every number that may be matched, once, with the form of its name that is compared.
_CANDIDATES = f"""
create temp table identity_candidate as
select s.id, {OWN.format(s="s")} as own, s.customer_id, s.kind, {NAME_KEY} as name,
    s.name <> '' and {NAME_KEY} !~ '{TITLES}' as named
from customers_customersource s join customers_customer c on c.id = s.customer_id
where s.tenant_id = %(tenant)s and not c.is_test and c.erased_at is null and c.kind = s.kind
    and s.kind in ('person', 'company', 'fleet')
"""
# Of a match around some numbers (``customers.identity.around``): who shares something with them,
# and what.
MEMBERS = " and s.id in (select id from identity_member)"
CONTACTS = " and (p.kind, p.lookup) in (select kind, lookup from identity_contact)"
VEHICLES = " and o.vehicle_id in (select id from identity_vehicle)"
_CONTACT = (
    "select s.*, p.lookup from customers_contactpoint p join identity_candidate s"
    " on s.id = p.source_id where p.tenant_id = %(tenant)s and p.kind = '{contact}'{{contacts}}"
)
# Of each group of equal evidence a star around its oldest number.
_STAR = (
    " select hub, id, hub_own, own from (select id, own, customer_id,"
    " first_value(id) over w as hub, first_value(own) over w as hub_own,"
    " first_value(customer_id) over w as hub_customer"
    " from {rows} window w as (partition by {group} order by id)) x"
    " where customer_id <> hub_customer order by hub, id"
)
_BY_ID = (
    f"with f as ({_CONTACT.format(contact='id_number')}), many as (select lookup, kind from f"
    " group by 1, 2 having count(*) > 1 and count(distinct name) filter (where named)"
    f" <= {ID_NAMES}), g as (select f.* from f join many using (lookup, kind))"
    + _STAR.format(rows="g", group="lookup, kind")
)
_BY_MOBILE = (
    f"with f as ({_CONTACT.format(contact='mobile')}), many as (select lookup from f"
    " group by 1 having count(*) > 1 and count(distinct name) filter (where named)"
    f" <= {MOBILE_NAMES}), g as (select f.* from f join many using (lookup) where f.named)"
    + _STAR.format(rows="g", group="lookup, kind, name")
)
PERIOD = (
    "daterange(coalesce(o.owned_from, o.sold_on), case when o.owned_to is not null"
    " then greatest(o.owned_to, coalesce(o.owned_from, o.sold_on)) end)"
)
_BY_VEHICLE = f"""
with few as (
    select vehicle_id from customers_ownership o where tenant_id = %(tenant)s{{vehicles}}
    group by 1 having count(*) between 2 and {VEHICLE_OWNERS}
), h as (
    select o.vehicle_id, s.*, {PERIOD} as period from customers_ownership o
    join few using (vehicle_id) join identity_candidate s on s.id = o.source_id
    where o.tenant_id = %(tenant)s and s.named
)
select a.id, b.id, a.own, b.own from h a join h b on b.vehicle_id = a.vehicle_id
    and b.kind = a.kind and b.name = a.name and a.id < b.id and a.customer_id <> b.customer_id
where a.period && b.period order by a.id, b.id
"""
RULES = {ID_NUMBER: _BY_ID, MOBILE_AND_NAME: _BY_MOBILE, VEHICLE_AND_NAME: _BY_VEHICLE}


def within(rule: str, around: bool) -> str:
    """A rule over the whole group, or over what the numbers of a match around some share."""
    contacts, vehicles = (CONTACTS, VEHICLES) if around else ("", "")
    return rule.replace("{contacts}", contacts).replace("{vehicles}", vehicles)


def lay_out_candidates(cursor: Any, tenant_id: int, around: bool = False) -> None:
    """Fill the temporary table ``identity_candidate`` that the rules read."""
    cursor.execute("drop table if exists pg_temp.identity_candidate")
    cursor.execute(_CANDIDATES + (MEMBERS if around else ""), {"tenant": tenant_id})
    cursor.execute("analyze identity_candidate")


def strong_pairs(tenant_id: int, around: bool = False) -> list[Pair]:
    """Pairs of numbers that are one customer, strongest rule first, in the numbers' order.

    Those who are one already are left out.
    """
    found = []
    with connection.cursor() as cursor:
        for by, rule in RULES.items():
            cursor.execute(within(rule, around), {"tenant": tenant_id})
            found += [Pair(a, b, own_a, own_b, by) for a, b, own_a, own_b in cursor.fetchall()]
    return found
