"""Every request of a signed-in person runs in one transaction, inside that person's access."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject

from organization.access import Access, become, entered
from organization.audit import record_refusals
from organization.models import Account
from organization.navigation import navigation_of, search_of
from organization.roles import SignedIn, signed_in


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
        account = request.user
        if not isinstance(account, Account):
            request.access = None  # type: ignore[attr-defined]
            return self.get_response(request)
        with entered(Access(tenant_id=account.tenant_id, label=account.login)):
            person = signed_in(account)
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


def _introduce(request: HttpRequest, person: SignedIn) -> None:
    for name, value in {
        "access": person.access,
        "tenant": person.tenant,
        "account_label": person.name,
        "access_label": " · ".join(filter(None, (person.unit, person.role))),
        # Parts of pages and the API show neither; they are made when a template asks.
        "navigation": SimpleLazyObject(lambda: navigation_of(person.access)),
        "search": SimpleLazyObject(lambda: search_of(person.access)),
    }.items():
        setattr(request, name, value)
