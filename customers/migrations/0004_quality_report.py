import django.db.models.deletion
from django.db import migrations, models

from organization.row_security import ProtectRows


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0003_visit_brought_by_lookup"),
        ("organization", "0002_row_security"),
    ]
    operations = [
        migrations.CreateModel(
            name="QualityReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("as_of", models.DateField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("report", models.JSONField()),
                ("score", models.FloatField()),
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
                    models.Index(
                        fields=["tenant", "-as_of", "-created_at"], name="quality_by_as_of"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("score__gte", 0), ("score__lte", 100)),
                        name="quality_score_0_to_100",
                    )
                ],
            },
        ),
        ProtectRows("QualityReport", "tenant", writes="append"),
    ]
