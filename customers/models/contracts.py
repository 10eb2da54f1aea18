"""What was sold beside the repair order, and what else happened to a customer or vehicle."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models.changes import changed_at, changed_at_index
from customers.models.records import LoadedRecord


class Contract(LoadedRecord):
    """Insurance, warranty, package, stored value, membership or finance; net of VAT."""

    class Type(models.TextChoices):
        INSURANCE = "insurance", _("Insurance")
        EXTENDED_WARRANTY = "extended_warranty", _("Extended warranty")
        PACKAGE = "package", _("Service package")
        STORED_VALUE = "stored_value", _("Stored value")
        MEMBERSHIP = "membership", _("Membership")
        FINANCE = "finance", _("Finance")
        ACCESSORIES = "accessories", _("Accessories")

    contract_no = models.CharField(max_length=60)
    source = models.ForeignKey(
        "customers.CustomerSource",
        on_delete=models.PROTECT,
        related_name="contracts",
        db_constraint=False,
    )
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        related_name="contracts",
        db_index=False,
        db_constraint=False,
    )
    vehicle = models.ForeignKey(
        "customers.Vehicle",
        null=True,
        on_delete=models.PROTECT,
        related_name="contracts",
        db_constraint=False,
    )
    type = models.CharField(max_length=20, choices=Type.choices)
    starts_on = models.DateField(null=True)
    ends_on = models.DateField(null=True)
    price_fen = models.BigIntegerField(null=True)
    cost_fen = models.BigIntegerField(null=True)
    commission_fen = models.BigIntegerField(null=True)
    balance_fen = models.BigIntegerField(null=True)
    status = models.CharField(max_length=30, blank=True)
    insurer = models.CharField(max_length=80, blank=True)
    policy_no = models.CharField(max_length=60, blank=True)
    changed_at = changed_at()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "store", "contract_no"], name="contract_once")
        ]
        indexes = [
            changed_at_index("contract_by_change"),
            models.Index(fields=["customer"], name="contract_by_customer"),
            models.Index(fields=["store", "ends_on"], name="contract_by_store_end"),
        ]

    def __str__(self) -> str:
        return self.contract_no


class Event(LoadedRecord):
    """An appointment, complaint, accident report, recall notice, call, referral …"""

    class Kind(models.TextChoices):
        APPOINTMENT = "appointment", _("Appointment")
        NO_SHOW = "no_show", _("No-show")
        COMPLAINT = "complaint", _("Complaint")
        ACCIDENT_REPORT = "accident_report", _("Accident report")
        RECALL_NOTICE = "recall_notice", _("Recall notice")
        CALL = "call", _("Call")
        REFERRAL = "referral", _("Referral")
        OWNERSHIP_CHANGE = "ownership_change", _("Ownership change")

    event_no = models.CharField(max_length=60)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    happened_at = models.DateTimeField()
    day = models.DateField()
    customer = models.ForeignKey(
        "customers.Customer",
        null=True,
        on_delete=models.PROTECT,
        related_name="events",
        db_index=False,
        db_constraint=False,
    )
    source = models.ForeignKey(
        "customers.CustomerSource",
        null=True,
        on_delete=models.PROTECT,
        related_name="events",
        db_constraint=False,
    )
    vehicle = models.ForeignKey(
        "customers.Vehicle",
        null=True,
        on_delete=models.PROTECT,
        related_name="events",
        db_constraint=False,
    )
    visit = models.ForeignKey(
        "customers.Visit",
        null=True,
        on_delete=models.SET_NULL,
        related_name="events",
        db_index=False,
        db_constraint=False,
    )
    status = models.CharField(max_length=30, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    staff_name = models.CharField(max_length=80, blank=True)
    # Of a change of owner: what the ownerships that it changed said before, by number, so that it
    # can be taken back (customers.importing.kinds.owners). Empty: it changed none.
    turned = models.JSONField(null=True, editable=False)
    changed_at = changed_at()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "store", "event_no"], name="event_once")
        ]
        indexes = [
            changed_at_index("event_by_change"),
            models.Index(fields=["customer", "-day"], name="event_by_customer"),
            models.Index(fields=["store", "kind", "day"], name="event_by_store_kind_day"),
            models.Index(fields=["vehicle"], name="event_by_vehicle"),
        ]

    def __str__(self) -> str:
        return self.event_no
