from django.db import migrations

from organization.audit_triggers import AuditChanges


class Migration(migrations.Migration):
    dependencies = [
        ("ml", "0004_score_by_value"),
        ("organization", "0004_trail_and_sign_in"),
    ]
    operations = [
        AuditChanges(
            "ScoreSet",
            shown=["as_of", "status", "published_at", "published_by", "withdrawn_at"],
            silent=["summary", "customers", "gate"],
        ),
    ]
