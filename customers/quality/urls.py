"""Addresses of the data-quality pages."""

from django.contrib.auth.decorators import login_required
from django.urls import path

from customers.quality.pages import overview, renew, store

urlpatterns = [
    path("data/quality/", login_required(overview), name="data_quality"),
    path("data/quality-report", login_required(renew), name="data_quality_renew"),
    path("data/quality/<path:code>/", login_required(store), name="data_quality_store"),
]
