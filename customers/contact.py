"""Contact data on pages: masked by default, in full only on request, and every reveal recorded."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from customers import contacting
from customers.models import Consent, ContactPoint, Customer, FollowUp, Vehicle
from customers.models.people import CustomerKind
from customers.person_keys import unsealed
from customers.reasons import DUTIES
from customers.reveals import HOUR_IS_FULL, reveals_left
from organization import audit
from organization.access import Access, Capability, PersonalData, acting
from organization.requests import SignedInRequest
from web.formats import NOT_KNOWN

REVEAL_REASONS: dict[str, str | Promise] = {
    "follow_up": gettext_lazy("To call about a follow-up"),
    "on_site": gettext_lazy("The customer is on site"),
    "asked": gettext_lazy("The customer asked for it"),
    "correction": gettext_lazy("To check or correct the data"),
}


def may_reveal(access: Access, customer: Customer) -> bool:
    """Whether the person may reveal numbers at one of the stores that serve this customer."""
    return any(
        access.may(Capability.REVEAL_CONTACT, store)
        and access.personal_data_at((store,)) == PersonalData.FULL
        for store in customer.stores
    )


def shown_name(access: Access, customer: Customer) -> str:
    """The name; of people only the first character where personal data are masked."""
    if not customer.name:
        return _("No name")
    if customer.kind != CustomerKind.PERSON or _in_full(access, customer):
        return customer.name
    return f"{customer.name[0]}**"


def shown_plate(access: Access, vehicle: Vehicle) -> str:
    """The plate; only its region and last two characters where personal data are masked."""
    plate = vehicle.plate
    if not plate:
        return NOT_KNOWN
    return plate if _in_full(access, vehicle) else f"{plate[:2]}***{plate[-2:]}"


def shown_vin(access: Access, vehicle: Vehicle) -> str:
    return vehicle.vin if _in_full(access, vehicle) else f"***{vehicle.vin[-4:]}"


def _in_full(access: Access, served: Customer | Vehicle) -> bool:
    """Whether one of the stores that serve a person or vehicle shows personal data in full."""
    return access.personal_data_at(served.stores) == PersonalData.FULL


def masked_number(contact: ContactPoint | None) -> str:
    """A number by its last four digits; nothing is unsealed for it."""
    return f"*******{contact.tail}" if contact else NOT_KNOWN


def main_number(contacts: list[ContactPoint]) -> ContactPoint | None:
    """The number to call: a mobile before a second phone, the latest before older ones."""
    phones = [c for c in contacts if c.kind != ContactPoint.Kind.ID_NUMBER]
    return max(phones, key=lambda c: (c.kind == ContactPoint.Kind.MOBILE, c.pk), default=None)


def customer_or_404(access: Access, uid: UUID, **related: Any) -> Customer:
    """A customer that the access covers; of another store's or group's the answer is 404."""
    found: Customer = get_object_or_404(
        Customer.objects.visible_to(access).select_related("home_store", "advisor"), uid=uid
    )
    return found


@require_POST
def reveal(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """Show a number in full for a stated reason; the audit trail keeps who, whose and why."""
    access = acting(request.access, Capability.SEE_CUSTOMERS)
    access.require(Capability.REVEAL_CONTACT)
    customer = customer_or_404(access, uid)
    if not may_reveal(access, customer):
        raise PermissionDenied(_("Your role shows contact data masked only."))
    reason = request.POST.get("reason", "")
    if reason not in REVEAL_REASONS:
        return HttpResponseBadRequest(_("Say what the number is needed for."))
    mine = ContactPoint.objects.visible_to(access, Capability.REVEAL_CONTACT)
    contacts = list(mine.filter(customer=customer))
    contact = main_number(contacts)
    number = unsealed(access, [contact.sealed])[0] if contact else None
    if contact is None or number is None:
        raise Http404(_("No number of this customer is known."))
    if reason == "follow_up" and not _duty_or_wanted(access, customer):
        return refused(request, customer, _("The customer wants no contact: not for a follow-up."))
    if reveals_left(access, request.tenant, timezone.now()) <= 0:
        return refused(request, customer, str(HOUR_IS_FULL))
    audit.record(
        access, "contact.revealed", f"customer:{customer.uid}", kind=contact.kind, reason=reason
    )
    response = render(
        request,
        "customers/revealed.html" if request.htmx else "customers/revealed_page.html",
        {"number": number, "customer": customer},
    )
    response["Cache-Control"] = "no-store"
    return response


def _duty_or_wanted(access: Access, customer: Customer) -> bool:
    """Whether a follow-up may lead to a call: an open duty, or no refusal."""
    consents = Consent.objects.visible_to(access).filter(customer=customer)
    if not contacting.refuses(customer, consents):
        return True
    duties = FollowUp.objects.visible_to(access).filter(customer=customer, closed_at=None)
    return duties.filter(reason__in=DUTIES).exists() and customer.erased_at is None


def refused(request: SignedInRequest, customer: Customer, why: str) -> HttpResponse:
    """Say why no number is shown; the refusal is recorded whatever else is rolled back.

    In a part of a page the words stand where the number would; a page of its own is a 429.
    """
    subject = f"customer:{customer.uid}"
    audit.note_refusal(request, "contact.reveal_refused", subject, why=why)
    if request.htmx:
        return render(request, "customers/not_revealed.html", {"why": why})
    return render(request, "customers/reveal_refused.html", {"reason": why}, status=429)
