"""One's own account: password, second factor, open sessions."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from organization import oidc
from organization.attempts import Limit, count_try, succeeded
from organization.audit import record
from organization.models import Account, Session
from organization.requests import SignedInRequest
from organization.second_factor import demanded, factor_of
from organization.session_store import idle_limit, stored_key
from organization.tokens import valid_tokens
from web.tables import Column, Table

_BROWSERS = (
    ("Edg/", "Edge"),
    ("MicroMessenger", "WeChat"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def device_name(agent: str) -> str:
    """Browser and system in two words; what is not known is shown as the browser wrote it."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " · ".join(filter(None, (browser, system))) or agent[:60]


def open_sessions(account: Account) -> QuerySet[Session]:
    """Sessions that still open pages, the last used first."""
    now = timezone.now()
    return Session.objects.filter(
        account=account, expire_date__gt=now, seen_at__gt=now - idle_limit()
    ).order_by("-seen_at")


def end_sessions(account: Account, except_for: str = "") -> int:
    """End all sessions of an account but the one stored under ``except_for``; returns how many."""
    return Session.objects.filter(account=account).exclude(pk=except_for).delete()[0]


def own_account(request: SignedInRequest) -> Account:
    if not isinstance(request.user, Account):
        raise Http404
    return request.user


def this_session(request: SignedInRequest) -> str:
    return stored_key(request.session.session_key or "")


SESSION_COLUMNS = [
    Column("device", gettext_lazy("Device"), value=lambda s: device_name(s.device), wrap=True),
    Column("address", gettext_lazy("Address"), hide_on_phone=True),
    Column("started_at", gettext_lazy("Signed in"), format="instant", hide_on_phone=True),
    Column("seen_at", gettext_lazy("Last used"), format="instant"),
]


@never_cache
@require_safe
def account(request: SignedInRequest) -> HttpResponse:
    access = request.access
    own = own_account(request)
    sessions = list(open_sessions(own))
    for session in sessions:
        session.words = device_name(session.device)  # type: ignore[attr-defined]
    context = {
        "login": own.login,
        "factor": factor_of(own),
        "must": demanded(access.roles),
        "passwords": own.has_usable_password() and not oidc.only(),
        "sessions": sessions,
        "current": this_session(request),
        "tokens": own.tokens.filter(valid_tokens()).count(),
    }
    return render(request, "organization/account.html", context)


@require_POST
def end_session(request: SignedInRequest) -> HttpResponse:
    """End one of one's own sessions, or all but this one."""
    access = request.access
    own = own_account(request)
    wanted = request.POST.get("session", "")
    if wanted:
        ended = Session.objects.filter(account=own, pk=wanted).delete()[0]
    else:
        ended = end_sessions(own, except_for=this_session(request))
    if ended:
        record(access, "sessions_ended", own.username, sessions=ended)
        messages.success(request, _("Ended. That device must sign in again."))
    return redirect("account")


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: SignedInRequest) -> HttpResponse:
    """Set a new password, knowing the old one; every other session ends."""
    access = request.access
    own = own_account(request)
    if oidc.only() or not own.has_usable_password():
        raise Http404
    form = PasswordChangeForm(own, request.POST or None)
    if request.method == "POST":
        limit = Limit("password change", str(own.pk), 10)
        if count_try([limit]).over:
            form.add_error(None, _("Too many attempts; wait 15 minutes."))
        elif form.is_valid():
            form.save()
            update_session_auth_hash(request, own)
            end_sessions(own, except_for=this_session(request))
            succeeded([limit])
            record(access, "password_changed", own.username)
            messages.success(request, _("The password is changed; other devices are signed out."))
            return redirect("account")
    return render(request, "organization/password_change.html", {"form": form})


def session_table(rows: QuerySet[Session]) -> Table:
    return Table(SESSION_COLUMNS, rows, _("Open sessions"), empty=_("No open session"))
