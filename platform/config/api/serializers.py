"""The fields of each resource. Nothing appears that is not listed here."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers.contact import shown_name, shown_plate, shown_vin
from customers.models import Contract, Customer, Event, Survey, Vehicle, Visit, VisitLine
from ml.models import Score
from organization.access import Access, Capability, PersonalData
from organization.models import Unit
from valuation.deidentified import Cells, cells_of, line_of
from valuation.models import ValuedCustomer, ValuedUnit


class Resource(serializers.ModelSerializer[Any]):
    """Read-only; ``gated`` fields are left out of rows whose store lies outside the capability."""

    gated: dict[str, Capability] = {}
    # The column of the unit that the row belongs to.
    place = "store_id"

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        access: Access = self.context["request"].access
        for name, capability in self.gated.items():
            if not access.may(capability, getattr(instance, self.place)):
                del shown[name]
        return shown


class Personal(serializers.CharField):
    """What names a person or vehicle: as the pages show it, and empty where they show nothing.

    ``shown`` gets the customer, the vehicle or, for free text, the row that the field is of.
    """

    def __init__(self, shown: Callable[[Access, Any], str], **kwargs: Any) -> None:
        self.shown = shown
        super().__init__(read_only=True, **{"source": "*", **kwargs})

    def to_representation(self, value: Any) -> str:
        access: Access = self.context["request"].access
        stores = getattr(value, "stores", None) or (value.store_id,)
        if access.personal_data_at(stores) is PersonalData.NONE:
            return ""
        return self.shown(access, value)


def name_of(access: Access, customer: Customer) -> str:
    return shown_name(access, customer) if customer.name else ""


def plate_of(access: Access, vehicle: Vehicle) -> str:
    return shown_plate(access, vehicle) if vehicle.plate else ""


def vin_of(access: Access, vehicle: Vehicle) -> str:
    return shown_vin(access, vehicle) if vehicle.vin else ""


def free_text(name: str) -> Callable[[Access, Any], str]:
    """Whatever staff or customers wrote may name anybody: only where names are shown in full."""

    def shown(access: Access, row: Any) -> str:
        full = access.personal_data_at((row.store_id,)) is PersonalData.FULL
        return str(getattr(row, name)) if full else ""

    return shown


def code_of(source: str, what: str) -> serializers.CharField:
    return serializers.CharField(source=f"{source}.code", read_only=True, help_text=what)


def customer_of() -> serializers.UUIDField:
    return serializers.UUIDField(
        source="customer.uid", read_only=True, allow_null=True, help_text="uid of the customer"
    )


class UnitResource(Resource):
    parent = serializers.CharField(  # type: ignore[assignment]  # (DRF's own `parent` is set later)
        source="parent.code", read_only=True, allow_null=True, help_text="code of the unit above"
    )

    class Meta:
        model = Unit
        fields = (
            *("code", "name", "level", "parent", "store_kind", "brand", "city", "legal_entity"),
            *("opened_on", "authorised_until"),
        )
        read_only_fields = fields


class CustomerResource(Resource):
    name = Personal(name_of, help_text="in full or masked, by role")
    home_store = code_of("home_store", "code of the home store")
    tags = serializers.SerializerMethodField(help_text="codes of the customer's tags")

    class Meta:
        model = Customer
        fields = (
            *("uid", "kind", "name", "city", "home_store", "created_on", "do_not_contact"),
            *("tags", "changed_at"),
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_tags(self, customer: Customer) -> list[str]:
        return sorted(tag.code for tag in customer.tags.all())


class VehicleResource(Resource):
    vin = Personal(vin_of, help_text="in full or masked, by role")
    plate = Personal(plate_of, help_text="in full or masked, by role")
    owner = serializers.SerializerMethodField(help_text="uid of the present owner")

    class Meta:
        model = Vehicle
        fields = (
            *("vin", "plate", "owner", "brand", "series", "model", "model_year", "energy"),
            *("usage", "built_on", "warranty_until", "extended_warranty", "service_plan"),
            *("insurance_until", "changed_at"),
        )
        read_only_fields = fields

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_owner(self, vehicle: Vehicle) -> str | None:
        present = [o for o in vehicle.ownerships.all() if o.owned_to is None]
        latest = max(present, key=lambda o: (str(o.owned_from or ""), o.pk), default=None)
        return str(latest.customer.uid) if latest else None


class VisitResource(Resource):
    gated = {"cost_fen": Capability.SEE_VALUE}
    store = code_of("store", "code of the store")
    customer = customer_of()
    vin = Personal(vin_of, source="vehicle", allow_null=True, help_text="as in vehicles")

    class Meta:
        model = Visit
        fields = (
            *("store", "ro_no", "customer", "vin", "day", "opened_at", "closed_at", "status"),
            *("kind", "mileage_km", "appointment", "comeback", "wait_minutes"),
            *("pay_customer_fen", "pay_warranty_fen", "pay_insurance_fen", "pay_internal_fen"),
            *("labour_fen", "parts_fen", "discount_fen", "cost_fen", "changed_at"),
        )
        read_only_fields = fields


class VisitLineResource(Resource):
    gated = {"cost_fen": Capability.SEE_VALUE}
    store = code_of("store", "code of the store")
    ro_no = serializers.CharField(
        source="visit.ro_no", read_only=True, help_text="number of the repair order"
    )
    day = serializers.DateField(source="visit.day", read_only=True)
    description = Personal(
        free_text("description"), help_text="empty where names are not shown in full"
    )

    class Meta:
        model = VisitLine
        fields = (
            *("store", "ro_no", "line_no", "day", "kind", "op_code", "description", "part_no"),
            *("labour_hours", "labour_fen", "quantity", "parts_fen", "cost_fen", "pay_type"),
            *("declined", "changed_at"),
        )
        read_only_fields = fields


class SurveyResource(Resource):
    store = code_of("store", "code of the store")
    customer = customer_of()
    comment = Personal(free_text("comment"), help_text="empty where names are not shown in full")

    class Meta:
        model = Survey
        fields = (
            *("store", "survey_no", "customer", "day", "sent_at", "answered_at", "score"),
            *("channel", "reason", "comment", "changed_at"),
        )
        read_only_fields = fields


class ContractResource(Resource):
    gated = {"cost_fen": Capability.SEE_VALUE, "commission_fen": Capability.SEE_VALUE}
    store = code_of("store", "code of the store")
    customer = customer_of()

    class Meta:
        model = Contract
        fields = (
            *("store", "contract_no", "customer", "type", "status", "starts_on", "ends_on"),
            *("price_fen", "cost_fen", "commission_fen", "balance_fen", "insurer"),
            *("changed_at",),
        )
        read_only_fields = fields


class EventResource(Resource):
    store = code_of("store", "code of the store")
    customer = customer_of()
    detail = Personal(free_text("detail"), help_text="empty where names are not shown in full")

    class Meta:
        model = Event
        fields = (
            *("store", "event_no", "customer", "kind", "day", "happened_at", "status", "reason"),
            *("detail", "changed_at"),
        )
        read_only_fields = fields


class ScoreResource(Resource):
    gated = {
        **dict.fromkeys(
            ("p_alive", "churn_12m", "expected_visits_12m"), Capability.SEE_PROBABILITIES
        ),
        **dict.fromkeys(
            ("expected_revenue_12m_fen", "expected_margin_12m_fen", "ltv_fen"),
            Capability.SEE_VALUE,
        ),
    }
    customer = customer_of()
    home_store = code_of("store", "code of the home store as of the score set's date")
    as_of = serializers.DateField(source="score_set.as_of", read_only=True)
    model_version = serializers.CharField(source="score_set.model_version", read_only=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Score
        fields = (
            *("customer", "home_store", "as_of", "model_version", "risk", "grade", "due_on"),
            *("overdue", "tags", "in_churn_population", "last_visit_on", "p_alive", "churn_12m"),
            *("expected_visits_12m", "expected_revenue_12m_fen", "expected_margin_12m_fen"),
            *("ltv_fen",),
        )
        read_only_fields = fields


class ValuedUnitResource(Resource):
    unit = code_of("unit", "code of the unit")
    as_of = serializers.DateField(source="valuation.as_of", read_only=True)
    currency = serializers.CharField(source="valuation.currency", read_only=True)
    model_version = serializers.CharField(source="valuation.model_version", read_only=True)
    input_hash = serializers.CharField(source="valuation.input_hash", read_only=True)

    class Meta:
        model = ValuedUnit
        fields: tuple[str, ...] = (
            *("unit", "as_of", "currency", "model_version", "input_hash", "customers"),
            *("expected_fen", "p5_fen", "p50_fen", "p95_fen", "undiscounted_fen"),
        )
        read_only_fields = fields


class ValuedUnitDetail(ValuedUnitResource):
    class Meta(ValuedUnitResource.Meta):
        fields = (*ValuedUnitResource.Meta.fields, "monthly", "streams", "seed_formula", "bridge")
        read_only_fields = fields


class DeidentifiedResource(Resource):
    city = serializers.SerializerMethodField(help_text="empty where too few customers share it")
    generation = serializers.SerializerMethodField(help_text="decade of life, such as 1980s")

    class Meta:
        model = ValuedCustomer
        fields = (
            *("pseudonym", "segment", "first_quarter", "city", "generation"),
            *("value_fen", "undiscounted_fen"),
        )
        read_only_fields = fields

    @cached_property
    def cells(self) -> Cells:
        access: Access = self.context["request"].access
        return cells_of(access)

    def get_city(self, row: Any) -> str:
        return line_of(row, self.cells).city

    def get_generation(self, row: Any) -> str:
        return line_of(row, self.cells).generation
