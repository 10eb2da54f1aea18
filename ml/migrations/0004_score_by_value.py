from django.db import migrations, models

from ml.partitions import AddPartitionedIndex


class Migration(migrations.Migration):
    """On 20 million scores: one concurrent build a partition (about a second per million rows);
    neither readers nor the writing of a new score set wait for it."""

    atomic = False
    dependencies = [("ml", "0003_next_year_models")]
    operations = [
        AddPartitionedIndex(
            model_name="score",
            index=models.Index(fields=["score_set", "-ltv_fen"], name="score_by_value"),
        )
    ]
