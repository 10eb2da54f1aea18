"""Foreign keys that are checked once a statement, for all its rows, and not once a row.

PostgreSQL checks a foreign key by a query for each row: a million visits with three keys took as
long to check as to load. The operation below puts the same rule into statement triggers. Written
rows: their parents are looked up by one join and locked against deletion until the end of the
transaction (``for key share``, as PostgreSQL itself does); of updated rows only parents that no row
of the statement named before, since whoever deletes one of the others still finds a row that names
it. Deleted parents: nothing may refer to them when the statement ends. Unlike Django's own keys
they are not deferred: parents are written first and deleted last.

The functions belong to the owner of the tables, so a check sees every row, whatever the row-level
security of who writes. Errors carry the same code (23503) as those of PostgreSQL's own keys.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import ForeignKey

_SAFE = "security definer set search_path = pg_catalog, public, pg_temp"

_WRITTEN = """
    with wanted as ({wanted}),
        held as (select p.id from {parent} p join wanted w on w.id = p.id for key share of p)
    select (select count(*) from wanted) - (select count(*) from held) into missing;
    if missing > 0 then
        raise foreign_key_violation using constraint = '{name}', table = '{table}',
            message = format('%s rows of {table} name a {parent} in {column} that is not there',
                missing);
    end if;
"""
_INSERTED = "select distinct {column} as id from written where {column} is not null"
_UPDATED = (
    "select {column} as id from written where {column} is not null"
    " except select {column} from former"
)
_CHECK = """
create function {function}() returns trigger language plpgsql {safe} as $$
declare missing bigint;
begin
    -- A trigger fires for statements without rows too.
    if not exists (select from written) then return null; end if;
{bodies}
    return null;
end $$;
revoke execute on function {function}() from public;
create trigger {function} after {event} on {table}
    referencing {tables} for each statement execute function {function}();
"""
# What a statement does: the function that checks it, the tables that it sees, the keys it looks up.
_EVENTS = (
    ("insert", "{table}_keys", "new table as written", _INSERTED),
    ("update", "{table}_update_keys", "new table as written old table as former", _UPDATED),
)
_GUARD = """
create function {name}() returns trigger language plpgsql {safe} as $$
begin
    if exists (select from gone g join {table} c on c.{column} = g.id) then
        raise foreign_key_violation using constraint = '{name}', table = '{table}',
            message = 'rows of {table} still name the deleted {parent} in {column}';
    end if;
    return null;
end $$;
revoke execute on function {name}() from public;
create trigger {name} after delete on {parent}
    referencing old table as gone for each statement execute function {name}();
"""


class CheckKeysBySet(Operation):
    """Give the foreign keys ``fields`` of ``model``, which are db_constraint=False, set checks.

    Rows that are there already are not looked at: run it in the transaction that drops their
    foreign keys. Touches the catalogue only, so it is quick on a table of any size. ``renewed``:
    the keys have set checks from an earlier migration, which are made anew as they are now; going
    back leaves them.
    """

    reversible = True

    def __init__(self, model: str, fields: list[str], *, renewed: bool = False) -> None:
        self.model, self.fields, self.renewed = model, fields, renewed

    def deconstruct(self) -> tuple[str, tuple[str, list[str]], dict[str, Any]]:
        return (
            self.__class__.__qualname__,
            (self.model, self.fields),
            {"renewed": True} if self.renewed else {},
        )

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models do not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table, keys = self._keys(app_label, to_state)
        if self.renewed:
            self._drop(schema_editor, table, keys)
        for event, name, tables, wanted in _EVENTS:
            bodies = "".join(_WRITTEN.format(wanted=wanted.format(**key), **key) for key in keys)
            schema_editor.execute(
                _CHECK.format(
                    **{"function": name.format(table=table), "table": table, "event": event},
                    **{"tables": tables, "bodies": bodies, "safe": _SAFE},
                ),
                params=None,
            )
        for key in keys:
            schema_editor.execute(_GUARD.format(safe=_SAFE, **key), params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if not self.renewed:
            self._drop(schema_editor, *self._keys(app_label, from_state))

    @staticmethod
    def _drop(
        schema_editor: BaseDatabaseSchemaEditor, table: str, keys: list[dict[str, str]]
    ) -> None:
        checks = [name.format(table=table) for _event, name, *_rest in _EVENTS]
        for function in [*checks, *(key["name"] for key in keys)]:
            schema_editor.execute(f"drop function if exists {function}() cascade")

    def describe(self) -> str:
        return f"Check {', '.join(self.fields)} of {self.model} by set"

    def _keys(self, app_label: str, state: ProjectState) -> tuple[str, list[dict[str, str]]]:
        model = state.apps.get_model(app_label, self.model)
        table = model._meta.db_table
        keys = []
        for name in self.fields:
            field = model._meta.get_field(name)
            if not isinstance(field, ForeignKey):
                raise TypeError(f"{self.model}.{name} is not a foreign key")
            keys.append(
                {
                    "table": table,
                    "column": str(field.column),
                    "parent": field.related_model._meta.db_table,
                    "name": f"{table}_{field.column}_kept",
                }
            )
        return table, keys
