"""What came of a contact and what follows: closing, the next date, the end of ownership."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.models import FollowUp, Ownership, Vehicle
from organization import audit
from organization.access import Access, Capability

Outcome = FollowUp.Outcome
MOST_ATTEMPTS = 3
LATEST_NEXT = timedelta(days=365)
QUIET_FROM, QUIET_UNTIL = 20, 9  # local hours in which nobody is called


class OutcomeRefused(Exception):
    """The outcome cannot be logged as asked; the message says why, for people."""


@dataclass(frozen=True)
class Rule:
    """What an outcome does; ``key`` is the keyboard key that logs it.

    ``next_days``: the follow-up stays open and comes back after so many days, unless the advisor
    names a date. ``unanswered``: nobody was spoken to; after three such attempts it is closed.
    """

    outcome: FollowUp.Outcome
    key: str
    next_days: int | None = None
    unanswered: bool = False
    ends_ownership: bool = False

    @property
    def closes(self) -> bool:
        return self.next_days is None


RULES: tuple[Rule, ...] = (
    Rule(Outcome.BOOKED, "1"),
    Rule(Outcome.RESCHEDULED, "2", next_days=7),
    Rule(Outcome.ALREADY_DONE, "3"),
    Rule(Outcome.KM_NOT_REACHED, "4", next_days=30),
    Rule(Outcome.OUT_OF_TOWN, "5", next_days=14),
    Rule(Outcome.BUSY, "6", next_days=1, unanswered=True),
    Rule(Outcome.NO_ANSWER, "7", next_days=1, unanswered=True),
    Rule(Outcome.OFF, "8", next_days=1, unanswered=True),
    Rule(Outcome.WRONG_NUMBER, "9"),
    Rule(Outcome.DECLINED, "0"),
    Rule(Outcome.SOLD, "s", ends_ownership=True),
    Rule(Outcome.GIVEN_AWAY, "g", ends_ownership=True),
    Rule(Outcome.TAXI, "t"),
)
BY_OUTCOME: dict[str, Rule] = {rule.outcome.value: rule for rule in RULES}


def is_quiet(now: datetime) -> bool:
    """Whether ``now`` (aware) falls into the hours in which nobody is called."""
    hour = timezone.localtime(now).hour
    return hour >= QUIET_FROM or hour < QUIET_UNTIL


def log_outcome(
    access: Access,
    follow_up_id: int,
    outcome: str,
    *,
    now: datetime,
    next_on: date | None = None,
    note: str = "",
) -> FollowUp:
    """Log one contact with its outcome, in the transaction of the request.

    Raises:
        Forbidden: the access may not follow up.
        OutcomeRefused: closed meanwhile, unknown outcome, impossible next date, unclear vehicle.
    """
    access.require(Capability.FOLLOW_UP)
    rule = BY_OUTCOME.get(outcome)
    if rule is None:
        raise OutcomeRefused(_("Choose one of the outcomes shown."))
    follow_up = (
        FollowUp.objects.visible_to(access, Capability.FOLLOW_UP)
        .select_for_update()
        .filter(pk=follow_up_id)
        .first()
    )
    if follow_up is None or follow_up.closed_at is not None:
        raise OutcomeRefused(_("This follow-up has been closed meanwhile; reload the list."))
    today = timezone.localdate(now)
    follow_up.next_on = _next_on(rule, follow_up, today, next_on)
    follow_up.attempts += 1
    follow_up.outcome = outcome
    follow_up.note = note.strip()[:300]
    follow_up.contacted_at = now
    follow_up.contacted_by_id = access.staff_id
    if follow_up.next_on is None:
        follow_up.closed_at = now
    if rule.ends_ownership or outcome == Outcome.TAXI:
        follow_up.vehicle_id = _the_vehicle(access, follow_up, today)
    follow_up.save()
    if rule.ends_ownership:
        _end_ownership(access, follow_up, today, now)
    elif outcome == Outcome.TAXI:
        Vehicle.objects.visible_to(access).filter(pk=follow_up.vehicle_id).update(
            usage=Vehicle.Usage.TAXI
        )
    audit.record(
        access,
        "follow_up.outcome",
        f"follow_up:{follow_up.pk}",
        reason=follow_up.reason,
        outcome=outcome,
        next_on=follow_up.next_on.isoformat() if follow_up.next_on else None,
    )
    return follow_up


def _next_on(rule: Rule, follow_up: FollowUp, today: date, asked: date | None) -> date | None:
    """When to try again; None closes the follow-up."""
    if rule.closes:
        return None
    if rule.unanswered and follow_up.attempts + 1 >= MOST_ATTEMPTS and asked is None:
        return None
    if asked is None:
        return today + timedelta(days=rule.next_days or 1)
    if not today <= asked <= today + LATEST_NEXT:
        raise OutcomeRefused(_("The next date must lie between today and a year from now."))
    return asked


def _the_vehicle(access: Access, follow_up: FollowUp, today: date) -> int:
    if follow_up.vehicle_id is not None:
        return follow_up.vehicle_id
    owned = _open_ownerships(access, follow_up, today).values_list("vehicle_id", flat=True)
    vehicles = set(owned[:2])
    if len(vehicles) != 1:
        raise OutcomeRefused(
            _("Say which vehicle: open the customer, choose the vehicle, and log it there.")
        )
    return vehicles.pop()


def _open_ownerships(access: Access, follow_up: FollowUp, today: date) -> QuerySet[Ownership]:
    found: QuerySet[Ownership] = Ownership.objects.visible_to(access).filter(
        Q(owned_to=None) | Q(owned_to__gt=today), customer_id=follow_up.customer_id
    )
    return found


def _end_ownership(access: Access, follow_up: FollowUp, today: date, now: datetime) -> None:
    """The customer parted with the vehicle: end the ownership and all that was open about it."""
    vehicle_id = follow_up.vehicle_id
    assert vehicle_id is not None, "the vehicle was settled before the outcome was saved"
    ended = _open_ownerships(access, follow_up, today).filter(vehicle_id=vehicle_id)
    ids = list(ended.values_list("pk", flat=True))
    ended.update(owned_to=today)
    FollowUp.objects.visible_to(access).filter(
        customer_id=follow_up.customer_id, vehicle_id=vehicle_id, closed_at=None
    ).update(closed_at=now)
    audit.record(access, "ownership.ended", f"vehicle:{vehicle_id}", ownerships=ids, by="outcome")
