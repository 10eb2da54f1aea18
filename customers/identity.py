"""Who is one customer: merging stores' numbers on strong evidence, and the home store.

Matching is by exact joins on blind indexes and names; components are found by union-find over the
few pairs that match (Tarjan 1975). Never on a phone alone, never across kinds, never a test record.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import connection

from customers.models import Customer

# Tables whose rows belong to a store's number and follow it to its customer.
_OF_SOURCE = (
    *("customers_visit", "customers_contract", "customers_event", "customers_survey"),
    *("customers_ownership", "customers_contactpoint", "customers_privacyrequest"),
    "customers_suppressedcontact",
)
# "Mr Wang" with the same mobile may be two people.
_TITLES = "(先生|女士|小姐|太太|夫人|师傅|经理|老板)$"
_NAME = "lower(regexp_replace(normalize(cs.name, NFKC), '\\s', '', 'g'))"
_SOURCES = (
    "select cs.id, cs.customer_id, c.kind, p.lookup, {key} as name from customers_customersource cs"
    " join customers_customer c on c.id = cs.customer_id and not c.is_test and c.kind = cs.kind"
    " join customers_contactpoint p on p.source_id = cs.id and p.tenant_id = {tenant}"
    " and p.kind = '{contact}' where cs.tenant_id = {tenant} and {condition}"
)
# Each group of equal evidence is a star around its oldest number.
_STAR = (
    "with s as ({sources}), star as (select id, customer_id,"
    " first_value(id) over w as hub, first_value(customer_id) over w as hub_customer"
    " from s window w as (partition by {group} order by id))"
    " select hub, id, hub_customer, customer_id from star where customer_id <> hub_customer"
)


def merge_on_strong_evidence(tenant_id: int) -> int:
    """Merge what one identity number, or one mobile and name, shows to be one customer.

    Runs inside the tenant's system access. Returns the number of customer numbers that moved.
    """
    pairs = _evidence(tenant_id)
    kept_apart = _splits(tenant_id)
    components = _Components()
    accepted = []
    for pair in pairs:
        if components.union(pair["customer_a"], pair["customer_b"], kept_apart):
            accepted.append(pair)
    moves = components.moves()
    if not moves:
        return 0
    _record(tenant_id, accepted)
    return move_sources(tenant_id, moves)


def _evidence(tenant_id: int) -> list[dict[str, Any]]:
    by_number = _SOURCES.format(key="''", contact="id_number", condition="true", tenant=tenant_id)
    by_mobile = _SOURCES.format(
        key=_NAME,
        contact="mobile",
        condition=f"cs.kind = 'person' and cs.name <> '' and cs.name !~ '{_TITLES}'",
        tenant=tenant_id,
    )
    queries = {
        "id_number": _STAR.format(sources=by_number, group="lookup, kind"),
        "mobile_and_name": _STAR.format(sources=by_mobile, group="lookup, kind, name"),
    }
    found = []
    with connection.cursor() as cursor:
        for evidence, query in queries.items():
            cursor.execute(query)
            for source_a, source_b, customer_a, customer_b in cursor.fetchall():
                found.append(
                    {
                        "evidence": evidence,
                        "source_a": source_a,
                        "source_b": source_b,
                        "customer_a": customer_a,
                        "customer_b": customer_b,
                    }
                )
    return found


def _splits(tenant_id: int) -> set[frozenset[int]]:
    """Pairs of customers that a decision keeps apart."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.customer_id, b.customer_id from customers_mergedecision d"
            " join customers_customersource a on a.id = d.source_a_id"
            " join customers_customersource b on b.id = d.source_b_id"
            " where d.tenant_id = %s and d.kind = 'split' and d.undone_at is null",
            [tenant_id],
        )
        return {frozenset(pair) for pair in cursor.fetchall()}


class _Components:
    """Union-find whose roots are the lowest ids."""

    def __init__(self) -> None:
        self.parent: dict[int, int] = {}
        self.members: dict[int, list[int]] = {}

    def find(self, item: int) -> int:
        self.parent.setdefault(item, item)
        root = item
        while self.parent[root] != root:
            root = self.parent[root]
        while self.parent[item] != root:
            self.parent[item], item = root, self.parent[item]
        return root

    def union(self, a: int, b: int, apart: set[frozenset[int]]) -> bool:
        """Join the components of ``a`` and ``b``; false if they are joined or kept apart."""
        low, high = sorted((self.find(a), self.find(b)))
        if low == high:
            return False
        ours, theirs = self.members.get(low, [low]), self.members.get(high, [high])
        if apart and any(frozenset((x, y)) in apart for x in ours for y in theirs):
            return False
        self.parent[high] = low
        self.members[low] = ours + theirs
        self.members.pop(high, None)
        return True

    def moves(self) -> dict[int, int]:
        return {item: root for item in self.parent if (root := self.find(item)) != item}


