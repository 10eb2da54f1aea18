"""Which numbers have to be matched again is noted by triggers from here on.

Makes a table and triggers: a moment's lock, whatever the size of the tables. Each group that is
there is matched as a whole once more, since nobody has noted what its last import left undone.
"""

import django.db.models.deletion
from django.db import migrations, models

from customers.identity.due_triggers import NoteForMatching
from organization.row_security import ProtectRows

ALL_GROUPS = (
    "insert into customers_matchdue (tenant_id, number) select id, 0 from organization_tenant"
)


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0016_keys_of_people_by_set"),
        ("organization", "0005_audit_rows_sooner"),
    ]

    operations = [
        migrations.CreateModel(
            name="MatchDue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.BigIntegerField()),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organization.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        ProtectRows("MatchDue", "tenant"),
        migrations.RunSQL(ALL_GROUPS, migrations.RunSQL.noop),
        NoteForMatching(),
    ]
