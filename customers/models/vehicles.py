"""Vehicles, who owned them when, and the brand's service policy."""

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models.changes import changed_at, changed_at_index
from customers.models.records import LoadedRecord
from organization.scoping import TenantOwned, UnitOwned


class Vehicle(TenantOwned):
    """One vehicle per VIN and group."""

    row_scope = "stores"

    class Energy(models.TextChoices):
        ICE = "ice", _("Combustion")
        HEV = "hev", _("Hybrid")
        PHEV = "phev", _("Plug-in hybrid")
        BEV = "bev", _("Battery electric")
        EREV = "erev", _("Range extender")

    class Usage(models.TextChoices):
        HOUSEHOLD = "household", _("Household")
        BUSINESS = "business", _("Business")
        TAXI = "taxi", _("Taxi or ride-hailing")

    vin = models.CharField(max_length=17)
    plate = models.CharField(max_length=12, blank=True)
    # Last five characters of plate and last six of VIN, for search on what the advisor can read.
    plate_tail = models.CharField(max_length=5, blank=True)
    vin_tail = models.CharField(max_length=6)
    brand = models.CharField(max_length=60, blank=True)
    series = models.CharField(max_length=80, blank=True)
    model = models.CharField(max_length=120, blank=True)
    model_year = models.SmallIntegerField(null=True)
    energy = models.CharField(max_length=5, choices=Energy.choices, blank=True)
    usage = models.CharField(max_length=10, choices=Usage.choices, blank=True)
    built_on = models.DateField(null=True)
    warranty_until = models.DateField(null=True)
    extended_warranty = models.BooleanField(null=True)
    service_plan = models.BooleanField(null=True)
    insurance_until = models.DateField(null=True)
    service_interval_days = models.IntegerField(null=True)
    service_interval_km = models.IntegerField(null=True)
    stores = ArrayField(models.BigIntegerField(), default=list)
    changed_at = changed_at()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "vin"], name="vehicle_once_a_tenant")
        ]
        indexes = [
            changed_at_index("vehicle_by_change"),
            models.Index(fields=["tenant", "plate"], name="vehicle_by_plate"),
            models.Index(fields=["tenant", "plate_tail"], name="vehicle_by_plate_tail"),
            models.Index(fields=["tenant", "vin_tail"], name="vehicle_by_vin_tail"),
        ]

    def __str__(self) -> str:
        return self.plate or self.vin


class Ownership(LoadedRecord):
    """A customer number's hold on a vehicle, from–to; also the sale, where this store sold it."""

    vehicle = models.ForeignKey(
        Vehicle, on_delete=models.PROTECT, related_name="ownerships", db_constraint=False
    )
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        related_name="ownerships",
        db_index=False,
        db_constraint=False,
    )
    source = models.ForeignKey(
        "customers.CustomerSource",
        on_delete=models.PROTECT,
        related_name="ownerships",
        db_constraint=False,
    )
    # Empty = bought elsewhere.
    sold_on = models.DateField(null=True)
    sold_used = models.BooleanField(null=True)
    km_at_sale = models.IntegerField(null=True)
    owned_from = models.DateField(null=True)
    owned_to = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "vehicle", "source"], name="ownership_once_a_source"
            )
        ]
        indexes = [
            models.Index(fields=["customer"], name="ownership_by_customer"),
            models.Index(fields=["store", "sold_on"], name="ownership_by_store_sale"),
        ]

    def __str__(self) -> str:
        return f"{self.vehicle_id} of {self.customer_id}"

    @property
    def period(self) -> tuple[date, date]:
        """First day and the day after the last; what is not known is open."""
        return self.owned_from or self.sold_on or date.min, self.owned_to or date.max

    def overlaps(self, other: "Ownership") -> bool:
        """Whether both hold the same vehicle on some day."""
        (start, end), (began, ended) = self.period, other.period
        return self.vehicle_id == other.vehicle_id and start < ended and began < end


class BrandPolicy(UnitOwned):
    """A division's rules for a model (empty = all models) from a day on.

    Every store works by them, so the whole tenant reads them; they hold no personal data.
    """

    row_scope = "tenant"

    model = models.CharField(max_length=120, blank=True)
    valid_from = models.DateField()
    service_interval_days = models.IntegerField(null=True)
    service_interval_km = models.IntegerField(null=True)
    warranty_months = models.IntegerField(null=True)
    warranty_km = models.IntegerField(null=True)
    first_service_days = models.IntegerField(null=True)
    first_service_km = models.IntegerField(null=True)
    vat_rate = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    amounts_include_vat = models.BooleanField(null=True)
    cost_basis = models.CharField(max_length=15, blank=True)
    margin_rate_fallback = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    changed_at = changed_at()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "unit", "model", "valid_from"], name="policy_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.unit_id} {self.model or '*'} {self.valid_from}"
