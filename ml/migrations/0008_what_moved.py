import django.db.models.deletion
from django.db import migrations, models

from ml.partitions import create_retirement, drop_retirement
from organization.row_security import ProtectRows

TREES_BY_NAME = """
update ml_modelversion set kind = name
where kind = 'next_year' and name in ('second_year', 'next_year_revenue')
"""
ONE_KIND = """
update ml_modelversion set kind = 'next_year' where kind in ('second_year', 'next_year_revenue')
"""


class Migration(migrations.Migration):
    """Safe on 20 million scores: columns with constant defaults on small tables, a new table."""

    dependencies = [
        ("ml", "0007_back_tests"),
        ("organization", "0004_trail_and_sign_in"),
    ]

    operations = [
        migrations.AlterField(
            model_name="modelversion",
            name="kind",
            field=models.CharField(
                choices=[
                    ("lifetime_value", "Lifetime value"),
                    ("churn", "Churn"),
                    ("next_year", "Visits of the next year"),
                    ("second_year", "Visits of the second year"),
                    ("next_year_revenue", "Revenue of the next year"),
                ],
                max_length=20,
            ),
        ),
        migrations.RunSQL(TREES_BY_NAME, ONE_KIND),
        migrations.AddField(
            model_name="trainingrun",
            name="remarks",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="quarantinedcustomer",
            name="remark",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="scoreset",
            name="dropped_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="ChampionChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("result", models.JSONField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "division",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organization.unit",
                    ),
                ),
                (
                    "former",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ml.scoreset",
                    ),
                ),
                (
                    "score_set",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="ml.scoreset",
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "score_set", "former", "division"),
                        name="champion_change_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        ProtectRows("ChampionChange", "tenant"),
        migrations.RunPython(create_retirement, drop_retirement),
    ]
