"""Pages of the second factor: the step at sign-in, and setting up, renewing and removing it."""

from io import BytesIO
from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from organization.access import Access, entered
from organization.attempts import WINDOW_SECONDS, code_limit, count_try, succeeded
from organization.audit import record
from organization.models import Account
from organization.requests import SignedInRequest
from organization.sealing import seal, unseal
from organization.second_factor import (
    accept,
    address_of,
    demanded,
    factor_of,
    mark_passed,
    new_secret,
    renew_recovery_codes,
    set_up,
    step_of,
)
from organization.signing_in import note, open_session, pending_account

# The secret that is shown and not confirmed yet, sealed, in the session of who sets it up.
SETUP = "second_factor_setup"


def _secret(request: SignedInRequest) -> str:
    kept = request.session.get(SETUP)
    if isinstance(kept, str):
        return unseal(kept.encode())
    secret = new_secret()
    request.session[SETUP] = seal(secret).decode()
    return secret


def _setup_context(request: SignedInRequest, account: Account) -> dict[str, Any]:
    secret = _secret(request)
    return {
        "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        "login": account.login,
    }


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: SignedInRequest) -> HttpResponse:
    """The second step of a sign-in: a code, or first setting up the app that makes them."""
    found = pending_account(request)
    if found is None:
        messages.error(request, _("The sign-in took too long; start again."))
        return redirect("signin")
    account, pending = found
    within = Access(tenant_id=account.tenant_id, label=account.login, account_id=account.pk)
    with entered(within):
        factor = factor_of(account)
    template = f"organization/second_step_{'code' if factor else 'setup'}.html"
    context: dict[str, Any] = {} if factor else _setup_context(request, account)
    if request.method != "POST":
        return render(request, template, context)
    limits = [code_limit(account.pk)]
    standing = count_try(limits)
    if standing.over:
        if standing.just_over:
            note(account, "second_factor_locked", request)
        context["locked"] = WINDOW_SECONDS // 60
        answer = render(request, template, context, status=429)
        answer["Retry-After"] = str(WINDOW_SECONDS)
        return answer
    typed, codes = request.POST.get("code", "")[:40], None
    with entered(within):
        if factor:
            way = accept(account, typed)
        else:
            secret = _secret(request)
            step = step_of(secret, typed)
            way = "app" if step is not None else None
            if step is not None:
                codes = set_up(account, secret, step)
    if way is None:
        note(account, "second_factor_failed", request)
        return render(request, template, {**context, "wrong": True})
    succeeded(limits)
    open_session(request, account, by=pending["by"], second=way)
    if codes is None:
        return redirect(pending["to"])
    note(account, "second_factor_set_up", request)
    shown = {"codes": codes, "to": pending["to"]}
    return render(request, "organization/recovery_codes_signed_out.html", shown)


@login_not_required
@never_cache
@require_safe
def qr_code(request: SignedInRequest) -> HttpResponse:
    """The address of the secret being set up, as an SVG picture; only in its own session."""
    found = pending_account(request)
    account = found[0] if found else request.user
    if not isinstance(account, Account) or SETUP not in request.session:
        raise Http404
    code = segno.make(address_of(_secret(request), account.login), error="m", micro=False)
    picture = BytesIO()
    code.save(picture, kind="svg", scale=5, border=4, dark="#000", light="#fff")
    return HttpResponse(picture.getvalue(), content_type="image/svg+xml")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(request: SignedInRequest) -> HttpResponse:
    """One's own second factor: set up, new recovery codes, removal."""
    access = request.access
    account = request.user
    if not isinstance(account, Account):
        raise Http404
    factor = factor_of(account)
    must = demanded(access.roles)
    context: dict[str, Any] = {"factor": factor, "must": must}
    if factor is None:
        context |= _setup_context(request, account)
    if request.method != "POST":
        return render(request, "organization/second_factor.html", context)
    typed = request.POST.get("code", "")[:40]
    if count_try([code_limit(account.pk)]).over:
        context["locked"] = WINDOW_SECONDS // 60
        return render(request, "organization/second_factor.html", context)
    if factor is None:
        secret = _secret(request)
        step = step_of(secret, typed)
        if step is None:
            return render(request, "organization/second_factor.html", {**context, "wrong": True})
        codes = set_up(account, secret, step)
        del request.session[SETUP]
        mark_passed(request.session)
        request.session.cycle_key()
        record(access, "second_factor_set_up", account.username)
    elif accept(account, typed) is None:
        return render(request, "organization/second_factor.html", {**context, "wrong": True})
    elif request.POST.get("do") == "remove" and not must:
        factor.delete()
        record(access, "second_factor_removed", account.username)
        messages.success(request, _("The second factor is removed."))
        return redirect("account")
    else:
        factor.refresh_from_db()
        codes = renew_recovery_codes(factor)
        record(access, "recovery_codes_renewed", account.username)
    succeeded([code_limit(account.pk)])
    return render(request, "organization/recovery_codes.html", {"codes": codes})
