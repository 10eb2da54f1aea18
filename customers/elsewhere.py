"""What a store may know of the rest of the group about a person it serves.

Row-level security hides other stores' rows. Two things pass, and nothing else: open safety recalls
of the person's vehicles, and, where the other store may share (``customers.sharing``), how many
visits there were and when the last one was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Max

from customers.models import Customer, Event, Visit
from customers.sharing import sharing_stores
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
        stores = sharing_stores(system, access, tenant, customer)
        if not stores:
            return Elsewhere(recalls=tuple(recalls))
        found = (
            Visit.objects.visible_to(system)
            .filter(customer=customer, status__in=ACCEPTED, store_id__in=stores)
            .aggregate(days=Count("day", distinct=True), last=Max("day"))
        )
    return Elsewhere(found["days"], found["last"], tuple(recalls))
