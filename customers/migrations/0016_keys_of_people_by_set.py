"""Keys of customers, their numbers and what hangs on them are checked by set, not row by row.

A first match of a million numbers deletes 300,000 customers, and a dozen tables were asked for each
of them. Drops constraints and makes triggers: a moment's exclusive lock, whatever the size of the
tables; no row is read. Going back reads every row once to check it.
"""

import django.db.models.deletion
from django.db import migrations, models

from customers.set_keys import CheckKeysBySet


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0015_follow_up_contacted"),
        ("organization", "0004_trail_and_sign_in"),
    ]

    operations = [
        migrations.AlterField(
            model_name="beforemerge",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="consent",
            name="customer",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="consents",
                to="customers.customer",
            ),
        ),
        migrations.AlterField(
            model_name="consent",
            name="store",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organization.unit",
            ),
        ),
        migrations.AlterField(
            model_name="consent",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="contactpoint",
            name="customer",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="contacts",
                to="customers.customer",
            ),
        ),
        migrations.AlterField(
            model_name="contactpoint",
            name="source",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="contacts",
                to="customers.customersource",
            ),
        ),
        migrations.AlterField(
            model_name="contactpoint",
            name="store",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organization.unit",
            ),
        ),
        migrations.AlterField(
            model_name="contactpoint",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="customer",
            name="advisor",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="organization.staff",
            ),
        ),
        migrations.AlterField(
            model_name="customer",
            name="home_store",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organization.unit",
            ),
        ),
        migrations.AlterField(
            model_name="customer",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="customersource",
            name="customer",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sources",
                to="customers.customer",
            ),
        ),
        migrations.AlterField(
            model_name="customersource",
            name="store",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organization.unit",
            ),
        ),
        migrations.AlterField(
            model_name="customersource",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="customertag",
            name="customer",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tags",
                to="customers.customer",
            ),
        ),
        migrations.AlterField(
            model_name="customertag",
            name="store",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organization.unit",
            ),
        ),
        migrations.AlterField(
            model_name="customertag",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="followup",
            name="customer",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="follow_ups",
                to="customers.customer",
            ),
        ),
        migrations.AlterField(
            model_name="mergedecision",
            name="source_a",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="customers.customersource",
            ),
        ),
        migrations.AlterField(
            model_name="mergedecision",
            name="source_b",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="customers.customersource",
            ),
        ),
        migrations.AlterField(
            model_name="mergedecision",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="mergeproposal",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="personkey",
            name="source",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="key",
                to="customers.customersource",
            ),
        ),
        migrations.AlterField(
            model_name="personkey",
            name="store",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organization.unit",
            ),
        ),
        migrations.AlterField(
            model_name="personkey",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="organization.tenant",
            ),
        ),
        migrations.AlterField(
            model_name="privacyrequest",
            name="customer",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="privacy_requests",
                to="customers.customer",
            ),
        ),
        migrations.AlterField(
            model_name="suppressedcontact",
            name="customer",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="suppressed",
                to="customers.customer",
            ),
        ),
        CheckKeysBySet("Customer", ["tenant", "home_store", "advisor"]),
        CheckKeysBySet("CustomerSource", ["tenant", "store", "customer"]),
        CheckKeysBySet("ContactPoint", ["source", "customer"]),
        CheckKeysBySet("PersonKey", ["source"]),
        CheckKeysBySet("Consent", ["store", "customer"]),
        CheckKeysBySet("CustomerTag", ["customer"]),
        CheckKeysBySet("FollowUp", ["customer"]),
        CheckKeysBySet("PrivacyRequest", ["customer"]),
        CheckKeysBySet("SuppressedContact", ["customer"]),
        CheckKeysBySet("MergeDecision", ["tenant", "source_a", "source_b"]),
        CheckKeysBySet("MergeProposal", ["tenant"]),
        CheckKeysBySet("BeforeMerge", ["tenant"]),
        CheckKeysBySet("Visit", ["source", "customer", "vehicle"], renewed=True),
        CheckKeysBySet("VisitLine", ["visit"], renewed=True),
        CheckKeysBySet("Contract", ["source", "customer", "vehicle"], renewed=True),
        CheckKeysBySet("Event", ["source", "customer", "vehicle", "visit"], renewed=True),
        CheckKeysBySet("Survey", ["source", "customer", "vehicle", "visit"], renewed=True),
        CheckKeysBySet("Ownership", ["source", "customer", "vehicle"], renewed=True),
    ]
