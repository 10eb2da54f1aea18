"""Addresses of the valuation pages."""

from django.contrib.auth.decorators import login_required
from django.urls import include, path

from valuation import assumption_page, dashboard, deidentified, drilldown, league
from valuation.pools import pages
from valuation.scenarios import pages as scenarios

urlpatterns = [
    path("", include("valuation.indicators.urls")),
    path("value/", login_required(dashboard.dashboard), name="valuation_dashboard"),
    path("value/now", login_required(dashboard.value_now), name="value_now"),
    path("value/assumptions/", login_required(assumption_page.assumptions), name="assumptions"),
    path("value/rows/", login_required(deidentified.deidentified), name="deidentified_rows"),
    path("value/approve/<int:pk>", login_required(dashboard.approve), name="approve_valuation"),
    path("value/scenarios/", login_required(scenarios.scenarios), name="scenarios"),
    path("value/scenarios/store", login_required(scenarios.store_scenario), name="store_scenario"),
    path("value/pools/", login_required(pages.pools), name="pools"),
    path("value/pools/new", login_required(pages.builder), name="pool_builder"),
    path("value/pools/band", login_required(pages.band), name="pool_band"),
    path("value/pools/cut", login_required(pages.cut), name="cut_pool"),
    path("value/pools/<int:pk>/", login_required(pages.pool), name="pool"),
    path("value/pools/<int:pk>/renew", login_required(pages.renew), name="renew_pool"),
    path("value/pools/<int:pk>/<str:form>", login_required(pages.export), name="pool_export"),
    path("value/<str:code>/", login_required(dashboard.dashboard), name="valued_unit"),
    path("value/<str:code>/cohorts/", login_required(drilldown.cohorts), name="valued_cohorts"),
    path(
        "value/<str:code>/customers/", login_required(drilldown.customers), name="valued_customers"
    ),
    path("value/<str:code>/task", login_required(league.create_task), name="create_task"),
]
