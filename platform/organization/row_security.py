"""The row-level security policy, written once, and the migration operation that applies it.

The forms below are the ones that PostgreSQL evaluates once a query (a hashed sub-plan) rather than
once a row, which is 70 times dearer on millions of rows (docs/architecture.md).
"""

from typing import Any

from django.conf import settings
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

TENANT = "tenant_id = (select nullif(current_setting('app.tenant', true), '')::bigint)"
ALL = "(select current_setting('app.all', true) = '1')"
UNITS = "string_to_array(nullif(current_setting('app.units', true), ''), ',')::bigint[]"

POLICIES = {
    # Rows that every member of the tenant may read (the tree of units, model versions, tags).
    "tenant": TENANT,
    # Rows of one store or unit.
    "store": f"{TENANT} and ({ALL} or store_id in (select unnest({UNITS})))",
    "unit": f"{TENANT} and ({ALL} or unit_id in (select unnest({UNITS})))",
    # Rows shared by several stores: a person, a vehicle. `stores` is kept by the change's own
    # transaction.
    "stores": f"{TENANT} and ({ALL} or stores && (select {UNITS}))",
    # The tenant itself; the list of all only for sign-in and beat.
    "self": (
        "id = (select nullif(current_setting('app.tenant', true), '')::bigint)"
        " or (select current_setting('app.installation', true) = '1')"
    ),
}
WRITES = {
    "full": "select, insert, update, delete",
    "append": "select, insert",
    "read": "select",
}


def application_role() -> str:
    return str(settings.DATABASES["default"]["USER"])


class GrantTables(Operation):
    """Let the application role use tables that hold no unit-owned rows (sessions, accounts)."""

    reversible = True

    def __init__(self, *tables: str, writes: str = "full") -> None:
        self.tables = tables
        self.writes = writes

    def deconstruct(self) -> tuple[str, tuple[str, ...], dict[str, str]]:
        return (self.__class__.__qualname__, self.tables, {"writes": self.writes})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models do not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for table in self.tables:
            grant_table(schema_editor, table, self.writes)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for table in self.tables:
            schema_editor.execute(f'revoke all on "{table}" from "{application_role()}"')

    def describe(self) -> str:
        return f"Grant the application role {self.writes} on {', '.join(self.tables)}"


def grant_table(schema_editor: BaseDatabaseSchemaEditor, table: str, writes: str) -> None:
    role = application_role()
    schema_editor.execute(f'grant {WRITES[writes]} on "{table}" to "{role}"')
    schema_editor.execute(
        f"""do $$ declare s text; begin
        for s in select pg_get_serial_sequence('public."{table}"', column_name)
            from information_schema.columns
            where table_schema = 'public' and table_name = '{table}' and is_identity = 'YES'
        loop execute format('grant usage on sequence %s to "{role}"', s); end loop; end $$""",  # noqa: S608
        params=None,
    )


class LetTenantRead(Operation):
    """Let every member of the tenant read a protected model's rows; writing stays as it was.

    The second policy is permissive: a row that either of the two lets through is read. Changes
    the catalogue only, no row: a moment's lock on a table of any size.
    """

    reversible = True

    def __init__(self, model: str) -> None:
        self.model = model

    def deconstruct(self) -> tuple[str, tuple[str], dict[str, Any]]:
        return (self.__class__.__qualname__, (self.model,), {})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models do not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = to_state.apps.get_model(app_label, self.model)._meta.db_table
        schema_editor.execute(
            f'create policy tenant_reads on "{table}" for select to "{application_role()}"'
            f" using ({TENANT})",
            params=None,
        )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = to_state.apps.get_model(app_label, self.model)._meta.db_table
        schema_editor.execute(f'drop policy tenant_reads on "{table}"')

    def describe(self) -> str:
        return f"The whole tenant reads {self.model}"


class ProtectRows(Operation):
    """Force row-level security on a model's table and let the application role use it.

    Args:
        model: name of the model in the migration's app.
        by: the policy, a key of ``POLICIES``.
        writes: what the application role may do, a key of ``WRITES``.
    """

    reversible = True

    def __init__(self, model: str, by: str, writes: str = "full") -> None:
        self.model, self.by, self.writes = model, by, writes

    def deconstruct(self) -> tuple[str, tuple[str, str], dict[str, Any]]:
        return (self.__class__.__qualname__, (self.model, self.by), {"writes": self.writes})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models do not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = to_state.apps.get_model(app_label, self.model)._meta.db_table
        owner, role = schema_editor.connection.settings_dict["USER"], application_role()
        rule = POLICIES[self.by]
        for statement in (
            f'alter table "{table}" enable row level security',
            f'alter table "{table}" force row level security',
            # Forced security binds the owner too; without this a data migration of a
            # non-superuser would update nothing, silently.
            f'create policy maintenance on "{table}" to "{owner}" using (true) with check (true)',
            f'create policy access on "{table}" to "{role}" using ({rule}) with check ({rule})',
        ):
            schema_editor.execute(statement, params=None)
        grant_table(schema_editor, table, self.writes)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = to_state.apps.get_model(app_label, self.model)._meta.db_table
        for statement in (
            f'drop policy access on "{table}"',
            f'drop policy maintenance on "{table}"',
            f'alter table "{table}" no force row level security',
            f'alter table "{table}" disable row level security',
            f'revoke all on "{table}" from "{application_role()}"',
        ):
            schema_editor.execute(statement)

    def describe(self) -> str:
        return f"Row-level security by {self.by} on {self.model}"
