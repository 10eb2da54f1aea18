"""Addresses of the pages about who is one customer."""

from django.contrib.auth.decorators import login_required
from django.urls import path

from customers.identity import pages

urlpatterns = [
    path("data/identity/", login_required(pages.review), name="identity_review"),
    path("data/identity/<int:pk>", login_required(pages.decide), name="identity_decide"),
    path("data/identity/history/", login_required(pages.history), name="identity_history"),
    path(
        "data/identity/history/<int:pk>/undo",
        login_required(pages.undo_decision),
        name="identity_undo",
    ),
    path("customers/<uuid:uid>/numbers/", login_required(pages.numbers), name="customer_numbers"),
    path(
        "customers/<uuid:uid>/numbers/<int:pk>/split",
        login_required(pages.split_number),
        name="customer_split",
    ),
]
