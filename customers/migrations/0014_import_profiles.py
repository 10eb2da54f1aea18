"""Saved layouts of foreign files; a run's own limit on refused rows. No row is rewritten."""

import django.db.models.deletion
from django.db import migrations, models

from organization.row_security import ProtectRows


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0013_fewer_foreign_keys"),
        ("organization", "0004_trail_and_sign_in"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrun",
            name="most_refused",
            field=models.DecimalField(decimal_places=2, max_digits=5, null=True),
        ),
        migrations.CreateModel(
            name="ImportProfile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("kind", models.CharField(max_length=30)),
                ("columns", models.JSONField(default=dict)),
                ("constants", models.JSONField(default=dict)),
                (
                    "dates",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "year first, 2026-01-31"),
                            ("dmy", "day first, 31/01/2026"),
                            ("mdy", "month first, 01/31/2026"),
                            ("compact", "without separators, 20260131"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "encoding",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "found out (UTF-8 or GBK)"),
                            ("utf-8", "UTF-8"),
                            ("gb18030", "GBK / GB18030"),
                            ("cp1252", "Windows-1252"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "delimiter",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "found out"),
                            (",", "comma"),
                            (";", "semicolon"),
                            ("\t", "tab"),
                            ("|", "vertical bar"),
                        ],
                        max_length=1,
                    ),
                ),
                ("separator", models.CharField(blank=True, max_length=3)),
                ("skip", models.PositiveSmallIntegerField(default=0)),
                ("sample", models.CharField(blank=True, max_length=400)),
                ("changed_at", models.DateTimeField(auto_now=True)),
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
        ),
        migrations.AddField(
            model_name="importrun",
            name="profile",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="customers.importprofile",
            ),
        ),
        migrations.AddConstraint(
            model_name="importprofile",
            constraint=models.UniqueConstraint(
                fields=("tenant", "name"), name="import_profile_once"
            ),
        ),
        ProtectRows("ImportProfile", "tenant"),
    ]
