"""The resources. Every one of them starts from ``visible_to(request.access)``."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, Prefetch, QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from config.api import filters, ledger, serializers
from config.api.answers import Answers
from config.api.paging import ByPseudonym, Cursor
from customers.models import (
    BrandPolicy,
    Comparable,
    Contract,
    Customer,
    CustomerTag,
    Event,
    MarketingSpend,
    MonthlyFinancials,
    Ownership,
    Survey,
    Target,
    Vehicle,
    Visit,
    VisitLine,
)
from ml.models import Score
from ml.publication import current_score_set
from organization.access import Access, Capability, acting
from organization.models import Staff, Unit
from organization.scoping import ScopedQuerySet
from valuation.deidentified import deidentified_rows
from valuation.models import Valuation, ValuedCustomer, ValuedUnit
from valuation.shown import newest_valuation


class Resources(Answers, mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """A list of one model's rows, cut to the access before anything else is asked."""

    http_method_names = ["get", "head", "options"]
    model: type[Model]
    filterset_class: type[FilterSet]
    capability: Capability | None = Capability.SEE_CUSTOMERS
    everywhere = False

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn without a person
            return ScopedQuerySet(self.model).none()
        access: Access = self.request.access  # type: ignore[attr-defined]
        if self.capability is not None:
            access = acting(access, self.capability)
        rows: QuerySet[Any] = self.model.objects.visible_to(access)  # type: ignore[attr-defined]
        return self.rows(rows, access)

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        """Joins and further conditions of the resource."""
        return visible

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        self.refuse_unknown_parameters(self.filterset_class.base_filters)
        return super().list(request, *args, **kwargs)

    def refuse_unknown_parameters(self, known: Iterable[str]) -> None:
        """A misspelt filter must not answer with everything."""
        unknown = set(self.request.query_params) - {"cursor", "page_size", *known}
        if unknown:
            raise ValidationError({n: [_("There is no such parameter.")] for n in sorted(unknown)})


def described(summary: str, detail: str = "") -> Any:
    return extend_schema(summary=summary, description=detail or summary)


@extend_schema_view(
    list=described("Units that you may see: group, divisions, regions, stores"),
    retrieve=described("One unit by its code"),
)
class Units(mixins.RetrieveModelMixin, Resources):
    model = Unit
    capability = None
    serializer_class = serializers.UnitResource
    filterset_class = filters.UnitFilter
    lookup_field = "code"
    lookup_value_converter = "unit_code"

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        # The policy shows everybody the whole tree; the API shows what the access covers.
        reach = access.reach
        own = visible if reach.everything else visible.filter(pk__in=reach.ids)
        return own.select_related("parent")


@extend_schema_view(
    list=described("Customers of your stores", "Names by role in full or masked; no contact data."),
    retrieve=described(
        "One customer by its uid", "404 for a customer of a store that is not yours."
    ),
)
class Customers(mixins.RetrieveModelMixin, Resources):
    model = Customer
    serializer_class = serializers.CustomerResource
    filterset_class = filters.CustomerFilter
    lookup_field = "uid"
    lookup_value_converter = "uuid"

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        tags = Prefetch("tags", CustomerTag.objects.visible_to(access))
        return visible.filter(is_test=False).select_related("home_store").prefetch_related(tags)


@extend_schema_view(list=described("Vehicles of your stores' customers"))
class Vehicles(Resources):
    model = Vehicle
    serializer_class = serializers.VehicleResource
    filterset_class = filters.VehicleFilter

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        owners = Ownership.objects.visible_to(access).select_related("customer")
        return visible.prefetch_related(Prefetch("ownerships", owners))


@extend_schema_view(
    list=described("Repair orders of your stores", "Money in fen (分), net of VAT, by who paid.")
)
class Visits(Resources):
    model = Visit
    serializer_class = serializers.VisitResource
    filterset_class = filters.VisitFilter

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        return visible.select_related("store", "customer", "vehicle")


@extend_schema_view(
    list=described("Lines of repair orders", "Jobs, parts, and work that the customer declined.")
)
class VisitLines(Resources):
    model = VisitLine
    serializer_class = serializers.VisitLineResource
    filterset_class = filters.VisitLineFilter

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        return visible.select_related("store", "visit")


@extend_schema_view(list=described("NPS questions sent, answered or not"))
class Surveys(Resources):
    model = Survey
    serializer_class = serializers.SurveyResource
    filterset_class = filters.OfStore

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        return visible.select_related("store", "customer")


