"""Block range indexes on the time of the last change, made while the tables are in use."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations

INDEXES = {
    "contract": "contract_by_change",
    "customer": "customer_by_change",
    "event": "event_by_change",
    "survey": "survey_by_change",
    "vehicle": "vehicle_by_change",
    "visit": "visit_by_change",
    "visitline": "visit_line_by_change",
}


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("customers", "0010_deliveries")]
    operations = [
        AddIndexConcurrently(
            model,
            BrinIndex(autosummarize=True, fields=["changed_at"], name=name, pages_per_range=64),
        )
        for model, name in INDEXES.items()
    ]
