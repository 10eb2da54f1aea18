"""Signing in with the group's own identity provider (OpenID Connect), switched on by settings.

The protocol (discovery, state, nonce, PKCE, signature and claims of the ID token) is Authlib's.
What is decided here: which account a proven identity is. None is made: no account, no role.
"""

from typing import Any

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.django_client import OAuth
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from joserfc.errors import JoseError
from requests.exceptions import RequestException

from organization.models import Account
from organization.signin import find_account
from organization.signing_in import go_on, open_session

NEXT = "oidc_next"
SECONDS = 10  # for each request to the provider


def configured() -> bool:
    return bool(settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID)


def only() -> bool:
    """Whether people may sign in with the provider alone."""
    return configured() and bool(settings.OIDC_ONLY)


def label() -> str:
    return str(settings.OIDC_LABEL)


def _client() -> Any:
    if not configured():
        raise Http404
    return OAuth().register(
        "oidc",
        client_id=settings.OIDC_CLIENT_ID,
        client_secret=settings.OIDC_CLIENT_SECRET,
        server_metadata_url=settings.OIDC_ISSUER.rstrip("/") + "/.well-known/openid-configuration",
        client_kwargs={
            "scope": settings.OIDC_SCOPE,
            "code_challenge_method": "S256",
            "timeout": SECONDS,
        },
    )


def account_of(claims: dict[str, Any]) -> Account | None:
    """The open account of the identity that the provider vouches for.

    The claim of the settings is the login, or with ``OIDC_GROUP`` the username within that group.
    An e-mail address counts only as far as the provider has verified it.
    """
    name = claims.get(settings.OIDC_CLAIM)
    if not isinstance(name, str) or not name:
        return None
    if settings.OIDC_CLAIM == "email" and claims.get("email_verified") is not True:
        return None
    if settings.OIDC_GROUP:
        name = f"{name.partition('@')[0]}@{settings.OIDC_GROUP}"
    account = find_account(name)
    return account if account and account.is_active else None


@login_not_required
@never_cache
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider."""
    client = _client()
    to = request.GET.get("next", "")
    here = {request.get_host()}
    safe = url_has_allowed_host_and_scheme(to, here, require_https=request.is_secure())
    request.session[NEXT] = to if safe else reverse(settings.LOGIN_REDIRECT_URL)
    back = request.build_absolute_uri(reverse("oidc_return"))
    try:
        sent: HttpResponse = client.authorize_redirect(request, back)
    except (OAuthError, RequestException, ValueError):
        return _refused(request, _("The identity provider does not answer; try again later."))
    return sent


@login_not_required
@never_cache
@require_safe
def come_back(request: HttpRequest) -> HttpResponse:
    """Take the provider's answer; open the session or ask for our own second factor."""
    to = str(request.session.get(NEXT, "/"))
    try:
        token = _client().authorize_access_token(request)
    except (OAuthError, JoseError, RequestException, ValueError, KeyError):
        return _refused(request, _("The identity provider did not confirm who you are."))
    claims = token.get("userinfo") or {}
    account = account_of(claims)
    if account is None:
        return _refused(
            request, _("This identity has no open account here; ask your administrator.")
        )
    if "mfa" in (claims.get("amr") or ()):
        # The provider has asked for two factors itself, and says so (RFC 8176).
        open_session(request, account, by="oidc", second="provider")
        return redirect(to)
    return go_on(request, account, to, by="oidc")


def _refused(request: HttpRequest, why: str) -> HttpResponse:
    messages.error(request, why)
    return redirect("signin")
