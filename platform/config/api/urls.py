"""Addresses below /api/v1/."""

from rest_framework.routers import SimpleRouter

from config.api import views

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
}.items():
    router.register(name, resource, basename=f"api_{name}")

urlpatterns = router.urls
