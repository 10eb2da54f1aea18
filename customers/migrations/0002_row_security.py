from django.db import migrations

from organization.row_security import ProtectRows


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial"), ("organization", "0002_row_security")]
    operations = [
        *(ProtectRows(model, "stores") for model in ("Customer", "Vehicle")),
        *(
            ProtectRows(model, "store")
            for model in (
                *("CustomerSource", "ContactPoint", "Consent", "CustomerTag", "Ownership"),
                *("Visit", "VisitLine", "Contract", "Event", "Survey", "FollowUp"),
                "MarketingSpend",
            )
        ),
        *(
            ProtectRows(model, "unit")
            for model in ("BrandPolicy", "Task", "MonthlyFinancials", "Target")
        ),
        *(
            ProtectRows(model, "tenant")
            for model in ("MergeDecision", "ImportRun", "ImportFile", "RejectedRow", "Comparable")
        ),
        ProtectRows("RecordRevision", "store", writes="append"),
    ]
