import django.db.models.deletion
from django.db import migrations, models

from organization.audit_triggers import AuditChanges
from organization.row_security import ProtectRows

ONCE = (
    "create trigger written_once before update or delete on valuation_structure"
    " for each row execute function valuation_written_once()"
)


class Migration(migrations.Migration):
    dependencies = [
        ("organization", "0004_trail_and_sign_in"),
        ("valuation", "0005_pools"),
    ]

    operations = [
        migrations.CreateModel(
            name="Export",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("monthly_xlsx", "Monthly capital report, Excel"),
                            ("monthly_pdf", "Monthly capital report, PDF"),
                            ("data_room", "Data room, ZIP"),
                            ("audit_pack", "Auditor's pack, ZIP"),
                        ],
                        max_length=20,
                    ),
                ),
                ("language", models.CharField(max_length=10)),
                ("parameters", models.JSONField(default=dict)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("message", models.TextField(blank=True)),
                ("file_name", models.CharField(blank=True, max_length=120)),
                ("size", models.BigIntegerField(null=True)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("requested_by", models.CharField(max_length=80)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organization.tenant",
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organization.unit",
                    ),
                ),
                (
                    "valuation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="valuation.valuation",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["tenant", "unit", "-created_at"], name="export_by_unit_time"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Structure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("version", models.IntegerField()),
                ("source", models.JSONField()),
                ("terms", models.JSONField()),
                ("reason", models.TextField(blank=True)),
                ("author", models.CharField(max_length=80)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="organization.tenant",
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organization.unit",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "unit", "name", "version"), name="structure_version_once"
                    )
                ],
            },
        ),
        ProtectRows("Structure", "unit", writes="append"),
        ProtectRows("Export", "unit"),
        migrations.RunSQL(ONCE, "drop trigger written_once on valuation_structure"),
        AuditChanges("Structure", shown=["name", "version", "unit_id", "author"]),
        AuditChanges(
            "Export",
            shown=["kind", "unit_id", "valuation_id", "status", "sha256", "requested_by"],
        ),
    ]
