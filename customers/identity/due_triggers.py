"""Which numbers have to be matched again, noted by the database whoever writes, by what route.

Matching goes by what numbers share: a mobile, an identity number, a vehicle, a plate, beside their
own names and kinds. So a number is noted when it comes or one of these changes; and when it gives
up something shared, one of those that still share it is noted too, since a mobile of five names may
show what one of six did not. ``customers.identity.around`` finds the rest from there.

Statement triggers with transition tables; what a merge itself does (rows that change their customer
alone) notes nothing. The functions belong to the owner: who writes for one store may not see with
whom he shares. Vehicle numbers do not change; a corrected one is another vehicle.
"""

# ruff: noqa: S608 - SQL is put together from this module's own parts.

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

_FUNCTION = """
create function {name}() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into customers_matchdue (tenant_id, number)
    select tenant_id, number from ({rows}) due;
    return null;
end $$;
revoke execute on function {name}() from public;
create trigger {name} after {event} on {table} referencing {tables}
    for each statement execute function {name}();
"""
_TABLES = {
    "insert": "new table as written",
    "update": "new table as written old table as former",
    "delete": "old table as former",
}
_CHANGED = "from written w join former f on f.id = w.id where ({now}) is distinct from ({then})"


def _changed(*columns: str) -> str:
    """Rows ``w`` of an update that differ from their former state ``f`` in one of the columns."""
    now, then = (", ".join(f"{row}.{column}" for column in columns) for row in ("w", "f"))
    return _CHANGED.format(now=now, then=then)


_MATCHED = "w.kind in ('mobile', 'id_number')"
_CONTACT = _changed("lookup", "source_id", "kind")
# One of those who still share what a row of ``gone`` had.
_SHARED_CONTACT = (
    " union all select g.tenant_id, o.source_id from ({gone}) g cross join lateral"
    " (select p.source_id from customers_contactpoint p where p.tenant_id = g.tenant_id"
    " and p.lookup = g.lookup and p.kind = g.kind limit 1) o"
)
_HELD = _changed("vehicle_id", "source_id", "owned_from", "owned_to", "sold_on")
_SHARED_VEHICLE = (
    " union all select g.tenant_id, o.source_id from ({gone}) g cross join lateral"
    " (select p.source_id from customers_ownership p where p.vehicle_id = g.vehicle_id limit 1) o"
)
# Table and event: the numbers due.
_NUMBERS = {
    ("customers_customersource", "insert"): "select tenant_id, id as number from written",
    ("customers_customersource", "update"): "select w.tenant_id, w.id as number "
    + _changed("name", "kind", "gender", "birth_date"),
    # What was proposed for it goes.
    ("customers_customersource", "delete"): "select tenant_id, id as number from former",
    ("customers_contactpoint", "insert"): (
        f"select w.tenant_id, w.source_id as number from written w where {_MATCHED}"
    ),
    ("customers_contactpoint", "update"): (
        f"select w.tenant_id, w.source_id as number {_CONTACT}"
        + _SHARED_CONTACT.format(gone=f"select distinct f.tenant_id, f.lookup, f.kind {_CONTACT}")
    ),
    ("customers_contactpoint", "delete"): (
        "select tenant_id, source_id as number from former"
        + _SHARED_CONTACT.format(gone="select distinct tenant_id, lookup, kind from former")
    ),
    ("customers_ownership", "insert"): "select tenant_id, source_id as number from written",
    ("customers_ownership", "update"): (
        f"select w.tenant_id, w.source_id as number {_HELD}"
        + _SHARED_VEHICLE.format(gone=f"select distinct f.tenant_id, f.vehicle_id {_HELD}")
    ),
    ("customers_ownership", "delete"): (
        "select tenant_id, source_id as number from former"
        + _SHARED_VEHICLE.format(gone="select distinct tenant_id, vehicle_id from former")
    ),
    # Holders of the vehicle, and one who holds another with the plate that it had.
    ("customers_vehicle", "update"): (
        "select o.tenant_id, o.source_id as number from customers_ownership o where o.vehicle_id"
        f" in (select w.id {_changed('plate')}) union all select g.tenant_id, o.source_id from"
        f" (select distinct f.tenant_id, f.plate {_changed('plate')} and f.plate <> '') g"
        " cross join lateral (select p.source_id from customers_vehicle v"
        " join customers_ownership p on p.vehicle_id = v.id"
        " where v.tenant_id = g.tenant_id and v.plate = g.plate limit 1) o"
    ),
    # Whether he may be matched at all.
    ("customers_customer", "update"): (
        "select s.tenant_id, s.id as number from customers_customersource s where s.customer_id in"
        f" (select w.id {_changed('kind', 'is_test', 'erased_at')})"
    ),
}


class NoteForMatching(Operation):
    """Note in ``customers_matchdue`` which numbers have to be matched again.

    Touches the catalogue only: a moment's lock on tables of any size.
    """

    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models do not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for (table, event), rows in _NUMBERS.items():
            schema_editor.execute(
                _FUNCTION.format(
                    **{"name": f"{table}_{event}_due", "rows": rows, "event": event},
                    **{"table": table, "tables": _TABLES[event]},
                ),
                params=None,
            )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for table, event in _NUMBERS:
            schema_editor.execute(f"drop function {table}_{event}_due() cascade")

    def describe(self) -> str:
        return "Note which customer numbers have to be matched again"

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        return (self.__class__.__qualname__, (), {})
