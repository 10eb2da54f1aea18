"""A walk-in whom only another store of the group knows, found by a whole number, plate or VIN."""

from django.db.models import Q

from customers.models import ContactPoint, Customer, Ownership, Vehicle
from customers.search import Query
from customers.sharing import sharing_stores
from organization.access import Access, Capability, entered
from organization.models import Tenant
from organization.sealing import blind_index


def known_elsewhere(access: Access, tenant: Tenant, query: Query) -> Customer | None:
    """The one customer that ``query`` names exactly and that no store of ``access`` serves.

    None where the person did not agree to sharing, where several fit, and for those who see
    contact data masked: that there is somebody is told to nobody then.
    """
    if not query.exact or access.all_units or not access.may(Capability.REVEAL_CONTACT):
        return None
    with entered(Access.system(access.tenant_id, "walk-in known elsewhere")) as system:
        found = [
            customer
            for customer in _named(system, query)
            if not any(access.covers(store) for store in customer.stores)
            and sharing_stores(system, access, tenant, customer)
        ]
    return found[0] if len(found) == 1 else None


def _named(system: Access, query: Query) -> list[Customer]:
    lookup = blind_index("phone", system.tenant_id, query.code)
    contacts = ContactPoint.objects.visible_to(system).filter(lookup=lookup)
    vehicles = Vehicle.objects.visible_to(system).filter(Q(plate=query.code) | Q(vin=query.code))
    owners = Ownership.objects.visible_to(system).filter(
        vehicle_id__in=list(vehicles.values_list("pk", flat=True)[:5]), owned_to=None
    )
    ids = {*contacts.values_list("customer_id", flat=True)[:5]}
    ids |= {*owners.values_list("customer_id", flat=True)[:5]}
    people = Customer.objects.visible_to(system).filter(
        pk__in=ids, is_test=False, erased_at__isnull=True
    )
    return list(people)
