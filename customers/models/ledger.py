"""Monthly figures of the books, marketing spend, targets, and listed peers. Net of VAT, in fen."""

from django.db import models

from customers.models.changes import changed_at
from organization.scoping import StoreOwned, TenantOwned, UnitOwned


class MonthlyFinancials(UnitOwned):
    """One unit's month, after-sales or whole store."""

    month = models.DateField()
    scope = models.CharField(max_length=15)
    revenue_fen = models.BigIntegerField(null=True)
    parts_cost_fen = models.BigIntegerField(null=True)
    labour_cost_fen = models.BigIntegerField(null=True)
    site_cost_fen = models.BigIntegerField(null=True)
    admin_expense_fen = models.BigIntegerField(null=True)
    selling_expense_fen = models.BigIntegerField(null=True)
    depreciation_fen = models.BigIntegerField(null=True)
    amortisation_fen = models.BigIntegerField(null=True)
    tax_fen = models.BigIntegerField(null=True)
    fixed_assets_fen = models.BigIntegerField(null=True)
    working_capital_fen = models.BigIntegerField(null=True)
    total_assets_fen = models.BigIntegerField(null=True)
    inventory_fen = models.BigIntegerField(null=True)
    receivables_fen = models.BigIntegerField(null=True)
    payables_fen = models.BigIntegerField(null=True)
    operating_cash_flow_fen = models.BigIntegerField(null=True)
    debt_fen = models.BigIntegerField(null=True)
    contract_liabilities_fen = models.BigIntegerField(null=True)
    staff_count = models.IntegerField(null=True)
    changed_at = changed_at()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "unit", "month", "scope"], name="financials_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.unit_id} {self.month:%Y-%m} {self.scope}"


class MarketingSpend(StoreOwned):
    """One store's spend of a month on a channel."""

    month = models.DateField()
    channel = models.CharField(max_length=60)
    amount_fen = models.BigIntegerField()
    purpose = models.CharField(max_length=20, blank=True)
    leads = models.IntegerField(null=True)
    new_customers = models.IntegerField(null=True)
    changed_at = changed_at()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "store", "month", "channel"], name="marketing_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.store_id} {self.month:%Y-%m} {self.channel}"


class Target(UnitOwned):
    """A unit's target for a metric in a month."""

    month = models.DateField()
    metric = models.CharField(max_length=40)
    value = models.DecimalField(max_digits=18, decimal_places=4)
    changed_at = changed_at()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "unit", "month", "metric"], name="target_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.unit_id} {self.month:%Y-%m} {self.metric}"


class Comparable(TenantOwned):
    """A listed or traded peer as of a day; percentages as whole numbers."""

    name = models.CharField(max_length=120)
    as_of = models.DateField()
    growth_pct = models.DecimalField(max_digits=8, decimal_places=3, null=True)
    gross_margin_pct = models.DecimalField(max_digits=8, decimal_places=3, null=True)
    roic_pct = models.DecimalField(max_digits=8, decimal_places=3, null=True)
    nps = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    ps_multiple = models.DecimalField(max_digits=8, decimal_places=3, null=True)
    source = models.CharField(max_length=300, blank=True)
    changed_at = changed_at()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name", "as_of"], name="comparable_once")
        ]

    def __str__(self) -> str:
        return self.name
