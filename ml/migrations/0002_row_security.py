from django.db import migrations

from ml.partitions import create_functions, drop_functions
from organization.row_security import ProtectRows


class Migration(migrations.Migration):
    dependencies = [("ml", "0001_initial"), ("organization", "0002_row_security")]
    operations = [
        ProtectRows("TrainingRun", "tenant"),
        ProtectRows("ModelVersion", "tenant", writes="append"),
        ProtectRows("ScoreSet", "tenant"),
        ProtectRows("Score", "store"),
        migrations.RunPython(create_functions, drop_functions),
    ]
