"""Recording what a customer says about contact and sharing; it takes effect at once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from customers.contact import customer_or_404
from customers.models import Consent, Customer, FollowUp, PrivacyRequest, SuppressedContact
from customers.reasons import DUTIES
from organization import audit
from organization.access import Access, Capability, Forbidden, acting, entered
from organization.requests import SignedInRequest

ORIGINS: dict[str, str | Promise] = dict(PrivacyRequest.Channel.choices)


@dataclass(frozen=True)
class Statement:
    """Something that a customer may say; without ``purpose`` it is about any contact at all."""

    label: str | Promise
    purpose: str
    given: bool


STATEMENTS: dict[str, Statement] = {
    "marketing_no": Statement(gettext_lazy("Withdraws marketing consent"), "marketing", False),
    "marketing_yes": Statement(gettext_lazy("Consents to marketing contact"), "marketing", True),
    "contact_no": Statement(gettext_lazy("Wants no contact at all"), "", False),
    "contact_yes": Statement(gettext_lazy("May be contacted again"), "", True),
    "sharing_yes": Statement(
        gettext_lazy("Consents to sharing with other stores of the group"), "sharing", True
    ),
    "sharing_no": Statement(gettext_lazy("Withdraws sharing consent"), "sharing", False),
}


def may_record(access: Access) -> bool:
    return access.may(Capability.FOLLOW_UP) or access.may(Capability.HANDLE_PRIVACY)


def record_statement(
    access: Access, customer: Customer, statement: str, origin: str, now: datetime
) -> None:
    """Record what the customer said, in the transaction of the request, and act on it.

    A withdrawal holds for every store of the customer that ``access`` covers, a consent for the
    one where it was given (the home store, else the first covered). Whoever refuses contact leaves
    the open lists of all stores. A new consent lifts an erasure: feeds may name him again.

    Raises:
        Forbidden: the access may not record it.
        KeyError: no such statement or origin.
    """
    if not may_record(access):
        raise Forbidden(Capability.FOLLOW_UP)
    said, _origin = STATEMENTS[statement], ORIGINS[origin]
    stores = [s for s in customer.stores if access.covers(s)]
    if said.given:
        home = customer.home_store_id
        stores = [home] if home in stores else stores[:1]
    if said.purpose:
        for store_id in stores:
            Consent.objects.update_or_create(
                tenant_id=access.tenant_id,
                customer=customer,
                store_id=store_id,
                purpose=said.purpose,
                defaults={"given": said.given, "recorded_at": now, "origin": origin},
            )
    else:
        Customer.objects.visible_to(access).filter(pk=customer.pk).update(
            do_not_contact=not said.given
        )
    audit.record(
        access,
        "consent.recorded",
        f"customer:{customer.uid}",
        statement=statement,
        origin=str(origin),
        stores=stores,
    )
    if not said.given and said.purpose != Consent.Purpose.SHARING:
        _leave_lists(access, customer, now)
    if said.given and said.purpose and customer.erased_at is not None:
        _lift_erasure(access, customer)


def _leave_lists(access: Access, customer: Customer, now: datetime) -> None:
    """Close what other stores, which this access cannot see, would call about."""
    with entered(Access.system(access.tenant_id, "withdrawal of consent")) as system:
        FollowUp.objects.visible_to(system).filter(customer=customer, closed_at=None).exclude(
            reason__in=DUTIES
        ).update(closed_at=now)


def _lift_erasure(access: Access, customer: Customer) -> None:
    with entered(Access.system(access.tenant_id, "consent after erasure")) as system:
        SuppressedContact.objects.visible_to(system).filter(customer=customer).delete()
        Customer.objects.visible_to(system).filter(pk=customer.pk).update(
            erased_at=None, do_not_contact=False
        )
    audit.record(access, "erasure.lifted", f"customer:{customer.uid}")


@require_POST
def statement(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """The form on the profile page."""
    follows_up = request.access.may(Capability.FOLLOW_UP)
    records = Capability.FOLLOW_UP if follows_up else Capability.HANDLE_PRIVACY
    access = acting(request.access, Capability.SEE_CUSTOMERS, records)
    customer = customer_or_404(access, uid)
    said, origin = request.POST.get("statement", ""), request.POST.get("origin", "")
    if said not in STATEMENTS:
        return HttpResponseBadRequest(_("Choose what the customer said."))
    if origin not in ORIGINS:
        return HttpResponseBadRequest(_("Choose how the customer said it."))
    record_statement(access, customer, said, origin, timezone.now())
    messages.success(request, _("Recorded: %(what)s.") % {"what": STATEMENTS[said].label})
    return redirect("customer", uid=uid)
