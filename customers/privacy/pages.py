"""Pages of personal data: the requests of a group, one person's, and the group's own figures."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers.contact import customer_or_404, shown_name
from customers.models import Consent, PrivacyRequest
from customers.privacy import policy
from customers.privacy.requests import (
    RequestRefused,
    approve_erasure,
    carry_out_export,
    open_request,
    refuse,
)
from organization import audit
from organization.access import Access, Capability, acting
from organization.requests import SignedInRequest
from web.paging import page_number, slice_page
from web.tables import Column, Table

PAGE = 50


class RequestForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("Wish"), choices=PrivacyRequest.Kind.choices)
    channel = forms.ChoiceField(
        label=gettext_lazy("How it came"), choices=PrivacyRequest.Channel.choices
    )
    verified = forms.ChoiceField(
        label=gettext_lazy("How the person was identified"),
        choices=PrivacyRequest.Verified.choices,
    )


class PolicyForm(forms.Form):
    """The group's figures, each within the range that the product allows."""

    LABELS = {
        "reveals_per_hour": gettext_lazy("Numbers shown to one person in an hour, at most"),
        "refusal_days": gettext_lazy("Days that refused rows are kept"),
        "upload_days": gettext_lazy("Days that uploaded files are kept"),
        "lost_contact_years": gettext_lazy(
            "Years without any contact after which contact data are deleted"
        ),
        "answer_days": gettext_lazy("Days in which a person's request is answered"),
    }

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        for name, (least, most) in policy.RANGES.items():
            self.fields[name] = forms.IntegerField(
                label=self.LABELS[name], min_value=least, max_value=most
            )


def _handling(request: SignedInRequest) -> Access:
    """The access of somebody who handles or approves requests, at the units where that is so.

    Every role that handles them approves them too, and neither can be lent by a grant.
    """
    approves = request.access.may(Capability.APPROVE_ERASURE)
    return acting(
        request.access, Capability.APPROVE_ERASURE if approves else Capability.HANDLE_PRIVACY
    )


def _columns(access: Access) -> list[Column]:
    def name(row: PrivacyRequest) -> str:
        return shown_name(access, row.customer) if row.customer else str(row.customer_uid)[:8]

    def link(row: PrivacyRequest) -> str:
        return reverse("customer_privacy", args=[row.customer_uid]) if row.customer else ""

    return [
        Column("customer", _("Customer"), value=name, link=link),
        Column("kind", _("Wish"), value=lambda row: row.get_kind_display()),
        Column("requested_at", _("Received"), "instant"),
        Column("requested_by", _("Taken by"), value=lambda row: row.requested_by.name),
        Column("due_on", _("To be answered by"), "date"),
        Column("status", _("State"), value=lambda row: row.get_status_display()),
        Column("done_at", _("Closed"), "instant", hide_on_phone=True),
        Column(
            "done_by",
            _("Closed by"),
            value=lambda row: row.done_by.name if row.done_by else "",
            hide_on_phone=True,
        ),
    ]


@require_safe
def requests(request: SignedInRequest) -> HttpResponse:
    """All requests, the open ones first, and the group's figures."""
    access = _handling(request)
    rows = (
        PrivacyRequest.objects.visible_to(access)
        .select_related("customer", "requested_by", "done_by")
        .order_by(F("done_at").desc(nulls_first=True), "due_on", "pk")
    )
    page = slice_page(rows, page_number(request.GET.get("page")), PAGE)
    today = timezone.localdate()
    table = Table(
        _columns(access),
        page.object_list,
        _("Requests about personal data"),
        tone=lambda row: "bad" if row.status == "open" and row.due_on < today else "",
        empty=_("Nobody has asked for a copy or an erasure yet"),
    )
    figures = policy.policy_of(request.tenant)
    return render(
        request,
        "customers/privacy/requests.html",
        {
            "table": table,
            "page": page,
            "form": PolicyForm(initial=figures.as_json()),
            "may_set": access.may_everywhere(Capability.HANDLE_PRIVACY),
        },
    )


