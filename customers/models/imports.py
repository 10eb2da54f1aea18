"""What was loaded, what was refused, and what every corrected row said before."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from organization.scoping import TenantOwned


class ImportProfile(TenantOwned):
    """How one foreign layout is read, saved under a name (``customers.importing.layouts``)."""

    class Dates(models.TextChoices):
        FORMAT = "", _("year first, 2026-01-31")
        DAY_FIRST = "dmy", _("day first, 31/01/2026")
        MONTH_FIRST = "mdy", _("month first, 01/31/2026")
        COMPACT = "compact", _("without separators, 20260131")

    class Encoding(models.TextChoices):
        FOUND = "", _("found out (UTF-8 or GBK)")
        UTF8 = "utf-8", "UTF-8"
        GBK = "gb18030", "GBK / GB18030"
        WESTERN = "cp1252", "Windows-1252"

    class Delimiter(models.TextChoices):
        FOUND = "", _("found out")
        COMMA = ",", _("comma")
        SEMICOLON = ";", _("semicolon")
        TAB = "\t", _("tab")
        PIPE = "|", _("vertical bar")

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=30)
    # Column of the exchange format: title in the file, or the text that every row gets.
    columns = models.JSONField(default=dict)
    constants = models.JSONField(default=dict)
    dates = models.CharField(max_length=10, choices=Dates.choices, blank=True)
    encoding = models.CharField(max_length=10, choices=Encoding.choices, blank=True)
    delimiter = models.CharField(max_length=1, choices=Delimiter.choices, blank=True)
    separator = models.CharField(max_length=3, blank=True)
    skip = models.PositiveSmallIntegerField(default=0)
    # Where the sample lies that the editor shows; it goes with other uploads.
    sample = models.CharField(max_length=400, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="import_profile_once")
        ]

    def __str__(self) -> str:
        return self.name


class ImportRun(TenantOwned):
    """One folder or file loaded."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    name = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    dry_run = models.BooleanField(default=False)
    started_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    folder = models.CharField(max_length=400, blank=True)
    rejects_file = models.CharField(max_length=400, blank=True)
    message = models.TextField(blank=True)
    profile = models.ForeignKey(
        ImportProfile, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    # What the person who started it asked for; empty = the group's own rule.
    most_refused = models.DecimalField(max_digits=5, decimal_places=2, null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-created_at"], name="import_run_by_time")]

    def __str__(self) -> str:
        return self.name


class ImportFile(TenantOwned):
    """One file of a run, with its counts."""

    run = models.ForeignKey(
        ImportRun, on_delete=models.CASCADE, related_name="files", db_index=False
    )
    kind = models.CharField(max_length=30)
    name = models.CharField(max_length=200)
    bytes = models.BigIntegerField(default=0)
    bytes_read = models.BigIntegerField(default=0)
    rows_read = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    superseded = models.BigIntegerField(default=0)
    deleted = models.BigIntegerField(default=0)
    warnings = models.JSONField(default=list)
    finished = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "run", "kind"], name="import_file_once")
        ]

    def __str__(self) -> str:
        return self.name


class RejectedRow(TenantOwned):
    """A row or field that was refused: code and place; the row itself expires after 30 days."""

    run = models.ForeignKey(
        ImportRun, on_delete=models.CASCADE, related_name="rejects", db_index=False
    )
    kind = models.CharField(max_length=30)
    row = models.BigIntegerField()
    column = models.CharField(max_length=60, blank=True)
    code = models.CharField(max_length=40)
    # Values that the message names; the words come from the catalogue in the reader's language.
    values = models.JSONField(default=dict)
    whole_row = models.BooleanField(default=True)
    sealed_by_master = ("sealed_row",)
    sealed_row = models.BinaryField(null=True)

    class Meta:
        indexes = [models.Index(fields=["run", "kind", "row"], name="reject_by_run")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.row} {self.code}"


class RecordRevision(TenantOwned):
    """What a record said before an import corrected or deleted it."""

    record = models.CharField(max_length=30)
    record_id = models.BigIntegerField()
    store = models.ForeignKey(
        "organization.Unit", null=True, on_delete=models.PROTECT, related_name="+"
    )
    row_scope = "store"
    run = models.ForeignKey(
        ImportRun, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    replaced_at = models.DateTimeField()
    deleted = models.BooleanField(default=False)
    former = models.JSONField()
    # The personal fields of what it said, as JSON under the key of the customer number.
    sealed = models.BinaryField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "record", "record_id"], name="revision_by_record")
        ]

    def __str__(self) -> str:
        return f"{self.record} {self.record_id}"
