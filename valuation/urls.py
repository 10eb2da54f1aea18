"""Addresses of the valuation pages."""

from django.contrib.auth.decorators import login_required
from django.urls import include, path

from valuation import (
    assumption_form,
    assumption_page,
    bridge_page,
    dashboard,
    deidentified,
    drilldown,
    league,
    reconciliation,
)
from valuation.calculators import pages as calculator_pages
from valuation.pools import pages
from valuation.reports import deal_page
from valuation.reports import pages as report_pages
from valuation.scenarios import pages as scenarios
from valuation.structure import pages as structure_pages

urlpatterns = [
    path("", include("valuation.indicators.urls")),
    path("", include("valuation.segments.urls")),
    path("value/", login_required(dashboard.dashboard), name="valuation_dashboard"),
    path("value/now", login_required(dashboard.value_now), name="value_now"),
    path("value/assumptions/", login_required(assumption_page.assumptions), name="assumptions"),
    path(
        "value/assumptions/new",
        login_required(assumption_form.new_version),
        name="new_assumptions",
    ),
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
    path("value/reports/", login_required(report_pages.exports), name="exports"),
    path("value/reports/<int:pk>/", login_required(report_pages.export), name="export"),
    path(
        "value/reports/<int:pk>/progress",
        login_required(report_pages.export_progress),
        name="export_progress",
    ),
    path(
        "value/reports/<int:pk>/file", login_required(report_pages.export_file), name="export_file"
    ),
    path(
        "value/reports/monthly/<str:code>/",
        login_required(report_pages.monthly),
        name="monthly_report",
    ),
    path("value/calculators/", login_required(calculator_pages.calculators), name="calculators"),
    path(
        "value/calculators/<slug:slug>/",
        login_required(calculator_pages.calculator),
        name="calculator",
    ),
    path("value/structures/", login_required(structure_pages.structures), name="structures"),
    path("value/structures/<int:pk>/", login_required(structure_pages.structure), name="structure"),
    path(
        "value/structures/<int:pk>/workbook",
        login_required(deal_page.structure_workbook),
        name="structure_workbook",
    ),
    path(
        "value/structures/of/<str:code>/",
        login_required(structure_pages.draft),
        name="structure_draft",
    ),
    path(
        "value/structures/of-pool/<int:pk>/",
        login_required(structure_pages.draft_of_pool),
        name="structure_of_pool",
    ),
    path("value/<str:code>/", login_required(dashboard.dashboard), name="valued_unit"),
    path("value/<str:code>/bridge/", login_required(bridge_page.bridge), name="valued_bridge"),
    path(
        "value/<str:code>/books/",
        login_required(reconciliation.reconciliation),
        name="valued_reconciliation",
    ),
    path("value/<str:code>/cohorts/", login_required(drilldown.cohorts), name="valued_cohorts"),
    path(
        "value/<str:code>/customers/", login_required(drilldown.customers), name="valued_customers"
    ),
    path("value/<str:code>/task", login_required(league.create_task), name="create_task"),
]