@require_POST
def set_policy(request: SignedInRequest) -> HttpResponse:
    """Change the group's figures; they are the whole group's, so the access must be."""
    access = request.access
    access.require_everywhere(Capability.HANDLE_PRIVACY)
    form = PolicyForm(request.POST)
    if not form.is_valid():
        for field, errors in form.errors.items():
            messages.error(request, f"{PolicyForm.LABELS[field]}: {errors[0]}")
        return redirect("privacy")
    tenant = request.tenant
    before, after = policy.policy_of(tenant).as_json(), policy.checked(form.cleaned_data).as_json()
    tenant.settings = {**tenant.settings, policy.KEY: after}
    tenant.save(update_fields=["settings"])
    audit.record(access, "privacy.policy_set", "", before=before, after=after)
    messages.success(request, _("Saved."))
    return redirect("privacy")


@require_safe
def person(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """One person: consents with their origin, requests, and a form for a new one."""
    access = _handling(request)
    customer = customer_or_404(access, uid)
    mine = PrivacyRequest.objects.visible_to(access).filter(customer=customer)
    consents = Consent.objects.visible_to(access).filter(customer=customer)
    consent_table = Table(
        [
            Column("purpose", _("About"), value=lambda c: c.get_purpose_display()),
            Column("given", _("Says"), value=lambda c: _("yes") if c.given else _("no")),
            Column("store", _("To the store"), value=lambda c: c.store.name),
            Column("recorded_at", _("Recorded"), "instant"),
            Column("origin", _("Origin"), value=_origin),
        ],
        consents.select_related("store").order_by("purpose", "store__code"),
        _("Consents"),
        empty=_("Nothing was ever asked or said"),
    )
    return render(
        request,
        "customers/privacy/person.html",
        {
            "customer": customer,
            "name": shown_name(access, customer),
            "consents": consent_table,
            "requests": mine.select_related("requested_by", "done_by").order_by("-pk"),
            "form": RequestForm(),
            "may_take": access.may(Capability.HANDLE_PRIVACY) and customer.erased_at is None,
            "may_approve": access.may(Capability.APPROVE_ERASURE),
            "staff_id": access.staff_id,
            "crumbs": [(_("Privacy"), reverse("privacy"))],
        },
    )


def _origin(consent: Consent) -> str:
    if consent.origin == "import":
        return _("the store's system")
    return str(dict(PrivacyRequest.Channel.choices).get(consent.origin, consent.origin))


@require_POST
def take(request: SignedInRequest, uid: UUID) -> HttpResponse:
    access = acting(request.access, Capability.HANDLE_PRIVACY)
    customer = customer_or_404(access, uid)
    form = RequestForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what is wished, how it came and how the person was known."))
        return redirect("customer_privacy", uid=uid)
    try:
        open_request(
            access,
            request.tenant,
            customer,
            now=timezone.now(),
            **form.cleaned_data,
        )
    except RequestRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The request has been taken."))
    return redirect("customer_privacy", uid=uid)


@require_POST
def carry_out(request: SignedInRequest, pk: int) -> HttpResponse:
    """Do what an open request asks for, or close it without (``decision=refuse``)."""
    access = _handling(request)
    wish = get_object_or_404(PrivacyRequest.objects.visible_to(access), pk=pk)
    now = timezone.now()
    try:
        if request.POST.get("decision") == "refuse":
            refuse(access, wish, now=now)
            messages.success(request, _("The request has been closed without being carried out."))
        elif wish.kind == PrivacyRequest.Kind.EXPORT:
            packed = carry_out_export(access, wish, now=now, language=get_language() or "zh-hans")
            return HttpResponse(
                packed,
                content_type="application/zip",
                headers={
                    "Content-Disposition": f'attachment; filename="personal-data-{wish.pk}.zip"',
                    "Cache-Control": "no-store",
                },
            )
        else:
            approve_erasure(access, wish, now=now)
            messages.success(request, _("The person has been erased."))
    except RequestRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("customer_privacy", uid=wish.customer_uid)
