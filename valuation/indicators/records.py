"""Stored indicators and what people add to them. Every row is written once."""

from django.db import models

from organization.scoping import TenantOwned, UnitOwned


class IndicatorRun(TenantOwned):
    """One recording: which valuation's customers, which months, by which definitions."""

    valuation = models.ForeignKey(
        "valuation.Valuation", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    first_month = models.DateField()
    last_month = models.DateField()
    # version·digest of each indicator's definition, by key.
    definitions = models.JSONField()
    rows = models.IntegerField()
    author = models.CharField(max_length=80)
    reason = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-created_at"], name="indicator_run_newest")]

    def __str__(self) -> str:
        return f"{self.first_month:%Y-%m} to {self.last_month:%Y-%m}"


class UnitIndicators(UnitOwned):
    """One unit's month as a run found it; a later run that finds it otherwise adds a row."""

    run = models.ForeignKey(
        IndicatorRun, on_delete=models.PROTECT, related_name="units", db_index=False
    )
    month = models.DateField()
    # Integers that add up over stores; figures follow from them by the definitions of the run.
    counters = models.JSONField()
    figures = models.JSONField()
    # Per gap counter the codes of the stores left out; at a store, the months that are missing.
    left_out = models.JSONField(default=dict)
    # Per figure: place among peers from 0 to 1, and how many peers there are.
    peers = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "run", "unit", "month"], name="unit_indicators_once"
            )
        ]
        indexes = [models.Index(fields=["unit", "month", "-run"], name="unit_indicators_newest")]

    def __str__(self) -> str:
        return f"{self.unit_id} {self.month:%Y-%m}"


class BandSet(TenantOwned):
    """A group's own bands of an indicator, for all or for a division or an age of cars.

    The newest row of the same three counts; one without bands goes back to the general ones.
    """

    indicator = models.CharField(max_length=40)
    division = models.ForeignKey(
        "organization.Unit", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    car_age = models.CharField(max_length=10, blank=True)
    bands = models.JSONField()
    reason = models.CharField(max_length=300)
    author = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "indicator", "-created_at"], name="band_set_newest")
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.created_at:%Y-%m-%d}"


class MoatInput(UnitOwned):
    """Two numbers behind a moat indicator of a unit from a month on, with their source."""

    indicator = models.CharField(max_length=40)
    month = models.DateField()
    # Of the definition's numerator and denominator; money in fen.
    above = models.BigIntegerField()
    below = models.BigIntegerField(null=True)
    source = models.CharField(max_length=200)
    reason = models.CharField(max_length=300)
    author = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["unit", "indicator", "-month", "-id"], name="moat_input_newest")
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.month:%Y-%m}"
