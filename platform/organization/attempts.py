"""How often one may try to sign in: ten failures for a login from one address in 15 minutes."""

import hashlib

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

LIMIT = 10
WINDOW_SECONDS = 15 * 60


def client_address(request: HttpRequest) -> str:
    """Where a request came from.

    Behind the TLS proxy that the settings name, the last entry of X-Forwarded-For is what that
    proxy saw; what stands before it was written by the client and proves nothing.
    """
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.HTTPS else ""
    seen = forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))
    return seen[:45]  # the longest form of an IPv6 address


def _key(login: str, address: str) -> str:
    digest = hashlib.sha256(f"{login.strip().lower()}\0{address}".encode()).hexdigest()
    return f"signin:{digest}"


def count_attempt(login: str, address: str) -> int:
    """Count an attempt before its password is checked: parallel ones must not slip through."""
    key = _key(login, address)
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        return int(cache.incr(key))
    except ValueError:  # the window ended between the two calls
        cache.set(key, 1, WINDOW_SECONDS)
        return 1


def forget_attempts(login: str, address: str) -> None:
    """After a success the count starts anew."""
    cache.delete(_key(login, address))
