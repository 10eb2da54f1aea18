"""Bringing the records in line with the decisions that stand.

Who is one customer follows from the decisions alone (``customers.identity.partition``), and each
number knows the customer that it is by itself, so that the same function serves a merge, a split,
an undo and an import: part what is touched, join what belongs together now. A merged customer is
the one with the lowest id among those that his numbers are by themselves.
"""

# ruff: noqa: S608 - table names come from the models, values go as parameters.

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import connection

from customers.identity import before
from customers.identity.homes import refresh_customers
from customers.identity.partition import Components, Sides, partition
from customers.identity.rows import CUSTOMER, OF_NUMBER, SOURCE

OWN = "coalesce({s}.own_customer, {s}.customer_id)"
_TABLES = ("identity_target", "identity_number", "identity_move")
_MERGES = (
    f"select {OWN.format(s='a')}, {OWN.format(s='b')}, d.source_a_id, d.source_b_id"
    " from customers_mergedecision d"
    f" join {SOURCE} a on a.id = d.source_a_id join {SOURCE} b on b.id = d.source_b_id"
    " where d.tenant_id = %(tenant)s and d.kind = 'merge' and d.undone_at is null"
)


@dataclass(frozen=True)
class Standing:
    """The decisions that stand, by the customers that the numbers are by themselves."""

    merges: list[tuple[int, int]]
    apart: list[Sides]

    def components(self, *more: Sides) -> Components:
        return partition(self.merges, [*self.apart, *more])


