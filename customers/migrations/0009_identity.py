"""What decisions about identity need to be taken back exactly, and proposals for the stewards.

New columns are null, so that no row is rewritten; the indexes are on decisions, of which there are a
fraction of the numbers. Numbers merged before this migration get a customer of their own for the
case that the merge is undone; what else he had was not kept then. Going back forgets what was kept.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from organization.row_security import ProtectRows

OF_FORMER_MERGES = """
update customers_customersource s
set own_customer = nextval(pg_get_serial_sequence('customers_customer', 'id'))
from (
    select n.id, row_number() over (partition by n.customer_id order by n.id) as place
    from customers_customersource n where n.customer_id in (
        select m.customer_id from customers_mergedecision d
        join customers_customersource m on m.id = d.source_a_id
        where d.kind = 'merge' and d.undone_at is null
    )
) x
where x.id = s.id and x.place > 1
"""


def separate(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(OF_FORMER_MERGES, params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0008_personal_data"),
        ("organization", "0004_trail_and_sign_in"),
    ]

    operations = [
        migrations.CreateModel(
            name="BeforeMerge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("own", models.BigIntegerField()),
                ("table", models.CharField(max_length=63)),
                ("row_id", models.BigIntegerField(null=True)),
                ("content", models.JSONField(null=True)),
                ("kept_at", models.DateTimeField()),
                (
                    "stores",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MergeProposal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("evidence", models.JSONField(default=list)),
                ("score", models.SmallIntegerField()),
                (
                    "stores",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("found_at", models.DateTimeField()),
                ("later", models.DateField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="mergedecision",
            name="merge_decided_once",
        ),
        migrations.AddField(
            model_name="customersource",
            name="own_customer",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="mergedecision",
            name="side_a",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="mergedecision",
            name="side_b",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), null=True, size=None
            ),
        ),
        migrations.AlterField(
            model_name="mergedecision",
            name="kind",
            field=models.CharField(
                choices=[("merge", "Merged"), ("split", "Split"), ("reject", "Kept apart")],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="mergedecision",
            index=models.Index(
                condition=models.Q(
                    ("automatic", False), ("undone_at__isnull", False), _connector="OR"
                ),
                fields=["tenant", "id"],
                name="merge_by_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="mergedecision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undone_at", None)),
                fields=("tenant", "source_a", "source_b", "kind"),
                name="merge_decided_once_a_kind",
            ),
        ),
        migrations.AddField(
            model_name="beforemerge",
            name="customer",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="before_merges",
                to="customers.customer",
            ),
        ),
        migrations.AddField(
            model_name="beforemerge",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AddField(
            model_name="mergeproposal",
            name="source_a",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="customers.customersource",
            ),
        ),
        migrations.AddField(
            model_name="mergeproposal",
            name="source_b",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="customers.customersource",
            ),
        ),
        migrations.AddField(
            model_name="mergeproposal",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AddIndex(
            model_name="mergeproposal",
            index=models.Index(fields=["tenant", "-score", "id"], name="proposal_by_score"),
        ),
        migrations.AddConstraint(
            model_name="mergeproposal",
            constraint=models.UniqueConstraint(
                fields=("tenant", "source_a", "source_b"), name="proposal_once_a_pair"
            ),
        ),
        ProtectRows("MergeProposal", "stores"),
        ProtectRows("BeforeMerge", "stores"),
        migrations.RunPython(separate, migrations.RunPython.noop),
    ]
