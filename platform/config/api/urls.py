"""Addresses below /api/v1/."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter
from rest_framework.routers import SimpleRouter

from config.api import runs, views
from config.api.bulk import Bulk
from config.api.root import Root
from customers.importing.kinds import KINDS


class UnitCode(StringConverter):
    """A unit's code: any text that PostgreSQL can hold."""

    regex = r"[^/\0]+"


register_converter(UnitCode, "unit_code")
router = SimpleRouter(use_regex_path=False)
RESOURCES = {
    "units": views.Units,
    "customers": views.Customers,
    "vehicles": views.Vehicles,
    "visits": views.Visits,
    "visit_lines": views.VisitLines,
    "surveys": views.Surveys,
    "contracts": views.Contracts,
    "events": views.Events,
    "scores": views.Scores,
    "valuations": views.Valuations,
    "deidentified": views.Deidentified,
    "staff": views.People,
    "policies": views.Policies,
    "marketing": views.Marketing,
    "financials": views.Financials,
    "targets": views.Targets,
    "comparables": views.Comparables,
    "imports": runs.Imports,
}
for name, resource in RESOURCES.items():
    router.register(name, resource, basename=f"api_{name}")

urlpatterns = [
    path("", Root.as_view(resources=tuple(RESOURCES)), name="api_root"),
    *(path(f"{kind}/bulk", Bulk.as_view(kind=kind), name=f"api_bulk_{kind}") for kind in KINDS),
    *router.urls,
]
