"""Which other stores may let a store know something of a person that both serve.

Stores are usually companies of their own. One company's stores share without asking; between
companies the person must have agreed at the store that gives, and the group must allow it at all
(tenant setting ``visits_elsewhere``). A withdrawal counts with the next page.
"""

from customers.models import Consent, Customer
from organization.access import Access
from organization.models import Tenant, Unit


def sharing_stores(system: Access, access: Access, tenant: Tenant, customer: Customer) -> set[int]:
    """Of the customer's stores that ``access`` does not cover those that may share with it."""
    hidden = [store for store in customer.stores if not access.covers(store)]
    if not hidden or not tenant.settings.get("visits_elsewhere", True):
        return set()
    units = Unit.objects.visible_to(system).filter(level=Unit.Level.STORE)
    own = set(units.filter(pk__in=access.units).values_list("legal_entity", flat=True)) - {""}
    same = units.filter(pk__in=hidden, legal_entity__in=own).values_list("pk", flat=True)
    agreed = Consent.objects.visible_to(system).filter(
        customer=customer, store_id__in=hidden, purpose=Consent.Purpose.SHARING, given=True
    )
    return {*same, *agreed.values_list("store_id", flat=True)}
