"""Addresses below /api/v1/."""

from django.urls import register_converter
from django.urls.converters import StringConverter
from rest_framework.routers import SimpleRouter

from config.api import views


class UnitCode(StringConverter):
    """A unit's code: any text that PostgreSQL can hold."""

    regex = r"[^/\0]+"


register_converter(UnitCode, "unit_code")
router = SimpleRouter(use_regex_path=False)
for name, resource in {
    "units": views.Units,
    "customers": views.Customers,
    "vehicles": views.Vehicles,
    "visits": views.Visits,
    "surveys": views.Surveys,
    "contracts": views.Contracts,
    "events": views.Events,
    "scores": views.Scores,
    "valuations": views.Valuations,
    "deidentified": views.Deidentified,
}.items():
    router.register(name, resource, basename=f"api_{name}")

urlpatterns = router.urls
