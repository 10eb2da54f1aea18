"""Everything that the profile page shows of one customer, read in a constant number of queries."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Abs

from customers import contacting, scores
from customers.actions import Ending, Facts, Occurrence, ServiceDue
from customers.elsewhere import ACCEPTED, DONE, Elsewhere, elsewhere
from customers.models import (
    Consent,
    ContactPoint,
    Contract,
    Customer,
    CustomerTag,
    Event,
    FollowUp,
    Ownership,
    Survey,
    Vehicle,
    Visit,
    VisitLine,
)
from customers.service_history import service_due
from organization.access import Access
from organization.models import Tenant

YEAR = timedelta(days=365)
PREPAID = (Contract.Type.PACKAGE, Contract.Type.STORED_VALUE, Contract.Type.MEMBERSHIP)
PAYERS = ("customer", "warranty", "insurance")
MOST_RELATED = 6


@dataclass(frozen=True)
class Dossier:
    """One customer as ``access`` sees him on ``today``; ``due`` is indexed by vehicle id."""

    access: Access
    today: date
    customer: Customer
    contacts: list[ContactPoint]
    consents: list[Consent]
    ownerships: list[Ownership]
    due: pd.DataFrame
    visits: list[Visit]
    totals: dict[str, Any]
    last_lines: list[VisitLine]
    declined: list[VisitLine]
    surveys: list[Survey]
    open_events: list[Event]
    contracts: list[Contract]
    follow_ups: list[FollowUp]
    tags: list[CustomerTag]
    elsewhere: Elsewhere
    related: list[Customer]
    # Vehicles that somebody else known here had before.
    taken_over: set[int]
    score_set: Any | None
    score: Any | None
    vehicles: dict[int, Vehicle] = field(default_factory=dict)

    @property
    def last_visit(self) -> Visit | None:
        return self.visits[0] if self.visits else None

    @property
    def last_answer(self) -> Survey | None:
        return next((s for s in self.surveys if s.score is not None), None)

    @property
    def owned(self) -> list[Ownership]:
        """The vehicles that the customer has today."""
        return [o for o in self.ownerships if o.owned_to is None or o.owned_to > self.today]

    def says_no_to_marketing(self) -> bool:
        return any(c.purpose == Consent.Purpose.MARKETING and not c.given for c in self.consents)

    def refuses_contact(self) -> bool:
        """Whether only duties may be proposed."""
        return contacting.refuses(self.customer, self.consents)


def dossier(access: Access, tenant: Tenant, customer: Customer, today: date) -> Dossier:
    """Read the dossier of a customer that ``access`` has been found to cover."""

    def own(model: Any) -> QuerySet[Any]:
        found: QuerySet[Any] = model.objects.visible_to(access).filter(customer=customer)
        return found

    ownerships = list(
        own(Ownership)
        .select_related("vehicle", "store")
        .order_by(F("owned_from").desc(nulls_last=True))
    )
    ids = sorted({o.vehicle_id for o in ownerships})
    kept = [o.vehicle_id for o in ownerships if o.owned_to is None or o.owned_to > today]
    others = _other_owners(access, customer, ownerships)
    contacts = list(own(ContactPoint).order_by("pk"))
    visits = list(
        own(Visit)
        .filter(status__in=ACCEPTED)
        .select_related("store", "vehicle", "advisor")
        .order_by("-day", "-pk")[:10]
    )
    score_set = scores.current_set(access)
    return Dossier(
        access=access,
        today=today,
        customer=customer,
        contacts=contacts,
        consents=list(own(Consent)),
        ownerships=ownerships,
        due=service_due(access, today, ids),
        visits=visits,
        totals=_totals(own(Visit), today),
        last_lines=_last_lines(access, visits),
        declined=_declined(access, customer, today),
        surveys=list(own(Survey).order_by("-day", "-pk")[:5]),
        open_events=_open_events(access, customer, kept),
        contracts=list(own(Contract).filter(type__in=PREPAID, balance_fen__gt=0)),
        follow_ups=list(
            own(FollowUp).filter(closed_at=None, held_out=False).order_by("due_on", "pk")
        ),
        tags=list(own(CustomerTag)),
        elsewhere=elsewhere(access, tenant, customer, kept),
        related=_related(access, customer, contacts, others, ownerships),
        taken_over={
            held.vehicle_id
            for other in others
            for held in ownerships
            if other.vehicle_id == held.vehicle_id
            and other.owned_to is not None
            and other.owned_to <= held.period[0]
        },
        score_set=score_set,
        score=_score(access, score_set, customer),
        vehicles={o.vehicle_id: o.vehicle for o in ownerships},
    )


def _score(access: Access, score_set: Any | None, customer: Customer) -> Any | None:
    if score_set is None:
        return None
    return scores.scores_in(access, score_set).filter(customer_id=customer.pk).first()


def _totals(visits: QuerySet[Any], today: date) -> dict[str, Any]:
    """Visit days and spend by payer (fen, credits netted): last 12 months and all time."""
    outside = Q(pay_customer_fen__gt=0) | Q(pay_warranty_fen__gt=0) | Q(pay_insurance_fen__gt=0)
    accepted, credit = Q(status__in=ACCEPTED), Q(status=Visit.Status.CREDIT)
    recent = Q(day__gt=today - YEAR, day__lte=today)
    sums = {}
    for payer in PAYERS:
        for name, when in (("12m", recent), ("all", Q())):
            amount = f"pay_{payer}_fen"
            sums[f"{payer}_{name}"] = Sum(amount, filter=accepted & when, default=0)
            sums[f"{payer}_{name}_back"] = Sum(Abs(amount), filter=credit & when, default=0)
    found = visits.aggregate(
        days_12m=Count("day", distinct=True, filter=accepted & outside & recent),
        days=Count("day", distinct=True, filter=accepted & outside),
        orders=Count("pk", filter=accepted),
        last_on=Max("day", filter=accepted),
        **sums,
    )
    for payer in PAYERS:
        for name in ("12m", "all"):
            found[f"{payer}_{name}"] -= found.pop(f"{payer}_{name}_back")
    return found


def _last_lines(access: Access, visits: list[Visit]) -> list[VisitLine]:
    last = visits[0].pk if visits else 0
    return list(
        VisitLine.objects.visible_to(access)
        .filter(visit_id=last, declined=False)
        .order_by("line_no")
    )


def _declined(access: Access, customer: Customer, today: date) -> list[VisitLine]:
    """Work declined in the last 12 months and not done since, latest first."""
    since = Visit.objects.visible_to(access).filter(customer=customer, day__gt=today - YEAR)
    done_later = VisitLine.objects.visible_to(access).filter(
        visit__customer=customer,
        visit__day__gt=OuterRef("visit__day"),
        op_code=OuterRef("op_code"),
        declined=False,
    )
    return list(
        VisitLine.objects.visible_to(access)
        .filter(visit__in=since, declined=True)
        .exclude(Exists(done_later) & ~Q(op_code=""))
        .select_related("visit")
        .order_by("-visit__day", "line_no")[:5]
    )


def _open_events(access: Access, customer: Customer, vehicle_ids: list[int]) -> list[Event]:
    """Open complaints of the customer and open recalls of the vehicles that the customer has today,
    whoever got the notice."""
    mine = Q(customer=customer, kind=Event.Kind.COMPLAINT)
    recalls = Q(vehicle_id__in=vehicle_ids, kind=Event.Kind.RECALL_NOTICE)
    found = Event.objects.visible_to(access).filter(mine | recalls).exclude(status__in=DONE)
    return list(found.order_by("day")[:20])


def _other_owners(access: Access, customer: Customer, held: list[Ownership]) -> list[Ownership]:
    """Who else had or has the customer's vehicles, as far as it is known here."""
    found: QuerySet[Ownership] = Ownership.objects.visible_to(access).filter(
        vehicle_id__in={o.vehicle_id for o in held}
    )
    return list(found.exclude(customer=customer)[:50])