@extend_schema_view(
    list=described("Insurance, warranty, packages, stored value, memberships, finance")
)
class Contracts(Resources):
    model = Contract
    serializer_class = serializers.ContractResource
    filterset_class = filters.ContractFilter

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        return visible.select_related("store", "customer")


@extend_schema_view(list=described("Appointments, complaints, accident reports, recalls, calls"))
class Events(Resources):
    model = Event
    serializer_class = serializers.EventResource
    filterset_class = filters.EventFilter

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        return visible.select_related("store", "customer")


@extend_schema_view(list=described("People who work in the group, and their assignments"))
class People(Resources):
    model = Staff
    capability = Capability.IMPORT_DATA
    everywhere = True
    serializer_class = ledger.StaffResource
    filterset_class = filters.StaffFilter

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        return visible.prefetch_related("assignments__unit")


class OfUnits(Resources):
    """Rows of units, for roles that see values."""

    capability = Capability.SEE_VALUE

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        return visible.select_related("unit")


@extend_schema_view(
    list=described("The brands' service and warranty rules, and how their amounts are booked")
)
class Policies(OfUnits):
    model = BrandPolicy
    capability = Capability.SEE_CUSTOMERS
    serializer_class = ledger.PolicyResource
    filterset_class = filters.PolicyFilter


@extend_schema_view(list=described("Monthly figures of the books", "In fen (分), net of VAT."))
class Financials(OfUnits):
    model = MonthlyFinancials
    serializer_class = ledger.FinancialsResource
    filterset_class = filters.FinancialsFilter


@extend_schema_view(list=described("Targets of units by month"))
class Targets(OfUnits):
    model = Target
    serializer_class = ledger.TargetResource
    filterset_class = filters.TargetFilter


@extend_schema_view(list=described("Marketing spend of stores by month and channel"))
class Marketing(OfUnits):
    model = MarketingSpend
    serializer_class = ledger.MarketingResource
    filterset_class = filters.MarketingFilter

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        return visible.select_related("store")


@extend_schema_view(list=described("Listed and traded peers as of a day"))
class Comparables(OfUnits):
    model = Comparable
    serializer_class = ledger.ComparableResource
    filterset_class = filters.ComparableFilter

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        return visible


class ByCustomer(Cursor):
    ordering = "customer_id"


@extend_schema_view(
    list=described(
        "Scores of the current set",
        "Probabilities and values appear only where your role shows them on the pages.",
    ),
    retrieve=described("The current score of one customer"),
)
class Scores(mixins.RetrieveModelMixin, Resources):
    model = Score
    serializer_class = serializers.ScoreResource
    filterset_class = filters.ScoreFilter
    pagination_class = ByCustomer
    lookup_field = "customer__uid"
    lookup_url_kwarg = "uid"
    lookup_value_converter = "uuid"

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        # Read first: a sub-select would make the planner look into every partition.
        current = current_score_set(access)
        return visible.filter(score_set_id=current.pk if current else 0).select_related(
            "store", "customer", "score_set"
        )


@extend_schema_view(
    list=described(
        "The latest valuation, unit by unit", "Children sum to their parent to the fen."
    ),
    retrieve=described(
        "One unit of the latest valuation", "With months, streams, formula and bridge."
    ),
)
class Valuations(mixins.RetrieveModelMixin, Resources):
    model = ValuedUnit
    capability = Capability.SEE_VALUE
    serializer_class = serializers.ValuedUnitResource
    filterset_class = filters.ValuationFilter
    lookup_field = "unit__code"
    lookup_url_kwarg = "unit"
    lookup_value_converter = "unit_code"

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        latest = Valuation.objects.visible_to(access).order_by("-as_of", "-pk")
        current = latest.values_list("pk", flat=True).first()
        return visible.filter(valuation_id=current or 0).select_related("unit", "valuation")

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        detail = self.action == "retrieve"
        return serializers.ValuedUnitDetail if detail else serializers.ValuedUnitResource


@extend_schema_view(
    list=described(
        "The rows of the latest valuation, de-identified",
        "Random pseudonyms and figures; city and decade of birth only where enough share them.",
    )
)
class Deidentified(Resources):
    model = ValuedCustomer
    capability = Capability.SEE_VALUE
    serializer_class = serializers.DeidentifiedResource
    filterset_class = filters.DeidentifiedFilter
    pagination_class = ByPseudonym

    def rows(self, visible: QuerySet[Any], access: Access) -> QuerySet[Any]:
        valuation = newest_valuation(access)
        return visible.none() if valuation is None else deidentified_rows(access, valuation)
