"""What happened with a customer, newest first: visits, surveys, events, calls, contracts, vehicles.

Each source is read by its own index down from the place where the last page ended, so that a fleet
with thousands of rows costs no more than a family.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, TruncDate
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from customers import reasons
from customers.contact import customer_or_404, shown_name, shown_plate
from customers.models import Contract, Customer, Event, FollowUp, Ownership, Survey, Visit
from customers.staffing import staff_label
from organization.access import Access, Capability, acting
from organization.requests import SignedInRequest
from web import formats
from web.components import TimelineEntry
from web.shell import Tone

PAGE = 12
Rows = Callable[[Access, Customer], QuerySet[Any]]


@dataclass(frozen=True)
class Cursor:
    """The last entry shown: its day, the rank of its source and its key there."""

    day: date
    rank: int
    key: int

    def __str__(self) -> str:
        return f"{self.day.isoformat()}.{self.rank}.{self.key}"

    @classmethod
    def parse(cls, raw: str) -> "Cursor | None":
        """From the address; anything else than a cursor means the beginning."""
        try:
            day, rank, key = raw.split(".")
            return cls(date.fromisoformat(day), int(rank), int(key))
        except ValueError:
            return None

    def after(self, rank: int) -> Q:
        """The rows of the source ``rank`` that come after this entry."""
        if rank < self.rank:
            return Q(entry_day__lt=self.day)
        same_day = (
            Q(entry_day=self.day) if rank > self.rank else Q(entry_day=self.day, pk__lt=self.key)
        )
        return Q(entry_day__lt=self.day) | same_day


@dataclass(frozen=True)
class Source:
    rows: Rows
    entry: Callable[[Any, Access], TimelineEntry]
    by_vehicle: bool = True


def timeline_page(
    access: Access,
    customer: Customer,
    vehicle_id: int | None,
    cursor: Cursor | None,
    size: int = PAGE,
) -> tuple[list[TimelineEntry], Cursor | None]:
    """One page of entries and the cursor of the next page (None at the end)."""
    found = []
    for rank, source in enumerate(SOURCES):
        rows = source.rows(access, customer).exclude(entry_day=None)
        if vehicle_id is not None:
            rows = rows.filter(vehicle_id=vehicle_id)
        if cursor is not None:
            rows = rows.filter(cursor.after(rank))
        for row in rows.order_by("-entry_day", "-pk")[: size + 1]:
            found.append((row.entry_day, -rank, row.pk, source, row))
    found.sort(key=lambda item: item[:3], reverse=True)
    shown = found[:size]
    entries = [source.entry(row, access) for *_, source, row in shown]
    if len(found) <= size:
        return entries, None
    day, rank, key = shown[-1][:3]
    return entries, Cursor(day, -rank, key)


@require_safe
def timeline(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """The next entries for the profile page; without htmx a page of their own."""
    access = acting(request.access, Capability.SEE_CUSTOMERS)
    customer = customer_or_404(access, uid)
    raw_vehicle = request.GET.get("vehicle", "")
    vehicle_id = int(raw_vehicle) if raw_vehicle.isdecimal() and len(raw_vehicle) < 18 else None
    entries, after = timeline_page(
        access, customer, vehicle_id, Cursor.parse(request.GET.get("after", ""))
    )
    partial = request.htmx
    return render(
        request,
        "customers/timeline.html" if partial else "customers/timeline_page.html",
        {
            "customer": customer,
            "name": shown_name(access, customer),
            "entries": entries,
            "after": after,
            "vehicle_id": vehicle_id,
        },
    )


def _own(model: Any, day: Any, **filters: Any) -> Rows:
    def rows(access: Access, customer: Customer) -> QuerySet[Any]:
        found: QuerySet[Any] = model.objects.visible_to(access).filter(customer=customer, **filters)
        return found.annotate(entry_day=day).select_related("vehicle", "store")

    return rows


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _car(row: Any, access: Access) -> str:
    return shown_plate(access, row.vehicle) if row.vehicle and row.vehicle.plate else ""


def _visit(visit: Visit, access: Access) -> TimelineEntry:
    lines = sorted(visit.lines.all(), key=lambda line: line.line_no)
    done = [line.description or line.get_kind_display() for line in lines if not line.declined]
    declined = [line.description or line.get_kind_display() for line in lines if line.declined]
    separator = "、" if formats.in_chinese() else ", "
    body = separator.join(part for part in done if part)
    if declined:
        body = _joined(body, _("declined: %(work)s") % {"work": separator.join(declined)})
    came_back = bool(visit.comeback) or visit.kind == "comeback"
    tone: Tone = "bad" if came_back else "accent"
    mileage = formats.km(visit.mileage_km) if visit.mileage_km is not None else ""
    badge = _("Comeback") if came_back and visit.kind != "comeback" else ""
    if visit.status != Visit.Status.CLOSED:
        badge = visit.get_status_display()
    return TimelineEntry(
        visit.day,
        visit.get_kind_display(),
        _joined(_car(visit, access), mileage, visit.store.name, visit.advisor_label, body),
        icon="wrench",
        tone=tone,
        badge=badge,
        figure=formats.money(visit.paid_fen),
    )


def _survey(survey: Survey, access: Access) -> TimelineEntry:
    if survey.score is None:
        return TimelineEntry(survey.day, _("NPS question sent, no answer"), icon="chat")
    tone: Tone = "bad" if survey.score <= 6 else "good" if survey.score >= 9 else "neutral"
    return TimelineEntry(
        survey.day,
        _("NPS answer: %(score)s of 10") % {"score": survey.score},
        _joined(survey.reason, survey.comment),
        icon="chat",
        tone=tone,
    )


def _event(event: Any, access: Access) -> TimelineEntry:
    bad = event.kind in (Event.Kind.COMPLAINT, Event.Kind.NO_SHOW, Event.Kind.RECALL_NOTICE)
    icons = {"call": "phone", "appointment": "calendar", "recall_notice": "shield"}
    return TimelineEntry(
        event.day,
        event.get_kind_display(),
        _joined(_car(event, access), event.reason, event.detail, event.staff_label),
        icon=icons.get(event.kind, "info"),
        tone="warn" if bad else "neutral",
        badge=status_text(event.status),
    )


STATUSES: dict[str, str | Promise] = {
    "open": pgettext_lazy("status", "open"),
    "booked": pgettext_lazy("status", "booked"),
    "arrived": pgettext_lazy("status", "arrived"),
    "done": pgettext_lazy("status", "done"),
    "closed": pgettext_lazy("status", "closed"),
    "no_show": pgettext_lazy("status", "did not come"),
    "cancelled": pgettext_lazy("status", "cancelled"),
    "active": pgettext_lazy("status", "active"),
    "expired": pgettext_lazy("status", "expired"),
    "repaired": pgettext_lazy("status", "repaired here"),
    "reached": pgettext_lazy("status", "reached"),
    "no_answer": pgettext_lazy("status", "no answer"),
    "elsewhere": pgettext_lazy("status", "repaired elsewhere"),
}


def status_text(status: str) -> str:
    """A status in words; one that only the store's own system knows stands as it came."""
    return str(STATUSES.get(status, status))