def _related(
    access: Access,
    customer: Customer,
    contacts: list[ContactPoint],
    others: list[Ownership],
    held: list[Ownership],
) -> list[Customer]:
    """Others who share a number, or own a vehicle together with the customer: family, company.

    Who had the car before or has it now is no relation.
    """
    shared = ContactPoint.objects.visible_to(access).filter(
        lookup__in=[c.lookup for c in contacts if c.kind != ContactPoint.Kind.ID_NUMBER]
    )
    ids = {*shared.values_list("customer_id", flat=True)[:50]}
    ids |= {other.customer_id for other in others if any(map(other.overlaps, held))}
    return list(
        Customer.objects.visible_to(access)
        .filter(pk__in=ids - {customer.pk})
        .order_by("pk")[:MOST_RELATED]
    )


def facts_of(record: Dossier) -> Facts:
    """The facts that reasons to act are drawn from."""
    owned = {o.vehicle_id: o for o in record.owned}
    cars = [o.vehicle for o in owned.values()]
    score, answer = record.score, record.last_answer
    events = [*record.open_events, *record.elsewhere.recalls]
    bought = [o.sold_on or o.owned_from for o in record.ownerships if o.sold_on or o.owned_from]
    return Facts(
        today=record.today,
        complaints=_occurrences(events, Event.Kind.COMPLAINT),
        recalls=_occurrences(events, Event.Kind.RECALL_NOTICE),
        comebacks=[
            Occurrence(v.day, str(v.get_kind_display()), v.vehicle_id)
            for v in record.visits
            if v.comeback or v.kind == "comeback"
        ],
        nps=Occurrence(answer.day, answer.reason, answer.vehicle_id, answer.score)
        if answer
        else None,
        services=[
            service_of(record.due, o) for o in owned.values() if o.vehicle_id in record.due.index
        ],
        warranties=[Ending(v.warranty_until, v.pk) for v in cars if v.warranty_until],
        insurances=[Ending(v.insurance_until, v.pk) for v in cars if v.insurance_until],
        balances=[
            Ending(c.ends_on, c.vehicle_id, c.balance_fen or 0)
            for c in record.contracts
            if c.ends_on
        ],
        declined=[
            Occurrence(line.visit.day, line.description, line.visit.vehicle_id)
            for line in record.declined
        ],
        last_visit_on=max(
            filter(None, (record.totals["last_on"], record.elsewhere.last_on)), default=None
        ),
        bought_on=max(bought, default=None),  # type: ignore[type-var]
        vehicles_gone=bool(record.ownerships) and not owned,
        risk=score.risk if score is not None and score.in_churn_population else "",
        risk_reasons=score.reasons if score is not None else (),
    )


def _occurrences(events: list[Event], kind: str) -> list[Occurrence]:
    return [Occurrence(e.day, e.reason or e.detail, e.vehicle_id) for e in events if e.kind == kind]


def service_of(due: pd.DataFrame, ownership: Ownership) -> ServiceDue:
    """The next service of one owned vehicle out of the frame of all."""
    row = due.loc[ownership.vehicle_id]
    return ServiceDue(
        ownership.vehicle_id,
        _day(row["due_on"]),
        bool(row["serviced"]),
        _day(row["last_service_on"]),
        _day(row["bought_on"]),
    )


def _day(value: Any) -> date | None:
    return None if pd.isna(value) else pd.Timestamp(value).date()
