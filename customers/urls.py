"""Addresses of the pages that advisors and store managers work with."""

from django.contrib.auth.decorators import login_required
from django.urls import include, path

from customers.contact import reveal
from customers.customer_list import customers
from customers.follow_up_list import customer_outcome, follow_up_outcome, follow_ups
from customers.profile import profile
from customers.start import start
from customers.timeline import timeline
from customers.transfer import transfer

urlpatterns = [
    path(
        "people/<int:pk>/assignments/<int:assignment_pk>/transfer",
        login_required(transfer),
        name="transfer",
    ),
    path("", include("customers.identity.urls")),
    path("", include("customers.privacy.urls")),
    path("", login_required(start), name="start"),
    path("customers/", login_required(customers), name="customers"),
    path("customers/<uuid:uid>/", login_required(profile), name="customer"),
    path("customers/<uuid:uid>/timeline", login_required(timeline), name="customer_timeline"),
    path("customers/<uuid:uid>/contact", login_required(reveal), name="customer_reveal"),
    path("customers/<uuid:uid>/outcome", login_required(customer_outcome), name="customer_outcome"),
    path("follow-ups/", login_required(follow_ups), name="follow_ups"),
    path(
        "follow-ups/<int:pk>/outcome", login_required(follow_up_outcome), name="follow_up_outcome"
    ),
]
