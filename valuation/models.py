"""Assumptions and valuations. A valuation is written once; approval is a row of its own."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from organization.scoping import StoreOwned, TenantOwned, UnitOwned
from valuation.indicators.records import BandSet, IndicatorRun, MoatInput, UnitIndicators
from valuation.reports.models import Export
from valuation.structure.models import Structure

__all__ = [
    "Approval",
    "Assumptions",
    "BandSet",
    "Export",
    "IndicatorRun",
    "MoatInput",
    "Pseudonym",
    "Structure",
    "UnitIndicators",
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
    # The flows by payer and by kind of work (valuation.mix); contracts, apart from the value.
    mix = models.JSONField(default=dict)
    contracted = models.JSONField(default=dict)
    # A valuation of about a year ago against the margin since; empty where there is none.
    lookback = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "valuation", "unit"], name="valued_unit_once")
        ]

    def __str__(self) -> str:
        return f"{self.valuation_id}/{self.unit_id}"


class ValuedCustomer(StoreOwned):
    """One customer's value in a valuation, under a random pseudonym that outlives the person."""

    pk = models.CompositePrimaryKey("valuation_id", "pseudonym")
    # Written a million at a time by the transaction that has just read units and made the
    # valuation: checking those again row by row took a fifth of the whole.
    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    store = models.ForeignKey(
        "organization.Unit",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    valuation = models.ForeignKey(
        Valuation,
        on_delete=models.PROTECT,
        related_name="lines",
        db_index=False,
        db_constraint=False,
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

    # A first valuation writes a million of them: its customers are checked by one join, and a
    # trigger refuses to delete a customer who is still named (migration 0010).
    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    customer = models.OneToOneField(
        "customers.Customer",
        on_delete=models.CASCADE,
        related_name="pseudonym",
        db_constraint=False,
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


class PoolCandidate(StoreOwned):
    """What pool rules ask of a customer, as of the group's newest valuation.

    Written with the valuation in place of the former one's. It names customers, so it goes with
    them; what a cut pool needs for good is copied to :class:`PoolMember` under a pseudonym.
    """

    erased_with_person = True

    pk = models.CompositePrimaryKey("valuation_id", "customer_id")
    # Written a million at a time by one transaction that has just read tenant and units.
    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    store = models.ForeignKey(
        "organization.Unit",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    valuation = models.ForeignKey(
        Valuation,
        on_delete=models.PROTECT,
        related_name="candidates",
        db_index=False,
        db_constraint=False,
    )
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    value_fen = models.BigIntegerField()
    # Of the customer's value around its expectation, yuan².
    variance = models.FloatField()
    kind = models.CharField(max_length=10)
    frequency = models.IntegerField()
    p_alive = models.FloatField()
    last_visit_on = models.DateField(null=True)
    grade = models.CharField(max_length=2, blank=True)
    risk = models.CharField(max_length=6, blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list)
    consented = models.BooleanField()
    vehicle_months = models.SmallIntegerField(null=True)
    warranty_until = models.DateField(null=True)
    brand = models.CharField(max_length=60, blank=True)

    def __str__(self) -> str:
        return f"{self.valuation_id}/{self.customer_id}"


class Pool(UnitOwned):
    """An immutable pool: the customers of a valuation that met its rules, cut as of its date."""

    valuation = models.ForeignKey(
        Valuation, on_delete=models.PROTECT, related_name="pools", db_index=False
    )
    # The pool that this one goes on from after its rules were tested again.
    replaces = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    rules = models.JSONField()
    customers = models.IntegerField()
    value_fen = models.BigIntegerField()
    p5_fen = models.BigIntegerField()
    p95_fen = models.BigIntegerField()
    # First reasons of exclusion, monthly lines, tables of strata and cohorts (valuation.pools).
    waterfall = models.JSONField()
    monthly = models.JSONField()
    strata = models.JSONField()
    cohorts = models.JSONField()
    # Everything that a customer's value recomputes from: curve maps, factors, costs.
    terms = models.JSONField()
    members_hash = models.CharField(max_length=64)
    author = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "unit", "name"], name="pool_name_once_a_unit")
        ]
        indexes = [models.Index(fields=["tenant", "-created_at"], name="pool_by_time")]

    def __str__(self) -> str:
        return self.name


class PoolMember(StoreOwned):
    """One customer of a cut pool under the pseudonym of valuations; numbers only."""

    pk = models.CompositePrimaryKey("pool_id", "pseudonym")
    # As for valued customers: checked once, by the statement that writes them.
    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    store = models.ForeignKey(
        "organization.Unit",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    pool = models.ForeignKey(
        Pool,
        on_delete=models.PROTECT,
        related_name="members",
        db_index=False,
        db_constraint=False,
    )
    pseudonym = models.UUIDField()
    value_fen = models.BigIntegerField()
    kind = models.CharField(max_length=12)
    first_quarter = models.CharField(max_length=7)
    months_since_visit = models.SmallIntegerField(null=True)
    frequency = models.IntegerField()
    p_alive = models.FloatField()
    vehicle_months = models.SmallIntegerField(null=True)
    in_warranty = models.BooleanField()
    brand = models.CharField(max_length=60, blank=True)
    grade = models.CharField(max_length=2, blank=True)
    risk = models.CharField(max_length=6, blank=True)
    # Positions in the maps and regimes of the pool's terms.
    fit = models.SmallIntegerField()
    regime = models.SmallIntegerField()
    cap_month = models.SmallIntegerField()
    # Anchor factors (2), revenue and margin a visit, accident revenue and margin a month.
    amounts = ArrayField(models.FloatField())
    # Expected visits at 8 nodes, then P(alive) today and at 8 nodes.
    curve = ArrayField(models.FloatField())

    def __str__(self) -> str:
        return f"{self.pool_id}/{self.pseudonym}"


class PoolSalt(TenantOwned):
    """The group's salt of tape identifiers, sealed under the installation's master key."""

    sealed_by_master = ("sealed",)

    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="pool_salt_once_a_tenant")]

    def __str__(self) -> str:
        return f"salt of {self.tenant_id}"


class Scenario(TenantOwned):
    """A named set of changes to the assumptions, with the inputs that it was stored for."""

    name = models.CharField(max_length=80)
    version = models.IntegerField()
    kind = models.CharField(max_length=12)
    inputs = models.JSONField()
    reason = models.TextField()
    author = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name", "version"], name="scenario_version_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"
