"""What a store sees of a walk-in whom only other stores know: enough to receive him.

The name, the cars, open recalls, and of the other stores' visits their number and last date. It is
read for this one answer; nothing is copied, and the store's view of the group stays as it was. Once
a repair order is loaded he is the store's own customer.
"""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from customers.contact import main_number, masked_number, refused
from customers.elsewhere import Elsewhere, elsewhere
from customers.known_elsewhere import known_elsewhere
from customers.models import ContactPoint, Customer, Ownership, Vehicle
from customers.reveals import HOUR_IS_FULL, reveals_left
from customers.search import Query
from organization import audit
from organization.access import Access, Capability, entered
from organization.models import Tenant
from organization.requests import SignedInRequest


@dataclass(frozen=True)
class Stranger:
    customer: Customer
    number: str
    vehicles: list[Vehicle]
    elsewhere: Elsewhere


def stranger(access: Access, tenant: Tenant, customer: Customer) -> Stranger:
    with entered(Access.system(access.tenant_id, "walk-in opened")) as system:
        owned = Ownership.objects.visible_to(system).filter(customer=customer, owned_to=None)
        vehicles = [o.vehicle for o in owned.select_related("vehicle").order_by("pk")]
        contacts = list(ContactPoint.objects.visible_to(system).filter(customer=customer))
    return Stranger(
        customer,
        masked_number(main_number(contacts)),
        vehicles,
        elsewhere(access, tenant, customer, [v.pk for v in vehicles]),
    )


@require_POST
def walk_in(request: SignedInRequest) -> HttpResponse:
    """Open the customer whom ``q`` names exactly; recorded, and counted like a reveal."""
    access = request.access
    access.require(Capability.SEE_CUSTOMERS)
    access.require(Capability.REVEAL_CONTACT)
    tenant: Tenant = request.tenant
    query = Query.of(request.POST.get("q", ""))
    customer = known_elsewhere(access, tenant, query)
    if customer is None:
        return redirect("customers")
    if reveals_left(access, tenant, timezone.now()) <= 0:
        return refused(request, customer, str(HOUR_IS_FULL))
    audit.record(access, "walk_in.opened", f"customer:{customer.uid}", reason="on_site")
    response = render(
        request,
        "customers/privacy/walk_in.html",
        {"found": stranger(access, tenant, customer)},
    )
    response["Cache-Control"] = "no-store"
    return response
