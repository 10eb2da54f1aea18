"""What a store may know of the rest of the group about a person it serves.

Row-level security hides other stores' rows. Two things pass, and nothing else: open safety recalls
of the person's vehicles, and, where the person agreed to sharing with the other store and the group
allows it, how many visits there were and when the last one was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Max

from customers.models import Consent, Customer, Event, Visit
from organization.access import Access, entered
from organization.models import Tenant

DONE = ("done", "closed", "resolved", "completed", "cancelled", "arrived")
ACCEPTED = ("open", "closed")


@dataclass(frozen=True)
class Elsewhere:
    visits: int = 0
    last_on: date | None = None
    recalls: tuple[Event, ...] = ()


def elsewhere(
    access: Access, tenant: Tenant, customer: Customer, vehicle_ids: Sequence[int]
) -> Elsewhere:
    """Facts of stores that ``access`` does not cover; nothing is asked where it covers all."""
    hidden = [store for store in customer.stores if not access.covers(store)]
    if access.all_units:
        return Elsewhere()
    with entered(Access.system(access.tenant_id, "visits and recalls elsewhere")) as system:
        recalls = [
            event
            for event in Event.objects.visible_to(system)
            .filter(vehicle_id__in=vehicle_ids, kind=Event.Kind.RECALL_NOTICE)
            .exclude(status__in=DONE)
            if not access.covers(event.store_id)
        ]
        if not hidden or not tenant.settings.get("visits_elsewhere", True):
            return Elsewhere(recalls=tuple(recalls))
        agreed = Consent.objects.visible_to(system).filter(
            customer=customer, store_id__in=hidden, purpose=Consent.Purpose.SHARING, given=True
        )
        found = (
            Visit.objects.visible_to(system)
            .filter(
                customer=customer,
                status__in=ACCEPTED,
                store_id__in=agreed.values("store_id"),
            )
            .aggregate(days=Count("day", distinct=True), last=Max("day"))
        )
    return Elsewhere(found["days"], found["last"], tuple(recalls))
