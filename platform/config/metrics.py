"""Prometheus metrics, for the monitor only."""

from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView


def may_scrape(request: HttpRequest) -> bool:
    """A neighbour on the loopback or private network, or the bearer of METRICS_TOKEN.

    A request that a proxy passed on comes from anywhere, whatever the proxy's own address.
    """
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme == "Bearer":
        return constant_time_compare(token, settings.METRICS_TOKEN)
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    peer = request.META.get("REMOTE_ADDR", "")
    # gunicorn leaves the address empty on a Unix socket, behind which a proxy stands.
    return bool(peer) and ip_address(peer).is_private


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_scrape(request):
        raise Http404
    response: HttpResponse = ExportToDjangoView(request)
    return response