def _follow_up(follow_up: FollowUp, access: Access) -> TimelineEntry:
    outcome = follow_up.get_outcome_display()
    by = follow_up.contacted_by.name if follow_up.contacted_by else ""
    return TimelineEntry(
        follow_up.contacted_at or follow_up.created_at,
        _("Follow-up: %(why)s") % {"why": reasons.kind_of(follow_up.reason).label},
        _joined(follow_up.note, by),
        icon="phone",
        badge=str(outcome),
    )


def _contract(contract: Contract, access: Access) -> TimelineEntry:
    until = _("until %(day)s") % {"day": formats.date(contract.ends_on)} if contract.ends_on else ""
    return TimelineEntry(
        contract.entry_day,  # type: ignore[attr-defined]
        contract.get_type_display(),
        _joined(_car(contract, access), contract.insurer, until),
        icon="file",
        badge=status_text(contract.status),
        figure=formats.money(contract.price_fen) if contract.price_fen else "",
    )


def _bought(ownership: Ownership, access: Access) -> TimelineEntry:
    here = ownership.sold_on is not None
    title = _("Vehicle bought here") if here else _("Vehicle registered")
    return TimelineEntry(
        ownership.entry_day,  # type: ignore[attr-defined]
        title,
        _joined(_car(ownership, access), ownership.vehicle.series, ownership.store.name),
        icon="car",
    )


def _parted(ownership: Ownership, access: Access) -> TimelineEntry:
    return TimelineEntry(
        ownership.entry_day,  # type: ignore[attr-defined]
        _("Parted with the vehicle"),
        _joined(_car(ownership, access), ownership.vehicle.series),
        icon="car",
        tone="warn",
    )


def _visits(access: Access, customer: Customer) -> QuerySet[Any]:
    rows = _own(Visit, F("day"))(access, customer)
    return rows.select_related("vehicle", "store", "advisor").prefetch_related("lines")


def _events(access: Access, customer: Customer) -> QuerySet[Any]:
    rows = _own(Event, F("day"))(access, customer)
    return rows.annotate(staff_label=staff_label(access, "staff_name"))


def _calls(access: Access, customer: Customer) -> QuerySet[Any]:
    rows = _own(FollowUp, TruncDate("contacted_at"), contacted_at__isnull=False)
    return rows(access, customer).select_related("vehicle", "store", "contacted_by")


def _each() -> Iterator[Source]:
    yield Source(_visits, _visit)
    yield Source(_own(Survey, F("day")), _survey)
    yield Source(_events, _event)
    yield Source(_calls, _follow_up)
    yield Source(_own(Contract, F("starts_on")), _contract)
    yield Source(_own(Ownership, Coalesce("sold_on", "owned_from")), _bought)
    yield Source(_own(Ownership, F("owned_to"), owned_to__isnull=False), _parted)


SOURCES: tuple[Source, ...] = tuple(_each())
