"""Visits recognise the row of a file that they say the same as.

Both columns are added without writing a row. The trigger that notes when a visit changed also makes
it forget its digest; a merge, which changes the customer only, leaves it, since the importer looks
the customer up anew. Reversible.
"""

from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FUNCTION = """
create function customers_note_visit_change() returns trigger language plpgsql as $$
declare
    plain customers_visit := new;
begin
    plain.row_digest := old.row_digest;
    plain.row_notices := old.row_notices;
    -- A digest says nothing new of the visit.
    if plain is not distinct from old then return new; end if;
    new.changed_at := statement_timestamp();
    plain.customer_id := old.customer_id;
    if new.row_digest is not distinct from old.row_digest and plain is distinct from old then
        new.row_digest := null;
    end if;
    return new;
end $$
"""
TRIGGER = """
drop trigger note_change on customers_visit;
create trigger note_change before update on customers_visit for each row
    when (old.* is distinct from new.*) execute function {function}();
"""


def forget_with_change(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(FUNCTION, params=None)
    schema_editor.execute(TRIGGER.format(function="customers_note_visit_change"), params=None)


def note_changes_only(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(TRIGGER.format(function="customers_note_change"), params=None)
    schema_editor.execute("drop function customers_note_visit_change()", params=None)


class Migration(migrations.Migration):
    dependencies = [("customers", "0017_match_due")]
    operations = [
        migrations.AddField(
            model_name="visit",
            name="row_digest",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="visit",
            name="row_notices",
            field=models.SmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.RunPython(forget_with_change, note_changes_only),
    ]