def _record(tenant_id: int, pairs: Iterable[dict[str, Any]]) -> None:
    """A decision a pair, with the customer that each number belonged to, so it can be undone."""
    rows = [(p["source_a"], p["source_b"], p["evidence"]) for p in pairs]
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into customers_mergedecision (tenant_id, kind, source_a_id, source_b_id,"
            " evidence, automatic, decided_by, decided_at, undone_by)"
            " select %s, 'merge', p.a, p.b, jsonb_build_object('by', p.evidence,"
            " 'customer_a', a.customer_id, 'customer_b', b.customer_id,"
            # Name, birth and city follow from the numbers; they are not kept a second time.
            " 'former', to_jsonb(c) - '{name,name_key,gender,birth_date,city}'::text[],"
            " 'consents', (select coalesce(jsonb_agg(to_jsonb(n)), '[]')"
            " from customers_consent n where n.customer_id = c.id),"
            " 'follow_ups', (select coalesce(jsonb_agg(f.id), '[]')"
            " from customers_followup f where f.customer_id = c.id)),"
            " true, 'system:identity', now(), ''"
            " from unnest(%s::bigint[], %s::bigint[], %s::text[]) as p(a, b, evidence)"
            " join customers_customersource a on a.id = p.a"
            " join customers_customersource b on b.id = p.b"
            " join customers_customer c on c.id = b.customer_id"
            " on conflict do nothing",
            [tenant_id, *map(list, zip(*rows, strict=True))],
        )


def move_sources(tenant_id: int, moves: dict[int, int]) -> int:
    """Hand all that customers (keys) have to others (values); the emptied customers go.

    Returns the number of customer numbers moved.
    """
    with connection.cursor() as cursor:
        cursor.execute("drop table if exists pg_temp.identity_move")
        cursor.execute(
            "create temp table identity_move as select * from"
            " unnest(%s::bigint[], %s::bigint[]) as m(old_id, new_id)",
            [list(moves), list(moves.values())],
        )
        cursor.execute("analyze identity_move")
        cursor.execute(
            "update customers_customersource s set customer_id = m.new_id from identity_move m"
            " where s.customer_id = m.old_id and s.tenant_id = %s",
            [tenant_id],
        )
        moved: int = cursor.rowcount
        for table in _OF_SOURCE:
            cursor.execute(
                f"update {table} t set customer_id = m.new_id from identity_move m"  # noqa: S608
                " where t.customer_id = m.old_id and t.tenant_id = %s",
                [tenant_id],
            )
        _move_consents(cursor, tenant_id)
        _move_follow_ups(cursor, tenant_id)
        _forget(cursor)
        cursor.execute(
            "update customers_customer c set stores = s.stores, created_on = s.created_on from ("
            " select customer_id, array_agg(distinct store_id order by store_id) as stores,"
            " min(created_on) as created_on from customers_customersource where tenant_id = %s"
            " and customer_id in (select new_id from identity_move) group by 1) s"
            " where c.id = s.customer_id",
            [tenant_id],
        )
        cursor.execute("drop table identity_move")
    return moved


def _move_consents(cursor: Any, tenant_id: int) -> None:
    """One consent a customer, store and purpose: where two disagree, no is kept."""
    cursor.execute(
        "create temp table identity_consent as select distinct on (customer, store_id, purpose) *"
        " from (select n.*, coalesce(m.new_id, n.customer_id) as customer from customers_consent n"
        " left join identity_move m on m.old_id = n.customer_id where n.tenant_id = %s"
        " and (m.old_id is not null or n.customer_id in (select new_id from identity_move))) x"
        " order by customer, store_id, purpose, given, recorded_at desc",
        [tenant_id],
    )
    cursor.execute(
        "delete from customers_consent n where n.tenant_id = %s and (n.customer_id in"
        " (select old_id from identity_move) or n.customer_id in (select new_id from"
        " identity_move)) and n.id not in (select id from identity_consent)",
        [tenant_id],
    )
    cursor.execute(
        "update customers_consent n set customer_id = i.customer from identity_consent i"
        " where n.id = i.id and n.customer_id <> i.customer"
    )
    cursor.execute("drop table identity_consent")


