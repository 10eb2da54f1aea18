"""How often a delivery of the drop folder killed who loaded it. Writes no row; reversible."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0018_row_digests")]
    operations = [
        migrations.AddField(
            model_name="delivery",
            name="deaths",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        )
    ]
