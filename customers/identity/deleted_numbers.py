"""What becomes of customers whose numbers a store has deleted."""

# ruff: noqa: S608 - table names come from the models.

from typing import Any

from django.db import connection

from customers.identity.rows import BEFORE, computed
from customers.identity.state import bring_in_line, wait_for_turn


def refresh_after_deleted_numbers(tenant_id: int) -> None:
    """Numbers that only a deleted one held together part; who has no number left goes."""
    wait_for_turn(tenant_id)
    bring_in_line(tenant_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "create temp table identity_move as select c.id as old_id from customers_customer c"
            " where c.tenant_id = %s and not exists (select from customers_customersource s"
            " where s.tenant_id = %s and s.customer_id = c.id)",
            [tenant_id, tenant_id],
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


def _forget(cursor: Any) -> None:
    """Delete the customers of ``identity_move`` with what was computed for them."""
    for table in ("customers_privacyrequest", "customers_suppressedcontact"):
        cursor.execute(
            f"update {table} t set customer_id = null from identity_move m"
            " where t.customer_id = m.old_id"
        )
    own = [(table, "customer_id") for table in ("customers_consent", "customers_followup", BEFORE)]
    for table, column in [*own, *computed()]:
        cursor.execute(
            f'delete from "{table}" t using identity_move m where t."{column}" = m.old_id'
        )
    cursor.execute("delete from customers_customer c using identity_move m where c.id = m.old_id")
