"""Deliveries of programs and of the drop folder; when a row last changed.

Adding ``changed_at`` writes no row: PostgreSQL keeps one value for those that are there.
Reversible.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.functions import Now

from organization.row_security import ProtectRows

DATED = (
    *("BrandPolicy", "Comparable", "Contract", "Customer", "Event", "MarketingSpend"),
    *("MonthlyFinancials", "Survey", "Target", "Vehicle", "Visit", "VisitLine"),
)
FUNCTION = """
create function customers_note_change() returns trigger language plpgsql as $$
begin
    new.changed_at := statement_timestamp();
    return new;
end $$
"""


def note_changes(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(FUNCTION, params=None)
    for name in DATED:
        table = apps.get_model("customers", name)._meta.db_table
        schema_editor.execute(
            f"create trigger note_change before update on {table} for each row"
            " when (old.* is distinct from new.*) execute function customers_note_change()",
            params=None,
        )


def forget_changes(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for name in DATED:
        table = apps.get_model("customers", name)._meta.db_table
        schema_editor.execute(f"drop trigger note_change on {table}", params=None)
    schema_editor.execute("drop function customers_note_change()", params=None)


class Migration(migrations.Migration):
    dependencies = [("customers", "0009_identity")]
    operations = [
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[("api", "API"), ("folder", "Drop folder")], max_length=10
                    ),
                ),
                ("key", models.CharField(max_length=160)),
                ("digest", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=200)),
                ("ignored", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("reported_at", models.DateTimeField(null=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="customers.importrun",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organization.tenant",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["run"], name="delivery_by_run"),
                    models.Index(fields=["tenant", "created_at"], name="delivery_by_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "origin", "key"), name="delivery_once"
                    )
                ],
            },
        ),
        ProtectRows("Delivery", "tenant"),
        *(
            migrations.AddField(
                name, "changed_at", models.DateTimeField(db_default=Now(), editable=False)
            )
            for name in DATED
        ),
        migrations.RunPython(note_changes, forget_changes),
    ]
