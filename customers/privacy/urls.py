"""Addresses of the pages about personal data."""

from django.contrib.auth.decorators import login_required
from django.urls import path

from customers.privacy import consents, pages, walk_in

urlpatterns = [
    path("privacy/", login_required(pages.requests), name="privacy"),
    path("privacy/policy", login_required(pages.set_policy), name="privacy_policy"),
    path("privacy/requests/<int:pk>", login_required(pages.carry_out), name="privacy_carry_out"),
    path("customers/<uuid:uid>/privacy", login_required(pages.person), name="customer_privacy"),
    path(
        "customers/<uuid:uid>/privacy/requests",
        login_required(pages.take),
        name="customer_privacy_request",
    ),
    path(
        "customers/<uuid:uid>/statement",
        login_required(consents.statement),
        name="customer_statement",
    ),
    path("walk-in/", login_required(walk_in.walk_in), name="walk_in"),
]
