"""Every request of a signed-in person runs in one transaction, inside that person's access."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from organization.access import Access, become, entered
from organization.attempts import client_address
from organization.audit import record_refusals
from organization.models import Account, ApiToken
from organization.navigation import navigation_of, search_of
from organization.roles import SignedIn, signed_in
from organization.second_factor import demanded, passed
from organization.switching import view_of
from organization.tokens import find_token, narrowed
from web.shell import Choice

# Tokens are for the API; a page that is asked for with one is a page asked for signed out.
API_PATHS = "/api/v1/"


class SignInRequired(LoginRequiredMiddleware):
    """Every page asks for sign-in unless its view says ``login_not_required``."""

    def handle_no_permission(  # type: ignore[override]  # (a part of a page is not redirected)
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        if request.headers.get("HX-Request") != "true":
            return super().handle_no_permission(request, view_func)
        # A session that ended while a page was open: the whole page goes to sign-in, not a part.
        here = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = f"{here.path}?{here.query}" if here.query else here.path or "/"
        to = redirect_to_login(back, self.get_login_url(view_func)).url
        return HttpResponse(status=401, headers={"HX-Redirect": to})


# What a session without the second factor that its person's role needs still opens.
OPEN_WITHOUT_SECOND_FACTOR = ("second_factor", "second_factor_qr", "signout", "set_language")


@dataclass(frozen=True)
class Bearer:
    """The token that a request to the API shows; ``found`` is None where it is not valid."""

    found: ApiToken | None

    @property
    def account(self) -> Account | None:
        return self.found.account if self.found else None


def bearer(request: HttpRequest) -> Bearer | None:
    """The token in the header of a request to the API; None where none is shown."""
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not request.path_info.startswith(API_PATHS):
        return None
    shown = Bearer(find_token(text.strip(), client_address(request)))
    request.bearer = shown  # type: ignore[attr-defined]
    return shown


class AccessMiddleware:
    """Sets ``request.access`` (None when signed out), ``tenant`` and what the page shell shows.

    An answer of status 400 or above rolls back everything that the request wrote: what was
    refused has changed nothing, but what ``audit.note_refusal`` noted is recorded. A streaming
    answer is produced after this context has been left, so its generator must enter an access of
    its own; without one it raises ``NoAccess``.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = bearer(request)
        # Whoever shows a token acts by it alone: a session beside it opens nothing more.
        account = request.user if token is None else token.account
        if not isinstance(account, Account):
            request.access = None  # type: ignore[attr-defined]
            return self.get_response(request)
        with entered(Access(tenant_id=account.tenant_id, label=account.login)):
            person = signed_in(account, view_of(request))
            if token and token.found:
                person = replace(person, access=narrowed(person.access, token.found))
            elif refusal := _without_second_factor(request, person.access):
                return refusal
            become(person.access)
            if account.language:
                translation.activate(account.language)
                request.LANGUAGE_CODE = account.language
            _introduce(request, person)
            with timezone.override(person.tenant.time_zone):
                response = self.get_response(request)
            if response.status_code >= 400:
                transaction.set_rollback(True)
        record_refusals(request, person.access)
        return response


def _without_second_factor(request: HttpRequest, access: Access) -> HttpResponse | None:
    """The answer to somebody whose role came to need a second factor while a session was open."""
    if not demanded(access.roles) or passed(request.session):
        return None
    here = request.path_info
    if here.startswith("/api/"):
        words = _("Your role needs a second factor; set it up on your account page.")
        return JsonResponse({"detail": words}, status=403)
    if here in {reverse(name) for name in OPEN_WITHOUT_SECOND_FACTOR}:
        return None
    messages.warning(request, _("Your role needs a second factor. Set it up to go on."))
    return redirect("second_factor")


def _introduce(request: HttpRequest, person: SignedIn) -> None:
    for name, value in {
        "access": person.access,
        "tenant": person.tenant,
        "account_label": person.name,
        "access_label": person.label,
        "views": [Choice(str(v.pk or ""), v.label, v.chosen) for v in person.views],
        # Parts of pages and the API show neither; they are made when a template asks.
        "navigation": SimpleLazyObject(lambda: navigation_of(person.access)),
        "search": SimpleLazyObject(lambda: search_of(person.access)),
    }.items():
        setattr(request, name, value)
