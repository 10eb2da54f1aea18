"""The trail compares updated rows as rows first, and as JSON only where columns are silent.

Replaces one function; touches no table. Going back leaves it: it says the same.
"""

from django.db import migrations

from organization.audit_triggers import ROWS


class Migration(migrations.Migration):
    dependencies = [("organization", "0004_trail_and_sign_in")]
    operations = [
        migrations.RunSQL(
            ROWS.replace("create function", "create or replace function", 1),
            migrations.RunSQL.noop,
        )
    ]
