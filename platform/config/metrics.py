"""Prometheus metrics, for the monitor only."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

# Loopback and the private ranges of RFC 1918 and RFC 4193; Python's `is_private` holds far more.
NEIGHBOURS = [
    ip_network(range_)
    for range_ in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"),
    )
]


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
    return bool(peer) and any(ip_address(peer) in network for network in NEIGHBOURS)


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_scrape(request):
        raise Http404
    response: HttpResponse = ExportToDjangoView(request)
    return response