def _move_follow_ups(cursor: Any, tenant_id: int) -> None:
    """Of two open follow-ups with one reason the later is closed: a person is called once."""
    cursor.execute(
        "update customers_followup f set closed_at = now(), note = left(f.note || ' [merged]', 300)"
        " from (select f.id, row_number() over (partition by coalesce(m.new_id, f.customer_id),"
        " f.reason order by f.attempts desc, f.id) as place from customers_followup f"
        " left join identity_move m on m.old_id = f.customer_id where f.tenant_id = %s"
        " and f.closed_at is null and (m.old_id is not null"
        " or f.customer_id in (select new_id from identity_move))) x"
        " where f.id = x.id and x.place > 1",
        [tenant_id],
    )
    cursor.execute(
        "update customers_followup f set customer_id = m.new_id from identity_move m"
        " where f.customer_id = m.old_id and f.tenant_id = %s",
        [tenant_id],
    )


def _forget(cursor: Any) -> None:
    """Delete the emptied customers and what was computed for them (tags, scores)."""
    for table, column in computed_for_customers():
        cursor.execute(
            f'delete from "{table}" t using identity_move m where t."{column}" = m.old_id'  # noqa: S608
        )
    cursor.execute("delete from customers_customer c using identity_move m where c.id = m.old_id")


def refresh_after_deleted_numbers(tenant_id: int) -> None:
    """Customers without any number left go; the others' stores are those of their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "create temp table identity_move as select c.id as old_id from customers_customer c"
            " where c.tenant_id = %s and not exists (select from customers_customersource s"
            " where s.tenant_id = %s and s.customer_id = c.id)",
            [tenant_id, tenant_id],
        )
        for table in ("customers_privacyrequest", "customers_suppressedcontact"):
            cursor.execute(
                f"update {table} t set customer_id = null from identity_move m"  # noqa: S608
                " where t.customer_id = m.old_id"
            )
        for table in ("customers_consent", "customers_followup"):
            cursor.execute(
                f"delete from {table} t using identity_move m where t.customer_id = m.old_id"  # noqa: S608
            )
        _forget(cursor)
        cursor.execute("drop table identity_move")
        cursor.execute(
            "update customers_customer c set stores = s.stores, home_store_id ="
            " case when c.home_store_id = any(s.stores) then c.home_store_id else s.stores[1] end"
            " from (select customer_id, array_agg(distinct store_id order by store_id) as stores"
            " from customers_customersource where tenant_id = %s group by 1) s"
            " where c.id = s.customer_id and c.tenant_id = %s and c.stores <> s.stores",
            [tenant_id, tenant_id],
        )


def computed_for_customers() -> list[tuple[str, str]]:
    """Tables of any application that refer to a customer and are computed anew: (table, column)."""
    moved = {*_OF_SOURCE, "customers_customersource", "customers_consent", "customers_followup"}
    return [
        (model._meta.db_table, str(field.column))
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Customer and model._meta.db_table not in moved
    ]


def refresh_home_stores(tenant_id: int) -> int:
    """Set each customer's home store; the number that changed.

    The store with most of his margin in the 24 months before the day after the group's latest
    visit; then the one that saw him last; then the one that sold to him; then the oldest number.
    Only customers of several stores can change.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOME, {"tenant": tenant_id})
        changed: int = cursor.rowcount
        if changed:
            cursor.execute(
                "update customers_customertag t set store_id = c.home_store_id"
                " from customers_customer c where c.id = t.customer_id and t.tenant_id = %s"
                " and t.store_id <> c.home_store_id",
                [tenant_id],
            )
    return changed


def refresh_advisors(tenant_id: int) -> int:
    """Set each customer's advisor, that of the latest closed visit; the number that changed."""
    with connection.cursor() as cursor:
        cursor.execute(_ADVISORS, {"tenant": tenant_id})
        return int(cursor.rowcount)


_ADVISORS = """
with latest as (
    select distinct on (customer_id) customer_id, advisor_id from customers_visit
    where tenant_id = %(tenant)s and status = 'closed' and advisor_id is not null
    order by customer_id, day desc, id desc
)
update customers_customer c set advisor_id = known.advisor_id from (
    select o.id, latest.advisor_id from customers_customer o
    left join latest on latest.customer_id = o.id where o.tenant_id = %(tenant)s
) known where known.id = c.id and c.tenant_id = %(tenant)s
    and c.advisor_id is distinct from known.advisor_id
"""
_HOME = """
with latest as (
    select coalesce(max(day), current_date) as day from customers_visit
    where tenant_id = %(tenant)s and status <> 'cancelled'
), several as (
    select id from customers_customer
    where tenant_id = %(tenant)s and cardinality(stores) > 1
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
"""
