"""Signing in and out, and the language of an account."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from organization import oidc
from organization.access import Access
from organization.attempts import (
    WINDOW_SECONDS,
    client_address,
    count_try,
    limits_of,
    succeeded,
)
from organization.audit import record
from organization.models import Account
from organization.signin import find_account
from organization.signing_in import go_on, note


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": gettext_lazy(
            "Login and password do not fit together, or the account is closed. If several groups"
            " use this installation, sign in as name@group-code."
        ),
        "inactive": gettext_lazy("The account is closed."),
    }

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        # Both fields are needed, as everybody knows: no mark says so.
        super().__init__(request, *args, **{"label_suffix": "", **kwargs})
        self.fields["username"].label = _("Login")
        self.fields["password"].label = _("Password")


class SignIn(LoginView):
    template_name = "organization/signin.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if oidc.only():
            return HttpResponseBadRequest(
                _("Passwords are not used here; sign in with your group.")
            )
        typed = request.POST.get("username", "")[:254]
        known = find_account(typed)
        limits = limits_of(known.login if known else typed, client_address(request))
        standing = count_try(limits)
        if standing.over:
            if known and standing.just_over:
                note(known, "signin_locked", request)
            return self._locked()
        form = self.get_form()
        if not form.is_valid():
            if known:
                note(known, "signin_failed", request)
            return self.form_invalid(form)
        succeeded(limits)
        account = form.get_user()
        if not isinstance(account, Account):
            raise TypeError("The form must yield an account.")
        return go_on(request, account, self.get_success_url(), by="password")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **kwargs,
            oidc=oidc.label() if oidc.configured() else "",
            passwords=not oidc.only(),
            demonstration=settings.PARCFOLIO_DEMO and not settings.SECOND_FACTOR,
        )

    def _locked(self) -> HttpResponse:
        """The same answer whether or not the login exists."""
        context = {**self.get_context_data(form=SignInForm()), "locked": WINDOW_SECONDS // 60}
        return self.render_to_response(
            context, status=429, headers={"Retry-After": str(WINDOW_SECONDS)}
        )


class SignOut(LogoutView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        access: Access | None = request.access  # type: ignore[attr-defined]
        if access is not None:
            record(access, "signout", access.label, address=client_address(request))
        return super().post(request, *args, **kwargs)


@login_not_required
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keep the language on this device and, signed in, on the account; then go back."""
    chosen = request.POST.get("language", "")
    if chosen not in dict(settings.LANGUAGES):
        return HttpResponseBadRequest(_("The language must be one of: zh-hans, en."))
    if request.user.is_authenticated:
        Account.objects.filter(pk=request.user.pk).update(language=chosen)
    response: HttpResponse = set_language(request)
    return response
