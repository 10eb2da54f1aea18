"""What somebody who leaves a store leaves behind: open follow-ups, and customers to look after.

Both stay with the store, in the hands of the successor that was named, or in nobody's. What was
done keeps the name of who did it.
"""

from dataclasses import dataclass
from datetime import date

from django.db.models import Exists, OuterRef, Q

from customers.models import Customer, FollowUp
from organization import audit
from organization.access import Access, Capability
from organization.models import Assignment, Staff, Unit
from organization.roles import valid_on


@dataclass(frozen=True)
class HandedOver:
    follow_ups: int = 0
    customers: int = 0

    def __add__(self, other: "HandedOver") -> "HandedOver":
        return HandedOver(self.follow_ups + other.follow_ups, self.customers + other.customers)


def stores_of(staff: Staff | None, today: date) -> set[int]:
    """The stores at or below the units that a person is assigned to on ``today``."""
    held = Assignment.objects.filter(valid_on(today), staff=staff).values_list("unit_id", flat=True)
    stores = Unit.objects.filter(level=Unit.Level.STORE, path__overlap=list(held))
    return set(stores.values_list("pk", flat=True))


def hand_over(access: Access, ended: Assignment, today: date) -> HandedOver:
    """Hand over what is open at the stores of an assignment that no longer holds on ``today``.

    Stores where the person still works keep their work; a successor counts where they work
    themselves on that day. ``access`` must be entered and administer the stores.
    """
    below = Unit.objects.filter(level=Unit.Level.STORE, path__contains=[ended.unit_id])
    left = set(below.values_list("pk", flat=True)) - stores_of(ended.staff, today)
    taken = left & stores_of(ended.successor, today) if ended.successor else set()
    done = _move(access, ended.staff, taken, ended.successor)
    done += _move(access, ended.staff, left - taken, None)
    if done != HandedOver():
        audit.record(
            *(access, "work.handed_over", ended.staff.username),
            unit=ended.unit.code,
            successor=ended.successor.username if taken and ended.successor else None,
            follow_ups=done.follow_ups,
            customers=done.customers,
        )
    return done


def _move(access: Access, staff: Staff, stores: set[int], to: Staff | None) -> HandedOver:
    if not stores:
        return HandedOver()
    work = FollowUp.objects.visible_to(access, Capability.ADMINISTER)
    people = Customer.objects.visible_to(access, Capability.ADMINISTER)
    return HandedOver(
        work.filter(assigned_to=staff, closed_at=None, store__in=stores).update(assigned_to=to),
        people.filter(advisor=staff, home_store__in=stores).update(advisor=to),
    )


def hand_over_all(access: Access, today: date) -> HandedOver:
    """Hand over after every assignment that has ended, the latest first; repeating changes nothing.

    ``access`` must cover the whole group (the system's own) and be entered.
    """
    work = FollowUp.objects.filter(assigned_to=OuterRef("staff_id"), closed_at=None)
    people = Customer.objects.filter(advisor=OuterRef("staff_id"))
    ended = (
        Assignment.objects.visible_to(access)
        .filter(Q(Exists(work)) | Q(Exists(people)), valid_to__lte=today)
        .select_related("staff", "unit", "successor")
        .order_by("-valid_to", "-pk")
    )
    done = HandedOver()
    for assignment in ended:
        done += hand_over(access, assignment, today)
    return done
