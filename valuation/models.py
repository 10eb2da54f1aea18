"""Assumptions and valuations. A valuation is written once; approval is a row of its own."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from organization.scoping import StoreOwned, TenantOwned, UnitOwned
from valuation.reports.models import Export
from valuation.structure.models import Structure

__all__ = [
    "Approval",
    "Assumptions",
    "Export",
    "Pseudonym",
    "Structure",
    "Valuation",
    "ValuedCustomer",
    "ValuedUnit",
]


class Assumptions(TenantOwned):
    """One version of the assumption set of a group; a change makes a new version."""

    version = models.IntegerField()
    values = models.JSONField()
    reason = models.TextField()
    author = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "version"], name="assumptions_version_once")
        ]

    def __str__(self) -> str:
        return f"v{self.version}"


class Valuation(TenantOwned):
    """The value of a group's user base as of a date, from one score set and assumption set."""

    as_of = models.DateField()
    score_set = models.ForeignKey("ml.ScoreSet", on_delete=models.PROTECT, related_name="+")
    assumptions = models.ForeignKey(Assumptions, on_delete=models.PROTECT, related_name="+")
    model_version = models.CharField(max_length=40)
    currency = models.CharField(max_length=3)
    input_hash = models.CharField(max_length=64)
    customers = models.IntegerField()
    excluded = models.JSONField(default=dict)
    # Confidence in the data, 0 to 100 (customers.quality), when the valuation was made.
    confidence = models.FloatField(null=True)
    # Its parts, gap to the books, completeness by store, warnings, retention cost that was used.
    notes = models.JSONField(default=dict)
    author = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "input_hash"], name="valuation_once_an_input")
        ]
        indexes = [models.Index(fields=["tenant", "-as_of"], name="valuation_by_as_of")]

    def __str__(self) -> str:
        return f"{self.as_of}"


class ValuedUnit(UnitOwned):
    """One unit's part of a valuation; the parts of a unit sum to it to the fen."""

    valuation = models.ForeignKey(
        Valuation, on_delete=models.PROTECT, related_name="units", db_index=False
    )
    customers = models.IntegerField()
    expected_fen = models.BigIntegerField()
    p5_fen = models.BigIntegerField()
    p50_fen = models.BigIntegerField()
    p95_fen = models.BigIntegerField()
    undiscounted_fen = models.BigIntegerField()
    monthly = models.JSONField()
    streams = models.JSONField(default=dict)
    uncertainty = models.JSONField(default=dict)
    seed_formula = models.JSONField()
    bridge = models.JSONField()
    # Figures of the records as they stood when the valuation was made (valuation.assembly).
    counters = models.JSONField(default=dict)
    peers = models.JSONField(default=dict)
    operations = models.JSONField(default=dict)
    cohorts = models.JSONField(default=dict)
    # Bars from the former valuation to this one; empty for the first.
    change = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "valuation", "unit"], name="valued_unit_once")
        ]

    def __str__(self) -> str:
        return f"{self.valuation_id}/{self.unit_id}"


class ValuedCustomer(StoreOwned):
    """One customer's value in a valuation, under a random pseudonym that outlives the person."""

    pk = models.CompositePrimaryKey("valuation_id", "pseudonym")
    valuation = models.ForeignKey(
        Valuation, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    pseudonym = models.UUIDField()
    segment = models.CharField(max_length=20)
    first_quarter = models.CharField(max_length=7)
    value_fen = models.BigIntegerField()
    undiscounted_fen = models.BigIntegerField()
    scalars = ArrayField(models.FloatField())

    class Meta:
        indexes = [
            models.Index(
                fields=["valuation", "store", "-value_fen"], name="valued_customer_by_store"
            )
        ]

    def __str__(self) -> str:
        return str(self.pseudonym)


class Pseudonym(TenantOwned):
    """The deletable link from a pseudonym of valuations to the customer."""

    erased_with_person = True

    customer = models.OneToOneField(
        "customers.Customer", on_delete=models.CASCADE, related_name="pseudonym"
    )
    pseudonym = models.UUIDField(unique=True)

    def __str__(self) -> str:
        return str(self.pseudonym)


class Approval(TenantOwned):
    """A second person's approval of a valuation."""

    valuation = models.OneToOneField(Valuation, on_delete=models.PROTECT, related_name="approval")
    approved_by = models.CharField(max_length=80)
    approved_at = models.DateTimeField(auto_now_add=True)
    note = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.valuation_id} {self.approved_by}"
