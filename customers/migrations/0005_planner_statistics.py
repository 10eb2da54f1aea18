"""A load of a million rows leaves PostgreSQL planning for the empty table it knew before.

Autovacuum comes minutes later, the retraining at once: the importer therefore refreshes the
planner's statistics itself. Only the owner may ANALYZE, so a function of the owner does it.
Reversible; touches no row.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from organization.row_security import application_role

CREATE = """
create function customers_refresh_statistics() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare t text;
begin
    for t in select c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
            and c.relname like 'customers\\_%'
    loop execute format('analyze %I', t); end loop;
end $$;
revoke all on function customers_refresh_statistics() from public;
grant execute on function customers_refresh_statistics() to "{role}";
"""


def create(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(CREATE.replace("{role}", application_role()), params=None)


def drop(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute("drop function customers_refresh_statistics()", params=None)


class Migration(migrations.Migration):
    dependencies = [("customers", "0004_quality_report")]
    operations = [migrations.RunPython(create, drop)]
