"""Exports asked for: reports, data rooms and auditors' packs, built by a worker."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from organization.scoping import UnitOwned


class Export(UnitOwned):
    """One file built from an approved valuation; the row outlives the file."""

    class Kind(models.TextChoices):
        MONTHLY_XLSX = "monthly_xlsx", _("Monthly capital report, Excel")
        MONTHLY_PDF = "monthly_pdf", _("Monthly capital report, PDF")
        DATA_ROOM = "data_room", _("Data room, ZIP")
        AUDIT_PACK = "audit_pack", _("Auditor's pack, ZIP")

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    kind = models.CharField(max_length=20, choices=Kind.choices)
    valuation = models.ForeignKey(
        "valuation.Valuation", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    language = models.CharField(max_length=10)
    parameters = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    message = models.TextField(blank=True)
    file_name = models.CharField(max_length=120, blank=True)
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    requested_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "unit", "-created_at"], name="export_by_unit_time")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
