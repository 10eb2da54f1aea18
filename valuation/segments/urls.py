"""Addresses of the segments."""

from django.contrib.auth.decorators import login_required
from django.urls import path

from valuation.segments import customer_page, load_page, pages

urlpatterns = [
    path("value/segments/", login_required(pages.start), name="segments_start"),
    path("value/segments/<str:code>/", login_required(pages.segments), name="segments"),
    path("value/segments/<str:code>/due", login_required(pages.due_calendar), name="due_calendar"),
    path("value/segments/<str:code>/load", login_required(load_page.workload), name="workload"),
    path(
        "value/segments/<str:code>/load.csv",
        login_required(load_page.workload_csv),
        name="workload_csv",
    ),
    path(
        "value/segments/<str:code>/customers",
        login_required(customer_page.customers),
        name="segment_customers",
    ),
    path(
        "value/segments/<str:code>/customers.csv",
        login_required(customer_page.customers_csv),
        name="segment_csv",
    ),
]
