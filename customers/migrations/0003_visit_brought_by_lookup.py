from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_row_security")]
    operations = [
        migrations.AddField(
            model_name="visit",
            name="brought_by_lookup",
            field=models.BinaryField(max_length=16, null=True),
        )
    ]
