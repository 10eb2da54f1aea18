"""Fields of what is kept by unit and month, and of who works where: no customer stands in it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.serializers import Resource, code_of
from customers.models import BrandPolicy, Comparable, MarketingSpend, MonthlyFinancials, Target
from organization.access import Capability
from organization.models import Assignment, Staff


class AssignmentPart(serializers.ModelSerializer[Any]):
    unit = code_of("unit", "code of the unit")

    class Meta:
        model = Assignment
        fields = ("role", "unit", "valid_from", "valid_to")
        read_only_fields = fields


class StaffResource(Resource):
    assignments = serializers.SerializerMethodField(help_text="roles at units, from–to")

    class Meta:
        model = Staff
        fields = ("username", "name", "assignments")
        read_only_fields = fields

    @extend_schema_field(AssignmentPart(many=True))
    def get_assignments(self, person: Staff) -> list[dict[str, Any]]:
        held = sorted(person.assignments.all(), key=lambda one: (one.valid_from, one.pk))
        return AssignmentPart(held, many=True).data  # type: ignore[return-value]


class PolicyResource(Resource):
    gated = {"margin_rate_fallback": Capability.SEE_VALUE}
    place = "unit_id"
    division = code_of("unit", "code of the division or group")

    class Meta:
        model = BrandPolicy
        fields = (
            *("division", "model", "valid_from", "service_interval_days", "service_interval_km"),
            *("warranty_months", "warranty_km", "first_service_days", "first_service_km"),
            *("vat_rate", "amounts_include_vat", "cost_basis", "margin_rate_fallback"),
            *("changed_at",),
        )
        read_only_fields = fields


class FinancialsResource(Resource):
    unit = code_of("unit", "code of the unit")

    class Meta:
        model = MonthlyFinancials
        fields = (
            *("unit", "month", "scope", "revenue_fen", "parts_cost_fen", "labour_cost_fen"),
            *("site_cost_fen", "admin_expense_fen", "selling_expense_fen", "depreciation_fen"),
            *("amortisation_fen", "tax_fen", "fixed_assets_fen", "working_capital_fen"),
            *("total_assets_fen", "inventory_fen", "receivables_fen", "payables_fen"),
            *("operating_cash_flow_fen", "debt_fen", "contract_liabilities_fen", "staff_count"),
            *("changed_at",),
        )
        read_only_fields = fields


class MarketingResource(Resource):
    store = code_of("store", "code of the store")

    class Meta:
        model = MarketingSpend
        fields = (
            *("store", "month", "channel", "amount_fen", "purpose", "leads", "new_customers"),
            *("changed_at",),
        )
        read_only_fields = fields


class TargetResource(Resource):
    unit = code_of("unit", "code of the unit")

    class Meta:
        model = Target
        fields = ("unit", "month", "metric", "value", "changed_at")
        read_only_fields = fields


class ComparableResource(Resource):
    class Meta:
        model = Comparable
        fields = (
            *("name", "as_of", "growth_pct", "gross_margin_pct", "roic_pct", "nps"),
            *("ps_multiple", "source", "changed_at"),
        )
        read_only_fields = fields
