"""Outcomes of a month are found by an index, made while the table is in use."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0014_import_profiles")]
    operations = [
        AddIndexConcurrently(
            "followup",
            models.Index(
                fields=["store", "contacted_at"],
                condition=models.Q(contacted_at__isnull=False),
                name="follow_up_contacted_by_store",
            ),
        )
    ]
