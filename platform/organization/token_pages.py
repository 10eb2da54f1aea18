"""One's own API tokens: made, shown once, listed, revoked."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from organization.access import Access
from organization.account_page import own_account
from organization.audit import record
from organization.models import Account, ApiToken, Unit
from organization.requests import SignedInRequest
from organization.tokens import LONGEST_DAYS, make_token, valid_tokens

MOST_TOKENS = 20


class TokenForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("What it is for"), max_length=80)
    scope = forms.ChoiceField(label=gettext_lazy("Scope"), choices=ApiToken.Scope.choices)
    unit = forms.ChoiceField(label=gettext_lazy("Limited to"), required=False)
    days = forms.IntegerField(
        label=gettext_lazy("Days until it expires"), min_value=1, max_value=LONGEST_DAYS, initial=90
    )

    def __init__(self, units: list[Unit], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = [  # type: ignore[attr-defined]
            ("", _("All that you see")),
            *((str(unit.pk), unit.name) for unit in units),
        ]


def _units(access: Access) -> list[Unit]:
    units = Unit.objects.visible_to(access)
    if not access.all_units:
        units = units.filter(pk__in=access.units)
    return list(units.order_by("path"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: SignedInRequest) -> HttpResponse:
    access = request.access
    own = own_account(request)
    form = TokenForm(_units(access), request.POST or None)
    made = None
    if request.method == "POST" and form.is_valid():
        if own.tokens.filter(valid_tokens()).count() >= MOST_TOKENS:
            form.add_error(None, _("That many tokens are enough; revoke one first."))
        else:
            chosen = form.cleaned_data
            units = [int(chosen["unit"])] if chosen["unit"] else []
            made = make_token(
                *(own, chosen["name"]), scope=chosen["scope"], units=units, days=chosen["days"]
            )
            record(
                *(access, "token_made", own.username),
                token=made.row.start,
                scope=made.row.scope,
                units=units,
                expires=made.row.expires_at.date().isoformat(),
            )
            form = TokenForm(_units(access))
    rows = list(own.tokens.order_by("-created_at")[:100])
    names = dict(Unit.objects.values_list("pk", "name"))
    now = timezone.now()
    for row in rows:
        row.words = ", ".join(names.get(pk, "?") for pk in row.units)  # type: ignore[attr-defined]
        row.alive = row.revoked_at is None and row.expires_at > now  # type: ignore[attr-defined]
    context = {"form": form, "made": made, "tokens": rows}
    return render(request, "organization/tokens.html", context)


def revoke(request: SignedInRequest, account: Account, pk: str) -> None:
    """Revoke a token of ``account`` at once; one of somebody else is left alone."""
    access = request.access
    found = account.tokens.filter(pk=pk if pk.isdecimal() and len(pk) < 19 else 0, revoked_at=None)
    token = found.first()
    if token is None:
        return
    found.update(revoked_at=timezone.now())
    record(access, "token_revoked", account.username, token=token.start)
    messages.success(request, _("The token is revoked."))


@require_POST
def revoke_token(request: SignedInRequest) -> HttpResponse:
    revoke(request, own_account(request), request.POST.get("token", ""))
    return redirect("tokens")
