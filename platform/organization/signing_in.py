"""The steps of signing in: the first factor, the second where one is asked for, the session."""

import time
from typing import Any

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from organization.access import Access, entered
from organization.attempts import client_address
from organization.audit import record
from organization.models import Account
from organization.roles import access_of
from organization.second_factor import demanded, factor_of, mark_passed
from organization.session_store import ADDRESS, DEVICE, SIGNED_IN_AT

# A sign-in that waits for its second step: in the session of a browser that is nobody yet.
PENDING = "pending_sign_in"
PENDING_SECONDS = 10 * 60
BACKEND = "organization.signin.LoginBackend"


def note(account: Account, action: str, request: HttpRequest, **detail: Any) -> None:
    """Write an event of somebody who is not signed in (yet) into the trail of their group."""
    access = Access(tenant_id=account.tenant_id, label=account.login, account_id=account.pk)
    with entered(access):
        record(access, action, account.username, address=client_address(request), **detail)


def needs_second_step(account: Account) -> bool:
    """Whether the account has a second factor, or holds a role that must have one."""
    access = Access(tenant_id=account.tenant_id, label=account.login)
    with entered(access):
        if factor_of(account) is not None:
            return True
        return demanded(access_of(account, timezone.localdate()).roles)


def go_on(request: HttpRequest, account: Account, to: str, *, by: str) -> HttpResponse:
    """After the first factor: ask for the second one, or open the session.

    ``by``: what the first factor was, for the trail.
    """
    if not needs_second_step(account):
        open_session(request, account, by=by)
        return redirect(to)
    # The browser stays nobody until the second step is done.
    request.session.flush()
    request.session[PENDING] = {
        "account": account.pk,
        "hash": account.get_session_auth_hash(),
        "until": time.time() + PENDING_SECONDS,
        "to": to,
        "by": by,
    }
    return redirect("second_step")


def pending_account(request: HttpRequest) -> tuple[Account, dict[str, Any]] | None:
    """Who is between the two steps of signing in; None after ten minutes or a new password."""
    pending = request.session.get(PENDING)
    if not isinstance(pending, dict) or pending["until"] < time.time():
        return None
    account = Account.objects.filter(pk=pending["account"], is_active=True).first()
    if account is None or not constant_time_compare(
        account.get_session_auth_hash(), pending["hash"]
    ):
        return None
    return account, pending


def open_session(request: HttpRequest, account: Account, *, by: str, second: str = "") -> None:
    """Sign in: a new session key, the marks that the list of sessions shows, an event."""
    request.session.flush()
    login(request, account, backend=BACKEND)
    request.session[SIGNED_IN_AT] = timezone.now().isoformat()
    request.session[ADDRESS] = client_address(request)
    request.session[DEVICE] = request.headers.get("User-Agent", "")[:200]
    if second:
        mark_passed(request.session)
    note(account, "signin", request, by=by, **({"second": second} if second else {}))
