"""Keys of persons, suppression, requests, and the marks of erased and expired contact data.

New columns are null, so that no row is rewritten; the partial index reads the customers once.
Contact data sealed by an earlier development version (one key for all) are not converted: no
version with them was released, and a development database is made anew from its files.
"""

import django.db.models.deletion
from django.db import migrations, models

from organization.row_security import ProtectRows


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0007_audit_changes"),
        ("organization", "0002_row_security"),
    ]

    operations = [
        migrations.CreateModel(
            name="PersonKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("wrapped", models.BinaryField()),
                ("master", models.CharField(max_length=16)),
            ],
        ),
        migrations.CreateModel(
            name="PrivacyRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("customer_uid", models.UUIDField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("export", "Copy of all data"), ("erasure", "Erasure")],
                        max_length=10,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("done", "Done"), ("refused", "Refused")],
                        default="open",
                        max_length=10,
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("on_site", "On site"),
                            ("phone", "By phone"),
                            ("writing", "In writing"),
                            ("digital", "App or mini program"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "verified",
                    models.CharField(
                        choices=[
                            ("id_card", "Identity card seen"),
                            ("code", "Code sent to the number on file"),
                            ("proxy", "Written authority and both identity cards seen"),
                        ],
                        max_length=10,
                    ),
                ),
                ("requested_at", models.DateTimeField(auto_now_add=True)),
                ("due_on", models.DateField()),
                ("done_at", models.DateTimeField(null=True)),
                ("result", models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="SuppressedContact",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("lookup", models.BinaryField(max_length=16)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.AddField(
            model_name="consent",
            name="fed",
            field=models.BooleanField(null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="contact_expired_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="recordrevision",
            name="sealed",
            field=models.BinaryField(null=True),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(
                    ("erased_at__isnull", False),
                    ("contact_expired_on__isnull", False),
                    _connector="OR",
                ),
                fields=["tenant"],
                name="customer_withheld",
            ),
        ),
        migrations.AddField(
            model_name="personkey",
            name="source",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="key",
                to="customers.customersource",
            ),
        ),
        migrations.AddField(
            model_name="personkey",
            name="store",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organization.unit",
            ),
        ),
        migrations.AddField(
            model_name="personkey",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AddField(
            model_name="privacyrequest",
            name="customer",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="privacy_requests",
                to="customers.customer",
            ),
        ),
        migrations.AddField(
            model_name="privacyrequest",
            name="done_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organization.staff",
            ),
        ),
        migrations.AddField(
            model_name="privacyrequest",
            name="requested_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organization.staff",
            ),
        ),
        migrations.AddField(
            model_name="privacyrequest",
            name="store",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organization.unit",
            ),
        ),
        migrations.AddField(
            model_name="privacyrequest",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AddField(
            model_name="suppressedcontact",
            name="customer",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="suppressed",
                to="customers.customer",
            ),
        ),
        migrations.AddField(
            model_name="suppressedcontact",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AddIndex(
            model_name="personkey",
            index=models.Index(fields=["tenant", "master", "id"], name="person_key_by_master"),
        ),
        migrations.AddIndex(
            model_name="privacyrequest",
            index=models.Index(fields=["store", "status", "due_on"], name="privacy_by_store"),
        ),
        migrations.AddConstraint(
            model_name="privacyrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "open")),
                fields=("tenant", "customer", "kind"),
                name="privacy_request_open_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="privacyrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status", "open"),
                    models.Q(("done_at__isnull", False), ("done_by__isnull", False)),
                    _connector="OR",
                ),
                name="privacy_request_closed_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="privacyrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "erasure"), ("status", "done"), _negated=True),
                    models.Q(("done_by", models.F("requested_by")), _negated=True),
                    _connector="OR",
                ),
                name="erasure_approved_by_another_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="suppressedcontact",
            constraint=models.UniqueConstraint(
                fields=("tenant", "lookup"), name="suppressed_contact_once"
            ),
        ),
        ProtectRows("PersonKey", "store"),
        ProtectRows("SuppressedContact", "tenant"),
        ProtectRows("PrivacyRequest", "store"),
    ]
