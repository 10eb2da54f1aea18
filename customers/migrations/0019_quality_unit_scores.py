"""Data confidence by unit beside the counts. A constant default: no row is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0018_row_digests")]
    operations = [
        migrations.AddField(
            model_name="qualityreport",
            name="unit_scores",
            field=models.JSONField(default=dict),
        ),
    ]
