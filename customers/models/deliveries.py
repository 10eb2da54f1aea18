"""What came in by itself: rows posted by a program, files left in a drop folder."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from organization.scoping import TenantOwned


class Delivery(TenantOwned):
    """One delivery of a program or of the drop folder, and the run that loaded it.

    ``key`` is what may come only once: the caller's idempotency key, or for files the digest of
    their content. ``digest`` is the SHA-256 of the content, in hexadecimal.
    """

    class Origin(models.TextChoices):
        API = "api", _("API")
        FOLDER = "folder", _("Drop folder")

    origin = models.CharField(max_length=10, choices=Origin.choices)
    key = models.CharField(max_length=160)
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    run = models.ForeignKey(
        "customers.ImportRun", on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    # Columns that the format does not have: posted, reported, not loaded.
    ignored = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    # Looks of the drop folder that began to load it and did not come back: killed, most likely by
    # what it holds.
    deaths = models.PositiveSmallIntegerField(default=0, db_default=0)
    # When its people were told; empty while that is still to be done.
    reported_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "origin", "key"], name="delivery_once")
        ]
        indexes = [
            models.Index(fields=["run"], name="delivery_by_run"),
            models.Index(fields=["tenant", "created_at"], name="delivery_by_time"),
        ]

    def __str__(self) -> str:
        return self.name
