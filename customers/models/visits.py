"""Repair orders and their lines. Money is net of VAT, in fen."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.models.changes import changed_at, changed_at_index
from customers.models.records import LoadedRecord


class JobKind(models.TextChoices):
    FIRST_SERVICE = "first_service", _("First service")
    MAINTENANCE = "maintenance", _("Periodic service")
    REPAIR = "repair", _("Repair")
    BODY_PAINT = "body_paint", _("Body and paint")
    ACCIDENT = "accident", _("Accident repair")
    WARRANTY = "warranty", _("Warranty")
    RECALL = "recall", _("Recall")
    TYRE = "tyre", _("Tyres")
    ACCESSORIES = "accessories", _("Accessories")
    PDI = "pdi", _("Pre-delivery inspection")
    COMEBACK = "comeback", _("Comeback")
    OTHER = "other", _("Other")


class Payer(models.TextChoices):
    CUSTOMER = "customer", _("Customer-pay")
    WARRANTY = "warranty", _("Manufacturer")
    INSURANCE = "insurance", _("Insurer")
    INTERNAL = "internal", _("Internal")


class Visit(LoadedRecord):
    """The header of one repair order."""

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        CLOSED = "closed", _("Closed")
        CANCELLED = "cancelled", _("Cancelled")
        CREDIT = "credit", _("Credit")

    ro_no = models.CharField(max_length=60)
    source = models.ForeignKey(
        "customers.CustomerSource",
        on_delete=models.PROTECT,
        related_name="visits",
        db_constraint=False,
    )
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        related_name="visits",
        db_index=False,
        db_constraint=False,
    )
    vehicle = models.ForeignKey(
        "customers.Vehicle",
        null=True,
        on_delete=models.PROTECT,
        related_name="visits",
        db_index=False,
        db_constraint=False,
    )
    opened_at = models.DateTimeField()
    # The store-local day of `opened_at`: the models count days, not instants.
    day = models.DateField()
    promised_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    mileage_km = models.IntegerField(null=True)
    kind = models.CharField(max_length=15, choices=JobKind.choices, default=JobKind.OTHER)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.CLOSED)
    # Found by name in the load itself; a foreign key of the ORM only (see ``LoadedRecord``).
    advisor = models.ForeignKey(
        "organization.Staff",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    advisor_name = models.CharField(max_length=80, blank=True)
    appointment = models.BooleanField(null=True)
    comeback = models.BooleanField(null=True)
    brought_by = models.CharField(max_length=120, blank=True)
    brought_by_mobile = models.BinaryField(null=True)  # sealed under the key of the source
    # Blind index: ciphertexts of one number differ, so this says whether a reload changes it.
    brought_by_lookup = models.BinaryField(max_length=16, null=True)
    pay_customer_fen = models.BigIntegerField(default=0)
    pay_warranty_fen = models.BigIntegerField(default=0)
    pay_insurance_fen = models.BigIntegerField(default=0)
    pay_internal_fen = models.BigIntegerField(default=0)
    labour_fen = models.BigIntegerField(null=True)
    parts_fen = models.BigIntegerField(null=True)
    discount_fen = models.BigIntegerField(null=True)
    cost_fen = models.BigIntegerField(null=True)
    wait_minutes = models.IntegerField(null=True)
    original_ro_no = models.CharField(max_length=60, blank=True)
    changed_at = changed_at()
    # The row of a file that this says the same as (``customers.importing.digests``), and in which
    # of the notices of its kind that row is counted, a bit each. The database forgets the digest
    # with any change, a merge of customers apart.
    row_digest = models.UUIDField(null=True, editable=False)
    row_notices = models.SmallIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "store", "ro_no"], name="visit_once"),
            models.CheckConstraint(
                condition=Q(mileage_km=None) | Q(mileage_km__gte=0),
                name="visit_mileage_not_negative",
            ),
        ]
        indexes = [
            changed_at_index("visit_by_change"),
            models.Index(fields=["customer", "-day"], name="visit_by_customer"),
            models.Index(fields=["vehicle", "-day"], name="visit_by_vehicle"),
            models.Index(fields=["store", "day"], name="visit_by_store_day"),
            models.Index(fields=["tenant", "day"], name="visit_by_tenant_day"),
        ]

    def __str__(self) -> str:
        return self.ro_no

    @property
    def advisor_label(self) -> str:
        """The advisor's name, or what the store's system wrote for somebody not in ``staff``."""
        return self.advisor.name if self.advisor else self.advisor_name

    @property
    def paid_fen(self) -> int:
        """Revenue from payers outside the group."""
        return self.pay_customer_fen + self.pay_warranty_fen + self.pay_insurance_fen


class VisitLine(LoadedRecord):
    """One job or part of a repair order; also work that the customer declined."""

    visit = models.ForeignKey(
        Visit, on_delete=models.CASCADE, related_name="lines", db_index=False, db_constraint=False
    )
    line_no = models.CharField(max_length=20)
    kind = models.CharField(max_length=15, choices=JobKind.choices, blank=True)
    op_code = models.CharField(max_length=40, blank=True)
    description = models.CharField(max_length=300, blank=True)
    labour_hours = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    labour_fen = models.BigIntegerField(null=True)
    part_no = models.CharField(max_length=60, blank=True)
    quantity = models.DecimalField(max_digits=10, decimal_places=3, null=True)
    parts_fen = models.BigIntegerField(null=True)
    cost_fen = models.BigIntegerField(null=True)
    pay_type = models.CharField(max_length=10, choices=Payer.choices, blank=True)
    declined = models.BooleanField(default=False)
    changed_at = changed_at()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "visit", "line_no"], name="visit_line_once")
        ]
        indexes = [
            changed_at_index("visit_line_by_change"),
            models.Index(fields=["visit"], name="line_by_visit"),
        ]

    def __str__(self) -> str:
        return f"{self.visit_id}/{self.line_no}"
