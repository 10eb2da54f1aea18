"""How often one may try: counted in the database, shared by all workers, kept when Redis is not.

Three limits stand beside each other, each over 15 minutes. A login from one address: guessing. A
login from anywhere: guessing spread over addresses; it is wider, so that a stranger cannot lock
somebody out with ten attempts. An address with any login: one password tried on many people.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from organization.models import SignInAttempt

WINDOW_SECONDS = 15 * 60
LIMIT = 10
LIMIT_OF_LOGIN = 40
LIMIT_OF_ADDRESS = 80
LIMIT_OF_CODES = 5


@dataclass(frozen=True)
class Limit:
    """At most ``most`` tries of ``what`` in one window."""

    kind: str
    what: str
    most: int

    @property
    def key(self) -> bytes:
        # Keyed: a login typed by mistake may be a password, and addresses are personal data.
        message = f"{self.kind}\0{self.what}".encode(errors="replace")
        return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).digest()


@dataclass(frozen=True)
class Standing:
    """``over``: no further try now. ``just_over``: this try was the first one too many."""

    over: bool
    just_over: bool


def limits_of(login: str, address: str) -> list[Limit]:
    login = login.strip().lower()
    return [
        Limit("pair", f"{login}\0{address}", LIMIT),
        Limit("login", login, LIMIT_OF_LOGIN),
        Limit("address", address, LIMIT_OF_ADDRESS),
    ]


def code_limit(account_id: int) -> Limit:
    return Limit("code", str(account_id), LIMIT_OF_CODES)


def count_try(limits: Sequence[Limit]) -> Standing:
    """Count one try of each, before it is checked: parallel ones must not slip through."""
    now = timezone.now()
    ends = now + timedelta(seconds=WINDOW_SECONDS)
    limits = sorted(limits, key=lambda limit: limit.key)
    most = {limit.key: limit.most for limit in limits}
    with transaction.atomic():
        SignInAttempt.objects.bulk_create(
            [SignInAttempt(key=key, window_ends_at=ends) for key in most], ignore_conflicts=True
        )
        # In the order of keys: two sign-ins that share one must not wait for each other crosswise.
        rows = SignInAttempt.objects.select_for_update().filter(key__in=most).order_by("key")
        counted = list(rows)
        for row in counted:
            if row.window_ends_at <= now:
                row.count, row.window_ends_at = 0, ends
            row.count += 1
        SignInAttempt.objects.bulk_update(counted, ["count", "window_ends_at"])
    excess = [row.count - most[bytes(row.key)] for row in counted]
    return Standing(max(excess) > 0, max(excess) == 1)


def succeeded(limits: Sequence[Limit]) -> None:
    """After a success the counts start anew, except that of the address: a right password among
    wrong ones does not excuse those."""
    keys = [limit.key for limit in limits if limit.kind != "address"]
    SignInAttempt.objects.filter(key__in=keys).delete()


def forget_expired() -> int:
    """Delete counts whose window is over; returns how many."""
    return SignInAttempt.objects.filter(window_ends_at__lt=timezone.now()).delete()[0]


def client_address(request: HttpRequest) -> str:
    """Where a request came from.

    Behind the TLS proxy that the settings name, the last entry of X-Forwarded-For is what that
    proxy saw; what stands before it was written by the client and proves nothing.
    """
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.HTTPS else ""
    seen = forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))
    return seen[:45]  # the longest form of an IPv6 address