def wait_for_turn(tenant_id: int) -> None:
    """One change of identities of a group at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_xact_lock(hashtext('parcfolio identity'), %s)", [tenant_id]
        )


def standing(tenant_id: int, numbers: Collection[int] | None = None) -> Standing:
    """The decisions of a group; with ``numbers`` only the merges among these."""
    among = "" if numbers is None else " and d.source_a_id = any(%(numbers)s)"
    values: dict[str, Any] = {"tenant": tenant_id, "numbers": list(numbers or ())}
    with connection.cursor() as cursor:
        cursor.execute(f"{_MERGES}{among} order by d.id", values)
        merges = [(a, b) for a, b, _a, _b in cursor.fetchall()]
    return Standing(merges, kept_apart(tenant_id))


def kept_apart(tenant_id: int) -> list[Sides]:
    """Sides of the splits and rejections that stand."""
    return _sides(tenant_id, "d.kind in ('split', 'reject') and d.undone_at is null")


def taken_back(tenant_id: int) -> list[Sides]:
    """Pairs that people have parted by undoing a merge made without asking: it is not repeated."""
    return _sides(tenant_id, "d.kind = 'merge' and d.automatic and d.undone_at is not null")


def _sides(tenant_id: int, condition: str) -> list[Sides]:
    own = (
        f"(select array_agg({OWN.format(s='s')}) from {SOURCE} s where s.tenant_id = d.tenant_id"
        " and s.id = any(coalesce(d.side_{x}, array[d.source_{x}_id])))"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {own.format(x='a')}, {own.format(x='b')} from customers_mergedecision d"
            f" where d.tenant_id = %s and {condition} order by d.id",
            [tenant_id],
        )
        return [(a or (), b or ()) for a, b in cursor.fetchall()]


def closure(tenant_id: int, numbers: Collection[int]) -> set[int]:
    """All numbers that a change at ``numbers`` may concern.

    Those of the same customers, those linked by merges that stand (also where a split makes them
    void), and so on.
    """
    found: set[int] = set()
    new = set(numbers)
    with connection.cursor() as cursor:
        while new:
            found |= new
            cursor.execute(
                f"select s.id from {SOURCE} s where s.tenant_id = %(tenant)s and s.customer_id in"
                f" (select customer_id from {SOURCE} where id = any(%(new)s))"
                " union select d.source_b_id from customers_mergedecision d"
                " where d.tenant_id = %(tenant)s and d.kind = 'merge' and d.undone_at is null"
                " and d.source_a_id = any(%(new)s)"
                " union select d.source_a_id from customers_mergedecision d"
                " where d.tenant_id = %(tenant)s and d.kind = 'merge' and d.undone_at is null"
                " and d.source_b_id = any(%(new)s)",
                {"tenant": tenant_id, "new": list(new)},
            )
            new = {pk for (pk,) in cursor.fetchall()} - found
    return found


def bring_in_line(tenant_id: int, numbers: Collection[int] | None = None) -> int:
    """Make the records say what the decisions say; the count of numbers that changed customer.

    ``numbers``: where something was decided; without them the whole group is looked at. The next
    import matches again around what changed. Runs inside the tenant's system access.
    """
    around = None if numbers is None else closure(tenant_id, numbers)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into customers_matchdue (tenant_id, number) select %s, unnest(%s::bigint[])",
            [tenant_id, list(numbers or ())],
        )
    return settle(tenant_id, standing(tenant_id, around).components(), around, noted=True)


def settle(
    tenant_id: int,
    components: Components,
    numbers: Collection[int] | None,
    *,
    noted: bool = False,
) -> int:
    """Give the numbers to the customers that ``components`` says they are.

    ``noted``: leave word for the next import to match around them again.
    """
    with connection.cursor() as cursor:
        _drop(cursor)
        _copy_target(cursor, components)
        if not _lay_out(cursor, tenant_id, numbers):
            _drop(cursor)
            return 0
        if noted:
            cursor.execute(
                "insert into customers_matchdue (tenant_id, number)"
                " select %s, source_id from identity_number",
                [tenant_id],
            )
        before.part(cursor, tenant_id)
        before.join(cursor, tenant_id)
        changed = _hand_over_numbers(cursor, tenant_id)
        cursor.execute(
            f"delete from {CUSTOMER} c using identity_move m where c.id = m.old_id"
            " and c.tenant_id = %s",
            [tenant_id],
        )
        refresh_customers(cursor, tenant_id, "select customer from identity_number")
        _drop(cursor)
    return changed


def _drop(cursor: Any) -> None:
    for table in _TABLES:
        cursor.execute(f"drop table if exists pg_temp.{table}")


def _copy_target(cursor: Any, components: Components) -> None:
    cursor.execute("create temp table identity_target (own bigint primary key, customer bigint)")
    with cursor.copy("copy identity_target from stdin") as copy:
        for own, customer in components.moves().items():
            copy.write_row((own, customer))
    cursor.execute("analyze identity_target")


def _lay_out(cursor: Any, tenant_id: int, numbers: Collection[int] | None) -> int:
    """Fill ``identity_number`` with all numbers of customers who change, ``identity_move`` with the
    customers who end up empty; the count of numbers."""
    own, among = OWN.format(s="s"), "" if numbers is None else " and s.id = any(%(numbers)s)"
    cursor.execute(
        f"create temp table identity_number as with changed as (select s.customer_id as former,"
        f" coalesce(t.customer, {own}) as customer from {SOURCE} s"
        f" left join identity_target t on t.own = {own}"
        f" where s.tenant_id = %(tenant)s{among} and s.customer_id <> coalesce(t.customer, {own}))"
        f" select s.id as source_id, {own} as own, s.customer_id as former,"
        f" coalesce(t.customer, {own}) as customer from {SOURCE} s"
        f" left join identity_target t on t.own = {own} where s.tenant_id = %(tenant)s"
        " and s.customer_id in (select former from changed union select customer from changed)",
        {"tenant": tenant_id, "numbers": list(numbers or ())},
    )
    cursor.execute("analyze identity_number")
    cursor.execute(
        "create temp table identity_move as select distinct own as old_id, customer as new_id"
        " from identity_number where own <> customer"
    )
    cursor.execute("analyze identity_move")
    cursor.execute("select count(*) from identity_number")
    found: int = cursor.fetchone()[0]
    return found


def _hand_over_numbers(cursor: Any, tenant_id: int) -> int:
    cursor.execute(
        f"update {SOURCE} s set customer_id = n.customer, own_customer = nullif(n.own, n.customer)"
        " from identity_number n where n.source_id = s.id and s.tenant_id = %s"
        " and s.customer_id <> n.customer",
        [tenant_id],
    )
    changed: int = cursor.rowcount
    for table in OF_NUMBER:
        cursor.execute(
            f"update {table} t set customer_id = n.customer from identity_number n"
            " where n.source_id = t.source_id and n.former <> n.customer"
            " and t.tenant_id = %s and t.customer_id <> n.customer",
            [tenant_id],
        )
    return changed
