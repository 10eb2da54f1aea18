"""What the protection of personal data itself needs: keys, suppression, requests of people."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.models.records import LoadedRecord
from organization.scoping import StoreOwned, TenantOwned


class PersonKey(LoadedRecord):
    """The data key of one customer number, wrapped by a master key that is not in the database.

    It hangs on the store's number and not on the customer: merging and splitting move numbers, and
    what is sealed goes with them untouched. Erasing a person deletes the keys of all his numbers.
    """

    source = models.OneToOneField(
        "customers.CustomerSource",
        on_delete=models.CASCADE,
        related_name="key",
        db_constraint=False,
    )
    wrapped = models.BinaryField()
    # Name of the master key that wraps it: rotation continues where it was interrupted.
    master = models.CharField(max_length=16)

    class Meta:
        indexes = [models.Index(fields=["tenant", "master", "id"], name="person_key_by_master")]

    def __str__(self) -> str:
        return f"key {self.pk}"


class SuppressedContact(TenantOwned):
    """A number of an erased person, as blind index: feeds do not bring it back.

    Only a consent that is newer than the erasure lifts it (``customers.erasure``).
    """

    lookup = models.BinaryField(max_length=16)
    # The nameless row that remains, so that a new consent can lift it.
    customer = models.ForeignKey(
        "customers.Customer",
        null=True,
        on_delete=models.SET_NULL,
        related_name="suppressed",
        db_constraint=False,
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "lookup"], name="suppressed_contact_once")
        ]

    def __str__(self) -> str:
        return f"suppressed {self.pk}"


class PrivacyRequest(StoreOwned):
    """A person's wish to see or to have erased what is held of him, and what was done about it."""

    class Kind(models.TextChoices):
        EXPORT = "export", _("Copy of all data")
        ERASURE = "erasure", _("Erasure")

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")

    class Channel(models.TextChoices):
        ON_SITE = "on_site", _("On site")
        PHONE = "phone", _("By phone")
        WRITING = "writing", _("In writing")
        DIGITAL = "digital", _("App or mini program")

    class Verified(models.TextChoices):
        ID_CARD = "id_card", _("Identity card seen")
        CODE = "code", _("Code sent to the number on file")
        PROXY = "proxy", _("Written authority and both identity cards seen")

    # Empty when the customer's numbers have all been deleted since; the uid stays for the record.
    customer = models.ForeignKey(
        "customers.Customer",
        null=True,
        on_delete=models.SET_NULL,
        related_name="privacy_requests",
        db_constraint=False,
    )
    customer_uid = models.UUIDField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    verified = models.CharField(max_length=10, choices=Verified.choices)
    requested_at = models.DateTimeField(auto_now_add=True)
    requested_by = models.ForeignKey(
        "organization.Staff", on_delete=models.PROTECT, related_name="+"
    )
    due_on = models.DateField()
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(
        "organization.Staff", null=True, on_delete=models.PROTECT, related_name="+"
    )
    # Rows touched by table, never what they said; of an export the SHA-256 of the file.
    result = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "customer", "kind"],
                condition=Q(status="open"),
                name="privacy_request_open_once",
            ),
            models.CheckConstraint(
                condition=Q(status="open") | Q(done_at__isnull=False, done_by__isnull=False),
                name="privacy_request_closed_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(kind="erasure", status="done") | ~Q(done_by=F("requested_by")),
                name="erasure_approved_by_another_person",
            ),
        ]
        indexes = [models.Index(fields=["store", "status", "due_on"], name="privacy_by_store")]

    def __str__(self) -> str:
        return f"{self.kind} {self.customer_uid}"
