"""What a list can be narrowed by. A parameter that is not named here is refused."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django_filters import fields
from django_filters import rest_framework as filters

from customers.models import Contract, Event, ImportRun
from customers.models.people import CustomerKind
from customers.models.visits import JobKind, Visit
from organization.models import Role, Unit


class InstantField(fields.IsoDateTimeField):
    """An instant, handed on in UTC: the database knows no offset of 16 hours and more."""

    def clean(self, value: Any) -> datetime | None:
        instant = super().clean(value)
        try:
            return None if instant is None else instant.astimezone(UTC)
        except OverflowError as beyond:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from beyond


class InstantFilter(filters.IsoDateTimeFilter):
    field_class = InstantField


def changed_since() -> InstantFilter:
    return InstantFilter(
        "changed_at", "gte", help_text="rows added or changed at this instant or later"
    )


class UnitFilter(filters.FilterSet):
    level = filters.ChoiceFilter(choices=Unit.Level.choices)
    parent = filters.CharFilter("parent__code", help_text="code of the unit above")


class StaffFilter(filters.FilterSet):
    username = filters.CharFilter("username")
    role = filters.ChoiceFilter("assignments__role", choices=Role.choices, distinct=True)
    unit = filters.CharFilter(
        "assignments__unit__code", distinct=True, help_text="code of a unit of an assignment"
    )


class CustomerFilter(filters.FilterSet):
    updated_since = changed_since()
    home_store = filters.CharFilter("home_store__code", help_text="code of the home store")
    kind = filters.ChoiceFilter(choices=CustomerKind.choices)
    tag = filters.CharFilter("tags__code", help_text="code of one tag")
    created_from = filters.DateFilter("created_on", "gte", help_text="first day")
    created_to = filters.DateFilter("created_on", "lte", help_text="last day")


class VehicleFilter(filters.FilterSet):
    updated_since = changed_since()
    vin = filters.CharFilter("vin", help_text="the whole VIN")
    plate = filters.CharFilter("plate", help_text="the whole plate")
    brand = filters.CharFilter("brand")


class OfStore(filters.FilterSet):
    """Rows of one store, customer and span of days."""

    store = filters.CharFilter("store__code", help_text="code of the store")
    customer = filters.UUIDFilter("customer__uid", help_text="uid of the customer")
    day_from = filters.DateFilter("day", "gte", help_text="first day")
    vin = filters.CharFilter("vehicle__vin", help_text="the whole VIN")
    day_to = filters.DateFilter("day", "lte", help_text="last day")
    updated_since = changed_since()


class VisitFilter(OfStore):
    kind = filters.ChoiceFilter(choices=JobKind.choices)
    status = filters.ChoiceFilter(choices=Visit.Status.choices)
    ro_no = filters.CharFilter("ro_no", help_text="number of the repair order")


class VisitLineFilter(filters.FilterSet):
    store = filters.CharFilter("store__code", help_text="code of the store")
    ro_no = filters.CharFilter("visit__ro_no", help_text="number of the repair order")
    customer = filters.UUIDFilter("visit__customer__uid", help_text="uid of the customer")
    day_from = filters.DateFilter("visit__day", "gte", help_text="first day of the visit")
    day_to = filters.DateFilter("visit__day", "lte", help_text="last day of the visit")
    kind = filters.ChoiceFilter(choices=JobKind.choices)
    declined = filters.BooleanFilter("declined")
    updated_since = changed_since()


class EventFilter(OfStore):
    kind = filters.ChoiceFilter(choices=Event.Kind.choices)


class ContractFilter(filters.FilterSet):
    store = filters.CharFilter("store__code", help_text="code of the store")
    customer = filters.UUIDFilter("customer__uid", help_text="uid of the customer")
    vin = filters.CharFilter("vehicle__vin", help_text="the whole VIN")
    type = filters.ChoiceFilter(choices=Contract.Type.choices)
    updated_since = changed_since()
    ends_from = filters.DateFilter("ends_on", "gte", help_text="first day of the end")
    ends_to = filters.DateFilter("ends_on", "lte", help_text="last day of the end")


class ScoreFilter(filters.FilterSet):
    store = filters.CharFilter("store__code", help_text="code of the home store")
    risk = filters.CharFilter("risk", help_text="high, medium or low")
    overdue = filters.BooleanFilter("overdue")


class ValuationFilter(filters.FilterSet):
    level = filters.ChoiceFilter("unit__level", choices=Unit.Level.choices)


class DeidentifiedFilter(filters.FilterSet):
    segment = filters.CharFilter("segment", help_text="person or organisation")


class PolicyFilter(filters.FilterSet):
    division = filters.CharFilter("unit__code", help_text="code of the division or group")
    model = filters.CharFilter("model")
    updated_since = changed_since()


class OfMonths(filters.FilterSet):
    """Rows of a unit by month."""

    unit = filters.CharFilter("unit__code", help_text="code of the unit")
    month_from = filters.DateFilter("month", "gte", help_text="first day of the first month")
    month_to = filters.DateFilter("month", "lte", help_text="first day of the last month")
    updated_since = changed_since()


class FinancialsFilter(OfMonths):
    scope = filters.CharFilter("scope", help_text="after_sales or store")


class TargetFilter(OfMonths):
    metric = filters.CharFilter("metric")


class MarketingFilter(filters.FilterSet):
    store = filters.CharFilter("store__code", help_text="code of the store")
    channel = filters.CharFilter("channel")
    month_from = filters.DateFilter("month", "gte", help_text="first day of the first month")
    month_to = filters.DateFilter("month", "lte", help_text="first day of the last month")
    updated_since = changed_since()


class ComparableFilter(filters.FilterSet):
    name = filters.CharFilter("name")
    updated_since = changed_since()


class ImportFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=ImportRun.Status.choices)
