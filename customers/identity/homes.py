"""What a customer has from his numbers: stores, home store, advisor, name.

Set by set for all customers of a group, or for those that a decision touched.
"""

# ruff: noqa: S608 - SQL is put together from this package's own parts, values go as parameters.

from typing import Any

from django.db import connection

# The form under which equal names are equal, as the importer makes it (importing.columns.name_key).
NAME_KEY = "lower(regexp_replace(normalize(s.name, NFKC), '\\s', '', 'g'))"


def refresh_home_stores(tenant_id: int) -> int:
    """Set each customer's home store; the number that changed.

    The store with most of his margin in the 24 months before the day after the group's latest
    visit; then the one that saw him last; then the one that sold to him; then the oldest number.
    Only customers of several stores can change; what one is called, and his tags, go with it.
    """
    with connection.cursor() as cursor:
        changed = _refresh_homes(cursor, tenant_id, "true")
        if changed:
            which = f"id in (select unnest('{{{','.join(map(str, changed))}}}'::bigint[]))"
            _refresh_tags(cursor, tenant_id, f"c.{which}")
            _refresh_names(cursor, tenant_id, which)
    return len(changed)


def _refresh_homes(cursor: Any, tenant_id: int, condition: str) -> list[int]:
    """The customers whose home store changed."""
    cursor.execute(_HOME.replace("{condition}", condition), {"tenant": tenant_id})
    return [pk for (pk,) in cursor.fetchall()]


def _refresh_tags(cursor: Any, tenant_id: int, condition: str) -> None:
    """A tag stands at its customer's home store."""
    cursor.execute(
        "update customers_customertag t set store_id = c.home_store_id"
        " from customers_customer c where c.id = t.customer_id and t.tenant_id = %s"
        f" and c.tenant_id = %s and {condition} and t.store_id <> c.home_store_id",
        [tenant_id, tenant_id],
    )


def refresh_advisors(tenant_id: int) -> int:
    """Set each customer's advisor, that of the latest closed visit; the number that changed."""
    with connection.cursor() as cursor:
        return _refresh_advisors(cursor, tenant_id, "true")


def _refresh_advisors(cursor: Any, tenant_id: int, condition: str) -> int:
    query = _ADVISORS.replace("{of_visit}", condition.replace("id in", "customer_id in", 1))
    query = query.replace("{of_customer}", condition.replace("id in", "o.id in", 1))
    cursor.execute(query, {"tenant": tenant_id})
    return int(cursor.rowcount)


def refresh_customers(cursor: Any, tenant_id: int, which: str) -> None:
    """What customers have from their numbers and visits; ``which``: SQL that yields their ids.

    Stores and first day, home store, advisor, and what a customer is called: it comes from the
    number at the home store, the oldest first.
    """
    which = f"id in ({which})"
    of_number = which.replace("id in", "s.customer_id in", 1)
    cursor.execute(
        "update customers_customer c set stores = s.stores, created_on = s.created_on,"
        " home_store_id = case when c.home_store_id = any(s.stores) then c.home_store_id"
        " else s.oldest end from (select s.customer_id, min(s.created_on) as created_on,"
        " array_agg(distinct s.store_id order by s.store_id) as stores,"
        " (array_agg(s.store_id order by s.id))[1] as oldest"
        f" from customers_customersource s where s.tenant_id = %s and {of_number} group by 1) s"
        " where c.id = s.customer_id and c.tenant_id = %s and (c.stores <> s.stores"
        " or c.created_on is distinct from s.created_on or c.home_store_id <> all(s.stores))",
        [tenant_id, tenant_id],
    )
    _refresh_homes(cursor, tenant_id, which)
    _refresh_tags(cursor, tenant_id, f"c.{which}")
    _refresh_advisors(cursor, tenant_id, which)
    _refresh_names(cursor, tenant_id, which)


def _refresh_names(cursor: Any, tenant_id: int, condition: str) -> None:
    """What customers are called: what the oldest number at the home store says."""
    of_number = condition.replace("id in", "s.customer_id in", 1)
    cursor.execute(
        "update customers_customer c set kind = s.kind, name = s.name, name_key = s.name_key,"
        " gender = s.gender, birth_date = s.birth_date, city = s.city from"
        " (select distinct on (s.customer_id) s.customer_id, s.kind, s.name, s.gender,"
        f" s.birth_date, s.city, left({NAME_KEY}, 120) as name_key from customers_customersource s"
        " join customers_customer o on o.id = s.customer_id and o.tenant_id = s.tenant_id"
        f" where s.tenant_id = %s and {of_number}"
        " order by s.customer_id, (s.store_id = o.home_store_id) desc, s.id) s"
        " where c.id = s.customer_id and c.tenant_id = %s"
        " and (c.kind, c.name, c.name_key, c.gender, c.birth_date, c.city) is distinct from"
        " (s.kind, s.name, s.name_key, s.gender, s.birth_date, s.city)",
        [tenant_id, tenant_id],
    )


_ADVISORS = """
with latest as (
    select distinct on (customer_id) customer_id, advisor_id from customers_visit
    where tenant_id = %(tenant)s and status = 'closed' and advisor_id is not null
        and {of_visit}
    order by customer_id, day desc, id desc
)
update customers_customer c set advisor_id = known.advisor_id from (
    select o.id, latest.advisor_id from customers_customer o
    left join latest on latest.customer_id = o.id where o.tenant_id = %(tenant)s
        and {of_customer}
) known where known.id = c.id and c.tenant_id = %(tenant)s
    and c.advisor_id is distinct from known.advisor_id
"""
_HOME = """
with latest as (
    select coalesce(max(day), current_date) as day from customers_visit
    where tenant_id = %(tenant)s and status <> 'cancelled'
), several as (
    select id from customers_customer
    where tenant_id = %(tenant)s and cardinality(stores) > 1 and {condition}
), number as (
    select customer_id, store_id, min(id) as oldest from customers_customersource
    where tenant_id = %(tenant)s and customer_id in (select id from several) group by 1, 2
), served as (
    select customer_id, store_id, max(day) as last_day,
        sum(pay_customer_fen + pay_warranty_fen + pay_insurance_fen - coalesce(cost_fen, 0))
        filter (where day > (select day from latest) - interval '24 months') as margin
    from customers_visit
    where tenant_id = %(tenant)s and status <> 'cancelled'
        and customer_id in (select id from several)
    group by 1, 2
), sold as (
    select customer_id, store_id, max(sold_on) as sold_on from customers_ownership
    where tenant_id = %(tenant)s and customer_id in (select id from several) group by 1, 2
), home as (
    select distinct on (n.customer_id) n.customer_id, n.store_id
    from number n
    left join served v on v.customer_id = n.customer_id and v.store_id = n.store_id
    left join sold o on o.customer_id = n.customer_id and o.store_id = n.store_id
    order by n.customer_id, coalesce(v.margin, 0) desc, v.last_day desc nulls last,
        o.sold_on desc nulls last, n.oldest
)
update customers_customer c set home_store_id = home.store_id from home
where c.id = home.customer_id and c.home_store_id <> home.store_id
returning c.id
"""
