"""The page of special grants: what is lent to whom, why and until when; ask, agree, end."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from organization import grants
from organization.access import CAPABILITY_WORDS, GRANTABLE, Access, Capability
from organization.grants import GrantRefused, NotYours, Status, Wish
from organization.models import Assignment, Grant, Staff, Unit
from organization.people import period
from organization.requests import SignedInRequest
from organization.roles import valid_on
from organization.tree import kind_of
from organization.unit_set import UnitSet
from web.components import Tab
from web.paging import page_number, slice_page
from web.shell import Tone

PAGE = 50
USUAL = timedelta(days=90)
TONES: dict[Status, Tone] = {
    Status.PENDING: "warn",
    Status.COMING: "accent",
    Status.IN_FORCE: "good",
    Status.EXPIRED: "neutral",
    Status.REFUSED: "neutral",
    Status.REVOKED: "bad",
}


class GrantForm(forms.Form):
    """What is asked for; the person is named by login, so that the form lists nobody."""

    login = forms.CharField(
        label=gettext_lazy("Login of the person"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    unit = forms.ChoiceField(label=gettext_lazy("Organization unit"))
    capabilities = forms.MultipleChoiceField(
        label=gettext_lazy("What the person may do there"), widget=forms.CheckboxSelectMultiple
    )
    valid_from = forms.DateField(
        label=gettext_lazy("Starts on"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    valid_to = forms.DateField(
        label=gettext_lazy("Ends before"),
        help_text=gettext_lazy("The day itself is the first one without it; a year at most"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        min_length=10,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, units: list[Unit], today: date, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"valid_from": today, "valid_to": today + USUAL})
        super().__init__(*args, **kwargs)
        self.units = {str(unit.pk): unit for unit in units}
        self.fields["unit"].choices = [  # type: ignore[attr-defined]
            (key, f"{unit.name} · {kind_of(unit)}") for key, unit in self.units.items()
        ]
        self.fields["capabilities"].choices = [  # type: ignore[attr-defined]
            (c.value, capfirst(str(CAPABILITY_WORDS[c]))) for c in GRANTABLE
        ]

    def clean_login(self) -> Staff:
        typed = self.cleaned_data["login"].strip().partition("@")[0]
        person = Staff.objects.filter(username__iexact=typed, account__is_active=True).first()
        if person is None:
            raise forms.ValidationError(_("Nobody who may sign in has this login."))
        return person

    def wish(self) -> Wish:
        given = self.cleaned_data
        return Wish(
            staff=given["login"],
            unit=self.units[given["unit"]],
            capabilities=[Capability(value) for value in given["capabilities"]],
            reason=given["reason"].strip(),
            valid_from=given["valid_from"],
            valid_to=given["valid_to"],
        )


@dataclass(frozen=True)
class Line:
    """One grant as the list shows it; ``refusal`` says why the reader cannot approve it."""

    grant: Grant
    what: str
    posts: str
    kind: str
    when: str
    status: Status
    refusal: str

    @property
    def tone(self) -> Tone:
        return TONES[self.status]

    @property
    def waits(self) -> bool:
        return self.status == Status.PENDING

    @property
    def ended(self) -> bool:
        return self.status in grants.ENDED


def _line(access: Access, grant: Grant, own: dict[Capability, UnitSet], today: date) -> Line:
    held = grant.staff.assignments.all()
    return Line(
        grant,
        capfirst(str(CAPABILITY_WORDS[Capability(grant.capability)])),
        "; ".join(f"{a.get_role_display()}, {a.unit.name}" for a in held),
        str(kind_of(grant.unit)),
        period(grant.valid_from, grant.valid_to),
        grants.status_of(grant, today),
        grants.why_not_approve(access, grant, own),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def special_grants(request: SignedInRequest) -> HttpResponse:
    """The list and, for those who may ask, the form."""
    access, today = request.access, timezone.localdate()
    grants.grants_seen(access)
    form = _form(request, access, today)
    if request.method == "POST":
        access.require(Capability.REQUEST_GRANT)
        if form is not None and form.is_valid() and _requested(request, form, today):
            return redirect("special_grants")
    ended = request.GET.get("show") == "ended"
    return render(
        request,
        "organization/grants.html",
        {
            "form": form,
            **_listed(request, ended, today),
            "ended": ended,
            "tabs": [
                Tab(_("Waiting and in force"), "?", not ended),
                Tab(_("Ended"), "?show=ended", ended),
            ],
        },
        status=400 if form is not None and form.errors else 200,
    )


def _form(request: SignedInRequest, access: Access, today: date) -> GrantForm | None:
    reach = access.units_for(Capability.REQUEST_GRANT)
    if not reach:
        return None
    units = [u for u in Unit.objects.visible_to(access).order_by("path") if u.pk in reach]
    return GrantForm(units, today, request.POST if request.method == "POST" else None)


def _requested(request: SignedInRequest, form: GrantForm, today: date) -> bool:
    try:
        made = grants.request_grants(request.access, form.wish(), today)
    except GrantRefused as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(
        request,
        _("Asked for: %(count)s. In force once a second person has approved.")
        % {"count": len(made)},
    )
    return True


def _listed(request: SignedInRequest, ended: bool, today: date) -> dict[str, Any]:
    access = request.access
    posts = Assignment.objects.filter(valid_on(today)).select_related("unit").order_by("pk")
    rows = grants.grants_seen(access)
    rows = rows.filter(grants.ended_by(today)) if ended else rows.exclude(grants.ended_by(today))
    rows = rows.select_related("staff", "unit", "granted_by", "approved_by", "revoked_by")
    page = slice_page(
        rows.prefetch_related(Prefetch("staff__assignments", posts)).order_by(
            "-requested_at", "pk"
        ),
        page_number(request.GET.get("page")),
        PAGE,
    )
    own = grants.own_scopes(access, today)
    return {"page": page, "lines": [_line(access, grant, own, today) for grant in page.object_list]}


@require_POST
def approve_grant(request: SignedInRequest, pk: int) -> HttpResponse:
    """Agree to a grant that somebody else asked for."""
    try:
        grants.approve(request.access, pk, now=timezone.now(), today=timezone.localdate())
    except Grant.DoesNotExist as missing:
        raise Http404(_("There is no such grant on your units.")) from missing
    except NotYours as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except GrantRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The grant is approved."))
    return redirect("special_grants")


@require_POST
def revoke_grant(request: SignedInRequest, pk: int) -> HttpResponse:
    """End a grant, or refuse one that waits; it takes effect with the holder's next request."""
    try:
        grant = grants.revoke(request.access, pk, now=timezone.now(), today=timezone.localdate())
    except Grant.DoesNotExist as missing:
        raise Http404(_("There is no such grant on your units.")) from missing
    except GrantRefused as refusal:
        messages.error(request, str(refusal))
    else:
        done = _("The grant is revoked.") if grant.approved_by_id else _("The grant is refused.")
        messages.success(request, done)
    return redirect("special_grants")
