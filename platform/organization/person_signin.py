"""An administrator's page on how a person signs in: sessions, second factor, tokens, new password.

Nothing here lets an administrator see or choose a password: the person gets a link, good once and
for one hour, handed over by whatever way the two have.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from organization.account_page import end_sessions, open_sessions, session_table
from organization.audit import record
from organization.models import Account, Staff
from organization.people import administered
from organization.requests import SignedInRequest
from organization.second_factor import factor_of
from organization.signing_in import note
from organization.token_pages import revoke
from organization.tokens import valid_tokens


def _found(request: SignedInRequest, pk: int) -> tuple[Staff, Account]:
    access = request.access
    person = administered(access).select_related("account").filter(pk=pk).first()
    if person is None or person.account is None:
        raise Http404
    return person, person.account


def _page(request: SignedInRequest, person: Staff, account: Account, **shown: Any) -> HttpResponse:
    access = request.access
    context = {
        "person": person,
        "oneself": person.pk == access.staff_id,
        "factor": factor_of(account),
        "sessions": session_table(open_sessions(account)),
        "tokens": list(account.tokens.filter(valid_tokens()).order_by("-created_at")),
        **shown,
    }
    return render(request, "organization/person_signin.html", context)


@never_cache
@require_safe
def person_signin(request: SignedInRequest, pk: int) -> HttpResponse:
    return _page(request, *_found(request, pk))


@never_cache
@require_POST
def change_person_signin(request: SignedInRequest, pk: int) -> HttpResponse:
    """Do one thing: ``link``, ``sessions``, ``factor``, or ``token`` with its id."""
    access = request.access
    person, account = _found(request, pk)
    if person.pk == access.staff_id:
        messages.error(request, _("Your own sign-in is on your account page."))
        return redirect("account")
    match request.POST.get("do"):
        case "link" if account.is_active:
            record(access, "password_link_made", person.username)
            return _page(
                request, person, account, link=request.build_absolute_uri(link_to(account))
            )
        case "sessions":
            ended = end_sessions(account)
            record(access, "sessions_ended", person.username, sessions=ended)
            messages.success(request, _("All sessions of this person are ended."))
        case "factor" if factor := factor_of(account):
            factor.delete()
            end_sessions(account)
            record(access, "second_factor_removed", person.username)
            messages.success(request, _("The second factor is removed and all sessions are ended."))
        case "token":
            revoke(request, account, request.POST.get("token", ""))
    return redirect("person_signin", pk)


def link_to(account: Account) -> str:
    """The path under which the person sets a password; good once, and for an hour."""
    uid = urlsafe_base64_encode(force_bytes(account.pk))
    return reverse("set_password", args=[uid, default_token_generator.make_token(account)])


class NewPasswordForm(SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


@method_decorator(login_not_required, name="dispatch")
class SetPassword(PasswordResetConfirmView):
    """Where the link leads. Django moves its secret into the session, out of the address."""

    template_name = "organization/password_set.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy(settings.LOGIN_URL)

    def get_user(self, uidb64: str) -> Any:
        account = super().get_user(uidb64)
        return account if account is not None and account.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        end_sessions(form.user)
        note(form.user, "password_reset", self.request)
        messages.success(self.request, _("The password is set. Sign in with it."))
        return response
