from django.db import migrations

from organization.audit_triggers import AuditChanges


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0006_policies_readable"),
        ("organization", "0004_trail_and_sign_in"),
    ]
    operations = [
        # Numbers are never shown: that one changed, and whose, is.
        AuditChanges("ContactPoint", shown=["customer_id", "source_id", "store_id", "kind"]),
        AuditChanges(
            "Consent",
            shown=["customer_id", "store_id", "purpose", "given", "recorded_at", "origin"],
        ),
        AuditChanges(
            "MergeDecision",
            shown=[
                *("kind", "source_a_id", "source_b_id", "automatic", "decided_by"),
                *("undone_at", "undone_by"),
            ],
        ),
    ]
