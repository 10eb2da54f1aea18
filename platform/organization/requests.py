"""The request as views of signed-in people get it."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from organization.access import Access
from organization.models import Tenant
from web.shell import Choice


class SignedInRequest(HttpRequest):
    """What ``organization.middleware`` adds for a signed-in person."""

    access: Access
    tenant: Tenant
    # django-htmx: true for the partial updates of a page.
    htmx: HtmxDetails
    views: list[Choice]
