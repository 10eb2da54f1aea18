from django.db import migrations

from organization.audit_triggers import AuditChanges


class Migration(migrations.Migration):
    dependencies = [
        ("valuation", "0003_unit_figures"),
        ("organization", "0004_trail_and_sign_in"),
    ]
    operations = [
        AuditChanges("Assumptions", shown=["version", "author"]),
        AuditChanges(
            "Valuation",
            shown=["as_of", "score_set_id", "assumptions_id", "input_hash", "author"],
        ),
        AuditChanges("Approval", shown=["valuation_id", "approved_by", "approved_at"]),
    ]
