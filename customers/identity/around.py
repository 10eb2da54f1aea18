"""What has to be looked at when some numbers have changed, and nothing else.

Numbers bear on each other through what they share: a contact, a vehicle, a plate, a vehicle number
one slip apart. Whether something shared shows anything depends on all who share it, so each of
these is taken in whole. Temporary tables:

``identity_asked`` (id)            the numbers to start from; some may be deleted
``identity_contact`` (kind, lookup), ``identity_vehicle`` (id), ``identity_slip`` (a, b)  shared
``identity_member`` (id)           all numbers that share one of these, and those asked for
``identity_person`` (customer_id)  customers of the numbers whose proposals are renewed
"""

# ruff: noqa: S608 - SQL is put together from this package's own parts, values go as parameters.

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from customers.identity.proposals import SLIPS
from customers.identity.similarity import vin_slip

_TABLES = (
    *("identity_asked", "identity_contact", "identity_vehicle", "identity_slip"),
    *("identity_member", "identity_person", "identity_key"),
)
# Beyond this part of a group's numbers the whole of it is cheaper.
WHOLE_BEYOND = 0.1
# Noted in place of a number: the whole group is to be matched.
EVERYBODY = 0


def take_due(cursor: Any, tenant_id: int) -> int | None:
    """Take the numbers noted for matching into ``identity_asked``: their count, or None if they are
    so many that the whole group is to be matched."""
    forget(cursor)
    cursor.execute(
        "create temp table identity_asked as with taken as (delete from customers_matchdue"
        " where tenant_id = %s returning number) select distinct number as id from taken",
        [tenant_id],
    )
    cursor.execute("analyze identity_asked")
    cursor.execute(
        "select (select count(*) from identity_asked),"
        " exists (select from identity_asked where id = %s),"
        " (select count(*) from customers_customersource where tenant_id = %s)",
        [EVERYBODY, tenant_id],
    )
    due, everybody, numbers = cursor.fetchone()
    return None if everybody or due > WHOLE_BEYOND * numbers else due


def lay_out(cursor: Any, tenant_id: int) -> None:
    """From ``identity_asked`` to all who share something with these numbers."""
    values = {"tenant": tenant_id}
    cursor.execute(
        "create temp table identity_contact as select distinct p.kind, p.lookup"
        " from customers_contactpoint p where p.tenant_id = %(tenant)s"
        " and p.source_id in (select id from identity_asked) and p.kind in ('mobile', 'id_number')",
        values,
    )
    cursor.execute(
        "create temp table identity_vehicle as select distinct o.vehicle_id as id"
        " from customers_ownership o where o.tenant_id = %(tenant)s"
        " and o.source_id in (select id from identity_asked)",
        values,
    )
    for table in ("identity_contact", "identity_vehicle"):
        cursor.execute(f"analyze {table}")
    _lay_out_slips(cursor, values)
    cursor.execute(
        "insert into identity_vehicle select other.id from identity_vehicle i"
        " join customers_vehicle v on v.id = i.id join customers_vehicle other"
        " on other.tenant_id = v.tenant_id and other.plate = v.plate"
        " where v.tenant_id = %(tenant)s and v.plate <> ''"
        " union select a from identity_slip union select b from identity_slip"
        " except select id from identity_vehicle",
        values,
    )
    cursor.execute("analyze identity_vehicle")
    cursor.execute(
        "create temp table identity_member as select id from identity_asked"
        " union select p.source_id from identity_contact c join customers_contactpoint p"
        " on p.tenant_id = %(tenant)s and p.lookup = c.lookup and p.kind = c.kind"
        " union select o.source_id from identity_vehicle v join customers_ownership o"
        " on o.tenant_id = %(tenant)s and o.vehicle_id = v.id",
        values,
    )
    cursor.execute("analyze identity_member")


def _lay_out_slips(cursor: Any, values: dict[str, Any]) -> None:
    """Vehicle numbers one slip from those of ``identity_vehicle``, by ids in ascending order."""
    cursor.execute("create temp table identity_slip (a bigint, b bigint, unique (a, b))")
    keys = ", ".join(f"({place}, {part.format(v='v')})" for place, part in enumerate(SLIPS))
    cursor.execute(
        f"create temp table identity_key as select v.id, v.vin, k.place, k.key"
        " from identity_vehicle i join customers_vehicle v on v.id = i.id"
        f" cross join lateral (values {keys}) k(place, key) where v.tenant_id = %(tenant)s",
        values,
    )
    cursor.execute("analyze identity_key")
    # One pass over the vehicles a kind of key; an index would serve only the first of them.
    with joined_by_hash(cursor, True):
        cursor.execute(
            " union ".join(
                "select k.id, k.vin, v.id, v.vin from identity_key k join customers_vehicle v"
                f" on {part.format(v='v')} = k.key and v.id <> k.id"
                f" where k.place = {place} and v.tenant_id = %(tenant)s"
                for place, part in enumerate(SLIPS)
            ),
            values,
        )
        slips = {(min(a, b), max(a, b)) for a, vin_a, b, vin_b in cursor if vin_slip(vin_a, vin_b)}
    with cursor.copy("copy identity_slip from stdin") as copy:
        for pair in sorted(slips):
            copy.write_row(pair)
    cursor.execute("analyze identity_slip")


def go_on_from_customers(cursor: Any, tenant_id: int) -> None:
    """Ask anew from all numbers of the customers reached: whatever is proposed of one of them may
    have to change, and rests on all that his numbers share."""
    cursor.execute(
        "create temp table identity_person as select distinct s.customer_id"
        " from customers_customersource s where s.tenant_id = %s"
        " and s.id in (select id from identity_member)",
        [tenant_id],
    )
    cursor.execute("analyze identity_person")
    cursor.execute(
        "insert into identity_asked select s.id from customers_customersource s"
        " where s.tenant_id = %s and s.customer_id in (select customer_id from identity_person)"
        " except select id from identity_asked",
        [tenant_id],
    )
    for table in _TABLES:
        if table not in ("identity_asked", "identity_person"):
            cursor.execute(f"drop table {table}")
    cursor.execute("analyze identity_asked")


def forget(cursor: Any) -> None:
    for table in _TABLES:
        cursor.execute(f"drop table if exists pg_temp.{table}")


@contextmanager
def joined_by_hash(cursor: Any, only: bool) -> Iterator[None]:
    """Whether the planner has to join by whole tables; inside a transaction."""
    cursor.execute("select current_setting('enable_nestloop')")
    before = cursor.fetchone()[0]
    cursor.execute("select set_config('enable_nestloop', %s, true)", ["off" if only else "on"])
    yield
    cursor.execute("select set_config('enable_nestloop', %s, true)", [before])
