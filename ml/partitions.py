"""Scores are partitioned by score set: a set is added and dropped whole.

The application role may not change the schema, so two functions that belong to the owner do it, and
only for a score set of the tenant that is entered.
"""

import re

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex, CreateModel
from django.db.migrations.state import ProjectState

from organization.row_security import application_role

CREATE = """
create function ml_create_score_partition(set_id bigint) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform 1 from ml_scoreset where id = set_id
        and tenant_id = nullif(current_setting('app.tenant', true), '')::bigint;
    if not found then raise exception 'no score set % here', set_id; end if;
    execute format('create table ml_score_%s (like ml_score including all)', set_id);
    -- Attaching takes no lock that readers notice, unlike "create table … partition of".
    execute format('alter table ml_score_%s add constraint only_this_set'
        ' check (score_set_id = %s)', set_id, set_id);
    execute format('alter table ml_score attach partition ml_score_%s for values in (%s)',
        set_id, set_id);
end $$;
create function ml_drop_score_partition(set_id bigint) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform 1 from ml_scoreset where id = set_id
        and tenant_id = nullif(current_setting('app.tenant', true), '')::bigint
        and (status <> 'published' or withdrawn_at is not null);
    if not found then raise exception 'no unpublished score set % here', set_id; end if;
    execute format('drop table if exists ml_score_%s', set_id);
end $$;
revoke all on function ml_create_score_partition(bigint) from public;
revoke all on function ml_drop_score_partition(bigint) from public;
grant execute on function ml_create_score_partition(bigint) to "{role}";
grant execute on function ml_drop_score_partition(bigint) to "{role}";
"""
DROP = """
drop function ml_create_score_partition(bigint);
drop function ml_drop_score_partition(bigint);
"""

RETIRE = """
create function ml_retire_score_partition(set_id bigint) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform 1 from ml_scoreset old where id = set_id
        and tenant_id = nullif(current_setting('app.tenant', true), '')::bigint
        and status <> 'draft' and (
            status <> 'published' or withdrawn_at is not null or exists (
                select 1 from ml_scoreset newer where newer.tenant_id = old.tenant_id
                    and newer.status = 'published' and newer.withdrawn_at is null
                    and newer.dropped_at is null
                    and (newer.as_of, newer.published_at) > (old.as_of, old.published_at)));
    if not found then raise exception 'no score set % here that is out of use', set_id; end if;
    execute format('drop table if exists ml_score_%s', set_id);
end $$;
revoke all on function ml_retire_score_partition(bigint) from public;
grant execute on function ml_retire_score_partition(bigint) to "{role}";
"""


class CreatePartitionedModel(CreateModel):
    """``CreateModel`` whose table is partitioned by list of ``score_set_id``."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        plain = schema_editor.sql_create_table
        schema_editor.sql_create_table = re.sub(r"\)$", ") partition by list (score_set_id)", plain)
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.sql_create_table = plain


class AddPartitionedIndex(AddIndex):
    """``AddIndex`` on a partitioned table that locks nobody out, whatever its size.

    The parent's index is declared for the parent only, each partition's is built concurrently and
    attached; the parent's is valid with the last one. Needs a migration with ``atomic = False``;
    interrupted, it is run again from the start.
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        table, name = model._meta.db_table, self.index.name
        columns = ", ".join(
            f'"{model._meta.get_field(field).column}"{" " + order if order else ""}'
            for field, order in self.index.fields_orders
        )
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                "select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass",
                [table],
            )
            partitions = [part for (part,) in cursor.fetchall()]
        schema_editor.execute(f'create index if not exists "{name}" on only "{table}" ({columns})')
        for part in partitions:
            own = f"{part}_{name}"[:63]
            schema_editor.execute(f'drop index concurrently if exists "{own}"')
            schema_editor.execute(f'create index concurrently "{own}" on {part} ({columns})')
            schema_editor.execute(f'alter index "{name}" attach partition "{own}"')


def create_functions(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(CREATE.replace("{role}", application_role()), params=None)


def create_retirement(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(RETIRE.replace("{role}", application_role()), params=None)


def drop_retirement(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute("drop function ml_retire_score_partition(bigint)", params=None)


def drop_functions(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(DROP, params=None)
