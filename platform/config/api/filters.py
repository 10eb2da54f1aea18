"""What a list can be narrowed by. A parameter that is not named here is refused."""

from django_filters import rest_framework as filters

from customers.models import Contract, Event
from customers.models.people import CustomerKind
from organization.models import Unit


class UnitFilter(filters.FilterSet):
    level = filters.ChoiceFilter(choices=Unit.Level.choices)
    parent = filters.CharFilter("parent__code", help_text="code of the unit above")


class CustomerFilter(filters.FilterSet):
    home_store = filters.CharFilter("home_store__code", help_text="code of the home store")
    kind = filters.ChoiceFilter(choices=CustomerKind.choices)
    tag = filters.CharFilter("tags__code", help_text="code of one tag")
    created_from = filters.DateFilter("created_on", "gte", help_text="first day")
    created_to = filters.DateFilter("created_on", "lte", help_text="last day")


class VehicleFilter(filters.FilterSet):
    vin = filters.CharFilter("vin", help_text="the whole VIN")
    plate = filters.CharFilter("plate", help_text="the whole plate")
    brand = filters.CharFilter("brand")


class OfStore(filters.FilterSet):
    """Rows of one store, customer and span of days."""

    store = filters.CharFilter("store__code", help_text="code of the store")
    customer = filters.UUIDFilter("customer__uid", help_text="uid of the customer")
    day_from = filters.DateFilter("day", "gte", help_text="first day")
    day_to = filters.DateFilter("day", "lte", help_text="last day")


class EventFilter(OfStore):
    kind = filters.ChoiceFilter(choices=Event.Kind.choices)


class ContractFilter(filters.FilterSet):
    store = filters.CharFilter("store__code", help_text="code of the store")
    customer = filters.UUIDFilter("customer__uid", help_text="uid of the customer")
    type = filters.ChoiceFilter(choices=Contract.Type.choices)
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
